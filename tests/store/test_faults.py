"""A full disk, a killed connection, a busy or absent database: one clear error, and nothing half done."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from engine.core import events as ev
from engine.errors import HistoryBroken, SchemaBehind, StaleRevision, StoreFull, StoreUnavailable
from engine.store import database as room
from engine.store.database import Database as Store
from engine.store.faults import fault_of
from engine.store.work import Work
from tests.conftest import Database
from tests.postgres import SUPERUSER, PostgresServer
from tests.store.story import NOON, act, begin, keep, save

FULL = """
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON case_event FOR EACH ROW EXECUTE FUNCTION fill();
"""


def _as_owner(database: Database, act: str) -> None:
    plain = make_url(database.owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SET guitu.sight = 'house'")
        connection.execute(act)


def _path(database: Database) -> Path:
    return Path(make_url(database.app_url).database or "")


def test_a_full_disk_leaves_nothing_half_done_on_sqlite(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(_path(sqlite_database))) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    settings = (*room._SQLITE_SETTINGS, f"PRAGMA max_page_count = {pages + 2}")
    monkeypatch.setattr(room, "_SQLITE_SETTINGS", settings)
    with Store.open(sqlite_database.app_url) as store:
        case = begin(store)
        with pytest.raises(StoreFull) as caught:
            act(store, case, *[ev.NoteAdded("rescue", "x")] * 3000)
        assert "磁盘" in caught.value.zh
        with store.reading() as work:
            assert [row.number for row in work.events_of("c1")] == [1, 2]
            found = work.load_case("c1", for_update=False)
        assert found is not None
        assert found.revision == 1


def test_a_full_disk_leaves_nothing_half_done_on_postgresql(postgres_database: Database) -> None:
    with Store.open(postgres_database.app_url) as store:
        case = begin(store)
        _as_owner(postgres_database, FULL)
        with pytest.raises(StoreFull):
            keep(
                store,
                lambda work: work.keep_answer("u", "k", "d" * 64, "c1", 2, b"", NOON),
                lambda work: save(work, case, "c1", ev.NoteAdded("rescue", "x")),
            )
        _as_owner(postgres_database, "DROP TRIGGER full_disk ON case_event")
        with store.reading() as work:
            assert (len(work.events_of("c1")), work.find_answer("u", "k")) == (2, None)
        act(store, case, ev.NoteAdded("rescue", "x"))


@pytest.mark.parametrize("moment", ["load", "save", "commit"])
def test_a_killed_connection_is_an_error_and_the_next_work_gets_a_new_one(
    postgres_database: Database, postgres_server: PostgresServer, moment: str
) -> None:
    with Store.open(postgres_database.app_url) as store:
        case = begin(store)
        steps: dict[str, Callable[[Work], object]] = {
            "load": lambda work: work.load_case("c1", for_update=True),
            "save": lambda work: save(work, case, "c1", ev.NoteAdded("rescue", "x")),
            "commit": lambda work: work.commit(),
        }
        with pytest.raises(StoreUnavailable) as caught:
            _walk(store, steps, lambda step: _kill_sessions(postgres_server) if step == moment else None)
        assert caught.value.exit_code == 8
        act(store, case, ev.NoteAdded("rescue", "y"))
        with store.reading() as work:
            assert len(work.events_of("c1")) == 3


def _walk(store: Store, steps: dict[str, Callable[[Work], object]], before: Callable[[str], None]) -> None:
    with store.writing() as work:
        for name, step in steps.items():
            before(name)
            step(work)


def _kill_sessions(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'guitu_app'")


def test_a_connection_killed_while_idle_costs_one_error_at_most(
    postgres_database: Database, postgres_server: PostgresServer
) -> None:
    with Store.open(postgres_database.app_url) as store:
        with store.writing() as one, store.writing() as other:  # two connections in the pool
            assert one.count_cases() == other.count_cases()
        _kill_sessions(postgres_server)
        with pytest.raises(StoreUnavailable), store.reading() as work:
            work.count_cases()
        with store.reading() as work:
            assert work.count_cases() == 0


def test_a_writer_that_waits_too_long_is_told_so(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_SQLITE_SETTINGS", (*room._SQLITE_SETTINGS, "PRAGMA busy_timeout = 50"))
    with Store.open(sqlite_database.app_url) as store:
        with store.writing():
            with pytest.raises(StoreUnavailable), store.writing():
                pytest.fail("two writers at once")
            with store.reading() as work:
                assert work.count_cases() == 0
        begin(store)


@pytest.mark.parametrize("column", ["kind", "unit"])
def test_a_table_from_another_release_is_a_schema_behind(database: Database, column: str) -> None:
    with Store.open(database.app_url) as store:
        begin(store)
        change = f"ALTER TABLE case_event RENAME COLUMN {column} TO other"
        if database.kind == "sqlite":
            with closing(sqlite3.connect(_path(database))) as connection:
                connection.execute(change)
        else:
            _as_owner(database, change)
        with pytest.raises(SchemaBehind), store.reading() as work:
            work.events_of("c1")


def test_a_reading_work_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        _set_while_reading(store)
    keep(store, lambda work: work.set_setting("fujian", "x", 1, set_by="p", set_at=NOON))


def _set_while_reading(store: Store) -> None:
    with store.reading() as work:
        work.set_setting("fujian", "x", 1, set_by="p", set_at=NOON)
        work.commit()


def test_a_reading_work_sees_one_state(store: Store) -> None:
    with store.reading() as work:
        assert work.count_cases() == 0
        thread = threading.Thread(target=begin, args=(store,))
        thread.start()
        thread.join()
        assert work.count_cases() == 0
    with store.reading() as work:
        assert work.count_cases() == 1


def test_a_superuser_is_turned_away(postgres_server: PostgresServer, postgres_database: Database) -> None:
    name = make_url(postgres_database.app_url).database or ""
    with pytest.raises(StoreUnavailable, match="superuser"):
        Store.open(postgres_server.url(name, SUPERUSER))


@pytest.mark.parametrize(
    "url",
    ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "no url at all", "postgresql://nobody:x@127.0.0.1:1/none"],
)
def test_what_is_no_database_of_ours_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        Store.open(url)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{path}")


def test_a_missing_file_is_not_made_in_passing(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    with pytest.raises(SchemaBehind):
        Store.open(f"sqlite:///{path}")
    assert not path.exists()


def test_an_old_schema_is_refused_unless_nobody_checks(database: Database) -> None:
    change = "UPDATE alembic_version SET version_num = 'older'"
    if database.kind == "sqlite":
        with closing(sqlite3.connect(_path(database))) as connection, connection:
            connection.execute(change)
    else:
        _as_owner(database, change)
    with pytest.raises(SchemaBehind):
        Store.open(database.app_url)
    with Store.open(database.app_url, check=False) as store:
        assert store.kind == database.kind


def test_a_read_only_file_is_unavailable_to_a_writer(sqlite_database: Database) -> None:
    read_only = f"file:{_path(sqlite_database)}?mode=ro&immutable=1"
    with closing(sqlite3.connect(read_only, uri=True)) as connection, pytest.raises(sqlite3.Error) as caught:
        connection.execute("DELETE FROM unit")
    assert isinstance(fault_of(caught.value), StoreUnavailable)


def test_no_message_holds_a_value(store: Store) -> None:
    begin(store, "pseudonym-123")
    with pytest.raises(StaleRevision) as taken:
        begin(store, "pseudonym-123")
    with pytest.raises(HistoryBroken) as broken:
        keep(store, lambda work: work.keep_answer("unit-9", "key", "too short", "pseudonym-123", 1, b"", NOON))
    for error in (taken.value, broken.value):
        said = f"{error} {error.zh} {error.details}"
        assert "pseudonym" not in said
        assert "unit-9" not in said
        assert "too short" not in said
