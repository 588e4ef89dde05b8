"""``guitu login``, ``logout`` and ``whoami``: who sits at this terminal, and for which unit."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated, Any, cast

import typer

from api import sign_in_file
from api.options import Json
from api.passphrase import Secret, secret
from api.sign_in_file import Kept
from api.speech import in_china
from api.world import World
from engine.errors import CommandMalformed, EnrolmentNeeded, NotSignedIn, UnitUnclear
from engine.service import second_factors, sessions, sign_in
from engine.service.actors import Acting, read_acting
from engine.service.sessions import SignedIn
from engine.service.sign_in import Half
from engine.service.trial import is_trial

SOURCE = "terminal"
"""As what failures at the command line are counted: every terminal of the machine is one source."""
PASSWORD = Secret("密码", "password", "--password-fd")
CODE = Secret("验证码", "code of the authenticator", "--code-fd")
TICKET = Secret("一次性登录", "one-time sign-in", "--ticket-fd")
PasswordFd = Annotated[
    int | None,
    typer.Option("--password-fd", metavar="N", help="Read the password from this file descriptor, one line."),
]
CodeFd = Annotated[
    int | None, typer.Option("--code-fd", metavar="N", help="Read the code from this file descriptor, one line.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)


def login(
    ctx: typer.Context, *,
    person: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help="Your code; asked for if not given.")
    ] = None,
    acting: Annotated[
        str | None,
        typer.Option("--acting", metavar="UNIT[:ROLE]", help="For which unit, as what, unless --as says another."),
    ] = None,
    ticket: Annotated[
        bool, typer.Option("--ticket", help="With a one-time sign-in, to set a password and enrol a second factor.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Show the second factor again, for what asks for it lately.")
    ] = False,
    ticket_fd: Annotated[
        int | None,
        typer.Option("--ticket-fd", metavar="N", help="Read the one-time sign-in from this descriptor, one line."),
    ] = None,
    password_fd: PasswordFd = None, code_fd: CodeFd = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Sign in with password and one-time code; passkeys are for browsers and cannot be used in a terminal."""
    world = World.of(ctx)
    if again:
        _prove(world, code_fd)
        return
    place = Acting() if acting is None else read_acting(f"@{acting}")
    if ticket or ticket_fd is not None:
        words = secret(world.speech, ticket_fd, TICKET)
        begun = sign_in.with_ticket(world.desk, words.strip(), source=SOURCE)
    elif is_trial(world.desk):
        begun = _in_trial(world, _who(world, person), place)
    else:
        begun = _with_password(world, _who(world, person), password_fd, code_fd)
    _keep(world, begun, place)
    _say_begun(world, begun)


