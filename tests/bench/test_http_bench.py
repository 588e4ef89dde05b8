"""The HTTP bench runs, with the smallest of crowds, and measures what it says it measures. No figure is judged."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from engine.core.commands import Accept, Move, Refer
from tests.bench.http import Plan, asked, main, planned
from tests.bench.http_crowd import ACTS, LOOKS, Tally
from tests.bench.http_figures import Found, Load, aims, as_text, load_of
from tests.bench.http_moves import MOST_TIMES, Cost
from tests.bench.http_requests import Reply, command_request, length_of, reply_of
from tests.bench.http_strangers import Told

TINY = Plan(workers=(2,), clients=4, seconds=2.0, cases=1, pairs=8, slices=2)
HEAD = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nETag: "8"\r\nContent-Length: 12\r\nx: y'


@pytest.mark.bench
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_bench_runs_and_says_what_it_found(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], replace(TINY, databases=(database,))) == 0
    found = json.loads(capsys.readouterr().out)
    (cost,), (load,), (told,) = found["costs"], found["loads"], found["told"]
    assert (cost["database"], cost["moves"]) == (database, 60)
    assert cost["http_ms"] > cost["own_ms"] > 0
    assert load["errors"] == {}
    assert 0 < load["acts"] < load["per_second"] * load["seconds"]
    assert load["bare_per_second"] > load["per_second"] > 0
    assert load["server_cores"] > load["client_cores"] > 0
    assert min(told["none_such_ms"], told["not_yours_ms"]) > 0
    assert [aim["aim"].partition(" ")[0] for aim in found["aims"]] == ["CPU", "errors"]


def test_a_command_is_sent_to_its_address_with_what_it_says_and_no_more() -> None:
    move = Move(case="GT-1", track="rescue", move="to_located", facts={"a": "b"}, idempotency_key="k-1")
    head, _, body = command_request(move, "gts_x", 7).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/cases/GT-1/tracks/rescue/moves HTTP/1.1\r\n")
    assert {b'If-Match: "7"', b"Idempotency-Key: k-1", b"Authorization: Bearer gts_x"} <= set(head.split(b"\r\n"))
    assert json.loads(body) == {"move": "to_located", "facts": {"a": "b"}}
    assert f"Content-Length: {len(body)}".encode() in head
    accept = command_request(Accept(case="GT-1", hand_off="GT-1/12"), "gts_x", None)
    assert accept.startswith(b"POST /api/v1/cases/GT-1/hand-offs/12/acceptance HTTP/1.1\r\n")
    assert accept.endswith(b"\r\n\r\n")
    assert b"If-Match" not in accept
    assert b"/tracks/aid/referrals HTTP" in command_request(Refer(case="GT-1", track="aid", to_unit="u"), "x", None)


def test_an_answer_is_read_by_its_head() -> None:
    assert length_of(HEAD) == 12
    assert reply_of(HEAD, b"{}") == Reply(200, 8, b"{}")
    assert Reply(409, None, b'{"code": "stale_revision"}').code == "stale_revision"
    assert {Reply(502, None, body).code for body in (b"<html>", b"[]", b"{}")} == {"unreadable"}


def test_what_goes_wrong_is_counted_and_what_goes_well_is_timed() -> None:
    tally = Tally(seconds=2.0, cpu_seconds=0.5)
    for seconds in (0.1, 0.3):
        tally.note(LOOKS, seconds, Reply(200, None, b""))
        tally.note(ACTS, 2 * seconds, Reply(201, 8, b""))
    tally.note(ACTS, 9.0, Reply(503, None, b'{"code": "too_busy"}'))
    tally.note(LOOKS, 9.0, None)
    bare = Tally(seconds=1.0, latencies={LOOKS: [0.01] * 50, ACTS: []})
    load = load_of("sqlite", 2, clients=3, tally=tally, server_seconds=3.0, bare=bare)
    assert (load.per_second, load.acts, load.bare_per_second, load.server_cores) == (2.0, 2, 50.0, 1.5)
    assert (load.looks_p50, load.acts_p50) == pytest.approx((200.0, 400.0))
    assert load.errors == {"503 too_busy": 1, "no answer": 1}
    assert sum(Counter(load.errors).values()) == next(aims(Found(loads=[load]))).found


def test_the_plan_is_the_one_that_was_asked_for() -> None:
    assert planned(asked([])) == Plan()
    words = ["--quick", "--seconds", "20", "--clients", "7", "--workers", "1", "--database", "sqlite"]
    found = planned(asked(words))
    assert (found.databases, found.workers, found.clients, found.seconds) == (("sqlite",), (1,), 7, 20.0)


def test_an_aim_that_is_missed_is_said_to_be_missed() -> None:
    costs = [Cost("sqlite", 60, 4.0, 2.0, times, times, times) for times in (MOST_TIMES, MOST_TIMES + 0.01)]
    load = Load("sqlite", 1, 200, 60.0, 50.0, 1.0, 2.0, 9, 1.0, 2.0, 1.0, 0.1, 900.0, 0.2)
    told = [Told("sqlite", 8, 1.0, 2.0, 1.0, 0.5, 1.5, 0.4, 1.6)]
    found = Found(costs, [load, replace(load, errors={"no answer": 2})], told)
    assert [aim.met for aim in aims(found)] == [True, False, True, False]
    on = {"cores": 2, "load_at_start": [0.0], "python": "-", "sqlite": "-", "postgresql": None, "sqlite_settings": "-",
          "postgresql_settings": "-"}  # fmt: skip
    lines = as_text(found, {"machine": on}).splitlines()
    assert [line.rpartition(" ")[2] for line in lines[-4:]] == ["met", "missed", "met", "missed"]
    assert "  2 x no answer" in lines
