"""The scribe enters accounts into the ledger: sealed to the auditors, in the same transaction as what they tell.

It keeps streams that are open, lends each to one transaction at a time, and forgets every key it wrote under. Entries
go into the ledger outbox; :mod:`engine.service.sequencer` gives them their places. A scribe belongs to one process.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from engine.errors import ClockBehind, GuituError, StoreUnavailable
from engine.ledger.canonical import NotCanonical, Value, time_text
from engine.ledger.entry import KEY_BYTES, STREAM_ID_BYTES, Kind, Subject, TooLarge
from engine.ledger.event import VERSION, NotAnEvent, check, founded_as, stated
from engine.ledger.streams import MOST_ENTRIES, Auditor, Pending, Stream, StreamClosed
from engine.service.account import Account
from engine.service.desk import kept
from engine.store.database import Database
from engine.store.work import Work

MOST_BEHIND = timedelta(minutes=5)
"""So far may the clock stand behind what was entered last, and the ledger goes on from there; further back, nothing."""
MOST_TOGETHER = 64
"""Accounts of reads that wait are entered together, at most so many."""
MOST_FOR_ONE = 512
LONGEST_FOR_ONE = timedelta(minutes=5)
"""What one transaction may need of a stream, in entries and in time: with less left to it, a stream is not lent."""
_MOST_IDLE = 16
_MISTAKES = (NotAnEvent, NotCanonical, TooLarge, StreamClosed, ValueError)
"""What one account may be refused for without anything being wrong with the others it was to be entered with."""

End = Literal["kept", "dropped", "unknown"]
"""How a transaction ended. Nobody knows it from when its commit began until that came back."""


@dataclass(slots=True)
class Lent:
    """A stream, lent to one transaction. Enter accounts, then say how the transaction ended."""

    stream: Stream
    keys: tuple[Auditor, ...]
    _scribe: Scribe
    _has_entered: bool = False

    def enter(self, account: Account, work: Work) -> None:
        """Put what an account tells into the outbox of this transaction.

        Raises :class:`engine.ledger.event.NotAnEvent` and the like for an account that cannot be told: a mistake of
        ours, and then nothing may be kept. Raises what writing raises.
        """
        for event, subjects in account.parts():
            self.write(account.kind, event, subjects, work)

    def write(
        self, kind: Kind, told: dict[str, Value], subjects: Sequence[tuple[Subject, bytes]], work: Work
    ) -> None:  # fmt: skip
        """Write one entry. The time is taken here, while whatever it tells of is still locked."""
        now = self._scribe.now()
        event = {**told, "v": VERSION, "at": time_text(now)}
        check(kind, event, len(subjects))
        pending = self.stream.attempt(event, subjects, now, kind)
        self._has_entered = True
        _put(pending, now, work)

    def settle(self, end: End) -> None:
        """Say how the transaction ended. When nobody knows, the stream ends here, and the next one says so."""
        if end == "unknown":
            self._scribe.give_up(self.stream, "unknown")
            return
        if self._has_entered and end == "kept":
            self.stream.confirm()
        elif self._has_entered:
            self.stream.roll_back()
        self._has_entered = False
        self._scribe.take_back(self)


@dataclass(slots=True)
class _Waiting:
    """An account of a read that waits for its entry. Done with and not entered means: nothing may be released."""

    account: Account
    is_done: bool = False
    is_entered: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class Scribe:
    """Writes the ledger of one database. ``auditors`` are those to whom it is sealed, asked for again every time.

    ``clock`` is the ledger's own: the time of the machine, whatever time a story plays in.
    """

    database: Database
    auditors: Callable[[], tuple[Auditor, ...]]
    clock: Callable[[], datetime]
    _idle: list[Lent] = field(default_factory=list)
    _ended: deque[tuple[Stream, str]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _together: threading.Lock = field(default_factory=threading.Lock)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _open: dict[bytes, Stream] = field(default_factory=dict)
    _latest: datetime | None = None
    _process: int = field(default_factory=os.getpid)

    # ── streams ──

    def lend(self) -> Lent:
        """An open stream for one transaction; a new one is opened, and committed, when none is at hand.

        Raises :class:`LedgerNotFounded` without auditors, :class:`ClockBehind`, and what writing raises.
        """
        keys = self.auditors()
        now = self.now()
        with self._lock:
            self._hold_process()
            found = self._idle.pop() if self._idle else None
        if found is None:
            return self._opened(keys, None)
        stream = found.stream
        is_short = stream.is_spent(now + LONGEST_FOR_ONE) or stream.committed + MOST_FOR_ONE > MOST_ENTRIES
        return self._opened(keys, found) if is_short or found.keys != keys else found

    def take_back(self, lent: Lent) -> None:
        """Keep a stream for the next transaction."""
        with self._lock:
            if len(self._idle) < _MOST_IDLE:
                self._idle.append(lent)
                return
        self.give_up(lent.stream, "lost")

    def give_up(self, stream: Stream, how: str) -> None:
        """End a stream of which nobody writes the end."""
        with self._lock:
            self._open.pop(stream.stream_id, None)
            self._ended.append((stream, how))
        stream.abandon()

    def _opened(self, keys: tuple[Auditor, ...], spent: Lent | None) -> Lent:
        """Open a stream, and close the one before it, in one transaction of their own."""
        with self._lock:
            self._hold_process()
            told = (spent.stream, "closed") if spent else self._ended.popleft() if self._ended else None
        made: Stream | None = None

        def settle(end: End) -> None:
            if spent is not None:
                self._settle_closing(spent.stream, end)
            elif told is not None and end != "kept":
                self._ended.appendleft(told)
            if made is not None:
                self._settle_opening(made, end)

        with self._transaction(settle) as work:
            if spent is not None:
                self._close(spent.stream, work)
            made = self._new(keys, told, 0 if spent is None else 1, work)
        return Lent(made, keys, self)

    def _settle_opening(self, stream: Stream, end: End) -> None:
        if end == "unknown":
            self.give_up(stream, "unknown")
        elif end == "dropped":
            stream.abandon()  # it never was: there is nothing to tell
        else:
            stream.confirm()
            with self._lock:
                self._open[stream.stream_id] = stream

    def _settle_closing(self, stream: Stream, end: End) -> None:
        if end == "kept":
            stream.confirm()
            with self._lock:
                self._open.pop(stream.stream_id, None)
        else:
            self.give_up(stream, "unknown" if end == "unknown" else "lost")

    def _new(self, keys: Sequence[Auditor], told: tuple[Stream, str] | None, closing: int, work: Work) -> Stream:
        head = work.ledger_head()
        assert head is not None, "the migration makes it"
        self._go_on_from(head.at)
        previous: Value = None
        if told is not None:
            stream, how = told
            previous = {"ended": how, "position": stream.committed + closing, "stream": stream.stream_id.hex()}
        now = self.now()
        event = {
            **stated("stream:open", now, None, None), "origin": founded_as(head.origin), "previous": previous,
            "tree_size": head.size, "tree_at": time_text(head.at) if head.at else None,
        }  # fmt: skip
        check(Kind.STREAM_OPEN, event, 0)
        made = Stream(secrets.token_bytes(STREAM_ID_BYTES), secrets.token_bytes(KEY_BYTES), keys, event, now)
        _put(made.opening, now, work)
        return made

    def _close(self, stream: Stream, work: Work) -> None:
        now = self.now()
        _put(stream.attempt(stated("stream:close", now, None, None), (), now, Kind.STREAM_CLOSE), now, work)

    # ── entries ──

    @contextmanager
    def entering(self, lent: Lent | None = None) -> Iterator[tuple[Lent, Work]]:
        """One writing transaction with a stream to enter into, kept when the block ends well.

        Raises what :meth:`lend` and writing raise, and then nothing is kept, neither entry nor change; only where the
        commit itself failed nobody knows, and the stream is given up.
        """
        with_stream = lent or self.lend()
        with self._transaction(with_stream.settle) as work:
            yield with_stream, work

    @contextmanager
    def _transaction(self, settle: Callable[[End], None]) -> Iterator[Work]:
        """One writing transaction, kept when the block ends well; ``settle`` is told how it ended in any case."""
        end: End = "dropped"

        def about_to_commit() -> None:
            nonlocal end
            end = "unknown"

        try:
            with kept(self.database, about_to_commit) as work:
                yield work
            end = "kept"
        finally:
            settle(end)

    def enter(self, account: Account) -> None:
        """Enter what was read, before it is released; what others wait to enter is entered with it.

        Raises what :meth:`lend` and writing raise: then nothing may be released.
        """
        mine = _Waiting(account)
        self._waiting.append(mine)
        with self._together:
            while not mine.is_done:  # more may have come first than are entered at once
                self._enter_all()
        if not mine.is_entered:
            raise mine.error or _broken_off()

    def _enter_all(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
        try:
            self._try(batch)
            if len(batch) > 1 and isinstance(batch[0].error, _MISTAKES):
                for one in batch:  # whoever made it shall bear it alone
                    self._try([one])
        finally:
            for one in batch:
                one.is_done = True

    def _try(self, batch: Sequence[_Waiting]) -> None:
        error: Exception | None = None
        try:
            self.enter_together([one.account for one in batch])
        except (GuituError, *_MISTAKES) as found:
            error = found
        for one in batch:
            one.is_entered, one.error = error is None, error

    def enter_together(self, accounts: Sequence[Account]) -> None:
        """Enter accounts in one transaction of their own. Raises what :meth:`enter` raises."""
        with self.entering() as (lent, work):
            for account in accounts:
                lent.enter(account, work)

    def announce(self, keys: tuple[Auditor, ...], account: Account) -> None:
        """Enter an account in a stream sealed to these auditors: a change of auditors, told to the new ones too."""
        lent = self._opened(keys, None)
        with self.entering(lent) as (_, work):
            lent.enter(account, work)

    def beat(self) -> None:
        """Enter a heartbeat: every open stream of this process and how many entries of it are committed."""
        with self.entering() as (lent, work):
            with self._lock:
                open_now = [one for one in self._open.values() if one is not lent.stream]
            listed: list[Value] = [{"position": one.committed, "stream": one.stream_id.hex()} for one in open_now]
            lent.write(
                Kind.HEARTBEAT, {**stated("stream:heartbeat", self.now(), None, None), "streams": listed}, (), work
            )

    def close(self) -> None:
        """Close every stream that nobody uses now, so that an auditor knows where each ended."""
        with self._lock:
            self._hold_process()
            idle, self._idle = self._idle, []
        if not idle:
            return

        def settle(end: End) -> None:
            for lent in idle:
                self._settle_closing(lent.stream, end)

        with self._transaction(settle) as work:
            for lent in idle:
                self._close(lent.stream, work)

    # ── time ──

    def now(self) -> datetime:
        """The ledger's time: never before what it gave out before. Raises :class:`ClockBehind` for a clock far back."""
        found = self.clock()
        with self._lock:
            if self._latest is not None and found < self._latest:
                if self._latest - found > MOST_BEHIND:
                    raise _behind()
                found = self._latest
            self._latest = found
        return found

    def _go_on_from(self, at: datetime | None) -> None:
        """Nothing that this process enters is before what others entered already."""
        if at is None:
            return
        if at - self.clock() > MOST_BEHIND:
            raise _behind()
        with self._lock:
            self._latest = at if self._latest is None else max(at, self._latest)

    def _hold_process(self) -> None:
        """After a fork the streams belong to the parent: two writers with one key would seal twice under it."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        for lent in self._idle:
            lent.stream.abandon()
        self._idle, self._open = [], {}
        self._ended.clear()


def _put(pending: Pending, at: datetime, work: Work) -> None:
    work.add_to_outbox(pending.header.stream_id, pending.header.stream_seq, at, pending.entry)


def _behind() -> ClockBehind:
    return ClockBehind(
        "系统时钟早于审计账中最近的记录五分钟以上，已停止办理：请先校正时钟",
        "the clock stands more than five minutes before what the ledger holds already: nothing goes until it is right",
    )


def _broken_off() -> StoreUnavailable:
    return StoreUnavailable(
        "审计账的写入被中断，未显示任何内容；请重试",
        "entering into the ledger was broken off, so nothing is shown; try again",
        fault="broken off",
    )
