"""``python -m tests.bench.moves``: moves per second beside the raw limit and two other ways to build the same.

A move is one committed command that moves a track, offers a hand-off or accepts one; a case has sixty. Everything is
on: conditions, access rule, events, hand-off rows, idempotency keys, expected revisions, the log. CPU is that of
the writer processes alone, not of the PostgreSQL server, which shares the cores with them. The raw limit runs
beside the engine in the same store (see :mod:`tests.bench.limit`); the naive version and SpiffWorkflow run in
databases of their own, empty at the start. All of these take turns, slice by slice (see :mod:`tests.bench.crew`).
Figures are reported against the aims, never asserted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.acts import composition
from tests.bench.crew import Job, crew
from tests.bench.driven import engine_job
from tests.bench.figures import AIM_WRITERS, Figures, Place, as_json, as_text, machine
from tests.bench.limit import limit_job
from tests.bench.procedure import BENCH
from tests.bench.shipped import story
from tests.bench.stores import Stores
from tests.bench.tape import Tape, taped
from tests.bench.where import profiled, shown


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. ``cases`` are walked at a time, divided among the writers (at least one each)."""

    databases: tuple[str, ...]
    stocks: tuple[int, ...]
    writers: tuple[int, ...]
    cases: int
    repeats: int
    originals: int
    others: bool
    slices: int = 10

    def crews(self) -> Iterator[tuple[str, int]]:
        """The databases, each with every number of writers: SQLite has one writer at a time."""
        for database in self.databases:
            yield from ((database, writers) for writers in ((1,) if database == "sqlite" else self.writers))


FULL = Plan(("sqlite", "postgresql"), (1_000, 100_000), (1, 4, 8), 16, 3, 200, others=True)
QUICK = Plan(("sqlite", "postgresql"), (1_000, 10_000), (1, 4), 4, 1, 50, others=True, slices=5)


def run(plan: Plan, stores: Stores, say: Any) -> tuple[Figures, dict[str, Any]]:
    """Measure everything in turn, and all of it again for every repeat."""
    figures, procedure = Figures(), stores.procedure
    tapes: Tapes = {key: taped(procedure, store.url) for key, store in stores.stocked.items()}
    for repeat in range(plan.repeats):
        for database, writers in plan.crews():
            say(f"repeat {repeat + 1} of {plan.repeats}: {database}, {writers} at a time")
            jobs = dict(_jobs(plan, stores, tapes, database, writers))
            for (what, place), timed in crew(writers, jobs, plan.slices).items():
                figures.add(what, place, timed)
    tape = next(iter(tapes.values()))
    about = {
        "procedure": procedure.name, "tracks": len({act.track for act in procedure.script if act.track}),
        "script": composition(procedure.script), "repeats": plan.repeats,
        "rows_per_move": tape.statements_per_move, "bytes_per_move": tape.bytes_per_move,
    }  # fmt: skip
    return figures, about


Jobs = Iterator[tuple[tuple[str, Place], Job]]
Tapes = dict[tuple[str, int], Tape]


def _jobs(plan: Plan, stores: Stores, tapes: Tapes, database: str, writers: int) -> Jobs:
    """All that runs beside each other on one kind of database with so many writers."""
    each = max(1, plan.cases // writers)
    for stock in plan.stocks:
        url, tape, place = stores.stocked[database, stock].url, tapes[database, stock], Place(database, writers, stock)
        yield ("engine", place), engine_job(stores.procedure, url, each)
        yield ("limit", place), limit_job(url, tape, each)
        if database == "postgresql":
            yield ("stepwise", place), limit_job(url, tape, each, stepwise=True)
    if database in stores.others and writers == AIM_WRITERS[database]:
        from tests.bench import naive, spiff

        url, place = stores.others[database], Place(database, writers, 0)
        yield ("naive", place), naive.naive_job(url, max(1, each // 2))
        yield ("spiff", place), spiff.spiff_job(url, max(1, each // 4))


def profile(plan: Plan, stores: Stores) -> None:
    """Print where the time goes, for one writer on each database."""
    for store in stores.stocked.values():
        with engine_job(stores.procedure, store.url, plan.cases)(0) as moves:
            shown(profiled(moves), f"{store.place[0]}, one writer, {store.place[1]:,} cases in stock")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guitu bench moves", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one repeat, 1,000 and 10,000 cases: under a minute")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--profile", action="store_true", help="print where the time of a move goes, measure nothing")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--stock", type=int, action="append", metavar="CASES", help="cases in the store (repeatable)")
    parser.add_argument("--writers", type=int, action="append", metavar="N", help="writers on PostgreSQL (repeatable)")
    parser.add_argument("--cases", type=int, help="cases walked at a time")
    parser.add_argument("--repeats", type=int, help="how often everything is measured")
    parser.add_argument("--without-others", action="store_true", help="leave out the naive version and SpiffWorkflow")
    parser.add_argument(
        "--story", metavar="NAME", help="walk a shipped story instead, e.g. fujian_child (engine and limit)"
    )
    return parser.parse_args(arguments)


def has_others() -> bool:
    """Whether what only the bench requires is installed (``make bench`` does it)."""
    return all(importlib.util.find_spec(name) is not None for name in ("statemachine", "SpiffWorkflow"))


def planned(asked: argparse.Namespace) -> Plan:
    """The plan that was asked for."""
    base = QUICK if asked.quick else FULL
    stocks = tuple(sorted(asked.stock)) if asked.stock else base.stocks[:1] if asked.profile else base.stocks
    return Plan(
        databases=(asked.database,) if asked.database else base.databases, stocks=stocks,
        writers=tuple(asked.writers or base.writers), cases=asked.cases or base.cases,
        repeats=asked.repeats or base.repeats, originals=min(base.originals, stocks[0]),
        others=base.others and has_others() and not (asked.without_others or asked.story or asked.profile),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench and print what it found."""
    asked = _asked(arguments)
    plan, started = planned(asked), time.monotonic()
    procedure = story(asked.story) if asked.story else BENCH

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guitu-bench-")))
        on = machine(None)
        stores = Stores(procedure, folder, stack, plan.databases, say)
        stores.fill(plan.stocks, plan.originals)
        on["postgresql"] = stores.postgres_version
        if asked.profile:
            profile(plan, stores)
            return 0
        if plan.others:
            stores.make_others()
        elif not has_others():
            say("python-statemachine and SpiffWorkflow are not installed: `make bench` installs them")
        figures, about = run(plan, stores, say)
    about = {"machine": on, **about, "seconds": round(time.monotonic() - started)}
    print(json.dumps(as_json(figures, about), indent=2) if asked.json else as_text(figures, about))
    say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
