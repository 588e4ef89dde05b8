"""Leads and what happened to them. What a lead says, and whom it names, this room cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from heapq import merge
from itertools import islice

from sqlalchemy import ColumnElement, Integer, Select, String, bindparam, delete, select, tuple_, update

from engine.core.marks import mark, read_mark
from engine.store.instants import Instant
from engine.store.statements import Statement, insert_into, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Row, Wire

_LEAD = TABLES["lead"]
_KEY = TABLES["lead_key"]
_EVENT = TABLES["lead_event"]
_NAMED = TABLES["lead_named"]
_UNIT = TABLES["lead_unit"]

_ADD = insert_into(_LEAD)
_ADD_KEY = insert_into(_KEY)
_ADD_EVENT = insert_into(_EVENT)
_ADD_NAMED = insert_into(_NAMED)
_ADD_UNIT = upsert_into(_UNIT)
_ONE = select(*_LEAD.c).where(_LEAD.c.id == bindparam("named"))
_FIND = Statement(_ONE, "named")
_TAKE = Statement(_ONE.with_for_update(), "named")
_STANDS = ("status", "turn", "revision", "changed_at", "case_id")
_SAVE = Statement(update(_LEAD).where(_LEAD.c.id == bindparam("named")), *_STANDS, "named", columns=_STANDS)
_KEY_OF = Statement(select(_KEY.c.sealed).where(_KEY.c.lead_id == bindparam("named")), "named")
_NAMED_OF = Statement(select(_NAMED.c.sealed).where(_NAMED.c.lead_id == bindparam("named")), "named")
_EVENTS = Statement(select(*_EVENT.c).where(_EVENT.c.lead_id == bindparam("named")).order_by(_EVENT.c.number), "named")
_UNITS = Statement(
    select(_UNIT.c.unit, _UNIT.c.part).where(_UNIT.c.lead_id == bindparam("named")).order_by(_UNIT.c.unit), "named"
)
_DROP_KEYS = Statement(
    delete(_KEY).where(_KEY.c.lead_id.in_(select(_LEAD.c.id).where(_LEAD.c.case_id == bindparam("of_case")))),
    "of_case",
)


@dataclass(frozen=True, slots=True)
class LeadRow:
    """A lead as it stands: codes and dates."""

    id: str
    kind: str
    area: str
    status: str
    turn: str | None
    revision: int
    reporter: str
    reporting_unit: str
    reported_at: datetime
    changed_at: datetime
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeadEventRow:
    """Something that happened to a lead; ``sealed`` is opaque."""

    lead_id: str
    number: int
    at: datetime
    kind: str
    person: str
    unit: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Some leads of a list, the newest first; ``next`` leads to those behind them, and is nothing at the end."""

    lines: tuple[LeadRow, ...]
    next: str | None


def _turn_of(unit: str) -> ColumnElement[bool]:
    return _LEAD.c.turn == bindparam(unit, type_=String())


@cache
def _page(which: str, goes_on: bool) -> Statement:
    """A page of leads: whose turn a unit has, that it ever had, or of one kind; the newest first."""
    found: Select[tuple[str]] = select(*_LEAD.c)
    place = tuple_(_LEAD.c.reported_at, _LEAD.c.id)
    order = (_LEAD.c.reported_at.desc(), _LEAD.c.id.desc())
    if which == "turn":
        found = found.where(_turn_of("of"))
    elif which == "kind":
        found = found.where(_LEAD.c.kind == bindparam("of", type_=String()))
    else:
        place = tuple_(_UNIT.c.reported_at, _UNIT.c.lead_id)
        order = (_UNIT.c.reported_at.desc(), _UNIT.c.lead_id.desc())
        found = found.join_from(_UNIT, _LEAD, _LEAD.c.id == _UNIT.c.lead_id)
        found = found.where(_UNIT.c.unit == bindparam("of", type_=String()), _UNIT.c.part == "handling")
    if goes_on:
        found = found.where(place < tuple_(bindparam("at", type_=Instant()), bindparam("code", type_=String())))
    names = ("of", "at", "code", "most") if goes_on else ("of", "most")
    return Statement(found.order_by(*order).limit(bindparam("most", type_=Integer)), *names)


