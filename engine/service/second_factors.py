"""A person's own password and second factors: set, enrolled, confirmed, removed.

Who has none yet does it with a sign-in that is good for nothing else (by ticket, or by a password alone); who has one
shows it again first. So whoever finds a sign-in lying open can change nothing of how its owner signs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.credentials import passkeys, passwords, totp
from engine.errors import EnrolmentRefused, NothingToChange, PasskeyMissing, Reason
from engine.service import factors
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.notices import new_code
from engine.service.proof import hold_strong
from engine.service.sessions import is_full, not_signed_in, proved
from engine.service.sign_in_rules import shipped
from engine.service.tickets import hold_enrolled
from engine.store.sign_in import FactorRow, SignInRow
from engine.store.work import Work

PURPOSE = "administration"
FAULTS: Mapping[str, tuple[str, str]] = {
    "password_short": (
        f"密码至少 {passwords.SHORTEST} 个字符", f"a password has {passwords.SHORTEST} characters or more",
    ),
    "password_long": (f"密码最多 {passwords.LONGEST} 个字符", f"a password has {passwords.LONGEST} characters at most"),
    "password_own_code": ("密码不能由本人代码构成", "a password is not made of one's own code"),
    "password_pattern": (
        "密码不能是重复或连续的字符（如 aaaa、1234、qwerty）", "a password is no repetition or row (aaaa, 1234, qwerty)"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Totp:
    """An authenticator to be confirmed: its secret, as typed and as the address of a square code, shown this once."""

    factor: str
    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Making:
    """A passkey to be confirmed: what the browser is told."""

    factor: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor as its owner sees it listed."""

    factor: str
    kind: str
    added_at: datetime
    used_at: datetime | None
    is_confirmed: bool


def set_password(desk: Desk, actor: Actor, password: str) -> None:
    """Set the actor's password; every other sign-in of hers ends.

    Raises :class:`EnrolmentRefused` with all that stands against it, :class:`NotSignedIn`, :class:`StrongSignInNeeded`.
    """
    stands_against = passwords.faults(password, actor.person)
    hashed = "" if stands_against else passwords.shipped().hashed(password)
    account = Account("password:set", actor, purpose=PURPOSE)
    with desk.changing(account) as work:
        row = _enrolling(desk, account, actor, work)
        if stands_against:
            raise EnrolmentRefused(
                "该密码不能使用", "this password is not taken",
                reasons=tuple(Reason(code, *FAULTS[code]) for code in stands_against),
            )  # fmt: skip
        work.set_password(row.person, hashed, desk.clock())
        account.details["ended"] = work.end_sign_ins(row.person, "password_set", desk.clock(), but=row.id)


def begin_totp(desk: Desk, actor: Actor) -> Totp:
    """Make an authenticator's secret; it counts once :func:`confirm_totp` was shown a code of it.

    Raises :class:`NotSignedIn`, :class:`StrongSignInNeeded`, :class:`MemberMissing`.
    """
    account = Account("factor:add", actor, purpose=PURPOSE)
    with desk.changing(account) as work:
        person = _enrolling(desk, account, actor, work).person
        secret = totp.new_secret()
        factor = _begun(desk, account, work, FactorRow("", person, "totp", secret, desk.clock()))
    return Totp(factor, totp.spelled(secret), totp.address(secret, person))


def confirm_totp(desk: Desk, actor: Actor, factor: str, code: str) -> Factor:
    """Confirm an authenticator by a code of it.

    Raises :class:`EnrolmentRefused`, and what :func:`begin_totp` raises.
    """
    account = Account("factor:add", actor, purpose=PURPOSE, details={"factor": hold_code("FACTOR", factor)})
    with desk.changing(account) as work:
        person = _enrolling(desk, account, actor, work).person
        row, now = _waiting(desk, work, person, factor, "totp"), desk.clock()
        step = totp.accepted(factors.unseal(desk, work, row), code, now, None)
        if step is None:
            raise _not_confirmed()
        return _confirm(desk, account, actor, work, replace(row, confirmed_at=now, last_step=step))


def begin_passkey(desk: Desk, actor: Actor) -> Making:
    """Tell the browser to make a passkey; it counts once :func:`confirm_passkey` was shown the answer.

    Raises :class:`PasskeyMissing` where the installation takes none, and what :func:`begin_totp` raises.
    """
    account = Account("factor:add", actor, purpose=PURPOSE)
    with desk.changing(account) as work:
        person = _enrolling(desk, account, actor, work).person
        site, challenge = _site(desk), passkeys.new_challenge()
        factor = _begun(desk, account, work, FactorRow("", person, "passkey", challenge, desk.clock()))
        known = [row.credential for row in factors.confirmed(work, person) if row.credential is not None]
        handle = bytes.fromhex(desk.safe.house(work).locator(b"passkey\0" + person.encode()))
    return Making(factor, passkeys.to_make(site, person, handle, challenge, known))


