"""``guitu backup``: what an installation recorded, put aside, looked at, and put back; its keys never."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.options import Json
from api.speech import in_china
from api.world import World
from engine import bootstrap
from engine.service import backup
from engine.service.backup_folder import KEYS, Manifest

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the backup.")]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.command("create")(create)
    group.command("verify")(verify)
    group.command("restore")(restore)


def create(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where it goes: a new or an empty folder, in one that exists.")
    ],
    as_json: Json = False,
) -> None:
    """Write a backup 备份 of database and attachments while others work; the keys are not in it."""
    world = World.of(ctx)
    world.desk.scribe.enter(backup.account())
    made = backup.create(_place(world), folder, bootstrap.now())
    if world.speech.as_json:
        world.speech.give(_plain(folder, made))
        return
    speech = world.speech
    many, size = len(made.files), sum(one.size for one in made.files.values())
    speech.say(speech.pick(f"已备份到 {folder}：{_held(made)[0]}", f"backup in {folder}: {_held(made)[1]}"))
    zh, en = (
        f"  {many} 个文件，{size} 字节；清单摘要 {made.digest}",
        f"  {many} files, {size} bytes; digest {made.digest}",
    )
    speech.say(speech.pick(zh, en))
    speech.say(_about_keys(world))


def verify(
    ctx: typer.Context,
    folder: Folder,
    full: Annotated[
        str | None,
        typer.Option(
            "--full",
            metavar="URL",
            envvar="GUITU_SCRATCH_URL",
            help="An empty PostgreSQL database to restore a dump into; it is emptied again (or GUITU_SCRATCH_URL).",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold a backup against its manifest and restore it in a temporary place. Exit code 1 unless that went well."""
    world = World.of(ctx)
    lines = backup.verify(folder, world.settings.postgres_programs, full)
    is_well, is_restorable = backup.passed(lines), backup.is_restorable(lines)
    speech = world.speech
    if speech.as_json:
        speech.give({"ok": is_well, "restored": is_restorable, "checks": lines})
    else:
        words = {"ok": ("相符", "ok"), "bad": ("不符", "BAD"), "left": ("未查", "not checked")}
        rows = [[speech.pick(*words[line.state]), line.name, speech.label(line.said)] for line in lines]
        speech.table(["", speech.pick("项目", "what"), speech.pick("情况", "found")], rows)
        speech.say(speech.pick(*_verdict(is_well, is_restorable)))
    raise typer.Exit(0 if is_well else 1)


def restore(ctx: typer.Context, folder: Folder, as_json: Json = False) -> None:
    """Restore 恢复 a backup into an empty installation: wholly, or not at all."""
    world = World.of(ctx)
    found = backup.restore(_place(world), folder)
    speech = world.speech
    needs_upgrade = backup.needs_upgrade(found)
    if speech.as_json:
        speech.give({**_plain(folder, found), "needs_upgrade": needs_upgrade})
        return
    speech.say(speech.pick(f"已恢复：{_held(found)[0]}", f"restored: {_held(found)[1]}"))
    speech.say(_about_keys(world))
    if needs_upgrade:
        zh, en = (
            "数据库结构早于本程序：请接着运行 guitu db upgrade",
            "its schema is older than this program: run guitu db upgrade now",
        )
        speech.say(speech.pick(zh, en))


def _place(world: World) -> backup.Place:
    settings = world.settings
    return backup.Place(settings.home, settings.database_url, settings.postgres_programs)


def _plain(folder: Path, made: Manifest) -> dict[str, object]:
    return {
        "folder": str(folder), "kind": made.kind, "schema": made.schema, "made_at": made.made_at,
        "program": made.program, "cases": made.cases, "events": made.events, "files": len(made.files),
        "bytes": sum(one.size for one in made.files.values()), "digest": made.digest, "keys_included": False,
    }  # fmt: skip


def _held(made: Manifest) -> tuple[str, str]:
    when, cases, events = in_china(made.made_at), made.cases, made.events
    return (
        f"{cases} 个案件，{events} 条记录，{made.kind} {made.schema}，制作于 {when}",
        f"{cases} cases, {events} events, {made.kind} {made.schema}, made at {when} in China",
    )


def _about_keys(world: World) -> str:
    keys = world.settings.home / KEYS
    return world.speech.pick(
        f"密钥不在备份中：{keys} 须另行备份、另处保管；没有密钥，加密内容无法读取",
        f"no key is in it: {keys} is to be kept apart, elsewhere; without the keys what is sealed cannot be read",
    )


def _verdict(is_well: bool, is_restorable: bool) -> tuple[str, str]:
    if not is_well:
        return "未通过：此备份不可依赖", "FAILED: do not rely on this backup"
    if not is_restorable:
        return "已查各项均相符，但未作恢复检验", "what was checked is right, but it was not restored anywhere"
    return "通过：已恢复并核对", "passed: restored and compared"
