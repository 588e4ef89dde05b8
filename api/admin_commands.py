"""``guitu admin``: the first administrator of an installation."""

from __future__ import annotations

import typer

from api.options import As, Json
from api.people_commands import say_enrolled
from api.ticket_commands import say_ticket
from api.world import World
from engine import bootstrap
from engine.service import people
from engine.service.actors import read_actor


def register(group: typer.Typer) -> None:
    """Add the command to its group."""
    group.callback()(_admin)
    group.command("init")(init)


def _admin() -> None:
    """The first administrator."""


def init(ctx: typer.Context, *, as_: As, as_json: Json = False) -> None:
    """Enrol yourself as the first administrator: whoever opens the root keys can, while nobody is one."""
    world = World.of(ctx)
    found = people.init_first(world.desk, read_actor(as_))
    line = people.member_line(found.member, bootstrap.now())
    if world.speech.as_json:
        world.speech.give(line | {"ticket": found.ticket.ticket, "ticket_ends_at": found.ticket.ends_at})
        return
    say_enrolled(world, line)
    say_ticket(world.speech, found.ticket)
