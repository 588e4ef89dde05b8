"""The bench itself runs, on the smallest of stores, and measures what it says it measures. No figure is judged."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.acts import composition
from tests.bench.driven import bench_desk, carry_out, engine_job, save_directory
from tests.bench.limit import limit_job
from tests.bench.moves import main
from tests.bench.procedure import BENCH, MOVES, RULES
from tests.bench.sealed import SEALED
from tests.bench.shipped import story
from tests.bench.stock import MOVES_MADE, PLAIN, check_stock, fill_sqlite, walk_originals
from tests.bench.tape import taped

needs_others = pytest.mark.bench  # python-statemachine and SpiffWorkflow come with the bench's own lock alone


@pytest.fixture
def store(sqlite_template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "bench.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    save_directory(BENCH, f"sqlite:///{path}")
    return path


def rows(path: Path, table: str) -> Counter[str]:
    """How many rows of a table each case has."""
    key = "id" if table == "case_record" else "case_id"
    with closing(sqlite3.connect(path)) as connection:
        return Counter(case for (case,) in connection.execute(f"SELECT {key} FROM {table}"))


def size(path: Path, case: str) -> int:
    """How many bytes the vault and the desk wrote of a case: sealed, wrapped, or readable as the answers are."""
    what = {"case_record": "content", "case_event": "body", "case_key": "wrapped", "person": "sealed",
            "case_fact": "sealed", "case_event_part": "sealed", "idempotency": "answer"}  # fmt: skip
    with closing(sqlite3.connect(path)) as connection:
        return sum(
            connection.execute(
                f"SELECT sum(length({column})) FROM {table} WHERE {'id' if table == 'case_record' else 'case_id'} = ?",
                (case,),
            ).fetchone()[0]
            for table, column in what.items()
        )


def test_the_script_is_sixty_moves_over_ten_tracks() -> None:
    assert len(BENCH.script) == MOVES == sum(composition(BENCH.script).values())
    assert {act.track for act in BENCH.script} == set(RULES.definition.tracks)
    assert len(RULES.definition.tracks) == 10


def test_the_raw_limit_writes_what_the_engine_writes(store: Path) -> None:
    url = f"sqlite:///{store}"
    with engine_job(BENCH, url, 1)(0) as moves:
        for move in moves:
            move()
    before = set(rows(store, "case_record"))
    tape = taped(BENCH, url)
    with limit_job(url, tape, 1)(0) as moves:
        assert len(moves) == MOVES
        for move in moves:
            move()
    (by_hand,) = set(rows(store, "case_record")) - before - {tape.case}
    for table in (*SEALED, *PLAIN, "case_key"):
        assert rows(store, table)[by_hand] == rows(store, table)[tape.case] > 0, table
    assert size(store, by_hand) == size(store, tape.case)
    assert check_stock(BENCH, url, 3) == 3, "what was written by hand opens and replays as well"
    with bench_desk(BENCH, url) as desk:
        last = len(BENCH.acts) - 1
        again = carry_out(desk, last, BENCH.acts[last], by_hand, BENCH.areas[0])
    assert again.repeated, "its requests are known under their keys"


def test_a_shipped_story_can_be_walked_too(sqlite_template: Path, tmp_path: Path) -> None:
    told = story("fujian_child")
    assert composition(told.script)["moves"] > 20
    url = f"sqlite:///{tmp_path / 'story.sqlite'}"
    (tmp_path / "story.sqlite").write_bytes(sqlite_template.read_bytes())
    save_directory(told, url)
    tape = taped(told, url)
    assert len(tape.moves) == len(told.script)
    assert any(act.enclosed for act in told.acts), "its people have identities"
    with limit_job(url, tape, 1)(0) as moves:
        for move in moves:
            move()
    assert check_stock(told, url, 2) == 2


def test_a_filled_store_replays(store: Path) -> None:
    url = f"sqlite:///{store}"
    walk_originals(BENCH, url, 3)
    before = set(rows(store, "case_record"))
    fill_sqlite(str(store), 40)
    assert len(rows(store, "case_record")) == 40 == len(rows(store, "case_key"))
    assert check_stock(BENCH, url, 40, sample=40) == 40
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        areas = dict(connection.execute("SELECT id, area FROM case_record"))
        wrapped = connection.execute("SELECT count(DISTINCT wrapped) FROM case_key").fetchone()
    assert wrapped == (40,), "no two cases share a key"
    copy = min(areas.keys() - before)
    with bench_desk(BENCH, url) as desk:
        for number, act in list(enumerate(BENCH.acts))[len(BENCH.opening) + MOVES_MADE :]:
            done = carry_out(desk, number, act, copy, areas[copy])
    assert done.revision == len(BENCH.acts), "a copy can be gone on with to its end"


@needs_others
def test_the_other_versions_walk_their_cases_to_the_end(tmp_path: Path) -> None:
    from tests.bench import naive, spiff

    url = f"sqlite:///{tmp_path / 'others.sqlite'}"
    naive.create_tables(url)
    spiff.create_tables(url)
    for job in (naive.naive_job(url, 1), spiff.spiff_job(url, 1)):
        with job(0) as moves:
            assert len(moves) == MOVES
            for move in moves:
                move()
    finals = {name: track.finals for name, track in RULES.definition.tracks.items()}
    with closing(sqlite3.connect(tmp_path / "others.sqlite")) as connection:
        steps = dict(connection.execute("SELECT name, step FROM naivetrack").fetchall())
        (workflow,) = connection.execute("SELECT workflow FROM spiff_case").fetchone()
    assert {name for name, step in steps.items() if step not in finals[name]} == set()
    assert json.loads(workflow)["completed"] is True


@pytest.mark.bench
def test_the_bench_runs_on_postgresql_too(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--quick", "--json", "--database", "postgresql", "--stock", "20", "--stock", "40", "--cases", "2"]
    assert main([*tiny, "--writers", "1", "--without-others"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(line["what"], line["stock"]) for line in found["lines"]} == {
        (what, stock) for what in ("engine", "limit", "stepwise") for stock in (20, 40)
    }


@needs_others
def test_the_bench_runs_and_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--quick", "--json", "--database", "sqlite", "--stock", "20", "--stock", "40", "--cases", "2"]
    assert main(tiny) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["script"] == composition(BENCH.script)
    assert {"cores", "python", "sqlite", "postgresql", "sqlite_settings"} <= found["machine"].keys()
    assert {(line["what"], line["stock"]) for line in found["lines"]} == {
        ("engine", 20), ("limit", 20), ("engine", 40), ("limit", 40), ("naive", 0), ("spiff", 0),
    }  # fmt: skip
    assert all(line["moves_per_second"] > 0 and line["cpu_ms_per_move"] > 0 for line in found["lines"])
    assert len(found["aims"]) == 5
    assert all(aim["found"] > 0 for aim in found["aims"])
