"""Sequencers and writers at the same time: one order is found, and what is committed late is found as well."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from engine.service.sequencer import Sequenced, sequence, sequence_all
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.ledger.logbook import check_log, put, row, rows, waiting

WRITERS, EACH = 3, 60


def test_what_a_slow_transaction_commits_late_is_not_lost(postgres_database: Base) -> None:
    url = postgres_database.app_url
    with Database.open(url) as slow, Database.open(url) as quick:
        with slow.writing() as work:
            for one in rows(1, 0, 1, 2):
                work.add_to_outbox(one.stream_id, one.stream_seq, one.at, one.entry)
            for round_number in range(3):
                put(quick, [row(2, round_number, 100 + round_number), row(10 + round_number, 0, 200)])
                assert sequence(quick) == Sequenced(2)
            work.commit()
        assert waiting(quick) == [(one.stream_id, one.stream_seq) for one in rows(1, 0, 1, 2)]
        assert sequence_all(quick) == Sequenced(3)
        log = check_log(quick, postgres_database)
        assert (log.of(1), log.of(2), len(log.entries)) == ([0, 1, 2], [0, 1, 2], 9)


def test_two_sequencers_at_once_lose_and_double_nothing(store: Database, database: Base) -> None:
    done = threading.Event()

    def write(of: int) -> None:
        with Database.open(database.app_url) as own:
            for seq in range(EACH):
                put(own, [row(of, seq, seq)])

    def work(_: int) -> int:
        count = 0
        with Database.open(database.app_url) as own:
            while not done.is_set():
                count += sequence(own, most=7).count
            return count + sequence_all(own).count

    with ThreadPoolExecutor(WRITERS + 2) as threads:
        sequencers = [threads.submit(work, number) for number in range(2)]
        list(threads.map(write, range(WRITERS)))
        done.set()
        counts = [one.result(60) for one in sequencers]
    log = check_log(store, database)
    assert [log.of(of) for of in range(WRITERS)] == [list(range(EACH))] * WRITERS
    assert len(log.entries) == WRITERS * EACH == sum(counts)
    assert waiting(store) == []


def test_another_sequencer_is_waited_for_or_left_to_it(postgres_database: Base) -> None:
    with Database.open(postgres_database.app_url) as one, Database.open(postgres_database.app_url) as other:
        put(one, rows(1, 0, 1))
        with one.writing() as work:
            assert work.ledger_head(for_update=True) is not None
            assert sequence(other, wait=False) == Sequenced(0)
            with ThreadPoolExecutor(1) as threads:
                waits = threads.submit(sequence, other)
                assert not waits.done()
                work.commit()
                assert waits.result(10) == Sequenced(2)
        check_log(other, postgres_database)
