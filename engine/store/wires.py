"""One transaction at a time on one raw connection: the few things the record room asks a driver to do.

The statements go to the driver's cursor as text and a tuple; SQLAlchemy compiled the text once. A pipeline was
tried on PostgreSQL: on one machine it costs more CPU in the client than the round trips it saves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar

import psycopg
from sqlalchemy.engine import Dialect

from engine.errors import GuituError
from engine.store.faults import fault_of, unavailable
from engine.store.statements import Statement, Values

SEES_THE_HOUSE = "SET LOCAL guitu.sight = 'house'"
"""What a transaction on PostgreSQL says that may see every case (``migrations/row_security.py`` reads it)."""

Row = tuple[Any, ...]
_ERRORS = (sqlite3.Error, psycopg.Error)


class Wire:
    """What is alike on both databases. After an error nothing of the transaction can be kept any more."""

    __slots__ = ("_cursor", "_dialect", "_has_failed")
    has_row_security: ClassVar[bool] = False
    """Whether the database itself can hold a transaction to the rows it may see."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._has_failed = False

    def row(self, statement: Statement, values: Values = ()) -> Row | None:
        """The first row found, if any."""
        form = statement.form(self._dialect)
        try:
            found: Row | None = self._cursor.execute(form.sql, form.parameters(values)).fetchone()
        except _ERRORS as error:
            raise self._failed(error) from None
        return None if found is None else form.row(found)

    def rows(self, statement: Statement, values: Values = ()) -> list[Row]:
        """All rows found."""
        form = statement.form(self._dialect)
        try:
            found = self._cursor.execute(form.sql, form.parameters(values)).fetchall()
        except _ERRORS as error:
            raise self._failed(error) from None
        return [form.row(row) for row in found]

    def write(self, statement: Statement, values: Values = ()) -> int:
        """Write, and say how many rows it touched."""
        form = statement.form(self._dialect)
        try:
            touched: int = self._cursor.execute(form.sql, form.parameters(values)).rowcount
        except _ERRORS as error:
            raise self._failed(error) from None
        return touched

    def write_many(self, statement: Statement, rows: Sequence[Values]) -> None:
        """Write one statement for each of these rows."""
        if len(rows) <= 2:  # two executes are quicker than one executemany
            for row in rows:
                self.write(statement, row)
            return
        form = statement.form(self._dialect)
        try:
            self._cursor.executemany(form.sql, [form.parameters(row) for row in rows])
        except _ERRORS as error:
            raise self._failed(error) from None

    def keep(self) -> None:
        """End the transaction so that what was written stays; it lies on the disk on return."""
        if self._has_failed:
            # PostgreSQL would answer COMMIT with a silent ROLLBACK, SQLite would keep the half before the error.
            raise unavailable(fault="failed before")
        self._tell("COMMIT")

    def close(self) -> None:
        """Give up what the wire itself holds; the connection is not its own."""
        self._cursor.close()

    def _tell(self, words: str) -> None:
        try:
            self._cursor.execute(words)
        except _ERRORS as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> GuituError:
        self._has_failed = True
        return fault_of(error)


class SqliteWire(Wire):
    """A wire to SQLite; a writing transaction waits its turn at once (``BEGIN IMMEDIATE``)."""

    __slots__ = ("_connection", "_is_reading")

    def __init__(self, connection: sqlite3.Connection, dialect: Dialect) -> None:
        super().__init__(connection.cursor(), dialect)
        self._connection = connection
        self._is_reading = False

    def begin(self, *, reading: bool) -> None:
        """Start a transaction; a reading one sees one state and may not write."""
        self._has_failed = False
        self._is_reading = reading
        if reading:
            self._tell("PRAGMA query_only = ON")
        self._tell("BEGIN" if reading else "BEGIN IMMEDIATE")

    def drop(self) -> bool:
        """End the transaction, forget what was not kept, and say whether the connection is still of use."""
        try:
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")
            if self._is_reading:
                self._cursor.execute("PRAGMA query_only = OFF")
        except sqlite3.Error:
            return False
        return True


class PostgresWire(Wire):
    """A wire to PostgreSQL: read committed for writers, one snapshot for readers.

    Row security shows nothing to a transaction that does not say what it may see. Ours begin with the sight of the
    whole house, since deciding a request needs it; what is then shown to somebody is narrowed first.
    """

    __slots__ = ("_connection",)
    has_row_security = True

    def __init__(self, connection: psycopg.Connection[Row], dialect: Dialect) -> None:
        super().__init__(connection.cursor(binary=True), dialect)
        self._connection = connection

    def begin(self, *, reading: bool) -> None:
        """Start a transaction; a reading one sees one state and may not write."""
        self._has_failed = False
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if reading else "BEGIN"
        try:
            # Two statements on one trip: that needs the text form of the protocol.
            self._cursor.execute(f"{begin}; {SEES_THE_HOUSE}", prepare=False, binary=False)
        except _ERRORS as error:
            raise self._failed(error) from None

    def drop(self) -> bool:
        """End the transaction, forget what was not kept, and say whether the connection is still of use."""
        try:
            if self._connection.pgconn.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._cursor.execute("ROLLBACK")
        except psycopg.Error:
            return False
        return not self._connection.closed


AnyWire = SqliteWire | PostgresWire
