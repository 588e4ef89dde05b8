"""The tables of registered services and of an identity provider: tokens, linked accounts, sign-ins under way.

Of a token only the SHA-256 of its secret is kept, of a subject of the provider a keyed digest. ``sealed`` is opaque:
what a sign-in under way must be held to, sealed under the key of the installation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.row import Row

_LINKED = text("until IS NULL")


class ServiceToken(Row, table=True):
    """What a registered service shows to act for a unit; never removed, and revoked once.

    ``purposes`` are codes with commas between. After a rotation the secret before lives on until ``former_until``.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("length(former_digest) = 64", name="former_digest"),
        CheckConstraint("(former_digest IS NULL) = (former_until IS NULL)", name="former"),
        CheckConstraint("since < until", name="until"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        Index("ix_service_token_service", "service"),
    )

    id: str = Field(primary_key=True)
    service: str = Field(foreign_key="member.code")
    unit: str
    purposes: str
    digest: str
    since: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    issued_by: str
    rotated_at: datetime | None = Field(default=None, sa_type=Instant)
    former_digest: str | None = None
    former_until: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_by: str | None = None


class ProviderLink(Row, table=True):
    """That an account of the identity provider is a person of ours; of one account there is one link at a time."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(subject) = 64", name="subject"),
        CheckConstraint("(until IS NULL) = (unlinked_by IS NULL)", name="unlinked"),
        Index("uq_provider_link_subject", "subject", unique=True, sqlite_where=_LINKED, postgresql_where=_LINKED),
        Index("ix_provider_link_person", "person"),
    )

    id: str = Field(primary_key=True)
    issuer: str
    subject: str
    person: str = Field(foreign_key="member.code")
    since: datetime = Field(sa_type=Instant)
    linked_by: str
    until: datetime | None = Field(default=None, sa_type=Instant)
    unlinked_by: str | None = None


class ProviderAttempt(Row, table=True):
    """A sign-in at the provider that is under way; removed when the browser comes back, or when its time is over."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(state) = 64", name="state"),
        CheckConstraint("length(browser) = 64", name="browser"),
        CheckConstraint("since < until", name="until"),
        Index("ix_provider_attempt_until", "until"),
    )

    state: str = Field(primary_key=True)
    browser: str
    sealed: bytes
    since: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
