"""The raw limit: the very rows the engine wrote, written again by hand with the same durability.

What it includes, per move: one transaction (``BEGIN IMMEDIATE`` on SQLite) that reads the case row back by its
key (``FOR UPDATE`` on PostgreSQL, all of its content), writes the same rows to the same tables with the same
statements (events, positions, hand-offs, units, the kept answer, the case row last), and commits; constraints,
indexes and triggers are those of the schema. What it does not: looking for an earlier answer under the
idempotency key, reading the case's people, opening, judging, encoding, sealing, logging. Values are ready for the
driver before the clock starts: sealed for the case they are written for, of the same size as the engine's.

On PostgreSQL every statement is prepared, and sent in a pipeline: two waits per move, one for the case row and
one for the commit. ``stepwise`` waits for every statement instead, as bare SQL is usually written.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import psycopg
from sqlalchemy import make_url

from engine.store.database import engine_for
from engine.vault.pseudonym import new_pseudonym
from tests.bench.crew import Job, Move
from tests.bench.tape import Tape, Written

_READ = "SELECT id, revision, definition_hash, content FROM case_record WHERE id = "


def limit_job(url: str, tape: Tape, cases: int, *, stepwise: bool = False) -> Job:
    """Each writer writes its own cases in turn, one commit each, like the engine's job."""
    job = _sqlite_job if url.startswith("sqlite") else _postgres_job
    return partial(job, url, tape, cases, stepwise)


def _copies(tape: Tape, cases: int) -> list[Tape]:
    return [tape.for_case(new_pseudonym()) for _ in range(cases)]


def _in_turn(copies: list[Tape]) -> Iterator[tuple[str, list[Written]]]:
    """Every case's first move, then every case's second, each time in another order."""
    for moves in zip(*([(one.case, commit) for commit in one.moves] for one in copies), strict=True):
        yield from random.sample(moves, len(moves))


@contextmanager
def _sqlite_job(url: str, tape: Tape, cases: int, stepwise: bool, number: int) -> Iterator[list[Move]]:
    engine = engine_for(url)  # the same settings: WAL, synchronous=FULL, foreign keys
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    copies = _copies(tape, cases)
    for one in copies:
        for commit in one.opening:
            _write_sqlite(connection, one.case, commit)
    yield [partial(_write_sqlite, connection, case, commit) for case, commit in _in_turn(copies)]
    pooled.close()
    engine.dispose()


def _write_sqlite(connection: sqlite3.Connection, case: str, commit: list[Written]) -> None:
    execute = connection.execute
    execute("BEGIN IMMEDIATE")
    execute(f"{_READ}?", (case,)).fetchone()
    for sql, values in commit:
        execute(sql, values)
    execute("COMMIT")


@contextmanager
def _postgres_job(url: str, tape: Tape, cases: int, stepwise: bool, number: int) -> Iterator[list[Move]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    write = _write_stepwise if stepwise else _write_piped
    with closing(psycopg.connect(plain, autocommit=True, prepare_threshold=0)) as connection:
        connection.execute("SET guitu.sight = 'house'")
        copies = _copies(tape, cases)
        for one in copies:
            for commit in one.opening:
                write(connection, one.case, commit)
        yield [partial(write, connection, case, commit) for case, commit in _in_turn(copies)]


def _write_piped(connection: psycopg.Connection, case: str, commit: list[Written]) -> None:
    cursor = connection.cursor(binary=True)
    with connection.pipeline():
        cursor.execute("BEGIN")
        cursor.execute(f"{_READ}%s FOR UPDATE", (case,)).fetchone()
        for sql, values in commit:
            cursor.execute(sql, values)
        cursor.execute("COMMIT")


def _write_stepwise(connection: psycopg.Connection, case: str, commit: list[Written]) -> None:
    cursor = connection.cursor(binary=True)
    cursor.execute("BEGIN")
    cursor.execute(f"{_READ}%s FOR UPDATE", (case,)).fetchone()
    for sql, values in commit:
        cursor.execute(sql, values)
    cursor.execute("COMMIT")
