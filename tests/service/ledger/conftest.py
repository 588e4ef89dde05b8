"""A desk, and the record room, open on a fresh database of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.service.desk import Desk
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.desks import play_desk
from tests.service.ledger.opening import Book


@pytest.fixture
def store(database: Base) -> Iterator[Database]:
    """Give the record room as the engine runs it."""
    with Database.open(database.app_url) as opened:
        yield opened


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with a folder of attachments."""
    with play_desk(database_url) as at:
        at.attachments = tmp_path / "attachments"
        yield at


@pytest.fixture
def book(desk: Desk) -> Book:
    """Give the ledger of the desk, from now on."""
    return Book.at(desk)
