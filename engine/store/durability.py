"""What an answered command rests on: the settings of the database that keep it on the disk."""

from __future__ import annotations

from sqlalchemy import String, text

from engine.store.database import Database
from engine.store.statements import Statement

_WANTED = {
    "sqlite": (("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")),
    "postgresql": (("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")),
}
"""Settings and what they must say; on SQLite 2 is ``FULL``."""


def durability(database: Database) -> list[tuple[str, str, str]]:
    """Each setting: its name, what it says, and what it must say."""
    found = []
    with database.reading() as work:
        for name, wanted in _WANTED[database.kind]:
            ask = text(f"PRAGMA {name}" if database.kind == "sqlite" else f"SHOW {name}").columns(value=String())
            row = work.wire.row(Statement(ask))
            found.append((name, "" if row is None else str(row[0]), wanted))
    return found
