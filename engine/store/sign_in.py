"""Sign-ins and what somebody signs in with. It sees digests, sealed bytes and public keys, and judges nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from engine.store.statements import Statement, insert_into, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_PASSWORD = TABLES["password"]
_FACTOR = TABLES["second_factor"]
_SIGN_IN = TABLES["sign_in"]
_HALF = TABLES["half_sign_in"]
_FAILURE = TABLES["sign_in_failure"]
_TICKET = TABLES["sign_in_ticket"]

_PASSWORD_OF = Statement(select(_PASSWORD.c.hash).where(_PASSWORD.c.person == bindparam("of_person")), "of_person")
_SET_PASSWORD = upsert_into(_PASSWORD, "hash", "set_at")
_VOIDED = ("hash", "set_at")
_VOID_PASSWORD = Statement(
    update(_PASSWORD).where(_PASSWORD.c.person == bindparam("of_person")), *_VOIDED, "of_person", columns=_VOIDED
)
_BEGUN_FACTOR = ("id", "person", "kind", "sealed", "added_at")
_ADD_FACTOR = Statement(insert(_FACTOR).inline(), *_BEGUN_FACTOR, columns=_BEGUN_FACTOR)
_FACTORS = Statement(
    select(*_FACTOR.c).where(_FACTOR.c.person == bindparam("of_person"), _FACTOR.c.removed_at.is_(None))
    .order_by(_FACTOR.c.added_at, _FACTOR.c.id),
    "of_person",
)  # fmt: skip
_FACTOR_FOR_UPDATE = Statement(
    select(*_FACTOR.c).where(_FACTOR.c.id == bindparam("named"), _FACTOR.c.removed_at.is_(None)).with_for_update(),
    "named",
)
_BY_CREDENTIAL = Statement(select(_FACTOR.c.id).where(_FACTOR.c.credential == bindparam("shown")), "shown")
_CONFIRMED = ("confirmed_at", "credential", "public_key", "sign_count", "last_step")
_CONFIRM_FACTOR = Statement(
    update(_FACTOR).where(
        _FACTOR.c.id == bindparam("named"), _FACTOR.c.confirmed_at.is_(None), _FACTOR.c.removed_at.is_(None)
    ),
    *_CONFIRMED, "named", columns=_CONFIRMED,
)  # fmt: skip
_USED = ("used_at", "sign_count", "last_step")
_USE_FACTOR = Statement(
    update(_FACTOR).where(_FACTOR.c.id == bindparam("named"), _FACTOR.c.removed_at.is_(None)),
    *_USED, "named", columns=_USED,
)  # fmt: skip
_REMOVED = ("removed_at", "removed_by")
_REMOVE_FACTOR = Statement(
    update(_FACTOR).where(_FACTOR.c.id == bindparam("named"), _FACTOR.c.removed_at.is_(None)),
    *_REMOVED, "named", columns=_REMOVED,
)  # fmt: skip
_ADD_SIGN_IN = insert_into(_SIGN_IN)
_BY_TOKEN = Statement(select(*_SIGN_IN.c).where(_SIGN_IN.c.digest == bindparam("of_token")), "of_token")
_ONE_SIGN_IN = Statement(select(*_SIGN_IN.c).where(_SIGN_IN.c.id == bindparam("named")), "named")
_OF_PERSON = Statement(
    select(*_SIGN_IN.c).where(_SIGN_IN.c.person == bindparam("of_person"))
    .order_by(_SIGN_IN.c.begun_at.desc(), _SIGN_IN.c.id).limit(bindparam("most")),
    "of_person", "most",
)  # fmt: skip
_NOT_ENDED = (_SIGN_IN.c.ended_at.is_(None),)
_TOUCH = Statement(
    update(_SIGN_IN).where(_SIGN_IN.c.id == bindparam("named"), _SIGN_IN.c.used_at < bindparam("later"), *_NOT_ENDED)
    .values(used_at=bindparam("later")),
    "named", "later",
)  # fmt: skip
_STRONG = ("strong_until", "challenge")
_MAKE_STRONG = Statement(
    update(_SIGN_IN).where(_SIGN_IN.c.id == bindparam("named"), *_NOT_ENDED), *_STRONG, "named", columns=_STRONG
)
_CHALLENGE = Statement(
    update(_SIGN_IN).where(_SIGN_IN.c.id == bindparam("named"), *_NOT_ENDED),
    "challenge", "named", columns=("challenge",),
)  # fmt: skip
_ENDS = ("ended_at", "ended_why")
_END = Statement(
    update(_SIGN_IN).where(_SIGN_IN.c.id == bindparam("named"), *_NOT_ENDED), *_ENDS, "named", columns=_ENDS
)
_END_ALL = Statement(
    update(_SIGN_IN).where(
        _SIGN_IN.c.person == bindparam("of_person"), _SIGN_IN.c.id != bindparam("but_for"), *_NOT_ENDED
    ),
    *_ENDS, "of_person", "but_for", columns=_ENDS,
)  # fmt: skip
_IS_USUAL = Statement(
    select(_SIGN_IN.c.id).where(
        _SIGN_IN.c.person == bindparam("of_person"), _SIGN_IN.c.source == bindparam("at_source"),
        _SIGN_IN.c.begun_at > bindparam("after"),
    ).limit(1),
    "of_person", "at_source", "after",
)  # fmt: skip
_ADD_HALF = insert_into(_HALF)
_ONE_HALF = Statement(select(*_HALF.c).where(_HALF.c.digest == bindparam("of_token")).with_for_update(), "of_token")
_TRY_HALF = Statement(
    update(_HALF).where(_HALF.c.digest == bindparam("of_token"), _HALF.c.used_at.is_(None))
    .values(tries=_HALF.c.tries + 1),
    "of_token",
)  # fmt: skip
_USE_HALF = Statement(
    update(_HALF).where(_HALF.c.digest == bindparam("of_token"), _HALF.c.used_at.is_(None)),
    "used_at", "of_token", columns=("used_at",),
)  # fmt: skip
_ADD_TICKET = insert_into(_TICKET)
_ONE_TICKET = Statement(
    select(*_TICKET.c).where(_TICKET.c.digest == bindparam("of_token")).with_for_update(), "of_token"
)
_END_TICKET = Statement(
    update(_TICKET).where(_TICKET.c.digest == bindparam("of_token"), _TICKET.c.ended_at.is_(None)),
    *_ENDS, "of_token", columns=_ENDS,
)  # fmt: skip
_END_TICKETS = Statement(
    update(_TICKET).where(_TICKET.c.person == bindparam("of_person"), _TICKET.c.ended_at.is_(None)),
    *_ENDS, "of_person", columns=_ENDS,
)  # fmt: skip
_ADD_FAILURE = upsert_into(_FAILURE)
_ONE_FAILURE = Statement(select(*_FAILURE.c).where(_FAILURE.c.key == bindparam("named")).with_for_update(), "named")
_STALE = select(_FAILURE.c.key).where(_FAILURE.c.last_at < bindparam("before")).with_for_update(skip_locked=True)
_FORGET_FAILURES = Statement(delete(_FAILURE).where(_FAILURE.c.key.in_(_STALE)), "before")
_COUNTED = ("failures", "since", "last_at", "wait_until")
_COUNT_FAILURE = Statement(
    update(_FAILURE).where(_FAILURE.c.key == bindparam("named")), *_COUNTED, "named", columns=_COUNTED
)


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A second factor of somebody, as :class:`engine.store.sign_in_tables.SecondFactor` describes it."""

    id: str
    person: str
    kind: str
    sealed: bytes
    added_at: datetime
    credential: bytes | None = None
    public_key: bytes | None = None
    sign_count: int | None = None
    last_step: int | None = None
    confirmed_at: datetime | None = None
    used_at: datetime | None = None
    removed_at: datetime | None = None
    removed_by: str | None = None


