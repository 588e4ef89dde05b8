"""The world that is tampered with, made once for each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests import timestamping
from tests.postgres import PostgresServer
from tests.tampering.world import Ground, Stores, founded


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> timestamping.Authority:
    """Give an authority for timestamps."""
    return timestamping.founded(tmp_path_factory.mktemp("authority") / "here")


@pytest.fixture(scope="session")
def sqlite_stock(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, authority: timestamping.Authority
) -> Ground:
    """Give the world on SQLite."""
    folder = tmp_path_factory.mktemp("stock")
    with capture_logs():
        return founded(Stores(folder, sqlite_template), folder / "house", authority)


@pytest.fixture(scope="session")
def postgres_stock(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, postgres_template: str,
    authority: timestamping.Authority,
) -> Ground:  # fmt: skip
    """Give the world on PostgreSQL."""
    folder = tmp_path_factory.mktemp("stock")
    with capture_logs():
        return founded(Stores(folder, postgres_template, postgres_server), folder / "house", authority)


@pytest.fixture(params=["sqlite", "postgresql"])
def stock(request: pytest.FixtureRequest) -> Ground:
    """Give the world that attacks get copies of, once of each kind."""
    found = request.getfixturevalue("sqlite_stock" if request.param == "sqlite" else "postgres_stock")
    assert isinstance(found, Ground)
    return found


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep the log away from the tables that are printed here."""
    with capture_logs():
        yield


@pytest.fixture
def ground(stock: Ground, tmp_path: Path) -> Iterator[Ground]:
    """Give a copy of the world."""
    with stock.copied(tmp_path) as made:
        yield made
