"""The tables of people: who is enrolled, in which roles of which units and when, and whether this is for trial."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Identity, Index
from sqlmodel import Field

from engine.core.roles import ROLES
from engine.store.instants import Instant
from engine.store.row import Row, one_of


class Member(Row, table=True):
    """Somebody who may act here, by a code; never removed.

    Whoever is enrolled again begins anew in the same row: of the time before, memberships and ledger tell.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("(deactivated_at IS NULL) = (deactivated_by IS NULL)", name="deactivated"),
    )

    code: str = Field(primary_key=True)
    since: datetime = Field(sa_type=Instant)
    added_by: str
    deactivated_at: datetime | None = Field(default=None, sa_type=Instant)
    deactivated_by: str | None = None


class Membership(Row, table=True):
    """A role of a person in a unit, from ``since`` on and before ``until``.

    A row is ended once and never removed. ``unit`` is the unit as it was named then: the directory is replaced whole,
    so nothing points into it, and a unit that members have may not vanish from it.
    """

    __table_args__: ClassVar[Any] = (
        one_of("role", ROLES),
        CheckConstraint("until IS NULL OR until >= since", name="until"),
        CheckConstraint("ended_by IS NULL OR until IS NOT NULL", name="ended_by"),
        CheckConstraint(
            "deputy_for IS NULL OR (until IS NOT NULL AND deputy_for <> person)", name="deputy_for"
        ),
        Index("ix_membership_person", "person"),
        Index("ix_membership_deputy_for", "deputy_for"),
        Index("ix_membership_unit", "unit"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity()])
    person: str = Field(foreign_key="member.code")
    unit: str
    role: str
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    deputy_for: str | None = Field(default=None, foreign_key="member.code")
    added_by: str
    ended_by: str | None = None


class Installation(Row, table=True):
    """One row: whether this is a world for trial. It is marked as one while it holds nobody and no case, or never."""

    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", name="id"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    is_trial: bool
    made_at: datetime = Field(sa_type=Instant)
