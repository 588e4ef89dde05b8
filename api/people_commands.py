"""``guitu people``: who may act here, in which roles of which units, and from when until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from api.options import As, Json
from api.speech import CHINA, in_china
from api.world import World
from engine import bootstrap
from engine.errors import CommandMalformed
from engine.service import people

PersonCode = Annotated[str, typer.Argument(metavar="PERSON", help="A code, such as officer-12; never a name.")]
UnitCode = Annotated[str, typer.Argument(metavar="UNIT", help="A unit of the directory.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="One of the roles, such as caseworker.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="From then on (a day or a day and time, in China); now if not given."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Before then (a day or a day and time, in China).")
]
_STATES = {"now": ("在任", "now"), "ahead": ("未到任", "ahead"), "over": ("已终止", "over")}


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_people)
    for name, command in (
        ("add", add), ("grant", grant), ("end", end), ("deputy", deputy), ("move", move), ("deactivate", deactivate),
        ("list", list_),
    ):  # fmt: skip
        group.command(name)(command)


def _people() -> None:
    """Who may act here: enrolled by an administrator, in roles of units for a time."""


def add(ctx: typer.Context, *, person: PersonCode, as_: As, as_json: Json = False) -> None:
    """Enrol somebody, or again somebody who was deactivated; give a role with guitu people grant."""
    world = World.of(ctx)
    found = people.add(world.desk, person, world.actor(as_))
    _say_member(world, people.member_line(found, bootstrap.now()), "已登记", "is enrolled")


def grant(
    ctx: typer.Context, *, person: PersonCode, unit: UnitCode, role: RoleName, as_: As, since: Since = None,
    until: Until = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Give somebody a role in a unit, for good or for a time. Nobody gives one to herself."""
    world = World.of(ctx)
    begins, ends = moment("--since", since), moment("--until", until)
    found = people.grant(world.desk, person, unit, role, world.actor(as_), since=begins, until=ends)
    _say_member(world, people.member_line(found, bootstrap.now()), "已授予角色", "has the role")


def end(
    ctx: typer.Context, *, person: PersonCode, unit: UnitCode, role: RoleName, as_: As, as_json: Json = False
) -> None:  # fmt: skip
    """End a role at once, and those of whoever stands in for it. The last administrator stays."""
    world = World.of(ctx)
    ended = people.end(world.desk, person, unit, role, world.actor(as_))
    _say_roles(world, (people.role_line(one, bootstrap.now()) for one in ended), "已终止", "ended")


def deputy(
    ctx: typer.Context, *, person: PersonCode,
    stands_in: Annotated[str, typer.Argument(metavar="DEPUTY", help="Who stands in.")],
    unit: UnitCode, as_: As,
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="Before then; a deputy has an end.")],
    since: Since = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Let somebody hold for a time what another holds in a unit; administrators and auditors have no deputy."""
    world = World.of(ctx)
    ends = moment("--until", until)
    assert ends is not None, "it was given"
    given = people.deputy(
        world.desk, person, stands_in, unit, world.actor(as_), since=moment("--since", since), until=ends
    )  # fmt: skip
    _say_roles(world, (people.role_line(one, bootstrap.now()) for one in given), "代理", "stands in")


def move(
    ctx: typer.Context, *, person: PersonCode,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="The unit that is left.")],
    to_unit: Annotated[str, typer.Argument(metavar="TO_UNIT", help="The unit of from now on.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Move somebody: every role in the old unit ends at once, and the work goes on in the new one."""
    world = World.of(ctx)
    found = people.move(world.desk, person, unit, to_unit, world.actor(as_))
    _say_member(world, people.member_line(found, bootstrap.now()), "已调动", "has moved")


def deactivate(ctx: typer.Context, *, person: PersonCode, as_: As, as_json: Json = False) -> None:
    """Let somebody who leaves act no more: everything ends at once. The last administrator stays."""
    world = World.of(ctx)
    ended = people.deactivate(world.desk, person, world.actor(as_))
    if not world.speech.as_json:
        world.speech.say(world.speech.pick(f"{person} 已停用", f"{person} is deactivated"))
    _say_roles(world, (people.role_line(one, bootstrap.now()) for one in ended), "已终止", "ended")


def list_(
    ctx: typer.Context, *,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Only roles in this unit; a supervisor's own is meant.")
    ] = None,
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Who is enrolled, and every role now, ahead and over."""
    world = World.of(ctx)
    speech, now = world.speech, bootstrap.now()
    lines = [people.member_line(one, now) for one in people.people_of(world.desk, unit, world.actor(as_))]
    if speech.as_json:
        speech.give(lines)
        return
    pick = speech.pick
    heads = [pick("人员", "person"), pick("单位", "unit"), pick("角色", "role"), pick("情况", "state"),
             pick("起", "since"), pick("止", "until"), pick("代理", "stands in for")]  # fmt: skip
    speech.table(heads, [row for line in lines for row in _rows(world, line)])


def say_enrolled(world: World, line: Mapping[str, Any]) -> None:
    """Say who was enrolled, and as what."""
    _say_member(world, line, "已登记为系统管理员", "is enrolled as administrator")


def _rows(world: World, line: Mapping[str, Any]) -> Iterable[list[str]]:
    if line["deactivated_at"] is not None:
        state = world.speech.pick("已停用", "deactivated")
        yield [line["person"], "-", "-", state, in_china(line["since"]), in_china(line["deactivated_at"]), "-"]
    elif not line["roles"]:
        yield [line["person"], "-", "-", world.speech.pick("无角色", "no role"), in_china(line["since"]), "-", "-"]
    for role in line["roles"]:
        yield [line["person"], role["unit"], role["role"], world.speech.pick(*_STATES[role["state"]]), *_period(role)]


def _period(role: Mapping[str, Any]) -> list[str]:
    until = "-" if role["until"] is None else in_china(role["until"])
    return [in_china(role["since"]), until, role["deputy_for"] or "-"]


def _say_member(world: World, line: Mapping[str, Any], zh: str, en: str) -> None:
    speech = world.speech
    if speech.as_json:
        speech.give(line)
        return
    speech.say(speech.pick(f"{line['person']} {zh}", f"{line['person']} {en}"))
    _say_each(world, (role for role in line["roles"] if role["state"] != "over"))


def _say_roles(world: World, roles: Iterable[Mapping[str, Any]], zh: str, en: str) -> None:
    speech, listed = world.speech, list(roles)
    if speech.as_json:
        speech.give(listed)
        return
    if listed:
        speech.say(speech.pick(f"{zh}：", f"{en}:"))
    _say_each(world, listed)


def _say_each(world: World, roles: Iterable[Mapping[str, Any]]) -> None:
    for role in roles:
        since, until, stood_in_for = _period(role)
        behind = "" if stood_in_for == "-" else world.speech.pick(f"  代理 {stood_in_for}", f"  for {stood_in_for}")
        world.speech.say(f"  {role['person']}@{role['unit']}:{role['role']}  {since} – {until}{behind}")


def moment(option: str, words: str | None) -> datetime | None:
    """A day, or a day and a time, in China unless it says its offset. Raises :class:`CommandMalformed`."""
    if words is None:
        return None
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        raise CommandMalformed(
            f"{option} 应写成 2026-03-01 或 2026-03-01T08:00", f"{option} is written 2026-03-01 or 2026-03-01T08:00"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=CHINA)
