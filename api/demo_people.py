"""Who may sign in to a demo world: one invented person of each role, enrolled as an administrator would do it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from api.speech import Speech
from engine.core.commands import Actor
from engine.service import people, tickets, tokens
from engine.service.desk import Desk

FIRST = ("administrator-1", "fujian-joint-conference-office", "administrator")
CAST = (
    ("caseworker-1", "gulou-police", "caseworker"),
    ("caseworker-2", "gulou-civil-affairs", "caseworker"),
    ("supervisor-1", "gulou-police", "unit_supervisor"),
    ("joint-1", "gulou-joint-conference-office", "joint_conference"),
    ("custodian-1", "fujian-police", "custodian"),
    ("auditor-1", "fujian-justice", "auditor"),
    ("approver-1", "fujian-justice", "definition_approver"),
    ("reporter-1", "gulou-education", "reporter"),
    ("reader-1", "gulou-womens-federation", "reader"),
)
"""Person, unit and role, in the areas and units of the demo directory."""
SERVICE = ("service-1", "gulou-police", "service")
PURPOSES = ("case_handling", "reporting")
TOKEN_DAYS = 30
ADMINISTRATOR = f"{FIRST[0]}@{FIRST[1]}"


@dataclass(frozen=True, slots=True, repr=False)
class Way:
    """How somebody of the demo world signs in: a person with a ticket, good once, a service with its token."""

    person: str
    unit: str
    role: str
    secret: str


def enrol(desk: Desk) -> list[Way]:
    """Enrol one person of each role and a service in a fresh world, and give what each of them signs in with.

    Raises :class:`AdministratorKnown` in a world that has an administrator.
    """
    person, unit, role = FIRST
    first = people.init_first(desk, Actor(person, unit))
    actor = Actor(person, unit, "administration", "administrator")
    ways = [Way(*one, tickets.issue(desk, actor, _added(desk, actor, one)).ticket) for one in CAST]
    until = desk.clock() + timedelta(days=TOKEN_DAYS)
    issued = tokens.issue(desk, actor, _added(desk, actor, SERVICE), PURPOSES, until)
    return [*ways, Way(person, unit, role, first.ticket.ticket), Way(*SERVICE, issued.token)]


def _added(desk: Desk, actor: Actor, one: tuple[str, str, str]) -> str:
    person, unit, role = one
    people.add(desk, person, actor)
    people.grant(desk, person, unit, role, actor)
    return person


def as_json(ways: list[Way]) -> list[dict[str, Any]]:
    """The ways to sign in as plain data."""
    return [asdict(way) for way in ways]


def tell(speech: Speech, ways: list[Way]) -> None:
    """Say who may sign in, and with what."""
    pick = speech.pick
    speech.say()
    speech.say(
        pick(
            f"═══ 登录：每个角色一人；一次性登录凭证（gti_）只能用一次，服务令牌（gtk_）{TOKEN_DAYS} 天内有效",
            f"═══ Signing in, one of each role: a ticket (gti_) is good once, a token (gtk_) for {TOKEN_DAYS} days",
        ),
        style="bold",
    )
    for way in ways:
        speech.say(f"  {way.person}@{way.unit}:{way.role}")
        speech.say(f"      {way.secret}", style="dim")
