"""Who takes part in which case: written with the case, asked before anything of it is shown.

What counts is said once, in :func:`active`, for the loader of one case and for the lists of many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.instants import Instant
from engine.store.statements import Statement, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_CASE = TABLES["case_record"]
_PART = TABLES["participation"]
_UNIT = TABLES["case_unit"]
UNSERVED = ""
"""Stands for the unit where the directory found none."""
_KEY = ("case_id", "unit", "part", "track", "step", "function")
_OF_KEY = tuple(f"of_{name}" for name in _KEY)
_OFFERED = "receiving"


def is_open(until: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a participation goes on."""
    return until.is_(None)


def ended_lately(until: ColumnElement[datetime], ended_after: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a participation that is over ended inside the window."""
    return until > ended_after


def active(until: ColumnElement[datetime], ended_after: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a participation counts: it goes on, or ended inside the window."""
    return or_(is_open(until), ended_lately(until, ended_after))


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What there is to know of a case before anything of its content."""

    id: str
    area: str
    scope: str
    status: str
    definition_hash: str


@dataclass(frozen=True, slots=True)
class Taking:
    """A unit takes part in a step of a case; see ``Participation`` in ``participation_tables``."""

    unit: str
    part: str
    track: str
    step: str
    function: str
    area: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the directory was asked, and which unit it found: of what function, from which area."""

    function: str
    area: str
    unit: str


def _moment(name: str) -> ColumnElement[datetime]:
    return bindparam(name, type_=Instant())


_TAKING = tuple(_PART.c[name] for name in Taking.__dataclass_fields__)
_HEAD = Statement(
    select(*(_CASE.c[name] for name in CaseHead.__dataclass_fields__)).where(_CASE.c.id == bindparam("of_case")),
    "of_case",
)
_IS_ACTIVE = active(_PART.c.until, _moment("ended_after"))
_COUNTING = Statement(
    select(*_TAKING, _IS_ACTIVE.label("is_active"))
    .where(_PART.c.case_id == bindparam("of_case"), or_(_IS_ACTIVE, _PART.c.part == "responsible")),
    "ended_after", "of_case",
)  # fmt: skip
_GOING_ON = Statement(
    select(*_TAKING).where(_PART.c.case_id == bindparam("of_case"), is_open(_PART.c.until)), "of_case"
)
_BEGIN = upsert_into(_PART, "area", "since", "until")  # what begins again goes on in its row
_END = Statement(
    update(_PART)
    .where(*(_PART.c[name] == bindparam(f"of_{name}") for name in _KEY))
    .values(until=_moment("now")),
    "now", *_OF_KEY,
)  # fmt: skip
_FORGET = Statement(delete(_PART).where(*(_PART.c[name] == bindparam(f"of_{name}") for name in _KEY)), *_OF_KEY)
_LEAVE = Statement(
    delete(_UNIT).where(
        _UNIT.c.case_id == bindparam("of_case"),
        ~select(_PART.c.case_id).where(_PART.c.case_id == _UNIT.c.case_id, _PART.c.unit == _UNIT.c.unit).exists(),
    ),
    "of_case",
)  # fmt: skip
_NARROW = Statement(
    select(
        func.set_config("guitu.sight", "", True),
        func.set_config("guitu.units", bindparam("units", type_=String()), True),
        func.set_config("guitu.ended_after", bindparam("ended_after", type_=String()), True),
    ),
    "units", "ended_after",
)  # fmt: skip

_FOUND = Statement(
    select(_PART.c.function, _PART.c.area, _PART.c.unit)
    .where(is_open(_PART.c.until), _PART.c.function != "")
    .distinct()
    .order_by(_PART.c.function, _PART.c.area, _PART.c.unit)
)
_ASKED = ("function", "area", "unit")
_SUCH = (is_open(_PART.c.until), *(_PART.c[name] == bindparam(f"of_{name}") for name in _ASKED))
_END_SUCH = Statement(
    update(_PART).where(*_SUCH).values(until=_moment("now")), "now", *(f"of_{name}" for name in _ASKED)
)


def _begin_such(kind: str) -> ClauseElement:
    """Let another unit take every part that one has by a function from an area."""
    new = sqlite.insert(_PART) if kind == "sqlite" else postgresql.insert(_PART)
    given: dict[str, ColumnElement[Any]] = {
        "unit": bindparam("to_unit", type_=String()),
        "since": _moment("now"),
        "until": null(),
    }
    found: Select[Any] = select(*[given.get(column.name, column) for column in _PART.c]).where(*_SUCH)
    filled = new.from_select(_PART.c.keys(), found)
    taken = {name: filled.excluded[name] for name in ("area", "since", "until")}
    return filled.on_conflict_do_update(index_elements=[_PART.c[name] for name in _KEY], set_=taken)


def _roll_up(*where: ColumnElement[bool]) -> Callable[[str], ClauseElement]:
    """Write what the participations come to, for each case and unit."""
    goes_on = func.count() > func.count(_PART.c.until)
    found: Select[Any] = (
        select(
            _PART.c.case_id, _PART.c.unit, func.max(_PART.c.since),
            case((goes_on, null()), else_=func.max(_PART.c.until)),
            func.max(case((_PART.c.part == "responsible", 1), else_=0)) == 1,
        )
        .where(_PART.c.unit != UNSERVED, *where)
        .group_by(_PART.c.case_id, _PART.c.unit)
    )  # fmt: skip

    def core(kind: str) -> ClauseElement:
        new = sqlite.insert(_UNIT) if kind == "sqlite" else postgresql.insert(_UNIT)
        filled = new.from_select(_UNIT.c.keys(), found)
        taken = {name: filled.excluded[name] for name in ("since", "until", "is_holder")}
        differs = or_(*(_UNIT.c[name].is_distinct_from(filled.excluded[name]) for name in taken))
        return filled.on_conflict_do_update(index_elements=[_UNIT.c.case_id, _UNIT.c.unit], set_=taken, where=differs)

    return core


_BEGIN_SUCH = Statement(_begin_such, "to_unit", "now", *(f"of_{name}" for name in _ASKED))
_ROLL_UP = Statement(_roll_up(_PART.c.case_id == bindparam("of_case")), "of_case")
_CHANGED = _PART.alias()
_ROLL_UP_CHANGED = Statement(
    _roll_up(
        _PART.c.unit == bindparam("of_unit"),
        _PART.c.case_id.in_(
            select(_CHANGED.c.case_id).where(
                _CHANGED.c.unit == bindparam("of_unit"),
                or_(_CHANGED.c.since == _moment("now"), _CHANGED.c.until == _moment("now")),
            )
        ),
    ),
    "of_unit", "now",
)  # fmt: skip


class ParticipationRows:
    """The part of a unit of work that keeps who takes part in which case."""

    wire: Wire

    def head_of(self, case_id: str) -> CaseHead | None:
        """What there is to know of a case before anything of its content, if there is one."""
        found = self.wire.row(_HEAD, (case_id,))
        return None if found is None else CaseHead(*found)

    def counting(self, case_id: str, ended_after: datetime) -> tuple[list[Taking], frozenset[str]]:
        """The participations in a case that count now, and every unit that was ever responsible in it."""
        rows = self.wire.rows(_COUNTING, (ended_after, case_id))
        takings = [(Taking(*row[:-1]), bool(row[-1])) for row in rows]
        ever = frozenset(one.unit for one, _ in takings if one.part == "responsible")
        return [one for one, is_active in takings if is_active], ever

    def going_on(self, case_id: str) -> list[Taking]:
        """The participations in a case that nobody ended."""
        return [Taking(*row) for row in self.wire.rows(_GOING_ON, (case_id,))]

    def save_parts(self, case_id: str, begun: Iterable[Taking], ended: Iterable[Taking], now: datetime) -> None:
        """Begin and end participations, and keep what they then come to for each unit. One may begin and end at once.

        What ended before and begins again counts from now. An offer that is over leaves nothing behind.
        """
        begun, ended = list(begun), set(ended)
        over = sorted(ended.difference(begun), key=_key)
        forgotten = [one for one in over if one.part == _OFFERED]
        self.wire.write_many(_FORGET, [(case_id, *_key(one)) for one in forgotten])
        self.wire.write_many(_END, [(now, case_id, *_key(one)) for one in over if one.part != _OFFERED])
        rows = [(case_id, *_key(one), one.area, now, now if one in ended else None) for one in begun]
        self.wire.write_many(_BEGIN, rows)
        self.wire.write(_ROLL_UP, (case_id,))
        if forgotten:
            self.wire.write(_LEAVE, (case_id,))

    def found_by_directory(self) -> list[Found]:
        """What the directory found for the participations that go on, each once."""
        return [Found(*row) for row in self.wire.rows(_FOUND)]

    def take_over(self, found: Found, to_unit: str, now: datetime) -> None:
        """Let another unit (or none, an empty one) take every part that goes on by a function from an area."""
        asked = (found.function, found.area, found.unit)
        self.wire.write(_BEGIN_SUCH, (to_unit, now, *asked))
        self.wire.write(_END_SUCH, (now, *asked))
        for unit in {found.unit, to_unit} - {UNSERVED}:
            self.wire.write(_ROLL_UP_CHANGED, (unit, now))

    def narrow(self, units: Sequence[str], ended_after: datetime) -> None:
        """From now to the end of the transaction see only the cases in which one of these units takes part.

        PostgreSQL holds to it by row security; SQLite has none, and there it does nothing.
        """
        if self.wire.has_row_security:
            self.wire.row(_NARROW, (",".join(units), ended_after.isoformat()))


def _key(one: Taking) -> tuple[str, ...]:
    return (one.unit, one.part, one.track, one.step, one.function)
