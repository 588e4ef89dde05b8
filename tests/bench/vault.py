"""``python -m tests.bench.vault``: what sealing costs, each figure beside the bare loop that cannot do without.

Five things: a case record, an identity, the blind index, the rotation of case keys, and a move as a whole. What is
compared takes turns slice by slice in one process (see :mod:`tests.bench.crew`), so ratios hold on a busy machine
better than rates do. Figures are reported against the aims, never asserted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from engine.core.case import Case
from engine.service.rotation import BATCH
from tests.bench.crew import crew
from tests.bench.figures import machine
from tests.bench.vault_figures import Group, Line, as_json, as_text, lines
from tests.bench.vault_jobs import (
    alike_group,
    moves_group,
    record_group,
    reveal_group,
    rotation_group,
    search_group,
)
from tests.bench.vault_stock import Sizes, Stock, add_bare_keys, make
from tests.histories.recorded import files, read
from tests.postgres import PostgresServer

Say = Callable[[str], object]
DATABASE = "vault"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the databases, the stock, and how often each thing is done."""

    databases: tuple[str, ...]
    sizes: Sizes
    records: int
    reveals: int
    searches: int
    walked: int
    batch: int = BATCH
    slices: int = 20


FULL = Plan(("sqlite", "postgresql"), Sizes(100_000, 1_000_000, 3_000), 10_000, 12_000, 30_000, 10)
QUICK = Plan(("sqlite", "postgresql"), Sizes(10_000, 100_000, 1_000), 2_000, 3_000, 6_000, 4, batch=50)


def run(plan: Plan, folder: Path, stack: ExitStack, say: Say) -> tuple[list[Line], dict[str, Any]]:
    """Measure everything in turn."""
    name, case = shipped_case()
    found = list(_measured(record_group(case, plan.records), "-", plan))
    server, version = None, None
    if "postgresql" in plan.databases:
        server = stack.enter_context(PostgresServer(durable=True))
        with server.connect() as connection:
            version = connection.info.parameter_status("server_version")
    for kind in plan.databases:
        stock = _stock(kind, plan.sizes, folder, server)
        say(f"{kind}: {plan.sizes.cases:,} cases and {plan.sizes.identities:,} identities in stock")
        found += _on(stock, plan, say)
    about = {"record": name, "record_bytes": len(msgspec.json.encode(case)), "postgresql": version}
    return found, about


def _on(stock: Stock, plan: Plan, say: Say) -> list[Line]:
    """Everything that a database has a part in; rotation comes last, since cases have more keys then."""
    groups: dict[str, Callable[[], Group]] = {
        "identities": lambda: reveal_group(stock, plan.reveals),
        "one number": lambda: search_group(stock, plan.searches),
        "whole search": lambda: alike_group(stock, plan.searches // 20),
        "moves": lambda: moves_group(stock, plan.walked),
        "rotation": lambda: rotation_group(stock, add_bare_keys(stock), plan.batch),
    }
    found: list[Line] = []
    for name, group in groups.items():
        found += _measured(group(), stock.kind, plan)
        say(f"{stock.kind}: {name} measured")
    return found


def _measured(group: Group, database: str, plan: Plan) -> list[Line]:
    return list(lines(group, database, crew(1, group.jobs, plan.slices)))


def _stock(kind: str, sizes: Sizes, folder: Path, server: PostgresServer | None) -> Stock:
    if kind == "sqlite" or server is None:
        return make("sqlite", sizes, f"sqlite:///{folder / DATABASE}.sqlite")
    server.create_database(DATABASE)
    return make(kind, sizes, server.url(DATABASE, "guitu_app"), server, DATABASE)


def shipped_case() -> tuple[str, Case]:
    """The recorded case of a shipped story that walks to the archive, and its name."""
    path = next(path for path in files() if path.stem.startswith("fujian") and path.stem.endswith("archive"))
    return path.stem, read(path)[1]


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guitu bench vault", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 cases and 100,000 identities: about a minute")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--cases", type=int, help="cases in stock, all of whose keys are rotated")
    parser.add_argument("--identities", type=int, help="identities in stock, as many for each case")
    return parser.parse_args(arguments)


def planned(asked: argparse.Namespace) -> Plan:
    """The plan that was asked for."""
    plan = QUICK if asked.quick else FULL
    if asked.database:
        plan = replace(plan, databases=(asked.database,))
    cases, identities = asked.cases or plan.sizes.cases, asked.identities or plan.sizes.identities
    each, real = max(1, identities // cases), min(plan.sizes.real, cases)
    return replace(plan, sizes=Sizes(cases, each * cases, real), batch=max(1, min(plan.batch, cases // plan.slices)))


def main(arguments: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Run the bench and print what it found. A ``plan`` goes before the one that the arguments ask for."""
    asked = _asked(arguments)
    plan, started = plan or planned(asked), time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    on = machine(None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guitu-bench-")))
        found, about = run(plan, folder, stack, say)
    on["postgresql"] = about.pop("postgresql")
    about = {"machine": on, **about, **asdict(plan.sizes), "seconds": round(time.monotonic() - started)}
    print(json.dumps(as_json(found, about), indent=2) if asked.json else as_text(found, about))
    say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
