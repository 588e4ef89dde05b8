"""What the units of a hand-off are told of it, in the commit that decides it: codes only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from engine.core import events as ev
from engine.core.case import Case, HandOff
from engine.core.directory import Directory
from engine.service.notices import tell_unit
from engine.store.work import Work

_NONE: Mapping[str, HandOff] = {}


def tell_of_hand_offs(
    before: Case | None, after: Case, recorded: Iterable[ev.Recorded], units: Directory, *, now: datetime, work: Work
) -> None:  # fmt: skip
    """Tell each unit that did not decide it itself what became of a hand-off."""
    open_before = _NONE if before is None else before.hand_offs
    for kind, hand_off, unit in _told(open_before, [one.event for one in recorded]):
        tell_unit(work, now, kind, units.current(unit).id, case=after.id, about=hand_off)


def _told(open_before: Mapping[str, HandOff], happened: Iterable[ev.Event]) -> Iterator[tuple[str, str, str]]:
    """Yield what is told, of which hand-off, and to whom."""
    offers = {one: (hand_off.from_unit, hand_off.to_unit) for one, hand_off in open_before.items()}
    for event in happened:
        if isinstance(event, ev.HandOffOffered):
            offers[event.hand_off] = (event.from_unit, event.to_unit)
            yield "hand_off_offered", event.hand_off, event.to_unit
        elif isinstance(event, ev.HandOffAccepted):
            yield "hand_off_accepted", event.hand_off, offers[event.hand_off][0]
        elif isinstance(event, ev.HandOffDeclined):
            yield "hand_off_declined", event.hand_off, offers[event.hand_off][0]
        elif isinstance(event, ev.HandOffWithdrawn):
            yield "hand_off_withdrawn", event.hand_off, offers[event.hand_off][1]
