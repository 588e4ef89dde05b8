"""Installations to back up, on each kind of database or on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.service.desk import Desk
from tests.conftest import Database
from tests.postgres import PostgresServer
from tests.service.backup.worlds import World, empty_database, world_at


@pytest.fixture
def empty(request: pytest.FixtureRequest) -> Iterator[Callable[[], Database]]:
    """Give a way to make empty databases of PostgreSQL, dropped in the end; the server is started when first asked."""
    made: list[str] = []

    def server() -> PostgresServer:
        found = request.getfixturevalue("postgres_server")
        assert isinstance(found, PostgresServer)
        return found

    yield lambda: empty_database(server(), made)
    for name in made:
        server().drop_database(name)


@pytest.fixture
def worked_at(database: Database, tmp_path: Path, empty: Callable[[], Database]) -> Iterator[tuple[World, Desk]]:
    """Give an installation with four cases and the desk it is worked at, on each kind of database."""
    with world_at(database, tmp_path, empty) as found:
        yield found


@pytest.fixture
def world(worked_at: tuple[World, Desk]) -> World:
    """Give an installation with four cases, on each kind of database."""
    return worked_at[0]


@pytest.fixture
def embedded(sqlite_database: Database, tmp_path: Path, empty: Callable[[], Database]) -> Iterator[World]:
    """Give an installation with four cases on SQLite, for what is the same on both."""
    with world_at(sqlite_database, tmp_path, empty) as (found, _):
        yield found


@pytest.fixture
def dumped(postgres_database: Database, tmp_path: Path, empty: Callable[[], Database]) -> Iterator[World]:
    """Give an installation with four cases on PostgreSQL, for what only other programs do there."""
    with world_at(postgres_database, tmp_path, empty) as (found, _):
        yield found
