"""``guitu db``, ``doctor``, ``directory`` and ``parameter``: looking after an installation."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import As, Json, NewFile
from api.world import World
from engine import bootstrap
from engine.service import installation, trial

DefinitionId = Annotated[str, typer.Argument(metavar="DEFINITION", help="The definition whose text leaves it open.")]


def register(database: typer.Typer, directory: typer.Typer, parameter: typer.Typer) -> None:
    """Add the commands to their groups."""
    database.callback()(_database)
    database.command("upgrade")(upgrade)
    directory.command("load")(load)
    directory.command("show")(show)
    parameter.command("list")(list_)
    parameter.command("set")(set_)


def _database() -> None:
    """The database."""


def upgrade(
    ctx: typer.Context,
    is_trial: Annotated[
        bool,
        typer.Option("--trial", help="Mark a fresh one as a world for trial, for good: there everybody may say who."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to the schema of this release; makes an embedded one if there is none."""
    world = World.of(ctx)
    embedded = world.settings.home if world.url.startswith("sqlite:") and world.database is None else None
    revision = installation.upgrade(world.url, embedded)
    if is_trial:
        trial.mark_trial(world.url)
    if world.speech.as_json:
        world.speech.give({"revision": revision})
        return
    world.speech.say(world.speech.pick(f"数据库结构已是最新：{revision}", f"the schema is at {revision}"))
    if is_trial:
        zh = "试验环境：未登记者也可自报身份办理，不得存放真实个案"
        en = "a world for trial: whoever is not enrolled is taken at her word; no real case belongs here"
        world.speech.say(world.speech.pick(zh, en))


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Look at everything an installation stands on. Exit code 1 when something is bad; warnings do not count."""
    world = World.of(ctx)
    checks = installation.doctor(
        world.url, bootstrap.now(), lambda: world.library, key_file=world.settings.root_keys,
        auditors_file=world.settings.auditors,
    )  # fmt: skip
    is_well = all(check.state != "bad" for check in checks)
    if world.speech.as_json:
        world.speech.give({"ok": is_well, "checks": checks})
    else:
        words = {"ok": ("正常", "ok"), "warn": ("注意", "warn"), "bad": ("异常", "BAD")}
        rows = [[world.speech.pick(*words[one.state]), one.name, world.speech.label(one.said)] for one in checks]
        world.speech.table(["", world.speech.pick("项目", "what"), world.speech.pick("情况", "found")], rows)
    raise typer.Exit(0 if is_well else 1)


def load(ctx: typer.Context, file: NewFile, as_json: Json = False) -> None:
    """Replace the unit directory by a file; a unit that cases refer to may be merged, not removed."""
    world = World.of(ctx)
    found = installation.load_directory(world.desk, file)
    many, areas = len(found.units), len(found.jurisdictions)
    if world.speech.as_json:
        world.speech.give({"units": many, "jurisdictions": areas})
    else:
        zh, en = f"已载入 {areas} 个地区、{many} 个单位", f"loaded {areas} areas, {many} units"
        world.speech.say(world.speech.pick(zh, en))


def show(
    ctx: typer.Context,
    area: Annotated[
        str | None, typer.Option("--area", metavar="CODE", help="Only the units that serve this area, upward.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the unit directory."""
    world = World.of(ctx)
    speech = world.speech
    units = installation.units(world.desk, area)
    if speech.as_json:
        speech.give(units)
        return
    heads = [("编号", "id"), ("单位", "unit"), ("地区", "area"), ("", ""), ("职能", "functions")]
    rows = (
        [one.id, speech.label(one.name), one.area, speech.label(one.area_name), " ".join(one.functions)]
        for one in units
    )
    speech.table([speech.pick(*head) for head in heads], rows)


def list_(ctx: typer.Context, definition: DefinitionId, as_json: Json = False) -> None:
    """List what a document leaves open, with the local setting 本地设置 in force here."""
    world = World.of(ctx)
    lines = installation.parameters(world.desk, world.library, definition)
    if world.speech.as_json:
        world.speech.give([{**_plain(line), "source": "deployer"} for line in lines])
        return
    speech = world.speech
    heads = [("参数", "parameter"), ("值", "value"), ("缺省", "default"), ("来源", "source"), ("", "")]
    local = speech.provenance("deployer")
    rows = ([line.name, line.value, line.default, local, speech.label(line.title)] for line in lines)
    speech.table([speech.pick(*head) for head in heads], rows)


def _plain(line: installation.ParameterLine) -> dict[str, object]:
    return {
        "name": line.name, "title": line.title, "type": line.type, "default": line.default, "value": line.value,
        "is_set": line.is_set, "open": line.open,
    }  # fmt: skip


def set_(
    ctx: typer.Context,
    *,
    definition: DefinitionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The parameter.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its value here.")],
    as_: As,
    as_json: Json = False,
) -> None:
    """Set a local setting 本地设置. It is this installation's choice, never a rule of the document."""
    world = World.of(ctx)
    line = installation.set_parameter(
        world.desk, world.library, definition, parameter=name, raw=value, actor=world.actor(as_)
    )  # fmt: skip
    if world.speech.as_json:
        world.speech.give({**_plain(line), "source": "deployer"})
    else:
        world.speech.say(f"{line.name} = {line.value}  {world.speech.source((), 'deployer')}")
