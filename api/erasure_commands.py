"""``guitu erasure``: what keeps a case from being erased, asking for it, erasing it, and the certificate."""

from __future__ import annotations

from typing import Annotated

import typer

from api import request_commands
from api.options import As, CaseId, Json
from api.request_commands import say_asked
from api.speech import Speech, in_china
from api.world import World
from engine.service import erasure
from engine.service.request_rules import request_rules
from engine.service.retention import retention

HoldReason = Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of policies/retention.yaml.")]
Ground = Annotated[str, typer.Option("--ground", metavar="CODE", help="A ground of policies/retention.yaml.")]
Request = Annotated[
    str, typer.Option("--request", metavar="REQUEST", help="Your request that two custodians approved.")
]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_erasure)
    group.command("request")(request)
    group.command("request-release")(request_release)
    request_commands.register(group, "erase", "release_hold")
    group.command("hold")(hold)
    group.command("release")(release)
    group.command("erase")(erase)
    group.command("certificate")(certificate)


def _erasure() -> None:
    """Erasing a case, and keeping one from being erased."""


def request(ctx: typer.Context, *, case: CaseId, ground: Ground, as_: As, as_json: Json = False) -> None:
    """Ask that a case be erased; two custodians approve exactly that, or decline."""
    world = World.of(ctx)
    asked = _erasing(world).ask(request_rules(), case, ground, world.actor(as_))
    say_asked(world.speech, asked, "已提出申请", "asked")


def request_release(ctx: typer.Context, *, case: CaseId, reason: HoldReason, as_: As, as_json: Json = False) -> None:
    """Ask that a legal hold be ended; two custodians approve exactly that, or decline."""
    world = World.of(ctx)
    asked = erasure.ask_release(world.desk, request_rules(), case, reason, world.actor(as_))
    say_asked(world.speech, asked, "已提出申请", "asked")


def hold(ctx: typer.Context, *, case: CaseId, reason: HoldReason, as_: As, as_json: Json = False) -> None:
    """Put a case on legal hold, at once: it may not be erased until two custodians approved that the hold ends."""
    world = World.of(ctx)
    erasure.hold(world.desk, retention(), case, reason, world.actor(as_))
    _say(world.speech, case, "已留存", "on hold")


def release(
    ctx: typer.Context, *, case: CaseId, reason: HoldReason, request: Request, as_: As, as_json: Json = False
) -> None:  # fmt: skip
    """End a legal hold, on a request that two custodians approved."""
    world = World.of(ctx)
    erasure.release_hold(world.desk, case, reason, world.actor(as_), request)
    _say(world.speech, case, "已解除留存", "hold released")


def erase(
    ctx: typer.Context, *, case: CaseId, ground: Ground, request: Request, as_: As, as_json: Json = False
) -> None:  # fmt: skip
    """Destroy the keys of a closed case, for ever, on a request that two custodians approved; nobody can read it."""
    world = World.of(ctx)
    _show(world.speech, _erasing(world).erase(case, ground, world.actor(as_), request))


def _erasing(world: World) -> erasure.Erasing:
    return erasure.Erasing(world.desk, retention(), world.desk.attachments)


def certificate(ctx: typer.Context, *, case: CaseId, as_json: Json = False) -> None:
    """The certificate of an erased case: what was destroyed, what remains, and when the erasure is complete."""
    world = World.of(ctx)
    _show(world.speech, erasure.certificate_of(world.desk, case))


def _say(speech: Speech, case: str, zh: str, en: str) -> None:
    if speech.as_json:
        speech.give({"case": case, "state": en})
        return
    speech.say(speech.pick(f"{case}：{zh}", f"{case}: {en}"))


def _show(speech: Speech, made: erasure.Certificate) -> None:
    if speech.as_json:
        speech.give(made)
        return
    pick = speech.pick
    speech.say(pick(f"删除证明  {made.case}", f"Certificate of erasure  {made.case}"), style="bold")
    speech.say(pick(f"  删除时间 {in_china(made.erased_at)}", f"  erased {in_china(made.erased_at)}"))
    zh = f"  销毁：个案密钥 {made.case_keys} 个、身份 {made.persons} 人、附件 {made.attachments} 件"
    en = f"  destroyed: {made.case_keys} case keys, {made.persons} identities, {made.attachments} attachments"
    speech.say(pick(zh, en))
    keys = ", ".join(key[:8] for key in made.vault_keys)
    zh = f"  备份中仍有封装的密钥：{made.not_before} 之后，且密钥 {keys} 轮换销毁后，删除方告完成"
    en = f"  backups still hold the wrapped key: complete after {made.not_before} and once {keys} is rotated away"
    speech.say(pick(zh, en))
    for line in made.remains:
        speech.say(pick(f"  留存：{line}", f"  remains: {line}"), style="dim")
