"""The database behind the record room: opened once per process, worked with one transaction at a time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any, Self, cast

import psycopg
from sqlalchemy import Boolean, Engine, String, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import PoolProxiedConnection

from engine.errors import GuituError, StoreUnavailable
from engine.store.faults import DRIVER_ERRORS, fault_of, schema_behind, unavailable
from engine.store.statements import Statement
from engine.store.tables import SCHEMA
from engine.store.wires import AnyWire, PostgresWire, SqliteWire
from engine.store.work import Work

BUSY_SECONDS = 10
"""How long a writer waits for another one, and a caller for a connection."""
POOL_SIZE = 8

Seat = tuple[PoolProxiedConnection, AnyWire]
"""A connection of the pool and the wire on it."""

_SQLITE_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # so that INSERT OR REPLACE meets the trigger that refuses removal
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
)

_DURABLE = {
    "sqlite": (("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")),
    "postgresql": (("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")),
}
"""What an answered command rests on: settings of the database and what they must say (2 is ``FULL``)."""

_SCHEMA = Statement(text("SELECT version_num FROM alembic_version").columns(version_num=String()))
_ROLE = Statement(
    text(
        "SELECT rolsuper, rolbypassrls, EXISTS (SELECT 1 FROM pg_class WHERE oid = to_regclass('case_record')"
        " AND pg_has_role(relowner, 'MEMBER')) AS owns FROM pg_roles WHERE rolname = current_user"
    ).columns(rolsuper=Boolean(), rolbypassrls=Boolean(), owns=Boolean())
)


def engine_for(url: str) -> Engine:
    """A SQLAlchemy engine set up the way the record room needs it; connects to nothing yet.

    SQLite: write-ahead log, full synchronisation, foreign keys, transactions begun by us only. PostgreSQL:
    psycopg 3 in autocommit, so that a transaction is what we say it is. Raises :class:`StoreUnavailable`
    for a URL of any other database, or one that holds nothing on a disk.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"isolation_level": None, "timeout": BUSY_SECONDS, "check_same_thread": False},
            pool_size=POOL_SIZE,
            pool_timeout=BUSY_SECONDS,
        )
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={
            "autocommit": True,
            "connect_timeout": BUSY_SECONDS,
            "application_name": "guitu",
            "options": f"-c lock_timeout={BUSY_SECONDS}s",
        },
        paramstyle="format",
        use_native_hstore=False,
        pool_size=POOL_SIZE,
        pool_timeout=BUSY_SECONDS,
    )


def is_there(engine: Engine) -> bool:
    """Whether there is something to connect to: SQLite would make an absent file in passing."""
    return engine.dialect.name != "sqlite" or Path(engine.url.database or "").is_file()


