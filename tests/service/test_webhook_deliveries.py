"""Deliveries: receivers that fail, workers that are killed, and two of them at once; nothing is lost or sent by two."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from engine.errors import (
    KeysMissing,
)
from engine.service import notices, webhooks
from engine.service.deliveries import AGAIN_AFTER, LEASE
from engine.service.desk import Desk
from engine.service.outgoing import Rounds
from engine.service.safe import Safe
from engine.service.webhook_delivery import FAILING, Delivered, deliver_batch, deliver_due
from engine.service.webhook_posting import Post
from tests.conftest import Database
from tests.service.desks import play_desk
from tests.service.hooked import HEAD, WORKER, later, offered, registered, shown
from tests.service.inspection import as_owner
from tests.service.processes import ROOT
from tests.service.webhook_receiver import HUGE, Receiver, receiving


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a desk whose clock goes with that of receivers."""
    with play_desk(database_url, since=datetime.now(UTC)) as at:
        yield at


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a receiver that is not registered yet."""
    with receiving() as made:
        yield made


# ── receivers that fail ──


def test_what_fails_comes_again_by_the_schedule_under_the_same_id_and_is_given_up_at_the_end(
    desk: Desk, receiver: Receiver
) -> None:
    webhook = registered(desk, receiver)
    receiver.answers = [500, 302, 404, 503, *[429] * 6, 204]
    offered(desk)
    outcomes, times = [], []
    for wait in (*AGAIN_AFTER, timedelta()):
        assert deliver_due(desk) == Delivered(0, 1)
        (line,) = webhooks.deliveries(desk, HEAD, webhook).items
        outcomes.append(line.outcome)
        times.append(line.next_at)
        left = line.next_at - desk.clock()
        assert wait * 0.9 - timedelta(seconds=9) <= left <= wait * 1.1
        later(desk, left - timedelta(seconds=3))
        assert deliver_due(desk) == Delivered()
        later(desk, timedelta(seconds=3))
    assert outcomes == ["500", "302", "404", "503", *["429"] * 6]
    assert (line.state, line.attempts) == ("given_up", 10)
    assert all(one < other for one, other in pairwise(times))
    assert len({one["webhook-id"] for one in receiver.headers}) == 1
    assert len({one["webhook-timestamp"] for one in receiver.headers}) == 10
    assert deliver_due(desk) == Delivered()
    assert shown(desk, webhook).failing_since is not None


def test_one_that_arrives_later_ends_the_failing(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    receiver.answers = [500]
    offered(desk)
    assert deliver_due(desk) == Delivered(0, 1)
    assert shown(desk, webhook).failing_since is not None
    later(desk, timedelta(seconds=10))
    assert deliver_due(desk) == Delivered(1, 0)
    assert shown(desk, webhook).failing_since is None


@pytest.mark.parametrize(("answer", "outcome"), [("slow", "timeout"), ("hang", "timeout"), ("elsewhere", "302")])
def test_slow_and_redirecting_receivers_hold_nobody_up(
    desk: Desk, receiver: Receiver, answer: str, outcome: str
) -> None:
    webhook = registered(desk, receiver)
    receiver.answers = [answer]
    offered(desk)
    assert deliver_due(desk, Post(desk.webhook_networks, is_trial=True, seconds=1.0)) == Delivered(0, 1)
    assert webhooks.deliveries(desk, HEAD, webhook).items[0].outcome == outcome
    assert len(receiver.raw) == 1


def test_of_a_huge_answer_next_to_nothing_is_read(desk: Desk, receiver: Receiver) -> None:
    registered(desk, receiver)
    receiver.answers = ["huge"]
    offered(desk)
    assert deliver_due(desk) == Delivered(1, 0)
    receiver.server.shutdown()
    assert receiver.written < HUGE


def test_a_receiver_that_is_gone_ends_it_and_the_supervisors_are_told(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    receiver.answers = [410]
    offered(desk)
    assert deliver_due(desk) == Delivered(0, 1)
    assert shown(desk, webhook).end_reason == "gone"
    first = notices.listed(desk, HEAD).lines[0]
    assert (first.kind, first.about) == ("webhook_ended", webhook)
    assert "webhook_ended" not in {one.kind for one in notices.listed(desk, WORKER).lines}
    later(desk, timedelta(days=1))
    assert deliver_due(desk) == Delivered()


def test_one_that_fails_for_five_days_ends(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    receiver.answers = [500, 500]
    offered(desk)
    deliver_due(desk)
    later(desk, FAILING)
    assert deliver_due(desk) == Delivered(0, 1)
    assert shown(desk, webhook).end_reason == "failing"
    assert notices.listed(desk, HEAD).lines[0].kind == "webhook_ended"


def test_one_that_is_damaged_holds_up_nobody_else(desk: Desk, database: Database, receiver: Receiver) -> None:
    broken = webhooks.add(desk, HEAD, receiver.url, ()).id
    registered(desk, receiver)
    as_owner(database, f"UPDATE webhook SET sealed = '' WHERE id = '{broken}'")
    offered(desk)
    assert deliver_due(desk) == Delivered(1, 1)
    assert webhooks.deliveries(desk, HEAD, broken).items[0].outcome == "unreadable"


# ── workers ──


def test_without_root_keys_nothing_leaves_and_nothing_is_asked_for_before_something_is_due(
    desk: Desk, receiver: Receiver
) -> None:
    def without() -> None:
        raise KeysMissing("没有密钥", "no keys")

    blind = replace(desk, safe=Safe(without, desk.clock))  # type: ignore[arg-type]
    assert deliver_due(blind) == Delivered()
    registered(desk, receiver)
    offered(desk)
    with pytest.raises(KeysMissing):
        deliver_due(blind)
    assert receiver.raw == []
    assert deliver_due(desk) == Delivered(1, 0)


def test_two_workers_at_once_deliver_each_one_once(database_url: str, receiver: Receiver) -> None:
    now = datetime.now(UTC)
    with play_desk(database_url, since=now) as desk, play_desk(database_url, since=now, known=True) as other:
        registered(desk, receiver)
        for _ in range(6):
            offered(desk)
        other.clock = desk.clock
        start = threading.Barrier(2)

        def work(at: Desk) -> Delivered:
            start.wait()
            return deliver_due(at)

        with ThreadPoolExecutor(2) as both:
            done = list(both.map(work, (desk, other)))
    assert sum(one.delivered for one in done) == 6
    assert (len(receiver.accepted), len(receiver.raw), receiver.refused) == (6, 6, {})


def test_what_a_killed_worker_held_is_anybodys_when_its_lease_runs_out(desk: Desk, database_url: str) -> None:
    with receiving() as receiver:
        webhook = registered(desk, receiver)
        receiver.answers = ["hang"]
        hand_off = offered(desk)
        with _worker(database_url, desk.clock()) as process:
            _until(receiver, 1)
            process.send_signal(signal.SIGKILL)
            assert process.wait(20) == -signal.SIGKILL
        assert deliver_due(desk) == Delivered(), "it is still leased"
        later(desk, LEASE)
        assert deliver_due(desk) == Delivered(1, 0)
        first, second = receiver.headers
        assert first["webhook-id"] == second["webhook-id"]
        assert [one["data"]["hand_off"] for one in receiver.accepted] == [hand_off]
        (line,) = webhooks.deliveries(desk, HEAD, webhook).items
        assert (line.state, line.attempts) == ("delivered", 2)


def test_who_was_too_slow_settles_nothing(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    offered(desk)

    def overtaken(_url: str, _signed: object) -> str:
        later(desk, LEASE)
        assert deliver_batch(desk) != []
        return "500"

    deliver_batch(desk, overtaken)
    (line,) = webhooks.deliveries(desk, HEAD, webhook).items
    assert (line.state, line.outcome, line.attempts) == ("delivered", "204", 2)
    assert shown(desk, webhook).failing_since is None


def test_a_slow_unit_does_not_hold_up_another(desk: Desk, receiver: Receiver) -> None:
    slow = registered(desk, receiver)
    for _ in range(6):
        offered(desk)
    with receiving() as quick:
        made = webhooks.add(desk, replace(HEAD, unit="police-n"), quick.url, ())
        quick.secrets.append(made.secret)
        offered(desk, to="police-n")
        assert len(deliver_batch(desk)) == 5
        assert len(quick.accepted) == 1
    assert shown(desk, slow).waiting == 2


def test_the_rounds_of_a_worker_deliver_and_wait_out_what_is_amiss(desk: Desk, receiver: Receiver) -> None:
    registered(desk, receiver)
    offered(desk)
    waits: list[float] = []

    class Told:
        def wait(self, timeout: float) -> bool:
            waits.append(timeout)
            return len(waits) > 3

    Rounds(desk).run(Told())
    assert waits == [0.0, 0.0, 1.0, 1.0]
    assert len(receiver.accepted) == 1


@contextmanager
def _worker(url: str, since: datetime) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "tests.service.delivering_process", url, since.isoformat()]
    process = subprocess.Popen(words, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def _until(receiver: Receiver, count: int) -> None:
    for _ in range(600):
        if len(receiver.raw) >= count:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the worker sends nothing")
