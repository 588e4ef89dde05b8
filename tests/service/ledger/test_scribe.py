"""The scribe: whom it lends a stream, what it cannot tell, and what time it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.commands import Actor
from engine.errors import ClockBehind, LedgerNotFounded
from engine.ledger import streams
from engine.ledger.canonical import time_text
from engine.ledger.entry import Kind, TooLarge
from engine.ledger.event import NotAnEvent
from engine.ledger.streams import MOST_ENTRIES, AuditorKey
from engine.service.account import MOST_IN_ONE_ENTRY, Account
from engine.service.scribe import MOST_FOR_ONE, Scribe
from engine.service.sequencer import sequence_all
from engine.store.database import Database
from engine.vault.keys import CaseKey
from tests.keys import scribe
from tests.service.ledger.logbook import NOON
from tests.service.ledger.opening import Book
from tests.service.ledger.scribing import (
    Hands,
    Keys,
    ended,
    kinds_of,
    long_account,
    looked,
    no_key_seals_twice,
    previous_of,
    streams_of,
)

SECOND = AuditorKey(b"not a secret: a second auditor's")
THREADS = 6


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


# ── lending ──


def test_one_stream_serves_one_transaction_after_the_other(writer: Scribe, book: Book) -> None:
    for _ in range(5):
        writer.enter(looked())
    found = book.everything()
    assert [one.header.kind for one in found] == [Kind.STREAM_OPEN] + [Kind.EVENT] * 5
    assert len(streams_of(found)) == 1


def test_transactions_at_one_time_have_a_stream_each_and_no_stream_has_two(writer: Scribe, book: Book) -> None:
    barrier, lock, busy = threading.Barrier(THREADS), threading.Lock(), set[bytes]()

    def write(number: int) -> None:
        for turn in range(5):
            lent = writer.lend()
            with lock:
                assert lent.stream.stream_id not in busy
                busy.add(lent.stream.stream_id)
            if not turn:
                barrier.wait(30)
            with writer.entering(lent) as (_, work):
                lent.enter(looked(details={"thread": number, "turn": turn}), work)
                with lock:
                    busy.remove(lent.stream.stream_id)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(write, range(THREADS)))
    assert len(streams_of(book.everything())) == THREADS
    told = [one.event["details"] for one in Book(writer.database).news()]
    assert sorted((one["thread"], one["turn"]) for one in told) == [(a, b) for a in range(THREADS) for b in range(5)]


def test_without_an_auditor_nothing_is_entered(writer: Scribe, book: Book) -> None:
    def nobody() -> tuple[streams.Auditor, ...]:
        raise LedgerNotFounded("没有审计人", "no auditor")

    writer.enter(looked())
    book.everything()
    writer.auditors = nobody
    with pytest.raises(LedgerNotFounded):
        writer.enter(looked())
    assert book.everything() == []


def _by_age(writer: Scribe, clock: Hands, auditors: Keys) -> None:
    clock.at += timedelta(hours=1)


def _by_auditors(writer: Scribe, clock: Hands, auditors: Keys) -> None:
    auditors.found.append(SECOND)


@pytest.mark.parametrize("spend", [_by_age, _by_auditors])
def test_a_spent_stream_is_closed_and_the_next_opening_tells_it(
    writer: Scribe, book: Book, clock: Hands, auditors: Keys, spend: Callable[[Scribe, Hands, Keys], None]
) -> None:  # fmt: skip
    writer.enter(looked())
    writer.enter(looked())
    spend(writer, clock, auditors)
    writer.enter(looked())
    writer.enter(looked())
    found = book.everything()
    first, second = streams_of(found)
    assert kinds_of(found, first) == [Kind.STREAM_OPEN, Kind.EVENT, Kind.EVENT, Kind.STREAM_CLOSE]
    assert kinds_of(found, second) == [Kind.STREAM_OPEN, Kind.EVENT, Kind.EVENT]
    assert previous_of(found) == [None, ended("closed", 4, first)]


def test_a_stream_is_not_lent_with_too_little_left_for_a_long_account(writer: Scribe, book: Book) -> None:
    writer.enter_together([looked() for _ in range(MOST_ENTRIES - MOST_FOR_ONE - 1)])
    writer.enter(long_account(MOST_FOR_ONE // 16))
    writer.enter(long_account(1))
    found = book.everything()
    first, second = streams_of(found)
    kinds = kinds_of(found, first)
    assert (len(kinds), kinds[-1]) == (MOST_ENTRIES - MOST_FOR_ONE + MOST_FOR_ONE // 16 + 1, Kind.STREAM_CLOSE)
    assert kinds_of(found, second) == [Kind.STREAM_OPEN, Kind.EVENT]
    assert previous_of(found) == [None, ended("closed", len(kinds), first)]


def test_a_stream_does_not_grow_too_old_while_a_transaction_waits(writer: Scribe, book: Book, clock: Hands) -> None:
    writer.enter(looked())
    clock.at += timedelta(minutes=55, seconds=1)
    with writer.entering() as (lent, work):
        clock.at += timedelta(minutes=4, seconds=59)
        lent.enter(looked(), work)
    found = book.everything()
    first, second = streams_of(found)
    assert kinds_of(found, first) == [Kind.STREAM_OPEN, Kind.EVENT, Kind.STREAM_CLOSE]
    assert kinds_of(found, second) == [Kind.STREAM_OPEN, Kind.EVENT], "it was lent with enough time left"


# ── accounts that cannot be told ──


def _last_part_is_too_large() -> Account:
    account = long_account(2)
    classes = [f"class_{number:04d}" for number in range(1_500)]
    account.read(CaseKey("GT-00030", {1: (30).to_bytes(32)}), classes=classes)
    return account


BAD: dict[str, tuple[Callable[[], Account], type[Exception]]] = {
    "malformed": (lambda: looked(details={"Not A Key": 1}), NotAnEvent),
    "names in it": (lambda: looked(approvals=[Actor("钟离渡鹤", "police-a")]), NotAnEvent),
    "too large": (lambda: looked(details={f"k{number}": "x" * 200 for number in range(300)}), TooLarge),
    "too large at its end": (_last_part_is_too_large, TooLarge),
}


def _change_a_setting(writer: Scribe, *accounts: Account) -> None:
    with writer.entering() as (lent, work):
        work.set_setting("play", "strict", True, set_by="officer-1@police-a", set_at=NOON)
        for account in accounts:
            lent.enter(account, work)


@pytest.mark.parametrize("name", list(BAD))
def test_an_account_that_cannot_be_told_fails_alone_and_leaves_the_stream_of_use(
    writer: Scribe, book: Book, name: str
) -> None:
    bad, error = BAD[name]
    writer.enter(looked())
    with pytest.raises(error):
        writer.enter(bad())
    with pytest.raises(error):
        _change_a_setting(writer, looked(), bad())
    writer.enter(looked())
    found = book.everything()
    assert len(streams_of(found)) == 1
    assert [one.header.stream_seq for one in found] == [0, 1, 2]
    assert found[-1].header.key_index >= 3, "keys of what was rolled back are used up"
    with writer.database.reading() as work:
        assert work.settings_of("play") == {}


def test_a_list_of_many_is_told_in_parts(writer: Scribe, book: Book) -> None:
    account = long_account(3)
    book.salts |= {one.record["of"]: one.salt for one in account.concerned.values()}  # type: ignore[misc]
    writer.enter(account)
    found = book.news()
    assert [(one.event["part"], one.event["parts"], len(one.records)) for one in found] == [
        (1, 3, MOST_IN_ONE_ENTRY), (2, 3, MOST_IN_ONE_ENTRY), (3, 3, 1),
    ]  # fmt: skip
    assert {one.event["request"] for one in found} == {account.request}
    told = [subject.case for one in found for subject, _ in one.records if subject is not None]
    assert told == [f"GT-{number:05d}" for number in range(2 * MOST_IN_ONE_ENTRY + 1)]


# ── time ──


def test_the_time_never_goes_back_and_a_clock_far_behind_stops_everything(
    writer: Scribe, book: Book, clock: Hands
) -> None:
    clock.tick = timedelta(0)
    writer.enter(looked())
    clock.at = NOON - timedelta(minutes=5)
    writer.enter(looked())
    clock.at = NOON + timedelta(seconds=1)
    writer.enter(looked())
    assert [one.event["at"] for one in book.news()] == [time_text(NOON)] * 2 + [time_text(clock.at)]
    clock.at = NOON - timedelta(minutes=5)
    with pytest.raises(ClockBehind) as caught:
        writer.enter(looked())
    assert caught.value.http == 503
    assert book.everything() == []
    clock.at = NOON + timedelta(seconds=2)
    writer.enter(looked())
    assert len(book.news()) == 1


def test_it_goes_on_from_the_time_of_what_has_its_place_already(
    writer: Scribe, book: Book, store: Database, clock: Hands
) -> None:
    clock.tick = still = timedelta(0)
    writer.enter(looked())
    sequence_all(store)
    book.everything()
    later = Scribe(store, writer.auditors, Hands(NOON - timedelta(minutes=5), still))
    later.enter(looked())
    opening, entry = book.everything()
    assert (opening.event["at"], entry.event["at"]) == (time_text(NOON), time_text(NOON))
    assert (opening.event["tree_size"], opening.event["tree_at"]) == (2, time_text(NOON))
    too_late = Scribe(store, writer.auditors, Hands(NOON - timedelta(minutes=5, milliseconds=1), still))
    with pytest.raises(ClockBehind):
        too_late.enter(looked())
    assert book.everything() == []
    sequence_all(store)
    assert [one.number for one in Book(store).everything()] == [0, 1, 2, 3]


def test_the_scribe_of_an_installation_goes_by_the_time_of_the_machine(store: Database, book: Book) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    scribe(store).enter(looked())
    opening, entry = book.everything()
    after = datetime.now(UTC)
    assert time_text(before) <= opening.event["at"] <= entry.event["at"] <= time_text(after)
