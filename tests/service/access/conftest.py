"""The one installation that the tests of a module look at, on each kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import Database
from tests.postgres import APP, OWNER, PostgresServer
from tests.service.access.worlds import World, made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a fresh database that is no world for trial, for all tests of a module."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("access") / "installation.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_installation"), path)
        yield Database("sqlite", f"sqlite:///{path}", f"sqlite:///{path}")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"guitu_{uuid4().hex[:12]}"
    server.create_database(name, template=request.getfixturevalue("postgres_installation"))
    yield Database("postgresql", server.url(name, OWNER), server.url(name, APP))
    server.drop_database(name)


@pytest.fixture(scope="module")
def world(place: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give an installation with a case in which every unit stands differently; nobody changes it for good."""
    folder: Path = tmp_path_factory.mktemp("attachments")
    with made(place, folder) as found:
        yield found
