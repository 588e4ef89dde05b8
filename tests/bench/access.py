"""``python -m tests.bench.access``: what it costs to ask who may do and see what, beside bare loops.

Three things: the decisions of a case page, lists in a large stock, and what access adds to a move. What is compared
takes turns slice by slice in one process (see :mod:`tests.bench.crew`), so ratios hold on a busy machine better than
times do. Figures are reported against the aims, never asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.service.desk import shipped_gate
from tests.bench.access_decisions import page_group
from tests.bench.access_figures import Found, as_json, as_text
from tests.bench.access_lists import lists_group, pages_group
from tests.bench.access_moves import Share, shares
from tests.bench.access_stock import PARTS, make
from tests.bench.crew import crew
from tests.bench.figures import machine
from tests.bench.vault_figures import Group, Line, lines
from tests.bench.vault_stock import Stock
from tests.postgres import APP, PostgresServer

Say = Callable[[str], object]
LARGE = {"sqlite": 100_000, "postgresql": 1_000_000}
SMALL = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the cases in the large stock of each database and in the small one, and how often what is done."""

    cases: Mapping[str, int]
    small: int = SMALL
    decisions: int = 1_000
    pages: int = 400
    lists: int = 120
    walked: int = 10
    slices: int = 20


FULL = Plan(LARGE)
QUICK = Plan(dict.fromkeys(LARGE, SMALL), small=2_000, decisions=400, pages=200, lists=80, walked=4)


def run(plan: Plan, folder: Path, stack: ExitStack, say: Say) -> tuple[Found, str | None]:
    """Measure everything in turn; gives the release of PostgreSQL, too, if it ran."""
    found = list(_measured(page_group(shipped_gate(), plan.decisions, plan.slices), "-", plan))
    say("decisions measured")
    server, version = None, None
    if "postgresql" in plan.cases:
        server = stack.enter_context(PostgresServer(durable=True))
        with server.connect() as connection:
            version = connection.info.parameter_status("server_version")
    added: list[Share] = []
    for kind, cases in plan.cases.items():
        small, large = (_stock(kind, size, folder, server) for size in (min(plan.small, cases), cases))
        say(f"{kind}: {cases:,} cases in stock")
        found += _measured(pages_group(large, plan.pages), kind, plan)
        say(f"{kind}: pages measured")
        found += _measured(lists_group(small, large, plan.lists), kind, plan)
        say(f"{kind}: lists measured")
        added += shares(large.url, kind, plan.walked, plan.slices)
        say(f"{kind}: moves measured")
    return Found(found, added), version


def _measured(group: Group, database: str, plan: Plan) -> list[Line]:
    return list(lines(group, database, crew(1, group.jobs, plan.slices)))


def _stock(kind: str, cases: int, folder: Path, server: PostgresServer | None) -> Stock:
    name = f"access_{cases}"
    if kind == "sqlite" or server is None:
        return make("sqlite", cases, f"sqlite:///{folder / name}.sqlite")
    server.create_database(name)
    return make(kind, cases, server.url(name, APP), server, name)


def asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(prog="guitu bench access", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 cases beside 2,000: about a minute")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--database", choices=tuple(LARGE), help="only this database")
    parser.add_argument("--cases", type=int, help="cases in the large stock")
    return parser.parse_args(arguments)


def planned(words: argparse.Namespace) -> Plan:
    """The plan that was asked for. A large stock is never smaller than the small one, which is a tenth of it then."""
    plan = QUICK if words.quick else FULL
    if words.cases:
        cases = max(words.cases, 200)
        plan = replace(plan, cases=dict.fromkeys(plan.cases, cases), small=min(plan.small, max(cases // 10, 100)))
    if words.database:
        plan = replace(plan, cases={words.database: plan.cases[words.database]})
    return plan


def main(arguments: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Run the bench and print what it found. A ``plan`` goes before the one that the arguments ask for."""
    words = asked(arguments)
    plan, started = plan or planned(words), time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    on = machine(None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guitu-bench-")))
        found, on["postgresql"] = run(plan, folder, stack, say)
    about: dict[str, Any] = {"machine": on, "cases": dict(plan.cases), "parts": len(PARTS)}
    about["seconds"] = round(time.monotonic() - started)
    print(json.dumps(as_json(found, about), indent=2) if words.json else as_text(found, about))
    say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
