"""Sessions: who is signed in. They lie in the record room, so one can be ended there; the token is shown once.

A sign-in is over when it is not used for a while, when its time has come, when somebody ended it, and when the person
is deactivated. One without a second factor may only enrol (:mod:`engine.service.second_factors`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.codes import hold_code
from engine.core.commands import Actor, Proof
from engine.core.directory import Directory
from engine.credentials.tokens import digest_of, new_token
from engine.errors import EnrolmentNeeded, NotSignedIn, TrialRefused, UnitUnclear
from engine.ledger.canonical import Value
from engine.service.account import Account
from engine.service.actors import read_role
from engine.service.desk import Desk, kept
from engine.service.sign_in_rules import shipped
from engine.store.people import Member
from engine.store.sign_in import SignInRow
from engine.store.work import Work

MOST_LISTED = 50
TOUCHED_AFTER = timedelta(minutes=1)
"""How exactly it is kept when a sign-in was used last."""
ENROLLING = frozenset[str]()
"""The purposes of a sign-in that may only enrol: none, so every door but that one refuses it."""
FULL = frozenset({"totp", "passkey", "provider", "trial"})
"""Any one of these besides, or instead of, a password makes a sign-in a full one."""


@dataclass(frozen=True, slots=True, repr=False)
class SignedIn:
    """A sign-in that has just begun. ``token`` is shown this once; ``means`` are what was shown for it."""

    token: str
    sign_in: str
    person: str
    ends_at: datetime
    idle_ends_at: datetime
    strong_until: datetime | None
    means: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in as the person herself sees it listed; ``ended_at`` is told of one that ran out, too."""

    sign_in: str
    begun_at: datetime
    used_at: datetime
    ends_at: datetime
    means: tuple[str, ...]
    ended_at: datetime | None
    ended_why: str | None
    is_this: bool


def present(
    desk: Desk, token: str, *, unit: str | None = None, role: str | None = None, purpose: str = "case_handling"
) -> Actor:  # fmt: skip
    """Whoever this token was given to, as an actor of a unit: the one named, else the only one where she has a role.

    Raises :class:`NotSignedIn` (which of its many reasons is not said), :class:`EnrolmentNeeded`, :class:`UnitUnclear`
    and :class:`CommandMalformed`. Whether she may act for that unit and as that is judged where she acts.
    """
    found = _found(desk, token)
    row = found.row
    if not is_full(row):
        raise EnrolmentNeeded(
            "请先设定密码并登记第二验证方式（guitu login），然后重新登录",
            "first set a password and enrol a second factor (guitu login), then sign in with both",
        )
    named = hold_code("UNIT", unit) if unit is not None else row.unit or _only_unit(found.units)
    as_what = read_role(role) if role is not None else row.role if unit is None or unit == row.unit else None
    return Actor(row.person, named, hold_code("PURPOSE", purpose), as_what, Proof(row.id, row.strong_until))


def present_enrolling(desk: Desk, token: str) -> Actor:
    """Whoever this token was given to, to set a password and to enrol; for that alone a sign-in need not be a full one.

    The actor is of the first unit where she has a role, ``none`` if there is none. Raises :class:`NotSignedIn`.
    """
    found = _found(desk, token)
    row = found.row
    named = row.unit or next(iter(found.units), "none")
    proof = Proof(row.id, row.strong_until, None if is_full(row) else ENROLLING)
    return Actor(row.person, named, "administration", row.role, proof)


def begin_trial(desk: Desk, person: str, unit: str, role: str | None = None) -> SignedIn:
    """Sign somebody in without asking for anything, for this unit and as this: in a world for trial only.

    Raises :class:`TrialRefused`, :class:`CommandMalformed`.
    """
    named = None if role is None else read_role(role)
    account = Account("sign_in:begin", Actor(hold_code("PERSON", person), hold_code("UNIT", unit), "trial", named))
    with desk.changing(account) as work:
        if not work.is_trial():
            raise TrialRefused(
                "本系统不是试验环境，登录须出示密码和第二验证方式",
                "this is no world for trial: here a password and a second factor are asked for",
            )
        return begun(desk, work, account, person, ("trial",), is_strong=True, unit=unit, role=named)


def begin_as(desk: Desk, person: str, means: tuple[str, ...] = ("provider",), strong: bool = False) -> SignedIn:
    """Sign somebody in whom another house has proved to be who she is; ``strong``: with a second factor, just now.

    Raises :class:`NotSignedIn` for whoever is not enrolled, or deactivated.
    """
    account = Account("sign_in:begin", details={"person": hold_code("PERSON", person)}, purpose="administration")
    with desk.changing(account) as work:
        known = work.member(person)
        if known is None or known.deactivated_at is not None:
            raise not_signed_in()
        return begun(desk, work, account, person, means, is_strong=strong)


