"""Recording who a person is, and looking for records of the same person before one is opened.

No identity comes out of here; :mod:`engine.service.reidentify` shows one, on a request that others approved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.access.subjects import Installation
from engine.core.codes import hold_code
from engine.core.commands import Actor, OpenCase, RecordIdentity
from engine.errors import DuplicateFound, NotHolder
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.handle import Answer, handle, was_answered
from engine.service.permission import admitted, permit
from engine.service.persons import Match, Persons, holds
from engine.vault.identity import Remark, read_identity

CERTAIN = ("same", "likely")
"""What must be looked at before another record is opened; a like name alone is shown, and keeps nobody waiting."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of recording an identity: the engine's answer, with the reference, and what looks odd in it."""

    answer: Answer
    remarks: tuple[Remark, ...]


def record(desk: Desk, command: RecordIdentity, raw: Mapping[str, object], actor: Actor) -> Recorded:
    """Seal an identity for a case. ``raw`` is a form; its fields are those of :class:`engine.vault.identity.Identity`.

    Raises :class:`CommandMalformed` that names every faulty field and repeats no value, and what ``handle`` raises.
    """
    identity, remarks = read_identity(raw, desk.today())
    words = RecordIdentity(
        case=command.case, role=command.role, holds=holds(identity), person=command.person,
        expected_revision=command.expected_revision, idempotency_key=command.idempotency_key,
    )  # fmt: skip
    return Recorded(handle(desk, words, actor, enclosed=identity), remarks)


def search(desk: Desk, area: str, raw: Mapping[str, object], actor: Actor) -> list[Match]:
    """Records of the area's jurisdiction that may be about this person; cases and references only.

    Only a unit of that jurisdiction that may open a record there may ask: no rule allows one across jurisdictions yet.
    Raises :class:`NotHolder`, :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    hold_code("area", area)
    identity, _remarks = read_identity(raw, desk.today())
    account = Account("identity:search", actor)
    with desk.changing(account) as work:
        who = admitted(desk, account, work)
        permit(desk, account, who, "search_identity", Installation())
        rules = desk.rules_for_area(area, None, work)
        units = desk.directory(work)
        unit = units.current(who.unit)
        openers = {function for functions in rules.definition.openers.values() for function in functions}
        is_of_there = units.definition_for(unit.jurisdiction) == units.definition_for(area)
        if not is_of_there or unit.functions.isdisjoint(openers):
            raise NotHolder(
                "只有本地区可立案的单位可以查重",
                "only a unit of that jurisdiction that may open a record there may look for duplicates",
                unit=unit.id,
            )  # fmt: skip
        found = Persons(desk.safe, work).alike(rules.definition.jurisdiction, identity)
        for match in found:
            key = desk.safe.key_for(match.case, work)
            if key is not None:
                account.read(key, person=match.person, classes=("identity",))
        return found


def open_case(
    desk: Desk, command: OpenCase, raw: Mapping[str, object], actor: Actor, despite: Collection[str] = ()
) -> tuple[Answer, Recorded]:
    """Open a record of a known person: look for duplicates, open, seal the identity.

    ``despite`` are the cases the caller has looked at. Raises :class:`DuplicateFound` for others that are certainly or
    likely of the same person; then nothing is opened. Repeated with the same idempotency key, both acts get their first
    answers again, and one that was broken off between the two is gone on with.
    """
    key = command.idempotency_key
    if not was_answered(desk, command, actor):  # else the record it opened would be found as a duplicate of itself
        _hold_unseen(desk, command, raw, actor, despite)
    opened = handle(desk, command, actor)
    sealing = RecordIdentity(
        case=opened.case, role="victim", holds=(), idempotency_key=None if key is None else f"{key}/identity"
    )
    return opened, record(desk, sealing, raw, actor)


def _hold_unseen(
    desk: Desk, command: OpenCase, raw: Mapping[str, object], actor: Actor, despite: Collection[str]
) -> None:  # fmt: skip
    alike = [match for match in search(desk, command.area, raw, actor) if match.likeness in CERTAIN]
    unseen = sorted({match.case for match in alike} - set(despite))
    if unseen:
        raise DuplicateFound(
            f"可能已有同一人的个案：{'、'.join(unseen)}；请先查看，确非同一人再以 --despite 立案",
            f"records that are probably of the same person: {', '.join(unseen)}; look at them first, and open another "
            "one with --despite only if it is somebody else",
            cases=unseen,
        )
