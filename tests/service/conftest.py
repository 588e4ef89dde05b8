"""Fixtures of the desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.service.desk import Desk
from tests.service.desks import play_desk
from tests.service.town import Town, founded


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a desk with the play procedure, on each kind of database."""
    with play_desk(database_url) as at:
        yield at


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    """Give an installation with a small library, nothing released, on each kind of database."""
    root = tmp_path / "workflows"
    root.mkdir()
    with founded(database_url, root) as found:
        yield found
