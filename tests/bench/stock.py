"""Fills a store with cases: a few hundred walked through the engine, the rest copied from them.

Every copy has a pseudonym of its own wherever its original has one: in its rows, in its hand-offs, in the content
of the case and in the bodies of the events. It has a key of its own, too, and all that is sealed is sealed anew (see
:mod:`tests.bench.sealed`). A sample of the copies must replay equal through the engine, its people readable.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from sqlalchemy import create_engine, text

from engine.core.commands import OpenCase
from engine.service.known import load_with_key
from engine.service.persons import Persons
from engine.service.read import replay
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Act, Procedure
from tests.bench.driven import bench_desk, carry_out
from tests.bench.sealed import Connection, Original, Row, columns_of, originals, sealed_anew
from tests.postgres import APP, PostgresServer

MOVES_MADE = 8
"""Commands of the script that every case in stock has behind it."""
PLAIN = ("participation", "case_unit", "track_position", "hand_off", "idempotency", "blind_index")
"""The tables of a case in which nothing is sealed under its key: they are copied inside the database."""
LOCATOR = ("idempotency", "key")
"""A digest by which a repeated request is found; nobody repeats those of a copy, so any other digest will do."""
ANSWER = ("idempotency", "answer")
"""The only bytes among them that can be read, and name the case."""
SAMPLE = 25

Put = Callable[[str, Sequence[Row]], object]
"""Writes rows into a table, as fast as the driver can."""


def walk_originals(procedure: Procedure, url: str, count: int) -> None:
    """Walk the first cases of a store through the engine, in all areas of the procedure, with facts of their own."""
    with bench_desk(procedure, url) as desk:
        for place in range(count):
            case, area = new_pseudonym(), procedure.areas[place % len(procedure.areas)]
            opening = [_varied(act, place) for act in procedure.opening]
            for number, act in enumerate([*opening, *procedure.script[:MOVES_MADE]]):
                carry_out(desk, number, act, case, area)


def _varied(act: Act, place: int) -> Act:
    """An opening whose text is longer or shorter from case to case, where the procedure has such a text."""
    command = act.command
    if not isinstance(command, OpenCase) or "origin" not in command.facts:
        return act
    return replace(act, command=replace(command, facts={**command.facts, "origin": f"第{place}号" * (1 + place % 20)}))


def fill_sqlite(path: str, cases: int) -> None:
    """Copy until there are so many cases in this file; the file is as the engine wants it afterwards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        copies = _drawn(f"sqlite:///{path}", connection, cases)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute("BEGIN")
        columns = {table: _sqlite_columns(connection, table) for table in PLAIN}
        _copy(connection, columns, copies, "?", partial(_put_sqlite, connection))
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def fill_postgres(server: PostgresServer, database: str, cases: int) -> None:
    """Copy until there are so many cases in this database, as its superuser, foreign keys taken on trust."""
    with closing(server.connect(database)) as connection:
        copies = _drawn(server.url(database, APP), connection, cases)
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("BEGIN")
        columns = {table: _postgres_columns(connection, table) for table in PLAIN}
        _copy(connection, columns, copies, "%s", partial(_put_postgres, connection))
        connection.execute("COMMIT")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def check_stock(procedure: Procedure, url: str, cases: int, sample: int = SAMPLE) -> int:
    """Replay a sample of the cases in stock and open their people; returns how many.

    Raises ``HistoryBroken`` for one that differs, ``ContentUnreadable`` for one that does not open.
    """
    with bench_desk(procedure, url) as desk:
        found = ids(url)
        assert len(found) >= cases, f"{len(found)} cases in stock, {cases} wanted"
        drawn = random.sample(found, min(sample, len(found)))
        for code in drawn:
            replay(desk, code)
            with desk.database.reading() as work:
                loaded = load_with_key(desk, code, work, for_update=False)
                case, key = loaded.case, loaded.key
                assert Persons(desk.safe, work).of(case, key).keys() == case.persons.keys()
    return len(drawn)


def ids(url: str) -> list[str]:
    """The pseudonyms of all cases."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET guitu.sight = 'house'"))
        found = list(connection.scalars(text("SELECT id FROM case_record")))
    engine.dispose()
    return found


def _drawn(url: str, connection: Connection, cases: int) -> list[tuple[Original, str]]:
    """The copies that are wanting, by the order of their pseudonyms, each with the case it is made from."""
    found = originals(url, connection)
    news = sorted(new_pseudonym() for _ in range(cases - len(found)))
    return [(random.choice(found), new) for new in news]


def _copy(
    connection: Connection, columns: dict[str, list[str]], copies: list[tuple[Original, str]], mark: str, put: Put
) -> None:
    for made in sealed_anew(copies):
        for table, rows in made.items():
            put(table, rows)
    connection.execute("CREATE TEMPORARY TABLE copied (old text, new text)")
    pairs = [(original.case, new) for original, new in copies]
    connection.cursor().executemany(f"INSERT INTO copied VALUES ({mark}, {mark})", pairs)
    for table in PLAIN:
        _copy_table(connection, table, columns[table])
    connection.execute("DROP TABLE copied")


def _put_sqlite(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    columns = columns_of(table)
    marks = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def _put_postgres(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns_of(table))}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _copy_table(connection: Connection, table: str, columns: Sequence[str]) -> None:
    connection.execute(f"CREATE TEMPORARY TABLE original AS SELECT * FROM {table}")
    connection.execute("CREATE INDEX original_key ON original (case_id)")
    connection.execute("ANALYZE")
    connection.execute(
        f"INSERT INTO {table} SELECT {', '.join(columns)} FROM copied CROSS JOIN original WHERE original.case_id = old"
    )
    connection.execute("DROP TABLE original")


def _sqlite_columns(connection: Connection, table: str) -> list[str]:
    """What to select for each column of a copy: the value, with the new pseudonym for the old one."""
    found = []
    for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
        if (table, name) == LOCATOR:
            found.append("lower(hex(randomblob(32)))")
        elif (table, name) == ANSWER:
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
        if (table, name) == LOCATOR:
            found.append(f"encode(sha256(convert_to(original.{name} || new, 'UTF8')), 'hex')")
        elif (table, name) == ANSWER:
            found.append(f"convert_to(replace(convert_from(original.{name}, 'UTF8'), old, new), 'UTF8')")
        elif kind in ("character varying", "text"):
            found.append(f"replace(original.{name}, old, new)")
        else:
            found.append(f"original.{name}")
    return found
