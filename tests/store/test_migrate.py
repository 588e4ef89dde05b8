"""The migrations end at the tables the code describes, and can be walked both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect

from engine.errors import StoreUnavailable
from engine.store import migrate
from engine.store.database import Database as Store
from engine.store.database import engine_for
from engine.store.tables import SCHEMA, TABLES, Row
from tests.conftest import Database
from tests.store.story import begin


def test_the_migrated_schema_is_the_described_one(database: Database) -> None:
    engine = engine_for(database.owner_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Row.metadata)
        checks = {
            (table, check["name"]) for table in TABLES for check in inspect(connection).get_check_constraints(table)
        }
    engine.dispose()
    assert differences == []
    described = {
        (table.name, str(check.name))
        for table in TABLES.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert {(table, str(name)) for table, name in checks} == described


def test_this_release_writes_the_newest_schema(database: Database) -> None:
    assert migrate.head() == SCHEMA
    assert migrate.current(database.owner_url) == SCHEMA


def test_an_upgrade_can_be_repeated_and_keeps_what_is_there(database: Database) -> None:
    with Store.open(database.app_url) as store:
        begin(store)
    assert migrate.upgrade(database.owner_url) == SCHEMA
    with Store.open(database.app_url) as store, store.reading() as work:
        assert work.count_cases() == 1


def test_the_schema_can_be_taken_down_and_put_up_again(database: Database) -> None:
    assert migrate.downgrade(database.owner_url, "base") == ""
    engine = engine_for(database.owner_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
    assert migrate.current(database.owner_url) is None
    assert migrate.upgrade(database.owner_url) == SCHEMA
    with Store.open(database.app_url) as store:
        begin(store)


def test_a_new_file_is_made_by_the_upgrade_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    assert migrate.current(url) is None
    assert not (tmp_path / "new.sqlite").exists()
    assert migrate.upgrade(url) == SCHEMA
    assert migrate.current(url) == SCHEMA


def test_a_database_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        migrate.upgrade("postgresql://nobody:x@127.0.0.1:1/none")
