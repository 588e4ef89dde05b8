"""``guitu ticket`` and ``guitu recovery``: how somebody signs in who has no second factor, not yet or not any more."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import As, Json
from api.people_commands import PersonCode
from api.speech import Speech, in_china
from api.world import World
from engine.service import recovery, tickets
from engine.service.recovery import Recovery
from engine.service.tickets import Ticket

RecoveryCode = Annotated[str, typer.Argument(metavar="RECOVERY", help="A recovery, as guitu recovery list shows it.")]
_STATES = {
    "asked": ("待另一管理员同意", "asked for"), "waiting": ("等待期内", "waiting"), "ready": ("可以完成", "ready"),
    "stopped": ("已停止", "stopped"), "completed": ("已完成", "completed"), "expired": ("已过期", "expired"),
}  # fmt: skip


def register(of_tickets: typer.Typer, of_recoveries: typer.Typer) -> None:
    """Add the commands to their groups."""
    of_tickets.callback()(_ticket)
    of_tickets.command("issue")(issue)
    of_recoveries.callback()(_recovery)
    for name, command in (
        ("ask", ask), ("approve", approve), ("stop", stop), ("complete", complete), ("list", list_),
    ):  # fmt: skip
        of_recoveries.command(name)(command)


def _ticket() -> None:
    """One-time sign-ins, with which somebody sets a password and enrols a second factor."""


def _recovery() -> None:
    """Giving a sign-in back to whoever lost her second factor: two administrators, and not at once."""


def issue(ctx: typer.Context, *, person: PersonCode, as_: As, as_json: Json = False) -> None:
    """Give somebody who is enrolled a one-time sign-in; it is shown this once, for you to hand to her yourself."""
    world = World.of(ctx)
    _give_ticket(world, tickets.issue(world.desk, world.actor(as_), person))


def ask(ctx: typer.Context, *, person: PersonCode, as_: As, as_json: Json = False) -> None:
    """Ask that somebody's sign-in be recovered; she and the supervisors in her area are told at once."""
    world = World.of(ctx)
    _show(world, [recovery.ask(world.desk, world.actor(as_), person)])


def approve(ctx: typer.Context, *, code: RecoveryCode, as_: As, as_json: Json = False) -> None:
    """Agree, as another administrator than the one who asked; from then on it waits."""
    world = World.of(ctx)
    _show(world, [recovery.approve(world.desk, world.actor(as_), code)])


def stop(ctx: typer.Context, *, code: RecoveryCode, as_: As, as_json: Json = False) -> None:
    """Stop a recovery: the person herself, an administrator, or a supervisor of one of her units."""
    world = World.of(ctx)
    _show(world, [recovery.stop(world.desk, world.actor(as_), code)])


def complete(ctx: typer.Context, *, code: RecoveryCode, as_: As, as_json: Json = False) -> None:
    """Carry it out when it has waited: her second factors count no more, and she gets a one-time sign-in."""
    world = World.of(ctx)
    _give_ticket(world, recovery.complete(world.desk, world.actor(as_), code))


def list_(ctx: typer.Context, *, as_: As, as_json: Json = False) -> None:
    """The recoveries you may know of: an administrator all, others those they may stop."""
    world = World.of(ctx)
    found = recovery.listed(world.desk, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(found)
        return
    _table(world.speech, found)


def say_ticket(speech: Speech, ticket: Ticket) -> None:
    """Show a one-time sign-in, this once, and say what to do with it."""
    until = in_china(ticket.ends_at)
    speech.say(speech.pick(
        f"{ticket.person} 的一次性登录（仅显示一次，{until} 前有效）：",
        f"one-time sign-in of {ticket.person} (shown this once, good until {until} in China):",
    ))  # fmt: skip
    speech.say(f"  {ticket.ticket}")
    speech.say(speech.pick(
        "凭此依次执行：guitu login --ticket，guitu password，guitu factor add，再 guitu login",
        "with it: guitu login --ticket, then guitu password, guitu factor add, and guitu login",
    ))  # fmt: skip


def _give_ticket(world: World, ticket: Ticket) -> None:
    if world.speech.as_json:
        world.speech.give({"ticket": ticket.ticket, "person": ticket.person, "ends_at": ticket.ends_at})
        return
    say_ticket(world.speech, ticket)


def _show(world: World, found: list[Recovery]) -> None:
    if world.speech.as_json:
        world.speech.give(found[0])
        return
    _table(world.speech, found)


def _table(speech: Speech, found: list[Recovery]) -> None:
    pick = speech.pick
    heads = [pick("恢复登录", "recovery"), pick("人员", "person"), pick("情况", "state"), pick("申请", "asked by"),
             pick("同意", "approved by"), pick("可完成", "ready"), pick("过期", "expires")]  # fmt: skip
    speech.table(heads, (
        [one.recovery, one.person, pick(*_STATES[one.state]), one.asked_by, one.approved_by or "-",
         "-" if one.ready_at is None else in_china(one.ready_at), in_china(one.expires_at)]
        for one in found
    ))  # fmt: skip
