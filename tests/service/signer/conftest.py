"""A record room of either kind with an empty ledger, and a signer of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.service.signer import Signer, begin
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.desks import Clock


@pytest.fixture
def store(database: Base) -> Iterator[Database]:
    """Give the record room as the engine runs it."""
    with Database.open(database.app_url) as opened:
        yield opened


@pytest.fixture
def signer(store: Database, tmp_path: Path) -> Signer:
    """Give a new signer of it, whose key no passphrase closes."""
    begin(tmp_path / "signer", store, None)
    return Signer(tmp_path / "signer", store, Clock())
