"""One-time tickets: how somebody signs in who has no second factor yet, to set a password and enrol one.

Who has a second factor gets none from one administrator alone: that takes two (:mod:`engine.service.recovery`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.credentials.tokens import digest_of, new_token
from engine.errors import MemberMissing, RecoveryNeeded, SelfGrant
from engine.service import factors
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import permit_act
from engine.service.sign_in_rules import shipped
from engine.store.sign_in import TicketRow
from engine.store.work import Work

PURPOSE = "administration"


@dataclass(frozen=True, slots=True, repr=False)
class Ticket:
    """A one-time sign-in. ``ticket`` is shown this once, and handed to the person herself."""

    ticket: str
    person: str
    ends_at: datetime


def issue(desk: Desk, actor: Actor, person: str) -> Ticket:
    """Give somebody who is enrolled a one-time sign-in, instead of any before.

    Raises :class:`MemberMissing`, :class:`SelfGrant`, :class:`RecoveryNeeded` for who has a second factor, and what
    permission raises.
    """
    account = Account("sign_in:ticket", actor, purpose=PURPOSE, details={"person": hold_code("PERSON", person)})
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_sign_in", "administrator")
        hold_enrolled(work, person)
        if person == actor.person:
            raise SelfGrant(
                "不能为本人签发一次性登录；请由另一名管理员办理",
                "nobody gives herself a one-time sign-in: another administrator must",
            )
        if factors.confirmed(work, person):
            raise RecoveryNeeded(
                f"{person} 已有第二验证方式；遗失时须由两名管理员办理恢复（guitu recovery ask）",
                f"{person} has a second factor: if it is lost, two administrators recover the sign-in "
                "(guitu recovery ask)",
            )
        return issue_in(desk, work, person, f"{actor.person}@{actor.unit}")


def issue_in(desk: Desk, work: Work, person: str, by: str | None) -> Ticket:
    """Give somebody a one-time sign-in in this transaction, which has asked whether that may be."""
    now, ticket = desk.clock(), new_token("gti")
    digest, ends_at = digest_of(ticket, "gti"), now + timedelta(hours=shipped().ticket_hours)
    assert digest is not None, "it was just made"
    work.end_tickets(person, "replaced", now)
    work.add_ticket(TicketRow(digest, person, now, ends_at, by))
    return Ticket(ticket, person, ends_at)


def shut_out(work: Work, person: str, why: str, *, at: datetime, by: str) -> int:
    """Let nothing that somebody signed in with count any more, and end her sign-ins; gives how many that were.

    What is left to her is a ticket: who knows her password alone could otherwise enrol a second factor in her place.
    """
    work.void_password(person, at)
    for factor in work.factors_of(person):
        work.remove_factor(factor.id, at=at, by=by)
    work.end_tickets(person, "withdrawn", at)
    return work.end_sign_ins(person, why, at)


def hold_enrolled(work: Work, person: str) -> None:
    """Raise :class:`MemberMissing` for whoever is not enrolled, or deactivated."""
    known = work.member(person)
    if known is None or known.deactivated_at is not None:
        raise MemberMissing(
            f"{person} 未登记或已停用；请先执行 guitu people add",
            f"{person} is not enrolled, or is deactivated: run guitu people add first",
        )
