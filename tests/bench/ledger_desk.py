"""What the ledger takes from daily work: the same moves and looks at a desk that enters them, and at one that does not.

Both make their accounts, with digests and tags. The one that enters nothing opens no stream, seals nothing, and writes
no row of the ledger; a look there does not even commit. A sequencer works in a process of its own meanwhile, and before
each slice the outbox is worked off, so neither pays for what the other left.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.synchronize import Event

from engine.service.account import Account
from engine.service.desk import Desk, kept
from engine.service.read import show
from engine.service.scribe import Lent, Scribe
from engine.service.sequencer import run
from engine.store.database import Database
from engine.store.work import Work
from tests.bench.crew import Move
from tests.bench.driven import bench_desk, log_to_nowhere, opened, walking
from tests.bench.procedure import BENCH
from tests.bench.vault_figures import Group, Pair

MOST_TAKEN = {"sqlite": 0.30, "postgresql": 0.15}
"""Of the throughput of moves the ledger may take so much, at the number of writers of the moves bench."""
EVERY = 0.1
"""Seconds between two looks of the sequencer at the outbox, as ``guitu worker`` does it."""
SETTLE_SECONDS = 60


class _Nowhere(Lent):
    """A stream in name only."""

    def __init__(self) -> None:
        pass

    def enter(self, account: Account, work: Work) -> None:
        """Tell nobody."""


class SilentScribe(Scribe):
    """A scribe that writes nothing into the ledger: what work costs without one."""

    def lend(self) -> Lent:
        """A stream in name only."""
        return _Nowhere()

    @contextmanager
    def entering(self, lent: Lent | None = None) -> Iterator[tuple[Lent, Work]]:
        """One writing transaction, as it was before there was a ledger."""
        with kept(self.database) as work:
            yield lent or self.lend(), work

    def enter(self, account: Account) -> None:
        """Release what was read at once."""


def silenced(desk: Desk) -> Desk:
    """The same desk, that enters nothing."""
    scribe = desk.scribe
    return replace(desk, scribe=SilentScribe(scribe.database, scribe.auditors, scribe.clock))


def moves_group(url: str, cases: int, database: str, what: str, *, has_aim: bool) -> Group:
    """The moves of the moves bench, entered and not; every writer walks so many cases."""
    most = 1 / (1 - MOST_TAKEN[database]) if has_aim else None
    return _both(partial(_moving, url, cases), Pair(what, "entered", "the same, not entered", "silent", most))


def looks_group(url: str, count: int) -> Group:
    """So many looks at one case, entered and not."""
    return _both(partial(_looking, url, count), Pair("a look", "entered", "the same, not entered", "silent"))


Working = Callable[[Callable[[Desk], Desk], int], AbstractContextManager[list[Move]]]
"""Given what is done to the desk, and the number of the writer: a job."""


def _both(work: Working, pair: Pair) -> Group:
    return Group({"entered": partial(work, _as_it_is), "silent": partial(work, silenced)}, (pair,))


def _as_it_is(desk: Desk) -> Desk:
    return desk


@contextmanager
def _moving(url: str, cases: int, of: Callable[[Desk], Desk], number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, url) as desk:
        yield walking(BENCH, of(desk), number, cases)


@contextmanager
def _looking(url: str, count: int, of: Callable[[Desk], Desk], number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, url) as plain:
        desk, area = of(plain), BENCH.areas[0]
        case = opened(BENCH, desk, area)
        actor = BENCH.opening[0].on(case, area, "-")[1]
        yield [partial(show, desk, case, actor)] * count


@contextmanager
def sequencing(url: str) -> Iterator[Callable[[], None]]:
    """Run a sequencer until the block ends; gives what waits until it has worked off everything."""
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    process = context.Process(target=_sequence, args=(url, stop))
    process.start()
    try:
        yield partial(_settled, url)
    finally:
        stop.set()
        process.join()
    assert process.exitcode == 0, "the sequencer failed"


def _sequence(url: str, stop: Event) -> None:
    with log_to_nowhere(), Database.open(url) as database:
        run(database, EVERY, stop)


def _settled(url: str) -> None:
    """Wait until nothing waits for its place any more. Raises ``TimeoutError``."""
    until = time.monotonic() + SETTLE_SECONDS
    with Database.open(url) as database:
        while _is_waiting(database):
            if time.monotonic() > until:
                raise TimeoutError("the sequencer does not keep up")
            time.sleep(EVERY / 2)


def _is_waiting(database: Database) -> bool:
    with database.reading() as work:
        return bool(work.outbox(1))
