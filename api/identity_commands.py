"""``guitu identity``: sealing who a person is, and looking for records of the same person. Nothing is shown again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.answers import tell_answer
from api.options import As, CaseId, Expect, Json, Key
from api.speech import Speech
from api.world import World, actor
from engine.core import commands as cmd
from engine.errors import CommandMalformed
from engine.service import identities
from engine.service.persons import Match

Form = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The identity as JSON; - reads it from standard input, and nothing keeps it."),
]
RoleOption = Annotated[
    cmd.Role, typer.Option("--role", help="As what the case knows the person.")
]  # fmt: skip
_MOST_BYTES = 100_000


def register(identity: typer.Typer) -> None:
    """Add the commands to their group."""
    identity.callback()(_identity)
    identity.command("record")(record)
    identity.command("search")(search)


def _identity() -> None:
    """Who the persons of a case are."""


def record(
    ctx: typer.Context, *, case: CaseId, form: Form, role: RoleOption, as_: As,
    person: Annotated[str, typer.Option("--person", metavar="P-…", help="Amend this one; else somebody new.")] = "",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Seal a person's identity, and get the reference that stands for her or him in facts and forms."""
    world = World.of(ctx)
    command = cmd.RecordIdentity(
        case=case, role=role, holds=(), person=person, idempotency_key=key, expected_revision=expect
    )
    made = identities.record(world.desk, command, read_form(form), actor(as_))
    tell_answer(world, made.answer, remarks=made.remarks)
    say_recorded(world.speech, made)


def say_recorded(speech: Speech, made: identities.Recorded) -> None:
    """The reference, and what looks odd; JSON has it already."""
    if speech.as_json:
        return
    speech.say(speech.pick(f"身份代号：{made.answer.person}", f"reference: {made.answer.person}"), style="bold")
    for remark in made.remarks:
        speech.say(speech.pick(f"注意：{remark.zh}", f"note: {remark.en}"), style="yellow")


def search(
    ctx: typer.Context, *, form: Form,
    area: Annotated[str, typer.Option("--area", metavar="CODE", help="Where the record would be opened.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Records in the area's jurisdiction that may be about this person: their codes, and how alike; never who."""
    world = World.of(ctx)
    found = identities.search(world.desk, area, read_form(form), actor(as_))
    if world.speech.as_json:
        world.speech.give(found)
        return
    say_matches(world.speech, found)


def say_matches(speech: Speech, found: list[Match]) -> None:
    """The matches as a table."""
    if not found:
        speech.say(speech.pick("没有疑似同一人的个案", "no record that may be of the same person"))
        return
    words = {"same": ("同一人", "same"), "likely": ("很可能", "likely"), "possible": ("有可能", "possible")}
    rows = [[one.case, one.person, speech.pick(*words[one.likeness]), ", ".join(one.by)] for one in found]
    head = [speech.pick("个案", "case"), speech.pick("身份代号", "person"), speech.pick("相似", "alike"),
            speech.pick("依据", "by")]  # fmt: skip
    speech.table(head, rows)


def read_form(path: Path) -> dict[str, Any]:
    """An identity form as JSON, from a file or standard input. Raises :class:`CommandMalformed`, repeating nothing."""
    try:
        if str(path) == "-":
            text = sys.stdin.read(_MOST_BYTES + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(_MOST_BYTES + 1)
    except (OSError, UnicodeDecodeError):
        raise CommandMalformed("身份表无法读取", "the identity form cannot be read as UTF-8") from None
    try:
        form = json.loads(text) if len(text) <= _MOST_BYTES else None
    except ValueError:
        form = None
    if not isinstance(form, dict):
        raise CommandMalformed(
            '身份表应为 JSON 对象，例如 {"name": "…", "id_number": "…"}',
            'the identity form is a JSON object, such as {"name": "…", "id_number": "…"}',
        )
    return form
