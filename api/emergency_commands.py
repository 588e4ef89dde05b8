"""``guitu emergency``: breaking the glass over a case when somebody is in danger, and its review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from api.options import As, CaseId, Json
from api.pages import After, goes_on
from api.speech import Speech, in_china
from api.world import World
from engine.service import emergency
from engine.service.emergency import OUTCOMES, Glass
from engine.service.request_rules import emergency_rules


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_emergency)
    group.command("open")(break_glass)
    group.command("list")(listed)
    group.command("review")(review)


def _emergency() -> None:
    """Breaking the glass over a case, and its review."""


def break_glass(
    ctx: typer.Context, *, case: CaseId,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of policies/emergency.yaml.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """See a case you take no part in, for a short time; its custodians are told at once and review it."""
    world = World.of(ctx)
    made = emergency.break_glass(world.desk, emergency_rules(), case, reason, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(made)
        return
    until, review_by = in_china(made.ends_at), in_china(made.review_by)
    zh = f"{made.id}：对 {made.case} 紧急调阅至 {until}；已通知身份保管员，须于 {review_by} 前复核"
    en = f"{made.id}: the glass over {made.case} is broken until {until}; custodians are told, review by {review_by}"
    world.speech.say(world.speech.pick(zh, en), style="bold")


def listed(ctx: typer.Context, *, as_: As, after: After = None, as_json: Json = False) -> None:
    """The emergencies you opened or may review, the newest first, fifty at a time."""
    world = World.of(ctx)
    page = emergency.listed(world.desk, world.actor(as_), after=after)
    if world.speech.as_json:
        world.speech.give({"emergencies": page.lines, "next": page.next})
        return
    say_listed(world.speech, page.lines)
    goes_on(world.speech, page.next)


def review(
    ctx: typer.Context, *,
    code: Annotated[str, typer.Argument(metavar="EMERGENCY", help="Its code, such as E-7K3M-9QXD-04RB.")],
    outcome: Annotated[str, typer.Option("--outcome", metavar="CODE", help="justified or not_justified.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Put on record what you found of an emergency; never of your own."""
    world = World.of(ctx)
    made = emergency.review(world.desk, code, outcome, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(made)
        return
    found = world.speech.label(OUTCOMES[made.outcome or ""])
    world.speech.say(world.speech.pick(f"{made.id}：已复核，{found}", f"{made.id}: reviewed. {found}"))


def say_listed(speech: Speech, found: Sequence[Glass]) -> None:
    """The emergencies as a table."""
    pick = speech.pick
    if not found:
        speech.say(pick("没有紧急调阅", "no emergency"))
        return
    head = [pick("代码", "code"), pick("个案", "case"), pick("调阅人", "who"), pick("理由", "reason"),
            pick("开始", "opened"), pick("须复核于", "review by"), pick("复核", "review")]  # fmt: skip
    rows = [
        [one.id, one.case, f"{one.person}@{one.unit}", one.reason, in_china(one.opened_at), in_china(one.review_by),
         _standing(speech, one)]
        for one in found
    ]  # fmt: skip
    speech.table(head, rows)


def _standing(speech: Speech, one: Glass) -> str:
    if one.outcome is not None:
        return f"{speech.label(OUTCOMES[one.outcome])} ({one.reviewed_by})"
    return speech.pick("逾期未复核", "overdue") if one.is_overdue else speech.pick("待复核", "waits")
