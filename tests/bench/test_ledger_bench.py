"""The ledger bench runs, on the smallest of logs, and measures what it says it measures. No figure is judged."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from engine.ledger.verifying.verifier import verify
from tests.bench.ledger import QUICK, main
from tests.bench.ledger_desk import looks_group, moves_group, sequencing
from tests.bench.ledger_figures import AIM_PLACES, PLACES, Found, Peak, as_json, as_text
from tests.bench.ledger_log import BARE_TABLE, Bare, export_group, sequence_group, verify_group
from tests.bench.ledger_stock import Log, founded
from tests.bench.procedure import MOVES
from tests.bench.vault_figures import AIM, Line

ENTRIES = 250
TINY = replace(
    QUICK, cases={"sqlite": 1, "postgresql": 1}, looks=12, batches=6, most=30, logs=(100, ENTRIES), slices=3, times=3
)
ONE_DATABASE, VERIFICATION = 6, 4
"""How many figures there are."""


@pytest.fixture
def log(tmp_path: Path) -> Log:
    url = f"sqlite:///{tmp_path / 'bench.sqlite'}"
    return founded("sqlite", url, url)


def count(log: Log, what: str) -> int:
    with closing(sqlite3.connect(log.url.removeprefix("sqlite:///"))) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def test_a_log_of_the_bench_holds_what_was_asked_for_and_passes_every_check(log: Log, tmp_path: Path) -> None:
    for entries in (100, ENTRIES):
        log.grow(entries)
        assert entries <= log.size < entries + 10
        assert log.taken_along(tmp_path / "bundle") == (tmp_path / "bundle").stat().st_size
        with (tmp_path / "bundle").open("rb") as file:
            report = verify(file.read, log.brought())
        found = {check.name: check.state for check in report.checks}
        nothing_there = {"witnesses", "append_only", "timestamps", "heartbeats", "certificates", "beyond"}
        assert {name for name, state in found.items() if state != "pass"} <= nothing_there, found
        assert set(found.values()) <= {"pass", "none"}


def test_the_silent_desk_walks_the_same_moves_and_enters_nothing(log: Log) -> None:
    groups = {MOVES: moves_group(log.url, 1, "sqlite", "a move", has_aim=True), 5: looks_group(log.url, 5)}
    for (size, group), (name, each) in product(groups.items(), (("silent", 0), ("entered", 1))):
        with group.jobs[name](0) as todo:
            before, events = count(log, "ledger_outbox"), count(log, "case_event")
            done = [move() for move in todo]
            assert len(done) == size
            assert count(log, "ledger_outbox") - before == each * size
            assert (count(log, "case_event") - events > 0) == (size == MOVES)


def test_a_sequencer_beside_the_work_leaves_nothing_waiting(log: Log) -> None:
    assert count(log, "ledger_outbox") > 0
    with sequencing(log.url) as settle:
        settle()
        assert count(log, "ledger_outbox") == 0


def test_places_are_given_batch_by_batch_and_the_bare_loop_inserts_as_many(log: Log) -> None:
    with sequencing(log.url) as settle:
        settle()
    before, group = count(log, "ledger_entry"), sequence_group(log.url, log.url, 3, 20)
    with group.jobs["sequence"](0) as batches, group.jobs["bare"](0) as bare:
        for batch in (*batches, *bare):
            batch()
        assert count(log, BARE_TABLE) == count(log, "ledger_entry") - before == 60


def test_bare_loops_read_every_entry(log: Log, tmp_path: Path) -> None:
    log.grow(100)
    bundle = tmp_path / "bundle"
    log.taken_along(bundle)
    bare = Bare.of(bundle)
    assert len(list(bare._entries())) == log.size == verify_group(log, bundle, 1).each
    assert len(bare.chains) >= 2
    for how in ("hash", "open", "read"):
        bare.go(how)
    for job in export_group(log, tmp_path, 1).jobs.values():
        with job(0) as (move,):
            move()
    assert (tmp_path / "out").stat().st_size == (tmp_path / "copy").stat().st_size == bundle.stat().st_size


@pytest.mark.bench
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_bench_runs_and_says_what_it_found(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], replace(TINY, databases=(database,))) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"cores", "load_at_start", "python", "sqlite", "postgresql"} <= found["machine"].keys()
    assert Counter(line["database"] for line in found["lines"]) == {database: ONE_DATABASE, "-": VERIFICATION}
    for line in found["lines"]:
        figures = [line[name] for name in ("per_second", "bare_per_second", "times", "low", "high")]
        assert all(math.isfinite(figure) and figure > 0 for figure in figures)
    assert found["bundle_bytes"] > ENTRIES * 512
    assert [peak["entries"] >= size for peak, size in zip(found["peaks"], (100, ENTRIES), strict=True)] == [True, True]
    assert len(found["aims"]) == 4


def test_an_aim_that_is_missed_is_said_to_be_missed() -> None:
    def line(what: str, rate: float, times: float, most: float | None) -> Line:
        return Line(what, "sqlite", "bare", rate, rate * times, times, times, times, most)

    lines = [
        line("a move", 1.0, 1.25, 1 / 0.75), line("a move", 1.0, 1.5, 1 / 0.75), line("a look", 1.0, 9.0, None),
        line(PLACES, AIM_PLACES, 2.0, None), line(PLACES, AIM_PLACES - 1, 2.0, None),
        line("verify", 1.0, AIM, AIM), line("verify", 1.0, AIM + 0.01, AIM),
    ]  # fmt: skip
    found = Found(lines, [Peak(10, 1_000), Peak(100, 1_299)])
    aims = as_json(found, {})["aims"]
    assert [aim["met"] for aim in aims] == [True, False, True, False, True, False, True]
    assert [round(aim["found"], 2) for aim in aims[:2]] == [0.2, 0.33]
    assert not as_json(replace(found, peaks=[Peak(10, 1_000), Peak(100, 1_301)]), {})["aims"][-1]["met"]
    assert len(as_json(replace(found, peaks=[Peak(10, 0), Peak(100, 0)]), {})["aims"]) == 6, "unknown is not flat"
    on = {"cores": 2, "load_at_start": [0.0], "python": "-", "sqlite": "-", "postgresql": None, "sqlite_settings": "-",
          "postgresql_settings": "-"}  # fmt: skip
    told = as_text(found, {"machine": on, "entries": 1, "bundle_bytes": 1}).splitlines()
    assert [told_line.rpartition(" ")[2] for told_line in told[-7:]] == ["met", "missed"] * 3 + ["met"]
