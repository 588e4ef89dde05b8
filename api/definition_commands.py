"""``guitu definitions``: the rule books as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from api.options import Json
from api.refusals import tell
from api.speech import Speech
from api.world import World
from engine.errors import GuituError
from engine.service import definitions as books

Name = Annotated[str, typer.Argument(metavar="ID[@VERSION]", help="A definition; without a version the newest.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("list", list_), ("show", show), ("check", check), ("coverage", coverage), ("schema", schema),
    ):  # fmt: skip
        group.command(name)(command)


def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the loaded definitions: id, version, hash, status, and where their rules come from."""
    world = World.of(ctx)
    listed = books.listed(world.library)
    if world.speech.as_json:
        world.speech.give(listed)
        return
    speech = world.speech
    heads = [speech.pick("流程", "definition"), speech.pick("状态", "status"), "hash"]
    heads += [speech.provenance(word) for word in ("printed", "reading", "deployer", "lost")]
    rows = ([f"{one['id']}@{one['version']}", one["status"], one["hash"][:12], *totals(one)] for one in listed)
    speech.table(heads, rows)


def totals(one: dict[str, Any]) -> list[int]:
    """How many elements of a definition are printed, read, set locally, or lost."""
    kinds = one["provenance"].values()
    return [sum(kind[word] for kind in kinds) for word in ("printed", "reading", "deployer", "lost")]


def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show one definition, flattened: each step with its units as printed, clause and provenance."""
    world = World.of(ctx)
    book = books.shown(world.library, name)
    if world.speech.as_json:
        world.speech.give(book)
        return
    speech = world.speech
    speech.say(f"{book['id']}@{book['version']}  {speech.of(book['title'])}  {book['status']}", style="bold")
    speech.say(book["hash"])
    for track_name, track in book["tracks"].items():
        speech.say()
        speech.say(f"{speech.of(track['title'])} ({track_name}) {_source(speech, track)}", style="bold")
        heads = [speech.pick("环节", "step"), speech.pick("负责", "responsible")]
        heads += [speech.pick("共同负责", "joint leads"), speech.pick("配合", "cooperating")]
        heads.append(speech.pick("依据", "basis"))
        speech.table(heads, (_step(speech, book["units"], key, step) for key, step in track["steps"].items()))
        moves = (_move(speech, key, move) for key, move in track["moves"].items())
        speech.table([speech.pick("动作", "move"), "", ""], moves)


def _source(speech: Speech, element: dict[str, Any]) -> str:
    clauses = dict.fromkeys(basis["clause"] for basis in element.get("basis", ()))
    return speech.source(list(clauses), element["provenance"])


def _step(speech: Speech, units: dict[str, Any], name: str, step: dict[str, Any]) -> list[str]:
    """One line of a track: units by the name the document prints for them."""
    ends = speech.pick("（终点）", "(end)")
    responsible = _units(speech, units, [step["responsible"]]) if step.get("responsible") else ends
    leads, others = (_units(speech, units, step.get(key, ())) for key in ("joint_leads", "cooperating"))
    return [f"  {speech.of(step['title'])} ({name})", responsible, leads or "-", others or "-", _source(speech, step)]


def _units(speech: Speech, units: dict[str, Any], functions: Iterable[str]) -> str:
    names = (speech.of(units[function]) if function in units else function for function in functions)
    return speech.pick("、", ", ").join(names)


def _move(speech: Speech, name: str, move: dict[str, Any]) -> list[str]:
    way = f"{', '.join(move['source'])} → {move['to']}"
    return [f"  {speech.of(move['title'])} ({name})", way, _source(speech, move)]


def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files to check; without any, everything loaded.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check definitions and scenarios: file, line, what is wrong, what would be right. Exit code 3 if anything is."""
    world = World.of(ctx)
    speech = world.speech
    found = books.checked(paths or (), world.settings.workflows)
    if speech.as_json:
        findings = [one.text(speech.language) for one in found.findings]
        checked = [{"name": name, "hash": digest} for name, digest in found.checked]
        speech.give({"ok": not findings, "checked": checked, "findings": findings, "details": found.findings})
        raise typer.Exit(3 if findings else 0)
    try:
        books.require_green(found)
    except GuituError as error:
        raise typer.Exit(tell(speech, error)) from None
    for name, digest in found.checked:
        speech.say(f"{name}  {digest[:12]}  {speech.pick('无误', 'ok')}".replace("    ", "  "), style="green")


def coverage(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One definition; all if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Hold definitions against our inventory of clauses: every core clause encoded, or listed with a reason."""
    world = World.of(ctx)
    speech = world.speech
    tables = books.covered(world.library, name)
    if speech.as_json:
        speech.give([table.as_json() for table in tables])
    else:
        heads = [speech.pick("流程", "definition"), speech.pick("核心", "core"), speech.pick("已编码", "encoded")]
        heads += [speech.pick("已列出", "listed"), speech.pick("缺口", "gaps")]
        keys = ("core", "encoded", "listed", "gap")
        speech.table(heads, [[table.name, *(table.counts()[key] for key in keys)] for table in tables])
        for finding in (finding for table in tables for finding in table.findings):
            speech.complain(finding.text(speech.language), style="")
    raise typer.Exit(0 if all(table.is_green for table in tables) else 3)


def schema(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the JSON Schema of the files under ``workflows/``, for editors."""
    World.of(ctx).speech.give(books.schema())
