"""Data that was shared with another unit. What was shared, this room cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from heapq import merge
from itertools import islice

from sqlalchemy import Integer, String, bindparam, select, tuple_

from engine.core.marks import mark, read_mark
from engine.store.instants import Instant
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Row, Wire

_SHARED = TABLES["shared_data"]
_ADD = insert_into(_SHARED)


@dataclass(frozen=True, slots=True)
class SharedRow:
    """That data of a case were shared; ``sealed`` is opaque."""

    id: str
    case_id: str
    at: datetime
    person: str
    from_unit: str
    to_unit: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SharedPage:
    """Some of what was shared, the newest first; ``next`` leads to those behind, and is nothing at the end."""

    lines: tuple[SharedRow, ...]
    next: str | None


@cache
def _page(by: str, goes_on: bool) -> Statement:
    """A page of what was shared of a case, or with a unit."""
    found = select(*_SHARED.c).where(_SHARED.c[by] == bindparam("of", type_=String()))
    if goes_on:
        place = tuple_(bindparam("since", type_=Instant()), bindparam("code", type_=String()))
        found = found.where(tuple_(_SHARED.c.at, _SHARED.c.id) < place)
    found = found.order_by(_SHARED.c.at.desc(), _SHARED.c.id.desc()).limit(bindparam("most", type_=Integer))
    return Statement(found, *(("of", "since", "code", "most") if goes_on else ("of", "most")))


class ShareRows:
    """The part of a unit of work that keeps what was shared."""

    wire: Wire

    def add_share(self, row: SharedRow) -> None:
        """Put on record that data were shared."""
        self.wire.write(_ADD, (row.id, row.case_id, row.at, row.person, row.from_unit, row.to_unit, row.sealed))

    def shares_of(self, case_id: str, after: str | None, most: int) -> SharedPage:
        """What was shared of a case, the newest first.

        ``after`` is the ``next`` of the page before; raises :class:`CommandMalformed` for any other words.
        """
        return self._pages_of_shares("case_id", [case_id], after, most)

    def shares_with(self, units: Sequence[str], after: str | None, most: int) -> SharedPage:
        """What was shared with these units, the newest first; ``after`` as above."""
        return self._pages_of_shares("to_unit", units, after, most)

    def _pages_of_shares(self, by: str, of: Sequence[str], after: str | None, most: int) -> SharedPage:
        place = None if after is None else read_mark(after)
        values = () if place is None else place
        statement = _page(by, place is not None)
        pages = (self.wire.rows(statement, (one, *values, most + 1)) for one in of)
        found = [SharedRow(*row) for row in islice(merge(*pages, key=_place_of, reverse=True), most + 1)]
        lines = tuple(found[:most])
        return SharedPage(lines, mark(lines[-1].at, lines[-1].id) if len(found) > most else None)


def _place_of(row: Row) -> tuple[datetime, str]:
    return row[2], row[0]