def confirm_passkey(desk: Desk, actor: Actor, factor: str, answer: Mapping[str, Any]) -> Factor:
    """Confirm a passkey by what the browser made. Raises as :func:`confirm_totp`."""
    account = Account("factor:add", actor, purpose=PURPOSE, details={"factor": hold_code("FACTOR", factor)})
    with desk.changing(account) as work:
        person = _enrolling(desk, account, actor, work).person
        row = _waiting(desk, work, person, factor, "passkey")
        made = passkeys.made(_site(desk), answer, factors.unseal(desk, work, row))
        if made is None or work.has_credential(made.credential):
            raise _not_confirmed()
        return _confirm(desk, account, actor, work, replace(
            row, confirmed_at=desk.clock(), credential=made.credential, public_key=made.public_key,
            sign_count=made.sign_count,
        ))  # fmt: skip


def listed(desk: Desk, actor: Actor) -> list[Factor]:
    """The second factors of the actor, but for those removed. Raises :class:`NotSignedIn`."""
    with desk.reading(Account("sign_in:list", actor, purpose=PURPOSE)) as work:
        return [_shown(row) for row in work.factors_of(proved(desk, actor, work).person)]


def remove(desk: Desk, actor: Actor, factor: str) -> None:
    """Remove one of the actor's second factors; the last one stays.

    Raises :class:`NothingToChange` for one that is not hers, :class:`EnrolmentRefused` for the last one,
    :class:`NotSignedIn`, :class:`StrongSignInNeeded`.
    """
    account = Account("factor:remove", actor, purpose=PURPOSE, details={"factor": hold_code("FACTOR", factor)})
    with desk.changing(account) as work:
        work.hold_people()  # of two at once, the second sees what the first left
        person = _enrolling(desk, account, actor, work).person
        mine = work.factors_of(person)
        if all(row.id != factor for row in mine):
            raise NothingToChange("没有登记该验证方式", "no such second factor is enrolled")
        if [row.id for row in mine if row.confirmed_at is not None] == [factor]:
            raise EnrolmentRefused(
                "不能移除最后一种第二验证方式；请先登记另一种",
                "the last second factor stays: enrol another one first",
            )
        work.remove_factor(factor, at=desk.clock(), by=person)


def _enrolling(desk: Desk, account: Account, actor: Actor, work: Work) -> SignInRow:
    """The sign-in of whoever may change how she signs in.

    One that is not full may while no second factor counts that was there before it began. Raises
    :class:`NotSignedIn`, :class:`StrongSignInNeeded`, :class:`MemberMissing`.
    """
    row = proved(desk, actor, work)
    hold_enrolled(work, row.person)
    if is_full(row):
        hold_strong(desk, row.strong_until)
    elif any(one.added_at < row.begun_at for one in factors.confirmed(work, row.person)):
        raise not_signed_in()
    account.details["sign_in"] = row.id
    return row


def _begun(desk: Desk, account: Account, work: Work, row: FactorRow) -> str:
    """Keep a second factor that is to be confirmed, what it is made of sealed, and give its code."""
    factor = new_code("F")
    work.add_factor(replace(row, id=factor, sealed=factors.seal(desk, work, factor, row.sealed)))
    account.details.update({"factor": factor, "means": row.kind, "state": "begun"})
    return factor


def _waiting(desk: Desk, work: Work, person: str, factor: str, kind: str) -> FactorRow:
    """A second factor of hers that is to be confirmed, and not begun too long ago."""
    row = work.factor(factor)
    is_hers = row is not None and row.person == person and row.kind == kind and row.confirmed_at is None
    if row is None or not is_hers or desk.clock() - row.added_at > shipped().enrol:
        raise _not_confirmed()
    return row


def _confirm(desk: Desk, account: Account, actor: Actor, work: Work, row: FactorRow) -> Factor:
    if not work.confirm_factor(row):
        raise _not_confirmed()
    account.details.update({"means": row.kind, "state": "confirmed"})
    assert actor.proof is not None, "it was just held to that"
    work.end_sign_ins(row.person, "factors_changed", desk.clock(), but=actor.proof.sign_in)
    return _shown(row)


def _site(desk: Desk) -> passkeys.Site:
    if desk.site is None:
        raise PasskeyMissing(
            "本系统未设访问地址（GUITU_ORIGINS），不能使用通行密钥",
            "this installation has no address (GUITU_ORIGINS), so it takes no passkeys",
        )
    return desk.site


def _not_confirmed() -> EnrolmentRefused:
    return EnrolmentRefused(
        "未能确认：验证码或通行密钥不正确，或已过时；请重新登记",
        "not confirmed: the code or passkey is wrong, or it took too long: begin again",
    )


def _shown(row: FactorRow) -> Factor:
    return Factor(row.id, row.kind, row.added_at, row.used_at, row.confirmed_at is not None)
