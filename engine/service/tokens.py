"""Tokens of registered services: issued by an administrator for one unit and named purposes, and shown once.

A service is enrolled like a person and holds the role of a service in one unit. Its token is ``gtk_``, twelve letters
that name it, ``_`` and a secret of 256 bits; of the secret only the SHA-256 is kept, and a secret that nobody could
guess needs no slower one. What a service may do with it, the policies say; identities it never touches.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from engine.core.codes import hold_code
from engine.core.commands import Actor, Proof
from engine.core.directory import Directory
from engine.core.roles import Membership
from engine.errors import (
    CommandMalformed,
    MemberMissing,
    NothingToChange,
    NotSignedIn,
    ServiceUnclear,
    TokenOver,
    TokenUnknown,
)
from engine.ledger.canonical import Value
from engine.ledger.event import PURPOSES
from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.permission import permit_act
from engine.service.registered_rules import TokenRules, shipped_token_rules
from engine.store.people import Member
from engine.store.registered import TokenRow
from engine.store.work import Work

PURPOSE = "administration"
SERVICE = "service"
PREFIX = "gtk_"
NOT_FOR_SERVICES = frozenset({"custody", "emergency", "audit", "administration", "unstated"})
FOR_SERVICES = tuple(purpose for purpose in PURPOSES if purpose not in NOT_FOR_SERVICES)
"""The purposes that a token may be bound to."""
USED_SECONDS = 60
"""The last use of a token is written no more often than this."""
MOST_LISTED = 100
State = Literal["live", "over", "revoked"]

_LETTERS, _SECRET_BYTES = 12, 32
_TOKEN = re.compile(r"gtk_([a-z]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_NAME = re.compile(r"[a-z]{12}", re.ASCII)
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class Listed:
    """A token as it may be shown: never its secret. ``overlap_until``: until when the secret before counts, too."""

    id: str
    service: str
    unit: str
    purposes: tuple[str, ...]
    state: State
    since: datetime
    until: datetime
    issued_by: str
    used_at: datetime | None
    rotated_at: datetime | None
    overlap_until: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A token that was just made: the only time it is shown. ``overlap_until`` as in :class:`Listed`."""

    token: str
    id: str
    service: str
    unit: str
    purposes: tuple[str, ...]
    ends_at: datetime
    overlap_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the tokens in the order of their codes; ``next`` is handed back for those after them."""

    items: tuple[Listed, ...]
    next: str | None


def issue(
    desk: Desk, actor: Actor, service: str, purposes: Collection[str], until: datetime, *,
    rules: TokenRules | None = None,
) -> Issued:  # fmt: skip
    """Issue a token to a service, for the unit it is a service of, bound to these purposes and good before ``until``.

    Raises :class:`MemberMissing`, :class:`ServiceUnclear`, and :class:`CommandMalformed` for a purpose that is none or
    not for services, and for an end that has passed or lies further off than the local setting allows.
    """
    bound = _purposes(purposes)
    account = Account("token:issue", actor, purpose=PURPOSE, details={"service": hold_code("PERSON", service)})
    with _managing(desk, account) as work:
        now = desk.clock()
        _hold_end(until, now, rules or shipped_token_rules())
        unit = _unit_of(_enrolled(work, service), desk.directory(work), now)
        token, secret = _name(), secrets.token_urlsafe(_SECRET_BYTES)
        by = f"{actor.person}@{actor.unit}"
        work.add_token(TokenRow(token, service, unit, ",".join(bound), _digest(secret), now, until, by))
        account.details |= {
            "token": token, "unit": unit, "purposes": ",".join(bound), "until": until.isoformat(timespec="seconds"),
        }  # fmt: skip
    return Issued(f"{PREFIX}{token}_{secret}", token, service, unit, bound, until)


def rotate(
    desk: Desk, actor: Actor, token: str, *, overlap_hours: int | None = None, rules: TokenRules | None = None
) -> Issued:
    """Give a token another secret; the one before lives on for ``overlap_hours`` (the local setting if not given).

    With 0 it ends at once. The token still ends when it did. Raises :class:`TokenUnknown`, :class:`TokenOver`,
    :class:`CommandMalformed` for a longer time than the setting allows.
    """
    account = Account("token:rotate", actor, purpose=PURPOSE, details=_named(token))
    with _managing(desk, account) as work:
        now = desk.clock()
        row = _living(work, token, now)
        most = (rules or shipped_token_rules()).overlap_hours
        hours = most if overlap_hours is None else overlap_hours
        if not 0 <= hours <= most:
            raise CommandMalformed(
                f"新旧令牌并用时间应为 0 到 {most} 小时", f"both secrets count for 0 to {most} hours", field="overlap"
            )
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        former_until = min(now + timedelta(hours=hours), row.until) if hours else None
        former = row.digest if hours else None
        work.rotate_token(token, _digest(secret), at=now, former=former, former_until=former_until)
        account.details |= {"service": row.service, "unit": row.unit, "overlap_hours": hours}
    return Issued(
        f"{PREFIX}{token}_{secret}", token, row.service, row.unit, _split(row.purposes), row.until, former_until
    )


def revoke(desk: Desk, actor: Actor, token: str) -> Listed:
    """End a token at once, with every secret of it. Raises :class:`TokenUnknown`, :class:`NothingToChange`."""
    account = Account("token:revoke", actor, purpose=PURPOSE, details=_named(token))
    with _managing(desk, account) as work:
        now = desk.clock()
        row = _known(work, token)
        if not work.revoke_token(token, at=now, by=f"{actor.person}@{actor.unit}"):
            raise NothingToChange(f"令牌 {token} 已吊销", f"token {token} is revoked already")
        account.details |= {"service": row.service, "unit": row.unit}
        return _listed(_known(work, token), now)


def listed(desk: Desk, actor: Actor, after: str | None = None) -> Page:
    """Tokens, ended ones too, up to a hundred after the one named. Raises what permission raises."""
    if after is not None:
        _named(after)
    account = Account("token:list", actor, purpose=PURPOSE)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "manage_tokens", "administrator")
        now = desk.clock()
        rows = work.tokens(after or "", MOST_LISTED + 1)
    shown_rows = rows[:MOST_LISTED]
    return Page(tuple(_listed(row, now) for row in shown_rows), shown_rows[-1].id if len(rows) > MOST_LISTED else None)


def present(desk: Desk, token: str, *, purpose: str | None = None) -> Actor:
    """The service whose token this is, acting for its unit; without a purpose, for the one it is bound to first.

    Raises :class:`NotSignedIn`, in the same words for a token that is none, is over or revoked, and for one whose
    service left or is no service of that unit any more. That the purpose is granted is held where it acts.
    """
    named = _TOKEN.fullmatch(token)
    if named is None:
        raise not_a_token()
    with desk.database.reading() as work:
        now = desk.clock()
        row = work.token(named[1])
        if row is None or not _is_shown(row, named[2], now):
            raise not_a_token()
        if not _is_still_service(work.member(row.service), row, desk.directory(work), now):
            raise not_a_token()
    bound = _split(row.purposes)
    _note_use(desk, row, now)
    proof = Proof(_sign_in_of(row.id), purposes=frozenset(bound))
    return Actor(row.service, row.unit, bound[0] if purpose is None else purpose, SERVICE, proof)


def not_a_token() -> NotSignedIn:
    """The error that says a token does not count, and not why."""
    return NotSignedIn("服务令牌无效或已失效", "this is no valid service token, or none any more")


# ── below ──


@contextmanager
def _managing(desk: Desk, account: Account) -> Iterator[Work]:
    """An act of an administrator on tokens. Raises what permission raises."""
    with desk.changing(account) as work:
        desk.forget()
        permit_act(desk, account, work, "manage_tokens", "administrator")
        yield work


def _purposes(purposes: Collection[str]) -> tuple[str, ...]:
    wanted = tuple(purpose for purpose in FOR_SERVICES if purpose in purposes)
    if not wanted or len(wanted) != len(set(purposes)):
        words = ", ".join(FOR_SERVICES)
        raise CommandMalformed(
            f"请写明令牌的目的，限于：{words}", f"name what the token is for, among: {words}", field="purposes"
        )
    return wanted


def _hold_end(until: datetime, now: datetime, rules: TokenRules) -> None:
    if not now < until <= now + timedelta(days=rules.longest_days):
        raise CommandMalformed(
            f"令牌的截止时间须晚于现在，且不超过 {rules.longest_days} 天",
            f"a token ends after now, and within {rules.longest_days} days",
            field="until",
        )


def _enrolled(work: Work, service: str) -> Member:
    found = work.member(service)
    if found is None or found.deactivated_at is not None:
        raise MemberMissing(
            f"{service} 未登记或已停用；请先执行 guitu people add 和 guitu people grant",
            f"{service} is not enrolled, or is deactivated: run guitu people add and guitu people grant first",
        )
    return found


def _unit_of(member: Member, directory: Directory, now: datetime) -> str:
    """The unit somebody is a service of. Raises :class:`ServiceUnclear` when there is none, or more than one."""
    units = {directory.current(one.unit).id for one in _services(member.memberships, now)}
    if len(units) != 1:
        raise ServiceUnclear(
            f"{member.person} 须且只能在一个单位担任 service", f"{member.person} must be a service of exactly one unit",
            units=sorted(units),
        )  # fmt: skip
    return units.pop()


def _services(memberships: Collection[Membership], now: datetime) -> list[Membership]:
    return [one for one in memberships if one.role == SERVICE and one.holds(now)]


def _is_still_service(member: Member | None, row: TokenRow, directory: Directory, now: datetime) -> bool:
    """Whether it has been a service of that unit ever since the token was issued: an old token never comes to life."""
    if member is None or member.deactivated_at is not None or member.since > row.since:
        return False
    return any(
        one.since <= row.since and directory.same(one.unit, row.unit) for one in _services(member.memberships, now)
    )


def _is_shown(row: TokenRow, secret: str, now: datetime) -> bool:
    """Whether the secret is one of the token's that count now; the time it takes does not tell which."""
    digest = _digest(secret)
    is_current = hmac.compare_digest(digest, row.digest)
    is_former = hmac.compare_digest(digest, row.former_digest or _NO_DIGEST)
    overlaps = row.former_until is not None and now < row.former_until
    return _state(row, now) == "live" and (is_current or (is_former and overlaps))


