"""The ledger's rows: outbox, entries, streams, tiles, checkpoints, timestamps. This room reads none of the bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, tuple_, update

from engine.errors import LedgerDamaged
from engine.store.statements import Statement, insert_into, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_HEAD = TABLES["ledger_head"]
_OUTBOX = TABLES["ledger_outbox"]
_ENTRY = TABLES["ledger_entry"]
_STREAM = TABLES["ledger_stream"]
_TILE = TABLES["ledger_tile"]
_CHECKPOINT = TABLES["ledger_checkpoint"]
_TIMESTAMP = TABLES["ledger_timestamp"]

_THE_HEAD = select(_HEAD.c.origin, _HEAD.c.size, _HEAD.c.frontier, _HEAD.c.at).where(_HEAD.c.id == 1)
_LOOK = Statement(_THE_HEAD)
_HOLD = Statement(_THE_HEAD.with_for_update())  # SQLite: the writer is alone already
_TRY = Statement(_THE_HEAD.with_for_update(skip_locked=True))
_GROWS = ("size", "frontier", "at")
_GROW = Statement(update(_HEAD).where(_HEAD.c.id == 1), *_GROWS, columns=_GROWS)
_RENAME = Statement(update(_HEAD).where(_HEAD.c.id == 1), "origin", columns=("origin",))

_PUT_OUT = insert_into(_OUTBOX)
_ORDER = (_OUTBOX.c.at, _OUTBOX.c.stream_id, _OUTBOX.c.stream_seq)
_WAITING = select(*_OUTBOX.c).order_by(*_ORDER).limit(bindparam("most"))
_FIRST_WAITING = Statement(_WAITING, "most")
_KEY = ("after_at", "after_stream", "after_seq")
_NEXT_WAITING = Statement(
    _WAITING.where(
        tuple_(*_ORDER)
        > tuple_(*(bindparam(name, type_=column.type) for name, column in zip(_KEY, _ORDER, strict=True)))
    ),
    *_KEY, "most",
)  # fmt: skip
_COUNT_WAITING = Statement(select(func.count(), func.min(_OUTBOX.c.at)).select_from(_OUTBOX))
_ONE_WAITING = Statement(
    select(*_OUTBOX.c).where(_OUTBOX.c.stream_id == bindparam("of_stream"), _OUTBOX.c.stream_seq == bindparam("seq")),
    "of_stream", "seq",
)  # fmt: skip
_TAKE_OUT = Statement(
    delete(_OUTBOX).where(_OUTBOX.c.stream_id == bindparam("of_stream"), _OUTBOX.c.stream_seq == bindparam("seq")),
    "of_stream", "seq",
)  # fmt: skip

_APPEND = insert_into(_ENTRY)
_ENTRIES = Statement(
    select(*_ENTRY.c).where(_ENTRY.c.number >= bindparam("first")).order_by(_ENTRY.c.number).limit(bindparam("most")),
    "first", "most",
)  # fmt: skip
_AT_ONCE = 64
_IDS = [f"id_{place}" for place in range(_AT_ONCE)]
_STREAMS = Statement(select(*_STREAM.c).where(_STREAM.c.stream_id.in_([bindparam(name) for name in _IDS])), *_IDS)
_SAVE_STREAM = upsert_into(_STREAM, "next_seq", "at", "is_closed")

_TILE_AT = Statement(select(_TILE.c.hashes).where(_TILE.c.path == bindparam("at_path")), "at_path")
_PUT_TILE = insert_into(_TILE)
_DROP_TILE = Statement(delete(_TILE).where(_TILE.c.path == bindparam("at_path")), "at_path")

_ADD_CHECKPOINT = upsert_into(_CHECKPOINT, "origin", "note", "made_at", "renewed_at")
_RENEW = Statement(
    update(_CHECKPOINT).where(_CHECKPOINT.c.size == bindparam("of_size")),
    "renewed_at", "of_size",
    columns=("renewed_at",),
)  # fmt: skip
_CHECKPOINTS = Statement(select(*_CHECKPOINT.c).order_by(_CHECKPOINT.c.size))
_LAST_CHECKPOINT = Statement(select(*_CHECKPOINT.c).order_by(_CHECKPOINT.c.size.desc()).limit(1))
_ADD_TIMESTAMP = insert_into(_TIMESTAMP)
_TIMESTAMPS = Statement(select(*_TIMESTAMP.c).order_by(_TIMESTAMP.c.size, _TIMESTAMP.c.made_at))


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The log as it stands: its name, how many entries it has, its frontier, and the latest time of an entry."""

    origin: str
    size: int
    frontier: bytes
    at: datetime | None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An entry that waits for its place, and the place in its stream that it claims."""

    stream_id: bytes
    stream_seq: int
    at: datetime
    entry: bytes


@dataclass(frozen=True, slots=True)
class StreamRow:
    """How far a stream came in the log; ``at`` is the time of its last entry there."""

    stream_id: bytes
    next_seq: int
    at: datetime
    is_closed: bool


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A signed checkpoint, when it was made, and when the signer last found the log as it says."""

    size: int
    origin: str
    note: bytes
    made_at: datetime
    renewed_at: datetime


@dataclass(frozen=True, slots=True)
class TimestampRow:
    """The token of an authority over the checkpoint of this size."""

    size: int
    made_at: datetime
    token: bytes


class Tiles:
    """The tiles of the tree, read and written within one transaction."""

    __slots__ = ("_wire",)

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get(self, path: str) -> bytes | None:
        """The tile at this path, or None."""
        found = self._wire.row(_TILE_AT, (path,))
        return None if found is None else bytes(found[0])

    def put(self, path: str, hashes: bytes) -> None:
        """Keep a tile; one is never written twice. Raises :class:`HistoryBroken` when there is one at this path."""
        self._wire.write(_PUT_TILE, (path, hashes))

    def drop(self, path: str) -> None:
        """Remove a tile that a wider one took the place of."""
        self._wire.write(_DROP_TILE, (path,))


