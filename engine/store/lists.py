"""Lists: what a unit holds, what is offered to it, which cases there are. One query each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, bindparam, func, literal_column, select

from engine.store.statements import Statement
from engine.store.tables import TABLES
from engine.store.wires import Wire

_CASE = TABLES["case_record"]
_UNIT = TABLES["case_unit"]
_TRACK = TABLES["track_position"]
_HAND_OFF = TABLES["hand_off"]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list."""

    id: str
    scope: str
    jurisdiction: str
    area: str
    definition_id: str
    definition_version: str
    revision: int
    status: str
    outcome: str | None
    opened_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class HandOffLine:
    """A hand-off in a list."""

    id: str
    case_id: str
    kind: str
    track: str | None
    move: str | None
    to_step: str | None
    from_unit: str
    to_unit: str
    state: str
    offered_at: datetime
    offered_by: str
    ended_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TrackLine:
    """A track in a list."""

    case_id: str
    track: str
    step: str
    status: str
    holder: str | None
    assignee: str | None
    entered_at: datetime
    hand_off: str | None


def _cases(*, of_unit: bool, by_status: bool) -> Statement:
    """Compose the list of cases with the filters asked for."""
    found = select(*(_CASE.c[name] for name in CaseLine.__dataclass_fields__)).where(_CASE.c.id > bindparam("after"))
    names = ["after"]
    if of_unit:
        found = found.join(_UNIT, _UNIT.c.case_id == _CASE.c.id).where(_UNIT.c.unit == bindparam("unit"))
        names.append("unit")
    if by_status:
        found = found.where(_CASE.c.status == bindparam("status"))
        names.append("status")
    # SQLite would make a parameter of its own for an offset that is not given.
    found = found.order_by(_CASE.c.id).offset(literal_column("0"))
    return Statement(found.limit(bindparam("most", type_=Integer)), *names, "most")


_CASES = {
    (of_unit, by_status): _cases(of_unit=of_unit, by_status=by_status)
    for of_unit in (False, True)
    for by_status in (False, True)
}
_OPEN_HAND_OFFS = select(*(_HAND_OFF.c[name] for name in HandOffLine.__dataclass_fields__)).where(
    _HAND_OFF.c.state == "offered"
)
_ORDER = (_HAND_OFF.c.offered_at, _HAND_OFF.c.id)
_OFFERED_TO = Statement(_OPEN_HAND_OFFS.where(_HAND_OFF.c.to_unit == bindparam("unit")).order_by(*_ORDER), "unit")
_OFFERED_BY = Statement(_OPEN_HAND_OFFS.where(_HAND_OFF.c.from_unit == bindparam("unit")).order_by(*_ORDER), "unit")
_HELD_BY = Statement(
    select(*(_TRACK.c[name] for name in TrackLine.__dataclass_fields__))
    .where(_TRACK.c.holder == bindparam("unit"))
    .order_by(_TRACK.c.entered_at, _TRACK.c.case_id, _TRACK.c.track),
    "unit",
)
_VICTIMS_OF = Statement(
    select(_CASE.c.id).where(_CASE.c.criminal_case == bindparam("crime")).order_by(_CASE.c.id), "crime"
)
_COUNT = Statement(select(func.count()).select_from(_CASE))


class ListRows:
    """The part of a unit of work that answers with lists."""

    wire: Wire

    def cases(
        self, unit: str | None = None, status: str | None = None, limit: int = 100, after: str = ""
    ) -> list[CaseLine]:
        """Cases in the order of their ids, those behind ``after``.

        ``unit`` takes those in which this unit holds or ever held something, closed ones too.
        """
        given = [value for value in (unit, status) if value is not None]
        statement = _CASES[unit is not None, status is not None]
        return [CaseLine(*row) for row in self.wire.rows(statement, (after, *given, limit))]

    def hand_offs_for(self, unit: str) -> list[HandOffLine]:
        """The hand-offs that wait for this unit's word, the oldest first."""
        return [HandOffLine(*row) for row in self.wire.rows(_OFFERED_TO, (unit,))]

    def hand_offs_from(self, unit: str) -> list[HandOffLine]:
        """The hand-offs this unit offered and that wait for a word, the oldest first."""
        return [HandOffLine(*row) for row in self.wire.rows(_OFFERED_BY, (unit,))]

    def held_by(self, unit: str) -> list[TrackLine]:
        """The tracks this unit is responsible for now, the longest-standing first."""
        return [TrackLine(*row) for row in self.wire.rows(_HELD_BY, (unit,))]

    def victims_of(self, criminal_case: str) -> list[str]:
        """The ids of the victims' cases that point to a criminal case."""
        return [case_id for (case_id,) in self.wire.rows(_VICTIMS_OF, (criminal_case,))]

    def count_cases(self) -> int:
        """How many cases there are."""
        found = self.wire.row(_COUNT)
        return 0 if found is None else int(found[0])
