"""People of an installation: enrolling them, giving roles in units for a time, ending them, deputies, moves, leaving.

Every act holds the people of the installation until it is committed, so of two at once the second sees the first. No
row is removed. A role that ends takes with it those of whoever stands in for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.core.directory import Directory
from engine.core.roles import ADMINISTRATOR, NEVER_BY_DEPUTY, OF_TRUST, Membership, clashes
from engine.errors import (
    AdministratorKnown,
    CommandMalformed,
    DeputyImpossible,
    LastAdministrator,
    MemberMissing,
    NothingToChange,
    NotPermitted,
    Reason,
    RolesConflict,
    SelfGrant,
    UnitUnknown,
)
from engine.ledger.canonical import Value
from engine.service.account import Account
from engine.service.actors import read_role
from engine.service.desk import Desk
from engine.service.permission import permit_act
from engine.service.tickets import Ticket, issue_in, shut_out
from engine.store.people import Member
from engine.store.work import Work

PURPOSE = "administration"


@dataclass(frozen=True, slots=True)
class People:
    """One act on people while it goes on: the instant of it, who does it, the directory, and the record room."""

    work: Work
    directory: Directory
    now: datetime
    by: str

    def member(self, person: str) -> Member:
        """Somebody who is enrolled now. Raises :class:`MemberMissing`."""
        found = self.work.member(person)
        if found is None or found.deactivated_at is not None:
            raise MemberMissing(
                f"{person} 未登记或已停用；请先执行 guitu people add",
                f"{person} is not enrolled, or is deactivated: run guitu people add first",
            )
        return found

    def unit(self, words: str) -> str:
        """A unit that exists today. Raises :class:`UnitUnknown`, for a merged one too."""
        current = self.directory.current(words).id
        if current != words:
            raise UnitUnknown(
                f"单位 {words} 已并入 {current}，请写明 {current}", f"unit {words} is merged into {current}: name that",
                unit=words,
            )  # fmt: skip
        return current

    def lasting(self, member: Member, unit: str | None = None, role: str | None = None) -> list[Membership]:
        """The roles of somebody now or later: all, or those of a unit, or that one of it."""
        return [
            one
            for one in member.memberships
            if one.lasts(self.now)
            and (unit is None or self.directory.same(one.unit, unit))
            and role in (None, one.role)
        ]  # fmt: skip

    def give(self, member: Member, given: Sequence[Membership]) -> None:
        """Add roles. Raises :class:`RolesConflict` with every pair that nobody may hold at once."""
        others = self.lasting(member)
        reasons = [
            _clash(one.role, other, others) for one in given for other in clashes(one.role, _beside(one, others, given))
        ]
        if reasons:
            raise RolesConflict(
                f"{member.person} 不能同时担任这些角色", f"{member.person} may not hold these roles at once",
                reasons=tuple(reasons),
            )  # fmt: skip
        for one in given:
            self.work.grant_role(one)

    def end(self, ended: Sequence[Membership]) -> list[Membership]:
        """End roles at once, and those of whoever stands in for them; give all of them as they are then.

        Raises :class:`LastAdministrator` when nobody would be administrator for good.
        """
        found = {one.id: one for one in ended}
        for one in ended:
            for deputy in self.work.deputies_of(one.person) if one.deputy_for is None else ():
                is_of_it = deputy.role == one.role and self.directory.same(deputy.unit, one.unit)
                if is_of_it and deputy.lasts(self.now):
                    found[deputy.id] = deputy
        self._keep_an_administrator(found)
        self.work.end_roles(found.values(), at=self.now, ended_by=self.by)
        return [replace(one, until=max(self.now, one.since), ended_by=self.by) for one in found.values()]

    def _keep_an_administrator(self, ended: Collection[int]) -> None:
        every = self.work.administrators()
        if all(one.id not in ended for one in every):
            return
        if not any(one.until is None and one.holds(self.now) and one.id not in ended for one in every):
            raise LastAdministrator(
                "最后一名系统管理员不能停用或终止；请先授予另一人该角色（不设终止日期）",
                "the last administrator cannot go: first give somebody else the role, without an end",
            )


@dataclass(frozen=True, slots=True, repr=False)
class First:
    """The first administrator, and the one-time sign-in with which she sets a password and enrols."""

    member: Member
    ticket: Ticket


def init_first(desk: Desk, actor: Actor) -> First:
    """Enrol the actor as the first administrator: only whoever opens the root keys can, while nobody is one.

    Raises :class:`AdministratorKnown`, :class:`RolesConflict`, :class:`UnitUnknown`, and what opening the keys raises.
    """
    person, unit = hold_code("PERSON", actor.person), hold_code("UNIT", actor.unit)
    account = Account("people:init", actor, purpose=PURPOSE, details={"person": person, "unit": unit})
    with desk.changing(account) as work:
        desk.safe.reread(work)  # raises when the root keys do not open
        people = _begun(desk, work, actor)
        if any(one.holds(people.now) for one in work.administrators()):
            raise AdministratorKnown(
                "已有系统管理员；请由其执行 guitu people add",
                "there is an administrator already, who enrols others with guitu people add",
            )
        known = work.member(person)
        if known is None or known.deactivated_at is not None:
            _enrol(people, person, known)
        role = Membership(0, person, people.unit(unit), ADMINISTRATOR, people.now, added_by=people.by)
        people.give(people.member(person), [role])
        account.role = ADMINISTRATOR
        return First(people.member(person), issue_in(desk, work, person, None))


def add(desk: Desk, person: str, actor: Actor) -> Member:
    """Enrol somebody, or again somebody who was deactivated; roles are given by :func:`grant`.

    Raises :class:`NothingToChange` for somebody who is enrolled.
    """
    hold_code("PERSON", person)
    account = Account("people:add", actor, purpose=PURPOSE, details={"person": person})
    with _managing(desk, account) as people:
        known = people.work.member(person)
        if known is not None and known.deactivated_at is None:
            raise NothingToChange(f"{person} 已登记", f"{person} is enrolled already")
        _enrol(people, person, known)
        return people.member(person)


def grant(
    desk: Desk, person: str, unit: str, role: str, actor: Actor, *, since: datetime | None = None,
    until: datetime | None = None,
) -> Member:  # fmt: skip
    """Give somebody a role in a unit from ``since`` on (now if not given) and before ``until`` (no end if not given).

    Raises :class:`SelfGrant`, :class:`MemberMissing`, :class:`UnitUnknown`, :class:`CommandMalformed` for a period that
    is none or begins in the past, :class:`NothingToChange` when she holds it then, :class:`RolesConflict`.
    """
    named = read_role(role)
    details = _details(person, unit, role=named, since=since, until=until)
    account = Account("people:grant", actor, purpose=PURPOSE, details=details)
    with _managing(desk, account) as people:
        _not_oneself(actor, person)
        begins = _begins(since, until, people.now)
        given = Membership(0, person, people.unit(unit), named, begins, until, added_by=people.by)
        member = people.member(person)
        if any(one.meets(begins, until) and one.deputy_for is None for one in people.lasting(member, unit, named)):
            raise NothingToChange(
                f"{person} 在该时段已任 {named}；请先终止，或另定起止时间",
                f"{person} holds that role at that time: end it first, or choose another time",
            )
        people.give(member, [given])
        return people.member(person)


def end(desk: Desk, person: str, unit: str, role: str, actor: Actor) -> list[Membership]:
    """End a role of somebody in a unit at once, and give what ended, deputies among them.

    Raises :class:`MemberMissing`, :class:`NothingToChange`, :class:`LastAdministrator`.
    """
    named = read_role(role)
    account = Account("people:end", actor, purpose=PURPOSE, details=_details(person, unit, role=named))
    with _managing(desk, account) as people:
        found = people.lasting(people.member(person), unit, named)
        if not found:
            raise NothingToChange(f"{person} 在 {unit} 不任 {named}", f"{person} is no {named} in {unit}")
        return people.end(found)


def deputy(
    desk: Desk, person: str, stands_in: str, unit: str, actor: Actor, *, until: datetime, since: datetime | None = None,
) -> list[Membership]:  # fmt: skip
    """Let ``stands_in`` hold what ``person`` holds in a unit for a time, and give these roles.

    Nobody stands in for an administrator, an auditor or a service, nor for somebody who stands in herself. Raises
    :class:`DeputyImpossible`, :class:`SelfGrant`, :class:`MemberMissing`, :class:`RolesConflict`,
    :class:`CommandMalformed`.
    """
    details = _details(person, unit, deputy=hold_code("PERSON", stands_in), since=since, until=until)
    account = Account("people:deputy", actor, purpose=PURPOSE, details=details)
    with _managing(desk, account) as people:
        _not_oneself(actor, stands_in)
        begins = _begins(since, until, people.now)
        away, there = people.member(person), people.member(stands_in)
        held = [
            Membership(
                0, stands_in, people.unit(unit), one.role, max(one.since, begins), min(one.until or until, until),
                person, people.by,
            )
            for one in people.lasting(away, unit)
            if one.deputy_for is None and one.meets(begins, until) and one.role not in NEVER_BY_DEPUTY
        ]  # fmt: skip
        given = [one for one in held if not _is_held(one, people.lasting(there, unit, one.role))]
        if person == stands_in or not given:
            raise DeputyImpossible(
                f"{stands_in} 在该时段没有可以代理 {person} 的角色：管理员、审计人、登记服务不设代理，代理人不再设代理",
                f"there is nothing {stands_in} could stand in for {person} as at that time: nobody stands in for an "
                "administrator, an auditor, a service, or for a deputy",
            )
        people.give(there, given)
        return [one for one in people.lasting(people.member(stands_in), unit) if one.deputy_for == person]


def move(desk: Desk, person: str, unit: str, to_unit: str, actor: Actor) -> Member:
    """Move somebody to another unit: all she is in the old one ends at once, and her work goes on in the new one.

    Roles of trust and those held as a deputy stay behind. Raises :class:`NothingToChange` when she has no role in the
    old unit or both are one, :class:`SelfGrant`, :class:`MemberMissing`, :class:`UnitUnknown`,
    :class:`LastAdministrator`, :class:`RolesConflict`.
    """
    details = _details(person, unit, to=hold_code("UNIT", to_unit))
    account = Account("people:move", actor, purpose=PURPOSE, details=details)
    with _managing(desk, account) as people:
        _not_oneself(actor, person)
        new = people.unit(to_unit)
        old = people.lasting(people.member(person), unit)
        if not old or people.directory.same(unit, new):
            raise NothingToChange(
                f"{person} 在 {unit} 没有任职，或已在 {new}", f"{person} has no role in {unit}, or is in {new} already"
            )
        people.end(old)
        member = people.member(person)
        going_on = [
            Membership(0, person, new, one.role, max(one.since, people.now), one.until, added_by=people.by)
            for one in old
            if one.deputy_for is None and one.role not in OF_TRUST
        ]
        people.give(member, [one for one in going_on if not _is_held(one, people.lasting(member, new, one.role))])
        return people.member(person)


def deactivate(desk: Desk, person: str, actor: Actor) -> list[Membership]:
    """Let somebody who leaves act no more: every role ends at once; give what ended, deputies among them.

    Raises :class:`MemberMissing`, :class:`LastAdministrator`.
    """
    account = Account("people:deactivate", actor, purpose=PURPOSE, details={"person": hold_code("PERSON", person)})
    with _managing(desk, account) as people:
        ended = people.end(people.lasting(people.member(person)))
        people.work.deactivate(person, at=people.now, deactivated_by=people.by)
        shut_out(people.work, person, "deactivated", at=people.now, by=people.by)
        return ended


def people_of(desk: Desk, unit: str | None, actor: Actor) -> list[Member]:
    """Who is enrolled, with every role now, before and later: everybody, or those with a role in a unit, and that only.

    A supervisor sees those of her own unit. Raises :class:`NotPermitted`, :class:`UnitUnknown`.
    """
    details = {} if unit is None else {"unit": hold_code("UNIT", unit)}
    account = Account("people:list", actor, purpose=PURPOSE, details={**details})
    with desk.reading(account) as work:
        who = permit_act(desk, account, work, "list_people", "administrator")
        directory = desk.directory(work)
        if who is not None and who.role != ADMINISTRATOR:
            unit = who.unit if unit is None else unit
            if not directory.same(unit, who.unit):
                raise NotPermitted(
                    "只能查看本单位人员", "only the people of your own unit are shown to you",
                    action="list_people", role=who.role, unit=who.unit, policies=[],
                )  # fmt: skip
        every = work.members()
    if unit is None:
        return every
    of_unit = [(one, tuple(role for role in one.memberships if directory.same(role.unit, unit))) for one in every]
    return [
        Member(one.person, one.since, one.added_by, one.deactivated_at, one.deactivated_by, roles)
        for one, roles in of_unit
        if roles
    ]  # fmt: skip


def member_line(one: Member, now: datetime) -> dict[str, object]:
    """Somebody enrolled as plain data, with her roles as they stand at this instant."""
    return {
        "person": one.person, "since": one.since, "added_by": one.added_by, "deactivated_at": one.deactivated_at,
        "deactivated_by": one.deactivated_by, "roles": [role_line(role, now) for role in one.memberships],
    }  # fmt: skip


def role_line(one: Membership, now: datetime) -> dict[str, object]:
    """A role as plain data; ``state`` is ``now``, ``ahead`` or ``over``."""
    return {
        "person": one.person, "unit": one.unit, "role": one.role, "since": one.since, "until": one.until,
        "deputy_for": one.deputy_for, "added_by": one.added_by, "ended_by": one.ended_by,
        "state": "now" if one.holds(now) else "ahead" if one.lasts(now) else "over",
    }  # fmt: skip


@contextmanager
def _managing(desk: Desk, account: Account) -> Iterator[People]:
    """An act of somebody who manages people, with everything it needs. Raises what permission raises."""
    assert account.actor is not None, "people are managed by somebody"
    with desk.changing(account) as work:
        people = _begun(desk, work, account.actor)
        permit_act(desk, account, work, "manage_people", "administrator")
        yield people


def _begun(desk: Desk, work: Work, actor: Actor) -> People:
    """Nobody else changes people or units until the end; the directory as it is now, and the instant of the act."""
    work.hold_people()
    desk.forget()
    return People(work, desk.directory(work), desk.clock(), f"{actor.person}@{actor.unit}")


def _enrol(people: People, person: str, known: Member | None) -> None:
    enrol = people.work.enrol if known is None else people.work.enrol_again
    enrol(person, at=people.now, added_by=people.by)


def _not_oneself(actor: Actor, person: str) -> None:
    if actor.person == person:
        raise SelfGrant(
            "不能为本人授予角色或调动；请由另一名管理员办理",
            "nobody gives a role to herself or moves herself: another administrator must",
        )


def _begins(since: datetime | None, until: datetime | None, now: datetime) -> datetime:
    """When a period begins. Raises :class:`CommandMalformed` for one that is none, or begins before now."""
    begins = now if since is None else since
    if begins < now:
        raise CommandMalformed("任职不能追溯：起始时间已过", "a role does not begin in the past")
    if until is not None and until <= begins:
        raise CommandMalformed("终止时间须晚于起始时间和现在", "a role ends after it begins, and not in the past")
    return begins


def _beside(one: Membership, others: Sequence[Membership], given: Sequence[Membership]) -> Iterator[str]:
    """Yield the roles that would be held together with this one at some time."""
    for other in (*others, *given):
        if other is not one and other.meets(one.since, one.until):
            yield other.role


def _is_held(wanted: Membership, known: Sequence[Membership]) -> bool:
    return any(one.covers(wanted.since, wanted.until) for one in known)


def _clash(role: str, other: str, others: Sequence[Membership]) -> Reason:
    units = ", ".join(dict.fromkeys(one.unit for one in others if one.role == other))
    return Reason(
        f"{role}_{other}", f"{role} 与 {other}（{units}）不能由一人担任", f"nobody is {role} and {other} ({units})"
    )


def _details(person: str, unit: str, **others: str | datetime | None) -> dict[str, Value]:
    """What the ledger tells of an act. Raises :class:`CommandMalformed` for what is no code."""
    told: dict[str, Value] = {"person": hold_code("PERSON", person), "unit": hold_code("UNIT", unit)}
    for name, value in others.items():
        if value is not None:
            told[name] = value.isoformat() if isinstance(value, datetime) else value
    return told
