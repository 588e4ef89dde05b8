"""``guitu definitions keygen|approver|approve|release``: how a definition comes into force in an installation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from api.options import As, Json
from api.passphrase import PassphraseFd, passphrase
from api.speech import in_china
from api.world import World
from engine.service import installation, keyfile, release
from engine.service.actors import read_actor

Exactly = Annotated[str, typer.Argument(metavar="ID@VERSION", help="The definition, with its version.")]


def register(group: typer.Typer, approver: typer.Typer) -> None:
    """Add the commands to the group of definitions, and those about approvers to theirs."""
    group.command("keygen")(keygen)
    group.command("approve")(approve)
    group.command("release")(release_)
    approver.command("add")(add)
    approver.command("list")(list_)
    approver.command("revoke")(revoke)


def standing(world: World) -> dict[str, str]:
    """What this installation has released or superseded, by hash; nothing where there is no database."""
    return release.standing(world.desk) if installation.has_database(world.url) else {}


def keygen(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the private key goes; must not exist.")],
    passphrase_fd: PassphraseFd = None,
    as_json: Json = False,
) -> None:
    """Make a key to approve with: the private key into a file closed by a passphrase, the public key printed."""
    speech = World.of(ctx).speech
    public, fingerprint = keyfile.make(out, passphrase(speech, passphrase_fd, again=True))
    if speech.as_json:
        speech.give({"public_key": public, "fingerprint": fingerprint, "file": str(out)})
        return
    speech.say(public)
    zh = f"指纹 {fingerprint[:16]}；私钥在 {out}（已加密），请妥善保管，切勿外传"
    en = f"fingerprint {fingerprint[:16]}; the private key is in {out}, encrypted: keep it, give it to nobody"
    speech.say(speech.pick(zh, en), style="dim")


def add(
    ctx: typer.Context,
    approver: Annotated[str, typer.Argument(metavar="APPROVER", help="PERSON@UNIT the key signs for.")],
    public_key: Annotated[str, typer.Argument(metavar="PUBLIC_KEY", help="ed25519:…, as keygen printed it.")],
    as_: As,
    as_json: Json = False,
) -> None:
    """Register a public key that signs for a person of an office."""
    world = World.of(ctx)
    who = read_actor(approver)
    row = release.add_approver(
        world.desk, office=who.unit, person=who.person, public_key=public_key, actor=world.actor(as_)
    )  # fmt: skip
    _say_approver(world, release.approver_line(row), world.speech.pick("已登记", "registered"))


def revoke(
    ctx: typer.Context,
    fingerprint: Annotated[
        str, typer.Argument(metavar="FINGERPRINT", help="Of the key, or its first 8 digits and more.")
    ],
    as_: As,
    as_json: Json = False,
) -> None:
    """Let a key sign for nobody any more, for good; what was released before stays released."""
    world = World.of(ctx)
    row = release.revoke_approver(world.desk, fingerprint, world.actor(as_))
    _say_approver(world, release.approver_line(row), world.speech.pick("已撤销", "revoked"))


def _say_approver(world: World, line: Mapping[str, object], done: str) -> None:
    if world.speech.as_json:
        world.speech.give(line)
    else:
        world.speech.say(f"{done}: {line['person']}@{line['office']}  {line['fingerprint']}")


def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List every key ever registered, revoked ones too."""
    world = World.of(ctx)
    speech = world.speech
    rows = release.approvers(world.desk)
    if speech.as_json:
        speech.give([release.approver_line(row) for row in rows])
        return
    heads = [("审定人", "approver"), ("指纹", "fingerprint"), ("登记", "since"), ("撤销", "revoked")]
    lines = (
        [
            f"{row.person}@{row.office}", row.fingerprint[:16], in_china(row.since),
            "-" if row.revoked_at is None else in_china(row.revoked_at),
        ]
        for row in rows
    )  # fmt: skip
    speech.table([speech.pick(*head) for head in heads], lines)


def approve(
    ctx: typer.Context,
    *,
    name: Exactly,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key, as keygen made it.")],
    as_: As,
    reviewed: Annotated[
        str | None, typer.Option("--hash", metavar="HASH", help="The hash you reviewed; refused if it is another.")
    ] = None,
    passphrase_fd: PassphraseFd = None,
    as_json: Json = False,
) -> None:
    """Check a candidate whole, then sign its hash for your office."""
    world = World.of(ctx)
    opened = keyfile.read(key, passphrase(World.of(ctx).speech, passphrase_fd))
    row = release.approve(
        world.desk, world.library, world.settings.workflows, name, key=opened, actor=world.actor(as_), reviewed=reviewed
    )
    if world.speech.as_json:
        world.speech.give(release.approval_line(row))
        return
    who = f"{row.person}@{row.office}"
    zh, en = f"{who} 已审定 {name}  {row.hash}", f"{who} approved {name}  {row.hash}"
    world.speech.say(world.speech.pick(zh, en))


def release_(ctx: typer.Context, name: Exactly, as_: As, as_json: Json = False) -> None:
    """Release a candidate that two offices approved: new cases open on it, and no more on the version before."""
    world = World.of(ctx)
    made = release.release(world.desk, world.library, world.settings.workflows, name, world.actor(as_))
    offices = [one.office for one in made.approvals]
    if world.speech.as_json:
        lines = [release.approval_line(one) for one in made.approvals]
        world.speech.give({"definition": made.name, "hash": made.hash, "released_at": made.at, "approvals": lines})
        return
    zh = f"{name} 已发布（审定单位：{'、'.join(offices)}）"
    en = f"{name} is released (approved by {', '.join(offices)})"
    world.speech.say(world.speech.pick(zh, en))
