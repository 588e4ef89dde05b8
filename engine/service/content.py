"""The seam behind which case content lies: from objects to the bytes the store keeps, and back.

The store never sees more than the bytes that leave here, sealed under the key of the case for the one cell they
belong to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from engine.core.case import Case
from engine.core.events import EVENTS, Event, Recorded
from engine.errors import HistoryBroken
from engine.store.cases import EventRow
from engine.vault.keys import Cell


class Content(Protocol):
    """Seals bytes for a cell and opens them again; the key of a case does."""

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        """The bytes as they are stored in that cell."""

    def unseal(self, stored: bytes, cell: Cell) -> bytes:
        """The plain bytes of that cell. Raises :class:`ContentUnreadable`."""


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
    return seal_case(case_in_plain(case), case, content)


def case_in_plain(case: Case) -> bytes:
    """A case's content before it is sealed: what digests are made of."""
    return _ENCODER.encode(case)


def seal_case(plain: bytes, case: Case, content: Content) -> bytes:
    """The stored form of what :func:`case_in_plain` wrote of this case."""
    return content.seal(plain, Cell("case_record", case.id, "content", case.revision))


def plain_case(stored: bytes, case_id: str, revision: int, content: Content) -> bytes:
    """What :func:`seal_case` sealed. Raises :class:`ContentUnreadable`."""
    return content.unseal(stored, Cell("case_record", case_id, "content", revision))


def read_case(stored: bytes, case_id: str, revision: int, content: Content) -> Case:
    """The case that :func:`write_case` stored. Raises :class:`HistoryBroken` for anything else."""
    return case_of(plain_case(stored, case_id, revision, content), case_id, revision)


def case_of(plain: bytes, case_id: str, revision: int) -> Case:
    """The case that :func:`case_in_plain` wrote. Raises :class:`HistoryBroken` for anything else."""
    try:
        case = _CASE_DECODER.decode(plain)
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None  # what was there may be anything: it is not repeated
    if (case.id, case.revision) != (case_id, revision):
        raise _unreadable(case_id)
    return case


def seal_refusal(body: bytes, key: Content, case_id: str, at: datetime) -> bytes:
    """The reasons of a refusal, sealed: they hold the values they were judged on."""
    return key.seal(body, Cell("refusal", case_id, "body", _micros(at)))


def unseal_refusal(stored: bytes, key: Content, case_id: str, at: datetime) -> bytes:
    """What :func:`seal_refusal` sealed. Raises :class:`ContentUnreadable`."""
    return key.unseal(stored, Cell("refusal", case_id, "body", _micros(at)))


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def write_event(recorded: Recorded, case_id: str, content: Content) -> bytes:
    """The stored body of an event: what happened, by which clauses, on which guard values."""
    body = {"event": recorded.event, "clauses": recorded.clauses, "judged": recorded.judged}
    return content.seal(_ENCODER.encode(body), Cell("case_event", case_id, "body", recorded.number))


def read_events(rows: Sequence[EventRow], case_id: str, content: Content) -> list[Recorded]:
    """The events that :func:`write_event` stored, in their order. Raises :class:`HistoryBroken` for anything else."""
    try:
        return [_read_event(row, case_id, content) for row in rows]
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None


def _read_event(row: EventRow, case_id: str, content: Content) -> Recorded:
    body = _BODY_DECODER.decode(content.unseal(row.body, Cell("case_event", case_id, "body", row.number)))
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
