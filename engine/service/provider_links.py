"""Which account of the organisation's identity provider is which person of ours: said by administrators alone.

Of an account only a keyed digest is kept. What units and roles that person has, these links say nothing about.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.errors import CommandMalformed, LinkTaken, LinkUnknown, MemberMissing, ProviderMissing
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.notices import tell_of_sign_in
from engine.service.permission import permit_act
from engine.store.registered import LinkRow
from engine.store.work import Work
from engine.vault.keys import HouseKey

PURPOSE = "administration"
MOST_LISTED = 100
MOST_SUBJECT = 255
"""Letters of the claim ``sub``, by OpenID Connect Core 1.0, section 2."""


@dataclass(frozen=True, slots=True)
class Link:
    """An account of the provider is this person; which account it is, nobody can read from it."""

    id: str
    issuer: str
    person: str
    since: datetime
    linked_by: str
    until: datetime | None
    unlinked_by: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """Some of the links in the order of their codes; ``next`` is handed back for those after them."""

    items: tuple[Link, ...]
    next: str | None


def link(desk: Desk, actor: Actor, person: str, subject: str) -> Link:
    """Let an account of the provider be a person enrolled here. ``subject`` is what its claim ``sub`` says.

    She and the supervisors of her units are told at once: whoever holds that account signs in as her from now on.

    Raises :class:`StrongSignInNeeded`, :class:`ProviderMissing`, :class:`MemberMissing`, :class:`LinkTaken`,
    :class:`CommandMalformed`.
    """
    hold_code("PERSON", person)
    if not 0 < len(subject) <= MOST_SUBJECT or not subject.isprintable():
        raise CommandMalformed(
            f"SUBJECT 应为 1 至 {MOST_SUBJECT} 个字符", f"SUBJECT has 1 to {MOST_SUBJECT} characters", field="subject"
        )
    account = Account("provider:link", actor, purpose=PURPOSE, details={"person": person})
    with _managing(desk, account) as work:
        issuer = _issuer(desk)
        work.hold_people()
        member = work.member(person)
        if member is None or member.deactivated_at is not None:
            raise MemberMissing(
                f"{person} 未登记或已停用；请先执行 guitu people add",
                f"{person} is not enrolled, or is deactivated: run guitu people add first",
            )
        located = locator(desk.safe.house(work), issuer, subject)
        if work.link_of(located) is not None:
            raise LinkTaken(
                "该统一身份账号已关联；请先取消原关联（guitu provider unlink）",
                "that account is linked already: unlink it first (guitu provider unlink)",
            )
        row = LinkRow(_name(), issuer, located, person, desk.clock(), f"{actor.person}@{actor.unit}")
        work.add_link(row)
        account.details["link"] = row.id
        tell_of_sign_in(desk, work, "provider_linked", person, about=row.id)
    return _link(row)


def unlink(desk: Desk, actor: Actor, named: str) -> Link:
    """End a link at once, and every sign-in of that person. Raises :class:`LinkUnknown`."""
    account = Account("provider:unlink", actor, purpose=PURPOSE, details={"link": hold_code("LINK", named)})
    with _managing(desk, account) as work:
        now = desk.clock()
        row = work.link(named)
        if row is None or not work.end_link(named, at=now, by=f"{actor.person}@{actor.unit}"):
            raise LinkUnknown(f"没有关联 {named}，或已取消", f"there is no link {named}, or it has ended")
        account.details |= {"person": row.person, "ended": work.end_sign_ins(row.person, "everywhere", now)}
        found = work.link(named)
    assert found is not None, "no link is ever removed"
    return _link(found)


def linked(desk: Desk, actor: Actor, after: str | None = None) -> Links:
    """Links, ended ones too, up to a hundred after the one named. Raises what permission raises."""
    if after is not None:
        hold_code("AFTER", after)
    account = Account("provider:list", actor, purpose=PURPOSE)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "manage_people", "administrator")
        rows = work.links(after or "", MOST_LISTED + 1)
    shown = rows[:MOST_LISTED]
    return Links(tuple(_link(row) for row in shown), shown[-1].id if len(rows) > MOST_LISTED else None)


@contextmanager
def _managing(desk: Desk, account: Account) -> Iterator[Work]:
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_people", "administrator")
        yield work


def _link(row: LinkRow) -> Link:
    return Link(row.id, row.issuer, row.person, row.since, row.linked_by, row.until, row.unlinked_by)


def no_provider() -> ProviderMissing:
    """The error that says that people sign in by their accounts here."""
    return ProviderMissing(
        "本系统未接入统一身份平台，请用本系统账号登录（guitu login）",
        "this installation has no identity provider: sign in with your account here (guitu login)",
    )


def locator(house: HouseKey, issuer: str, subject: str) -> str:
    """The keyed digest that an account is found by."""
    return house.locator(b"provider\0" + issuer.encode() + b"\0" + subject.encode())


def _issuer(desk: Desk) -> str:
    if desk.provider is None:
        raise no_provider()
    return desk.provider.issuer


def _name() -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
