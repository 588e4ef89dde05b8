"""The seam behind which case content lies: from objects to the bytes the store keeps, and back.

The store never sees more than the bytes that leave here, sealed under the key of the case for the one cell they
belong to. What belongs to a field class has a cell of its own (:mod:`engine.service.by_class`); the structure of a case
holds the digest of each, so that one of them put back from an earlier day is noticed when it is read.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from engine.core.case import Case
from engine.core.definition import Definition
from engine.core.events import EVENTS, Recorded
from engine.errors import HistoryBroken
from engine.service.by_class import Compartment, EventBody, EventPart, event_of, structure_of, taken_apart
from engine.store.cases import EventRow
from engine.store.compartments import CompartmentRow, EventPartRow
from engine.vault.keys import CaseKey, Cell, unreadable


class Content(Protocol):
    """Seals bytes for a cell and opens them again; the key of a case does."""

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        """The bytes as they are stored in that cell."""

    def unseal(self, stored: bytes, cell: Cell) -> bytes:
        """The plain bytes of that cell. Raises :class:`ContentUnreadable`."""


class Mark(msgspec.Struct, frozen=True):
    """What the structure of a case knows of a field class: which revision wrote it last, and its keyed digest."""

    revision: int
    digest: str


Marks = Mapping[str, Mark]
"""The field classes a case holds anything of."""


class _Structure(msgspec.Struct):
    case: Case
    classes: dict[str, Mark]


_ENCODER = msgspec.json.Encoder()
_STRUCTURE = msgspec.json.Decoder(_Structure)
_COMPARTMENT = msgspec.json.Decoder(Compartment)
_BODY = msgspec.json.Decoder(EventBody)
_PART = msgspec.json.Decoder(EventPart)


# ── a case ──


def case_in_plain(case: Case, marks: Marks) -> bytes:
    """A case without what belongs to a field class, before it is sealed: what digests are made of."""
    return _ENCODER.encode(_Structure(structure_of(case), dict(marks)))


def seal_case(plain: bytes, case_id: str, revision: int, content: Content) -> bytes:
    """The stored form of what :func:`case_in_plain` wrote of this case."""
    return content.seal(plain, Cell("case_record", case_id, "content", revision))


def plain_case(stored: bytes, case_id: str, revision: int, content: Content) -> bytes:
    """What :func:`seal_case` sealed. Raises :class:`ContentUnreadable`."""
    return content.unseal(stored, Cell("case_record", case_id, "content", revision))


def case_of(plain: bytes, case_id: str, revision: int) -> tuple[Case, Marks]:
    """What :func:`case_in_plain` wrote. Raises :class:`HistoryBroken` for anything else."""
    try:
        found = _STRUCTURE.decode(plain)
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None  # what was there may be anything: it is not repeated
    if (found.case.id, found.case.revision) != (case_id, revision) or found.case.facts or found.case.documents:
        raise _unreadable(case_id)
    return found.case, found.classes


# ── what it holds of a field class ──


def seal_compartment(
    one: Compartment, field_class: str, revision: int, key: CaseKey
) -> tuple[CompartmentRow, Mark]:  # fmt: skip
    """The stored form of what a case holds of a class since this revision, and what the structure knows of it."""
    plain = _ENCODER.encode(one)
    sealed = key.seal(plain, _compartment(key.case_id, field_class, revision))
    return CompartmentRow(field_class, revision, sealed), Mark(revision, key.compartment_digest(field_class, plain))


def resealed(row: CompartmentRow, before: CaseKey, after: CaseKey) -> bytes:
    """What a case holds of a class, sealed under another version of its key. Raises :class:`ContentUnreadable`."""
    cell = _compartment(before.case_id, row.field_class, row.revision)
    return after.seal(before.unseal(row.sealed, cell), cell)


def open_compartments(
    rows: Iterable[CompartmentRow], marks: Marks, asked: Collection[str], key: CaseKey
) -> dict[str, Compartment]:  # fmt: skip
    """What a case holds of the classes that were asked for.

    Raises :class:`ContentUnreadable` when a row is missing, is none of this case, or is not the one that the structure
    knows; :class:`HistoryBroken` when it opens and cannot be read.
    """
    found = {row.field_class: row for row in rows}
    if found.keys() != marks.keys() & set(asked):
        raise unreadable(key.case_id)
    return {name: _open_compartment(row, marks[name], key) for name, row in found.items()}


def _open_compartment(row: CompartmentRow, mark: Mark, key: CaseKey) -> Compartment:
    if row.revision != mark.revision:
        raise unreadable(key.case_id)
    plain = key.unseal(row.sealed, _compartment(key.case_id, row.field_class, row.revision))
    if not hmac.compare_digest(key.compartment_digest(row.field_class, plain), mark.digest):
        raise unreadable(key.case_id)
    try:
        return _COMPARTMENT.decode(plain)
    except msgspec.MsgspecError:
        raise _unreadable(key.case_id) from None


def _compartment(case_id: str, field_class: str, revision: int) -> Cell:
    return Cell("case_fact", f"{case_id}/{field_class}", "sealed", revision)


# ── a refusal ──


def seal_refusal(body: bytes, key: Content, case_id: str, at: datetime) -> bytes:
    """The reasons of a refusal, sealed: they hold the values they were judged on."""
    return key.seal(body, Cell("refusal", case_id, "body", _micros(at)))


def unseal_refusal(stored: bytes, key: Content, case_id: str, at: datetime) -> bytes:
    """What :func:`seal_refusal` sealed. Raises :class:`ContentUnreadable`."""
    return key.unseal(stored, Cell("refusal", case_id, "body", _micros(at)))


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


# ── an event ──


def write_event(
    recorded: Recorded, case_id: str, book: Definition, content: Content
) -> tuple[bytes, list[EventPartRow]]:  # fmt: skip
    """The stored body of an event, and what it says of each class.

    ``book`` is the definition the case is held to: it knows the classes.
    """
    body, parts = taken_apart(recorded, book)
    sealed = content.seal(_ENCODER.encode(body), Cell("case_event", case_id, "body", recorded.number))
    return sealed, [
        EventPartRow(recorded.number, name, content.seal(_ENCODER.encode(part), _part(case_id, recorded.number, name)))
        for name, part in parts.items()
    ]


def read_events(
    rows: Sequence[EventRow], parts: Iterable[EventPartRow], case_id: str, content: Content,
    classes: Collection[str] | None = None,
) -> list[Recorded]:  # fmt: skip
    """The events that :func:`write_event` stored, in their order, with what they say of these classes (``None``: all).

    ``parts`` are those of the same events and classes. Raises :class:`HistoryBroken` for anything else.
    """
    by_number: defaultdict[int, dict[str, bytes]] = defaultdict(dict)
    for part in parts:
        by_number[part.number][part.field_class] = part.sealed
    try:
        return [_read_event(row, by_number[row.number], case_id, content, classes) for row in rows]
    except msgspec.MsgspecError:
        raise _unreadable(case_id) from None


def _read_event(
    row: EventRow, sealed: Mapping[str, bytes], case_id: str, content: Content, classes: Collection[str] | None
) -> Recorded:  # fmt: skip
    body = _BODY.decode(content.unseal(row.body, Cell("case_event", case_id, "body", row.number)))
    asked = [name for name in body.taken if classes is None or name in classes]
    if sealed.keys() != set(asked):
        raise _unreadable(case_id)
    parts = [_PART.decode(content.unseal(sealed[name], _part(case_id, row.number, name))) for name in asked]
    event, judged = event_of(EVENTS[row.kind], body, parts)
    return Recorded(
        number=row.number, at=row.at, unit=row.unit, person=row.person, event=event, clauses=body.clauses,
        judged=judged, withheld=frozenset(body.taken).difference(asked),
    )  # fmt: skip


def _part(case_id: str, number: int, field_class: str) -> Cell:
    return Cell("case_event_part", f"{case_id}/{field_class}", "sealed", number)


def _unreadable(case_id: str) -> HistoryBroken:
    return HistoryBroken(
        f"个案 {case_id} 的存储内容无法读取，可能在系统之外被改动",
        f"what is stored of case {case_id} cannot be read; it may have been changed behind the engine",
        case=case_id,
    )
