"""The sequencer gives entries their places: from the outbox into the log, in batches, one batch in one transaction.

One works at a time, by holding the head of the log. Entries go in by time, then by stream and number, and each stream
strictly in its own order: whatever is not the next entry of its stream stays in the outbox and is told, and holds back
nothing but what follows it in that stream. Nothing is looked for by a number that grows, so an entry that is committed
late is found like any other.

Of a tree of an earlier size only the nodes remain, not every tile that was its last: read it with ``TileNodes`` of the
size of the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

import structlog

from engine.errors import LedgerDamaged, StoreFull, StoreUnavailable
from engine.ledger.entry import Header, Kind, Unreadable, header_of
from engine.ledger.tiles import WIDTH, BadTile, Tile, TileNodes, append
from engine.ledger.tree import DoesNotFit, Frontier, leaf_hash
from engine.service.desk import kept
from engine.store.database import Database
from engine.store.ledger import HeadRow, OutboxRow, StreamRow, Tiles
from engine.store.work import Work

MOST = 1024
"""Entries in one batch."""
LONGEST_IDLE = 1.0
"""Seconds between two looks at an outbox in which nothing came for a while."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries at a database that does not serve."""

Why = Literal["gap", "repeated", "form", "closed"]


@dataclass(frozen=True, slots=True)
class Held:
    """A stream that is held back, with the lowest number that is held for this reason.

    ``gap``: entries from ``expected`` up to ``found`` are missing. ``repeated``: that place is taken in the log.
    ``form``: the entry is none, or says another stream or number than its row. ``closed``: the stream ended before.
    """

    stream: bytes
    expected: int
    found: int
    why: Why


@dataclass(frozen=True, slots=True)
class Sequenced:
    """How many entries got their places, and what is held back; a batch that is full did not look further than it."""

    count: int
    held: tuple[Held, ...] = ()


