"""``guitu keys``: the keys of the vault."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import Json
from api.passphrase import PassphraseFd, passphrase
from api.world import World
from engine import bootstrap
from engine.errors import CommandMalformed
from engine.service import installation, vault_keys
from engine.service.rotation import Progress, Rotation, RotationKind


def register(keys: typer.Typer) -> None:
    """Add the commands to their group."""
    keys.callback()(_keys)
    keys.command("init")(init)
    keys.command("status")(status)
    keys.command("rotate")(rotate)


def _keys() -> None:
    """The keys of the vault."""


def init(ctx: typer.Context, passphrase_fd: PassphraseFd = None, as_json: Json = False) -> None:
    """Make the root keys of a new installation, in a file that a passphrase closes. Keep copies of both, apart."""
    world = World.of(ctx)
    path = world.settings.root_keys
    words = passphrase(world.speech, passphrase_fd, again=True)
    if installation.has_database(world.url):
        with world.desk.database.reading() as work:
            roots = vault_keys.init(path, words, bootstrap.now(), work=work)
    else:
        roots = vault_keys.init(path, words, bootstrap.now(), work=None)
    if world.speech.as_json:
        world.speech.give({"file": str(path), "root_key": roots.current.hex()})
        return
    zh = f"根密钥已建立：{path}。密钥文件与口令都要另存副本，分开存放：少了任何一样，谁也打不开数据"
    en = (
        f"The root key is in {path}. Keep copies of the file and of the passphrase, apart: without both nobody can open"
    )
    world.speech.say(world.speech.pick(zh, en + " anything"))


def rotate(
    ctx: typer.Context, *,
    kind: Annotated[
        RotationKind | None, typer.Argument(metavar="KIND", help="root, case, case_key, identity, index, installation.")
    ] = None,
    jurisdiction: Annotated[
        str, typer.Option("--jurisdiction", metavar="CODE", help="Whose keys; root and installation have none.")
    ] = "*",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with every rotation that stopped half-way.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Rotate keys, beside the daily work. It may be stopped at any time, and goes on with --resume."""
    world = World.of(ctx)
    if (kind is None) != resume:
        raise CommandMalformed("请给出种类，或只用 --resume", "name a kind, or use --resume alone")
    rotation = Rotation(world.desk, vault_keys.saver(world.settings.root_keys, world.words, bootstrap.now))
    last: Progress | None = None
    for last in rotation.resume() if kind is None else rotation.run(kind, jurisdiction):
        _say_progress(world, last)
    if world.speech.as_json:
        world.speech.give({"rotated": last})
    elif last is None:
        world.speech.say(world.speech.pick("没有中断的轮换", "no rotation stopped half-way"))


def _say_progress(world: World, progress: Progress) -> None:
    if world.speech.as_json:
        return
    state = world.speech.pick("完成", "finished") if progress.finished else ""
    world.speech.say(f"{progress.kind} {progress.jurisdiction}: {progress.done}/{progress.total} {state}".rstrip())


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Which keys there are, by kind, jurisdiction and version; never a key."""
    world = World.of(ctx)
    lines = vault_keys.listed(world.desk)
    if world.speech.as_json:
        world.speech.give(lines)
        return
    pick = world.speech.pick
    head = [pick("种类", "kind"), pick("地区", "jurisdiction"), pick("版本", "version"), pick("建立", "made"),
            pick("状态", "state"), pick("封装", "holds")]  # fmt: skip
    rows = [
        [one["kind"], one["jurisdiction"], str(one["version"]), one["made_at"][:10], one["state"], str(one["holds"])]
        for one in lines
    ]
    world.speech.table(head, rows)