def file_of(engine: Engine) -> tuple[int, int] | None:
    """Which file an embedded database is, by device and inode; ``None`` without one."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        found = os.stat(engine.url.database or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Database:
    """One database, opened. Safe to share between threads, not across a fork."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = file_of(engine)
        self._spare: list[Seat] = []  # at most about one: the pool's own turn-around costs as much as a statement

    @classmethod
    def open(cls, url: str, *, check: bool = True) -> Self:
        """Open the database at ``sqlite:///<path>`` or ``postgresql://…``.

        With ``check``, raises :class:`SchemaBehind` when the schema is not the one of this release. Raises
        :class:`StoreUnavailable` when the database cannot be reached, or the role on PostgreSQL is one that nothing
        holds back: a superuser, one that bypasses row security or, with ``check``, the owner of the tables.
        """
        engine = engine_for(url)
        if not is_there(engine):
            raise schema_behind(fault="no such file")
        database = cls(engine)
        try:
            database.look_around(check=check)
        except GuituError:
            database.close()
            raise
        return database

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._spare:
            pooled, wire = self._spare.pop()
            wire.close()
            pooled.invalidate()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def writing(self) -> Turn:
        """One transaction that writes; all of it is dropped unless ``commit`` was called on the work.

        Raises :class:`StoreUnavailable` when another writer held the database for too long.
        """
        return Turn(self, reading=False)

    def reading(self) -> Turn:
        """One transaction that sees one state of the database and cannot write."""
        return Turn(self, reading=True)

    def lend(self) -> Seat:
        """A connection that nobody uses, to be given back by :meth:`take_back`.

        Raises :class:`StoreUnavailable` when the file of an embedded database is not the one that was opened: a
        connection would go on writing into a file that no name leads to any more.
        """
        if self._file is not None and self._file != file_of(self._engine):
            self.close()
            raise unavailable(fault="the file was removed or replaced")
        try:
            return self._spare.pop()
        except IndexError:
            return self._seat()

    def take_back(self, seat: Seat, *, is_sound: bool) -> None:
        """Keep a connection for the next one, or throw it away when it is broken."""
        pooled, wire = seat
        if not is_sound:
            # One broken connection often means that all are: let everybody begin anew.
            pooled.invalidate()
            self.close()
        elif self._spare:
            wire.close()
            pooled.close()
        else:
            self._spare.append(seat)

    def _seat(self) -> Seat:
        try:
            pooled = self._engine.raw_connection()
        except DRIVER_ERRORS as error:
            raise fault_of(error) from None
        driver = pooled.driver_connection
        if isinstance(driver, sqlite3.Connection):
            return pooled, SqliteWire(driver, self._engine.dialect)
        return pooled, PostgresWire(cast("psycopg.Connection[tuple[Any, ...]]", driver), self._engine.dialect)

    def look_around(self, *, check: bool = True) -> None:
        """Hold role and, with ``check``, schema against what the engine works with. Raises what :meth:`open` says."""
        with self.reading() as work:
            if self.kind == "postgresql":
                _refuse_role(*(work.wire.row(_ROLE) or (True, True, True)), check=check)
            if check and work.wire.row(_SCHEMA) != (SCHEMA,):
                raise schema_behind(fault="other revision")


class Turn:
    """One transaction from its beginning to its end, as a ``with`` block."""

    __slots__ = ("_database", "_is_reading", "_seat")

    def __init__(self, database: Database, *, reading: bool) -> None:
        self._database = database
        self._is_reading = reading
        self._seat: Seat | None = None

    def __enter__(self) -> Work:
        """Begin. Raises what :meth:`Database.writing` says."""
        self._seat = seat = self._database.lend()
        try:
            seat[1].begin(reading=self._is_reading)
        except GuituError:
            self.__exit__()
            raise
        return Work(seat[1])

    def __exit__(self, *_: object) -> None:
        """End, and drop what was not kept."""
        seat, self._seat = self._seat, None
        if seat is not None:
            self._database.take_back(seat, is_sound=seat[1].drop())


def _refuse_role(is_superuser: bool, bypasses: bool, owns: bool, *, check: bool) -> None:
    """Refuse a role of PostgreSQL that could look past row security. Upgrades and backups are the owner's work."""
    if is_superuser:
        raise StoreUnavailable(
            "不得以 PostgreSQL 超级用户身份运行：任何授权对其均无约束；请改用 guitu_app",
            "refusing to run as a superuser of PostgreSQL, for whom no grant holds; use the role guitu_app",
        )
    if bypasses:
        raise StoreUnavailable(
            "该数据库账号可绕过行级安全（BYPASSRLS）；请执行 ALTER ROLE … NOBYPASSRLS，或改用 guitu_app",
            "the role bypasses row security (BYPASSRLS); run ALTER ROLE … NOBYPASSRLS, or use the role guitu_app",
        )
    if owns and check:
        raise StoreUnavailable(
            "不得以数据表所有者的账号办理：所有者可自行关闭行级安全；请改用 guitu_app"
            "（所有者账号仅用于 guitu db upgrade 和备份）",
            "refusing to work as the owner of the tables, who can switch row security off; use the role guitu_app "
            "(the owner is for guitu db upgrade and backups only)",
        )


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise unavailable(fault="not a database URL") from None
    kind = parsed.get_backend_name()
    if kind not in ("sqlite", "postgresql") or (kind == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise unavailable(fault="neither a SQLite file nor PostgreSQL")
    return parsed


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    for setting in _SQLITE_SETTINGS:
        connection.execute(setting).close()