class Stop(Protocol):
    """What says that it is time to stop: a ``threading.Event``, or the signals of a process."""

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds at most, and say whether to stop."""


@dataclass(slots=True)
class _Line:
    """A stream as one batch sees it: where it stands, what came too early, and what else does not fit."""

    row: StreamRow | None
    is_moved: bool = False
    early: set[int] = field(default_factory=set)
    odd: dict[Why, int] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        return 0 if self.row is None else self.row.next_seq

    @property
    def is_closed(self) -> bool:
        return self.row is not None and self.row.is_closed

    def admit(self, row: OutboxRow) -> bool:
        """Take the entry in when it is the next one; otherwise note what is wrong with it."""
        header = _header_of(row)
        self.early.discard(row.stream_seq)
        if row.stream_seq < self.expected:
            self.note("repeated", row.stream_seq)
        elif self.is_closed:
            self.note("closed", row.stream_seq)
        elif header is None:
            self.note("form", row.stream_seq)
        elif row.stream_seq > self.expected:
            self.early.add(row.stream_seq)
        else:
            is_closed = header.kind is Kind.STREAM_CLOSE
            self.row = StreamRow(row.stream_id, row.stream_seq + 1, row.at, is_closed)
            self.is_moved = True
            return True
        return False

    def note(self, why: Why, found: int) -> None:
        """Keep the lowest number for each reason."""
        self.odd[why] = min(found, self.odd.get(why, found))


@dataclass(slots=True)
class _Batch:
    """What one transaction puts into the log."""

    work: Work
    most: int
    taken: list[OutboxRow] = field(default_factory=list)
    lines: dict[bytes, _Line] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self.taken) == self.most

    def gather(self) -> None:
        """Read the outbox from its beginning until the batch is full; what is held back there is passed over."""
        page = self.work.outbox(self.most)
        while page:
            self._know({row.stream_id for row in page})
            for row in page:
                if self.is_full:
                    return
                self._take(row, self.lines[row.stream_id])
            page = self.work.outbox(self.most, page[-1]) if len(page) == self.most else []

    def _know(self, streams: set[bytes]) -> None:
        new = streams - self.lines.keys()
        found = self.work.ledger_streams(new)
        self.lines.update({stream: _Line(found.get(stream)) for stream in new})

    def _take(self, row: OutboxRow, line: _Line) -> None:
        """Take an entry, and at once those that came before it because a clock was set: no cut makes another order."""
        found: OutboxRow | None = row
        while found is not None and line.admit(found):
            self.taken.append(found)
            is_next = line.expected in line.early and not self.is_full
            found = self.work.outbox_row(row.stream_id, line.expected) if is_next else None

    def held(self) -> tuple[Held, ...]:
        """What is held back, by stream and reason."""
        for stream, line in self.lines.items():
            if line.early and (line.is_closed or not self._is_coming(stream, line)):
                line.note("closed" if line.is_closed else "gap", min(line.early))
        return tuple(
            Held(stream, line.expected, found, why)
            for stream, line in sorted(self.lines.items(), key=lambda each: each[0])
            for why, found in sorted(line.odd.items())
        )

    def _is_coming(self, stream: bytes, line: _Line) -> bool:
        """Whether the missing entry waits all the same: committed just now, behind the batch, or held back itself."""
        return self.work.outbox_row(stream, line.expected) is not None


def sequence(database: Database, most: int = MOST, wait: bool = True) -> Sequenced:
    """Give the next entries their places, at most so many; all of them or none.

    When another sequencer is at it, wait for it, or (on PostgreSQL, without ``wait``) leave it to that one. Raises
    :class:`LedgerDamaged` and what writing raises.
    """
    with database.reading() as work:
        if not work.outbox(1):  # no lock, and nothing to force to the disk, for an empty outbox
            return Sequenced(0)
    with kept(database) as work:
        head = work.ledger_head(for_update=True, wait=wait)
        if head is None and not wait:
            return Sequenced(0)
        if head is None:
            raise _damaged("head", "missing")
        batch = _Batch(work, most)
        batch.gather()
        if batch.taken:
            _write(work, head, batch)
        return Sequenced(len(batch.taken), batch.held())


def sequence_all(database: Database) -> Sequenced:
    """Give every entry that waits its place, in as many batches as it takes. Raises what :func:`sequence` raises."""
    done = sequence(database)
    count = done.count
    while done.count:
        done = sequence(database)
        count += done.count
    return replace(done, count=count)


class Watcher(Protocol):
    """Is told of each round of the worker, and of each stream that is held back."""

    def look(self) -> None:
        """A round begins."""

    def held(self, one: Held) -> None:
        """A stream is held back, and was not before."""


def run(database: Database, every: float, stop: Stop, watcher: Watcher | None = None) -> None:
    """Sequence until told to stop, at least ``every`` so many seconds while entries come and seldomer while none do.

    A database that does not serve is tried again, after ever longer pauses. A stream that is held back raises an alarm
    once. Raises :class:`LedgerDamaged`: nothing can go on then before somebody has looked.
    """
    pause = 0.0
    alarmed: frozenset[Held] = frozenset()
    while not stop.wait(pause):
        if watcher is not None:
            watcher.look()
        try:
            done = sequence(database)
        except (StoreUnavailable, StoreFull) as error:
            pause = min(max(2 * pause, every), LONGEST_PAUSE)
            _alarm("sequencer_waits", error.code)
            continue
        for one in done.held:
            if one not in alarmed:
                _raise_alarm(one, watcher)
        is_full = done.count == MOST  # then there may be more, held back or not, than was looked at
        alarmed = frozenset(done.held) | (alarmed if is_full else frozenset())
        pause = 0.0 if is_full else every if done.count else min(2 * max(pause, every / 2), max(every, LONGEST_IDLE))


def _raise_alarm(one: Held, watcher: Watcher | None) -> None:
    _alarm("stream_held", f"{one.why}:{one.stream.hex()}:{one.expected}:{one.found}")
    if watcher is not None:
        watcher.held(one)


def _alarm(event: str, code: str) -> None:
    structlog.get_logger().warning(event, code=code)


def _write(work: Work, head: HeadRow, batch: _Batch) -> None:
    """Append the entries and grow the tree over them; the head is last, and nobody else has it."""
    entries = [row.entry for row in batch.taken]
    leaves = [leaf_hash(entry) for entry in entries]
    tiles = work.tiles()
    with _named():
        frontier = Frontier.from_bytes(head.frontier)
        _check(head, frontier, tiles)
        written = append(tiles, head.size, leaves)
        grown = frontier.extend(leaves)
    for tile in _superseded(head.size, written):
        tiles.drop(tile.path)
    work.append_entries(head.size, entries)
    work.save_streams(line.row for line in batch.lines.values() if line.row is not None and line.is_moved)
    work.drop_from_outbox([(row.stream_id, row.stream_seq) for row in batch.taken])
    work.save_head(grown.size, grown.to_bytes(), _latest(head.at, batch.taken))


def _check(head: HeadRow, frontier: Frontier, tiles: Tiles) -> None:
    """Hold the last tile of each level against the frontier: what is appended to must be what was there."""
    if frontier.size != head.size:
        raise _damaged("frontier", "size")
    nodes = TileNodes(tiles, head.size)
    bits = [level for level in reversed(range(head.size.bit_length())) if head.size >> level & 1]
    for level, peak in zip(bits, frontier.peaks, strict=True):
        if nodes(level, (head.size >> level) - 1) != peak:
            tile = next(one for one in _last_tiles(head.size) if one.level == level // 8)
            raise _damaged(f"{tile.path} | frontier", "hash")


def _last_tiles(size: int) -> Iterator[Tile]:
    """The tiles of a tree that are not full yet, one for each level that has such a one."""
    level = 0
    while size:
        size, width = divmod(size, WIDTH)
        if width:
            yield Tile(level, size, width)
        level += 1


def _superseded(size: int, written: Iterable[Tile]) -> list[Tile]:
    """The tiles that were the last ones of the smaller tree and have a wider one in their place now."""
    places = {(tile.level, tile.index) for tile in written}
    return [tile for tile in _last_tiles(size) if (tile.level, tile.index) in places]


def _latest(at: datetime | None, rows: Iterable[OutboxRow]) -> datetime:
    latest = max(row.at for row in rows)
    return latest if at is None else max(at, latest)


def _header_of(row: OutboxRow) -> Header | None:
    """The header of an entry, if it is of its form and says the same as its row."""
    try:
        header = header_of(row.entry)
    except Unreadable:
        return None
    is_opening = header.kind is Kind.STREAM_OPEN
    if (header.stream_id, header.stream_seq) != (row.stream_id, row.stream_seq) or is_opening != (row.stream_seq == 0):
        return None
    return header


@contextmanager
def _named() -> Iterator[None]:
    """Say which part of the ledger it was that does not fit."""
    try:
        yield
    except BadTile as error:
        raise _damaged(error.path, error.what) from None
    except DoesNotFit as error:
        raise _damaged("frontier", error.what) from None


def _damaged(part: str, what: str) -> LedgerDamaged:
    return LedgerDamaged(
        f"审计账的 {part} 与其余部分不符（{what}），已停止编号；未写入任何内容",
        f"{part} of the ledger does not agree with the rest ({what}): sequencing stops, and nothing was written",
        part=part,
        what=what,
    )
