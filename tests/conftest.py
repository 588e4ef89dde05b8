"""What every test may ask for: a PostgreSQL server, and a fresh database of either kind.

``database`` and ``database_url`` run a test twice, on SQLite and on PostgreSQL. The schema is migrated once
per worker into a template; each test gets a copy, so a test may do to it what it likes. These are worlds for trial, in
which nobody need be enrolled; ``installation`` is not.
"""

from __future__ import annotations

import gc
import importlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from engine import bootstrap
from engine.definitions.loader import Library, load_all, shipped_root
from tests import scratch
from tests.postgres import APP, OWNER, PostgresServer

scratch.choose()  # before pytest makes its own folder


def pytest_collection_finish() -> None:
    """What was loaded by now stays for the whole run: the collector of garbage need not look through it each time."""
    gc.collect()
    gc.freeze()


class ByWorld(LoadScopeScheduling):
    """Keeps the tests of a file on one worker, and all journeys: what they share is then made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "journeys" if file.startswith("tests/journeys/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByWorld:
    """Give the tests to the workers (the groups of ``--dist loadgroup`` are lost on pytest 9.2)."""
    return ByWorld(config, log)


@pytest.fixture(scope="session", autouse=True)
def _library_kept() -> Iterator[None]:
    """Read the same definitions once a worker, as one process of the program does: it takes a second."""
    read, kept = bootstrap.library, cache(lambda root, _: load_all(root))

    def library(root: Path | None = None) -> Library:
        of = root or shipped_root()
        return kept(of, tuple((path, path.read_bytes()) for path in sorted(of.rglob("*")) if path.is_file()))

    bootstrap.library = library
    yield
    bootstrap.library = read


@pytest.fixture(autouse=True)
def _fresh_log() -> Iterator[None]:
    """What a command of one test set the log to is not the next one's."""
    yield
    structlog.reset_defaults()


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh, migrated database: ``kind`` is "sqlite" or "postgresql".

    ``owner_url`` may change the schema, ``app_url`` is what the engine runs with; on SQLite both are one.
    """

    kind: str
    owner_url: str
    app_url: str


def migrate(owner_url: str) -> None:
    """Bring the database up to the newest schema: the one hook into the record room."""
    importlib.import_module("engine.store.migrate").upgrade(owner_url)


def mark_trial(owner_url: str) -> None:
    """Make a fresh, migrated database a world for trial."""
    opened = importlib.import_module("engine.store.database").Database.open(owner_url, check=False)
    with opened as store, store.writing() as work:
        work.mark_trial()
        work.commit()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL 18, one per test worker; fast, not crash-safe."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_installation(postgres_server: PostgresServer) -> str:
    """Give the name of a migrated, otherwise empty database to copy from, not for trial."""
    postgres_server.create_database("template_installation")
    migrate(postgres_server.url("template_installation", OWNER))
    return "template_installation"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer, postgres_installation: str) -> str:
    """Give the name of a migrated, otherwise empty world for trial to copy from."""
    postgres_server.create_database("template_guitu", template=postgres_installation)
    mark_trial(postgres_server.url("template_guitu", OWNER))
    return "template_guitu"


@pytest.fixture(scope="session")
def sqlite_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the path of a migrated, otherwise empty database file to copy from, not for trial."""
    path = tmp_path_factory.mktemp("sqlite") / "installation.sqlite"
    migrate(f"sqlite:///{path}")
    _write_out(path)
    return path


@pytest.fixture(scope="session")
def sqlite_template(sqlite_installation: Path) -> Path:
    """Give the path of the file of a migrated, otherwise empty world for trial to copy from."""
    path = sqlite_installation.with_name("template.sqlite")
    shutil.copyfile(sqlite_installation, path)
    mark_trial(f"sqlite:///{path}")
    _write_out(path)
    return path


def _write_out(path: Path) -> None:
    """What still lies in the write-ahead log must be in the file before the file is copied."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Database:
    """Give a fresh, migrated SQLite database."""
    path = tmp_path / "guitu.sqlite"
    shutil.copyfile(sqlite_template, path)
    return Database("sqlite", f"sqlite:///{path}", f"sqlite:///{path}")


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Database]:
    """Give a fresh, migrated PostgreSQL database."""
    name = f"guitu_{uuid4().hex[:12]}"
    postgres_server.create_database(name, template=postgres_template)
    yield Database("postgresql", postgres_server.url(name, OWNER), postgres_server.url(name, APP))
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give a fresh, migrated database: the test runs once on each kind."""
    # Looked up by name, so that a run on SQLite alone starts no server.
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    found = request.getfixturevalue(name)
    assert isinstance(found, Database)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a fresh, migrated database that is no world for trial: the test runs once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "installation.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_installation"), path)
        yield Database("sqlite", f"sqlite:///{path}", f"sqlite:///{path}")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"guitu_{uuid4().hex[:12]}"
    server.create_database(name, template=request.getfixturevalue("postgres_installation"))
    yield Database("postgresql", server.url(name, OWNER), server.url(name, APP))
    server.drop_database(name)


@pytest.fixture
def database_url(database: Database) -> str:
    """Give the URL the engine runs with, of a fresh, migrated database of either kind."""
    return database.app_url
