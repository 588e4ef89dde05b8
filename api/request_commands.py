"""What ``guitu identity`` and ``guitu erasure`` share: the requests that wait, approving one, declining one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from api.options import As, Json
from api.pages import After, goes_on
from api.speech import Speech, in_china
from api.world import World
from engine.service import pending, requests
from engine.service.pending import Pending
from engine.service.reidentify import FIELDS

RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="The code of the request, such as R-7K3M-9QXD-04RB.")]
Exactly = Annotated[
    str, typer.Option("--exactly", metavar="DIGEST", help="The digest of what you looked at, 64 digits of hex.")
]


def register(group: typer.Typer, *kinds: str) -> None:
    """Add the three commands to a group, for requests of these kinds."""
    group.command("requests")(_listing(kinds))
    group.command("approve")(approve)
    group.command("decline")(decline)


def _listing(kinds: tuple[str, ...]) -> Callable[..., None]:
    def listed(ctx: typer.Context, *, as_: As, after: After = None, as_json: Json = False) -> None:
        """The open requests you asked for or may answer: what exactly is asked, and its digest; fifty at a time."""
        world = World.of(ctx)
        page = pending.listed(world.desk, world.actor(as_), kinds, after=after)
        if world.speech.as_json:
            world.speech.give({"requests": page.lines, "next": page.next})
            return
        say_pending(world.speech, page.lines)
        goes_on(world.speech, page.next)

    return listed


def approve(ctx: typer.Context, *, request: RequestId, exactly: Exactly, as_: As, as_json: Json = False) -> None:
    """Agree to exactly what has this digest. Nobody approves an own request, or one twice."""
    world = World.of(ctx)
    asked = requests.approve(world.desk, request, exactly, world.actor(as_))
    say_asked(world.speech, asked, "已同意", "approved")


def decline(ctx: typer.Context, *, request: RequestId, as_: As, as_json: Json = False) -> None:
    """Say no to a request; it cannot be approved or used any more."""
    world = World.of(ctx)
    requests.decline(world.desk, request, world.actor(as_))
    if world.speech.as_json:
        world.speech.give({"request": request, "state": "declined"})
        return
    world.speech.say(world.speech.pick(f"{request}：未予同意", f"{request}: declined"))


def say_asked(speech: Speech, asked: requests.Asked, zh: str, en: str) -> None:
    """A request as it stands, after something was done to it."""
    if speech.as_json:
        speech.give(asked)
        return
    pick, exact = speech.pick, asked.exact
    speech.say(pick(f"{exact.request}：{zh}", f"{exact.request}: {en}"), style="bold")
    _say_exact(speech, exact, asked.digest)
    given, needed = len(asked.approved_by), asked.needed
    speech.say(pick(f"  同意 {given}／须 {needed} 人", f"  approved by {given} of {needed} needed"))


def say_pending(speech: Speech, found: Sequence[Pending]) -> None:
    """The requests that wait, each with what exactly is asked."""
    if not found:
        speech.say(speech.pick("没有待办申请", "no request waits"))
    for one in found:
        given, needed = len(one.approved_by), one.needed
        own = speech.pick("，本人提出", ", your own") if one.is_own else ""
        zh, en = (
            f"{one.request}  同意 {given}／须 {needed} 人{own}",
            f"{one.request}  {given} of {needed} approved{own}",
        )
        speech.say(speech.pick(zh, en), style="bold")
        if one.exact is None:
            zh, en = "  存储内容被改动，不能办理", "  what is on record was changed: it cannot be answered"
            speech.say(speech.pick(zh, en), style="red")
        else:
            _say_exact(speech, one.exact, one.digest)


def _say_exact(speech: Speech, exact: requests.Exact, digest: str) -> None:
    zh, en = requests.KINDS[exact.kind].zh, requests.KINDS[exact.kind].en
    speech.say(speech.pick(f"  {zh}  {exact.case}  {exact.person}", f"  {en}  {exact.case}  {exact.person}").rstrip())
    if exact.fields:
        named = speech.pick("、", ", ").join(speech.label(FIELDS[name]) for name in exact.fields)
        speech.say(speech.pick(f"  项目：{named}", f"  fields: {named}"))
    zh = f"  理由 {exact.ground}，目的 {exact.purpose}，申请人 {exact.asked_by}@{exact.unit}"
    en = f"  reason {exact.ground}, purpose {exact.purpose}, asked by {exact.asked_by}@{exact.unit}"
    speech.say(speech.pick(zh, en))
    until = in_china(exact.expires_at)
    speech.say(speech.pick(f"  有效期至 {until}（本地设置）", f"  stands until {until} (local setting)"))
    speech.say(speech.pick(f"  摘要 {digest}", f"  digest {digest}"))
