"""One open transaction on one raw connection: the few things the record room asks a driver to do.

Both wires have the same methods. On SQLite each statement is done at once. On PostgreSQL statements are
queued in a pipeline and go out together when an answer is needed, so a saved case is one round trip.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy.engine import Dialect

from engine.errors import GuituError
from engine.store.faults import fault_of, unavailable
from engine.store.statements import Statement, Values

Row = tuple[Any, ...]


class SqliteWire:
    """A transaction on SQLite; a writing one waits its turn at once (``BEGIN IMMEDIATE``)."""

    __slots__ = ("_connection", "_cursor", "_dialect", "_has_failed", "_is_reading")

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._dialect = dialect
        self._is_reading = False
        self._has_failed = False

    def begin(self, *, reading: bool) -> None:
        """Start the transaction; a reading one sees one state and may not write."""
        try:
            if reading:
                self._is_reading = True
                self._cursor.execute("PRAGMA query_only = ON")
            self._cursor.execute("BEGIN" if reading else "BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def row(self, statement: Statement, values: Values = ()) -> Row | None:
        """The first row found, if any."""
        form = statement.form(self._dialect)
        try:
            found: Row | None = self._cursor.execute(form.sql, form.parameters(values)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return None if found is None else form.row(found)

    def rows(self, statement: Statement, values: Values = ()) -> list[Row]:
        """All rows found."""
        form = statement.form(self._dialect)
        try:
            found = self._cursor.execute(form.sql, form.parameters(values)).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return [form.row(row) for row in found]

    def write(self, statement: Statement, values: Values = ()) -> None:
        """Write; how many rows it touched does not matter."""
        self.changed(statement, values)

    def write_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        """Write one statement for each of these rows."""
        if len(rows) == 1:  # executemany takes longer for one row
            self.changed(statement, rows[0])
            return
        form = statement.form(self._dialect)
        try:
            self._cursor.executemany(form.sql, [form.parameters(row) for row in rows])
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def changed(self, statement: Statement, values: Values = ()) -> int:
        """Write, and say how many rows it touched."""
        form = statement.form(self._dialect)
        try:
            return self._cursor.execute(form.sql, form.parameters(values)).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def keep(self) -> None:
        """End the transaction so that what was written stays; it lies on the disk on return."""
        if self._has_failed:
            # As on PostgreSQL: what came before the error would be half of something.
            raise unavailable(fault="failed before")
        try:
            self._cursor.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def drop(self) -> bool:
        """End the transaction, forget what was not kept, and say whether the connection is still of use."""
        try:
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")
            if self._is_reading:
                self._cursor.execute("PRAGMA query_only = OFF")
            self._cursor.close()
        except sqlite3.Error:
            return False
        return True

    def _failed(self, error: sqlite3.Error) -> GuituError:
        self._has_failed = True
        return fault_of(error)


class PostgresWire:
    """A transaction on PostgreSQL, in a pipeline: errors of queued writes surface with the next answer."""

    __slots__ = ("_connection", "_cursor", "_dialect", "_pipeline", "_within")

    def __init__(self, connection: psycopg.Connection[Row], dialect: Dialect) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._dialect = dialect
        self._within = connection.pipeline()
        self._pipeline: psycopg.Pipeline | None = None

    def begin(self, *, reading: bool) -> None:
        """Start the transaction; a reading one sees one state and may not write."""
        try:
            self._pipeline = self._within.__enter__()
            self._cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if reading else "BEGIN")
        except psycopg.Error as error:
            raise fault_of(error) from None

    def row(self, statement: Statement, values: Values = ()) -> Row | None:
        """The first row found, if any."""
        form = statement.form(self._dialect)
        try:
            found = self._connection.cursor(binary=True).execute(form.sql, form.parameters(values)).fetchone()
        except psycopg.Error as error:
            raise fault_of(error) from None
        return None if found is None else form.row(found)

    def rows(self, statement: Statement, values: Values = ()) -> list[Row]:
        """All rows found."""
        form = statement.form(self._dialect)
        try:
            found = self._connection.cursor(binary=True).execute(form.sql, form.parameters(values)).fetchall()
        except psycopg.Error as error:
            raise fault_of(error) from None
        return [form.row(row) for row in found]

    def write(self, statement: Statement, values: Values = ()) -> None:
        """Queue a write; how many rows it touches does not matter."""
        form = statement.form(self._dialect)
        try:
            self._cursor.execute(form.sql, form.parameters(values))
        except psycopg.Error as error:
            raise fault_of(error) from None

    def write_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        """Queue one statement for each of these rows."""
        for row in rows:
            self.write(statement, row)

    def changed(self, statement: Statement, values: Values = ()) -> int:
        """Write with all that is queued, and say how many rows this one touched."""
        form = statement.form(self._dialect)
        assert self._pipeline is not None, "begin first"
        try:
            cursor = self._connection.cursor(binary=True).execute(form.sql, form.parameters(values))
            self._pipeline.sync()
        except psycopg.Error as error:
            raise fault_of(error) from None
        return cursor.rowcount

    def keep(self) -> None:
        """End the transaction so that what was written stays; it lies on the disk on return."""
        assert self._pipeline is not None, "begin first"
        try:
            cursor = self._connection.cursor().execute("COMMIT")
            self._pipeline.sync()
        except psycopg.Error as error:
            raise fault_of(error) from None
        if cursor.statusmessage != "COMMIT":
            # PostgreSQL answers COMMIT after an error with a ROLLBACK, and calls that a success.
            raise unavailable(fault="failed before")

    def drop(self) -> bool:
        """End the transaction, forget what was not kept, and say whether the connection is still of use."""
        try:
            with contextlib.suppress(psycopg.Error):  # of writes nobody waited for
                if self._pipeline is not None:
                    self._within.__exit__(None, None, None)
            if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            return False
        return True


Wire = SqliteWire | PostgresWire
