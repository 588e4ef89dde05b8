"""Signing in, second factors, one-time sign-ins and recoveries, as documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from api.http.shapes.plain import Asked, Code, Shown
from engine.service import recovery, second_factors, sessions, sign_in, tickets

_AT, _LATER, _PERSON, _FACTOR = "2026-11-22T02:00:00Z", "2026-11-22T14:00:00Z", "officer-12", "5f2c9a1e7b3d4068"
_ANSWER: dict[str, Any] = {"id": "Zm9v", "rawId": "Zm9v", "type": "public-key", "response": {"clientDataJSON": "e30"}}
_SIGN_IN = "0f3a5c7e9b1d2f48"
_MOST_SECRET = 1024

Secret = Annotated[str, Field(min_length=1, max_length=_MOST_SECRET)]
OneTimeCode = Annotated[str, Field(min_length=1, max_length=16)]
PasskeyAnswer = Annotated[dict[Annotated[str, Field(max_length=64)], JsonValue], Field(max_length=16)]
Means = Literal["password", "totp", "passkey", "ticket", "provider", "trial"]
ByCookie = Annotated[
    bool,
    Field(
        description="用 Cookie 登录，不返回令牌（浏览器用）。 Keep it in a cookie and answer no token: for browsers."
    ),
]


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# ── what is shown to sign in ──


class PasswordShownIn(Asked):
    """Who somebody says she is, and her password."""

    model_config = _example(person=_PERSON, password="correct horse battery staple", cookie=False)

    person: Annotated[str, Field(min_length=1, max_length=64)]
    password: Secret
    cookie: ByCookie = False


class SecondFactorShownIn(Asked):
    """A second factor after the password: a code, or what the browser's passkey answered."""

    model_config = _example(half="gth_" + 43 * "x", code="123456", cookie=False)

    half: Secret = Field(description="上一步所得。 What the password was answered with.")
    code: OneTimeCode | None = None
    passkey: PasskeyAnswer | None = None
    cookie: ByCookie = False


class TicketShownIn(Asked):
    """A one-time sign-in."""

    model_config = _example(ticket="gti_" + 43 * "x", cookie=False)

    ticket: Secret
    cookie: ByCookie = False


class ProofShownIn(Asked):
    """A second factor again: a code, or what the browser's passkey answered."""

    model_config = _example(code="123456")

    code: OneTimeCode | None = None
    passkey: PasskeyAnswer | None = None


class PasswordSet(Asked):
    """A new password of one's own."""

    model_config = _example(password="correct horse battery staple")

    password: Secret


class TotpConfirmed(Asked):
    """A code of the authenticator that is being enrolled."""

    model_config = _example(code="123456")

    code: OneTimeCode


class PasskeyConfirmed(Asked):
    """What the browser answered when it made the passkey."""

    model_config = _example(passkey=_ANSWER)

    passkey: PasskeyAnswer


class PersonMeant(Asked):
    """Whose sign-in it is about."""

    model_config = _example(person=_PERSON)

    person: Code = Field(description="人员代号，不得为姓名。 A code, never a name.")


# ── what is answered ──


class SignedInShown(Shown):
    """A sign-in that has just begun. ``token`` is shown this once, and null where it was put in a cookie."""

    model_config = _example(
        state="signed_in", token="gts_" + 43 * "x", sign_in=_SIGN_IN, person=_PERSON, means=["password", "totp"],
        may="act", ends_at=_LATER, idle_ends_at="2026-11-22T02:30:00Z", strong_until="2026-11-22T02:10:00Z",
    )  # fmt: skip

    state: Literal["signed_in"] = "signed_in"
    token: str | None
    sign_in: str
    person: str
    means: list[Means]
    may: Literal["act", "enrol"] = Field(
        description="enrol：只可设定密码、登记第二验证方式。 enrol: only set a password and enrol second factors."
    )
    ends_at: datetime
    idle_ends_at: datetime
    strong_until: datetime | None = Field(description="第二验证方式有效至。 Until when the second factor counts.")


class HalfShown(Shown):
    """That the password was right, and which second factor may follow; ``passkey_options`` are for the browser."""

    model_config = _example(
        state="second_factor_needed", half="gth_" + 43 * "x", factors=["totp"], passkey_options=None,
        ends_at="2026-11-22T02:05:00Z",
    )  # fmt: skip

    state: Literal["second_factor_needed"] = "second_factor_needed"
    half: str
    factors: list[Literal["totp", "passkey"]]
    passkey_options: dict[str, JsonValue] | None
    ends_at: datetime


class PasskeyOptions(Shown):
    """What the browser is told, to show a passkey."""

    model_config = _example(options={"challenge": "Zm9v", "rpId": "guitu.example.org", "allowCredentials": []})

    options: dict[str, JsonValue]


class ProofShown(Shown):
    """Until when the second factor counts."""

    model_config = _example(strong_until="2026-11-22T02:10:00Z")

    strong_until: datetime


