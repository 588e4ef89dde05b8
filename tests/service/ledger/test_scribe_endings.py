"""How the streams of a scribe end, and what the next one says of it: closed, unknown, lost, beaten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from engine.errors import StoreUnavailable
from engine.ledger.entry import Kind
from engine.ledger.event import NotAnEvent
from engine.ledger.streams import AuditorKey, Reader, recipients_of
from engine.service import scribe as scribing
from engine.service.account import Account
from engine.service.scribe import Lent, Scribe
from engine.service.sequencer import sequence_all
from engine.store.database import Database
from engine.store.wires import Wire
from tests.keys import AUDITOR
from tests.service.ledger.opening import Book
from tests.service.ledger.scribing import (
    ANN,
    Hands,
    Keys,
    ended,
    kinds_of,
    looked,
    no_key_seals_twice,
    previous_of,
    streams_of,
)

SECOND = AuditorKey(b"not a secret: a second auditor's")


@pytest.fixture
def clock() -> Hands:
    """Give the clock of the scribe."""
    return Hands()


@pytest.fixture
def auditors() -> Keys:
    """Give the auditors of the scribe."""
    return Keys()


@pytest.fixture
def writer(store: Database, clock: Hands, auditors: Keys) -> Scribe:
    """Give a scribe on each kind of database."""
    return Scribe(store, auditors, clock)


@pytest.fixture
def book(store: Database) -> Book:
    """Give its ledger, for reading."""
    return Book(store)


@pytest.fixture(autouse=True)
def _watch_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_key_seals_twice(monkeypatch):
        yield


# ── when nobody knows ──


@dataclass
class Commit:
    """The next commits, made to fail: before anything is kept, or behind it, when it came through."""

    failing: int = 0
    comes_through: bool = False

    def fail(self, *, comes_through: bool, times: int = 1) -> None:
        """Let so many commits fail."""
        self.failing, self.comes_through = times, comes_through


@pytest.fixture
def commit(monkeypatch: pytest.MonkeyPatch) -> Commit:
    """Give what makes commits fail."""
    found, keep = Commit(), Wire.keep

    def watched(self: Wire) -> None:
        if not found.failing:
            keep(self)
            return
        found.failing -= 1
        if found.comes_through:
            keep(self)
        raise StoreUnavailable("断开", "gone")

    monkeypatch.setattr(Wire, "keep", watched)
    return found


@pytest.mark.parametrize("comes_through", [False, True])
def test_after_an_unknown_commit_the_stream_is_abandoned_and_the_next_one_says_so(
    writer: Scribe, book: Book, commit: Commit, *, comes_through: bool
) -> None:
    writer.enter(looked(details={"number": 1}))
    commit.fail(comes_through=comes_through)
    with pytest.raises(StoreUnavailable):
        writer.enter(looked(details={"number": 2}))
    writer.enter(looked(details={"number": 3}))
    found = book.everything()
    first, second = streams_of(found)
    assert kinds_of(found, first) == [Kind.STREAM_OPEN, Kind.EVENT] + [Kind.EVENT] * comes_through
    assert kinds_of(found, second) == [Kind.STREAM_OPEN, Kind.EVENT]
    assert previous_of(found) == [None, ended("unknown", 2, first)]
    numbers = [one.event["details"]["number"] for one in Book(writer.database).news()]
    assert numbers == [1, *[2] * comes_through, 3]


@pytest.mark.parametrize("comes_through", [False, True])
def test_an_unknown_commit_of_an_opening_leaves_nothing_untold(
    writer: Scribe, book: Book, commit: Commit, clock: Hands, *, comes_through: bool
) -> None:
    writer.enter(looked())
    clock.at += timedelta(hours=1)
    commit.fail(comes_through=comes_through)
    with pytest.raises(StoreUnavailable):
        writer.enter(looked())  # the first is closed, and the second opened, or neither
    writer.enter(looked())
    writer.enter(looked())
    found = book.everything()
    told = [one for one in previous_of(found) if one is not None]
    first = streams_of(found)[0]
    assert ended("unknown", 2, first) in told or comes_through
    assert kinds_of(found, first)[2:] == [Kind.STREAM_CLOSE] * comes_through
    lent = [writer.lend() for _ in range(3)]  # each opening has room for one end
    for one in lent:
        writer.take_back(one)
    told += [one for one in previous_of(book.everything()) if one is not None]
    assert ended("unknown", 2, first) in told
    assert {one["ended"] for one in told} == {"unknown", *["closed"] * comes_through}


def test_what_was_certainly_rolled_back_is_no_stream_and_told_of_by_nobody(
    writer: Scribe, book: Book, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.enter(looked())
    (first,) = streams_of(book.everything())
    clock.at += timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(scribing, "_put", _refuse)
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                writer.enter(looked())
    writer.enter(looked())
    lent = [writer.lend(), writer.lend()]
    found = book.everything()
    assert previous_of(found) == [ended("lost", 2, first), None]
    for one in lent:
        writer.take_back(one)


def _refuse(*_: object) -> None:
    raise StoreUnavailable("不可用", "not there")


# ── ends ──


def test_closing_closes_what_nobody_uses_and_the_log_knows_it(writer: Scribe, book: Book, store: Database) -> None:
    used = writer.lend()
    one, other = writer.lend(), writer.lend()
    for lent in (one, other):
        writer.take_back(lent)
    writer.close()
    writer.close()
    found = book.everything()
    for lent in (one, other):
        assert kinds_of(found, lent.stream.stream_id) == [Kind.STREAM_OPEN, Kind.STREAM_CLOSE]
    with writer.entering(used) as (_, work):
        used.enter(looked(), work)
    assert kinds_of(Book(store).everything(), used.stream.stream_id) == [Kind.STREAM_OPEN, Kind.EVENT]
    sequence_all(store)
    with store.reading() as work:
        rows = work.ledger_streams(streams_of(found))
    assert {name for name, row in rows.items() if row.is_closed} == {one.stream.stream_id, other.stream.stream_id}


def _enter(writer: Scribe, lent: Lent, *accounts: Account) -> None:
    with writer.entering(lent) as (_, work):
        for account in accounts:
            lent.enter(account, work)


def test_a_heartbeat_lists_how_far_the_other_open_streams_are_committed(writer: Scribe, book: Book) -> None:
    pending, idle, beating = writer.lend(), writer.lend(), writer.lend()
    for lent in (idle, beating, pending):
        _enter(writer, lent, looked())
    gone = writer.lend()  # the one that came back last
    assert gone is pending
    writer.give_up(gone.stream, "lost")
    book.everything()
    writer.beat()
    (beat,) = book.everything()
    assert beat.header.kind is Kind.HEARTBEAT
    assert beat.header.stream_id == beating.stream.stream_id
    assert beat.event["streams"] == [{"position": 2, "stream": idle.stream.stream_id.hex()}]
    held = writer.lend()
    committed = held.stream.committed
    with pytest.raises(NotAnEvent):
        _enter(writer, held, looked(), looked(details={"": 1}))
    assert held.stream.committed == committed, "what is rolled back does not count"


def test_a_change_of_auditors_is_told_to_the_new_ones_and_what_was_before_is_not(
    writer: Scribe, auditors: Keys, store: Database
) -> None:
    writer.enter(looked())
    after = (AUDITOR.auditor, SECOND.auditor)
    writer.announce(after, Account("auditor:add", ANN, Kind.KEY_EVENT, details={"name": "second"}))
    auditors.found.append(SECOND)
    writer.enter(looked())
    with store.reading() as work:
        waiting = work.outbox(100)
    openings = {row.stream_id: row.entry for row in waiting if row.stream_seq == 0}
    first, second = openings.values()
    assert recipients_of(first) == (AUDITOR.auditor.id,)
    assert set(recipients_of(second)) == {AUDITOR.auditor.id, SECOND.auditor.id}
    reader = Reader(second, SECOND)
    own = [row.entry for row in waiting if row.stream_id == reader.opening.header.stream_id and row.stream_seq]
    assert [reader.read(entry).event["act"] for entry in own] == ["auditor:add", "case:list"]


def test_an_announced_change_that_did_not_come_about_is_taken_back(writer: Scribe, book: Book) -> None:
    writer.announce((SECOND.auditor, AUDITOR.auditor), Account("auditor:add", ANN, Kind.KEY_EVENT))
    writer.enter(looked())
    found = book.everything()
    announced, goes_on = streams_of(found)
    assert kinds_of(found, announced) == [Kind.STREAM_OPEN, Kind.KEY_EVENT, Kind.STREAM_CLOSE]
    assert previous_of(found)[1] == ended("closed", 3, announced)
    assert kinds_of(found, goes_on) == [Kind.STREAM_OPEN, Kind.EVENT]


def test_more_streams_than_are_kept_are_given_up_and_told(
    writer: Scribe, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribing, "_MOST_IDLE", 1)
    kept, lost = writer.lend(), writer.lend()
    for lent in (kept, lost):
        writer.take_back(lent)
    assert writer.lend() is kept
    writer.lend()
    assert previous_of(book.everything()) == [None, None, ended("lost", 1, lost.stream.stream_id)]
