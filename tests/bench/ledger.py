"""``python -m tests.bench.ledger``: what the ledger costs, each figure beside what it has to be compared with.

What it takes from moves and looks, how quickly entries get their places, how quickly a log is exported and verified,
and how much memory that needs. What is compared takes turns slice by slice (see :mod:`tests.bench.crew`), so ratios
hold on a busy machine better than rates do. Figures are reported against the aims, never asserted.
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

from engine.service.sequencer import MOST
from tests.bench.crew import crew
from tests.bench.figures import AIM_WRITERS, machine
from tests.bench.ledger_desk import looks_group, moves_group, sequencing
from tests.bench.ledger_figures import Found, Peak, as_json, as_text
from tests.bench.ledger_log import export_group, peak_of, sequence_group, verify_group
from tests.bench.ledger_stock import Log, founded
from tests.bench.vault_figures import Group, Line, lines
from tests.bench.where import profiled, shown
from tests.postgres import APP, OWNER, PostgresServer

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: cases that each writer walks, looks, batches of entries, and logs to export and verify.

    ``most`` is how many entries a batch has; ``slices`` and ``times`` say in how many turns things are done.
    """

    databases: tuple[str, ...]
    cases: dict[str, int]
    looks: int
    batches: int
    logs: tuple[int, int]
    most: int = MOST
    slices: int = 10
    times: int = 3


FULL = Plan(("sqlite", "postgresql"), {"sqlite": 24, "postgresql": 8}, 1_500, 40, (10_000, 100_000))
QUICK = Plan(("sqlite", "postgresql"), {"sqlite": 8, "postgresql": 4}, 400, 10, (2_000, 10_000), slices=5)


class _Bench:
    """One run of the bench."""

    def __init__(self, plan: Plan, folder: Path, server: PostgresServer | None, say: Say) -> None:
        self.plan, self.folder, self.server, self.say = plan, folder, server, say
        self.lines: list[Line] = []
        self.peaks: list[Peak] = []
        self.bundle_bytes = 0

    def run(self) -> Found:
        """Measure everything in turn."""
        for kind in self.plan.databases:
            self._daily_work(kind)
            self._places(kind)
        for place, kind in enumerate(self.plan.databases):
            log = founded(kind, *self._urls(kind, "log"))
            if place == 0:
                self._memory(log)
            log.grow(self.plan.logs[1])
            self.say(f"{kind}: a log of {log.size:,} entries")
            self._measure(export_group(log, self.folder, self.plan.times), kind, slices=self.plan.times)
            if place == 0:
                self._verification(log)
        return Found(self.lines, self.peaks)

    def profile(self) -> None:
        """Print where the time of a move goes."""
        for kind in self.plan.databases:
            url = founded(kind, *self._urls(kind, "moves")).url
            with moves_group(url, self.plan.cases[kind], kind, "", has_aim=False).jobs["entered"](0) as moves:
                shown(profiled(moves), f"{kind}, one writer, entered")

    def _daily_work(self, kind: str) -> None:
        url, writers, cases = founded(kind, *self._urls(kind, "moves")).url, AIM_WRITERS[kind], self.plan.cases[kind]
        by = f"{writers} writer{'s' if writers > 1 else ''}"
        with sequencing(url) as settle:
            self._measure(moves_group(url, cases, kind, f"a move, {by}", has_aim=True), kind, writers, settle=settle)
            self._measure(looks_group(url, self.plan.looks), kind, settle=settle)
        self.say(f"{kind}: moves and looks beside a sequencer measured")
        alone = f"a move, {by}, nobody gives places"
        self._measure(moves_group(url, cases, kind, alone, has_aim=False), kind, writers)
        self.say(f"{kind}: moves without one measured")

    def _places(self, kind: str) -> None:
        url, owner = self._urls(kind, "places")
        founded(kind, url, owner)
        with sequencing(url) as settle:
            settle()  # what the founding entered has its place before
        self._measure(sequence_group(url, owner, self.plan.batches, self.plan.most), kind)
        self.say(f"{kind}: places measured")

    def _verification(self, log: Log) -> None:
        bundle = self.folder / "bundle"
        self.bundle_bytes = log.taken_along(bundle)
        self._measure(verify_group(log, bundle, self.plan.times), "-", slices=self.plan.times)
        self.peaks.append(Peak(log.size, peak_of(bundle, log)))
        self.say("verification measured")

    def _memory(self, log: Log) -> None:
        bundle = self.folder / "small"
        log.grow(self.plan.logs[0])
        log.taken_along(bundle)
        self.peaks.append(Peak(log.size, peak_of(bundle, log)))

    def _measure(
        self, group: Group, kind: str, writers: int = 1, *, slices: int = 0, settle: Callable[[], None] | None = None
    ) -> None:  # fmt: skip
        self.lines += lines(group, kind, crew(writers, group.jobs, slices or self.plan.slices, settle))

    def _urls(self, kind: str, name: str) -> tuple[str, str]:
        """The address of a database that is empty and new, for daily work and for its owner."""
        if kind == "sqlite" or self.server is None:
            url = f"sqlite:///{self.folder / name}.sqlite"
            return url, url
        self.server.create_database(name)
        return self.server.url(name, APP), self.server.url(name, OWNER)


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="guitu bench ledger", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few moves, and a log of 10,000 entries")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--profile", action="store_true", help="print where the time of a move goes, measure nothing")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this database")
    parser.add_argument("--entries", type=int, help="entries in the log that is exported and verified")
    return parser.parse_args(arguments)


def planned(asked: argparse.Namespace) -> Plan:
    """The plan that was asked for."""
    plan = QUICK if asked.quick else FULL
    if asked.database:
        plan = replace(plan, databases=(asked.database,))
    return replace(plan, logs=(max(1, asked.entries // 10), asked.entries)) if asked.entries else plan


def _server(plan: Plan, stack: ExitStack) -> tuple[PostgresServer | None, Any]:
    if "postgresql" not in plan.databases:
        return None, None
    server = stack.enter_context(PostgresServer(durable=True))
    with server.connect() as connection:
        return server, connection.info.parameter_status("server_version")


def main(arguments: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Run the bench and print what it found. A ``plan`` goes before the one that the arguments ask for."""
    asked = _asked(arguments)
    plan, started = plan or planned(asked), time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", file=sys.stderr, flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guitu-bench-")))
        server, version = _server(plan, stack)
        on = machine(version)
        bench = _Bench(plan, folder, server, say)
        if asked.profile:
            bench.profile()
            return 0
        found = bench.run()
    about = {
        "machine": on, "entries": max(peak.entries for peak in found.peaks), "bundle_bytes": bench.bundle_bytes,
        "seconds": round(time.monotonic() - started),
    }  # fmt: skip
    print(json.dumps(as_json(found, about), indent=2) if asked.json else as_text(found, about))
    say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
