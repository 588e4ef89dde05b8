"""``guitu identity``: sealing who a person is, looking for records of the same person, and who may see it again."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from api import request_commands
from api.answers import tell_answer
from api.options import As, CaseId, Expect, Json, Key
from api.request_commands import say_asked
from api.speech import Speech, in_china
from api.world import World
from engine.core import commands as cmd
from engine.errors import CommandMalformed
from engine.service import identities, reidentify
from engine.service.persons import Match
from engine.service.reidentify import FIELDS, Revealed, Sought
from engine.service.request_rules import request_rules

Form = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="The identity as JSON; - reads it from standard input, and nothing keeps it."),
]
RoleOption = Annotated[
    cmd.Role, typer.Option("--role", help="As what the case knows the person.")
]  # fmt: skip
Person = Annotated[str, typer.Option("--person", metavar="P-…", help="The reference of the person in the case.")]
Fields = Annotated[
    list[str] | None, typer.Option("--field", metavar="NAME", help="A field of the identity; may be given many times.")
]
_MOST_BYTES = 100_000


def register(identity: typer.Typer) -> None:
    """Add the commands to their group."""
    identity.callback()(_identity)
    identity.command("record")(record)
    identity.command("search")(search)
    identity.command("request")(request)
    request_commands.register(identity, "reveal")
    identity.command("reveal")(reveal)


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
    made = identities.record(world.desk, command, read_form(form), world.actor(as_))
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
    found = identities.search(world.desk, area, read_form(form), world.actor(as_))
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


def request(
    ctx: typer.Context, *, case: CaseId, person: Person,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of policies/requests.yaml.")],
    as_: As, fields: Fields = None,
    purpose: Annotated[str, typer.Option("--purpose", metavar="CODE", help="What for, as the ledger tells it.")] = (
        "case_handling"
    ),
    as_json: Json = False,
) -> None:  # fmt: skip
    """Ask to see fields of an identity; a custodian approves exactly that, or declines."""
    world = World.of(ctx)
    sought = Sought(case, person, tuple(fields or ()))
    asked = reidentify.ask(world.desk, request_rules(), sought, reason, replace(world.actor(as_), purpose=purpose))
    say_asked(world.speech, asked, "已提出申请", "asked")


def reveal(
    ctx: typer.Context, *, as_: As,
    request: Annotated[str | None, typer.Argument(metavar="REQUEST", help="An approved request of yours.")] = None,
    emergency: Annotated[
        str | None, typer.Option("--emergency", metavar="CASE", help="The case over which you broke the glass.")
    ] = None,
    person: Person = "", fields: Fields = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Show what an approved request asked for, once; or, behind a broken glass, the fields of a person named."""
    world = World.of(ctx)
    if (request is None) == (emergency is None):
        raise CommandMalformed("请给出申请代码，或 --emergency 个案代号", "give a request, or --emergency CASE")
    if request is not None:
        shown = reidentify.reveal(world.desk, request_rules(), request, world.actor(as_))
    else:
        sought = Sought(emergency or "", person, tuple(fields or ()))
        shown = reidentify.reveal_in_emergency(world.desk, request_rules(), sought, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(shown)
        return
    say_revealed(world.speech, shown)


def say_revealed(speech: Speech, shown: Revealed) -> None:
    """The approved fields, marked with who saw them, when, on what, and until when they may be used."""
    pick = speech.pick
    speech.say(f"{shown.case}  {shown.person}", style="bold")
    rows = [[speech.label(FIELDS[name]), _value(value)] for name, value in shown.values.items()]
    rows += [[speech.label(FIELDS[name]), pick("（未登记）", "(not recorded)")] for name in shown.missing]
    speech.table(["", ""], rows)
    seen = f"{shown.viewer}@{shown.unit}  {in_china(shown.at)}  {shown.on}"
    until = in_china(shown.put_away_by)
    speech.say(pick(f"  调阅人 {seen}", f"  shown to {seen}"), style="dim")
    speech.say(pick(f"  请于 {until} 前收起，不得留存", f"  put it away by {until}, and keep no copy"), style="yellow")


def _value(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(str(one) for one in value.values())
    if isinstance(value, list | tuple):
        return "；".join(_value(one) for one in value)
    return str(value)


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
