"""Worlds to back up: a small procedure with some cases, its attachments and keys, on either database."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from engine.core import commands as cmd
from engine.service import backup
from engine.service.backup import Checked, Place
from engine.service.backup_folder import MANIFEST, Manifest, read_manifest, write_manifest
from engine.service.desk import Desk
from tests.conftest import Database
from tests.core.play import READY
from tests.postgres import APP, PostgresServer, find_binaries
from tests.service.desks import CIVIL, ask, opened, play_desk

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SECRET = b"a key that no backup may hold"
WELL = {"manifest": "ok", "files": "ok", "data": "ok", "restored": "ok", "keys": "left"}
"""How a backup verifies that is as it should be."""


@dataclass
class World:
    """An installation with four cases, and places for its backups and for new installations."""

    database: Database
    place: Place
    root: Path
    empty: Callable[[], Database]

    @property
    def folder(self) -> Path:
        """Where its backup goes."""
        return self.root / "backups" / "monday"

    def create(self) -> Manifest:
        """Make the backup."""
        return backup.create(self.place, self.folder, NOW)

    def verify(self, *, scratch: str | None = None) -> dict[str, str]:
        """How each line of the verification stands; a dump is restored too."""
        if scratch is None and self.database.kind == "postgresql":
            scratch = self.empty().owner_url
        return states(backup.verify(self.folder, self.place.tools, scratch))

    def elsewhere(self, name: str = "elsewhere") -> tuple[Database, Place]:
        """A new installation with an empty database and the keys in their place."""
        home = self.root / name
        (home / "keys").mkdir(parents=True)
        if self.database.kind == "sqlite":
            url = f"sqlite:///{home / 'guitu.db'}"
            return Database("sqlite", url, url), Place(home, url, self.place.tools)
        fresh = self.empty()
        return fresh, Place(home, fresh.owner_url, self.place.tools)

    def left_behind(self) -> list[str]:
        """What lies where backups go."""
        return sorted(path.name for path in self.folder.parent.iterdir())


@contextmanager
def world_at(database: Database, root: Path, empty: Callable[[], Database]) -> Iterator[tuple[World, Desk]]:
    """An installation with cases, an attachment in a folder, and a key; and the desk it is worked at."""
    home = root / "home"
    (home / "attachments" / "ab").mkdir(parents=True)
    (home / "attachments" / "ab" / "ab12").write_bytes(secrets.token_bytes(3000))
    (home / "keys").mkdir()
    (home / "keys" / "master").write_bytes(SECRET)
    (root / "backups").mkdir()
    tools = None if database.kind == "sqlite" else find_binaries()
    with play_desk(database.app_url) as desk:
        for _ in range(3):
            offer = ask(desk, cmd.Move(case=opened(desk, **READY), track="rescue", move="place"))
            ask(desk, cmd.Accept(case=offer.case, hand_off=offer.offered[0]), CIVIL)
        opened(desk)
        yield World(database, Place(home, database.owner_url, tools), root, empty), desk


def empty_database(server: PostgresServer, made: list[str]) -> Database:
    """A new empty database of PostgreSQL; its name is added to the list."""
    made.append(f"empty_{secrets.token_hex(6)}")
    server.create_database(made[-1])
    return Database("postgresql", server.url(made[-1]), server.url(made[-1], APP))


def states(lines: list[Checked]) -> dict[str, str]:
    """The state of each line by its name, each once."""
    found: dict[str, str] = {line.name: line.state for line in lines}
    assert len(found) == len(lines)
    return found


def stand_in(folder: Path, name: str, script: str) -> Path:
    """A program of that name that runs a shell script instead; gives its folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    os.chmod(path, 0o755)
    return folder


def rewrite(folder: Path, **changes: object) -> None:
    """Change what the manifest says, without its digest."""
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def seal_anew(folder: Path, **changes: object) -> None:
    """Write a manifest of our own over the one there is; its digest fits."""
    manifest = msgspec.structs.replace(read_manifest(folder), **changes)
    (folder / MANIFEST).unlink()
    write_manifest(folder, manifest.sealed())