def logout(
    ctx: typer.Context, *,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="End every other sign-in of yours, too.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Sign out, here or everywhere."""
    world = World.of(ctx)
    kept, ended = signed_in(world), 1
    if everywhere:
        ended = sessions.end_all(world.desk, sessions.present_enrolling(world.desk, kept.token))
    else:
        with suppress(NotSignedIn):  # it was over already
            sessions.end(world.desk, kept.token)
    sign_in_file.forget(world.settings.sign_in)
    if world.speech.as_json:
        world.speech.give({"person": kept.person, "ended": ended})
        return
    world.speech.say(world.speech.pick(f"{kept.person} 已退出登录", f"{kept.person} is signed out"))


def whoami(ctx: typer.Context, as_json: Json = False) -> None:
    """Who is signed in here, for which unit, and until when."""
    world = World.of(ctx)
    told = _told(world, signed_in(world))
    speech, pick = world.speech, world.speech.pick
    if speech.as_json:
        speech.give(told)
        return
    role = f":{told['role']}" if told["role"] else ""
    unit = told["unit"] or pick("（请用 --as @单位 写明单位）", " (say which unit with --as @UNIT)")
    speech.say(f"{told['person']}@{unit}{role}", style="bold")
    until = in_china(told["ends_at"])
    speech.say(pick(f"  登录至 {until}（北京时间）止", f"  signed in until {until} in China at the latest"))
    if told["may"] == "enrol":
        speech.say(pick("  只可设定密码、登记第二验证方式", "  to set a password and enrol a second factor only"))
    elif told["strong_until"] is not None:
        strong = in_china(told["strong_until"])
        speech.say(pick(f"  第二验证方式有效至 {strong}", f"  the second factor counts until {strong}"))


def signed_in(world: World) -> Kept:
    """The sign-in that is kept at this terminal. Raises :class:`NotSignedIn` when there is none."""
    kept = sign_in_file.read(world.settings.sign_in)
    if kept is None:
        raise sessions.not_signed_in()
    return kept


def no_passkeys_here() -> CommandMalformed:
    """Whoever has passkeys only cannot sign in here."""
    return CommandMalformed(
        "终端不能使用通行密钥；请在浏览器登录，或登记动态验证码（TOTP）",
        "passkeys cannot be used in a terminal: sign in with a browser, or enrol an authenticator (TOTP)",
    )


def _who(world: World, person: str | None) -> str:
    """Whose code is meant: the one given, else the one typed. Raises :class:`CommandMalformed`."""
    if person is not None:
        return person
    if not sys.stdin.isatty():
        raise CommandMalformed("请用 --person 写明本人代码", "say who you are with --person")
    return str(typer.prompt(world.speech.pick("本人代码", "Your code"), err=True)).strip()


def _prove(world: World, code_fd: int | None) -> None:
    actor = sessions.present_enrolling(world.desk, signed_in(world).token)
    if all(one.kind != "totp" for one in second_factors.listed(world.desk, actor) if one.is_confirmed):
        raise no_passkeys_here()
    code = secret(world.speech, code_fd, CODE)
    until = sign_in.prove(world.desk, actor, code=code, source=SOURCE)
    if world.speech.as_json:
        world.speech.give({"person": actor.person, "strong_until": until})
        return
    at = in_china(until)
    world.speech.say(world.speech.pick(f"第二验证方式有效至 {at}", f"the second factor counts until {at} in China"))


def _in_trial(world: World, person: str, place: Acting) -> SignedIn:
    if place.unit is None:
        raise CommandMalformed("试验环境请用 --acting 单位 写明单位", "in a world for trial say --acting UNIT")
    return sessions.begin_trial(world.desk, person, place.unit, place.role)


def _with_password(world: World, person: str, password_fd: int | None, code_fd: int | None) -> SignedIn:
    password = secret(world.speech, password_fd, PASSWORD)
    begun = sign_in.begin(world.desk, person, password, source=SOURCE)
    if not isinstance(begun, Half):
        return begun
    if "totp" not in begun.factors:
        raise no_passkeys_here()
    code = secret(world.speech, code_fd, CODE)
    return sign_in.finish(world.desk, begun.token, code=code, source=SOURCE)


def _keep(world: World, begun: SignedIn, place: Acting) -> None:
    """Keep the new sign-in, and end the one it takes the place of."""
    before: Kept | None = None
    with suppress(CommandMalformed):  # what lies there is no sign-in, and goes
        before = sign_in_file.read(world.settings.sign_in)
    sign_in_file.write(world.settings.sign_in, Kept(begun.token, begun.person, place.unit, place.role))
    if before is not None:
        with suppress(NotSignedIn):
            sessions.end(world.desk, before.token)


def _say_begun(world: World, begun: SignedIn) -> None:
    is_whole = not sessions.FULL.isdisjoint(begun.means)
    if world.speech.as_json:
        world.speech.give({
            "person": begun.person, "sign_in": begun.sign_in, "means": begun.means,
            "may": "act" if is_whole else "enrol", "ends_at": begun.ends_at, "strong_until": begun.strong_until,
        })  # fmt: skip
        return
    speech, who, until = world.speech, begun.person, in_china(begun.ends_at)
    speech.say(
        speech.pick(f"{who} 已登录，最迟至 {until}（北京时间）", f"{who} is signed in, until {until} at the latest")
    )
    if not is_whole:
        speech.say(speech.pick(
            "  现在只可设定密码（guitu password）、登记第二验证方式（guitu factor add），然后重新登录",
            "  for now only to set a password (guitu password) and enrol a second factor (guitu factor add); "
            "then sign in again",
        ))  # fmt: skip


def _told(world: World, kept: Kept) -> dict[str, Any]:
    """Who is signed in, as plain data; ``may`` is act or enrol, ``units`` are hers where she must say which."""
    desk = world.desk
    actor = sessions.present_enrolling(desk, kept.token)
    (this,) = (one for one in sessions.listed(desk, actor) if one.is_this)
    may, unit, units = "act", kept.unit, list[str]()
    try:
        unit = sessions.present(desk, kept.token, unit=kept.unit, role=kept.role).unit
    except EnrolmentNeeded:
        may = "enrol"
    except UnitUnclear as unclear:
        units = cast("list[str]", unclear.details["units"])
    assert actor.proof is not None, "it was just presented"
    return {
        "person": actor.person, "unit": unit, "role": kept.role, "units": units, "may": may, "sign_in": this.sign_in,
        "means": this.means, "begun_at": this.begun_at, "ends_at": this.ends_at,
        "strong_until": actor.proof.strong_until,
    }  # fmt: skip