def _note_use(desk: Desk, row: TokenRow, now: datetime) -> None:
    before = now - timedelta(seconds=USED_SECONDS)
    if row.used_at is not None and row.used_at >= before:
        return
    with kept(desk.database) as work:
        work.use_token(row.id, at=now, before=before)


def _known(work: Work, token: str) -> TokenRow:
    row = work.token(token, for_update=True)
    if row is None:
        raise TokenUnknown(f"没有令牌 {token}", f"there is no token {token}")
    return row


def _living(work: Work, token: str, now: datetime) -> TokenRow:
    row = _known(work, token)
    if _state(row, now) != "live":
        raise TokenOver(
            f"令牌 {token} 已吊销或到期，请另行签发", f"token {token} is revoked or over: issue another one"
        )
    return row


def _listed(row: TokenRow, now: datetime) -> Listed:
    overlap = row.former_until if row.former_until is not None and now < row.former_until else None
    return Listed(
        row.id, row.service, row.unit, _split(row.purposes), _state(row, now), row.since, row.until, row.issued_by,
        row.used_at, row.rotated_at, overlap, row.revoked_at, row.revoked_by,
    )  # fmt: skip


def _state(row: TokenRow, now: datetime) -> State:
    if row.revoked_at is not None:
        return "revoked"
    return "live" if now < row.until else "over"


def _named(token: str) -> dict[str, Value]:
    """What the ledger tells of a token that somebody named. Raises :class:`CommandMalformed`, which repeats nothing."""
    if _NAME.fullmatch(token) is None:
        raise CommandMalformed(
            "请写令牌的代码（十二个字母），不要写令牌本身", "name a token by its code of twelve letters, not by itself",
            field="token",
        )  # fmt: skip
    return {"token": token}


def _split(purposes: str) -> tuple[str, ...]:
    return tuple(purposes.split(","))


def _name() -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _sign_in_of(token: str) -> str:
    """By which token somebody acts, as 16 digits of hex, like the sign-in of a person."""
    return hashlib.sha256(f"{PREFIX}{token}".encode()).hexdigest()[:16]
