"""Fills a store with cases: a few hundred walked through the engine, the rest copied from them inside the database.

Every copy has a pseudonym of its own wherever its original has one: in its rows, in its hand-offs, in the content
of the case and in the bodies of the events. A sample of the copies must replay equal through the engine.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from sqlalchemy import create_engine, text

from engine.core.commands import OpenCase
from engine.service.handle import handle
from engine.service.read import replay
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Act, Procedure
from tests.bench.driven import bench_desk, words
from tests.postgres import PostgresServer

MOVES_MADE = 8
"""Commands of the script that every case in stock has behind it."""
TABLES = ("case_record", "case_event", "case_unit", "track_position", "hand_off", "idempotency")
SAMPLE = 25

Connection = Any
"""A connection of either driver, with ``execute``."""


def walk_originals(procedure: Procedure, url: str, count: int) -> None:
    """Walk the first cases of a store through the engine, in all areas of the procedure, with facts of their own."""
    with bench_desk(procedure, url) as desk:
        for place in range(count):
            case, area = new_pseudonym(), procedure.areas[place % len(procedure.areas)]
            opening = [_varied(act, place) for act in procedure.opening]
            for number, act in enumerate([*opening, *procedure.script[:MOVES_MADE]]):
                handle(desk, *words(number, act, case, area))


def _varied(act: Act, place: int) -> Act:
    """An opening whose text is longer or shorter from case to case, where the procedure has such a text."""
    command = act.command
    if not isinstance(command, OpenCase) or "origin" not in command.facts:
        return act
    return replace(act, command=replace(command, facts={**command.facts, "origin": f"第{place}号" * (1 + place % 20)}))


def fill_sqlite(path: str, cases: int) -> None:
    """Copy until there are so many cases in this file; the file is as the engine wants it afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute("BEGIN")
        columns = {table: _sqlite_columns(connection, table) for table in TABLES}
        _copy(connection, columns, cases, "?")
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def fill_postgres(server: PostgresServer, database: str, cases: int) -> None:
    """Copy until there are so many cases in this database, as its superuser, foreign keys taken on trust."""
    with closing(server.connect(database)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("BEGIN")
        columns = {table: _postgres_columns(connection, table) for table in TABLES}
        _copy(connection, columns, cases, "%s")
        connection.execute("COMMIT")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def check_stock(procedure: Procedure, url: str, cases: int, sample: int = SAMPLE) -> int:
    """Replay a sample of the cases in stock; returns how many. Raises ``HistoryBroken`` for one that differs."""
    with bench_desk(procedure, url) as desk:
        found = ids(url)
        assert len(found) >= cases, f"{len(found)} cases in stock, {cases} wanted"
        drawn = random.sample(found, min(sample, len(found)))
        for case in drawn:
            replay(desk, case)
    return len(drawn)


def ids(url: str) -> list[str]:
    """The pseudonyms of all cases."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.scalars(text("SELECT id FROM case_record")))
    engine.dispose()
    return found


def _copy(connection: Connection, columns: dict[str, list[str]], cases: int, mark: str) -> None:
    originals = [row[0] for row in connection.execute("SELECT id FROM case_record").fetchall()]
    news = sorted(new_pseudonym() for _ in range(cases - len(originals)))
    connection.execute("CREATE TEMPORARY TABLE copied (old text, new text)")
    pairs = [(random.choice(originals), new) for new in news]
    connection.cursor().executemany(f"INSERT INTO copied VALUES ({mark}, {mark})", pairs)
    for table in TABLES:
        _copy_table(connection, table, columns[table])
    connection.execute("DROP TABLE copied")


def _copy_table(connection: Connection, table: str, columns: Sequence[str]) -> None:
    key = "id" if table == "case_record" else "case_id"
    connection.execute(f"CREATE TEMPORARY TABLE original AS SELECT * FROM {table}")
    connection.execute(f"CREATE INDEX original_key ON original ({key})")
    connection.execute("ANALYZE")
    connection.execute(
        f"INSERT INTO {table} SELECT {', '.join(columns)} FROM copied CROSS JOIN original WHERE original.{key} = old"
    )
    connection.execute("DROP TABLE original")


def _sqlite_columns(connection: Connection, table: str) -> list[str]:
    """What to select for each column of a copy: the value, with the new pseudonym for the old one."""
    found = []
    for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
        if kind == "BLOB":
            found.append(f"CAST(replace(CAST(original.{name} AS TEXT), old, new) AS BLOB)")
        elif kind.startswith("VARCHAR"):
            found.append(f"replace(original.{name}, old, new)")
        else:
            found.append(f"original.{name}")
    return found


def _postgres_columns(connection: Connection, table: str) -> list[str]:
    """The same in the words of PostgreSQL."""
    found = []
    asked = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    )
    for name, kind in connection.execute(asked, (table,)).fetchall():
        if kind == "bytea":
            found.append(f"convert_to(replace(convert_from(original.{name}, 'UTF8'), old, new), 'UTF8')")
        elif kind in ("character varying", "text"):
            found.append(f"replace(original.{name}, old, new)")
        else:
            found.append(f"original.{name}")
    return found
