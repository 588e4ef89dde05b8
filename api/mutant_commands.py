"""``guitu definitions mutants``: small wrong changes of a definition, who notices each, and which nobody does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from api.options import Json
from api.speech import Speech, is_terminal
from api.world import World
from engine.service import mutants as judging


def mutants(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One definition; all if not given.")] = None,
    operator: Annotated[
        str | None, typer.Option("--operator", metavar="NAME", help="Only the mutants of this operator.")
    ] = None,
    most: Annotated[
        int | None,
        typer.Option("--most", metavar="N", min=1, help="At most so many of each operator."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a definition in hundreds of small wrong ways; count which changes a check, a proof or a story notices."""
    world = World.of(ctx)
    speech = world.speech
    invariants = judging.invariants(world.library, world.settings.workflows)
    names = [name] if name else [f"{one.definition.id}@{one.definition.version}" for one in world.library.definitions]
    reports = []
    for one in names:
        begun = time.monotonic()
        judges = judging.court(world.library, one, invariants)
        found = judging.chosen(judges, operator, most)
        outcomes = list(_counted(speech, one, judging.judged(judges, found), len(found)))
        reports.append(judging.as_json(judges.watch.loaded.name, outcomes, time.monotonic() - begun))
        if not speech.as_json:
            _tell(speech, reports[-1])
    if speech.as_json:
        speech.give(reports)


def _counted(speech: Speech, name: str, outcomes: Iterable[Any], whole: int) -> Iterator[Any]:
    """The outcomes as they come, with the count on a terminal."""
    shows = is_terminal(sys.stderr)
    for number, one in enumerate(outcomes, start=1):
        yield one
        if shows:
            sys.stderr.write(f"\r{name}  {number}/{whole}  ")
            sys.stderr.flush()
    if shows:
        sys.stderr.write("\r" + " " * 60 + "\r")


def _tell(speech: Speech, report: dict[str, Any]) -> None:
    speech.say(f"{report['definition']}  {report['kill_rate']:.1%}  {report['seconds']} s", style="bold")
    heads = [speech.pick("算子", "operator"), speech.pick("变体", "made"), speech.pick("形式", "shape")]
    heads += [speech.pick("覆盖", "coverage"), speech.pick("保障表", "safeguard"), speech.pick("不变式", "invariant")]
    heads += [speech.pick("健全", "soundness"), speech.pick("场景", "story")]
    heads += [speech.pick("无影响", "no effect"), speech.pick("存活", "survived"), ""]
    lines = [*report["operators"].items(), (speech.pick("合计", "all"), report)]
    speech.table(heads, (_row(operator, line) for operator, line in lines))
    for one in report["survivors"]:
        seen = speech.pick("（场景中可见，但未写预期）", " (a story shows it, none says so)") if one["seen"] else ""
        speech.say(f"  {one['mutant']}{seen}")


def _row(name: str, line: dict[str, Any]) -> list[object]:
    caught = line["caught"].values()
    return [name, line["made"], *caught, line["changes_nothing"], line["survived"], f"{line['kill_rate']:.0%}"]