def begun(
    desk: Desk, work: Work, account: Account, person: str, means: tuple[str, ...], *, is_strong: bool,
    source: str | None = None, unit: str | None = None, role: str | None = None,
) -> SignedIn:  # fmt: skip
    """Begin a sign-in in this transaction, and let the account tell which. ``source`` is a keyed digest.

    A token is always made here and never taken over: what somebody had before signing in is of no use afterwards.
    """
    now, rules = desk.clock(), shipped()
    token, sign_in = new_token("gts"), secrets.token_hex(8)
    digest = digest_of(token, "gts")
    assert digest is not None, "it was just made"
    ends_at = now + rules.absolute
    strong_until = None if not is_strong else ends_at if "trial" in means else now + rules.strong
    work.add_sign_in(SignInRow(
        sign_in, digest, person, now, ends_at, now, ",".join(means), strong_until, unit, role, source
    ))  # fmt: skip
    account.details.update(told(sign_in, means))
    return SignedIn(token, sign_in, person, ends_at, min(now + rules.idle, ends_at), strong_until, means)


def told(sign_in: str, means: tuple[str, ...]) -> dict[str, Value]:
    """What the ledger tells of a sign-in."""
    return {"sign_in": sign_in, "means": ",".join(means)}


def end(desk: Desk, token: str) -> None:
    """Sign out: the token is of no use from now on. Raises :class:`NotSignedIn` when it was of none before."""
    row = _found(desk, token).row
    account = Account("sign_in:end", details={"person": row.person, "sign_in": row.id})
    with desk.changing(account) as work:
        if not work.end_sign_in(row.id, "signed_out", desk.clock()):
            raise not_signed_in()


def end_all(desk: Desk, actor: Actor) -> int:
    """Sign the actor out everywhere, here too, and say how many sign-ins that ended."""
    account = Account("sign_in:end_all", actor)
    with desk.changing(account) as work:
        ended = work.end_sign_ins(proved(desk, actor, work).person, "everywhere", desk.clock())
        account.details["ended"] = ended
    return ended


def listed(desk: Desk, actor: Actor) -> list[Begun]:
    """The sign-ins of the actor, the newest first, at most :data:`MOST_LISTED`. Raises :class:`NotSignedIn`."""
    with desk.reading(Account("sign_in:list", actor)) as work:
        this = proved(desk, actor, work)
        now = desk.clock()
        return [_listed(row, now, this.id) for row in work.sign_ins_of(this.person, MOST_LISTED)]


def is_full(row: SignInRow) -> bool:
    """Whether a sign-in was begun with more than a password or a ticket."""
    return not FULL.isdisjoint(row.means.split(","))


def over_at(row: SignInRow) -> datetime:
    """When a sign-in that nobody ends is over."""
    return min(row.used_at + shipped().idle, row.ends_at)


def proved(desk: Desk, actor: Actor, work: Work) -> SignInRow:
    """The sign-in an actor shows, read again in this transaction. Raises :class:`NotSignedIn` when it is over."""
    row = work.sign_in(actor.proof.sign_in) if actor.proof is not None else None
    if row is None or row.person != actor.person or _is_over(row, desk.clock()):
        raise not_signed_in()
    return row


def not_signed_in() -> NotSignedIn:
    """Nobody is signed in; why is not said."""
    return NotSignedIn(
        "未登录，或登录已失效：请登录（命令行用 guitu login）",
        "not signed in, or not any more: sign in (on the command line with guitu login)",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    row: SignInRow
    units: list[str]


def _found(desk: Desk, token: str) -> _Found:
    """A sign-in that is not over, and where the person has a role; from now on it counts as used."""
    digest = digest_of(token, "gts")
    if digest is None:
        raise not_signed_in()
    with desk.database.reading() as work:
        row, now = work.sign_in_by(digest), desk.clock()
        if row is None or _is_over(row, now):
            raise not_signed_in()
        known = work.member(row.person)
        is_out = not work.is_trial() if known is None else known.deactivated_at is not None
        if is_out:
            raise not_signed_in()
        units = _units(known, desk.directory(work), now)
    if now - row.used_at >= TOUCHED_AFTER:
        with kept(desk.database) as work:
            work.touch_sign_in(row.id, now)
    return _Found(row, units)


def _is_over(row: SignInRow, now: datetime) -> bool:
    return row.ended_at is not None or now >= over_at(row)


def _units(known: Member | None, directory: Directory, now: datetime) -> list[str]:
    """The units, as they exist today, where somebody has a role now, by name."""
    if known is None:
        return []
    return sorted({directory.current(one.unit).id for one in known.memberships if one.holds(now)})


def _only_unit(units: list[str]) -> str:
    if not units:
        raise UnitUnclear(
            "您目前不在任何单位任职；请与系统管理员联系", "you have no role in any unit now: ask an administrator",
            units=[],
        )  # fmt: skip
    if len(units) > 1:
        named = ", ".join(units)
        raise UnitUnclear(
            f"您在多个单位任职，请写明为哪个单位办理：{named}",
            f"you have roles in several units: say which, of {named}",
            units=units,
        )
    return units[0]


def _listed(row: SignInRow, now: datetime, this: str) -> Begun:
    ran_out = over_at(row)
    ended_at, why = row.ended_at, row.ended_why
    if ended_at is None and ran_out <= now:
        ended_at, why = ran_out, "absolute" if ran_out == row.ends_at else "idle"
    return Begun(
        row.id, row.begun_at, row.used_at, row.ends_at, tuple(row.means.split(",")), ended_at, why, row.id == this
    )
