"""The tables of leads, and of data that was shared with another unit.

Columns named ``sealed`` are opaque bytes. What a lead says lies under a key of its own, the names in it and whom to ask
in a row apart; the key lies sealed under the installation's. What was shared lies under the key of the case.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from engine.core.leads import EVENTS, KINDS, STATUSES
from engine.store.instants import Instant
from engine.store.row import Row, one_of

LEAD_KINDS: tuple[str, ...] = KINDS
LEAD_STATUSES: tuple[str, ...] = STATUSES
LEAD_EVENTS: tuple[str, ...] = tuple(EVENTS)
LEAD_PARTS = ("reporting", "handling", "accepting")
"""As what a unit stands to a lead: it reported it, had its turn, accepted it."""

_OPEN = text("turn IS NOT NULL")


class Lead(Row, table=True):
    """A lead as it stands; ``turn`` is the unit whose turn it is, ``revision`` counts what happened."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", LEAD_KINDS),
        one_of("status", LEAD_STATUSES),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("(status = 'closed') = (turn IS NULL)", name="turn"),
        Index("ix_lead_turn", "turn", "reported_at", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_lead_kind", "kind", "reported_at", "id"),
        Index("ix_lead_case_id", "case_id"),
    )

    id: str = Field(primary_key=True)
    kind: str
    area: str
    status: str
    turn: str | None = None
    revision: int
    reporter: str
    reporting_unit: str
    reported_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    case_id: str | None = Field(default=None, foreign_key="case_record.id")


class LeadKey(Row, table=True):
    """The key of a lead, sealed under the installation's; once its row is gone nobody reads the lead."""

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    sealed: bytes


class LeadEvent(Row, table=True):
    """Something that happened to a lead, in order; append-only."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", LEAD_EVENTS),
        CheckConstraint("number >= 1", name="number"),
        {"sqlite_with_rowid": False},
    )

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    kind: str
    person: str
    unit: str
    sealed: bytes


class LeadNamed(Row, table=True):
    """Whom a lead names and how its reporter can be asked, apart from what it says; append-only."""

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    sealed: bytes


class LeadUnit(Row, table=True):
    """A unit that has to do with a lead, and as what; append-only. How a unit finds its leads."""

    __table_args__: ClassVar[Any] = (
        one_of("part", LEAD_PARTS),
        Index("ix_lead_unit_unit", "unit", "part", "reported_at", "lead_id"),
        {"sqlite_with_rowid": False},
    )

    lead_id: str = Field(primary_key=True, foreign_key="lead.id")
    unit: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    reported_at: datetime = Field(sa_type=Instant)


class SharedData(Row, table=True):
    """That data of a case were shared with another unit, and which; append-only."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("from_unit <> to_unit", name="units"),
        Index("ix_shared_data_case_id", "case_id", "at", "id"),
        Index("ix_shared_data_to_unit", "to_unit", "at", "id"),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_record.id")
    at: datetime = Field(sa_type=Instant)
    person: str
    from_unit: str
    to_unit: str
    sealed: bytes
