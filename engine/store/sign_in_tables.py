"""The tables of signing in: passwords, second factors, sign-ins, failures, one-time tickets, recoveries.

Nothing here lets anybody in: tokens and tickets are digests (SHA-256 of chance that nobody can try out), passwords are
argon2id, what one-time codes are made of is sealed under the key of the house, and a passkey is its public half. What
somebody typed as a name is never kept, nor is the address of a caller: both stand in a keyed digest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.row import Row, one_of

FACTOR_KINDS = ("totp", "passkey")
SIGN_IN_ENDS = ("signed_out", "everywhere", "password_set", "factors_changed", "recovered", "deactivated")
"""Why a sign-in ended before its time. That it was not used for too long follows from the clock."""
TICKET_ENDS = ("used", "replaced", "withdrawn")
RECOVERY_OUTCOMES = ("stopped", "completed", "expired")

_OPEN = text("ended_at IS NULL")


class Password(Row, table=True):
    """The password of a person, as argon2id in its own notation; empty: it counts no more."""

    person: str = Field(primary_key=True, foreign_key="member.code")
    hash: str
    set_at: datetime = Field(sa_type=Instant)


class SecondFactor(Row, table=True):
    """What a person signs in with besides the password; never removed, only ended.

    ``sealed``: of a one-time code its secret, of a passkey the challenge it was enrolled on. ``last_step`` is the last
    time step (30 s since 1970) whose code was taken, ``sign_count`` what the passkey counted last.
    """

    __table_args__: ClassVar[Any] = (
        one_of("kind", FACTOR_KINDS),
        CheckConstraint(
            "(credential IS NULL) = (public_key IS NULL) AND (credential IS NULL OR kind = 'passkey')", name="passkey"
        ),
        CheckConstraint("kind = 'totp' OR confirmed_at IS NULL OR credential IS NOT NULL", name="confirmed"),
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed"),
        UniqueConstraint("credential", name="uq_second_factor_credential"),
        Index("ix_second_factor_person", "person"),
    )

    id: str = Field(primary_key=True)
    person: str = Field(foreign_key="member.code")
    kind: str
    sealed: bytes
    added_at: datetime = Field(sa_type=Instant)
    credential: bytes | None = None
    public_key: bytes | None = None
    sign_count: int | None = Field(default=None, sa_type=BigInteger)
    last_step: int | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    removed_at: datetime | None = Field(default=None, sa_type=Instant)
    removed_by: str | None = None


class SignIn(Row, table=True):
    """That somebody signed in, how and until when; never removed.

    ``person`` points nowhere: in a world for trial nobody need be enrolled. ``unit`` and ``role`` are for whom and as
    what that one acts there. ``means`` are codes, comma between. ``challenge`` is what a passkey is asked to sign.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(id) = 16", name="id"),
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("begun_at < ends_at AND begun_at <= used_at", name="ends"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
        one_of("ended_why", SIGN_IN_ENDS),
        UniqueConstraint("digest", name="uq_sign_in_digest"),
        Index("ix_sign_in_person", "person", "source", "begun_at"),
    )

    id: str = Field(primary_key=True)
    digest: str
    person: str
    begun_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    used_at: datetime = Field(sa_type=Instant)
    means: str
    strong_until: datetime | None = Field(default=None, sa_type=Instant)
    unit: str | None = None
    role: str | None = None
    source: str | None = None
    challenge: bytes | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_why: str | None = None


class HalfSignIn(Row, table=True):
    """That the password was right and the second factor is waited for; used once."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("tries >= 0", name="tries"),
    )

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="member.code")
    begun_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    challenge: bytes | None = None
    tries: int = 0
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInFailure(Row, table=True):
    """How often signing in failed lately, for a person at a source or for a source; ``key`` is a keyed digest.

    The one table here whose rows are removed: once nobody need wait for it, a failure says nothing any more.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(key) = 64", name="key"),
        CheckConstraint("failures >= 0", name="failures"),
        Index("ix_sign_in_failure_last_at", "last_at"),
    )

    key: str = Field(primary_key=True)
    failures: int
    since: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)
    wait_until: datetime = Field(sa_type=Instant)


class SignInTicket(Row, table=True):
    """A one-time sign-in that somebody was given; ``issued_by`` is who, or nobody for the first administrator."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("issued_at < ends_at", name="ends"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
        one_of("ended_why", TICKET_ENDS),
        Index("ix_sign_in_ticket_person", "person"),
    )

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="member.code")
    issued_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    issued_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_why: str | None = None


class Recovery(Row, table=True):
    """That two administrators let somebody enrol anew who lost a second factor; one at a time for each person."""

    __table_args__: ClassVar[Any] = (
        one_of("outcome", RECOVERY_OUTCOMES),
        CheckConstraint("asked_by <> person", name="asked_by"),
        CheckConstraint("approved_by <> person AND approved_by <> asked_by", name="approved_by"),
        CheckConstraint(
            "(approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (approved_unit IS NULL)"
            " AND (approved_at IS NULL) = (ready_at IS NULL)",
            name="approved",
        ),
        CheckConstraint(
            "(ended_at IS NULL) = (outcome IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)", name="ended"
        ),
        CheckConstraint("outcome <> 'completed' OR (ready_at IS NOT NULL AND ready_at <= ended_at)", name="completed"),
        Index("uq_recovery_open", "person", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: str = Field(primary_key=True)
    person: str = Field(foreign_key="member.code")
    asked_by: str
    asked_unit: str
    asked_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    approved_by: str | None = None
    approved_unit: str | None = None
    approved_at: datetime | None = Field(default=None, sa_type=Instant)
    ready_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by: str | None = None
    outcome: str | None = None
