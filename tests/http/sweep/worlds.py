"""The world of the engine's sweep behind the REST door: everybody with a real sign-in, every program with a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path

from engine.access.model import ROLES
from engine.service import recovery, sessions, tokens, webhooks
from engine.service.desk import Desk, kept
from engine.service.known import load
from engine.store.registered import LinkRow
from tests.conftest import Database
from tests.http.sweep.rules import ASKED_FROM, RECOVERED
from tests.service.access.acts import MANAGED
from tests.service.access.lead_acts import with_lead
from tests.service.access.worlds import GLASS, UNITS, World, actor, made

Cell = tuple[str, str]
"""A caller: the role, and how the unit stands to the case."""
EVERYONE: tuple[Cell, ...] = (*((role, stands) for stands in UNITS for role in ROLES), ("caseworker", GLASS))
SOME: tuple[Cell, ...] = (
    *(
        ("caseworker", stands)
        for stands in ("own", "ended lately", "ended long ago", "next door", "elsewhere", GLASS)
    ),
    *((role, "own") for role in ("service", "custodian", "administrator")),
)  # fmt: skip
"""Of the ways to stand those that differ most, and of the unit that holds the case some kinds of role."""
PROGRAM = "service"


@dataclass
class Furnished(World):
    """The world with what only the door knows of: a webhook, a service's token, a recovery, and everybody's sign-in."""

    webhook: str = ""
    token: str = ""
    recovery: str = ""
    referral: str = ""
    link: str = 12 * "b"
    bearers: dict[Cell, str] = field(default_factory=dict)

    def bearer(self, cell: Cell) -> str:
        """The token of somebody, who signs in or is registered when first asked for."""
        if cell not in self.bearers:
            self.bearers[cell] = self._program(cell[1]) if cell[0] == PROGRAM else self._person(cell)
        return self.bearers[cell]

    def _person(self, cell: Cell) -> str:
        return sessions.begin_as(self.desk, actor(*cell).person, strong=True).token

    def _program(self, stands: str) -> str:
        until, purposes = self.clock.at + timedelta(days=9), ("case_handling",)
        return tokens.issue(self.desk, actor("administrator"), actor(PROGRAM, stands).person, purposes, until).token


@contextmanager
def furnished(database: Database, folder: Path) -> Iterator[Furnished]:
    """The world of :func:`made`, with more in it."""
    with made(database, folder) as found:
        world = Furnished(**{one.name: getattr(with_lead(found), one.name) for one in fields(World)})
        desk = world.desk
        world.webhook = webhooks.add(desk, actor("unit_supervisor"), "https://hooks.police.example/a", ()).id
        until = world.clock.at + timedelta(days=9)
        service = actor(PROGRAM).person
        world.token = tokens.issue(desk, actor("administrator"), service, ("reporting",), until).id
        with kept(desk.database) as work:  # this desk has no provider whose account could be linked at the door
            work.add_link(LinkRow(world.link, "https://id.example", 64 * "0", MANAGED, desk.clock(), "administrator-1"))
        asked = recovery.ask(desk, actor("administrator", ASKED_FROM), actor("caseworker", RECOVERED).person)
        world.recovery = asked.recovery
        with desk.database.reading() as work:
            world.referral = next(iter(load(desk, world.case, work, for_update=False).referrals))
        for cell in EVERYONE:
            world.bearer(cell)
        yield world


def with_desk(world: Furnished, desk: Desk) -> Furnished:
    """The same world at another desk."""
    return replace(world, desk=desk)
