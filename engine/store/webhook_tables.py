"""The tables of what goes out of the house by itself: addresses of units' own systems, and deliveries of notices.

``sealed`` is opaque: the address and its secrets, under the key of the house. The rest are codes and dates.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.request_tables import UNIT_NOTICE_KINDS
from engine.store.row import Row, one_of

WEBHOOK_ENDS = ("ended", "gone", "failing")
"""Why a webhook ended: somebody ended it, its receiver said so, or it failed for too long."""
CHANNELS = ("webhook",)
"""By which ways notices leave the house; all of them take the same leases."""
DELIVERY_STATES = ("waiting", "delivered", "given_up")

_WAITING = text("state = 'waiting'")


class Webhook(Row, table=True):
    """An address of a unit's own system; never removed, ended once."""

    __table_args__: ClassVar[Any] = (
        one_of("end_reason", WEBHOOK_ENDS),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended"),
        Index("ix_webhook_unit", "unit"),
    )

    id: str = Field(primary_key=True)
    unit: str
    sealed: bytes
    added_at: datetime = Field(sa_type=Instant)
    added_by: str
    rotated_at: datetime | None = Field(default=None, sa_type=Instant)
    succeeded_at: datetime | None = Field(default=None, sa_type=Instant)
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    end_reason: str | None = None
    ended_by: str | None = None


class WebhookKind(Row, table=True):
    """A kind of notice that a webhook asked for."""

    __table_args__: ClassVar[Any] = (one_of("kind", UNIT_NOTICE_KINDS), {"sqlite_with_rowid": False})

    webhook_id: str = Field(primary_key=True, foreign_key="webhook.id")
    kind: str = Field(primary_key=True)


class Delivery(Row, table=True):
    """A notice on its way out: by which channel, to which of its targets, how often it was tried, and when next.

    Whoever delivers it holds a lease meanwhile; ``outcome`` is the code of what came of the last try.
    """

    __table_args__: ClassVar[Any] = (
        one_of("channel", CHANNELS),
        one_of("state", DELIVERY_STATES),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(leased_until IS NULL) = (leased_by IS NULL)", name="leased"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended"),
        Index("ix_delivery_due", "channel", "next_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_delivery_target", "channel", "target", "state"),
    )

    channel: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    notice_id: str = Field(primary_key=True, foreign_key="notice_outbox.id")
    state: str
    attempts: int
    next_at: datetime = Field(sa_type=Instant)
    leased_until: datetime | None = Field(default=None, sa_type=Instant)
    leased_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
