"""``guitu access``: why something is permitted to somebody, or not, and by which policy."""

from __future__ import annotations

from typing import Annotated

import typer

from api.access_matrix_command import matrix
from api.options import As, Json
from api.world import World
from engine.service.access_explained import Explanation, Question, explain
from engine.service.actors import read_actor


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_access)
    group.command("explain")(explain_)
    group.command("matrix")(matrix)


def _access() -> None:
    """Who may do and see what, and why."""


def explain_(
    ctx: typer.Context, *,
    about: Annotated[
        str | None, typer.Option("--actor", metavar="PERSON@UNIT[:ROLE]", help="Whose right; your own if not given.")
    ] = None,
    action: Annotated[str, typer.Option("--action", metavar="ACTION", help="Such as see_case, disclose_health, move.")],
    case: Annotated[str | None, typer.Option("--case", metavar="CASE", help="The case it is about.")] = None,
    on: Annotated[
        str, typer.Option("--on", metavar="NAME", help="The track, hand-off, duty or outcome a command is about.")
    ] = "",
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Say whether somebody may do this now, which policies decide it, and the clauses they rest on."""
    world = World.of(ctx)
    asker = world.actor(as_)
    found = explain(world.desk, Question(read_actor(about) if about else asker, action, case, on), asker)
    if world.speech.as_json:
        world.speech.give(found)
        return
    _say(world, found)


def _say(world: World, found: Explanation) -> None:
    speech = world.speech
    mark = "✓" if found.is_allowed else "✗"
    told = speech.pick("允许", "permitted") if found.is_allowed else speech.pick("不允许", "not permitted")
    on = f" {found.case}" if found.case else ""
    speech.say(f"{mark} {found.person}@{found.unit} ({found.role})  {found.action}{on}: {told}", style="bold")
    speech.say(f"  {speech.label(found.why)}")
    if found.case is not None:
        parts = ", ".join(found.takes_part_as) or speech.pick("不参与", "none")
        speech.say(speech.pick(f"  单位在本案的参与：{parts}", f"  the unit takes part as: {parts}"))
    for one in found.policies:
        speech.say(
            f"  - {one.id} [{one.effect}] {speech.label(one.title)}  {speech.source(one.clauses, one.provenance)}"
        )
    speech.say(speech.pick(f"  规则版本 {found.policy_hash[:12]}", f"  policies {found.policy_hash[:12]}"), style="dim")
