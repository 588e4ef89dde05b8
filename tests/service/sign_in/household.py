"""An installation in which people sign in in earnest: two administrators, an officer and her supervisor."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta

from engine.core.commands import Actor
from engine.credentials import totp
from engine.service import people, second_factors, sessions, sign_in, tickets
from engine.service.desk import Desk
from engine.service.sign_in import Half
from tests.service.desks import Clock
from tests.signed import signed

OFFICE = "192.0.2.7"
ELSEWHERE = "198.51.100.9"
UNITS = {"admin-1": "justice", "admin-2": "justice", "officer-1": "police-a", "supervisor-1": "police-a"}
ROLES = {"officer-1": "caseworker", "supervisor-1": "unit_supervisor", "admin-2": "administrator"}


@dataclass
class Household:
    """A desk, and what its people know and hold: their passwords, and the secrets in their authenticators."""

    desk: Desk
    passwords: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    first: str = ""

    def later(self, **passed: float) -> None:
        """Let time pass."""
        assert isinstance(self.desk.clock, Clock)
        self.desk.clock.at += timedelta(**passed)

    def code(self, person: str, *, off: int = 0) -> str:
        """A code that was not shown before: the time step is a new one, and has just begun."""
        assert isinstance(self.desk.clock, Clock)
        self.later(seconds=totp.SECONDS - self.desk.clock.at.timestamp() % totp.SECONDS)
        return totp.code_at(self.secrets[person], totp.step_of(self.desk.clock.at) + off)

    def enrol(self, person: str, ticket: str) -> None:
        """Set a password and enrol an authenticator with a ticket, as a newcomer does."""
        token = sign_in.with_ticket(self.desk, ticket, source=OFFICE).token
        actor = sessions.present_enrolling(self.desk, token)
        self.passwords[person] = f"a plain long sentence of {person}"
        second_factors.set_password(self.desk, actor, self.passwords[person])
        self.enrol_code(actor, second_factors.begin_totp(self.desk, actor))
        sessions.end(self.desk, token)

    def enrol_code(self, actor: Actor, made: second_factors.Totp) -> None:
        """Confirm an authenticator by a code of it, and go on with that one."""
        self.secrets[actor.person] = base64.b32decode(made.secret)
        second_factors.confirm_totp(self.desk, actor, made.factor, self.code(actor.person))

    def half(self, person: str, source: str = OFFICE) -> Half:
        """The password shown."""
        half = sign_in.begin(self.desk, person, self.passwords[person], source=source)
        assert isinstance(half, Half)
        return half

    def sign_in(self, person: str, source: str = OFFICE) -> sessions.SignedIn:
        """Password and code shown."""
        return sign_in.finish(self.desk, self.half(person, source).token, code=self.code(person), source=source)

    def actor(self, person: str) -> Actor:
        """Somebody who has just signed in, of her unit."""
        return sessions.present(self.desk, self.sign_in(person).token)


def founded(desk: Desk) -> Household:
    """An installation whose first administrator has enrolled everybody; nobody signs in yet."""
    household = Household(desk)
    household.first = people.init_first(desk, Actor("admin-1", "justice")).ticket.ticket
    chief = signed(Actor("admin-1", "justice"))
    for person, role in ROLES.items():
        people.add(desk, person, chief)
        people.grant(desk, person, UNITS[person], role, chief)
    return household


def settled(desk: Desk, *persons: str) -> Household:
    """The same, with these people enrolled to sign in."""
    household = founded(desk)
    chief = signed(Actor("admin-1", "justice"))
    for person in persons:
        ticket = household.first if person == "admin-1" else tickets.issue(desk, chief, person).ticket
        household.enrol(person, ticket)
    return household
