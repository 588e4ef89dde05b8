"""One world per database for all stories of a test run: what one story does never touches the records of another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine import bootstrap
from engine.definitions.scenario import Told
from engine.service import installation
from engine.service.desk import Books, Desk
from engine.service.reach import Ledger
from engine.service.story import Beat, Player, stories
from engine.service.trial import release_all
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym
from tests.keys import safe, scribe
from tests.postgres import APP, PostgresServer

STORIES: dict[str, Told] = {told.scenario.scenario: told for told in stories()}


@dataclass(frozen=True, slots=True)
class Played:
    """A story that was played to its end."""

    player: Player
    beats: list[Beat]


@dataclass(slots=True)
class Stage:
    """A demo world on one kind of database, where each story is played once, and what the stories reached."""

    desk: Desk
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    played: dict[str, Played] = field(default_factory=dict)

    def play(self, name: str) -> Played:
        """The story, played now or before."""
        if name not in self.played:
            player = Player(self.desk, STORIES[name])
            self.played[name] = Played(player, list(self.ledger(STORIES[name].scenario.definition).follow(player)))
        return self.played[name]

    def ledger(self, definition: str) -> Ledger:
        """What the stories of a definition reached so far."""
        if definition not in self.ledgers:
            books = (rules.definition for rules in self.desk.books.rules.values())
            self.ledgers[definition] = Ledger(next(book for book in books if book.id == definition))
        return self.ledgers[definition]


@pytest.fixture(scope="session")
def books() -> Books:
    """Give the shipped rule books, compiled once."""
    return Books.of(bootstrap.library())


@pytest.fixture(scope="session")
def sqlite_stage(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, books: Books) -> Iterator[Stage]:
    """Give the stage on SQLite."""
    path = tmp_path_factory.mktemp("stage") / "guitu.sqlite"
    shutil.copyfile(sqlite_template, path)
    yield from _stage(f"sqlite:///{path}", books)


@pytest.fixture(scope="session")
def postgres_stage(postgres_server: PostgresServer, postgres_template: str, books: Books) -> Iterator[Stage]:
    """Give the stage on PostgreSQL."""
    postgres_server.create_database("guitu_stage", template=postgres_template)
    yield from _stage(postgres_server.url("guitu_stage", APP), books)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Give the stage of either kind: a test runs once on each."""
    return stage_on(request.param, request)


def stage_on(kind: str, request: pytest.FixtureRequest) -> Stage:
    """Give the stage of this kind."""
    # Looked up by name, so that a run on SQLite alone starts no server.
    found = request.getfixturevalue("sqlite_stage" if kind == "sqlite" else "postgres_stage")
    assert isinstance(found, Stage)
    return found


def _stage(url: str, books: Books) -> Iterator[Stage]:
    with Database.open(url) as database:
        desk = Desk(database, books, bootstrap.now, new_pseudonym, safe(bootstrap.now), scribe(database))
        installation.load_demo_directory(desk)
        release_all(desk, (rules.definition for rules in books.rules.values()))
        yield Stage(desk)
