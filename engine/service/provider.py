"""Sign-in by the organisation's own identity provider: sent there, and back.

The provider proves who somebody is. Units and roles come from our own tables and never from what it says. Whatever
fails, the caller hears the same words; why it was, ledger and log are told.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from engine.credentials.provider import SKEW_SECONDS, NotProvedError, Proved, Provider, is_safe
from engine.errors import ProviderMissing, ProviderRefused
from engine.service import sessions
from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.log import log
from engine.service.provider_links import locator, no_provider
from engine.service.registered_rules import ProviderRules, shipped_provider_rules
from engine.service.sessions import SignedIn
from engine.store.registered import AttemptRow
from engine.vault.keys import Cell

PURPOSE = "administration"
MEANS = "provider"
SKEW = timedelta(seconds=SKEW_SECONDS)


@dataclass(frozen=True, slots=True, repr=False)
class Away:
    """Where to send the browser, and what it must keep until it is back (a cookie): the return counts only with it."""

    address: str
    browser: str
    ends_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Return:
    """How a browser came back: what the provider gave it, what it kept, and from where it calls (``source``).

    ``issuer`` is whom the return names, ``error`` that the provider refused; each ``None`` if it says nothing of it.
    """

    state: str
    code: str | None
    browser: str
    source: str
    issuer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    verifier: str
    nonce: str
    again: bool
    since: datetime


def provider_at(
    issuer: str, client_id: str | None, redirect: str | None, secret_file: Path | None
) -> Provider:  # fmt: skip
    """The provider at this address, as the settings name it and us. Raises :class:`ProviderMissing`."""
    if client_id is None or redirect is None:
        raise ProviderMissing(
            "统一身份平台还须设定 GUITU_OIDC_CLIENT_ID 和 GUITU_OIDC_REDIRECT",
            "an identity provider needs GUITU_OIDC_CLIENT_ID and GUITU_OIDC_REDIRECT, too",
        )
    if not (is_safe(issuer) and is_safe(redirect)):
        raise ProviderMissing(
            "GUITU_OIDC_ISSUER 和 GUITU_OIDC_REDIRECT 须为 HTTPS 地址",
            "GUITU_OIDC_ISSUER and GUITU_OIDC_REDIRECT are addresses of HTTPS",
        )
    return Provider(issuer, client_id, redirect, None if secret_file is None else lambda: _secret_in(secret_file))


def _secret_in(path: Path) -> str:
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise NotProvedError("secret") from None
    if not found:
        raise NotProvedError("secret")
    return found


# ── signing in ──


def begin(desk: Desk, *, again: bool = False, rules: ProviderRules | None = None) -> Away:
    """Send somebody to the provider; ``again``: she signs in there anew, whatever it remembers of her.

    Raises :class:`ProviderMissing`, :class:`ProviderRefused` when the provider does not answer.
    """
    going_by, provider = rules or shipped_provider_rules(), _provider(desk)
    state, browser, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(4))
    max_age = int(going_by.max_age.total_seconds())
    try:
        address = provider.address(state=state, nonce=nonce, verifier=verifier, max_age=max_age, again=again)
    except NotProvedError as error:
        log("provider_refused", code=error.why)
        raise _refusal() from None
    named = _digest(state)
    kept_apart = json.dumps({"verifier": verifier, "nonce": nonce, "again": again}).encode()
    with kept(desk.database) as work:
        now = desk.clock()
        sealed = desk.safe.house(work).seal(kept_apart, _cell(named))
        work.add_attempt(AttemptRow(named, _digest(browser), sealed, now, now + going_by.attempt))
    return Away(address, browser, now + going_by.attempt)


def complete(desk: Desk, back: Return, *, rules: ProviderRules | None = None) -> SignedIn:
    """Sign in whoever came back, once, if the provider proves that she is somebody linked here.

    Raises :class:`ProviderMissing`, and whatever failed :class:`ProviderRefused` in the same words.
    """
    going_by, provider = rules or shipped_provider_rules(), _provider(desk)
    try:
        attempt = _attempt(desk, back)
        now = desk.clock()
        proved = provider.proved(
            back.code or "", issuer=back.issuer, verifier=attempt.verifier, nonce=attempt.nonce, now=now
        )
        age = _age(proved, attempt, going_by, desk.clock())
        person = _person(desk, provider, proved.subject)
    except NotProvedError as error:
        _refuse(desk, error.why, back.source)
    return sessions.begin_as(desk, person, (MEANS,), _is_strong(proved, age, going_by))


def _provider(desk: Desk) -> Provider:
    if desk.provider is None:
        raise no_provider()
    return desk.provider


def _attempt(desk: Desk, back: Return) -> _Attempt:
    """The attempt this is the return of; it is used up with this, whatever comes of it."""
    named = _digest(back.state)
    with kept(desk.database) as work:
        row, house, now = work.take_attempt(named), desk.safe.house(work), desk.clock()
    if row is None:
        raise NotProvedError("state")
    if now >= row.until:
        raise NotProvedError("late")
    if not hmac.compare_digest(row.browser, _digest(back.browser)):
        raise NotProvedError("browser")
    if back.error is not None or not back.code:
        raise NotProvedError("denied")
    told = json.loads(house.unseal(row.sealed, _cell(named)))
    return _Attempt(told["verifier"], told["nonce"], told["again"], row.since)


def _age(proved: Proved, attempt: _Attempt, rules: ProviderRules, now: datetime) -> timedelta:
    """How long ago she signed in at the provider, which must tell it: it was asked for no older one."""
    at = proved.signed_in_at
    if (
        at is None
        or at > now + SKEW
        or now - at > rules.max_age + SKEW
        or (attempt.again and at < attempt.since - SKEW)
    ):
        raise NotProvedError("auth_time")
    return now - at


def _person(desk: Desk, provider: Provider, subject: str) -> str:
    with desk.database.reading() as work:
        row = work.link_of(locator(desk.safe.house(work), provider.issuer, subject))
        member = None if row is None else work.member(row.person)
    if row is None:
        raise NotProvedError("unlinked")
    if member is None or member.deactivated_at is not None:
        raise NotProvedError("deactivated")
    return row.person


def _is_strong(proved: Proved, age: timedelta, rules: ProviderRules) -> bool:
    """Whether it was with a second factor, by the words that the local setting lists, and just now."""
    listed = not set(rules.strong_amr).isdisjoint(proved.amr) or proved.acr in rules.strong_acr
    return listed and age <= rules.fresh


def _refuse(desk: Desk, why: str, source: str) -> NoReturn:
    log("provider_refused", code=why)
    account = Account("sign_in:begin", purpose=PURPOSE, details={"means": MEANS, "why": why})
    with desk.changing(account) as work:
        account.details["source"] = desk.safe.house(work).locator(b"source\0" + source.encode())
        raise _refusal()


def _refusal() -> ProviderRefused:
    return ProviderRefused(
        "统一身份登录未成功，请重新登录；仍不成功的，请与系统管理员联系",
        "signing in by the identity provider failed: try again, and if it fails again ask an administrator",
    )


def _cell(state: str) -> Cell:
    return Cell("provider_attempt", state, "sealed", 1)


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
