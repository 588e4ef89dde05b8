"""Which hand-off rows a command writes, read from what happened. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core import events as ev
from engine.core.case import Case
from engine.core.events import Recorded
from engine.store.tables import HandOffState


@dataclass(frozen=True, slots=True)
class End:
    """How a hand-off ended, and when; ``offered`` with no instant when its acceptance was reversed."""

    state: HandOffState
    ended_at: datetime | None = None
    reason: str | None = None


OPEN = End("offered")


@dataclass(frozen=True, slots=True)
class HandOffChanges:
    """``offered`` are new rows, each with where it stands in the end; ``ended`` are rows that exist."""

    offered: dict[str, tuple[Recorded, ev.HandOffOffered, End]] = field(default_factory=dict)
    ended: dict[str, End] = field(default_factory=dict)


def hand_off_changes(before: Case | None, after: Case, recorded: Sequence[Recorded]) -> HandOffChanges:
    """What the events did to hand-offs. An ended row comes before a re-opened one: a track has one open."""
    changes = HandOffChanges()
    for item in recorded:
        if isinstance(item.event, ev.HandOffOffered):
            changes.offered[item.event.hand_off] = (item, item.event, OPEN)
            continue
        end = _end_of(item)
        if end is not None:
            _note(changes, *end)
    known = before.hand_offs if before else {}
    for hand_off in after.hand_offs:
        if hand_off in changes.offered:
            _note(changes, hand_off, OPEN)
        elif hand_off not in known:
            changes.ended.pop(hand_off, None)
            changes.ended[hand_off] = OPEN
    return changes


def _note(changes: HandOffChanges, hand_off: str, end: End) -> None:
    if hand_off in changes.offered:
        item, offer, _ = changes.offered[hand_off]
        changes.offered[hand_off] = (item, offer, end)
    else:
        changes.ended[hand_off] = end


def _end_of(item: Recorded) -> tuple[str, End] | None:
    event = item.event
    if isinstance(event, ev.HandOffAccepted):
        return event.hand_off, End("accepted", item.at)
    if isinstance(event, ev.HandOffDeclined):
        return event.hand_off, End("declined", item.at, event.reason)
    if isinstance(event, ev.HandOffWithdrawn):
        # Its reason may be free text: that stays in the body of the event.
        return event.hand_off, End("withdrawn", item.at)
    return None
