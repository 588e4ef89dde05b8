"""``guitu definitions``: the rule books as people and programs read them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.mutant_commands import mutants
from api.options import Json
from api.reach import reach
from api.refusals import tell
from api.release_commands import standing
from api.speech import Speech, is_terminal
from api.world import World
from engine.errors import GuituError
from engine.service import definitions as books

Name = Annotated[str, typer.Argument(metavar="ID[@VERSION]", help="A definition; without a version the newest.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("list", list_), ("show", show), ("check", check), ("coverage", coverage), ("schema", schema),
        ("reach", reach),
    ):  # fmt: skip
        group.command(name)(command)
    group.command("mutants")(mutants)


def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the loaded definitions: id, version, hash, status here, and where their rules come from."""
    world = World.of(ctx)
    listed = books.listed(world.library, standing(world))
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
    shape: Annotated[bool, typer.Option("--shape", help="Only the shape of the files; prove nothing (fast).")] = False,
    as_json: Json = False,
) -> None:
    """Check definitions and scenarios, then prove them: sound, and no way breaks an invariant.

    Says file, line, what is wrong and what would be right, and for a failed proof the way that leads to it. Exit code
    3 if anything is wrong. Single files are checked for their shape only.
    """
    world = World.of(ctx)
    speech = world.speech
    found = books.checked(paths or (), world.settings.workflows)
    proved = None if found.findings or paths or shape else _prove(world)
    is_green = not found.findings and (proved is None or proved.is_green)
    if speech.as_json:
        findings = [*found.findings, *(proved.findings if proved else ())]
        checked = [{"name": name, "hash": digest} for name, digest in found.checked]
        said = [one.text(speech.language) for one in findings]
        more = proved.as_json() if proved else {}
        speech.give({"ok": is_green, "checked": checked, "findings": said, "details": findings, **more})
        raise typer.Exit(0 if is_green else 3)
    try:
        books.require_green(found)
    except GuituError as error:
        raise typer.Exit(tell(speech, error)) from None
    for name, digest in found.checked:
        speech.say(f"{name}  {digest[:12]}  {speech.pick('无误', 'ok')}".replace("    ", "  "), style="green")
    if proved is not None:
        _tell_proved(speech, proved)
    raise typer.Exit(0 if is_green else 3)


def _prove(world: World) -> books.Proved:
    """Prove everything; on a terminal a line on standard error says what is looked at."""
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True,
                  console=Console(stderr=True), disable=not is_terminal(sys.stderr)) as progress:  # fmt: skip
        task = progress.add_task("", total=None)

        def watch(next_: books.Looking) -> None:
            text = f"{next_.definition}  {world.speech.label(next_.what)}"
            progress.update(task, description=text, completed=next_.done, total=next_.all)

        return books.proved(world.settings.workflows, watch=watch)


PROOF = {
    "proved": ("已证明", "proved"),
    "failed": ("不成立", "FAILED"),
    "held_elsewhere": ("另处保障", "held elsewhere"),
    "held_by_engine": ("引擎保障", "held by the engine"),
    "open": ("尚无保障", "open"),
    "not_a_rule_here": ("非本文件规则", "not a rule here"),
    "text_lost": ("原文缺失", "text lost"),
    "too_large": ("切片过大", "TOO LARGE"),
    "no_path": ("情形不发生", "NO PATH"),
    "mutant_survived": ("变体未被发现", "MUTANT NOT NOTICED"),
    "statement_impossible": ("陈述有误", "STATEMENT IMPOSSIBLE"),
}


def _standing(speech: Speech, status: str) -> str:
    """How an invariant stands."""
    return speech.pick(*PROOF[status])


def _tell_proved(speech: Speech, proved: books.Proved) -> None:
    """How every invariant stands in every definition, remarks, and each failure with its way, line by line."""
    speech.say()
    names = list(dict.fromkeys(one.definition for one in proved.invariants))
    by_name = {(one.invariant, one.definition): one for one in proved.invariants}
    rows = (
        [invariant, *(_standing(speech, by_name[invariant, name].status) for name in names)]
        for invariant in dict.fromkeys(one.invariant for one in proved.invariants)
    )
    speech.table([speech.pick("不变式", "invariant"), *names], rows)
    for remark in books.remarks(proved, speech.language):
        speech.say(f"· {remark}", style="yellow")
    total = proved.as_json()["totals"]
    speech.say()
    speech.say(
        speech.pick(
            f"探查 {total['positions']} 个位置、{total['worlds']} 种情形，{total['seconds']} 秒",
            f"{total['positions']} positions, {total['worlds']} worlds, {total['seconds']} s",
        )
    )
    for head, *way in books.failures(proved, speech.language):
        speech.complain(head)
        for line in way:
            speech.complain(f"    {line}", style="")


def coverage(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One definition; all if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Hold definitions against our inventory of clauses: every clause encoded, or listed with a reason, by ring."""
    world = World.of(ctx)
    speech = world.speech
    tables = books.covered(world.library, name)
    if speech.as_json:
        speech.give([table.as_json() for table in tables])
    else:
        heads = [speech.pick("流程", "definition"), speech.pick("圈", "ring"), speech.pick("条款", "clauses")]
        heads += [speech.pick("已编码", "encoded"), speech.pick("已列出", "listed"), speech.pick("缺口", "gaps")]
        speech.table(heads, [line for table in tables for line in _rings(speech, table.name, table.counts())])
        for finding in (finding for table in tables for finding in table.findings):
            speech.complain(finding.text(speech.language), style="")
    raise typer.Exit(0 if all(table.is_green for table in tables) else 3)


def _rings(speech: Speech, name: str, counts: Mapping[str, int]) -> Iterator[list[object]]:
    """One line for each ring that a document has rows of."""
    words = {"core": ("核心", "core"), "second": ("第二圈", "second"), "outer": ("外圈", "outer")}
    for ring, (zh, en) in words.items():
        before = "" if ring == "core" else f"{ring}_"
        if counts[ring]:
            answers = (counts[f"{before}{answer}"] for answer in ("encoded", "listed", "gap"))
            yield [name, speech.pick(zh, en), counts[ring], *answers]


def schema(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the JSON Schema of the files under ``workflows/``, for editors."""
    World.of(ctx).speech.give(books.schema())