class LeadRows:
    """The part of a unit of work that keeps leads."""

    wire: Wire

    def add_lead(self, row: LeadRow, key: bytes, named: bytes | None) -> None:
        """Put a new lead on record with its key, and whom it names, if anybody."""
        values = (row.id, row.kind, row.area, row.status, row.turn, row.revision, row.reporter, row.reporting_unit,
                  row.reported_at, row.changed_at, row.case_id)  # fmt: skip
        self.wire.write(_ADD, values)
        self.wire.write(_ADD_KEY, (row.id, key))
        if named is not None:
            self.wire.write(_ADD_NAMED, (row.id, named))

    def save_lead(self, row: LeadRow) -> None:
        """Keep how a lead stands now."""
        self.wire.write(_SAVE, (row.status, row.turn, row.revision, row.changed_at, row.case_id, row.id))

    def add_lead_event(self, row: LeadEventRow) -> None:
        """Put on record what happened to a lead."""
        self.wire.write(_ADD_EVENT, (row.lead_id, row.number, row.at, row.kind, row.person, row.unit, row.sealed))

    def add_lead_unit(self, lead: str, unit: str, part: str, reported_at: datetime) -> None:
        """Put on record that a unit has to do with a lead, if it does not stand there yet."""
        self.wire.write(_ADD_UNIT, (lead, unit, part, reported_at))

    def lead(self, lead: str, *, for_update: bool = False) -> LeadRow | None:
        """A lead, if there is such; ``for_update`` lets nobody else change it until this transaction ends."""
        found = self.wire.row(_TAKE if for_update else _FIND, (lead,))
        return None if found is None else LeadRow(*found)

    def lead_key(self, lead: str) -> bytes | None:
        """The sealed key of a lead; nothing once it was destroyed."""
        found = self.wire.row(_KEY_OF, (lead,))
        return None if found is None else bytes(found[0])

    def lead_named(self, lead: str) -> bytes | None:
        """Whom a lead names, sealed; nothing where it names nobody."""
        found = self.wire.row(_NAMED_OF, (lead,))
        return None if found is None else bytes(found[0])

    def lead_events(self, lead: str) -> list[LeadEventRow]:
        """What happened to a lead, in order."""
        return [LeadEventRow(*row) for row in self.wire.rows(_EVENTS, (lead,))]

    def lead_units(self, lead: str) -> list[tuple[str, str]]:
        """Who has to do with a lead: unit and part."""
        return [(str(unit), str(part)) for unit, part in self.wire.rows(_UNITS, (lead,))]

    def drop_lead_keys(self, case_id: str) -> int:
        """Forget the keys of all leads of a case for ever; say how many there were."""
        return self.wire.write(_DROP_KEYS, (case_id,))

    def leads_of(self, units: Sequence[str], after: str | None, most: int, *, past: bool = False) -> LeadPage:
        """Leads whose turn these units have (``past``: that ever came to them), the newest first.

        ``after`` is the ``next`` of the page before; raises :class:`CommandMalformed` for any other words.
        """
        return self._pages_of_leads("past" if past else "turn", units, after, most)

    def leads_of_kind(self, kind: str, after: str | None, most: int) -> LeadPage:
        """Leads of a kind, wherever they are, the newest first; ``after`` as above."""
        return self._pages_of_leads("kind", [kind], after, most)

    def _pages_of_leads(self, which: str, of: Sequence[str], after: str | None, most: int) -> LeadPage:
        place = None if after is None else read_mark(after)
        rows = merge(*(self._some_leads(which, one, place, most + 1) for one in of), key=_place_of, reverse=True)
        found = [LeadRow(*row) for row in islice(dict.fromkeys(rows), most + 1)]
        lines = tuple(found[:most])
        return LeadPage(lines, mark(lines[-1].reported_at, lines[-1].id) if len(found) > most else None)

    def _some_leads(self, which: str, of: str, place: tuple[datetime, str] | None, most: int) -> list[Row]:
        values = (of, most) if place is None else (of, *place, most)
        return self.wire.rows(_page(which, place is not None), values)


def _place_of(row: Row) -> tuple[datetime, str]:
    return row[8], row[0]
