"""``guitu case``: files of a case, added, listed and copied out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.answers import tell_answer
from api.options import As, CaseId, Expect, Json, Key
from api.speech import in_china
from api.world import World
from engine.errors import CommandMalformed
from engine.service import attachments


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("attach")(attach)
    group.command("attachments")(list_)
    group.command("attachment")(copy_out)


def attach(
    ctx: typer.Context, *, case: CaseId,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="PDF, JPEG, PNG, HEIC, Word, Excel or plain text; as it is.")
    ],
    as_: As,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Its name in the case, if not that of FILE; never a person's.")
    ] = "",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Add a file to the case: encrypted at once, its name too. Your own copy stays where it is."""
    world = World.of(ctx)
    try:
        opened = file.open("rb")
    except OSError:
        raise CommandMalformed("文件无法打开", "the file cannot be opened") from None
    with opened:
        answer = attachments.add(
            world.desk, case, opened, name or file.name, world.actor(as_), expected_revision=expect, idempotency_key=key
        )
    tell_answer(world, answer, attachment=answer.attachment)


def list_(ctx: typer.Context, *, case: CaseId, as_: As, as_json: Json = False) -> None:
    """The files of a case: reference, kind, size, who added each, and its name."""
    world = World.of(ctx)
    found = attachments.listed(world.desk, case, world.actor(as_))
    speech = world.speech
    if speech.as_json:
        speech.give(found)
        return
    if not found:
        speech.say(speech.pick("没有附件", "no files"))
        return
    heads = (
        ("附件", "attachment"), ("类型", "kind"), ("字节", "bytes"), ("收入", "added"), ("单位", "unit"),
        ("名称", "name"),
    )  # fmt: skip
    rows = [[one.id, one.kind, one.size, in_china(one.added_at), one.unit, one.name] for one in found]
    speech.table([speech.pick(*head) for head in heads], rows)


def copy_out(
    ctx: typer.Context, *, case: CaseId,
    attachment: Annotated[str, typer.Argument(metavar="ATTACHMENT", help="Its reference; attachments lists them.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The new file that the content is written to.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Copy a file of the case out, decrypted, for your account alone. Nothing is written unless it is whole."""
    world = World.of(ctx)
    found = attachments.copy_to(world.desk, case, attachment, out, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(found)
        return
    zh, en = f"已写出 {found.size} 字节（{found.kind}）", f"wrote {found.size} bytes ({found.kind})"
    world.speech.say(world.speech.pick(zh, en))
