"""Which unit takes part in which step of a case, as what; and the case as the policies see it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.access.model import CaseFile, Part
from engine.access.needs import need_of
from engine.core.case import Case
from engine.core.definition import Definition
from engine.core.directory import Directory

UNSERVED = ""
"""Stands for the unit where the directory finds none: when it finds one later, that one takes part."""
FREE_TEXT = "free_text"
_READS_FREE_TEXT: frozenset[Part] = frozenset({"responsible", "joint_lead"})
_PREVIEWED = frozenset({"basic"})
"""All that the receiver of an offer sees before answering."""


@dataclass(frozen=True, slots=True)
class PartRow:
    """A unit takes part in a step. A part in a whole case that is offered, or was opened, has neither track nor step.

    ``function`` and ``area`` say how the directory found the unit, where it did: what function, from which area.
    """

    unit: str
    part: Part
    track: str = ""
    step: str = ""
    function: str = ""
    area: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """Which parts begin and which end."""

    begun: frozenset[PartRow]
    ended: frozenset[PartRow]


@dataclass(frozen=True, slots=True)
class Header:
    """What there is to know of a case before anything of its content: where it is, what it is, by which definition."""

    id: str
    area: str
    scope: str
    status: str
    definition_hash: str


def header_of(case: Case) -> Header:
    """The header of a case that is at hand."""
    return Header(case.id, case.area, case.scope, case.status, case.pin.hash)


def parts_of(case: Case, book: Definition, units: Directory) -> frozenset[PartRow]:
    """Who takes part in the open steps of a case as it stands; nobody does in a closed one.

    Holders are responsible; joint leads and cooperating units are those the directory finds now, from the area of the
    case; a unit that was referred to takes part while the track is held; whoever is offered a step is receiving.
    """
    if case.status != "open":
        return frozenset()
    return frozenset((*_holding(case, book, units), *_owing(case, book, units), *_referred(case), *_receiving(case)))


def opener_of(case: Case) -> PartRow:
    """The part of the unit that opened the case: it ended at once, so that only the window leaves it the case."""
    return PartRow(case.units[0], "responsible")


def changes(before: frozenset[PartRow], after: frozenset[PartRow]) -> Changes:
    """What begins and what ends between two states of a case."""
    return Changes(begun=after - before, ended=before - after)


def file_of(
    header: Header, rows: Iterable[PartRow], ever: Iterable[str], book: Definition, units: Directory
) -> CaseFile:
    """The case as the policies see it.

    ``rows`` are the participations that count now, ``ever`` the units that were ever responsible; units that were
    merged since stand for those that carry their work today. Raises :class:`UnitUnknown` for one that vanished.
    """
    parts: dict[str, set[str]] = {}
    readers: dict[str, set[str]] = {}
    writers: dict[str, set[str]] = {}
    for row in rows:
        if row.unit == UNSERVED:
            continue
        unit = units.current(row.unit).id
        parts.setdefault(row.part, set()).add(unit)
        reads, writes = _classes_of(row, book, header.definition_hash)
        for name in reads:
            readers.setdefault(name, set()).add(unit)
        for name in writes:
            writers.setdefault(name, set()).add(unit)
    return CaseFile(
        id=header.id, areas=tuple(area.code for area in units.upward(header.area)), scope=header.scope,
        status=header.status, parts=_frozen(parts), readers=_frozen(readers), writers=_frozen(writers),
        ever=frozenset(units.current(unit).id for unit in ever),
    )  # fmt: skip


def _classes_of(row: PartRow, book: Definition, digest: str) -> tuple[frozenset[str], frozenset[str]]:
    """The field classes that a part reads, and those it puts on record."""
    if row.part == "receiving":
        return _PREVIEWED, frozenset()
    need = need_of(book, digest, row.track, row.step)
    reads = need.reads | {FREE_TEXT} if row.part in _READS_FREE_TEXT else need.reads - {FREE_TEXT}
    return reads, need.writes | {FREE_TEXT}  # whoever contributes may add a note


def _holding(case: Case, book: Definition, units: Directory) -> Iterator[PartRow]:
    for name, state in case.held().items():
        step = book.tracks[name].steps[state.step]
        if state.holder is not None:
            yield PartRow(state.holder, "responsible", name, state.step)
        beside: tuple[tuple[Part, tuple[str, ...]], ...] = (
            ("joint_lead", step.joint_leads), ("cooperating", step.cooperating),
        )  # fmt: skip
        for part, function in ((part, function) for part, functions in beside for function in functions):
            found = units.resolve(function, case.area)
            yield PartRow(UNSERVED if found is None else found.id, part, name, state.step, function, case.area)


def _owing(case: Case, book: Definition, units: Directory) -> Iterator[PartRow]:
    """An office's record of standing duties has no steps: whoever keeps it takes part, and whoever owes a duty."""
    if case.scope != "office":
        return
    yield opener_of(case)
    for function in sorted({duty.responsible for duty in book.duties_of("office").values()}):
        found = units.resolve(function, case.area)
        yield PartRow(UNSERVED if found is None else found.id, "cooperating", function=function, area=case.area)


def _referred(case: Case) -> Iterator[PartRow]:
    held = case.held()
    for one in case.referrals.values():
        if one.track in held:
            yield PartRow(one.to_unit, "referred", one.track, held[one.track].step)


def _receiving(case: Case) -> Iterator[PartRow]:
    for one in case.hand_offs.values():
        yield PartRow(one.to_unit, "receiving", one.track or "", one.to_step or "")


def _frozen(sets: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(units) for name, units in sets.items()}
