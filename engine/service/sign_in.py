"""Signing in: the password, then a second factor; or a one-time ticket. Nobody is told which of it was wrong.

Each try is counted before it is judged, in a transaction of its own (:mod:`engine.service.throttle`); what came of it
is written with its entry in the ledger. The password is tried between the two: nobody waits for the record room then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.codes import is_code
from engine.core.commands import Actor
from engine.credentials import passwords
from engine.credentials.passkeys import new_challenge
from engine.credentials.tokens import digest_of, new_token
from engine.errors import PasskeyMissing, SignInFailed
from engine.ledger.canonical import Value
from engine.service import factors, throttle
from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.sessions import SignedIn, begun, proved
from engine.service.sign_in_rules import shipped
from engine.store.sign_in import HalfRow
from engine.store.work import Work

PURPOSE = "administration"


@dataclass(frozen=True, slots=True, repr=False)
class Half:
    """That the password was right. ``factors`` are what may follow; ``passkey_options`` is for the browser.

    ``token`` is shown this once, and of no use after ``ends_at``.
    """

    token: str
    factors: tuple[str, ...]
    passkey_options: dict[str, Any] | None
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    """Who it may be: the code if somebody has it, whether she may act at all, and her password as it is kept."""

    person: str | None
    is_active: bool
    password: str | None


def begin(desk: Desk, person: str, password: str, *, source: str) -> SignedIn | Half:
    """Show a password. Who has no second factor yet is signed in to enrol one; who has one is asked for it.

    Raises :class:`SignInFailed`, the same for whoever is unknown or deactivated and for a wrong password, and
    :class:`SignInThrottled`.
    """
    with kept(desk.database) as work:
        tried = throttle.take(desk, work, person, source)
        known = _known(work, person)
    account = Account("sign_in:begin", purpose=PURPOSE, details=_of(known.person))
    is_right, anew = (False, None) if tried.wait else passwords.shipped().verify(password, known.password)
    with desk.changing(account) as work:
        throttle.hold(tried)
        if not is_right or not known.is_active or known.person is None or known != _known(work, known.person):
            raise _failed()
        if anew is not None:
            work.set_password(known.person, anew, desk.clock())
        enrolled = factors.confirmed(work, known.person)
        throttle.went_well(desk, work, tried, is_whole=not enrolled)
        if not enrolled:
            return begun(desk, work, account, known.person, ("password",), is_strong=False, source=tried.source)
        account.details["means"] = "password"
        return _half(desk, work, known.person)


def finish(
    desk: Desk, half_token: str, *, code: str | None = None, passkey: Mapping[str, Any] | None = None, source: str
) -> SignedIn:  # fmt: skip
    """Show the second factor after the password, and be signed in, with a token that was never seen before.

    Raises :class:`SignInFailed`, also when it was tried too often or too late, and :class:`SignInThrottled`.
    """
    digest = digest_of(half_token, "gth") or ""
    with kept(desk.database) as work:
        half = work.half(digest)
        tried = throttle.take(desk, work, half.person if half else "", source)
        if half is not None and not tried.wait:
            work.try_half(digest)
    account = Account("sign_in:begin", purpose=PURPOSE, details=_of(half.person if half else None))
    with desk.changing(account) as work:
        throttle.hold(tried)
        half = work.half(digest)
        if half is None or not _is_open(desk, half) or not _known(work, half.person).is_active:
            raise _failed()
        found = factors.used(desk, work, half.person, factors.Answer(code, passkey, half.challenge))
        if found is None or not work.use_half(digest, desk.clock()):
            raise _failed()
        throttle.went_well(desk, work, tried)
        means = ("password", found.kind)
        return begun(desk, work, account, half.person, means, is_strong=True, source=tried.source)


def ask_again(desk: Desk, actor: Actor) -> dict[str, Any]:
    """What the browser is told, so that whoever is signed in shows a passkey again to :func:`prove`.

    Raises :class:`NotSignedIn`, and :class:`PasskeyMissing` for who has none.
    """
    challenge = new_challenge()
    with kept(desk.database) as work:
        row = proved(desk, actor, work)
        told = factors.options(desk, factors.confirmed(work, row.person), challenge)
        if told is None:
            raise PasskeyMissing(
                "没有登记通行密钥，请改用动态验证码", "no passkey is enrolled here: show a one-time code instead"
            )
        work.challenge_sign_in(row.id, challenge)
    return told


def prove(
    desk: Desk, actor: Actor, *, code: str | None = None, passkey: Mapping[str, Any] | None = None, source: str
) -> datetime:  # fmt: skip
    """Show a second factor again; gives until when that counts for what asks for it.

    Raises :class:`NotSignedIn`, :class:`SignInFailed`, :class:`SignInThrottled`.
    """
    with kept(desk.database) as work:
        tried = throttle.take(desk, work, actor.person, source)
    account = Account("sign_in:prove", actor)
    with desk.changing(account) as work:
        throttle.hold(tried)
        row = proved(desk, actor, work)
        found = factors.used(desk, work, row.person, factors.Answer(code, passkey, row.challenge))
        until = desk.clock() + shipped().strong
        if found is None or not work.make_strong(row.id, until):
            raise _failed()
        throttle.went_well(desk, work, tried)
        account.details.update({"sign_in": row.id, "means": found.kind})
    return until


def with_ticket(desk: Desk, ticket: str, *, source: str) -> SignedIn:
    """Sign in with a one-time ticket, to set a password and enrol; in a world for trial for everything.

    Raises :class:`SignInFailed` for a ticket that is none, used, replaced or expired, and :class:`SignInThrottled`.
    """
    digest = digest_of(ticket, "gti") or ""
    with kept(desk.database) as work:
        row = work.ticket(digest)  # before it is counted, as below: of two at once neither waits for the other in vain
        tried = throttle.take(desk, work, "", source)
    account = Account("sign_in:begin", purpose=PURPOSE, details=_of(row.person if row else None))
    with desk.changing(account) as work:
        throttle.hold(tried)
        row, now = work.ticket(digest), desk.clock()
        if row is None or row.ended_at is not None or now >= row.ends_at or not _known(work, row.person).is_active:
            raise _no_ticket()
        if not work.end_ticket(digest, "used", now):
            raise _no_ticket()
        throttle.went_well(desk, work, tried)
        means = ("ticket", "trial") if work.is_trial() else ("ticket",)
        return begun(desk, work, account, row.person, means, is_strong="trial" in means, source=tried.source)


def _half(desk: Desk, work: Work, person: str) -> Half:
    """Put on record that the password was right, and say what may follow."""
    enrolled = factors.confirmed(work, person)
    token, challenge, now = new_token("gth"), new_challenge(), desk.clock()
    digest = digest_of(token, "gth")
    assert digest is not None, "it was just made"
    ends_at = now + shipped().half
    work.add_half(HalfRow(digest, person, now, ends_at, challenge))
    return Half(token, factors.kinds_of(enrolled), factors.options(desk, enrolled, challenge), ends_at)


def _is_open(desk: Desk, half: HalfRow) -> bool:
    return half.used_at is None and desk.clock() < half.ends_at and half.tries <= shipped().half_tries


def _known(work: Work, person: str) -> _Known:
    """Who has this code. The same is asked whoever it is: what cannot be a code is asked for as the code of nobody."""
    asked = person if is_code(person) else ""
    member, password = work.member(asked), work.password_of(asked)
    return _Known(None if member is None else person, member is not None and member.deactivated_at is None, password)


def _of(person: str | None) -> dict[str, Value]:
    """Whom the ledger tells of: of a name that nobody has nothing is told, for it may be a password."""
    return {} if person is None else {"person": person}


def _no_ticket() -> SignInFailed:
    return SignInFailed(
        "登录失败：一次性登录凭证不正确，或已使用、被新的取代、过期；请由系统管理员另行签发",
        "signing in failed: the ticket is wrong, used, replaced by a newer one, or expired; ask an administrator for "
        "another",
    )


def _failed() -> SignInFailed:
    return SignInFailed(
        "登录失败：账号、密码或第二验证方式不正确，或已失效",
        "signing in failed: the name, the password or the second factor is wrong, or no longer counts",
    )
