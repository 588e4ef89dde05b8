"""Releasing a definition in an installation: two approvers of different offices sign its hash, then it is released.

What may be signed must be a candidate and green under every check; what is released is append-only. The acts that end
in ``_in`` work inside a transaction of their caller.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path

from engine.core.commands import Actor
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.definitions.loader import Library
from engine.errors import ClockBehind, CommandMalformed, NothingToChange, Reason, ReleaseRefused
from engine.service import definitions as books
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import permit_act
from engine.service.released import Keys, Release, flaw, read_released
from engine.store.releases import ApprovalRow, ApproverRow
from engine.store.work import Work
from engine.vault.signing import Approval, SigningKey, fingerprint, read_public, written

LEAST_FINGERPRINT = 8
"""So many digits of a fingerprint may stand for all of it, if no other key begins like it."""


def add_approver(desk: Desk, *, office: str, person: str, public_key: str, actor: Actor) -> ApproverRow:
    """Register a public key for a person of an office.

    Raises :class:`NothingToChange` for a key that is registered (a revoked one too), :class:`UnitUnknown`.
    """
    account = Account("approver:add", actor)
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_approvers", "administrator")
        return add_approver_in(desk, work, office=office, person=person, public=read_public(public_key), actor=actor)


def add_approver_in(desk: Desk, work: Work, *, office: str, person: str, public: bytes, actor: Actor) -> ApproverRow:
    """The same inside a transaction."""
    directory, now = _begin(desk, work)
    directory.current(actor.unit)
    unit = directory.current(office).id
    Approval("-", "-", unit, person).signed_bytes()  # raises for a person whose signature could not be verified
    row = ApproverRow(fingerprint(public), unit, person, public, now, _written(actor))
    if any(one.fingerprint == row.fingerprint for one in work.approvers()):
        raise NothingToChange("该公钥已登记过", "this public key was registered before", fingerprint=row.fingerprint)
    work.add_approver(row)
    return row


def revoke_approver(desk: Desk, words: str, actor: Actor) -> ApproverRow:
    """Let a key sign for nobody any more; what was released before stays released.

    ``words`` is a fingerprint or its beginning. Raises :class:`NothingToChange` for a key that is revoked.
    """
    account = Account("approver:revoke", actor)
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_approvers", "administrator")
        _, now = _begin(desk, work)
        key = _find(work.approvers(), words)
        if key.revoked_at is not None:
            raise NothingToChange("该密钥已撤销", "this key is revoked already", fingerprint=key.fingerprint)
        if any(one.at == now for one in work.releases()):
            raise _clock_behind()  # a release of the same instant would not say whether it was made before
        work.revoke_approver(key.fingerprint, at=now, revoked_by=_written(actor))
        found = _find(work.approvers(), key.fingerprint)
    desk.forget()
    return found


def approvers(desk: Desk, actor: Actor | None = None) -> list[ApproverRow]:
    """Every key ever registered, the oldest first. Raises :class:`NotPermitted`."""
    account = Account("approver:list", actor)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "manage_approvers", "administrator")
        return work.approvers()


def approve(
    desk: Desk, library: Library, root: Path | None, name: str, *, key: SigningKey, actor: Actor,
    reviewed: str | None = None,
) -> ApprovalRow:  # fmt: skip
    """Sign a definition (``id@version``) for the office and person the key is registered for.

    ``root`` is checked whole first. ``reviewed`` is the hash the approver looked at, if she says so. Raises
    :class:`DefinitionBroken` with every finding, :class:`ReleaseRefused` with every reason.
    """
    definition = _checked(library, root, name)
    account = Account("definition:approve", actor, definition=definition.digest())
    with desk.changing(account) as work:
        permit_act(desk, account, work, "approve_definition", "definition_approver")
        return approve_in(desk, work, definition, key=key, actor=actor, reviewed=reviewed)


def approve_in(
    desk: Desk, work: Work, definition: Definition, *, key: SigningKey, actor: Actor, reviewed: str | None = None,
) -> ApprovalRow:  # fmt: skip
    """The same inside a transaction and without the checks."""
    (directory, now), digest = _begin(desk, work), definition.digest()
    _not_released_yet(work, definition, digest)
    keys = {one.fingerprint: one for one in work.approvers()}
    found = keys.get(key.fingerprint)
    reasons = [
        *_unready(definition),
        *_other_hash(digest, reviewed),
        *_not_yours(found, directory, actor),
        *_again(
            [one for one in work.approvals() if one.hash == digest and flaw(one, keys, now) is None], directory, actor
        ),
    ]
    if reasons or found is None:
        raise _refused(definition, reasons)
    what = Approval(f"{definition.id}@{definition.version}", digest, found.office, found.person)
    row = ApprovalRow(
        digest, found.fingerprint, definition.id, definition.version, found.office, found.person, key.sign(what), now
    )
    work.add_approval(row)
    return row


def release(desk: Desk, library: Library, root: Path | None, name: str, actor: Actor) -> Release:
    """Release a definition (``id@version``): from now on cases open on it, and no more on the one before it.

    Raises :class:`DefinitionBroken` with every finding, :class:`ReleaseRefused` with every reason,
    :class:`NothingToChange` when it is released.
    """
    account = Account("definition:release", actor)
    with desk.ahead(account) as work:  # proving it takes long: nobody who may not release it makes us do it
        permit_act(desk, account, work, "release_definition", "definition_approver")
    definition = _checked(library, root, name)
    account.definition = definition.digest()
    with desk.changing(account) as work:
        permit_act(desk, account, work, "release_definition", "definition_approver")
        made = release_in(desk, work, definition, actor)
    desk.forget()
    return made


def release_in(desk: Desk, work: Work, definition: Definition, actor: Actor) -> Release:
    """The same inside a transaction and without the checks."""
    (directory, now), digest = _begin(desk, work), definition.digest()
    directory.current(actor.unit)
    _not_released_yet(work, definition, digest)
    of_version = [one for one in work.approvals() if _name(one) == (definition.id, definition.version)]
    keys = {one.fingerprint: one for one in work.approvers()}
    good = [one for one in of_version if one.hash == digest and flaw(one, keys, now) is None]
    pair = next((two for two in combinations(good, 2) if _differ(directory, *two)), None)
    reasons = list(_unready(definition))
    if pair is None:
        reasons += _missing(good, [one for one in of_version if one not in good], digest, keys, now)
    if reasons or pair is None:
        raise _refused(definition, reasons)
    work.add_release(
        digest, (definition.id, definition.version), [one.fingerprint for one in pair],
        at=now, unit=actor.unit, person=actor.person,
    )  # fmt: skip
    return next(one for one in read_released(work, {digest: definition}).releases if one.hash == digest)


def standing(desk: Desk, actor: Actor | None = None) -> dict[str, str]:
    """``released`` or ``superseded`` by hash, as this installation has it. Raises :class:`NotPermitted`."""
    account = Account("definition:list", actor)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "read_definitions", "reader")
        return desk.released(work).standing(desk.books.begins(), desk.today())


def approver_line(row: ApproverRow) -> dict[str, object]:
    """A key as plain data."""
    return {
        "person": row.person, "office": row.office, "public_key": written(row.public_key),
        "fingerprint": row.fingerprint, "since": row.since, "added_by": row.added_by,
        "revoked_at": row.revoked_at, "revoked_by": row.revoked_by,
    }  # fmt: skip


def approval_line(row: ApprovalRow) -> dict[str, object]:
    """An approval as plain data, the signature in base64: with the public key, all that a verifier needs."""
    return {
        "definition": f"{row.definition_id}@{row.definition_version}", "hash": row.hash, "office": row.office,
        "person": row.person, "fingerprint": row.fingerprint,
        "signature": base64.b64encode(row.signature).decode(), "at": row.at,
    }  # fmt: skip


def _checked(library: Library, root: Path | None, name: str) -> Definition:
    """The definition of exactly that version, when everything under the root is green and it is proved."""
    if not all(name.partition("@")):
        raise CommandMalformed("请写明版本：ID@VERSION", "say the version: ID@VERSION")
    found = books.find(library, name).definition
    books.require_green(books.checked((), root))
    books.require_proved(books.proved(root, only=name))
    return found


def _unready(definition: Definition) -> Iterator[Reason]:
    if definition.status != "candidate":
        yield Reason("not_candidate", "流程定义仍是草案（draft）", "the definition is a draft, not a candidate")


def _other_hash(digest: str, reviewed: str | None) -> Iterator[Reason]:
    if reviewed is not None and reviewed != digest:
        yield Reason("other_hash", f"所装载的摘要是 {digest[:12]}", f"the hash of what is loaded is {digest[:12]}")


def _not_yours(key: ApproverRow | None, directory: Directory, actor: Actor) -> Iterator[Reason]:
    """What stands against this actor signing with this key."""
    if key is None:
        yield Reason("unknown_key", "该密钥未在本系统登记", "this key is not registered here")
        return
    if key.revoked_at is not None:
        yield Reason("revoked_key", "该密钥已撤销", "this key is revoked")
    if key.person != actor.person or not directory.same(key.office, actor.unit):
        owner = f"{key.person}@{key.office}"
        yield Reason("other_person", f"该密钥登记于 {owner}", f"this key is registered for {owner}")


def _again(valid: Sequence[ApprovalRow], directory: Directory, actor: Actor) -> Iterator[Reason]:
    """Whether this office, or this person, approved this hash before, by an approval that still counts."""
    if any(directory.same(one.office, actor.unit) for one in valid):
        yield Reason("same_office", "本单位已审定过", "this office approved it before; another office must")
    elif any(one.person == actor.person for one in valid):
        yield Reason("same_person", "此人已审定过", "this person approved it before; another person must")


def _missing(
    good: Sequence[ApprovalRow], others: Sequence[ApprovalRow], digest: str, keys: Keys, now: datetime
) -> Iterator[Reason]:
    """Why there are not two approvals of different offices: too few, and what each other one lacks."""
    yield Reason(
        "approvals_missing", f"须有两个不同单位、不同人员的有效审定，现有 {len(good)} 份",
        f"two valid approvals by different persons of different offices are needed; valid: {len(good)}",
    )  # fmt: skip
    for one in others:
        if one.hash != digest:
            zh, en = f"审定的是另一摘要 {one.hash[:12]}", f"is over another hash, {one.hash[:12]}"
            yield Reason("other_hash", f"单位 {one.office} {zh}", f"the approval of {one.office} {en}")
        elif (found := flaw(one, keys, now)) is not None:
            yield found


def _differ(directory: Directory, one: ApprovalRow, other: ApprovalRow) -> bool:
    return not directory.same(one.office, other.office) and one.person != other.person


def _not_released_yet(work: Work, definition: Definition, digest: str) -> None:
    name = f"{definition.id}@{definition.version}"
    for row in work.releases():
        if row.hash == digest:
            raise NothingToChange(f"{name} 已发布", f"{name} is released already")
        if (row.definition_id, row.definition_version) == (definition.id, definition.version):
            zh, en = (
                f"{name} 已以另一摘要发布，请改版本号",
                f"{name} is released with another hash: give it a new version",
            )
            raise _refused(definition, [Reason("other_hash", zh, en)])


def _refused(definition: Definition, reasons: Sequence[Reason]) -> ReleaseRefused:
    name = f"{definition.id}@{definition.version}"
    return ReleaseRefused(
        f"{name} 未获审定或发布", f"{name} is not approved or released", reasons=tuple(reasons), definition=name
    )


def _name(approval: ApprovalRow) -> tuple[str, str]:
    return approval.definition_id, approval.definition_version


def _begin(desk: Desk, work: Work) -> tuple[Directory, datetime]:
    """Nobody else writes here until the end; the directory as it is now, and the instant of what is done.

    Raises :class:`ClockBehind` when something on record is later than now: what is signed is judged by these instants.
    """
    work.hold_releases()
    desk.forget()
    now = desk.clock()
    on_record = [one.revoked_at or one.since for one in work.approvers()]
    on_record += [one.at for one in work.approvals()]
    on_record += [one.at for one in work.releases()]
    if on_record and max(on_record) > now:
        raise _clock_behind()
    return desk.directory(work), now


def _clock_behind() -> ClockBehind:
    return ClockBehind("系统时钟早于已有的登记", "the clock stands before what is on record already")


def _find(rows: Sequence[ApproverRow], words: str) -> ApproverRow:
    found = [one for one in rows if len(words) >= LEAST_FINGERPRINT and one.fingerprint.startswith(words.lower())]
    if len(found) != 1:
        raise CommandMalformed(
            f"没有（或不止一个）指纹以 {words} 开头的密钥；见 guitu definitions approver list",
            f"no key, or more than one, has a fingerprint that begins {words}; see guitu definitions approver list",
        )
    return found[0]


def _written(actor: Actor) -> str:
    return f"{actor.person}@{actor.unit}"
