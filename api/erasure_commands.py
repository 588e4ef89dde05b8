"""``guitu erasure``: what keeps a case from being erased, erasing it, and the certificate."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import As, CaseId, Json
from api.speech import Speech, in_china
from api.world import World, actor
from engine.service import erasure
from engine.service.retention import retention

HoldReason = Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of policies/retention.yaml.")]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_erasure)
    group.command("hold")(hold)
    group.command("release")(release)
    group.command("erase")(erase)
    group.command("certificate")(certificate)


def _erasure() -> None:
    """Erasing a case, and keeping one from being erased."""


def hold(ctx: typer.Context, *, case: CaseId, reason: HoldReason, as_: As, as_json: Json = False) -> None:
    """Put a case on legal hold: it may not be erased until the hold is released."""
    world = World.of(ctx)
    erasure.hold(world.desk, retention(), case, reason, actor(as_))
    _say(world.speech, case, "已留存", "on hold")


def release(ctx: typer.Context, *, case: CaseId, reason: HoldReason, as_: As, as_json: Json = False) -> None:
    """Release a legal hold."""
    world = World.of(ctx)
    erasure.release_hold(world.desk, case, reason, actor(as_))
    _say(world.speech, case, "已解除留存", "hold released")


def erase(
    ctx: typer.Context, *, case: CaseId,
    ground: Annotated[str, typer.Option("--ground", metavar="CODE", help="A ground of policies/retention.yaml.")],
    approved_by: Annotated[
        list[str], typer.Option("--approved-by", metavar="PERSON@UNIT", help="An identity custodian; give two.")
    ],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Destroy the keys of a closed case, for ever. Nobody can read or replay it afterwards."""
    world = World.of(ctx)
    erasing = erasure.Erasing(world.desk, retention(), world.desk.attachments)
    made = erasing.erase(case, ground, actor(as_), [actor(one) for one in approved_by])
    _show(world.speech, made)


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
