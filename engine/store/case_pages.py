"""Pages of the cases of a unit: those in which it takes part, and those in which it did until lately.

Driven from ``case_unit``, and by what :mod:`engine.store.participation` says counts, so that a list holds the very
cases that may be seen one by one. Whoever took over the work of merged units has several units.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from heapq import merge
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from engine.core.marks import mark, read_mark
from engine.store.instants import Instant
from engine.store.lists import CaseLine
from engine.store.participation import active, ended_lately, is_open
from engine.store.participation_tables import PARTS
from engine.store.statements import Statement
from engine.store.tables import TABLES
from engine.store.wires import Row, Wire

_CASE = TABLES["case_record"]
_UNIT = TABLES["case_unit"]
_PART = TABLES["participation"]


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some cases of a list, the newest first; ``next`` leads to those behind them, and is nothing at the end."""

    lines: tuple[CaseLine, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Which:
    """Which cases are asked for."""

    units: Sequence[str]
    ended_after: datetime
    parts: Collection[str] | None
    status: str | None
    ended: bool

    def asked(self) -> Sequence[str]:
        """The units to be asked one by one; whoever counts as nothing has no cases."""
        return () if self.parts is not None and not self.parts else self.units

    def named(self) -> list[str] | None:
        """The parts that count, and nothing where all do: then who takes part need not be asked as what."""
        return None if self.parts is None or set(self.parts) >= set(PARTS) else sorted(self.parts)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a statement over the cases of a unit looks like: how many other units and parts it names, and so on."""

    others: int
    parts: int | None
    by_status: bool
    ended: bool
    is_page: bool = False
    goes_on: bool = False

    @property
    def names(self) -> list[str]:
        """Its parameters, in the order of the values."""
        names = ["unit", *(f"other_{place}" for place in range(self.others))]
        names += [f"part_{place}" for place in range(self.parts or 0)]
        names += ["ended_after"] if self.ended or self.parts is not None else []
        names += ["status"] if self.by_status else []
        return [*names, *(["after_at", "after_case"] if self.goes_on else []), "most"]


def _bound(stem: str, count: int) -> list[ColumnElement[str]]:
    return [bindparam(f"{stem}_{place}", type_=String()) for place in range(count)]


def _of_unit(shape: _Shape) -> Select[tuple[str]]:
    """The cases of a unit as rows of ``case_unit``, but for those that another of the units has nearer the top."""
    ended_after = bindparam("ended_after", type_=Instant())
    others = _bound("other", shape.others)
    which = (
        and_(_UNIT.c.until.is_not(None), ended_lately(_UNIT.c.until, ended_after))
        if shape.ended
        else is_open(_UNIT.c.until)
    )
    found = select(_UNIT.c.case_id).where(_UNIT.c.unit == bindparam("unit"), which)
    if others:
        found = found.where(~_is_listed_by(others, ended=shape.ended))
    if shape.parts is not None:
        found = found.where(
            select(_PART.c.case_id)
            .where(
                _PART.c.case_id == _UNIT.c.case_id,
                _PART.c.unit.in_([bindparam("unit", type_=String()), *others]),
                _PART.c.part.in_(_bound("part", shape.parts)),
                active(_PART.c.until, ended_after),
            )
            .exists()
        )
    if shape.by_status:
        found = found.where(
            select(_CASE.c.id).where(_CASE.c.id == _UNIT.c.case_id, _CASE.c.status == bindparam("status")).exists()
        )
    return found


def _is_listed_by(others: list[ColumnElement[str]], *, ended: bool) -> ColumnElement[bool]:
    other = _UNIT.alias()
    key, others_key = (_UNIT.c.until, other.c.until) if ended else (_UNIT.c.since, other.c.since)
    nearer = tuple_(others_key, other.c.unit) > tuple_(key, _UNIT.c.unit)
    which = or_(is_open(other.c.until), nearer) if ended else and_(is_open(other.c.until), nearer)
    return select(other.c.case_id).where(other.c.case_id == _UNIT.c.case_id, other.c.unit.in_(others), which).exists()


@cache
def _statement(shape: _Shape) -> Statement:
    """The statement of a shape: a page of cases with the key of their place, or how many there are."""
    found = _of_unit(shape)
    most = bindparam("most", type_=Integer)
    if not shape.is_page:
        some = found.offset(literal_column("0")).limit(most).subquery()
        return Statement(select(func.count()).select_from(some), *shape.names)
    key = _UNIT.c.until if shape.ended else _UNIT.c.since
    if shape.goes_on:
        after = tuple_(bindparam("after_at", type_=Instant()), bindparam("after_case", type_=String()))
        found = found.where(tuple_(key, _UNIT.c.case_id) < after)
    found = found.order_by(key.desc(), _UNIT.c.case_id.desc()).offset(literal_column("0")).limit(most)
    place = found.add_columns(key.label("place")).subquery()
    lines = select(place.c.place, *(_CASE.c[name] for name in CaseLine.__dataclass_fields__))
    lines = lines.join_from(place, _CASE, _CASE.c.id == place.c.case_id)
    return Statement(lines.order_by(place.c.place.desc(), place.c.case_id.desc()), *shape.names)


class CasePageRows:
    """The part of a unit of work that answers with pages of cases."""

    wire: Wire

    def case_page(
        self, units: Sequence[str], parts: Collection[str] | None, ended_after: datetime, after: str | None = None,
        limit: int = 100, *, ended: bool = False, status: str | None = None,
    ) -> CasePage:  # fmt: skip
        """Cases in which one of these units takes part, the newest beginning first; or (``ended``) did, last first.

        ``units`` are one that exists today and those merged into it. ``parts`` takes the cases in which they count as
        one of these (``None``: as anything), ``status`` open or closed ones; what ended by ``ended_after`` does not
        count. ``after`` is the ``next`` of the page before; raises :class:`CommandMalformed` for any other words.
        """
        which = _Which(units, ended_after, parts, status, ended)
        place = None if after is None else read_mark(after)
        rows = merge(*(self._rows(which, unit, place, limit + 1) for unit in which.asked()), reverse=True)
        found = list(islice(rows, limit + 1))
        lines = tuple(CaseLine(*row[1:]) for row in found[:limit])
        last = found[limit - 1][:2] if len(found) > limit else None
        return CasePage(lines, None if last is None else mark(*last))

    def count_of(
        self, units: Sequence[str], parts: Collection[str] | None, ended_after: datetime, most: int, *,
        ended: bool = False, status: str | None = None,
    ) -> int:  # fmt: skip
        """How many cases the pages hold together; of more than ``most`` it says only ``most + 1``."""
        counted = 0
        which = _Which(units, ended_after, parts, status, ended)
        for unit in which.asked():
            shape, values = _asked(which, unit)
            found = self.wire.row(_statement(shape), (*values, most + 1))
            counted += 0 if found is None else int(found[0])
        return min(counted, most + 1)

    def _rows(self, which: _Which, unit: str, place: tuple[datetime, str] | None, most: int) -> list[Row]:
        shape, values = _asked(which, unit)
        shape = replace(shape, is_page=True, goes_on=place is not None)
        return self.wire.rows(_statement(shape), (*values, *(place or ()), most))


def _asked(which: _Which, unit: str) -> tuple[_Shape, tuple[object, ...]]:
    """The shape of what is asked of one unit, and the values for it, but for the place and how many."""
    others = [other for other in which.units if other != unit]
    parts = which.named()
    shape = _Shape(
        others=len(others), parts=None if parts is None else len(parts), by_status=which.status is not None,
        ended=which.ended,
    )  # fmt: skip
    values: list[object] = [unit, *others, *(parts or ())]
    values += [which.ended_after] if "ended_after" in shape.names else []
    values += [which.status] if which.status is not None else []
    return shape, tuple(values)
