"""Row security of PostgreSQL, the second wall: what SQL shows when the policies were passed by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import make_url, select, text

from engine.access.gate import Gate
from engine.access.model import Who
from engine.core.directory import Directory
from engine.errors import SchemaBehind, StoreUnavailable
from engine.service.participation import case_file, ended_after
from engine.store import backup, migrate
from engine.store.database import Database as Store
from engine.store.migrations.row_security import CASE_TABLES, OWN_TABLES
from engine.store.statements import Statement
from engine.store.tables import TABLES
from engine.store.work import Work
from tests.access.random_worlds import NOW, World, draw, write
from tests.access.test_lists_equal_decisions import drawn
from tests.conftest import Database
from tests.postgres import APP, OWNER, PostgresServer, find_binaries
from tests.store.story import POLICE, begin, offer

OF_LEADS = ("lead", "lead_key", "lead_event", "lead_named", "lead_unit", "shared_data")
GUARDED = sorted(("case_fact", "case_event_part", *CASE_TABLES, *OWN_TABLES, *OF_LEADS))
CASES = Statement(select(TABLES["case_record"].c.id))
UNITS_OF_CASES = Statement(select(TABLES["case_unit"].c.unit))


@pytest.fixture
def connection(postgres_database: Database) -> Iterator[psycopg.Connection]:
    """Give a bare connection as the role of the engine, in a database with a case."""
    with Store.open(postgres_database.app_url) as store:
        begin(store, "c1", offer("c1", 1))
    with closing(raw(postgres_database.app_url)) as made:
        yield made


def raw(url: str) -> psycopg.Connection:
    """A bare connection, as somebody with a database tool has it."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def seen(work: Work) -> set[str]:
    """The cases that a transaction sees."""
    return {str(case) for (case,) in work.wire.rows(CASES)}


def count(connection: psycopg.Connection, table: str) -> int:
    """How many rows of a table a connection sees."""
    found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


def test_every_table_with_rows_of_a_case_is_guarded_or_holds_nothing_of_it(connection: psycopg.Connection) -> None:
    guarded = connection.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY 1"
    ).fetchall()
    assert [name for (name,) in guarded] == GUARDED
    open_to_all = {name for name, table in TABLES.items() if "case_id" in table.c} - set(GUARDED)
    assert open_to_all == {
        "legal_hold", "erasure_certificate", "idempotency",  # codes and digests; they outlive the key of the case
        "request", "emergency", "notice_outbox",  # of those who approve and review, without a part in the case
    }  # fmt: skip


@pytest.mark.parametrize("role", ["app_url", "owner_url"])
def test_where_nothing_is_said_nothing_is_seen(
    postgres_database: Database, connection: psycopg.Connection, role: str
) -> None:
    with closing(raw(getattr(postgres_database, role))) as other:
        assert [name for name in GUARDED if count(other, name)] == []
        for unset in ("''", "'nobody'"):
            other.execute(f"SET guitu.sight = {unset}")
            assert count(other, "case_record") == 0
        other.execute("SET guitu.sight = 'house'")
        assert (count(other, "case_record"), count(other, "case_event")) == (1, 3)


def test_where_nothing_is_said_nothing_is_changed_or_added(connection: psycopg.Connection) -> None:
    assert connection.execute("UPDATE case_record SET area = 'x'").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(
            "INSERT INTO refusal (case_id, at, command, unit, person, code, body)"
            " VALUES ('c1', now(), 'move', 'u', 'p', 'c', '')"
        )


