"""Lists: what a unit holds, what is offered to it, what stands still, which cases there are. One query each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from engine.store.instants import Instant
from engine.store.participation import active
from engine.store.statements import Statement
from engine.store.tables import TABLES
from engine.store.wires import Wire

_CASE = TABLES["case_record"]
_TRACK = TABLES["track_position"]
_HAND_OFF = TABLES["hand_off"]
_AREA = TABLES["jurisdiction"]
_UNIT = TABLES["case_unit"]


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
    definition_hash: str


@dataclass(frozen=True, slots=True)
class StalledLine:
    """A hand-off with which nobody goes on: not answered, or declined and not offered again.

    ``unit`` is the one whose turn it is; ``still_since`` when the hand-off was offered, or declined.
    """

    id: str
    case_id: str
    kind: str
    track: str | None
    step: str | None
    unit: str
    state: str
    still_since: datetime


def _cases(*, by_status: bool) -> Statement:
    """Compose the list of cases, of one status if asked for."""
    found = select(*(_CASE.c[name] for name in CaseLine.__dataclass_fields__)).where(_CASE.c.id > bindparam("after"))
    names = ["after"]
    if by_status:
        found = found.where(_CASE.c.status == bindparam("status"))
        names.append("status")
    # SQLite would make a parameter of its own for an offset that is not given.
    found = found.order_by(_CASE.c.id).offset(literal_column("0"))
    return Statement(found.limit(bindparam("most", type_=Integer)), *names, "most")


_CASES = {by_status: _cases(by_status=by_status) for by_status in (False, True)}
_OPEN_HAND_OFFS = select(*(_HAND_OFF.c[name] for name in HandOffLine.__dataclass_fields__)).where(
    _HAND_OFF.c.state == "offered"
)
_ORDER = (_HAND_OFF.c.offered_at, _HAND_OFF.c.id)
_OFFERED_TO = Statement(_OPEN_HAND_OFFS.where(_HAND_OFF.c.to_unit == bindparam("unit")).order_by(*_ORDER), "unit")
_OFFERED_BY = Statement(_OPEN_HAND_OFFS.where(_HAND_OFF.c.from_unit == bindparam("unit")).order_by(*_ORDER), "unit")
_HELD_BY = Statement(
    select(
        *(_TRACK.c[name] for name in TrackLine.__dataclass_fields__ if name in _TRACK.c), _CASE.c.definition_hash,
    )
    .join(_CASE, _CASE.c.id == _TRACK.c.case_id)
    .where(
        _TRACK.c.holder == bindparam("unit"),
        tuple_(_TRACK.c.entered_at, _TRACK.c.case_id, _TRACK.c.track)
        > tuple_(bindparam("entered", type_=Instant()), bindparam("after_case"), bindparam("after_track")),
    )
    .order_by(_TRACK.c.entered_at, _TRACK.c.case_id, _TRACK.c.track)
    .offset(literal_column("0"))
    .limit(bindparam("most", type_=Integer)),
    "unit", "entered", "after_case", "after_track", "most",
)  # fmt: skip
_FROM_THE_BEGINNING: tuple[datetime, str, str] = (datetime(1, 1, 1, tzinfo=UTC), "", "")
_VICTIMS_OF = Statement(
    select(_CASE.c.id).where(_CASE.c.criminal_case == bindparam("crime")).order_by(_CASE.c.id), "crime"
)
_COUNT = Statement(select(func.count()).select_from(_CASE))
_TOP = select(_AREA.c.code).where(_AREA.c.code == bindparam("top")).cte("below", recursive=True)
_BELOW = _TOP.union_all(select(_AREA.c.code).join(_TOP, _AREA.c.parent == _TOP.c.code))
_LATER = _HAND_OFF.alias()
_IS_SUPERSEDED = (
    select(_LATER.c.id)
    .where(
        _LATER.c.case_id == _HAND_OFF.c.case_id, _LATER.c.track.is_not_distinct_from(_HAND_OFF.c.track),
        _LATER.c.offered_at > _HAND_OFF.c.offered_at,
    )
    .exists()
)  # fmt: skip
_STANDS_THERE = (
    select(_TRACK.c.case_id)
    .where(
        _TRACK.c.case_id == _HAND_OFF.c.case_id, _TRACK.c.track == _HAND_OFF.c.track, _TRACK.c.holder.is_not(None),
        _TRACK.c.entered_at <= _HAND_OFF.c.ended_at,
    )
    .exists()
)  # fmt: skip
_IS_OFFERED = _HAND_OFF.c.state == "offered"
_IS_LEFT = and_(_HAND_OFF.c.state == "declined", ~_IS_SUPERSEDED, or_(_HAND_OFF.c.track.is_(None), _STANDS_THERE))
_still_since = func.coalesce(_HAND_OFF.c.ended_at, _HAND_OFF.c.offered_at)
_FROM_THE_OLDEST: tuple[datetime, str] = (datetime(1, 1, 1, tzinfo=UTC), "")


def _stalled(*where: ColumnElement[bool]) -> Select[Any]:
    """Hand-offs of open cases with which nobody goes on, from the one that stands still longest."""
    found = (
        select(
            _HAND_OFF.c.id, _HAND_OFF.c.case_id, _HAND_OFF.c.kind, _HAND_OFF.c.track, _HAND_OFF.c.to_step,
            case((_IS_OFFERED, _HAND_OFF.c.to_unit), else_=_HAND_OFF.c.from_unit), _HAND_OFF.c.state,
            _still_since.label("still_since"),
        )
        .join(_CASE, _CASE.c.id == _HAND_OFF.c.case_id)
        .where(
            _CASE.c.status == "open", _still_since < bindparam("before", type_=Instant()),
            tuple_(_still_since, _HAND_OFF.c.id) > tuple_(
                bindparam("after_at", type_=Instant()), bindparam("after_id", type_=String())
            ),
            *where,
        )
    )  # fmt: skip
    found = found.order_by(_still_since, _HAND_OFF.c.id).offset(literal_column("0"))
    return found.limit(bindparam("most", type_=Integer))


_PAGED = ("before", "after_at", "after_id", "most")
_STALLED_BELOW = Statement(
    _stalled(_CASE.c.area.in_(select(_BELOW.c.code)), or_(_IS_OFFERED, _IS_LEFT)), "top", *_PAGED
)
_HER_UNIT = bindparam("unit", type_=String())
_STALLED_OF_UNIT = Statement(
    _stalled(
        or_(and_(_IS_OFFERED, _HAND_OFF.c.to_unit == _HER_UNIT),
            and_(_HAND_OFF.c.from_unit == _HER_UNIT, or_(_IS_OFFERED, _IS_LEFT))),
        select(_UNIT.c.case_id)
        .where(
            _UNIT.c.case_id == _HAND_OFF.c.case_id, _UNIT.c.unit == _HER_UNIT,
            active(_UNIT.c.until, bindparam("ended_after", type_=Instant())),
        )
        .exists(),
    ),
    "unit", "ended_after", *_PAGED,
)  # fmt: skip


class ListRows:
    """The part of a unit of work that answers with lists."""

    wire: Wire

    def cases(self, status: str | None = None, limit: int = 100, after: str = "") -> list[CaseLine]:
        """Every case of the installation, or those of one status, in the order of their ids, behind ``after``."""
        given = [] if status is None else [status]
        return [CaseLine(*row) for row in self.wire.rows(_CASES[status is not None], (after, *given, limit))]

    def stalled(
        self, area: str, before: datetime, limit: int = 100, after: tuple[datetime, str] | None = None
    ) -> list[StalledLine]:  # fmt: skip
        """Hand-offs in an area or below it with which nobody has gone on since before an instant, the oldest first.

        Not answered, or declined and neither offered again nor overtaken. ``after`` is the last one of the page before:
        since when it stands still, and its code. Of the cases nothing is told but their codes.
        """
        values = (area, before, *(after or _FROM_THE_OLDEST), limit)
        return [StalledLine(*row) for row in self.wire.rows(_STALLED_BELOW, values)]

    def stalled_of(
        self, unit: str, ended_after: datetime, before: datetime, limit: int, after: tuple[datetime, str] | None = None
    ) -> list[StalledLine]:
        """The same of one unit: offered to it, or offered by it and not answered, or declined and left at that.

        Only of cases in which the unit takes part, as far as that counts.
        """
        values = (unit, ended_after, before, *(after or _FROM_THE_OLDEST), limit)
        return [StalledLine(*row) for row in self.wire.rows(_STALLED_OF_UNIT, values)]

    def hand_offs_for(self, unit: str) -> list[HandOffLine]:
        """The hand-offs that wait for this unit's word, the oldest first."""
        return [HandOffLine(*row) for row in self.wire.rows(_OFFERED_TO, (unit,))]

    def hand_offs_from(self, unit: str) -> list[HandOffLine]:
        """The hand-offs this unit offered and that wait for a word, the oldest first."""
        return [HandOffLine(*row) for row in self.wire.rows(_OFFERED_BY, (unit,))]

    def held_by(
        self, unit: str, most: int = 1000, after: tuple[datetime, str, str] | None = None
    ) -> list[TrackLine]:  # fmt: skip
        """The tracks this unit is responsible for now, the longest-standing first.

        ``after`` is the last one of the page before: its entry, case and track.
        """
        values = (unit, *(after or _FROM_THE_BEGINNING), most)
        return [TrackLine(*row) for row in self.wire.rows(_HELD_BY, values)]

    def victims_of(self, criminal_case: str) -> list[str]:
        """The ids of the victims' cases that point to a criminal case."""
        return [case_id for (case_id,) in self.wire.rows(_VICTIMS_OF, (criminal_case,))]

    def count_cases(self) -> int:
        """How many cases there are."""
        found = self.wire.row(_COUNT)
        return 0 if found is None else int(found[0])