class LedgerRows:
    """The part of a unit of work that keeps the ledger."""

    wire: Wire

    # ── what waits ──

    def add_to_outbox(self, stream_id: bytes, stream_seq: int, at: datetime, entry: bytes) -> None:
        """Let an entry wait for its place. Raises :class:`HistoryBroken` when one waits with that number already."""
        self.wire.write(_PUT_OUT, (stream_id, stream_seq, at, entry))

    def outbox(self, most: int, after: OutboxRow | None = None) -> list[OutboxRow]:
        """What waits, in the order of time, stream and number; at most so many, behind the given one."""
        if after is None:
            found = self.wire.rows(_FIRST_WAITING, (most,))
        else:
            found = self.wire.rows(_NEXT_WAITING, (after.at, after.stream_id, after.stream_seq, most))
        return [OutboxRow(*row) for row in found]

    def outbox_waiting(self) -> tuple[int, datetime | None]:
        """How many entries wait, and since when the first of them does."""
        found = self.wire.row(_COUNT_WAITING)
        return (0, None) if found is None else (int(found[0]), found[1])

    def outbox_row(self, stream_id: bytes, stream_seq: int) -> OutboxRow | None:
        """The entry with this number of a stream, if it waits for its place."""
        found = self.wire.row(_ONE_WAITING, (stream_id, stream_seq))
        return None if found is None else OutboxRow(*found)

    def drop_from_outbox(self, keys: Sequence[tuple[bytes, int]]) -> None:
        """Take entries out that have their place now, by stream and number."""
        self.wire.write_many(_TAKE_OUT, keys)

    # ── the log ──

    def ledger_head(self, *, for_update: bool = False, wait: bool = True) -> HeadRow | None:
        """The log as it stands; with ``for_update`` nobody else appends to it until the end of this transaction.

        None without the row, and on PostgreSQL when another one holds it and we are not to wait for it.
        """
        ask = _LOOK if not for_update else _HOLD if wait else _TRY
        found = self.wire.row(ask)
        return None if found is None else HeadRow(*found)

    def save_head(self, size: int, frontier: bytes, at: datetime | None) -> None:
        """Keep the log as it stands now."""
        self.wire.write(_GROW, (size, frontier, at))

    def rename_log(self, origin: str) -> None:
        """Let the log go on under another name."""
        self.wire.write(_RENAME, (origin,))

    def append_entries(self, first: int, entries: Sequence[bytes]) -> None:
        """Append entries, the first at this index. Raises :class:`HistoryBroken` when one is taken."""
        self.wire.write_many(_APPEND, list(enumerate(entries, first)))

    def entries(self, first: int, most: int) -> list[bytes]:
        """The entries from an index on, at most so many. Raises :class:`LedgerDamaged` when one is missing there."""
        found = self.wire.rows(_ENTRIES, (first, most))
        for expected, (number, _) in enumerate(found, first):
            if number != expected:
                raise LedgerDamaged(
                    f"审计账缺少第 {expected} 条记录", f"entry {expected} of the ledger is missing", entry=expected
                )
        return [bytes(entry) for _, entry in found]

    def ledger_streams(self, ids: Iterable[bytes]) -> dict[bytes, StreamRow]:
        """How far these streams came in the log; those that have nothing there are left out."""
        asked, found = sorted(set(ids)), {}
        for at in range(0, len(asked), _AT_ONCE):
            some = asked[at : at + _AT_ONCE]
            # The statement asks for so many at a time; the last one fills up what is left over.
            for row in self.wire.rows(_STREAMS, (*some, *some[-1:] * (_AT_ONCE - len(some)))):
                found[row[0]] = StreamRow(*row)
        return found

    def save_streams(self, rows: Iterable[StreamRow]) -> None:
        """Keep how far streams came."""
        self.wire.write_many(_SAVE_STREAM, [(row.stream_id, row.next_seq, row.at, row.is_closed) for row in rows])

    def tiles(self) -> Tiles:
        """The tiles of the tree, in this transaction."""
        return Tiles(self.wire)

    # ── what was signed ──

    def add_checkpoint(self, size: int, origin: str, note: bytes, at: datetime) -> None:
        """Keep a signed checkpoint; one of a size that was signed before takes the place of that one."""
        self.wire.write(_ADD_CHECKPOINT, (size, origin, note, at, at))

    def renew_checkpoint(self, size: int, at: datetime) -> None:
        """Keep that the signer found the log still as this checkpoint says."""
        self.wire.write(_RENEW, (at, size))

    def last_checkpoint(self) -> CheckpointRow | None:
        """The checkpoint of the largest tree."""
        found = self.wire.row(_LAST_CHECKPOINT)
        return None if found is None else CheckpointRow(*found)

    def checkpoints(self) -> list[CheckpointRow]:
        """Every checkpoint, the smallest tree first."""
        return [CheckpointRow(*row) for row in self.wire.rows(_CHECKPOINTS)]

    def add_timestamp(self, size: int, at: datetime, token: bytes) -> None:
        """Keep a token over the checkpoint of this size. Raises :class:`HistoryBroken` without such a checkpoint."""
        self.wire.write(_ADD_TIMESTAMP, (size, at, token))

    def timestamps(self) -> list[TimestampRow]:
        """Every token, the smallest tree first, then the oldest."""
        return [TimestampRow(*row) for row in self.wire.rows(_TIMESTAMPS)]
