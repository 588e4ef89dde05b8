"""Entries of tests in the outbox, and a look at whether the log, its tree and its streams agree with one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import make_url

from engine.ledger.entry import Header, Kind, header_of
from engine.ledger.tiles import append, tiles_of
from engine.ledger.tree import Frontier, leaf_hash
from engine.ledger.tree import root as root_over
from engine.service.desk import kept
from engine.store.database import Database
from engine.store.ledger import OutboxRow
from tests.conftest import Database as Base
from tests.store.test_rules import _raw

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def stream(number: int) -> bytes:
    """The id of a stream of the tests; the order of ids is not that of the numbers."""
    return sha256(f"stream {number}".encode()).digest()[:16]


def row(
    of: int, seq: int, second: float, kind: Kind | None = None, *, claims: tuple[bytes, int] | None = None
) -> OutboxRow:
    """An entry of a stream, written so many seconds after noon; ``claims`` are stream and number in its header."""
    stream_id, stream_seq = claims or (stream(of), seq)
    what = kind or (Kind.STREAM_OPEN if seq == 0 else Kind.EVENT)
    header = Header(what, stream_id, stream_seq, seq).packed()
    body = sha256(header).digest() * 3
    return OutboxRow(stream(of), seq, NOON + timedelta(seconds=second), header + body)


def rows(of: int, *seqs: int, since: float = 0) -> list[OutboxRow]:
    """Entries of a stream, a second apart."""
    return [row(of, seq, since + seq) for seq in seqs]


def put(store: Database, found: Iterable[OutboxRow]) -> None:
    """Let these wait, in one transaction."""
    with kept(store) as work:
        for one in found:
            work.add_to_outbox(one.stream_id, one.stream_seq, one.at, one.entry)


def waiting(store: Database) -> list[tuple[bytes, int]]:
    """Stream and number of what waits."""
    with store.reading() as work:
        return [(one.stream_id, one.stream_seq) for one in work.outbox(100_000)]


def root(store: Database) -> bytes:
    """The root that the head of the log stands for."""
    with store.reading() as work:
        head = work.ledger_head()
    assert head is not None
    return Frontier.from_bytes(head.frontier).root()


@dataclass
class Log:
    """The log as it was found: its entries in their order."""

    entries: list[bytes]

    def of(self, number: int) -> list[int]:
        """The numbers of a stream in the order of the log."""
        found = [header_of(entry) for entry in self.entries]
        return [one.stream_seq for one in found if one.stream_id == stream(number)]


class _Shelf(dict[str, bytes]):
    def put(self, path: str, tile: bytes) -> None:
        self[path] = tile


def check_log(store: Database, base: Base) -> Log:
    """Head, entries, streams and tiles agree; the tiles are those that the entries make, and no other is there."""
    with store.reading() as work:
        head = work.ledger_head()
        assert head is not None
        entries = [*work.entries(0, head.size + 1)]
        streams = work.ledger_streams({header_of(entry).stream_id for entry in entries})
    leaves = [leaf_hash(entry) for entry in entries]
    assert head.size == len(entries)
    assert Frontier.from_bytes(head.frontier) == Frontier().extend(leaves)
    shelf = _Shelf()
    append(shelf, 0, leaves)
    found = {path: bytes(hashes) for path, hashes in raw(base, "SELECT path, hashes FROM ledger_tile")}
    assert found == {tile.path: shelf[tile.path] for tile in tiles_of(head.size)}
    assert Frontier.from_bytes(head.frontier).root() == root_over(lambda level, at: _node(leaves, level, at), head.size)
    seen: dict[bytes, list[Header]] = defaultdict(list)
    for entry in entries:
        header = header_of(entry)
        seen[header.stream_id].append(header)
    for name, headers in seen.items():
        assert [one.stream_seq for one in headers] == list(range(len(headers)))
        assert streams[name].next_seq == len(headers)
        assert streams[name].is_closed == (headers[-1].kind is Kind.STREAM_CLOSE)
    assert len(seen) == raw(base, "SELECT count(*) FROM ledger_stream")[0][0]
    return Log(entries)


def _node(leaves: list[bytes], level: int, index: int) -> bytes:
    """The root of a complete subtree, from its leaves."""
    frontier = Frontier().extend(leaves[index << level : (index + 1) << level])
    assert len(frontier.peaks) == 1
    return frontier.peaks[0]


def raw(base: Base, act: str, *values: object) -> list[tuple[Any, ...]]:
    """What a statement finds, as the owner of the database asks; ``%s`` is a parameter."""
    with _raw(base.owner_url) as connection:
        if make_url(base.owner_url).get_backend_name() == "sqlite":
            act = act.replace("%s", "?")
        cursor = connection.execute(act, values)
        return [] if cursor.description is None else [tuple(one) for one in cursor.fetchall()]
