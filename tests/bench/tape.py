"""What the engine writes for each command, taken down as the database driver gets it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from engine.service.handle import handle
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Procedure
from tests.bench.driven import bench_desk, words

Written = tuple[str, tuple[Any, ...]]
"""A statement as the driver gets it, and its values as the driver gets them."""

_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")


@dataclass(frozen=True, slots=True)
class Tape:
    """One case, from its opening to its last move: the statements that write, one list for each commit."""

    case: str
    opening: list[list[Written]]
    moves: list[list[Written]]

    def for_case(self, case: str) -> Tape:
        """The same rows, of the same size, for another case (its pseudonym is in its keys and hand-offs, too)."""
        assert len(case) == len(self.case)
        opening, moves = (
            [[(sql, tuple(_renamed(value, self.case, case) for value in values)) for sql, values in commit]
             for commit in commits]
            for commits in (self.opening, self.moves)
        )  # fmt: skip
        return Tape(case, opening, moves)

    @property
    def statements_per_move(self) -> float:
        """Rows written per move."""
        return sum(map(len, self.moves)) / len(self.moves)

    @property
    def bytes_per_move(self) -> float:
        """Text and bytes among the values written, per move."""
        values = (value for commit in self.moves for _, written in commit for value in written)
        return sum(len(value) for value in values if isinstance(value, str | bytes)) / len(self.moves)


def _renamed(value: object, old: str, new: str) -> object:
    if isinstance(value, bytes):
        return value.replace(old.encode(), new.encode())
    return value.replace(old, new) if isinstance(value, str) else value


def taped(procedure: Procedure, url: str) -> Tape:
    """Walk one case through the engine, and take down what it writes."""
    commits: list[list[Written]] = []
    case, before = new_pseudonym(), len(procedure.opening)
    with _listening() as heard, bench_desk(procedure, url) as desk:
        for number, act in enumerate(procedure.acts):
            heard.clear()
            handle(desk, *words(number, act, case, procedure.areas[0]))
            commits.append(list(heard))
    assert all(commits), "every command writes"
    return Tape(case, commits[:before], commits[before:])


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
