"""Reads that wait together are entered together; what goes wrong reaches everybody whose read is not entered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import pytest

from engine.errors import StoreUnavailable
from engine.ledger.entry import TooLarge
from engine.ledger.event import NotAnEvent
from engine.service import scribe as scribing
from engine.service.account import Account
from engine.service.desk import kept
from engine.service.scribe import MOST_TOGETHER, Scribe
from engine.store.database import Database
from tests.service.ledger.opening import Book
from tests.service.ledger.scribing import Hands, Keys, looked, no_key_seals_twice

MANY = MOST_TOGETHER + 10


@pytest.fixture
def writer(store: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scribe]:
    """Give a scribe on each kind of database, whose stream is open."""
    with no_key_seals_twice(monkeypatch):
        found = Scribe(store, Keys(), Hands())
        found.enter(looked())
        yield found


@pytest.fixture
def transactions(writer: Scribe, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give a list that grows with every writing transaction of the scribe."""
    found = list[int]()

    def watched(*words: object) -> object:
        found.append(1)
        return kept(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(scribing, "kept", watched)
    return found


@dataclass
class Crowd:
    """Threads that enter an account each, all of which wait before the first of them is entered."""

    accounts: list[Account]
    ends: list[Future[None]]

    @classmethod
    def of(cls, writer: Scribe, accounts: list[Account], meanwhile: Callable[[], None] = lambda: None) -> Crowd:
        """Let them wait, do something, and let them go; the accounts are in the order in which they wait."""
        with ThreadPoolExecutor(len(accounts)) as threads:
            with writer._together:
                ends = {}
                for account in accounts:
                    ends[account.request] = threads.submit(writer.enter, account)
                until = time.monotonic() + 30
                while len(writer._waiting) < len(accounts):
                    assert time.monotonic() < until
                    time.sleep(0.001)
                order = [one.account for one in writer._waiting]
                meanwhile()
            wait(ends.values(), 60)
        return cls(order, [ends[account.request] for account in order])

    def errors(self) -> list[BaseException | None]:
        """What each was told, in the order in which they waited."""
        return [one.exception(0) for one in self.ends]


def _requests(accounts: list[Account]) -> list[str]:
    return [account.request for account in accounts]


def _entered(book: Book) -> list[object]:
    return [one.event["request"] for one in book.news()]


def test_reads_that_wait_are_entered_together_in_their_order(writer: Scribe, transactions: list[int]) -> None:
    book = Book(writer.database)
    book.everything()
    crowd = Crowd.of(writer, [looked() for _ in range(MANY)])
    assert crowd.errors() == [None] * MANY
    assert _entered(book) == _requests(crowd.accounts), "everyone of them, the last ones too"
    assert len(transactions) == 2


def test_who_comes_to_enter_for_all_is_not_forgotten_behind_a_long_line(writer: Scribe) -> None:
    book = Book(writer.database)
    book.everything()
    line = [looked() for _ in range(2 * MOST_TOGETHER)]
    writer._waiting.extend(scribing._Waiting(account) for account in line)
    last = looked()
    writer.enter(last)
    assert _entered(book) == _requests([*line, last])


def test_nobody_comes_back_before_his_read_is_entered(writer: Scribe) -> None:
    entered, lock = Book(writer.database), threading.Lock()
    found: set[object] = set()

    def enter(_: int) -> None:
        account = looked()
        writer.enter(account)
        with lock:
            found.update(_entered(entered))
            assert account.request in found

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(80)))


def test_what_goes_wrong_reaches_everybody_who_waited_and_the_next_read_is_entered(
    writer: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(writer.database)
    book.everything()
    with monkeypatch.context() as patch:
        patch.setattr(scribing, "_put", _refuse)
        crowd = Crowd.of(writer, [looked() for _ in range(MANY)])
    assert [type(one) for one in crowd.errors()] == [StoreUnavailable] * MANY
    assert _entered(book) == []
    last = looked()
    writer.enter(last)
    assert _entered(book) == [last.request]


def _refuse(*_: object) -> None:
    raise StoreUnavailable("不可用", "not there")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda: looked(details={"Not A Key": 1}), NotAnEvent),
        (lambda: looked(details={f"k{number}": "x" * 200 for number in range(300)}), TooLarge),
    ],
)
def test_an_account_that_cannot_be_told_fails_alone_among_others(
    writer: Scribe, bad: Callable[[], Account], error: type[Exception]
) -> None:
    book = Book(writer.database)
    book.everything()
    crowd = Crowd.of(writer, [bad() if number in {3, 9} else looked() for number in range(12)])
    wrong = {number for number, account in enumerate(crowd.accounts) if account.details}
    assert len(wrong) == 2
    assert [type(one) for one in crowd.errors()] == [error if at in wrong else type(None) for at in range(12)]
    assert _entered(book) == [one.request for at, one in enumerate(crowd.accounts) if at not in wrong]


def test_when_the_one_who_enters_for_all_is_broken_off_nobody_takes_his_read_for_entered(
    writer: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(writer.database)
    book.everything()

    class BrokenOffError(BaseException):
        """As when somebody presses Ctrl-C."""

    def broken_off(*_: object) -> None:
        raise BrokenOffError

    with monkeypatch.context() as patch:
        patch.setattr(scribing, "_put", broken_off)
        crowd = Crowd.of(writer, [looked() for _ in range(5)])
    ends = [type(one).__name__ for one in crowd.errors()]
    assert sorted(ends) == ["BrokenOffError"] + ["StoreUnavailable"] * 4
    assert _entered(book) == []
    writer.enter(looked())
    assert len(book.news()) == 1
