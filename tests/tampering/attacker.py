"""What an attacker works with: the database as its owner, without guards, and a tree that can be built anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import make_url

from engine.ledger.canonical import Value
from engine.ledger.entry import Header, Kind, header_of, tag
from engine.ledger.note import Checkpoint, Note, SignerKey
from engine.ledger.tiles import append
from engine.ledger.tree import Frontier, leaf_hash
from engine.ledger.verifying.reading import Readers
from tests.service.inspection import sqlite_path
from tests.tampering.world import KEYS, Ground

Row = dict[str, Any]
DEPENDENT = (
    "blind_index", "person", "case_key", "attachment", "legal_hold", "erasure_certificate", "hand_off",
    "track_position", "participation", "case_unit", "case_fact", "case_event_part", "case_event", "refusal",
)  # fmt: skip
"""Tables with rows of a case, in an order in which they can be emptied."""
LEDGER = ("ledger_timestamp", "ledger_checkpoint", "ledger_tile", "ledger_stream", "ledger_entry", "ledger_outbox")


class Owner:
    """The database, past every guard: triggers are off."""

    def __init__(self, connection: Any, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite

    def do(self, act: str, *values: object) -> list[Row]:
        """Do one SQL statement; ``%s`` is a parameter."""
        if self._is_sqlite:
            cursor = self._connection.execute(act.replace("%s", "?"), values)
        else:
            cursor = self._connection.execute(act, values or None)
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [{name: bytes(one) if isinstance(one, memoryview) else one for name, one in row.items()} for row in rows]

    def unguarded(self) -> None:
        """Take the triggers off."""
        if self._is_sqlite:
            for one in self.do("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                self.do(f"DROP TRIGGER {one['name']}")
        else:
            asked = "SELECT DISTINCT event_object_table AS name FROM information_schema.triggers"
            for one in self.do(asked):
                self.do(f"ALTER TABLE {one['name']} DISABLE TRIGGER USER")

    # ── the ledger ──

    def log(self) -> list[bytes]:
        """Every entry."""
        return [row["entry"] for row in self.do("SELECT entry FROM ledger_entry ORDER BY number")]

    def waiting(self, stream: bytes) -> list[Row]:
        """What waits of a stream."""
        return self.do("SELECT * FROM ledger_outbox WHERE stream_id = %s ORDER BY stream_seq", stream)

    def rewrite(self, entries: Sequence[bytes]) -> Frontier:
        """Put another log in the place of this one, with a tree over it that is right in itself."""
        self.do("DELETE FROM ledger_entry")
        self.do("DELETE FROM ledger_tile")
        for number, entry in enumerate(entries):
            self.do("INSERT INTO ledger_entry (number, entry) VALUES (%s, %s)", number, entry)
        return self.rebuild(entries)

    def rebuild(self, entries: Sequence[bytes]) -> Frontier:
        """Build the tree over these entries."""
        tiles = _Tiles()
        hashes = [leaf_hash(entry) for entry in entries]
        append(tiles, 0, hashes)
        self.do("DELETE FROM ledger_tile")
        for path, found in tiles.items():
            self.do("INSERT INTO ledger_tile (path, hashes) VALUES (%s, %s)", path, found)
        frontier = Frontier().extend(hashes)
        self.do("UPDATE ledger_head SET size = %s, frontier = %s", frontier.size, frontier.to_bytes())
        return frontier

    def sizes(self) -> list[int]:
        """The sizes of all checkpoints."""
        return [row["size"] for row in self.do("SELECT size FROM ledger_checkpoint ORDER BY size")]

    def forge(self, frontier: Frontier, key: SignerKey) -> None:
        """Put a checkpoint over this tree, signed by some key, in the place of all that are not before it."""
        text = Checkpoint(key.public.name, frontier.size, frontier.root()).to_text()
        (last,) = self.do("SELECT * FROM ledger_checkpoint ORDER BY size DESC LIMIT 1")
        self.forget_signed(frontier.size - 1)
        self.do(
            "INSERT INTO ledger_checkpoint (size, origin, note, made_at, renewed_at) VALUES (%s, %s, %s, %s, %s)",
            frontier.size, key.public.name, Note(text, (key.sign(text),)).to_bytes(), last["made_at"],
            last["renewed_at"],
        )  # fmt: skip

    def forget_signed(self, size: int) -> None:
        """Remove every checkpoint and timestamp beyond this size."""
        self.do("DELETE FROM ledger_timestamp WHERE size > %s", size)
        self.do("DELETE FROM ledger_checkpoint WHERE size > %s", size)


class _Tiles(dict[str, bytes]):
    def put(self, path: str, tile: bytes) -> None:
        self[path] = tile


@contextmanager
def owner_of(ground: Ground) -> Iterator[Owner]:
    """The owner of a world's database, who took the guards off."""
    if ground.database.kind == "sqlite":
        connection: Any = sqlite3.connect(sqlite_path(ground.database), isolation_level=None)
    else:
        plain = make_url(ground.database.owner_url).set(drivername="postgresql")
        connection = psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True)
        connection.execute("SET guitu.sight = 'house'")  # row security is no wall against the owner
    try:
        owner = Owner(connection, ground.database.kind == "sqlite")
        owner.unguarded()
        yield owner
    finally:
        connection.close()


def at(where: float, choices: Sequence[int]) -> int:
    """The first, the last or one between of several places: ``where`` is from 0 to 1."""
    return choices[round(where * (len(choices) - 1))]


def headers(entries: Sequence[bytes]) -> list[Header]:
    """The header of every entry."""
    return [header_of(entry) for entry in entries]


def successor(entries: Sequence[bytes], number: int) -> int | None:
    """The number of the next entry of the same stream."""
    found = headers(entries)
    own = found[number]
    later = (n for n, one in enumerate(found) if one.stream_id == own.stream_id and one.stream_seq > own.stream_seq)
    return next(later, None)


def events(ground: Ground) -> list[Mapping[str, Value]]:
    """What every entry of the log says, read with the auditors' keys: to know the true places of what is done here."""
    readers = Readers(KEYS)
    return [readers.read(header_of(entry), entry).event for entry in ground.entries()]


def numbers_about(ground: Ground, case: str) -> list[int]:
    """The numbers of the entries that concern a case."""
    with ground.desk.database.reading() as work:
        key = ground.desk.safe.key_for(case, work)
    assert key is not None, "the case is there"
    own = tag(key.ledger_salt())
    return [number for number, event in enumerate(events(ground)) if own in str(event.get("records"))]


def number_of(ground: Ground, act: str) -> int:
    """The number of the last entry that tells of this act."""
    return max(number for number, event in enumerate(events(ground)) if event["act"] == act)


def is_plain(entry: bytes) -> bool:
    """Whether it is neither the beginning nor the end of its stream."""
    return header_of(entry).kind not in (Kind.STREAM_OPEN, Kind.STREAM_CLOSE)
