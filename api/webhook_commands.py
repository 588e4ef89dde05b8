"""``guitu webhook``: a unit's own system is told what the unit is told."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import As, Json
from api.pages import After, goes_on
from api.speech import Speech, in_china
from api.world import World
from engine.service import webhooks

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The code of a webhook, such as W-7K3M-9QXD-04RB.")]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.command("add")(add)
    group.command("list")(listed)
    group.command("rotate")(rotate)
    group.command("end")(end)
    group.command("test")(send_test)


def add(
    ctx: typer.Context, url: Annotated[str, typer.Argument(metavar="URL", help="Where the system listens, https.")], *,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", metavar="KIND", help="A kind of notice it wants; all if not given.")
    ] = None,
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Register the address of your unit's own system. Its secret is shown this once."""
    world = World.of(ctx)
    _say_secret(world.speech, webhooks.add(world.desk, world.actor(as_), url, kind or []))


def rotate(ctx: typer.Context, webhook: WebhookId, *, as_: As, as_json: Json = False) -> None:
    """Give a webhook another secret, shown this once; for 24 hours both sign. Twice: the first one is gone at once."""
    world = World.of(ctx)
    _say_secret(world.speech, webhooks.rotate(world.desk, world.actor(as_), webhook))


def end(ctx: typer.Context, webhook: WebhookId, *, as_: As, as_json: Json = False) -> None:
    """End a webhook: nothing more is sent to it, what waits neither."""
    world = World.of(ctx)
    webhooks.end(world.desk, world.actor(as_), webhook)
    speech = world.speech
    if speech.as_json:
        speech.give({"ended": webhook})
        return
    speech.say(speech.pick(f"推送地址 {webhook} 已停用", f"webhook {webhook} has ended"))


def send_test(ctx: typer.Context, webhook: WebhookId, *, as_: As, as_json: Json = False) -> None:
    """Send a notice that tells nothing to a webhook; the worker delivers it."""
    world = World.of(ctx)
    notice = webhooks.send_test(world.desk, world.actor(as_), webhook)
    speech = world.speech
    if speech.as_json:
        speech.give({"notice": notice})
        return
    speech.say(
        speech.pick(f"通知 {notice} 将由 guitu worker 推送", f"guitu worker delivers the notice {notice}")
    )  # fmt: skip


def listed(ctx: typer.Context, *, as_: As, after: After = None, as_json: Json = False) -> None:
    """The webhooks of your unit, ended ones too, and how their deliveries go."""
    world = World.of(ctx)
    page = webhooks.listed(world.desk, world.actor(as_), after=after)
    speech = world.speech
    if speech.as_json:
        speech.give({"webhooks": page.items, "next": page.next})
        return
    if not page.items:
        speech.say(speech.pick("没有推送地址", "no webhook"))
        return
    head = [speech.pick("代码", "code"), speech.pick("地址", "address"), speech.pick("通知", "notices"),
            speech.pick("待推送", "waiting"), speech.pick("状态", "state")]  # fmt: skip
    rows = [[one.id, one.url, " ".join(one.kinds), one.waiting, _state(speech, one)] for one in page.items]
    speech.table(head, rows)
    goes_on(speech, page.next)


def _state(speech: Speech, one: webhooks.Webhook) -> str:
    if one.end_reason is not None:
        return speech.label(webhooks.REASONS[one.end_reason])
    if one.failing_since is not None:
        since = in_china(one.failing_since)
        return speech.pick(f"自 {since} 起推送失败", f"fails since {since}")
    if one.succeeded_at is not None:
        at = in_china(one.succeeded_at)
        return speech.pick(f"最近送达 {at}", f"arrived last at {at}")
    return speech.pick("尚未推送", "nothing sent yet")


def _say_secret(speech: Speech, made: webhooks.Registered) -> None:
    if speech.as_json:
        speech.give({"id": made.id, "secret": made.secret, "both_sign_until": made.both_sign_until})
        return
    speech.say(speech.pick(f"推送地址 {made.id}", f"webhook {made.id}"))
    speech.say(made.secret)
    speech.say(
        speech.pick("请将此密钥存入接收系统；不会再次显示", "keep it in the receiving system: it is not shown again")
    )
    if made.both_sign_until is not None:
        until = in_china(made.both_sign_until)
        speech.say(speech.pick(f"此前的密钥在 {until} 之前同时签名", f"the secret before it signs too until {until}"))
