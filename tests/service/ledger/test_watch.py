"""The worker tells the ledger that it is alive and what it holds back, and goes on when that cannot be told."""

from __future__ import annotations

import pytest

from engine.errors import StoreUnavailable
from engine.ledger.entry import Kind
from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.scribe import Scribe
from engine.service.sequencer import run, sequence_all
from engine.service.watch import Watch
from tests.service.ledger.opening import Book


class Rounds:
    """Says to stop after so many rounds, without waiting."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    def wait(self, _: float) -> bool:
        self.left -= 1
        return self.left < 0


def hole(desk: Desk) -> tuple[Book, str, int]:
    """Remove the row in the middle of three that wait; what was read before, the stream, and the place that is gone."""
    sequence_all(desk.database)
    for _ in range(3):
        desk.scribe.enter(Account("case:list"))
    book = Book.at(desk)
    with kept(desk.database) as work:
        rows = work.outbox(10)
        assert len({row.stream_id for row in rows}) == 1
        work.drop_from_outbox([(rows[1].stream_id, rows[1].stream_seq)])
    return book, rows[1].stream_id.hex(), rows[1].stream_seq


def test_a_stream_with_a_hole_is_entered_as_held_once(desk: Desk) -> None:
    book, stream, gone = hole(desk)
    desk.scribe.close()  # what is entered now goes into another stream than the one that waits
    run(desk.database, 0.01, Rounds(4), Watch(desk.scribe))
    told = [one for one in book.news() if one.act == "ledger:held"]
    assert [(one.header.kind, one.event["details"]) for one in told] == [
        (Kind.CONTROL, {"stream": stream, "expected": gone, "found": gone + 1, "why": "gap"})
    ]


def test_a_heartbeat_is_entered_once_a_minute(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("engine.service.watch.time.monotonic", lambda: clock[0])
    book, watch = Book.at(desk), Watch(desk.scribe)
    for seconds in (0, 30, 29, 1, 59, 1):
        clock[0] += seconds
        watch.look()
    assert [one.header.kind for one in book.everything()].count(Kind.HEARTBEAT) == 3


def test_what_cannot_be_told_holds_up_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, _, _ = hole(desk)

    def refuse(*_: object) -> None:
        raise StoreUnavailable("数据库无法连接", "the database cannot be reached")

    monkeypatch.setattr(Scribe, "enter", refuse)
    monkeypatch.setattr(Scribe, "beat", refuse)
    run(desk.database, 0.01, Rounds(2), Watch(desk.scribe))
    assert waiting.news() == []
