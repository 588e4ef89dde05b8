"""Tokens of registered services, linked accounts of an identity provider, and sign-ins there that are under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select, update

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_TOKEN = TABLES["service_token"]
_LINK = TABLES["provider_link"]
_ATTEMPT = TABLES["provider_attempt"]

_ADD_TOKEN = insert_into(_TOKEN)
_ONE_TOKEN = select(*_TOKEN.c).where(_TOKEN.c.id == bindparam("named"))
_FIND_TOKEN = Statement(_ONE_TOKEN, "named")
_TAKE_TOKEN = Statement(_ONE_TOKEN.with_for_update(), "named")
_TOKENS = Statement(
    select(*_TOKEN.c).where(_TOKEN.c.id > bindparam("after")).order_by(_TOKEN.c.id).limit(bindparam("most")),
    "after", "most",
)  # fmt: skip
_NEW_SECRET = ("digest", "rotated_at", "former_digest", "former_until")
_ROTATE_TOKEN = Statement(
    update(_TOKEN).where(_TOKEN.c.id == bindparam("named"), _TOKEN.c.revoked_at.is_(None)),
    *_NEW_SECRET, "named",
    columns=_NEW_SECRET,
)  # fmt: skip
_REVOKED = ("revoked_at", "revoked_by")
_REVOKE_TOKEN = Statement(
    update(_TOKEN).where(_TOKEN.c.id == bindparam("named"), _TOKEN.c.revoked_at.is_(None)),
    *_REVOKED, "named",
    columns=_REVOKED,
)  # fmt: skip
_USE_TOKEN = Statement(
    update(_TOKEN).where(
        _TOKEN.c.id == bindparam("named"),
        _TOKEN.c.revoked_at.is_(None),
        or_(_TOKEN.c.used_at.is_(None), _TOKEN.c.used_at < bindparam("before")),
    ),
    "used_at", "named", "before",
    columns=("used_at",),
)  # fmt: skip
_ADD_LINK = insert_into(_LINK)
_LINK_OF = Statement(
    select(*_LINK.c).where(_LINK.c.subject == bindparam("of_subject"), _LINK.c.until.is_(None)), "of_subject"
)
_LINKS = Statement(
    select(*_LINK.c).where(_LINK.c.id > bindparam("after")).order_by(_LINK.c.id).limit(bindparam("most")),
    "after", "most",
)  # fmt: skip
_ONE_LINK = Statement(select(*_LINK.c).where(_LINK.c.id == bindparam("named")).with_for_update(), "named")
_UNLINKED = ("until", "unlinked_by")
_UNLINK = Statement(
    update(_LINK).where(_LINK.c.id == bindparam("named"), _LINK.c.until.is_(None)),
    *_UNLINKED, "named",
    columns=_UNLINKED,
)  # fmt: skip
_ADD_ATTEMPT = insert_into(_ATTEMPT)
_FIND_ATTEMPT = Statement(select(*_ATTEMPT.c).where(_ATTEMPT.c.state == bindparam("of_state")), "of_state")
_DROP_ATTEMPT = Statement(delete(_ATTEMPT).where(_ATTEMPT.c.state == bindparam("of_state")), "of_state")
_DROP_OLD_ATTEMPTS = Statement(delete(_ATTEMPT).where(_ATTEMPT.c.until <= bindparam("now")), "now")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a service: for which unit and purposes, from when until when; ``digest`` is that of its secret."""

    id: str
    service: str
    unit: str
    purposes: str
    digest: str
    since: datetime
    until: datetime
    issued_by: str
    rotated_at: datetime | None = None
    former_digest: str | None = None
    former_until: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An account of the provider is a person of ours; ``subject`` is a keyed digest of issuer and subject."""

    id: str
    issuer: str
    subject: str
    person: str
    since: datetime
    linked_by: str
    until: datetime | None = None
    unlinked_by: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A sign-in at the provider under way: digests of its state and of what the browser keeps; ``sealed`` is opaque."""

    state: str
    browser: str
    sealed: bytes
    since: datetime
    until: datetime


class RegisteredRows:
    """The part of a unit of work that keeps tokens of services, linked accounts, and sign-ins under way."""

    wire: Wire

    def add_token(self, row: TokenRow) -> None:
        """Put a new token on record."""
        values = (row.id, row.service, row.unit, row.purposes, row.digest, row.since, row.until, row.issued_by,
                  row.rotated_at, row.former_digest, row.former_until, row.used_at, row.revoked_at,
                  row.revoked_by)  # fmt: skip
        self.wire.write(_ADD_TOKEN, values)

    def token(self, token: str, *, for_update: bool = False) -> TokenRow | None:
        """A token, if there is such; ``for_update`` lets nobody else change it until this transaction ends."""
        found = self.wire.row(_TAKE_TOKEN if for_update else _FIND_TOKEN, (token,))
        return None if found is None else TokenRow(*found)

    def tokens(self, after: str, most: int) -> list[TokenRow]:
        """Tokens by their codes, those after the one named (all: an empty one)."""
        return [TokenRow(*row) for row in self.wire.rows(_TOKENS, (after, most))]

    def rotate_token(
        self, token: str, digest: str, *, at: datetime, former: str | None, former_until: datetime | None
    ) -> bool:
        """Give a token another secret, and say until when the one before counts; whether it was not revoked."""
        return self.wire.write(_ROTATE_TOKEN, (digest, at, former, former_until, token)) == 1

    def revoke_token(self, token: str, *, at: datetime, by: str) -> bool:
        """End a token at once; whether it had not been before."""
        return self.wire.write(_REVOKE_TOKEN, (at, by, token)) == 1

    def use_token(self, token: str, *, at: datetime, before: datetime) -> None:
        """Put on record that a token was used, unless it was after ``before``."""
        self.wire.write(_USE_TOKEN, (at, token, before))

    def add_link(self, row: LinkRow) -> None:
        """Link an account of the provider to a person."""
        values = (row.id, row.issuer, row.subject, row.person, row.since, row.linked_by, row.until, row.unlinked_by)
        self.wire.write(_ADD_LINK, values)

    def link_of(self, subject: str) -> LinkRow | None:
        """The link of an account, if there is one now."""
        found = self.wire.row(_LINK_OF, (subject,))
        return None if found is None else LinkRow(*found)

    def links(self, after: str, most: int) -> list[LinkRow]:
        """Links by their codes, ended ones too, those after the one named (all: an empty one)."""
        return [LinkRow(*row) for row in self.wire.rows(_LINKS, (after, most))]

    def link(self, link: str) -> LinkRow | None:
        """A link, held until this transaction ends."""
        found = self.wire.row(_ONE_LINK, (link,))
        return None if found is None else LinkRow(*found)

    def end_link(self, link: str, *, at: datetime, by: str) -> bool:
        """End a link at once; whether it had not been before."""
        return self.wire.write(_UNLINK, (at, by, link)) == 1

    def add_attempt(self, row: AttemptRow) -> None:
        """Put on record that somebody was sent to the provider, and forget those whose time is over."""
        self.wire.write(_DROP_OLD_ATTEMPTS, (row.since,))
        self.wire.write(_ADD_ATTEMPT, (row.state, row.browser, row.sealed, row.since, row.until))

    def take_attempt(self, state: str) -> AttemptRow | None:
        """A sign-in under way, which is over with this; of two at once, one finds it."""
        found = self.wire.row(_FIND_ATTEMPT, (state,))
        if found is None or self.wire.write(_DROP_ATTEMPT, (state,)) != 1:
            return None
        return AttemptRow(*found)
