"""Fixtures of the desk."""

from collections.abc import Iterator

import pytest

from engine.service.desk import Desk
from tests.service.desks import play_desk


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a desk with the play procedure, on each kind of database."""
    with play_desk(database_url) as at:
        yield at
