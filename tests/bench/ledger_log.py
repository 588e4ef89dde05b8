"""What giving places, exporting and verifying cost, each beside a bare loop that does only what cannot be left out."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import shutil
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.bootstrap import now
from engine.ledger.bundle import Type, sections
from engine.ledger.entry import HEADER_BYTES, Header, Kind, header_of
from engine.ledger.streams import Reader
from engine.ledger.tree import leaf_hash, node_hash
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.verifier import verify
from engine.service.audit_export import export
from engine.service.desk import kept
from engine.service.sequencer import sequence
from engine.store.database import Database, engine_for
from tests.bench.crew import Move
from tests.bench.driven import bench_desk
from tests.bench.ledger_stock import AUDITING, Log
from tests.bench.procedure import BENCH
from tests.bench.vault_figures import AIM, Group, Pair
from tests.keys import AUDITOR

ENTRY_BYTES = 512
WRITERS = 4
"""So many streams the entries that get their places come from, in turn."""
BARE_TABLE = "bare_entry"
_ROOT = Path(__file__).resolve().parents[2]
_HEADER = struct.Struct(">BBB16sQQ")
_SIZE = struct.Struct(">I")
_COUNTS = struct.Struct(">HH")
_NONCE = bytes(12)
_BLOCK = 1 << 20


# ── places ──


def sequence_group(url: str, owner: str, batches: int, most: int) -> Group:
    """Entries get their places, so many a batch; beside as many rows inserted and leaves hashed in such batches."""
    return Group(
        {"sequence": partial(_sequencing, url, batches, most), "bare": partial(_appending, owner, batches, most)},
        (Pair("give an entry its place", "sequence", "INSERT, SHA-256, a commit each batch", "bare"),),
        most,
    )


@contextmanager
def _sequencing(url: str, batches: int, most: int, number: int) -> Iterator[list[Move]]:
    streams = [secrets.token_bytes(16) for _ in range(WRITERS)]
    with Database.open(url) as database:
        with kept(database) as work:
            at = now()
            for place in range(batches * most):
                stream, seq = streams[place % WRITERS], place // WRITERS
                work.add_to_outbox(stream, seq, at, _entry(stream, seq))

        def step() -> None:
            assert sequence(database, most).count == most

        yield [step] * batches
        with database.reading() as work:
            assert not work.outbox(1)


def _entry(stream: bytes, seq: int) -> bytes:
    """A header, and noise as long as an entry."""
    head = Header(Kind.EVENT if seq else Kind.STREAM_OPEN, stream, seq, seq).packed()
    return head + os.urandom(ENTRY_BYTES - len(head))


@contextmanager
def _appending(url: str, batches: int, most: int, number: int) -> Iterator[list[Move]]:
    entries = [[os.urandom(ENTRY_BYTES) for _ in range(most)] for _ in range(batches)]
    with _connected(url) as (cursor, mark):
        blob = "BLOB" if mark == "?" else "BYTEA"
        cursor.execute(f"CREATE TABLE {BARE_TABLE} (number BIGINT PRIMARY KEY, entry {blob} NOT NULL)")
        tree = _Tree()

        def step(batch: list[bytes]) -> None:
            first = tree.size
            for entry in batch:
                tree.add(leaf_hash(entry))
            cursor.execute("BEGIN")
            rows = list(enumerate(batch, first))
            cursor.executemany(f"INSERT INTO {BARE_TABLE} VALUES ({mark}, {mark})", rows)
            cursor.execute("COMMIT")

        yield [partial(step, batch) for batch in entries]
        cursor.execute(f"DROP TABLE {BARE_TABLE}")


class _Tree:
    """Nothing but the hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, node: bytes) -> None:
        bits = self.size
        while bits & 1:
            node = node_hash(self._peaks.pop(), node)
            bits >>= 1
        self._peaks.append(node)
        self.size += 1


@contextmanager
def _connected(url: str) -> Iterator[tuple[Any, str]]:
    """A cursor with the engine's settings, and how a value is marked in its statements."""
    engine = engine_for(url)
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    assert connection is not None
    if isinstance(connection, psycopg.Connection):
        yield connection.cursor(binary=True), "%s"
    else:
        yield connection.cursor(), "?"
    pooled.close()
    engine.dispose()


# ── export ──


def export_group(log: Log, folder: Path, times: int) -> Group:
    """Exporting a log; beside a copy of the same bytes, and beside reading the same rows. Counted in megabytes."""
    bundle = folder / "exported"
    megabytes = log.taken_along(bundle) / 1e6
    return Group(
        {
            "export": partial(_exporting, log, folder / "out", times),
            "copy": partial(_ready, [partial(shutil.copyfile, bundle, folder / "copy")] * times),
            "select": partial(_selecting, log, times),
        },
        (
            Pair("export, MB", "export", "a copy of the file", "copy"),
            Pair("export, MB", "export", "SELECT of the entries", "select"),
        ),
        megabytes,
    )


@contextmanager
def _exporting(log: Log, path: Path, times: int, number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, log.url) as desk:

        def step() -> None:
            with path.open("wb") as out:
                assert export(desk, out.write, AUDITING).size == log.size

        yield [step] * times


