"""What the engine writes for each command, taken down as the database driver gets it.

Most of it is sealed under the key of the case, or is a digest: what went into each of these is taken down beside it,
so that another case gets bytes of the same size, of its own. Entries of the ledger are the exception: a copy has a
stream of its own, but what lies sealed in its entries is that of the taped case, and nobody can open it there.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from engine.core.case import Case
from engine.ledger.entry import STREAM_ID_BYTES
from engine.service.notices import new_code
from engine.service.safe import Safe
from engine.store.cases import StoredCase
from engine.store.vault import CaseKeyRow
from engine.store.work import Work
from engine.vault.keys import EVERYWHERE, CaseKey, Cell, HouseKey, VaultKey, new_case_key
from engine.vault.pseudonym import new_pseudonym
from engine.vault.roots import KeyProvider
from engine.vault.suite import Cipher
from tests.bench.acts import Procedure
from tests.bench.driven import bench_desk, carry_out
from tests.keys import ROOTS

Written = tuple[str, tuple[Any, ...]]
"""A statement as the driver gets it, and its values as the driver gets them."""

Again = dict[str | bytes, Callable[["Copy"], str | bytes]]
"""How to make a value that the vault made once more, for a copy of its case."""

_DIGEST = re.compile(rb"[0-9a-f]{64}")
_NOTICE = re.compile(r"N(-[0-9A-Z]{4}){3}")
_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Copy:
    """Another case that gets the same rows: its pseudonym in place of the old one, its key, and a stream."""

    old: str
    new: str
    key: CaseKey
    wrapped: bytes
    stream: bytes

    def text(self, text: str) -> str:
        """A text of the case, for the copy."""
        return text.replace(self.old, self.new)

    def plain(self, plain: bytes) -> bytes:
        """Readable bytes of the case, for the copy."""
        return plain.replace(self.old.encode(), self.new.encode())


@dataclass(frozen=True, slots=True)
class Tape:
    """One case, from its opening to its last move: the statements that write, one list for each commit."""

    case: str
    opening: list[list[Written]]
    moves: list[list[Written]]
    under: VaultKey
    """What wraps the key of the case."""
    again: Again

    def for_case(self, case: str) -> Tape:
        """The same rows, of the same size, for another case (its pseudonym is in its keys and hand-offs, too)."""
        assert len(case) == len(self.case)
        key, row = new_case_key(self.under, case)
        copy = Copy(self.case, case, key, row.wrapped, secrets.token_bytes(STREAM_ID_BYTES))
        opening, moves = (
            [[(sql, tuple(self._copied(value, copy) for value in values)) for sql, values in commit]
             for commit in commits]
            for commits in (self.opening, self.moves)
        )  # fmt: skip
        return Tape(case, opening, moves, self.under, {})

    def _copied(self, value: object, copy: Copy) -> object:
        if not isinstance(value, str | bytes):
            return value
        if value in self.again:
            return self.again[value](copy)
        if isinstance(value, str) and value.startswith("N-") and _NOTICE.fullmatch(value):
            return new_code("N")  # a notice is named once, where it is written
        return copy.text(value) if isinstance(value, str) else copy.plain(value)

    @property
    def statements_per_move(self) -> float:
        """Rows written per move."""
        return sum(map(len, self.moves)) / len(self.moves)

    @property
    def bytes_per_move(self) -> float:
        """Text and bytes among the values written, per move."""
        values = (value for commit in self.moves for _, written in commit for value in written)
        return sum(len(value) for value in values if isinstance(value, str | bytes)) / len(self.moves)


def taped(procedure: Procedure, url: str) -> Tape:
    """Walk one case through the engine, and take down what it writes."""
    commits: list[list[Written]] = []
    case, before = new_pseudonym(), len(procedure.opening)
    with _listening() as heard, bench_desk(procedure, url) as plain:
        vault = _TapingSafe(lambda: ROOTS, plain.clock)
        desk = replace(plain, safe=vault)
        for number, act in enumerate(procedure.acts):
            heard.clear()
            carry_out(desk, number, act, case, procedure.areas[0])
            commits.append(list(heard))
        _tape_entries(commits, vault.again)
        with desk.database.reading() as work:
            under = vault.key_by_id(work.case_keys(case)[0].vault_key, work)
    assert all(commits), "every command writes"
    return Tape(case, commits[:before], commits[before:], under, vault.again)


def _tape_entries(commits: list[list[Written]], again: Again) -> None:
    """Every entry of the ledger names its stream in its row and in its header: for a copy it is another one."""
    written = [values for commit in commits for sql, values in commit if "INTO ledger_outbox" in sql]
    streams = {bytes(stream) for stream, *_ in written}
    assert len(streams) == 1, "one desk, one writer, one stream"
    (stream,) = streams
    again[stream] = lambda copy: copy.stream
    for *_, entry in written:
        again[bytes(entry)] = partial(_moved, bytes(entry), stream)


def _moved(entry: bytes, stream: bytes, copy: Copy) -> bytes:
    return entry.replace(stream, copy.stream, 1)


class _TapingSafe(Safe):
    """A vault that takes down what it seals and digests."""

    def __init__(self, provider: Callable[[], KeyProvider], clock: Callable[[], datetime]) -> None:
        super().__init__(provider, clock)
        self.again: Again = {}

    def key_of(self, stored: StoredCase, work: Work) -> CaseKey:
        return _TapingKey(super().key_of(stored, work), self.again)

    def make_case_key(self, case: Case, work: Work) -> tuple[CaseKey, CaseKeyRow]:
        key, row = super().make_case_key(case, work)
        self.again[row.wrapped] = lambda copy: copy.wrapped
        return _TapingKey(key, self.again), row

    def house(self, work: Work) -> HouseKey:
        super().house(work)
        return _TapingHouse(self.ring(work).all_of("installation", EVERYWHERE), self.again)


class _TapingKey(CaseKey):
    __slots__ = ("_again",)

    def __init__(self, key: CaseKey, again: Again) -> None:
        super().__init__(key.case_id, key._secrets)
        self._again = again

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        sealed = super().seal(plain, cell)
        self._again[sealed] = lambda copy: copy.key.seal(
            self._with_digests(plain, copy), replace(cell, row=copy.text(cell.row))
        )
        return sealed

    def compartment_digest(self, field_class: str, plain: bytes) -> str:
        made = super().compartment_digest(field_class, plain)
        self._again[made] = lambda copy: copy.key.compartment_digest(field_class, copy.plain(plain))
        return made

    def _with_digests(self, plain: bytes, copy: Copy) -> bytes:
        """Readable bytes for the copy, with its own digests where the structure of a case holds digests."""

        def own(found: re.Match[bytes]) -> bytes:
            digest = found.group().decode()
            again = self._again[digest](copy) if digest in self._again else digest
            assert isinstance(again, str)
            return again.encode()

        return _DIGEST.sub(own, copy.plain(plain))

    def identity_cipher(self, with_key: VaultKey, version: int | None = None) -> Cipher:
        return _TapingCipher(super().identity_cipher(with_key, version), with_key, self._again)


class _TapingCipher(Cipher):
    __slots__ = ("_again", "_cipher", "_with_key")

    def __init__(self, cipher: Cipher, with_key: VaultKey, again: Again) -> None:
        self.version = cipher.version
        self._cipher, self._with_key, self._again = cipher, with_key, again

    def seal(self, plain: bytes, place: bytes) -> bytes:
        sealed = self._cipher.seal(plain, place)
        self._again[sealed] = lambda copy: copy.key.identity_cipher(self._with_key).seal(
            copy.plain(plain), copy.plain(place)
        )
        return sealed

    def unseal(self, stored: bytes, place: bytes) -> bytes:
        return self._cipher.unseal(stored, place)


class _TapingHouse(HouseKey):
    def __init__(self, keys: Iterable[VaultKey], again: Again) -> None:
        super().__init__(keys)
        self._again = again

    def digest(self, words: bytes) -> str:
        made = super().digest(words)
        self._again[made] = lambda copy: super(_TapingHouse, self).digest(copy.plain(words))
        return made

    def locator(self, words: bytes) -> str:
        made = super().locator(words)
        self._again[made] = lambda copy: super(_TapingHouse, self).locator(copy.plain(words))
        return made


@contextmanager
def _listening() -> Iterator[list[Written]]:
    """Give the list that fills with what is written over every connection opened meanwhile."""
    heard: list[Written] = []

    def note(statement: object, rows: Iterable[Sequence[Any] | None]) -> None:
        if str(statement).lstrip().upper().startswith(_WRITES):
            heard.extend((str(statement), tuple(values or ())) for values in rows)

    factories: dict[str, dict[str, Any]] = {
        "sqlite": {"factory": _sqlite_factory(note)},
        "postgresql": {"cursor_factory": _psycopg_factory(note)},
    }

    def connect(dialect: Any, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        parameters.update(factories[dialect.name])

    event.listen(Engine, "do_connect", connect)
    try:
        yield heard
    finally:
        event.remove(Engine, "do_connect", connect)


def _sqlite_factory(note: Any) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, statement: str, values: Any = (), /) -> Any:
            note(statement, [values])
            return super().execute(statement, values)

        def executemany(self, statement: str, rows: Any, /) -> Any:
            rows = list(rows)
            note(statement, rows)
            return super().executemany(statement, rows)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: object) -> Any:
            return super().cursor(Cursor)

    return Connection


def _psycopg_factory(note: Any) -> type[psycopg.Cursor]:
    class Cursor(psycopg.Cursor):
        def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
            note(query, [params])
            return super().execute(query, params, **more)

        def executemany(self, query: Any, params_seq: Any, **more: Any) -> None:
            rows = list(params_seq)
            note(query, rows)
            super().executemany(query, rows, **more)

    return Cursor
