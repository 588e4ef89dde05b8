"""People who sign in, on both databases; passwords cost next to nothing here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.credentials import passwords
from engine.credentials.passkeys import Site
from engine.service.desk import Desk
from tests.conftest import Database
from tests.service.desks import play_desk
from tests.service.sign_in.household import Household, founded, settled

CHEAP = passwords.Passwords(passwords.Cost(passes=1, memory=8, lanes=1))
SITE = Site("guitu.example", ("https://guitu.example",))


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "shipped", lambda: CHEAP)


@pytest.fixture
def sqlite_desk(sqlite_installation: Path, tmp_path: Path) -> Iterator[Desk]:
    path = tmp_path / "installation.sqlite"
    shutil.copyfile(sqlite_installation, path)
    with play_desk(f"sqlite:///{path}", released=()) as made:
        made.site = SITE
        yield made


@pytest.fixture
def either_desk(installation: Database) -> Iterator[Desk]:
    with play_desk(installation.app_url, released=()) as made:
        made.site = SITE
        yield made


@pytest.fixture
def newcomers(sqlite_desk: Desk) -> Household:
    """Nobody has signed in yet."""
    return founded(sqlite_desk)


@pytest.fixture
def home(sqlite_desk: Desk) -> Household:
    """An administrator and an officer can sign in."""
    return settled(sqlite_desk, "admin-1", "officer-1")


@pytest.fixture
def either_home(either_desk: Desk) -> Household:
    """The same, once on each database."""
    return settled(either_desk, "admin-1", "officer-1")


@pytest.fixture
def offices(sqlite_desk: Desk) -> Household:
    """Everybody can sign in."""
    return settled(sqlite_desk, "admin-1", "admin-2", "officer-1", "supervisor-1")


@pytest.fixture
def either_offices(either_desk: Desk) -> Household:
    """The same, once on each database."""
    return settled(either_desk, "admin-1", "admin-2", "officer-1", "supervisor-1")
