"""``guitu keys``: the keys of the vault."""

from __future__ import annotations

import typer

from api.options import Json
from api.passphrase import PassphraseFd, passphrase
from api.world import World
from engine import bootstrap
from engine.service import installation, vault_keys


def register(keys: typer.Typer) -> None:
    """Add the commands to their group."""
    keys.callback()(_keys)
    keys.command("init")(init)
    keys.command("status")(status)


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


def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Which keys there are, by kind, jurisdiction and version; never a key."""
    world = World.of(ctx)
    with world.desk.database.reading() as work:
        lines = vault_keys.status(work)
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