def test_the_role_of_the_engine_cannot_switch_it_off(connection: psycopg.Connection) -> None:
    for forbidden in (
        "ALTER TABLE case_record DISABLE ROW LEVEL SECURITY", "DROP POLICY sight ON case_record",
        "CREATE POLICY all_of_it ON case_record USING (true)", "SET ROLE guitu_owner",
        "ALTER ROLE guitu_app BYPASSRLS",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(forbidden)
    connection.execute("SET row_security = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):  # off means: fail rather than filter
        connection.execute("SELECT count(*) FROM case_record")


def test_a_stolen_role_can_say_that_it_is_the_house(connection: psycopg.Connection) -> None:
    # It is a wall against our own mistakes: what keeps a thief from content is that it is sealed.
    connection.execute("SET guitu.sight = 'house'")
    assert count(connection, "case_record") == 1


def test_a_narrowed_transaction_sees_the_cases_of_its_units_and_the_next_one_all(postgres_database: Database) -> None:
    world, rows = draw(Random(3), 80)
    with Store.open(postgres_database.app_url) as store:
        write(store, rows)
        for unit in world.today():
            units = world.lineage(unit.id)
            wanted = {row[0] for row in rows["participation"] if row[1] in units and _counts(row)}
            with store.reading() as work:
                work.narrow(units, ended_after(NOW))
                assert seen(work) == wanted
                assert {unit for (unit,) in work.wire.rows(UNITS_OF_CASES)} <= set(units)
            with store.reading() as work:
                assert seen(work) == set(world.cases)
        with store.reading() as work:
            work.narrow([], ended_after(NOW))
            assert seen(work) == set()


def _counts(row: tuple[object, ...]) -> bool:
    until = row[8]
    return until is None or until > ended_after(NOW)  # type: ignore[operator]


def test_a_narrowed_transaction_writes_into_its_own_cases_only(postgres_database: Database) -> None:
    with Store.open(postgres_database.app_url) as store:
        begin(store, "c1")
        with store.writing() as work:
            work.narrow(["somebody-else"], ended_after(NOW))
            assert work.load_case("c1", for_update=True) is None
        with store.writing() as work:
            work.narrow([POLICE], ended_after(NOW))
            assert work.load_case("c1", for_update=True) is not None


def test_sqlite_has_no_such_wall(sqlite_database: Database) -> None:
    with Store.open(sqlite_database.app_url) as store:
        begin(store, "c1")
        with store.reading() as work:
            work.narrow(["somebody-else"], ended_after(NOW))
            assert seen(work) == {"c1"}


def test_what_the_policies_allow_sql_shows(postgres_database: Database) -> None:
    gate, allowed = Gate.opened(), 0
    with drawn(postgres_database.app_url, 8, 60) as (desk, world):
        with desk.database.reading() as work:
            files = [case_file(desk, case, work, NOW) for case in world.cases]
        for who in _caseworkers(world):
            may = {file.id for file in files if file is not None and gate.decide(who, "see_case", file).allowed}
            with desk.database.reading() as work:
                work.narrow(world.lineage(who.unit), ended_after(NOW))
                assert may <= seen(work)
            allowed += len(may)
    assert allowed > 50


def _caseworkers(world: World) -> Iterator[Who]:
    units: Directory = world.units
    for unit in world.today():
        areas = tuple(area.code for area in units.upward(unit.jurisdiction))
        yield Who("officer-1", unit.id, unit.functions, areas, "caseworker", frozenset({"caseworker"}))


def test_the_owner_of_the_tables_is_turned_away_from_daily_work(postgres_database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="owner of the tables"):
        Store.open(postgres_database.owner_url)
    Store.open(postgres_database.owner_url, check=False).close()


def test_a_role_that_bypasses_row_security_is_turned_away(
    postgres_server: PostgresServer, postgres_database: Database
) -> None:
    name = make_url(postgres_database.app_url).database or ""
    with postgres_server.connect() as superuser:
        superuser.execute("CREATE ROLE bypassing LOGIN BYPASSRLS")
        superuser.execute(f"GRANT CONNECT ON DATABASE {name} TO bypassing")
        password = make_url(postgres_server.url(name, OWNER)).password or ""
        superuser.execute(f"ALTER ROLE bypassing PASSWORD '{password}'")
        try:
            with pytest.raises(StoreUnavailable, match="BYPASSRLS"):
                Store.open(postgres_server.url(name, "bypassing"), check=False)
        finally:
            superuser.execute(f"REVOKE CONNECT ON DATABASE {name} FROM bypassing")
            superuser.execute("DROP ROLE bypassing")


def test_a_migration_sees_every_case(postgres_database: Database) -> None:
    with Store.open(postgres_database.app_url) as store:
        begin(store, "c1")
    with pytest.raises(SchemaBehind):  # it would take the database for an empty one, and destroy what is in it
        migrate.downgrade(postgres_database.owner_url, "0005_people")


def test_a_backup_holds_every_case_and_the_wall_around_them(
    postgres_server: PostgresServer, postgres_database: Database, tmp_path: Path
) -> None:
    with Store.open(postgres_database.app_url) as store:
        begin(store, "c1", offer("c1", 1))
    dump, tools = tmp_path / "dump", find_binaries()
    taken = backup.take(postgres_database.owner_url, dump, tools)
    assert (taken.held.cases, taken.held.events) == (1, 3)
    postgres_server.create_database("restored")
    try:
        backup.restore_dump(dump, postgres_server.url("restored", OWNER), taken, tools)
        assert backup.look_at(postgres_server.url("restored", OWNER)) == taken.held
        with Store.open(postgres_server.url("restored", APP)) as store, store.reading() as work:
            assert seen(work) == {"c1"}
        with closing(raw(postgres_server.url("restored", OWNER))) as other:
            assert [name for name in GUARDED if count(other, name)] == []
    finally:
        postgres_server.drop_database("restored")


def test_the_window_is_that_of_the_rules_on_retention() -> None:
    assert ended_after(NOW) == NOW - timedelta(days=180)


def test_the_sight_ends_with_the_transaction(postgres_database: Database) -> None:
    said = Statement(text("SELECT coalesce(current_setting('guitu.sight', true), '')"))
    with Store.open(postgres_database.app_url) as store:
        with store.reading() as work:
            assert work.wire.row(said) == ("house",)
        seat = store.lend()
        assert seat[1].row(said) == ("",)
        store.take_back(seat, is_sound=seat[1].drop())
