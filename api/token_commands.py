"""``guitu token`` and ``guitu provider``: what services are known by, and whose account of the provider is whose."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.options import As, Json
from api.people_commands import moment
from api.speech import in_china
from api.world import World
from engine.service import provider_links, tokens

TokenCode = Annotated[
    str, typer.Argument(metavar="TOKEN", help="The code of a token: its twelve letters, never the token itself.")
]
_STATES = {"live": ("有效", "live"), "over": ("到期", "over"), "revoked": ("已吊销", "revoked")}


def register(token: typer.Typer, provider: typer.Typer) -> None:
    """Add the commands to their groups."""
    token.callback()(_token)
    for name, command in (("issue", issue), ("rotate", rotate), ("revoke", revoke), ("list", list_tokens)):
        token.command(name)(command)
    provider.callback()(_provider)
    for name, linking in (("link", link), ("unlink", unlink), ("list", list_links)):
        provider.command(name)(linking)


def _token() -> None:
    """What registered services are known by: issued by an administrator, for one unit and named purposes."""


def _provider() -> None:
    """Whose account of the organisation's identity provider is which person here."""


def issue(
    ctx: typer.Context, *,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="A service, enrolled like a person.")],
    purpose: Annotated[
        list[str],
        typer.Option("--purpose", metavar="PURPOSE", help="What for, such as case_handling; may be given many times."),
    ],
    until: Annotated[
        str, typer.Option("--until", metavar="WHEN", help="Before then (a day or a day and time, in China).")
    ],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Issue a token to a registered service, for the unit it is a service of. It is shown this once."""
    world = World.of(ctx)
    ends = moment("--until", until)
    assert ends is not None, "it was given"
    _say_issued(world, tokens.issue(world.desk, world.actor(as_), service, purpose, ends))


def rotate(
    ctx: typer.Context, *, token: TokenCode, as_: As,
    overlap: Annotated[
        int | None,
        typer.Option("--overlap", metavar="HOURS", help="So long the secret before counts, too; 0 ends it at once."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Give a token another secret, shown this once; the one before counts for a while longer."""
    world = World.of(ctx)
    _say_issued(world, tokens.rotate(world.desk, world.actor(as_), token, overlap_hours=overlap))


def revoke(ctx: typer.Context, *, token: TokenCode, as_: As, as_json: Json = False) -> None:
    """End a token at once, with every secret of it."""
    world = World.of(ctx)
    ended = tokens.revoke(world.desk, world.actor(as_), token)
    if world.speech.as_json:
        world.speech.give(asdict(ended))
        return
    world.speech.say(world.speech.pick(f"令牌 {ended.id} 已吊销", f"token {ended.id} is revoked"))


def list_tokens(
    ctx: typer.Context, *, as_: As,
    after: Annotated[
        str | None, typer.Option("--after", metavar="TOKEN", help="Those after this one: the next of the page before.")
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The tokens of services, ended ones too; never a secret."""
    world = World.of(ctx)
    page = tokens.listed(world.desk, world.actor(as_), after)
    speech = world.speech
    if speech.as_json:
        speech.give({"items": [asdict(one) for one in page.items], "next": page.next})
        return
    pick = speech.pick
    heads = [pick("令牌", "token"), pick("服务", "service"), pick("单位", "unit"), pick("目的", "purposes"),
             pick("情况", "state"), pick("止", "until"), pick("最近使用", "last used"),
             pick("签发", "issued by")]  # fmt: skip
    speech.table(heads, [
        [one.id, one.service, one.unit, ", ".join(one.purposes), pick(*_STATES[one.state]), in_china(one.until),
         "-" if one.used_at is None else in_china(one.used_at), one.issued_by]
        for one in page.items
    ])  # fmt: skip
    _say_next(world, page.next)


def link(
    ctx: typer.Context, *,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="A code, such as officer-12; never a name.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The account: what its claim sub says.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Let an account of the identity provider be a person enrolled here; units and roles stay ours."""
    world = World.of(ctx)
    _say_link(world, provider_links.link(world.desk, world.actor(as_), person, subject), "已关联", "is linked")


def unlink(
    ctx: typer.Context, *,
    named: Annotated[str, typer.Argument(metavar="LINK", help="The code of the link.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """End a link at once, and every sign-in of that person."""
    world = World.of(ctx)
    _say_link(world, provider_links.unlink(world.desk, world.actor(as_), named), "已取消关联", "is linked no more")


def list_links(
    ctx: typer.Context, *, as_: As,
    after: Annotated[
        str | None, typer.Option("--after", metavar="LINK", help="Those after this one: the next of the page before.")
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Which persons are linked to accounts of the identity provider, ended links too."""
    world = World.of(ctx)
    page = provider_links.linked(world.desk, world.actor(as_), after)
    speech = world.speech
    if speech.as_json:
        speech.give({"items": [asdict(one) for one in page.items], "next": page.next})
        return
    pick = speech.pick
    heads = [pick("关联", "link"), pick("人员", "person"), pick("平台", "provider"), pick("起", "since"),
             pick("止", "until"), pick("办理", "linked by")]  # fmt: skip
    speech.table(heads, [
        [one.id, one.person, one.issuer, in_china(one.since), "-" if one.until is None else in_china(one.until),
         one.linked_by]
        for one in page.items
    ])  # fmt: skip
    _say_next(world, page.next)


def _say_issued(world: World, made: tokens.Issued) -> None:
    speech = world.speech
    if speech.as_json:
        speech.give(asdict(made))
        return
    speech.say(made.token)
    until = in_china(made.ends_at)
    speech.say(speech.pick(
        f"令牌 {made.id} 只显示这一次：{made.service}@{made.unit}，目的 {'、'.join(made.purposes)}，{until} 止",
        f"token {made.id}, shown this once: {made.service}@{made.unit}, for {', '.join(made.purposes)}, until {until}",
    ))  # fmt: skip
    if made.overlap_until is not None:
        last = in_china(made.overlap_until)
        speech.say(speech.pick(f"原令牌在 {last} 前仍有效", f"the one before counts until {last}"))


def _say_link(world: World, one: provider_links.Link, zh: str, en: str) -> None:
    if world.speech.as_json:
        world.speech.give(asdict(one))
        return
    world.speech.say(world.speech.pick(f"{one.person} {zh}（{one.id}）", f"{one.person} {en} ({one.id})"))


def _say_next(world: World, following: str | None) -> None:
    if following is not None:
        world.speech.say(world.speech.pick(f"还有更多：--after {following}", f"there are more: --after {following}"))
