"""The tables of the ledger: what waits for its place, what has one, the tree over it, and what was signed of the tree.

Columns named ``entry``, ``frontier``, ``hashes``, ``note`` and ``token`` are opaque bytes: this room never reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer
from sqlmodel import Field

from engine.store.instants import Instant
from engine.store.row import Row

COUNT: Any = BigInteger().with_variant(Integer(), "sqlite")
"""A number of entries: 64 bits on both, and as a key of SQLite the number of the row itself."""
_ONE_LENGTH = "length(stream_id) = 16"
_NO_LONGER = "length(entry) BETWEEN 1 AND 16384"


class LedgerHead(Row, table=True):
    """The log as it stands, one row: its name, how many entries have their place, and what it takes to append more.

    Whoever appends holds this row; ``at`` is the latest time of an entry that has its place.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("id = 1", name="id"),
        CheckConstraint("size >= 0", name="size"),
    )

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    origin: str
    size: int = Field(sa_type=COUNT)
    frontier: bytes
    at: datetime | None = Field(default=None, sa_type=Instant)


class LedgerOutbox(Row, table=True):
    """Entries that were committed with what they tell of, and have no place in the log yet."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint(_ONE_LENGTH, name="stream_id"),
        CheckConstraint("stream_seq >= 0", name="stream_seq"),
        CheckConstraint(_NO_LONGER, name="entry"),
        Index("ix_ledger_outbox_at", "at", "stream_id", "stream_seq"),
        {"sqlite_with_rowid": False},
    )

    stream_id: bytes = Field(primary_key=True)
    stream_seq: int = Field(primary_key=True, sa_type=COUNT)
    at: datetime = Field(sa_type=Instant)
    entry: bytes


class LedgerEntry(Row, table=True):
    """The log, append-only: ``number`` is the index of the entry in the tree, from 0 and without holes."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("number >= 0", name="number"),
        CheckConstraint(_NO_LONGER, name="entry"),
    )

    number: int = Field(primary_key=True, sa_type=COUNT, sa_column_kwargs={"autoincrement": False})
    entry: bytes


class LedgerStream(Row, table=True):
    """How far each stream came in the log: the place that is next, and when its last entry was written."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint(_ONE_LENGTH, name="stream_id"),
        CheckConstraint("next_seq >= 1", name="next_seq"),
        {"sqlite_with_rowid": False},
    )

    stream_id: bytes = Field(primary_key=True)
    next_seq: int = Field(sa_type=COUNT)
    at: datetime = Field(sa_type=Instant)
    is_closed: bool


class LedgerTile(Row, table=True):
    """The tree over the log, in tiles; it can be made again from the entries."""

    path: str = Field(primary_key=True)
    hashes: bytes


class LedgerCheckpoint(Row, table=True):
    """What the signer signed: a tree of this size. ``renewed_at`` is when it last looked and found nothing new."""

    __table_args__: ClassVar[Any] = (CheckConstraint("size >= 0", name="size"),)

    size: int = Field(primary_key=True, sa_type=COUNT, sa_column_kwargs={"autoincrement": False})
    origin: str
    note: bytes
    made_at: datetime = Field(sa_type=Instant)
    renewed_at: datetime = Field(sa_type=Instant)


class LedgerTimestamp(Row, table=True):
    """What an authority outside said about when a checkpoint was there; append-only."""

    size: int = Field(
        primary_key=True, sa_type=COUNT, sa_column_kwargs={"autoincrement": False}, foreign_key="ledger_checkpoint.size"
    )
    made_at: datetime = Field(primary_key=True, sa_type=Instant)
    token: bytes