@dataclass(frozen=True, slots=True)
class SignInRow:
    """A sign-in, as :class:`engine.store.sign_in_tables.SignIn` describes it."""

    id: str
    digest: str
    person: str
    begun_at: datetime
    ends_at: datetime
    used_at: datetime
    means: str
    strong_until: datetime | None = None
    unit: str | None = None
    role: str | None = None
    source: str | None = None
    challenge: bytes | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None


@dataclass(frozen=True, slots=True)
class HalfRow:
    """A password that was right, and the second factor is waited for."""

    digest: str
    person: str
    begun_at: datetime
    ends_at: datetime
    challenge: bytes | None = None
    tries: int = 0
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FailureRow:
    """How often signing in failed since when, and until when nobody may try under this key."""

    key: str
    failures: int
    since: datetime
    last_at: datetime
    wait_until: datetime


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A one-time sign-in, and who gave it."""

    digest: str
    person: str
    issued_at: datetime
    ends_at: datetime
    issued_by: str | None = None
    ended_at: datetime | None = None
    ended_why: str | None = None


class SignInRows:
    """The part of a unit of work that keeps sign-ins and what somebody signs in with."""

    wire: Wire

    # ── passwords and second factors ──

    def password_of(self, person: str) -> str | None:
        """The password of somebody, as argon2id; ``None`` when there is none that counts."""
        found = self.wire.row(_PASSWORD_OF, (person,))
        return None if found is None else str(found[0]) or None

    def set_password(self, person: str, hashed: str, at: datetime) -> None:
        """Keep a password, instead of the one before."""
        self.wire.write(_SET_PASSWORD, (person, hashed, at))

    def void_password(self, person: str, at: datetime) -> None:
        """Let the password of somebody, if there is one, count no more."""
        self.wire.write(_VOID_PASSWORD, ("", at, person))

    def add_factor(self, row: FactorRow) -> None:
        """Keep a second factor that is to be confirmed."""
        self.wire.write(_ADD_FACTOR, (row.id, row.person, row.kind, row.sealed, row.added_at))

    def factors_of(self, person: str) -> list[FactorRow]:
        """The second factors of somebody, but for those removed, the oldest first."""
        return [FactorRow(*row) for row in self.wire.rows(_FACTORS, (person,))]

    def factor(self, factor: str) -> FactorRow | None:
        """A second factor, unless it was removed; nobody else uses it until this transaction ends."""
        found = self.wire.row(_FACTOR_FOR_UPDATE, (factor,))
        return None if found is None else FactorRow(*found)

    def confirm_factor(self, row: FactorRow) -> bool:
        """Confirm a second factor with what it was confirmed by; whether it was not yet."""
        values = (row.confirmed_at, row.credential, row.public_key, row.sign_count, row.last_step, row.id)
        return self.wire.write(_CONFIRM_FACTOR, values) == 1

    def use_factor(self, row: FactorRow) -> None:
        """Put on record what a second factor counted when it was used."""
        self.wire.write(_USE_FACTOR, (row.used_at, row.sign_count, row.last_step, row.id))

    def remove_factor(self, factor: str, *, at: datetime, by: str) -> bool:
        """Let a second factor count no more; whether it did."""
        return self.wire.write(_REMOVE_FACTOR, (at, by, factor)) == 1

    def has_credential(self, credential: bytes) -> bool:
        """Whether this passkey is, or was, somebody's."""
        return self.wire.row(_BY_CREDENTIAL, (credential,)) is not None

    # ── sign-ins ──

    def add_sign_in(self, row: SignInRow) -> None:
        """Put on record that somebody signed in."""
        values = (row.id, row.digest, row.person, row.begun_at, row.ends_at, row.used_at, row.means, row.strong_until,
                  row.unit, row.role, row.source, row.challenge, row.ended_at, row.ended_why)  # fmt: skip
        self.wire.write(_ADD_SIGN_IN, values)

    def sign_in_by(self, digest: str) -> SignInRow | None:
        """The sign-in whose token has this digest, over or not."""
        found = self.wire.row(_BY_TOKEN, (digest,))
        return None if found is None else SignInRow(*found)

    def sign_in(self, sign_in: str) -> SignInRow | None:
        """A sign-in by its code, over or not."""
        found = self.wire.row(_ONE_SIGN_IN, (sign_in,))
        return None if found is None else SignInRow(*found)

    def sign_ins_of(self, person: str, most: int) -> list[SignInRow]:
        """The sign-ins of somebody, the newest first, those that are over too."""
        return [SignInRow(*row) for row in self.wire.rows(_OF_PERSON, (person, most))]

    def touch_sign_in(self, sign_in: str, now: datetime) -> None:
        """Put on record that a sign-in was used now, unless somebody said so for a later time, or it ended."""
        self.wire.write(_TOUCH, (sign_in, now))

    def make_strong(self, sign_in: str, until: datetime) -> bool:
        """Put on record until when a second factor shown counts; whether the sign-in was not ended."""
        return self.wire.write(_MAKE_STRONG, (until, None, sign_in)) == 1

    def challenge_sign_in(self, sign_in: str, challenge: bytes | None) -> None:
        """Keep what a passkey is asked to sign for this sign-in; ``None``: it was answered."""
        self.wire.write(_CHALLENGE, (challenge, sign_in))

    def end_sign_in(self, sign_in: str, why: str, at: datetime) -> bool:
        """End a sign-in; whether nobody did before."""
        return self.wire.write(_END, (at, why, sign_in)) == 1

    def end_sign_ins(self, person: str, why: str, at: datetime, *, but: str = "") -> int:
        """End every sign-in of somebody but this one, and say how many there were."""
        return self.wire.write(_END_ALL, (at, why, person, but))

    def is_usual_source(self, person: str, source: str, after: datetime) -> bool:
        """Whether somebody signed in from there after this instant."""
        return self.wire.row(_IS_USUAL, (person, source, after)) is not None

    # ── half sign-ins and failures ──

    def add_half(self, row: HalfRow) -> None:
        """Put on record that the password was right."""
        values = (row.digest, row.person, row.begun_at, row.ends_at, row.challenge, row.tries, row.used_at)
        self.wire.write(_ADD_HALF, values)

    def half(self, digest: str) -> HalfRow | None:
        """The half sign-in whose token has this digest; nobody else uses it until this transaction ends."""
        found = self.wire.row(_ONE_HALF, (digest,))
        return None if found is None else HalfRow(*found)

    def try_half(self, digest: str) -> None:
        """Count that a second factor is tried on it."""
        self.wire.write(_TRY_HALF, (digest,))

    def use_half(self, digest: str, at: datetime) -> bool:
        """Use a half sign-in up; whether nobody did before."""
        return self.wire.write(_USE_HALF, (at, digest)) == 1

    def failures(self, key: str, now: datetime) -> FailureRow:
        """How often it failed under this key, none if never; nobody else counts it until this transaction ends."""
        self.wire.write(_ADD_FAILURE, (key, 0, now, now, now))
        found = self.wire.row(_ONE_FAILURE, (key,))
        assert found is not None, "it was just written, unless it was there"
        return FailureRow(*found)

    def count_failures(self, row: FailureRow) -> None:
        """Keep how often it failed."""
        self.wire.write(_COUNT_FAILURE, (row.failures, row.since, row.last_at, row.wait_until, row.key))

    def forget_failures(self, before: datetime) -> None:
        """Forget what failed last before this instant, but for what somebody else is at: nobody waits for it."""
        self.wire.write(_FORGET_FAILURES, (before,))

    # ── tickets ──

    def add_ticket(self, row: TicketRow) -> None:
        """Put on record that somebody was given a one-time sign-in."""
        values = (row.digest, row.person, row.issued_at, row.ends_at, row.issued_by, row.ended_at, row.ended_why)
        self.wire.write(_ADD_TICKET, values)

    def ticket(self, digest: str) -> TicketRow | None:
        """The ticket of this digest, used or not; nobody else uses it until this transaction ends."""
        found = self.wire.row(_ONE_TICKET, (digest,))
        return None if found is None else TicketRow(*found)

    def end_ticket(self, digest: str, why: str, at: datetime) -> bool:
        """Use a ticket up; whether nobody did before."""
        return self.wire.write(_END_TICKET, (at, why, digest)) == 1

    def end_tickets(self, person: str, why: str, at: datetime) -> None:
        """End every ticket of somebody that was not used."""
        self.wire.write(_END_TICKETS, (at, why, person))
