"""The tables of who takes part: every participation, and what they come to for each case and unit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.row import Row, one_of

PARTS = ("responsible", "joint_lead", "cooperating", "referred", "receiving")

_OPEN, _ENDED = text("until IS NULL"), text("until IS NOT NULL")
_FOUND = text("until IS NULL AND function <> ''")


class Participation(Row, table=True):
    """A unit takes part in a step of a case, or did until an instant; what begins again goes on in its row.

    What is only offered leaves no row behind: whoever declines an offer has no more to see.
    ``function`` and ``area`` say how the directory found the unit, where it did; a ``unit`` that is empty says that it
    found none. A part in a whole case has neither track nor step.
    """

    __table_args__: ClassVar[Any] = (
        one_of("part", PARTS),
        CheckConstraint("until IS NULL OR until >= since", name="until"),
        CheckConstraint("part <> 'receiving' OR until IS NULL", name="receiving"),
        Index(
            "ix_participation_found", "function", "area", "unit", sqlite_where=_FOUND, postgresql_where=_FOUND
        ),
        {"sqlite_with_rowid": False},
    )  # fmt: skip

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    unit: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    track: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    function: str = Field(primary_key=True)
    area: str
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)


class CaseUnit(Row, table=True):
    """What the participations of a unit in a case come to: how a unit finds its cases, closed ones too.

    ``since`` is the newest beginning; ``until`` is the latest end, and nothing while the unit still takes part;
    ``is_holder`` says that it was ever responsible.
    """

    __table_args__: ClassVar[Any] = (
        Index("ix_case_unit_current", "unit", "since", "case_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_case_unit_ended", "unit", "until", "case_id", sqlite_where=_ENDED, postgresql_where=_ENDED),
        {"sqlite_with_rowid": False},
    )

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    unit: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    is_holder: bool
