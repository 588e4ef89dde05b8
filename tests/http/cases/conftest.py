"""One REST door per database for all tests of cases: what one test does never touches the cases of another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from api.http.app import make_app
from tests.http.conftest import Site
from tests.postgres import APP, PostgresServer
from tests.service.desks import play_desk


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Give the maker of the address of a fresh world for trial of a name, on each kind of database."""

    def make(name: str) -> str:
        if request.param == "sqlite":
            path: Path = tmp_path_factory.mktemp(name) / "guitu.sqlite"
            shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        server: PostgresServer = request.getfixturevalue("postgres_server")  # by name: SQLite alone starts no server
        called = f"guitu_{name}_{uuid4().hex[:8]}"  # pytest may set the same up again, between those on SQLite
        server.create_database(called, template=request.getfixturevalue("postgres_template"))
        return server.url(called, APP)

    return make


@pytest.fixture(scope="session")
def standing(fresh: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site that stands for the whole run, at a desk that takes files."""
    with play_desk(fresh("standing")) as desk, ExitStack() as stack:
        desk.attachments = tmp_path_factory.mktemp("attachments")
        yield Site(desk, make_app(desk), stack)
