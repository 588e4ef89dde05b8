"""What an installation has released, verified: two signatures of different offices over the same hash, every time.

A release stays valid when one of its keys is revoked afterwards; an approval by a key that is revoked *before* the
release counts for nothing (decision 0006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from engine.core.definition import Definition
from engine.errors import Reason, ReleaseBroken
from engine.store.releases import ApprovalRow, ApproverRow, ReleaseRow
from engine.store.work import Work
from engine.vault.signing import Approval, fingerprint, is_signed

Keys = Mapping[str, ApproverRow]
"""The registered keys by fingerprint."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release and its two approvals. Of one definition the later one (``number``) supersedes the earlier."""

    number: int
    hash: str
    id: str
    version: str
    at: datetime
    unit: str
    person: str
    approvals: tuple[ApprovalRow, ApprovalRow]

    @property
    def name(self) -> str:
        """``id@version``."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Released:
    """Every release of an installation, in their order, each one verified."""

    releases: tuple[Release, ...] = ()

    def newest(self, definition: str, since: Mapping[str, date], today: date) -> Release | None:
        """The release that new cases open on: the last one of that id whose day (by hash) has come.

        A hash without a day is not known to this program; it counts as begun, so that an older release does not come
        to life again under a program that does not ship the newer one.
        """
        begun = (one for one in self.releases if one.id == definition and since.get(one.hash, today) <= today)
        return max(begun, key=lambda one: one.number, default=None)

    def standing(self, since: Mapping[str, date], today: date) -> dict[str, str]:
        """``released`` or ``superseded``, by hash."""
        found = {}
        for one in self.releases:
            newest = self.newest(one.id, since, today)
            is_old = newest is not None and one.number < newest.number
            found[one.hash] = "superseded" if is_old else "released"
        return found


def read_released(work: Work, shelf: Mapping[str, Definition]) -> Released:
    """Every release in the database, verified against the definitions loaded (by hash).

    Raises :class:`ReleaseBroken` when a signature, a key or a name is not what was signed.
    """
    keys = {one.fingerprint: one for one in work.approvers()}
    approvals = {(one.hash, one.fingerprint): one for one in work.approvals()}
    return Released(tuple(_verified(row, keys, approvals, shelf.get(row.hash)) for row in work.releases()))


def flaw(approval: ApprovalRow, keys: Keys, at: datetime) -> Reason | None:
    """Why an approval does not count for a release made at this instant, if it does not."""
    key = keys.get(approval.fingerprint)
    if key is None or key.fingerprint != fingerprint(key.public_key):
        return _reason("unknown_key", approval, "所用密钥未登记", "its key is not registered")
    if key.revoked_at is not None and key.revoked_at <= at:
        return _reason("revoked_key", approval, "所用密钥已撤销", "its key is revoked")
    if not is_signed(key.public_key, signed(approval), approval.signature):
        return _reason("broken_signature", approval, "签名与内容不符", "its signature does not fit")
    if (approval.office, approval.person) != (key.office, key.person) or not key.since <= approval.at <= at:
        return _reason("unknown_key", approval, "密钥登记于他人或其后", "its key is registered for another, or later")
    return None


def signed(approval: ApprovalRow) -> Approval:
    """What an approval's signature is over."""
    name = f"{approval.definition_id}@{approval.definition_version}"
    return Approval(name, approval.hash, approval.office, approval.person)


def _reason(code: str, approval: ApprovalRow, zh: str, en: str) -> Reason:
    return Reason(code, f"单位 {approval.office} 的审定：{zh}", f"the approval of {approval.office}: {en}")


def _verified(
    row: ReleaseRow, keys: Keys, approvals: Mapping[tuple[str, str], ApprovalRow], definition: Definition | None
) -> Release:
    name = (row.definition_id, row.definition_version)
    first, second = (approvals.get((row.hash, key)) for key in (row.first_key, row.second_key))
    if first is None or second is None:
        raise _broken(row, "缺少审定", "an approval is missing")
    for approval in (first, second):
        found = flaw(approval, keys, row.at)
        if found is not None:
            raise _broken(row, found.zh, found.en)
        if (approval.definition_id, approval.definition_version) != name:
            raise _broken(row, "审定的是另一版本", "the approval is of another version")
    if first.office == second.office or first.person == second.person:
        raise _broken(row, "两份审定出自同一单位或同一人", "both approvals come from one office or person")
    if definition is not None and (definition.id, definition.version) != name:
        raise _broken(row, "摘要属于另一流程定义", "the hash is that of another definition")
    return Release(row.number, row.hash, *name, row.at, row.unit, row.person, (first, second))


def _broken(row: ReleaseRow, zh: str, en: str) -> ReleaseBroken:
    name = f"{row.definition_id}@{row.definition_version}"
    return ReleaseBroken(
        f"流程定义 {name} 的发布记录已被改动（{zh}）；不予启动，请从备份恢复数据库",
        f"the release of {name} was tampered with ({en}); nothing starts on it, restore the database from a backup",
        definition=name, hash=row.hash,
    )  # fmt: skip
