"""Admission: whether somebody may act at all now, for this unit and as what. What she may do, the policies say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from engine.access.model import Role, Who
from engine.core.codes import shown
from engine.core.commands import Actor
from engine.core.directory import Directory, Unit
from engine.core.roles import Membership
from engine.core.view import CHINA
from engine.errors import (
    MembershipAhead,
    MembershipOver,
    NotMember,
    PersonDeactivated,
    PersonUnknown,
    RoleNotHeld,
    RoleUnclear,
)
from engine.service.actors import read_role
from engine.service.desk import Desk
from engine.store.work import Work

_ASK = ("请与系统管理员联系", "ask an administrator")


def admit(desk: Desk, actor: Actor, work: Work, *, meant: Role = "caseworker") -> Who:
    """The actor as a person who may act now, in the role named, else in the one ``meant``, else in the only one held.

    In a world for trial whoever is not enrolled is taken at her word. Raises :class:`UnitUnknown`, and, told to nobody
    but the person herself, :class:`PersonUnknown`, :class:`PersonDeactivated`, :class:`NotMember`,
    :class:`MembershipOver`, :class:`MembershipAhead`, :class:`RoleNotHeld`, :class:`RoleUnclear`.
    """
    directory = desk.directory(work)
    unit = directory.current(actor.unit)
    known = work.member(actor.person)
    if known is None:
        if not work.is_trial():
            raise _unknown(actor.person)
        taken: Role = meant if actor.role is None else read_role(actor.role)
        return _who(actor, unit, directory, taken, {taken})
    if known.deactivated_at is not None:
        raise _deactivated(actor.person)
    now = desk.clock()
    held = [one for one in known.memberships if one.holds(now)]
    here = list(dict.fromkeys(one.role for one in held if directory.same(one.unit, unit.id)))
    if not here:
        raise _no_member([one for one in known.memberships if directory.same(one.unit, unit.id)], now, actor, unit)
    return _who(actor, unit, directory, _role(actor, unit, here, meant), {one.role for one in held})


def _who(actor: Actor, unit: Unit, directory: Directory, role: Role, held: set[str]) -> Who:
    return Who(
        person=actor.person, unit=unit.id, functions=unit.functions,
        areas=tuple(area.code for area in directory.upward(unit.jurisdiction)), role=role, held=frozenset(held),
        purpose=actor.purpose,
    )  # fmt: skip


def _role(actor: Actor, unit: Unit, here: Sequence[str], meant: Role) -> Role:
    wanted = meant if actor.role is None else actor.role
    if wanted in here:
        return cast("Role", wanted)
    person, listed = shown(actor.person), ", ".join(here)
    if actor.role is not None:
        raise RoleNotHeld(
            f"{person} 在 {unit.id} 现任：{listed}，不是所称角色",
            f"{person} does not hold the role named in {unit.id}, but: {listed}",
            unit=unit.id, roles=list(here),
        )  # fmt: skip
    if len(here) > 1:
        raise RoleUnclear(
            f"{person} 在 {unit.id} 身兼数职（{listed}），请写明以何身份办理，例如 {person}@{unit.id}:{here[0]}",
            f"{person} holds several roles in {unit.id} ({listed}): say as what, e.g. {person}@{unit.id}:{here[0]}",
            unit=unit.id, roles=list(here),
        )  # fmt: skip
    return cast("Role", here[0])


def _no_member(
    there: Sequence[Membership], now: datetime, actor: Actor, unit: Unit
) -> NotMember | MembershipOver | MembershipAhead:
    """Why nobody acts for this unit who has, or had, these roles there."""
    person = shown(actor.person)
    begins = min((one.since for one in there if one.lasts(now)), default=None)
    if begins is not None:
        at = _day(begins)
        return MembershipAhead(
            f"{person} 在 {unit.id} 的任职自 {at} 起（北京时间），现在还不能办理",
            f"{person} begins in {unit.id} at {at} in China, and may not act for it before",
            unit=unit.id,
        )
    ends = [one.until for one in there if one.until is not None and one.since < one.until]
    if ends:
        at = _day(max(ends))
        return MembershipOver(
            f"{person} 在 {unit.id} 的任职已于 {at}（北京时间）终止；{_ASK[0]}",
            f"what {person} did in {unit.id} ended at {at} in China; {_ASK[1]}",
            unit=unit.id,
        )
    return NotMember(
        f"{person} 不在 {unit.id} 任职，请写明所在单位，或与系统管理员联系",
        f"{person} is no member of {unit.id}: name your own unit, or {_ASK[1]}",
        unit=unit.id,
    )


def _unknown(person: str) -> PersonUnknown:
    named = shown(person)
    return PersonUnknown(
        f"{named} 未在本系统登记；{_ASK[0]}（guitu people add）",
        f"{named} is not enrolled here; {_ASK[1]} (guitu people add)",
    )


def _deactivated(person: str) -> PersonDeactivated:
    named = shown(person)
    return PersonDeactivated(
        f"{named} 已停用，不能办理；{_ASK[0]}", f"{named} is deactivated and may not act; {_ASK[1]}"
    )


def _day(at: datetime) -> str:
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
