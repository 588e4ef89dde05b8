"""``guitu password`` and ``guitu factor``: how you yourself sign in."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import Json
from api.passphrase import secret
from api.sign_in_commands import CODE, PASSWORD, CodeFd, PasswordFd, signed_in
from api.speech import in_china
from api.world import World
from engine.core.commands import Actor
from engine.service import second_factors, sessions

FactorCode = Annotated[str, typer.Argument(metavar="FACTOR", help="A second factor, as guitu factor list shows it.")]
_KINDS = {"totp": ("动态验证码", "authenticator"), "passkey": ("通行密钥", "passkey")}


def register(app: typer.Typer, group: typer.Typer) -> None:
    """Add the commands to the root and to their group."""
    app.command("password")(password)
    group.callback()(_factor)
    for name, command in (("add", add), ("list", list_), ("remove", remove)):
        group.command(name)(command)


def _factor() -> None:
    """Your second factors; passkeys are enrolled and used in a browser."""


def password(ctx: typer.Context, *, password_fd: PasswordFd = None, as_json: Json = False) -> None:
    """Set your password; every other sign-in of yours ends."""
    world = World.of(ctx)
    actor = _herself(world)
    second_factors.set_password(world.desk, actor, secret(world.speech, password_fd, PASSWORD, again=True))
    if world.speech.as_json:
        world.speech.give({"person": actor.person})
        return
    world.speech.say(world.speech.pick(f"{actor.person} 的密码已设定", f"the password of {actor.person} is set"))


def add(ctx: typer.Context, *, code_fd: CodeFd = None, as_json: Json = False) -> None:
    """Enrol an authenticator (TOTP): its address is shown this once, and a code of it confirms it."""
    world = World.of(ctx)
    actor, speech = _herself(world), world.speech
    made = second_factors.begin_totp(world.desk, actor)
    # Beside the answer, and so to be read before the code is asked for, even where the answer is JSON.
    zh, en = "请在验证器中登记（仅显示一次）：", "enter this in your authenticator (shown this once):"
    speech.complain(speech.pick(zh, en), style="")
    speech.complain(f"  {made.address}", style="")
    found = second_factors.confirm_totp(world.desk, actor, made.factor, secret(speech, code_fd, CODE))
    if speech.as_json:
        speech.give(found)
        return
    speech.say(speech.pick(f"第二验证方式 {found.factor} 已登记", f"second factor {found.factor} is enrolled"))


def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """Your second factors."""
    world = World.of(ctx)
    speech, pick = world.speech, world.speech.pick
    found = second_factors.listed(world.desk, _herself(world))
    if speech.as_json:
        speech.give(found)
        return
    heads = [pick("第二验证方式", "factor"), pick("种类", "kind"), pick("登记", "added"), pick("最近使用", "used")]
    speech.table(heads, (
        [one.factor, pick(*_KINDS[one.kind]), in_china(one.added_at), in_china(one.used_at) if one.used_at else "-"]
        for one in found if one.is_confirmed
    ))  # fmt: skip


def remove(ctx: typer.Context, *, factor: FactorCode, as_json: Json = False) -> None:
    """Remove one of your second factors; the last one stays."""
    world = World.of(ctx)
    second_factors.remove(world.desk, _herself(world), factor)
    if world.speech.as_json:
        world.speech.give({"factor": factor})
        return
    world.speech.say(world.speech.pick(f"第二验证方式 {factor} 已移除", f"second factor {factor} is removed"))


def _herself(world: World) -> Actor:
    """Whoever is signed in here, perhaps only to enrol."""
    return sessions.present_enrolling(world.desk, signed_in(world).token)
