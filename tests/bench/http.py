"""``python -m tests.bench.http``: what the REST door costs, how many it serves at once, and what a 404 gives away.

A real ``guitu serve`` is asked over the loopback, in an installation of each database. The CPU of a move by HTTP is
held against the same move in process; many clients at once against a bare route served in the same way; the time of
"there is no such case" against "it is not yours". Figures are reported against the aims, never asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.figures import machine
from tests.bench.http_crowd import Crowd, Tally, asked_by
from tests.bench.http_figures import Found, Load, as_json, as_text, load_of
from tests.bench.http_home import Home, at_home, make_home, opened_cases, signed_in
from tests.bench.http_moves import cost_of_moves
from tests.bench.http_serve import served
from tests.bench.http_strangers import told_apart
from tests.bench.procedure import COUNTIES
from tests.postgres import PostgresServer

Say = Callable[[str], object]
DATABASES = ("sqlite", "postgresql")
BARE_OF = 5
"""The bare route is asked for a part of the time: one in so many."""
LEAST_SECONDS = 2.0
_STRANGER = f"education-{COUNTIES[1]}"
"""A unit that takes part in no case of the first county."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: how many cases are walked in each way, for how long how many clients ask, how many pairs of 404."""

    databases: tuple[str, ...] = DATABASES
    workers: tuple[int, ...] = (1, 2)
    clients: int = 200
    seconds: float = 60.0
    cases: int = 8
    pairs: int = 400
    slices: int = 12


FULL = Plan()
QUICK = Plan(clients=50, seconds=5.0, cases=3, pairs=100, slices=6)


def run(plan: Plan, folder: Path, stack: ExitStack, say: Say) -> tuple[Found, str | None]:
    """Measure everything in turn; gives the release of PostgreSQL, too, if it ran."""
    found, version = Found(), None
    for kind in plan.databases:
        server = stack.enter_context(PostgresServer(durable=False)) if kind == "postgresql" else None
        if server is not None:
            with server.connect() as connection:
                version = connection.info.parameter_status("server_version")
        home = make_home(kind, folder, server)
        _measure_one(plan, home, found, say)
        for workers in plan.workers:
            found.loads.append(_measure_crowd(plan, home, workers))
            say(f"{kind}: {plan.clients} clients, processes: {workers}")
    return found, version


def _measure_one(plan: Plan, home: Home, found: Found, say: Say) -> None:
    """One who asks, and waits for every answer."""
    with at_home(home) as desk, served(home) as at:
        tokens = signed_in(desk, COUNTIES)
        found.costs.append(cost_of_moves(desk, home.kind, at, tokens, cases=plan.cases, slices=plan.slices))
        say(f"{home.kind}: moves measured")
        theirs = [case.code for case in opened_cases(desk, len(COUNTIES)) if case.area != COUNTIES[1]]
        found.told.append(told_apart(home.kind, at.port, tokens[_STRANGER], theirs, plan.pairs))
        say(f"{home.kind}: 404 measured")


def _measure_crowd(plan: Plan, home: Home, workers: int) -> Load:
    """Many at once, then as many at a bare route, for a part of the time."""
    with at_home(home) as desk:
        first, cases = opened_cases(desk, workers), opened_cases(desk, plan.clients)
        tokens = signed_in(desk, COUNTIES)
    with served(home, workers) as at:
        asked_by(Crowd(at.port, 1.0, workers, first, tokens))  # what is loaded once is loaded now
        before = at.cpu_seconds()
        tally = asked_by(Crowd(at.port, plan.seconds, plan.clients, cases, tokens))
        spent = at.cpu_seconds() - before
    bare = _bare(plan, home, workers)
    return load_of(home.kind, workers, clients=plan.clients, tally=tally, server_seconds=spent, bare=bare)


def _bare(plan: Plan, home: Home, workers: int) -> Tally:
    with served(home, workers, "bare") as at:
        return asked_by(Crowd(at.port, max(LEAST_SECONDS, plan.seconds / BARE_OF), plan.clients))


def asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(prog="guitu bench http", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="50 clients for 5 seconds: about two minutes")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--database", choices=DATABASES, help="only this database")
    parser.add_argument("--seconds", type=float, help="for how long the many ask, each time")
    parser.add_argument("--clients", type=int, help="how many ask at once")
    parser.add_argument("--workers", type=int, action="append", metavar="N", help="processes that serve (repeatable)")
    return parser.parse_args(arguments)


def planned(words: argparse.Namespace) -> Plan:
    """The plan that was asked for."""
    plan = QUICK if words.quick else FULL
    return replace(
        plan, databases=(words.database,) if words.database else plan.databases,
        seconds=words.seconds or plan.seconds, clients=words.clients or plan.clients,
        workers=tuple(words.workers or plan.workers),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Run the bench and print what it found. A ``plan`` goes before the one that the arguments ask for."""
    words = asked(arguments)
    plan, started = plan or planned(words), time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    on = machine(None) | {"postgresql_settings": "fsync=off synchronous_commit=off full_page_writes=off; TCP loopback"}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guitu-bench-")))
        found, on["postgresql"] = run(plan, folder, stack, say)
    about: dict[str, Any] = {"machine": on, "seconds": round(time.monotonic() - started)}
    print(json.dumps(as_json(found, about), indent=2) if words.json else as_text(found, about))
    say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
