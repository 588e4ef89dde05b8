"""The database knows the rules too: what the code must never do, SQL refuses."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import inspect, make_url, text

from engine.core import events as ev
from engine.errors import StaleRevision
from engine.store import tables
from engine.store.compartments import EventPartRow
from engine.store.database import Database as Store
from engine.store.database import engine_for
from tests.conftest import Database
from tests.store.story import POLICE, act, begin, keep, offer, opened, pin, save

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)


@contextmanager
def _raw(url: str) -> Iterator[Any]:
    """Give a bare connection, as somebody with a database tool has it."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parsed.database), isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA recursive_triggers = ON")
            yield connection
    else:
        plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute("SET guitu.sight = 'house'")  # whoever has a database tool can say so too
            yield connection


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE case_event SET unit = 'x'", "DELETE FROM case_event", "UPDATE case_event_part SET field_class = 'x'",
        "DELETE FROM case_event_part",
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["owner_url", "app_url"])
def test_an_event_can_neither_be_changed_nor_removed(database: Database, act: str, role: str) -> None:
    with Store.open(database.app_url) as store:
        begin(store)
        keep(store, lambda work: work.add_event_parts("c1", [EventPartRow(1, "health", b"sealed")]))
    with _raw(getattr(database, role)) as connection, pytest.raises(REFUSED):
        connection.execute(act)


def test_an_event_cannot_be_replaced_on_sqlite(sqlite_database: Database) -> None:
    with Store.open(sqlite_database.app_url) as store:
        begin(store)
    with _raw(sqlite_database.app_url) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("INSERT OR REPLACE INTO case_event SELECT * FROM case_event")


@pytest.mark.parametrize("tables", ["case_event CASCADE", "case_event_part"])
def test_events_cannot_be_truncated_even_by_the_owner(postgres_database: Database, tables: str) -> None:
    with _raw(postgres_database.owner_url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(f"TRUNCATE {tables}")


def test_the_role_of_the_engine_may_do_no_more_than_its_work(postgres_database: Database) -> None:
    with _raw(postgres_database.owner_url) as connection:
        rows = connection.execute(
            "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
            " FROM information_schema.role_table_grants WHERE grantee = 'guitu_app' GROUP BY table_name"
        ).fetchall()
    granted = dict(rows)
    assert set(granted) == {*tables.TABLES, "alembic_version"}
    for table in ("case_event", "case_event_part", "refusal", "pinned_definition"):
        assert granted[table] == "INSERT SELECT", table
    assert granted["case_record"] == granted["hand_off"] == "INSERT SELECT UPDATE"
    with _raw(postgres_database.app_url) as connection:
        for forbidden in (
            "DROP TABLE unit",
            "CREATE TABLE mine (x int)",
            "UPDATE alembic_version SET version_num = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_one_hand_off_is_open_per_track(store: Store) -> None:
    case = begin(store, "c1", offer("c1", 1))
    with pytest.raises(StaleRevision):
        act(store, case, offer("c1", 2))
    act(store, case, ev.HandOffWithdrawn("c1/1"), offer("c1", 2))


def test_one_transfer_is_open_per_case(store: Store) -> None:
    case = begin(store, "c1", offer("c1", 1, "transfer"))
    with pytest.raises(StaleRevision):
        act(store, case, offer("c1", 2, "transfer"))


@pytest.mark.parametrize(
    "broken",
    [
        "UPDATE track_position SET holder = NULL",
        "UPDATE track_position SET status = 'done'",
        "UPDATE track_position SET status = 'lost'",
        "UPDATE hand_off SET to_unit = from_unit",
        "UPDATE hand_off SET state = 'accepted'",
        "UPDATE hand_off SET kind = 'gift'",
        "UPDATE case_record SET status = 'closed'",
        "UPDATE case_record SET scope = 'village'",
        "UPDATE case_record SET revision = 0",
        "UPDATE case_record SET criminal_case = 'nowhere'",
        "UPDATE directory_stamp SET id = 2",
        "INSERT INTO case_event SELECT case_id, 99, 1, at, 'forgotten', unit, person, body FROM case_event",
        "INSERT INTO parameter_setting (definition_id, name, value, source, set_by, set_at)"
        " VALUES ('fujian', 'x', '1', 'printed', 'p', '2026-01-01T00:00:00+00:00')",
    ],
)
def test_a_row_that_contradicts_itself_is_refused(database: Database, broken: str) -> None:
    with Store.open(database.app_url) as store:
        begin(store, "c1", offer("c1", 1))
    with _raw(database.app_url) as connection, pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        connection.execute(broken)


def test_python_and_sql_know_the_same_words(database: Database) -> None:
    engine = engine_for(database.owner_url)
    known = inspect(engine)
    checks = {
        f"{table}.{check['name']}": set(re.findall(r"'(\w+)'", check["sqltext"]))
        for table in tables.TABLES
        for check in known.get_check_constraints(table)
    }
    engine.dispose()
    assert checks["case_record.ck_case_record_scope"] == set(tables.SCOPES)
    assert checks["case_record.ck_case_record_status"] == set(tables.CASE_STATUSES)
    assert checks["case_event.ck_case_event_kind"] == set(ev.EVENTS)
    assert checks["track_position.ck_track_position_status"] == set(tables.TRACK_STATUSES)
    assert checks["hand_off.ck_hand_off_kind"] == set(tables.HAND_OFF_KINDS)
    assert checks["hand_off.ck_hand_off_state"] == set(tables.HAND_OFF_STATES)


def test_the_words_of_the_tables_are_those_of_the_core() -> None:
    assert tables.SCOPES == ("victim", "criminal_case", "office")
    assert tables.CASE_STATUSES == ("open", "closed")
    assert "waiting" in tables.TRACK_STATUSES
    assert "transfer" in tables.HAND_OFF_KINDS


def test_sqlite_keeps_what_it_says_it_kept(sqlite_database: Database) -> None:
    engine = engine_for(sqlite_database.app_url)
    with engine.connect() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}


def test_a_new_case_with_no_track_has_no_position(store: Store) -> None:
    with store.writing() as work:
        pin(work)
        save(work, None, "c1", opened())
        work.commit()
    with store.reading() as work:
        assert work.held_by(POLICE) == []
