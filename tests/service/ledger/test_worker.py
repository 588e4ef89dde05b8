"""The worker: sequences until told to stop, rests while nothing comes, and says so when something is held back."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import typer
from typer.testing import CliRunner

from api import worker_commands
from api.world import World
from engine.errors import LedgerDamaged, StoreFull, StoreUnavailable
from engine.service import sequencer
from engine.service.log import ALLOWED, configure
from engine.service.sequencer import LONGEST_IDLE, LONGEST_PAUSE, MOST, Sequenced, run, sequence_all
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.ledger.logbook import check_log, put, raw, row, rows, stream, waiting

ROOT = Path(__file__).resolve().parents[3]


class Rounds:
    """Says to stop after so many rounds, and remembers how long it was asked to wait before each."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.waits: list[float] = []

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self.left -= 1
        return self.left < 0


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Give what is logged, as an installation logs that tells only what matters."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("engine.service.log.sys", SimpleNamespace(stderr=written))
        configure("WARNING")
        yield written
    structlog.reset_defaults()


def _lines(said: io.StringIO) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert all(line.keys() <= ALLOWED and "dropped" not in line for line in lines)
    return lines


def test_it_sequences_what_comes_and_rests_longer_and_longer_while_nothing_does(store: Database) -> None:
    put(store, rows(1, *range(5)))
    rounds = Rounds(8)
    run(store, 0.1, rounds)
    assert waiting(store) == []
    assert rounds.waits == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.8, *[LONGEST_IDLE] * 4])


def test_a_full_batch_is_followed_by_the_next_at_once(store: Database) -> None:
    put(store, rows(1, *range(MOST + 3)))
    rounds = Rounds(2)
    run(store, 0.1, rounds)
    assert rounds.waits == [0.0, 0.0, 0.1]
    assert waiting(store) == []


@pytest.mark.parametrize("error", [StoreUnavailable, StoreFull])
def test_a_database_that_does_not_serve_is_tried_again_after_ever_longer_pauses(
    store: Database, said: io.StringIO, monkeypatch: pytest.MonkeyPatch, error: type[StoreUnavailable]
) -> None:
    put(store, rows(1, 0))
    right, rounds = sequencer.sequence, Rounds(9)

    def sequence(database: Database) -> Sequenced:
        if len(rounds.waits) < 9:
            raise error("无法使用", "cannot serve")
        return right(database)

    monkeypatch.setattr(sequencer, "sequence", sequence)
    run(store, 0.1, rounds)
    assert rounds.waits == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, *[LONGEST_PAUSE] * 2, 0.1])
    assert waiting(store) == []
    assert [(line["event"], line["code"], line["level"]) for line in _lines(said)] == [
        ("sequencer_waits", error.code, "warning")
    ] * 8


def test_a_stream_that_is_held_back_raises_one_alarm(store: Database, said: io.StringIO) -> None:
    put(store, rows(1, 0, 2))
    run(store, 0.1, Rounds(4))
    put(store, rows(1, 4))
    put(store, rows(2, 3))
    run(store, 0.1, Rounds(3))
    gap, other = f"gap:{stream(1).hex()}:1:2", f"gap:{stream(2).hex()}:0:3"
    assert [(line["event"], line["level"]) for line in _lines(said)] == [("stream_held", "warning")] * 3
    assert sorted(line["code"] for line in _lines(said)) == sorted([gap, gap, other]), "each worker says it once"


def test_a_damaged_ledger_stops_it(store: Database, database: Base) -> None:
    put(store, rows(1, 0))
    raw(database, "UPDATE ledger_head SET size = 5")
    with pytest.raises(LedgerDamaged):
        run(store, 0.1, Rounds(3))


# ── the command ──


def _command(url: str) -> typer.Typer:
    app = typer.Typer()

    @app.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = World(database=url)
        ctx.obj.speech.language = "en"
        ctx.call_on_close(ctx.obj.close)

    worker_commands.register(app)
    return app


def test_once_it_says_what_was_done_and_what_is_held_back(database: Base) -> None:
    with Database.open(database.app_url) as store:
        put(store, [*rows(1, 0, 1, 3), *rows(2, 0, 1)])
        told = CliRunner().invoke(_command(database.app_url), ["worker", "--once"])
        assert (told.exit_code, told.stdout) == (0, "4 entries have their places now\n")
        assert f"{stream(1).hex()} is held back: entries in between are missing (expected 2, found 3)" in told.stderr
        put(store, [row(2, 2, 5)])
        as_json = CliRunner().invoke(_command(database.app_url), ["worker", "--once", "--json"])
        assert json.loads(as_json.stdout) == {
            "sequenced": 1,
            "held": [{"stream": stream(1).hex(), "expected": 2, "found": 3, "why": "gap"}],
            "delivered": 0, "failed": 0, "swept": 0,
        }  # fmt: skip
        check_log(store, database)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_breaks_nothing_off(told: signal.Signals) -> None:
    before = signal.getsignal(told)
    with worker_commands.told_by_signals() as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), told)
        assert stop.wait(5)
        assert stop.wait(0), "it stays told"
    assert signal.getsignal(told) is before


def test_the_worker_ends_in_good_order_when_told(database: Base) -> None:
    script = "import sys; from tests.service.ledger.test_worker import _command; _command(sys.argv[1])(sys.argv[2:])"
    process = subprocess.Popen(
        [sys.executable, "-c", script, database.app_url, "worker", "--every", "0.02"], cwd=ROOT, stderr=subprocess.PIPE
    )
    with process, Database.open(database.app_url) as store:
        for first in range(0, 60, 20):
            put(store, rows(1, *range(first, first + 20)))
            _until_nothing_waits(store)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        # Nobody reads this ledger, so there is no heartbeat; nothing else is amiss.
        assert {json.loads(line)["event"] for line in process.stderr} <= {"no_heartbeat"}
        assert sequence_all(store) == Sequenced(0)
        assert check_log(store, database).of(1) == list(range(60))


def _until_nothing_waits(store: Database) -> None:
    late = time.monotonic() + 60
    while waiting(store):
        assert time.monotonic() < late, "the worker does nothing"
        time.sleep(0.02)
