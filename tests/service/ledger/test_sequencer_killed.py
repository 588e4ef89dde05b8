"""A sequencer killed between any two writes, or in the midst of anything: nothing is lost, nothing is there twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engine.service.sequencer import sequence_all
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.ledger.logbook import check_log, put, row, rows, waiting
from tests.service.processes import Processes, started

KILLED = -9
STREAMS = 4


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that may be killed."""
    with started("ledger.sequencing_process") as found:
        yield found


def test_killed_before_any_write_it_leaves_all_as_it_was_and_behind_the_commit_all_done(
    store: Database, database: Base, processes: Processes
) -> None:
    put(store, rows(1, *range(200)))
    sequence_all(store)
    put(store, rows(1, *range(200, 320)))
    before = waiting(store)
    ends: list[int] = []
    while not ends or waiting(store):
        assert len(ends) < 40
        ends.append(processes.run({"url": database.app_url, "at": len(ends) + 1})[0])
        log = check_log(store, database)
        assert (log.of(1), waiting(store)) in ((list(range(200)), before), (list(range(320)), []))
    assert ends == [KILLED] * len(ends), "the last one died with everything on the disk"
    assert len(ends) >= 10, "full and last tiles, a dropped one, entries, streams, outbox, head, before and after"


def test_killed_at_any_moment_while_others_write_it_loses_and_doubles_nothing(
    store: Database, database: Base, processes: Processes
) -> None:
    done = threading.Event()
    written = [0] * STREAMS

    def write() -> None:
        with Database.open(database.app_url) as own:
            while not done.is_set():
                for of in range(STREAMS):
                    first = written[of]
                    put(own, [row(of, seq, seq) for seq in range(first, first + 5)])
                    written[of] = first + 5

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seconds, reached = 0.01, 0
        while seconds < 0.2 or (not reached and seconds < 20):  # on a busy machine it may not come far at first
            assert processes.run({"url": database.app_url, "seconds": seconds}) == [KILLED]
            reached = len(check_log(store, database).entries)
            seconds += 0.013 if seconds < 0.2 else seconds
    finally:
        done.set()
        writer.join(30)
    sequence_all(store)
    log = check_log(store, database)
    assert [log.of(of) for of in range(STREAMS)] == [list(range(count)) for count in written]
    assert 0 < reached <= len(log.entries) == sum(written)
    assert waiting(store) == []
