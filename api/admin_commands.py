"""``guitu admin``: the first administrator of an installation."""

from __future__ import annotations

import typer

from api.options import As, Json
from api.people_commands import say_enrolled
from api.world import World, actor
from engine import bootstrap
from engine.service import people


def register(group: typer.Typer) -> None:
    """Add the command to its group."""
    group.callback()(_admin)
    group.command("init")(init)


def _admin() -> None:
    """The first administrator."""


def init(ctx: typer.Context, *, as_: As, as_json: Json = False) -> None:
    """Enrol yourself as the first administrator: whoever opens the root keys can, while nobody is one."""
    world = World.of(ctx)
    found = people.init_first(world.desk, actor(as_))
    say_enrolled(world, people.member_line(found, bootstrap.now()))
