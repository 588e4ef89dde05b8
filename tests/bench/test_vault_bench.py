"""The vault bench runs, on the smallest of stores, and measures what it says it measures. No figure is judged."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.service.desk import kept
from engine.service.known import load
from engine.service.persons import Persons
from engine.vault.keys import CaseKey, Cell
from engine.vault.suite import fresh_key
from tests.bench.driven import bench_desk
from tests.bench.procedure import BENCH, MOVES, PROVINCE
from tests.bench.vault import QUICK, main, shipped_case
from tests.bench.vault_clear import Clear, ClearContent, NothingSealed
from tests.bench.vault_figures import AIM, Line, as_json, as_text
from tests.bench.vault_jobs import moves_group, record_group
from tests.bench.vault_stock import LAST, REFERENCE, Sizes, Stock, make, person
from tests.keys import ROOTS

SIZES = Sizes(40, 120, 20)
TINY = replace(QUICK, sizes=SIZES, records=40, reveals=40, searches=400, walked=1, batch=2)
WITHOUT_A_DATABASE, WITH_ONE = 4, 11
"""How many figures there are."""


@pytest.fixture
def stock(tmp_path: Path) -> Stock:
    return make("sqlite", SIZES, f"sqlite:///{tmp_path / 'bench.sqlite'}")


def count(stock: Stock, what: str) -> int:
    with closing(sqlite3.connect(stock.url.removeprefix("sqlite:///"))) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def test_nobody_invented_shares_a_number_or_a_name_with_another() -> None:
    people = [person(number) for number in range(0, LAST + 1, 7)]
    numbers = Counter(one.id_number for one in people) + Counter(one.name for one in people)
    assert set(numbers.values()) == {1}


def test_the_stock_holds_what_was_asked_for_and_its_real_persons_open(stock: Stock) -> None:
    assert count(stock, "case_record") == count(stock, "case_key") == SIZES.cases + 1
    of_the_original = 3
    assert count(stock, "person") == SIZES.identities + SIZES.real + of_the_original
    assert count(stock, "blind_index WHERE field = 'id_number'") == SIZES.identities + SIZES.real + of_the_original * 2
    with bench_desk(BENCH, stock.url) as desk, kept(desk.database) as work:
        persons = Persons(desk.safe, work)
        for case, identity in stock.real.items():
            row, key = work.person(case, REFERENCE), desk.safe.key_for(case, work)
            assert row is not None
            assert key is not None
            assert persons.opened(row, key) == identity
            assert persons.alike(PROVINCE, identity)[0].case == case
    with closing(sqlite3.connect(stock.url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_key_that_seals_nothing_lets_bytes_through_and_a_real_one_does_not() -> None:
    key, cell = CaseKey("GT-1", {1: fresh_key()}), Cell("case_record", "GT-1", "content", 1)
    assert b"words" not in key.seal(b"words", cell)
    for kind in (ClearContent, Clear):
        clear = kind.like(key)
        assert clear.seal(b"words", cell) == b"words" == clear.unseal(b"words", cell)


def test_the_desk_that_seals_nothing_walks_the_same_moves(stock: Stock) -> None:
    jobs = moves_group(stock, 1).jobs
    for name in ("numbers", "sealed", "identities", "nothing"):
        before = count(stock, "case_event")
        with jobs[name](0) as moves:
            assert len(moves) == MOVES
            for move in moves:
                move()
        assert count(stock, "case_event") - before > MOVES, name
    with closing(sqlite3.connect(stock.url.removeprefix("sqlite:///"))) as connection:
        code, content = connection.execute("SELECT id, content FROM case_record ORDER BY changed_at DESC").fetchone()
    assert json.loads(content)["case"]["id"] == code, "the last desk sealed nothing"
    with bench_desk(BENCH, stock.url) as plain, plain.database.reading() as work:
        desk = replace(plain, safe=NothingSealed(lambda: ROOTS, plain.clock))
        assert load(desk, code, work, for_update=False).id == code


def test_the_record_is_one_of_a_shipped_story_and_both_ways_open_it() -> None:
    name, case = shipped_case()
    assert name.startswith("fujian")
    assert len(case.tracks) > 5
    assert {pair.most for pair in record_group(case, 1).pairs} == {3.0, None}


@pytest.mark.bench
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_bench_runs_and_says_what_it_found(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], replace(TINY, databases=(database,))) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"cores", "load_at_start", "python", "sqlite", "postgresql"} <= found["machine"].keys()
    assert (found["cases"], found["identities"], found["real"]) == (40, 120, 20)
    assert Counter(line["database"] for line in found["lines"]) == {"-": WITHOUT_A_DATABASE, database: WITH_ONE}
    assert all(line["per_second"] > 0 and line["low"] <= line["times"] <= line["high"] for line in found["lines"])
    assert [aim["aim"] for aim in found["aims"]] == [
        "seal a case record", "open a case record", f"find by an identity number, {database}",
    ]  # fmt: skip
    assert all(aim["met"] == (aim["found"] <= 3.0) for aim in found["aims"])


def test_an_aim_that_is_missed_is_said_to_be_missed() -> None:
    lines = [Line("seal", "-", "bare", 1.0, 4.0, times, times, times, AIM) for times in (AIM, AIM + 0.01)]
    assert [aim["met"] for aim in as_json(lines, {})["aims"]] == [True, False]
    on = {"cores": 2, "load_at_start": [0.0], "python": "-", "sqlite": "-", "postgresql": None, "sqlite_settings": "-",
          "postgresql_settings": "-"}  # fmt: skip
    about = {"machine": on, "cases": 1, "identities": 1, "real": 1, "record_bytes": 1, "record": "-"}
    told = as_text(lines, about).splitlines()
    assert [line.rpartition(" ")[2] for line in told[-2:]] == ["met", "missed"]