@contextmanager
def _selecting(log: Log, times: int, number: int) -> Iterator[list[Move]]:
    with _connected(log.url) as (cursor, mark):
        ask = f"SELECT entry FROM ledger_entry WHERE number >= {mark} ORDER BY number LIMIT 1024"

        def step() -> None:
            first = 0
            while first < log.size:
                cursor.execute(ask, (first,))
                first += len(cursor.fetchall())

        yield [step] * times


@contextmanager
def _ready(moves: list[Move], number: int) -> Iterator[list[Move]]:
    yield moves


# ── verification ──


def verify_group(log: Log, bundle: Path, times: int) -> Group:
    """Checking a bundle: without a key, with one, and wholly; each beside what has to be computed for it."""
    whole = log.brought()
    with_key = Brought(log_key=whole.log_key, is_first=True, keys=whole.keys)
    without = Brought(log_key=whole.log_key, is_first=True)
    bare = Bare.of(bundle)
    jobs: dict[str, Move] = {
        "hash": partial(bare.go, "hash"), "without": partial(_verify, bundle, lambda: without),
        "open": partial(bare.go, "open"), "read": partial(bare.go, "read"),
        "key": partial(_verify, bundle, lambda: with_key),
        "whole": partial(_verify, bundle, log.brought, is_whole=True),
    }  # fmt: skip
    return Group(
        {name: partial(_ready, [move] * times) for name, move in jobs.items()},
        (
            Pair("verify an entry, without a key", "without", "SHA-256", "hash"),
            Pair("verify an entry, with a key", "key", "SHA-256, HMAC, AES-GCM", "open", AIM),
            Pair("verify an entry, with a key", "key", "SHA-256, HMAC, AES-GCM, JSON", "read"),
            Pair("verify an entry, with salts and digests", "whole", "SHA-256, HMAC, AES-GCM", "open"),
        ),
        log.size,
    )


def _verify(bundle: Path, brought: Callable[[], Brought], *, is_whole: bool = False) -> None:
    with bundle.open("rb") as file:
        report = verify(file.read, brought())
    assert not any(check.found["fault"] for check in report.checks), [str(check) for check in report.checks]
    assert not is_whole or report.exit_code == 0, [str(check) for check in report.checks]


@dataclass(frozen=True, slots=True)
class Bare:
    """A bundle, and the chain key of each of its streams: what was sealed to the auditor is opened before."""

    path: Path
    chains: dict[bytes, bytes]

    @classmethod
    def of(cls, path: Path) -> Bare:
        """Open every opening."""
        with path.open("rb") as file:
            entries = chain.from_iterable(section.page for section in sections(file.read))
            openings = [entry for entry in entries if header_of(entry).kind is Kind.STREAM_OPEN]
        # No reader gives its key away; the bare loop has to begin with the same one.
        chains = {header_of(entry).stream_id: bytes(Reader(entry, AUDITOR)._chain._chain) for entry in openings}
        return cls(path, chains)

    def go(self, how: str) -> None:
        """Hash every leaf; with ``open`` derive the key of each entry and decrypt it, with ``read`` parse it, too."""
        tree, chains = _Tree(), dict(self.chains)
        for entry in self._entries():
            tree.add(sha256(b"\x00" + entry).digest())
            plain = b"" if how == "hash" else _open(entry, chains)
            if how == "read" and plain:
                _event(plain)

    def _entries(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.readline()
            while head := file.read(9):
                content = file.read(int.from_bytes(head[1:]))
                at = 8
                while head[0] == Type.ENTRIES and at < len(content):
                    (size,) = _SIZE.unpack_from(content, at)
                    yield content[at + 4 : at + 4 + size]
                    at += 4 + size


def _open(entry: bytes, chains: dict[bytes, bytes]) -> bytes:
    """What was sealed, with its padding; nothing of an opening."""
    _, _, kind, stream, _, _ = _HEADER.unpack_from(entry)
    if kind == Kind.STREAM_OPEN:
        return b""
    before = chains[stream]
    key = hmac.digest(before, b"mk", sha256)
    chains[stream] = hmac.digest(before, b"ck", sha256)
    return AESGCM(key).decrypt(_NONCE, entry[HEADER_BYTES:], entry[:HEADER_BYTES])


def _event(plain: bytes) -> Any:
    total, blocks = _COUNTS.unpack_from(plain)
    at = _COUNTS.size
    for _ in range(blocks):
        at += 2 + int.from_bytes(plain[at : at + 2])
    return json.loads(plain[at:total])


def peak_of(bundle: Path, log: Log) -> int:
    """How much memory a process of its own needs at most to verify a bundle with a key, in bytes; 0 if unknown."""
    private = AUDITOR._key  # the process loads nothing of the tests that would have to be told apart from its need
    assert isinstance(private, X25519PrivateKey)
    keys = [log.signer.public.to_text(), private.private_bytes_raw().hex()]
    told = run_process(
        [sys.executable, "-m", "tests.bench.ledger_memory", bundle, *keys],
        cwd=_ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(told.stdout)
