"""The seam behind which case content lies: from objects to the bytes the store keeps, and back.

The store never sees more than the bytes that leave here. Today they are plain JSON; when the vault seals
them, :class:`Content` is what changes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from engine.core.case import Case
from engine.core.events import EVENTS, Event, Recorded
from engine.errors import HistoryBroken
from engine.store.cases import EventRow


@dataclass(frozen=True, slots=True)
class Place:
    """The cell that some bytes belong to: sealed bytes will be bound to it."""

    table: str
    row: str
    column: str
    revision: int


class Content(Protocol):
    """Seals bytes for a cell and opens them again."""

    def seal(self, plain: bytes, place: Place) -> bytes:
        """The bytes as they are stored in that cell."""

    def unseal(self, stored: bytes, place: Place) -> bytes:
        """The plain bytes of that cell."""


class PlainContent:
    """Keeps content as it is: the state before the vault exists."""

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Return the bytes unchanged."""
        return plain

    def unseal(self, stored: bytes, place: Place) -> bytes:
        """Return the bytes unchanged."""
        return stored


_ENCODER = msgspec.json.Encoder()
_CASE_DECODER = msgspec.json.Decoder(Case)


class _Body(msgspec.Struct):
    """The stored body of an event, before its kind is known."""

    event: dict[str, Any]
    clauses: tuple[str, ...]
    judged: dict[str, Any]


_BODY_DECODER = msgspec.json.Decoder(_Body)


def write_case(case: Case, content: Content) -> bytes:
    """The stored form of a case's content."""
    return content.seal(_ENCODER.encode(case), Place("case_record", case.id, "content", case.revision))


def read_case(stored: bytes, case_id: str, revision: int, content: Content) -> Case:
    """The case that :func:`write_case` stored. Raises :class:`HistoryBroken` for anything else."""
    try:
        case = _CASE_DECODER.decode(content.unseal(stored, Place("case_record", case_id, "content", revision)))
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None  # what was there may be anything: it is not repeated
    if (case.id, case.revision) != (case_id, revision):
        raise _unreadable(case_id)
    return case


def write_event(recorded: Recorded, case_id: str, content: Content) -> bytes:
    """The stored body of an event: what happened, by which clauses, on which guard values."""
    body = {"event": recorded.event, "clauses": recorded.clauses, "judged": recorded.judged}
    return content.seal(_ENCODER.encode(body), Place("case_event", case_id, "body", recorded.number))


def read_events(rows: Sequence[EventRow], case_id: str, content: Content) -> list[Recorded]:
    """The events that :func:`write_event` stored, in their order. Raises :class:`HistoryBroken` for anything else."""
    try:
        return [_read_event(row, case_id, content) for row in rows]
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None


def _read_event(row: EventRow, case_id: str, content: Content) -> Recorded:
    body = _BODY_DECODER.decode(content.unseal(row.body, Place("case_event", case_id, "body", row.number)))
    event: Event = msgspec.convert(body.event, EVENTS[row.kind])
    return Recorded(
        number=row.number, at=row.at, unit=row.unit, person=row.person, event=event, clauses=body.clauses,
        judged=body.judged,
    )  # fmt: skip


def _unreadable(case_id: str) -> HistoryBroken:
    return HistoryBroken(
        f"个案 {case_id} 的存储内容无法读取，可能在系统之外被改动",
        f"what is stored of case {case_id} cannot be read; it may have been changed behind the engine",
        case=case_id,
    )