class BegunShown(Shown):
    """One of one's own sign-ins."""

    model_config = _example(
        sign_in=_SIGN_IN, begun_at=_AT, used_at=_AT, ends_at=_LATER, means=["password", "totp"], ended_at=None,
        ended_why=None, is_this=True,
    )  # fmt: skip

    sign_in: str
    begun_at: datetime
    used_at: datetime
    ends_at: datetime
    means: list[Means]
    ended_at: datetime | None
    ended_why: str | None
    is_this: bool


class SignInsShown(Shown):
    """One's own sign-ins, the newest first."""

    model_config = _example(items=[])

    items: list[BegunShown]


class EndedShown(Shown):
    """How many sign-ins ended."""

    model_config = _example(ended=2)

    ended: int


class FactorShown(Shown):
    """A second factor; one that is not confirmed does not count."""

    model_config = _example(factor=_FACTOR, kind="totp", added_at=_AT, used_at=None, is_confirmed=True)

    factor: str
    kind: Literal["totp", "passkey"]
    added_at: datetime
    used_at: datetime | None
    is_confirmed: bool


class FactorsShown(Shown):
    """One's own second factors."""

    model_config = _example(items=[])

    items: list[FactorShown]


class TotpMade(Shown):
    """An authenticator to be confirmed; ``secret`` and ``address`` (of a square code) are shown this once."""

    model_config = _example(
        factor=_FACTOR, secret="JBSWY3DPEHPK3PXP", address="otpauth://totp/Guitu:officer-12?secret=…"
    )

    factor: str
    secret: str
    address: str


class PasskeyMade(Shown):
    """A passkey to be confirmed: what the browser is told, to make it."""

    model_config = _example(factor=_FACTOR, options={"challenge": "Zm9v", "rp": {"id": "guitu.example.org"}})

    factor: str
    options: dict[str, JsonValue]


class TicketShown(Shown):
    """A one-time sign-in, shown this once, to be handed to the person herself."""

    model_config = _example(ticket="gti_" + 43 * "x", person=_PERSON, ends_at="2026-11-23T02:00:00Z")

    ticket: str
    person: str
    ends_at: datetime


_RECOVERY: dict[str, Any] = {
    "recovery": "V-7K3M-9QXD-04RB", "person": _PERSON, "state": "waiting", "asked_by": "admin-1", "asked_at": _AT,
    "expires_at": "2026-11-29T02:00:00Z", "approved_by": "admin-2", "ready_at": "2026-11-23T02:00:00Z",
    "ended_at": None, "ended_by": None,
}  # fmt: skip


class RecoveryShown(Shown):
    """A recovery as it stands."""

    model_config = _example(**_RECOVERY)

    recovery: str
    person: str
    state: Literal["asked", "waiting", "ready", "stopped", "completed", "expired"]
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    approved_by: str | None
    ready_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


class RecoveriesShown(Shown):
    """The recoveries one may know of, the newest first."""

    model_config = _example(items=[_RECOVERY])

    items: list[RecoveryShown]


# ── from the engine ──


def signed_in_shown(begun: sessions.SignedIn, *, by_cookie: bool) -> SignedInShown:
    """A sign-in as it goes out; without its token where that goes out in a cookie."""
    may = "enrol" if sessions.FULL.isdisjoint(begun.means) else "act"
    return SignedInShown.model_validate({
        "token": None if by_cookie else begun.token, "sign_in": begun.sign_in, "person": begun.person,
        "means": list(begun.means), "may": may, "ends_at": begun.ends_at, "idle_ends_at": begun.idle_ends_at,
        "strong_until": begun.strong_until,
    })  # fmt: skip


def half_shown(half: sign_in.Half) -> HalfShown:
    """Half a sign-in as it goes out."""
    return HalfShown.model_validate({
        "half": half.token, "factors": list(half.factors), "passkey_options": half.passkey_options,
        "ends_at": half.ends_at,
    })  # fmt: skip


def begun_shown(one: sessions.Begun) -> BegunShown:
    """One of somebody's own sign-ins as it goes out."""
    return BegunShown.model_validate(
        {name: getattr(one, name) for name in BegunShown.model_fields} | {"means": list(one.means)}
    )


def factor_shown(one: second_factors.Factor) -> FactorShown:
    """A second factor as it goes out."""
    return FactorShown.model_validate({name: getattr(one, name) for name in FactorShown.model_fields})


def ticket_shown(one: tickets.Ticket) -> TicketShown:
    """A one-time sign-in as it goes out."""
    return TicketShown(ticket=one.ticket, person=one.person, ends_at=one.ends_at)


def recovery_shown(one: recovery.Recovery) -> RecoveryShown:
    """A recovery as it goes out."""
    return RecoveryShown.model_validate({name: getattr(one, name) for name in RecoveryShown.model_fields})
