"""The access bench runs, on the smallest of stocks, and measures what it says it measures. No figure is judged."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from engine.core.commands import Actor
from engine.service.desk import shipped_gate
from engine.service.lists import PAGE, cases_of, count, worklist
from tests.bench.access import Plan, asked, main, planned
from tests.bench.access_decisions import LOOK, Bare, page
from tests.bench.access_figures import Found, as_json, as_text
from tests.bench.access_lists import UNITS, caseworker, pages_group
from tests.bench.access_moves import ADDED, BARE, BEFORE, KEEP, MOST_ADDED, WHOLE, Share
from tests.bench.access_stock import ORIGINALS, PARTS, make
from tests.bench.driven import bench_desk
from tests.bench.procedure import BENCH, COUNTIES
from tests.bench.vault_figures import AIM, Line
from tests.bench.vault_stock import Stock

CASES = 600
TINY = Plan({}, small=100, decisions=4, pages=6, lists=4, walked=1, slices=2)
DECISIONS, LISTS = 4, 5
"""How many figures there are."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return make("sqlite", CASES, f"sqlite:///{tmp_path_factory.mktemp('access') / 'bench.sqlite'}")


def rows(stock: Stock, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(stock.url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(sql).fetchall()


def test_the_stock_holds_what_was_asked_for_and_the_engine_lists_it(stock: Stock) -> None:
    assert rows(stock, "SELECT count(*) FROM case_record") == rows(stock, "SELECT count(*) FROM case_key") == [(CASES,)]
    copies = CASES - ORIGINALS
    found = rows(stock, "SELECT count(*) FROM participation WHERE step IN ('located', 'assessing', 'admitted')")
    assert isinstance(found[0][0], int)
    assert found[0][0] >= len(PARTS) * copies
    assert rows(stock, "PRAGMA foreign_key_check") == []
    assert rows(stock, "PRAGMA journal_mode") == [("wal",)]
    with bench_desk(BENCH, stock.url) as desk:
        for unit in UNITS:
            counted, page_of_cases = count(desk, caseworker(unit)), cases_of(desk, caseworker(unit))
            assert counted.current is not None
            assert counted.current >= copies // len(COUNTIES)
            assert len(page_of_cases.lines) == PAGE
            assert len(worklist(desk, caseworker(unit)).held) == PAGE
        over = count(desk, Actor("officer-12", f"health-{COUNTIES[0]}"))
        assert over.ended is not None
        assert 0 < over.ended < copies // len(COUNTIES), "the window shuts out most of what is over"


def test_what_participations_come_to_is_what_the_engine_would_write(stock: Stock) -> None:
    differing = (
        "SELECT case_id, unit, since, until, is_holder FROM case_unit EXCEPT SELECT case_id, unit, max(since),"
        " CASE WHEN count(*) > count(until) THEN NULL ELSE max(until) END, max(part = 'responsible')"
        " FROM participation GROUP BY case_id, unit"
    )
    assert rows(stock, differing) == []


def test_a_bare_query_finds_the_rows_of_the_page(stock: Stock) -> None:
    jobs = pages_group(stock, 3).jobs
    for name in ("first", "later", "held"):
        with jobs[name](0) as own, jobs[f"bare {name}"](0) as bare:
            for ours, theirs in zip(own, bare, strict=True):
                lines, found = ours(), theirs()
                listed = lines if isinstance(lines, list) else getattr(lines, "lines", None)
                assert isinstance(listed, list | tuple)
                assert isinstance(found, list)
                codes = [line.case_id if name == "held" else line.id for line in listed][:PAGE]
                assert codes == [row[0] for row in found][:PAGE]


def test_bare_calls_decide_as_the_gate_does() -> None:
    gate, (who, file) = shipped_gate(), page()
    for actions in ({LOOK}, {"read_timeline"}, {"disclose_basic", "disclose_dna"}):
        decided = {action: gate.decide(who, action, file).allowed for action in actions}
        bare = Bare(gate, who, file, frozenset(actions))
        assert bare.every() == decided
        assert bare.anew(min(actions)) == decided[min(actions)]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.bench)])
def test_the_bench_runs_and_says_what_it_found(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], replace(TINY, cases={database: 200})) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"cores", "load_at_start", "python", "sqlite", "postgresql"} <= found["machine"].keys()
    assert found["cases"] == {database: 200}
    assert [line["database"] for line in found["lines"]] == ["-"] * DECISIONS + [database] * LISTS
    assert all(line["per_second"] > 0 and line["low"] <= line["times"] <= line["high"] for line in found["lines"])
    ms = {share["what"]: share["ms"] for share in found["shares"]}
    assert list(ms) == [*BEFORE, ADDED, BARE, KEEP, WHOLE]
    assert all(spent > 0 for spent in ms.values())
    assert max(ms[name] for name in BEFORE) < ms[ADDED] < ms[WHOLE]
    assert len(found["aims"]) == LISTS + 1


def test_the_plan_is_the_one_that_was_asked_for() -> None:
    assert planned(asked(["--cases", "5000", "--database", "postgresql"])).cases == {"postgresql": 5_000}
    assert planned(asked(["--cases", "5000"])).small == 500
    assert planned(asked([])).cases["postgresql"] == 1_000_000


def test_an_aim_that_is_missed_is_said_to_be_missed() -> None:
    lines = [Line("page", "sqlite", "bare", 1.0, 4.0, times, times, times, AIM) for times in (AIM, AIM + 0.01)]
    parts = [Share(ADDED, "sqlite", ms, ms, ms, MOST_ADDED) for ms in (MOST_ADDED, MOST_ADDED + 0.01)]
    found = Found(lines, [*parts, Share(WHOLE, "sqlite", 2.0, 2.0, 2.0)])
    assert [aim["met"] for aim in as_json(found, {})["aims"]] == [True, False, True, False]
    on = {"cores": 2, "load_at_start": [0.0], "python": "-", "sqlite": "-", "postgresql": None, "sqlite_settings": "-",
          "postgresql_settings": "-"}  # fmt: skip
    told = as_text(found, {"machine": on, "cases": {"sqlite": 1}, "parts": len(PARTS)}).splitlines()
    assert [line.rpartition(" ")[2] for line in told[-4:]] == ["met", "missed", "met", "missed"]
