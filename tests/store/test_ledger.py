"""The ledger's rows: kept as they came, in order, and not changed by anybody once they have their place."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from engine.errors import HistoryBroken, LedgerDamaged, SchemaBehind
from engine.ledger.entry import MOST_BYTES
from engine.ledger.tree import Frontier
from engine.store import migrate
from engine.store.database import Database as Store
from engine.store.ledger import CheckpointRow, HeadRow, OutboxRow, StreamRow, TimestampRow
from engine.store.work import Work
from tests.conftest import Database
from tests.core.play import directory
from tests.store.story import NOON, begin, keep
from tests.store.test_rules import REFUSED, _raw

A, B = b"a" * 16, b"b" * 16
SECOND = timedelta(seconds=1)
GRANTS = {
    "ledger_head": "SELECT UPDATE",
    "ledger_outbox": "DELETE INSERT SELECT",
    "ledger_entry": "INSERT SELECT",
    "ledger_stream": "INSERT SELECT UPDATE",
    "ledger_tile": "DELETE INSERT SELECT",
    "ledger_checkpoint": "INSERT SELECT UPDATE",
    "ledger_timestamp": "INSERT SELECT",
}


def head_of(store: Store) -> HeadRow:
    """The log as it stands."""
    with store.reading() as work:
        head = work.ledger_head()
    assert head is not None
    return head


# ── the migration ──


def test_a_new_log_is_empty_and_has_a_name_of_its_own(tmp_path: Path, store: Store) -> None:
    heads = [head_of(store)]
    for name in ("one", "other"):
        url = f"sqlite:///{tmp_path / name}.sqlite"
        migrate.upgrade(url)
        with Store.open(url) as made:
            heads.append(head_of(made))
    assert len({head.origin for head in heads}) == 3
    for head in heads:
        assert re.fullmatch(r"guitu\.[0-9a-f]{16}", head.origin)
        assert (head.size, head.frontier, head.at) == (0, Frontier().to_bytes(), None)


def test_a_database_without_a_ledger_is_upgraded_and_has_one(database: Database) -> None:
    assert migrate.downgrade(database.owner_url, "0003_vault") == "0003_vault"
    with Store.open(database.app_url, check=False) as store:
        keep(store, lambda work: work.save_directory(directory()))
    migrate.upgrade(database.owner_url)
    with Store.open(database.app_url) as store:
        assert head_of(store).size == 0
        begin(store)
        with store.reading() as work:
            assert work.count_cases() == 1
            assert work.load_directory().units.keys() == directory().units.keys()


@pytest.mark.parametrize("what", ["outbox", "entry"])
def test_a_ledger_that_holds_anything_is_not_taken_away(database: Database, what: str) -> None:
    steps: dict[str, Callable[[Work], object]] = {
        "outbox": lambda work: work.add_to_outbox(A, 0, NOON, b"entry"),
        "entry": lambda work: work.append_entries(0, [b"entry"]),
    }
    with Store.open(database.app_url) as store:
        keep(store, steps[what])
    with pytest.raises(SchemaBehind, match="every proof"):
        migrate.downgrade(database.owner_url, "0003_vault")
    assert migrate.current(database.owner_url) == migrate.head()


# ── what is kept is read again ──


def test_what_waits_is_read_in_order_and_page_by_page(store: Store) -> None:
    rows = [
        OutboxRow(A, 0, NOON, b"1"), OutboxRow(A, 1, NOON, b"2"), OutboxRow(B, 0, NOON, b"3"),
        OutboxRow(A, 2, NOON + SECOND, b"4"), OutboxRow(B, 1, NOON + SECOND, b"5"),
    ]  # fmt: skip
    with store.writing() as work:
        for row in reversed(rows):
            work.add_to_outbox(row.stream_id, row.stream_seq, row.at, row.entry)
        work.commit()
    with store.reading() as work:
        assert work.outbox(9) == rows
        assert work.outbox(2) == rows[:2]
        assert [work.outbox(2, row) for row in rows] == [rows[at : at + 2] for at in range(1, 6)]
        assert work.outbox_waiting() == (5, NOON)
        assert (work.outbox_row(A, 1), work.outbox_row(A, 7)) == (rows[1], None)
    keep(store, lambda work: work.drop_from_outbox([(A, 0), (A, 1), (B, 0)]))
    with store.reading() as work:
        assert work.outbox(9) == rows[3:]
        assert work.outbox_waiting() == (2, NOON + SECOND)
    keep(store, lambda work: work.drop_from_outbox([(A, 2), (B, 1)]))
    with store.reading() as work:
        assert work.outbox_waiting() == (0, None)


def test_entries_are_read_from_any_place_on(store: Store) -> None:
    keep(store, lambda work: work.append_entries(0, [b"0", b"1", b"2"]), lambda work: work.append_entries(3, [b"3"]))
    with store.reading() as work:
        assert work.entries(0, 9) == [b"0", b"1", b"2", b"3"]
        assert work.entries(1, 2) == [b"1", b"2"]
        assert work.entries(4, 2) == []


def test_an_entry_that_is_missing_is_named(database: Database) -> None:
    with Store.open(database.app_url) as store:
        keep(store, lambda work: work.append_entries(0, [b"0", b"2"]))
        with _raw(database.owner_url) as connection:
            if database.kind == "sqlite":
                connection.execute("DROP TRIGGER ledger_entry_no_delete")
            else:
                connection.execute("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
            connection.execute("DELETE FROM ledger_entry WHERE number = 0")
        with store.reading() as work, pytest.raises(LedgerDamaged, match="entry 0") as missing:
            work.entries(0, 9)
    assert missing.value.details["entry"] == 0


def test_as_many_streams_as_one_asks_for(store: Store) -> None:
    rows = {bytes([number]) * 16: StreamRow(bytes([number]) * 16, number + 1, NOON, number % 2 == 1)
            for number in range(200)}  # fmt: skip
    keep(store, lambda work: work.save_streams(rows.values()))
    for ids in ([], [B], list(rows), list(rows)[:64], list(rows)[:65], [A, A, b"?" * 16]):
        with store.reading() as work:
            assert work.ledger_streams(ids) == {one: rows[one] for one in ids if one in rows}
    keep(store, lambda work: work.save_streams([StreamRow(A, 500, NOON + SECOND, True)]))
    with store.reading() as work:
        assert work.ledger_streams([A]) == {A: StreamRow(A, 500, NOON + SECOND, True)}


def test_tiles_are_kept_by_path(store: Store) -> None:
    keep(store, lambda work: work.tiles().put("tile/0/000.p/1", b"x" * 32))
    with store.reading() as work:
        assert (work.tiles().get("tile/0/000.p/1"), work.tiles().get("tile/0/000")) == (b"x" * 32, None)
    with pytest.raises(HistoryBroken):
        keep(store, lambda work: work.tiles().put("tile/0/000.p/1", b"y" * 32))
    keep(store, lambda work: work.tiles().drop("tile/0/000.p/1"))
    with store.reading() as work:
        assert work.tiles().get("tile/0/000.p/1") is None


def test_the_head_is_kept_as_it_stands(store: Store) -> None:
    before = head_of(store)
    keep(store, lambda work: work.save_head(2**40, b"frontier", NOON))
    assert head_of(store) == HeadRow(before.origin, 2**40, b"frontier", NOON)
    keep(store, lambda work: work.rename_log("guitu.x/2"))
    assert head_of(store) == HeadRow("guitu.x/2", 2**40, b"frontier", NOON)


def test_what_was_signed_is_kept(store: Store) -> None:
    with store.reading() as work:
        assert (work.last_checkpoint(), work.checkpoints(), work.timestamps()) == (None, [], [])
    keep(
        store,
        lambda work: work.add_checkpoint(7, "log", b"seven", NOON),
        lambda work: work.add_checkpoint(2**40, "log", b"more", NOON + SECOND),
        lambda work: work.renew_checkpoint(2**40, NOON + 2 * SECOND),
        lambda work: work.add_timestamp(7, NOON + SECOND, b"later"),
        lambda work: work.add_timestamp(7, NOON, b"token"),
    )
    seven = CheckpointRow(7, "log", b"seven", NOON, NOON)
    more = CheckpointRow(2**40, "log", b"more", NOON + SECOND, NOON + 2 * SECOND)
    with store.reading() as work:
        assert (work.last_checkpoint(), work.checkpoints()) == (more, [seven, more])
        assert work.timestamps() == [TimestampRow(7, NOON, b"token"), TimestampRow(7, NOON + SECOND, b"later")]
    keep(store, lambda work: work.add_checkpoint(7, "log/2", b"again", NOON + SECOND))
    with store.reading() as work:
        assert work.checkpoints()[0] == CheckpointRow(7, "log/2", b"again", NOON + SECOND, NOON + SECOND)


# ── who holds the head ──


def test_on_postgresql_the_head_is_held_by_one_and_others_wait_or_leave_it(postgres_database: Database) -> None:
    url = postgres_database.app_url
    found: list[int] = []

    def wait(store: Store) -> None:
        with store.writing() as work:
            head = work.ledger_head(for_update=True)
            assert head is not None
            found.append(head.size)

    with Store.open(url) as one, Store.open(url) as other:
        with one.writing() as work:
            assert work.ledger_head(for_update=True) is not None
            work.save_head(5, b"f", NOON)
            with other.writing() as second:
                assert second.ledger_head(for_update=True, wait=False) is None
                assert second.ledger_head() is not None, "only looking waits for nobody"
            thread = threading.Thread(target=wait, args=(other,))
            thread.start()
            thread.join(0.3)
            assert found == []
            work.commit()
        thread.join(10)
        assert found == [5], "as the one before left it"
        with other.writing() as second:
            assert second.ledger_head(for_update=True, wait=False) is not None


# ── what SQL refuses ──


def _filled(store: Store) -> None:
    keep(
        store,
        lambda work: work.add_to_outbox(A, 0, NOON, b"waits"),
        lambda work: work.append_entries(0, [b"entry"]),
        lambda work: work.add_checkpoint(1, "log", b"note", NOON),
        lambda work: work.add_timestamp(1, NOON, b"token"),
    )


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_timestamp"])
@pytest.mark.parametrize("role", ["owner_url", "app_url"])
def test_no_entry_and_no_timestamp_can_be_changed_or_removed(database: Database, table: str, role: str) -> None:
    with Store.open(database.app_url) as store:
        _filled(store)
    with _raw(getattr(database, role)) as connection:
        column = connection.execute(f"SELECT * FROM {table}").description[0][0]
        for act in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(REFUSED):
                connection.execute(act)
        if database.kind == "sqlite":
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        elif role == "owner_url":
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(f"TRUNCATE {table} CASCADE")


def test_the_role_of_the_engine_may_do_no_more_than_its_work(postgres_database: Database) -> None:
    with _raw(postgres_database.owner_url) as connection:
        found = connection.execute(
            "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
            " FROM information_schema.role_table_grants"
            " WHERE grantee = 'guitu_app' AND table_name LIKE 'ledger%' GROUP BY table_name"
        ).fetchall()
    assert dict(found) == GRANTS


CONTRADICTIONS: dict[str, Callable[[Work], object]] = {
    "a number that waits already": lambda work: work.add_to_outbox(A, 0, NOON, b"other"),
    "a place that is taken": lambda work: work.append_entries(0, [b"other"]),
    "a place that is taken, among others": lambda work: work.append_entries(0, [b"a", b"b", b"c"]),
    "a place before the first": lambda work: work.append_entries(-1, [b"other"]),
    "a stream of another length": lambda work: work.add_to_outbox(A[:15], 0, NOON, b"entry"),
    "a number below nought": lambda work: work.add_to_outbox(B, -1, NOON, b"entry"),
    "an entry too long": lambda work: work.add_to_outbox(B, 0, NOON, bytes(MOST_BYTES + 1)),
    "no entry at all": lambda work: work.add_to_outbox(B, 0, NOON, b""),
    "a log of less than nothing": lambda work: work.save_head(-1, b"", NOON),
    "a timestamp of no checkpoint": lambda work: work.add_timestamp(2, NOON, b"token"),
    "a timestamp twice": lambda work: work.add_timestamp(1, NOON, b"token"),
    "a stream that did not begin": lambda work: work.save_streams([StreamRow(B, 0, NOON, False)]),
}


@pytest.mark.parametrize("what", sorted(CONTRADICTIONS))
def test_a_row_that_contradicts_another_is_refused_and_is_nobodys_stale_revision(store: Store, what: str) -> None:
    _filled(store)
    with pytest.raises(HistoryBroken):
        keep(store, CONTRADICTIONS[what])


def test_the_longest_entry_fits(store: Store) -> None:
    keep(store, lambda work: work.add_to_outbox(A, 0, NOON, bytes(MOST_BYTES)))
    keep(store, lambda work: work.append_entries(0, [bytes(MOST_BYTES)]))
