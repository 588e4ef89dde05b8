"""``guitu notice``: what somebody is to be told."""

from __future__ import annotations

import typer

from api.options import As, Json
from api.pages import After, goes_on
from api.speech import in_china
from api.world import World
from engine.service import notices


def register(group: typer.Typer) -> None:
    """Add the command to its group."""
    group.callback()(_notice)
    group.command("list")(listed)


def _notice() -> None:
    """What you are to be told."""


def listed(ctx: typer.Context, *, as_: As, after: After = None, as_json: Json = False) -> None:
    """Notices for you, and for your role in your area, the newest first; from now on they count as seen."""
    world = World.of(ctx)
    page = notices.listed(world.desk, world.actor(as_), after=after)
    speech = world.speech
    if speech.as_json:
        speech.give({"notices": page.lines, "next": page.next})
        return
    if not page.lines:
        speech.say(speech.pick("没有通知", "no notice"))
        return
    head = [speech.pick("时间", "at"), speech.pick("通知", "notice"), speech.pick("个案", "case"),
            speech.pick("关于", "about"), speech.pick("首次查看", "first seen")]  # fmt: skip
    new = speech.pick("新", "new")
    rows = [
        [in_china(one.at), speech.label(one.title), one.case or "-", one.about,
         in_china(one.seen_at) if one.seen_at else new]
        for one in page.lines
    ]  # fmt: skip
    speech.table(head, rows)
    goes_on(speech, page.next)
