"""Lists: what a unit holds, what waits for its answer, which cases it takes part in.

A list is a disclosure like any other: the policies say by which parts a case gets on it, and the ledger is told of
every case that was on the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.access.listing import parts_counted, parts_listed
from engine.access.model import Who
from engine.access.subjects import Installation
from engine.core.case import Case, HandOff
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.directory import Directory
from engine.core.marks import mark, read_mark
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.known import load_with_key
from engine.service.participation import ended_after
from engine.service.permission import admitted, permit
from engine.service.read import unit_label
from engine.store.case_pages import CasePage
from engine.store.lists import TrackLine
from engine.store.work import Work

PAGE = 50
MOST_COUNTED = 1000
"""Of more cases than these a count says only that there are more."""


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
    """What waits for a unit: what it holds, what is offered to it, and what it offered and still holds.

    Of what it holds a page, the longest-standing first; ``next`` leads to those behind it, and is nothing at the end.
    """

    unit: Label
    held: tuple[HeldLine, ...]
    offered: tuple[OfferLine, ...]
    awaiting: tuple[OfferLine, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many cases a unit takes part in now, and in how many its part ended a short time ago.

    ``None`` stands for more than :data:`MOST_COUNTED`.
    """

    current: int | None
    ended: int | None


def worklist(desk: Desk, actor: Actor, *, after: str | None = None) -> Worklist:
    """The worklist of the actor's unit, and of the units that were merged into it.

    ``after`` is the ``next`` of the page before. Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("worklist:show", actor)
    with desk.reading(account) as work:
        who = admitted(desk, account, work)
        permit(desk, account, who, "list_cases", Installation())
        directory = desk.directory(work)
        units = narrowed(desk, who, directory, work)
        place = None if after is None else _place(after)
        found = sorted(
            (line for unit in units for line in work.held_by(unit, PAGE + 1, place)), key=_key_of_line
        )  # fmt: skip
        held = found[:PAGE]
        for case_id in dict.fromkeys(line.case_id for line in held):
            tell(desk, case_id, work, account)
        offered = [line for unit in units for line in work.hand_offs_for(unit)]
        awaiting = [line for unit in units for line in work.hand_offs_from(unit)]
        cases = _cases(desk, (line.case_id for line in (*offered, *awaiting)), work, account)
        return Worklist(
            unit=unit_label(directory, who.unit),
            held=tuple(_held(desk, line, work) for line in held),
            offered=tuple(_offer(desk, cases[line.case_id], line.id, directory, work) for line in offered),
            awaiting=tuple(_offer(desk, cases[line.case_id], line.id, directory, work) for line in awaiting),
            next=_place_words(held[-1]) if len(found) > PAGE else None,
        )


def cases_of(
    desk: Desk, actor: Actor, *, status: Literal["open", "closed"] | None = None, after: str | None = None,
    ended: bool = False,
) -> CasePage:  # fmt: skip
    """The cases the actor's unit takes part in, the newest first; or (``ended``) those where its part has ended.

    ``after`` is the ``next`` of the page before. Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("case:list", actor)
    with desk.reading(account) as work:
        who = admitted(desk, account, work)
        permit(desk, account, who, "list_cases", Installation())
        parts = parts_listed(desk.gate, who)
        units = narrowed(desk, who, desk.directory(work), work)
        since = ended_after(desk.clock())
        page = work.case_page(units, parts, since, after, PAGE, ended=ended, status=status)
        for line in page.lines:
            tell(desk, line.id, work, account)
    return page


def count(desk: Desk, actor: Actor) -> Count:
    """How many cases the lists hold. Raises :class:`NotPermitted`."""
    account = Account("case:count", actor)
    with desk.reading(account) as work:
        who = admitted(desk, account, work)
        permit(desk, account, who, "count_cases", Installation())
        parts = parts_counted(desk.gate, who)
        units = narrowed(desk, who, desk.directory(work), work)
        since = ended_after(desk.clock())
        current, over = (work.count_of(units, parts, since, MOST_COUNTED, ended=ended) for ended in (False, True))
    return Count(*(None if one > MOST_COUNTED else one for one in (current, over)))


def narrowed(desk: Desk, who: Who, directory: Directory, work: Work) -> list[str]:
    """The unit and those whose work it carries; from here on the record room shows their cases and no others."""
    units = sorted(one.id for one in directory.lineage(who.unit))
    work.narrow(units, ended_after(desk.clock()))
    return units


def tell(desk: Desk, case_id: str, work: Work, account: Account) -> None:
    """Tell the ledger that a case was on the page; of an erased one nothing is left to say whom it concerned."""
    key = desk.safe.key_for(case_id, work)
    if key is not None:
        account.read(key)


def _cases(desk: Desk, codes: Iterable[str], work: Work, account: Account) -> dict[str, Case]:
    """The structures of these cases: what an offer brings and lacks lies there."""
    found = {}
    for code in sorted(set(codes)):
        known = load_with_key(desk, code, work, for_update=False, classes=())
        known.tell(account)
        found[code] = known.case
    return found


def _held(desk: Desk, line: TrackLine, work: Work) -> HeldLine:
    track = desk.books.pinned(line.definition_hash, work).definition.tracks[line.track]
    return HeldLine(
        case=line.case_id, track=line.track, title=track.title, step=line.step,
        step_title=track.steps[line.step].title, status=line.status, assignee=line.assignee,
        entered_at=line.entered_at, hand_off=line.hand_off,
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


def _key_of_line(line: TrackLine) -> tuple[datetime, str, str]:
    return line.entered_at, line.case_id, line.track


def _place_words(line: TrackLine) -> str:
    return mark(line.entered_at, f"{line.case_id}/{line.track}")


def _place(words: str) -> tuple[datetime, str, str]:
    entered, code = read_mark(words)
    case_id, _, track = code.partition("/")
    return entered, case_id, track
