"""The tables of what others approve: requests and their approvals, broken glass, and the notices about them.

``exact`` is opaque: what was asked for, sealed under the key of the case. The rest are codes and dates.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.row import Row, one_of

REQUEST_KINDS = ("reveal", "erase", "release_hold")
REQUEST_STATES = ("asked", "declined", "used")
"""How a request stands. That it is approved, or that its time is over, follows from other rows and from the clock."""
REVIEW_OUTCOMES = ("justified", "not_justified")
NOTICE_KINDS = (
    "request_asked", "request_approved", "request_declined", "glass_broken", "glass_reviewed", "recovery_asked",
    "recovery_done", "provider_linked", "hand_off_offered", "hand_off_accepted", "hand_off_declined",
    "hand_off_withdrawn", "lead_waits", "webhook_ended", "webhook_test",
)  # fmt: skip
UNIT_NOTICE_KINDS = ("hand_off_offered", "hand_off_accepted", "hand_off_declined", "hand_off_withdrawn", "lead_waits")
"""Those of them that a whole unit is told, and so its own system too."""
_TO_WHOM = (
    "(to_person IS NOT NULL AND to_role IS NULL AND to_area IS NULL AND to_unit IS NULL)"
    " OR (to_person IS NULL AND to_role IS NOT NULL AND (to_area IS NULL) <> (to_unit IS NULL))"
    " OR (to_person IS NULL AND to_role IS NULL AND to_area IS NULL AND to_unit IS NOT NULL)"
)

_ASKED = text("state = 'asked'")
_NOT_REVIEWED = text("reviewed_at IS NULL")


class Request(Row, table=True):
    """What somebody asks for and others approve; only how it stands ever changes, and that once."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", REQUEST_KINDS),
        one_of("state", REQUEST_STATES),
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("(state = 'asked') = (ended_at IS NULL)", name="ended"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        Index("ix_request_case_id", "case_id"),
        Index("ix_request_asked", "expires_at", sqlite_where=_ASKED, postgresql_where=_ASKED),
    )

    id: str = Field(primary_key=True)
    kind: str
    case_id: str = Field(foreign_key="case_record.id")
    exact: bytes
    digest: str
    person: str
    unit: str
    asked_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    state: str
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: str | None = None


class Approval(Row, table=True):
    """That somebody approved a request; append-only, one of each person; ``digest`` is a keyed one."""

    __table_args__: ClassVar[Any] = (CheckConstraint("length(digest) = 64", name="digest"),)

    request_id: str = Field(primary_key=True, foreign_key="request.id")
    person: str = Field(primary_key=True)
    unit: str
    at: datetime = Field(sa_type=Instant)
    digest: str


class Emergency(Row, table=True):
    """That somebody broke the glass over a case, until when, and what a custodian found who looked at it."""

    __table_args__: ClassVar[Any] = (
        one_of("outcome", REVIEW_OUTCOMES),
        CheckConstraint("opened_at < ends_at AND ends_at <= review_by", name="ends"),
        CheckConstraint("(reviewed_at IS NULL) = (outcome IS NULL)", name="reviewed"),
        CheckConstraint("(reviewed_at IS NULL) = (reviewed_by IS NULL)", name="reviewed_by"),
        CheckConstraint("(reviewed_at IS NULL) = (reviewed_unit IS NULL)", name="reviewed_unit"),
        CheckConstraint("reviewed_by <> person", name="reviewer"),
        Index("ix_emergency_open", "person", sqlite_where=_NOT_REVIEWED, postgresql_where=_NOT_REVIEWED),
        Index("ix_emergency_opened_at", "opened_at"),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_record.id")
    person: str
    unit: str
    reason: str
    opened_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    review_by: datetime = Field(sa_type=Instant)
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    reviewed_by: str | None = None
    reviewed_unit: str | None = None
    outcome: str | None = None


class NoticeOutbox(Row, table=True):
    """What somebody is to be told: a person, a unit, or everybody of a role whose area or unit this is. Codes only."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", NOTICE_KINDS),
        CheckConstraint(_TO_WHOM, name="to_whom"),
        Index("ix_notice_outbox_to_person", "to_person", "at"),
        Index("ix_notice_outbox_to_role", "to_role", "to_area", "at"),
        Index("ix_notice_outbox_to_unit", "to_unit", "at"),
    )

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    kind: str
    to_person: str | None = None
    to_role: str | None = None
    to_area: str | None = None
    case_id: str | None = Field(default=None, foreign_key="case_record.id")
    about: str
    seen_at: datetime | None = Field(default=None, sa_type=Instant)
    to_unit: str | None = None
