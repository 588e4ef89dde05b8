"""Lists: what a unit holds, what waits for its answer, which cases it takes part in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.core.case import Case, HandOff
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.directory import Directory, Unit
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key
from engine.service.read import unit_label
from engine.store.lists import CaseLine
from engine.store.work import Work

PAGE = 100


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A track that a unit is responsible for now."""

    case: str
    track: str
    title: Label
    step: str
    step_title: Label
    status: str
    assignee: str | None
    entered_at: datetime
    hand_off: str | None


@dataclass(frozen=True, slots=True)
class OfferLine:
    """A hand-off that waits for an answer."""

    hand_off: str
    case: str
    kind: str
    title: Label
    from_unit: Label
    to_unit: Label
    offered_at: datetime
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worklist:
    """What waits for a unit: what it holds, what is offered to it, and what it offered and still holds."""

    unit: Label
    held: tuple[HeldLine, ...]
    offered: tuple[OfferLine, ...]
    awaiting: tuple[OfferLine, ...]


def worklist(desk: Desk, actor: Actor) -> Worklist:
    """The worklist of the actor's unit, and of the units that were merged into it."""
    account = Account("worklist:show", actor)
    with desk.reading(account) as work:
        directory = desk.directory(work)
        units = _lineage(directory, actor.unit)
        held = [line for unit in units for line in work.held_by(unit.id)]
        offered = [line for unit in units for line in work.hand_offs_for(unit.id)]
        awaiting = [line for unit in units for line in work.hand_offs_from(unit.id)]
        named = {line.case_id for line in held} | {line.case_id for line in (*offered, *awaiting)}
        cases = {case: _told(load_with_key(desk, case, work, for_update=False), account) for case in sorted(named)}
        return Worklist(
            unit=unit_label(directory, actor.unit),
            held=tuple(_held(desk, cases[line.case_id], line.track, work) for line in held),
            offered=tuple(_offer(desk, cases[line.case_id], line.id, directory, work) for line in offered),
            awaiting=tuple(_offer(desk, cases[line.case_id], line.id, directory, work) for line in awaiting),
        )


def cases_of(desk: Desk, actor: Actor, *, status: str | None = None, after: str = "") -> list[CaseLine]:
    """The cases in which the actor's unit holds or ever held something, a page at a time, by pseudonym."""
    account = Account("case:list", actor)
    with desk.reading(account) as work:
        units = _lineage(desk.directory(work), actor.unit)
        found = {line.id: line for unit in units for line in work.cases(unit.id, status, PAGE, after)}
        listed = [found[case] for case in sorted(found)][:PAGE]
        for line in listed:
            key = desk.safe.key_for(line.id, work)
            if key is not None:  # of an erased case nothing is left to say whom it concerned
                account.read(key)
    return listed


def _told(known: Known, account: Account) -> Case:
    known.tell(account)
    return known.case


def _lineage(directory: Directory, unit: str) -> list[Unit]:
    """The unit as it exists today and every unit whose work it carries."""
    current = directory.current(unit)
    return list(_carried_by(directory, current))


def _carried_by(directory: Directory, current: Unit) -> Iterator[Unit]:
    for unit in directory.units.values():
        if directory.current(unit.id).id == current.id:
            yield unit


def _held(desk: Desk, case: Case, name: str, work: Work) -> HeldLine:
    track = desk.books.pinned(case.pin.hash, work).definition.tracks[name]
    state = case.tracks[name]
    return HeldLine(
        case=case.id, track=name, title=track.title, step=state.step, step_title=track.steps[state.step].title,
        status=state.status, assignee=state.assignee, entered_at=state.entered_at, hand_off=state.hand_off,
    )  # fmt: skip


def _offer(desk: Desk, case: Case, hand_off_id: str, directory: Directory, work: Work) -> OfferLine:
    hand_off: HandOff = case.hand_offs[hand_off_id]
    book = desk.books.pinned(case.pin.hash, work).definition
    title = book.tracks[hand_off.track].title if hand_off.track else Label(zh="全案移交", en="the whole case")
    return OfferLine(
        hand_off=hand_off.id, case=case.id, kind=hand_off.kind, title=title,
        from_unit=unit_label(directory, hand_off.from_unit), to_unit=unit_label(directory, hand_off.to_unit),
        offered_at=hand_off.offered_at, missing=hand_off.missing,
    )  # fmt: skip
