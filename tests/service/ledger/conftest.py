"""The record room, open on a fresh database of either kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.database import Database
from tests.conftest import Database as Base


@pytest.fixture
def store(database: Base) -> Iterator[Database]:
    """Give the record room as the engine runs it."""
    with Database.open(database.app_url) as opened:
        yield opened
