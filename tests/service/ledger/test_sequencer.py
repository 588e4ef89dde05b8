"""Entries get their places: each stream in its own order, without holes; what does not fit is held back and told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import HistoryBroken, LedgerDamaged
from engine.ledger.entry import Kind, header_of
from engine.ledger.tree import Frontier
from engine.service.sequencer import Held, Sequenced, sequence, sequence_all
from engine.store.database import Database
from engine.store.ledger import OutboxRow
from tests.conftest import Database as Base
from tests.service.ledger.logbook import NOON, check_log, put, raw, root, row, rows, stream, waiting


def test_entries_get_contiguous_numbers_by_time_and_leave_the_outbox(store: Database, database: Base) -> None:
    put(store, [*rows(1, 0, 1, 2), *rows(2, 0, 1, 2, since=0.5)])
    assert sequence(store) == Sequenced(6)
    log = check_log(store, database)
    found = [(header_of(entry).stream_id, header_of(entry).stream_seq) for entry in log.entries]
    assert found == [(stream(of), seq) for seq in range(3) for of in (1, 2)]
    assert waiting(store) == []
    with store.reading() as work:
        head = work.ledger_head()
        assert head is not None
        assert (head.size, head.at) == (6, NOON + timedelta(seconds=2.5))


def test_of_one_time_the_order_is_that_of_stream_and_number(store: Database, database: Base) -> None:
    put(store, [row(of, seq, 0) for seq in (2, 0, 1) for of in (3, 1, 2)])
    assert sequence(store).count == 9
    found = [(header_of(entry).stream_id, header_of(entry).stream_seq) for entry in check_log(store, database).entries]
    assert found == sorted(found)


def test_an_empty_outbox_is_left_alone(store: Database, database: Base) -> None:
    assert sequence(store) == sequence_all(store) == Sequenced(0)
    check_log(store, database)


def test_a_batch_takes_so_many_and_the_next_goes_on(store: Database, database: Base) -> None:
    put(store, rows(1, *range(20)))
    assert [sequence(store, most=8).count for _ in range(4)] == [8, 8, 4, 0]
    assert check_log(store, database).of(1) == list(range(20))


@pytest.mark.parametrize("sizes", [(1, 255, 1), (256, 256), (200, 100), (513,), (3, 1000, 40)])
def test_the_tree_grows_as_its_entries_say(store: Database, database: Base, sizes: Sequence[int]) -> None:
    first = 0
    for size in sizes:
        put(store, rows(1, *range(first, first + size)))
        first += size
        assert sequence_all(store) == Sequenced(size)
        check_log(store, database)


def test_the_same_outbox_gives_the_same_root_on_both_databases_however_it_is_cut(
    sqlite_database: Base, postgres_database: Base
) -> None:
    chance = random.Random(7)
    every = [row(of, seq, chance.random() + seq * (of % 3)) for of in range(12) for seq in range(25 + of)]
    roots = set()
    for base, most in ((sqlite_database, 7), (postgres_database, 1024)):
        chance.shuffle(every)
        with Database.open(base.app_url) as store:
            put(store, every)
            while sequence(store, most).count:
                pass
            assert len(check_log(store, base).entries) == len(every)
            roots.add(root(store))
    assert len(roots) == 1


def test_the_time_of_the_log_never_goes_back(store: Database) -> None:
    for second, latest in ((50, 50), (20, 50), (60, 60)):
        put(store, [row(second, 0, second)])
        sequence(store)
        with store.reading() as work:
            head = work.ledger_head()
        assert head is not None
        assert head.at == NOON + timedelta(seconds=latest)


# ── what is held back ──


def test_a_hole_is_held_back_and_told_and_holds_back_its_own_stream_only(store: Database, database: Base) -> None:
    put(store, [*rows(1, 0, 1, 3, 4), *rows(2, 0, 1, 2, since=10)])
    hole = Held(stream(1), 2, 3, "gap")
    assert sequence(store) == Sequenced(5, (hole,))
    assert sequence_all(store) == Sequenced(0, (hole,))
    assert check_log(store, database).of(1) == [0, 1]
    assert waiting(store) == [(stream(1), 3), (stream(1), 4)]
    put(store, rows(1, 2, since=100))  # filled, and by an entry that says a later time
    assert sequence_all(store) == Sequenced(3)
    assert check_log(store, database).of(1) == [0, 1, 2, 3, 4]


def test_a_stream_of_which_the_opening_is_missing_is_held_back(store: Database) -> None:
    put(store, rows(1, 1, 2))
    assert sequence(store) == Sequenced(0, (Held(stream(1), 0, 1, "gap"),))


def test_a_stream_whose_clock_was_set_back_is_not_taken_for_one_with_a_hole(store: Database, database: Base) -> None:
    put(store, [row(1, 0, 0), row(1, 1, 9), row(1, 2, 8), row(1, 3, 7)])
    assert sequence(store, most=3) == Sequenced(3)
    assert sequence(store) == Sequenced(1)
    assert check_log(store, database).of(1) == [0, 1, 2, 3]


def test_a_number_that_is_taken_is_held_back(store: Database, database: Base) -> None:
    put(store, rows(1, 0, 1, 2))
    sequence(store)
    put(store, [row(1, 1, 3), row(1, 3, 4)])
    assert sequence(store) == Sequenced(1, (Held(stream(1), 4, 1, "repeated"),))
    assert check_log(store, database).of(1) == [0, 1, 2, 3]
    assert waiting(store) == [(stream(1), 1)]


def test_what_came_early_is_not_taken_behind_a_closing(store: Database) -> None:
    put(store, [row(1, 3, 0), row(1, 2, 0), row(1, 0, 1), row(1, 1, 2, Kind.STREAM_CLOSE)])
    assert sequence(store) == Sequenced(2, (Held(stream(1), 2, 2, "closed"),))


def test_nothing_follows_a_closing(store: Database, database: Base) -> None:
    put(store, [row(1, 0, 0), row(1, 1, 1, Kind.STREAM_CLOSE), *rows(1, 2, 3)])
    ended = Held(stream(1), 2, 2, "closed")
    assert sequence(store) == Sequenced(2, (ended,))
    assert sequence(store) == Sequenced(0, (ended,)), "also when the closing is in the log already"
    check_log(store, database)


LIES = {
    "another stream": row(1, 1, 1, claims=(stream(2), 1)),
    "another number": row(1, 1, 1, claims=(stream(1), 2)),
    "a second opening": row(1, 1, 1, Kind.STREAM_OPEN),
    "no entry": replace(row(1, 1, 1), entry=b"entry"),
    "another format": replace(row(1, 1, 1), entry=b"\x02" + row(1, 1, 1).entry[1:]),
    "another kind": replace(row(1, 1, 1), entry=row(1, 1, 1).entry[:2] + b"\x09" + row(1, 1, 1).entry[3:]),
}


@pytest.mark.parametrize("what", sorted(LIES))
def test_an_entry_that_says_otherwise_than_its_row_is_held_back(store: Database, database: Base, what: str) -> None:
    put(store, [row(1, 0, 0), LIES[what], *rows(1, 2, 3), *rows(2, 0, 1)])
    lie = Held(stream(1), 1, 1, "form")
    assert sequence(store) == Sequenced(3, (lie,))
    assert sequence_all(store) == Sequenced(0, (lie,))
    log = check_log(store, database)
    assert (log.of(1), log.of(2)) == ([0], [0, 1])


def test_a_stream_that_does_not_begin_with_an_opening_is_held_back(store: Database) -> None:
    put(store, [row(1, 0, 0, Kind.EVENT), *rows(1, 1)])
    assert sequence(store) == Sequenced(0, (Held(stream(1), 0, 0, "form"),))


def test_what_is_held_back_does_not_starve_what_stands_behind_it(store: Database, database: Base) -> None:
    held = [row(of, seq, seq / 100) for of in range(10, 15) for seq in range(1, 30)]
    put(store, [*held, *rows(1, *range(20), since=1000)])
    assert sequence(store, most=8).count == 8
    done = sequence_all(store)
    assert (done.count, {one.stream for one in done.held}) == (12, {stream(of) for of in range(10, 15)})
    assert check_log(store, database).of(1) == list(range(20))
    assert len(waiting(store)) == len(held)


def test_every_reason_of_a_stream_is_told(store: Database) -> None:
    put(store, rows(1, 0, 1))
    sequence(store)
    put(store, [row(1, 0, 5), *rows(1, 4, 7)])
    told = (Held(stream(1), 2, 4, "gap"), Held(stream(1), 2, 0, "repeated"))
    assert sequence(store) == Sequenced(0, told)


# ── what was changed behind its back ──


def _grown(store: Database) -> None:
    put(store, rows(1, *range(300)))
    sequence_all(store)
    put(store, rows(1, *range(300, 320)))


def _flipped(hashes: bytes, at: int) -> bytes:
    return hashes[:at] + bytes([hashes[at] ^ 1]) + hashes[at + 1 :]


LAST = "tile/0/001.p/44"
CHANGES = {
    "a tile was changed": (f"{LAST} | frontier", "tile", lambda was: _flipped(was, 33)),
    "a tile was changed in its last hash": (f"{LAST} | frontier", "tile", lambda was: _flipped(was, 43 * 32)),
    "a tile was cut": (LAST, "tile", lambda was: was[:-32]),
    "a tile was made longer": (LAST, "tile", lambda was: was + bytes(32)),
    "the frontier was changed": ("tile/1/000.p/1 | frontier", "frontier", lambda was: _flipped(was, 9)),
    "the frontier was changed at its end": (f"{LAST} | frontier", "frontier", lambda was: _flipped(was, len(was) - 1)),
    "the frontier was cut": ("frontier", "frontier", lambda was: was[:-1]),
    "the frontier lost a hash": ("frontier", "frontier", lambda was: was[:-32]),
    "the frontier is of another tree": ("frontier", "frontier", lambda _: Frontier().to_bytes()),
}


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_what_was_changed_is_named_and_nothing_is_written(store: Database, database: Base, what: str) -> None:
    _grown(store)
    part, where, change = CHANGES[what]
    column, table, place = (
        ("hashes", "ledger_tile", f"path = '{LAST}'") if where == "tile" else ("frontier", "ledger_head", "id = 1")
    )
    ((was,),) = raw(database, f"SELECT {column} FROM {table} WHERE {place}")
    raw(database, f"UPDATE {table} SET {column} = %s WHERE {place}", change(bytes(was)))
    _refused(store, part)
    raw(database, f"UPDATE {table} SET {column} = %s WHERE {place}", bytes(was))
    assert sequence_all(store) == Sequenced(20)
    check_log(store, database)


@pytest.mark.parametrize(
    ("act", "part"),
    [
        (f"DELETE FROM ledger_tile WHERE path = '{LAST}'", LAST),
        ("DELETE FROM ledger_head", "head"),
        ("UPDATE ledger_head SET size = 299", "frontier"),
        ("UPDATE ledger_head SET size = 0", "frontier"),
    ],
)
def test_what_is_missing_is_named(store: Database, database: Base, act: str, part: str) -> None:
    _grown(store)
    raw(database, act)
    _refused(store, part)


def _refused(store: Database, part: str) -> None:
    before = waiting(store)
    with pytest.raises(LedgerDamaged) as refused:
        sequence(store)
    assert refused.value.details["part"] == part
    assert part in str(refused.value)
    assert part in refused.value.zh
    assert waiting(store) == before


def test_a_log_that_was_set_back_is_not_written_over(store: Database, database: Base) -> None:
    """Whoever sets head and tiles back together: the places are taken, and the entries stay what they were."""
    put(store, rows(1, *range(10)))
    sequence_all(store)
    tiles = raw(database, "SELECT path, hashes FROM ledger_tile")
    ((frontier,),) = raw(database, "SELECT frontier FROM ledger_head")
    put(store, rows(1, *range(10, 20)))
    sequence_all(store)
    raw(database, "DELETE FROM ledger_tile")
    for path, hashes in tiles:
        raw(database, "INSERT INTO ledger_tile (path, hashes) VALUES (%s, %s)", path, hashes)
    raw(database, "UPDATE ledger_head SET size = 10, frontier = %s", frontier)
    put(store, rows(2, 0))
    with pytest.raises(HistoryBroken):
        sequence(store)


def test_rows_know_their_place(store: Database) -> None:
    put(store, rows(1, 0))
    with store.reading() as work:
        assert work.outbox(5) == [OutboxRow(stream(1), 0, NOON, row(1, 0, 0).entry)]
