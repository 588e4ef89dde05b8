"""What a database holds, taken out whole at one moment while others write, and put back into an empty one.

SQLite is copied by its online backup inside a reading transaction, so that writers neither wait nor make the copy begin
anew. PostgreSQL is dumped by ``pg_dump`` from a snapshot that was exported here, so that what is counted is what lies
in the dump.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import Integer, String, func, make_url, select, text
from sqlalchemy.dialects import sqlite

from engine.errors import BackupBroken, BackupRefused, GuituError, SchemaBehind, StoreUnavailable
from engine.store import pg_tools
from engine.store.database import Database, engine_for
from engine.store.faults import fault_of, schema_behind
from engine.store.statements import Statement
from engine.store.tables import SCHEMA, TABLES
from engine.store.wires import AnyWire, SqliteWire

_PAGES = 512
"""Of a SQLite file at a time: between two steps the process answers signals."""
_MAJOR = 10_000

_CASE, _EVENT = TABLES["case_record"], TABLES["case_event"]
_EVENTS_OF_CASE = select(func.count()).select_from(_EVENT).where(_EVENT.c.case_id == _CASE.c.id).scalar_subquery()
_SCHEMA = Statement(text("SELECT version_num FROM alembic_version").columns(version_num=String()))
_CASES = Statement(select(func.count()).select_from(_CASE))
_EVENTS = Statement(select(func.count()).select_from(_EVENT))
_TORN = Statement(select(func.count()).select_from(_CASE).where(_CASE.c.events != _EVENTS_OF_CASE))
_SNAPSHOT = Statement(text("SELECT pg_export_snapshot()").columns(name=String()))
# Whatever a database of PostgreSQL did not come with has a number from 16384 on.
_THINGS = Statement(
    text(
        "SELECT (SELECT count(*) FROM pg_class WHERE oid >= 16384) + (SELECT count(*) FROM pg_proc WHERE oid >= 16384)"
    ).columns(things=Integer())
)
_GRANTEES = Statement(
    text(
        "SELECT DISTINCT r.rolname FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a"
        " JOIN pg_roles r ON r.oid = a.grantee WHERE c.oid >= 16384 AND a.grantee <> c.relowner ORDER BY 1"
    ).columns(role=String())
)
_ROLES = Statement(text("SELECT rolname FROM pg_roles").columns(role=String()))
_CLEAR = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384
  LOOP EXECUTE 'DROP TABLE IF EXISTS ' || one.name || ' CASCADE'; END LOOP;
  FOR one IN SELECT oid::regprocedure AS name FROM pg_proc WHERE oid >= 16384
  LOOP EXECUTE 'DROP FUNCTION IF EXISTS ' || one.name || ' CASCADE'; END LOOP;
END $$"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a database holds: its schema, and how many cases and events."""

    schema: str
    cases: int
    events: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken: the database's kind, what it held, and with what it was taken.

    ``server`` and ``tool`` are major versions of PostgreSQL, 0 for SQLite; ``roles`` are those that hold grants in it.
    """

    kind: str
    held: Held
    server: int = 0
    tool: int = 0
    roles: tuple[str, ...] = ()


def kind_of(url: str) -> str:
    """``sqlite`` or ``postgresql``. Raises :class:`StoreUnavailable` for any other URL."""
    return engine_for(url).dialect.name


def file_at(url: str) -> Path:
    """The file of an embedded database."""
    return Path(make_url(url).database or "")


def is_known(schema: str) -> bool:
    """Whether this program can upgrade from that schema, or it is its own; it is not of a newer program then."""
    here = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    return schema in {one.revision for one in here.walk_revisions()}


def is_newest(schema: str) -> bool:
    """Whether it is the schema this program writes."""
    return schema == SCHEMA


def take(url: str, into: Path, tools: Path | None) -> Taken:
    """Write everything the database holds at this moment into a file that exists and is empty, while others write.

    Raises :class:`SchemaBehind` when it was never upgraded, :class:`BackupBroken` when the copy does not pass its
    checks, :class:`BackupRefused` when a program of PostgreSQL is missing, too old or may not read all,
    :class:`StoreUnavailable`, :class:`StoreFull`.
    """
    with _seated(url) as (driver, wire):
        wire.begin(reading=True)
        held = _whole(_held(wire))  # the first look fixes the state that is copied
        if isinstance(driver, sqlite3.Connection):
            _copy(driver, into)
            if look_into(into) != held:
                raise _not_whole("copy")
            return Taken("sqlite", held)
        server = driver.info.server_version // _MAJOR
        tool = pg_tools.find("pg_dump", tools)
        pg_tools.refuse_older(tool, server, "数据库服务器", "the server")
        roles = tuple(str(role) for (role,) in wire.rows(_GRANTEES))
        snapshot = wire.row(_SNAPSHOT)
        assert snapshot is not None
        pg_tools.run(pg_tools.dump_command(tool, snapshot[0], into), driver)
        return Taken("postgresql", held, server, tool.major, roles)


def look_into(file: Path) -> Held:
    """What an embedded database holds that nobody works with; it passed the checks of SQLite and ours.

    Raises :class:`BackupBroken`.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise _not_whole("integrity_check")
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise _not_whole("foreign_key_check")
            wire = SqliteWire(connection, sqlite.dialect())
            wire.begin(reading=True)
            return _whole(_held(wire))
    except (sqlite3.Error, SchemaBehind, StoreUnavailable):
        raise _not_whole("unreadable") from None


def read_through(dump: Path, made_with: int, tools: Path | None) -> int:
    """Read a dump to its end and return how many things are listed in it; it is restored nowhere.

    Raises :class:`BackupBroken`, :class:`BackupRefused`.
    """
    tool = _restorer(made_with, tools)
    listed = pg_tools.run([tool.path, "--list", str(dump)]).splitlines()
    pg_tools.run([tool.path, f"--file={os.devnull}", str(dump)])
    return sum(1 for line in listed if line and not line.startswith(";"))


def restore_dump(dump: Path, url: str, taken: Taken, tools: Path | None) -> None:
    """Restore a dump into an empty database of PostgreSQL, wholly or not at all.

    Raises :class:`BackupRefused` when the database is not empty, its server or a program is older than those the dump
    was made with, or a role is missing; :class:`StoreUnavailable`, :class:`StoreFull`.
    """
    tool = _restorer(taken.tool, tools)
    with _seated(url) as (driver, wire):
        assert isinstance(driver, psycopg.Connection)
        _refuse_things(wire)
        _refuse_unlike(driver.info.server_version // _MAJOR, taken, {role for (role,) in wire.rows(_ROLES)})
        pg_tools.run(pg_tools.restore_command(tool, dump, driver.info.dbname), driver)


def look_at(url: str) -> Held:
    """What a database holds. Raises :class:`BackupBroken` when events of a case are missing."""
    with _seated(url) as (_, wire):
        wire.begin(reading=True)
        return _whole(_held(wire))


def refuse_unless_empty(url: str) -> None:
    """Raise :class:`BackupRefused` when there is anything in the database, or an embedded one exists."""
    if kind_of(url) == "sqlite":
        file = file_at(url)
        if any(Path(f"{file}{suffix}").exists() for suffix in ("", "-wal", "-shm", "-journal")):
            raise _not_empty()
        return
    with _seated(url) as (_, wire):
        _refuse_things(wire)


def clear(url: str) -> None:
    """Remove every table and function from a database of PostgreSQL that was empty before we restored into it."""
    with _seated(url) as (driver, _):
        assert isinstance(driver, psycopg.Connection)
        try:
            driver.execute(_CLEAR)
        except psycopg.Error as error:
            raise fault_of(error) from None


@contextmanager
def _seated(url: str) -> Iterator[tuple[sqlite3.Connection | psycopg.Connection[Any], AnyWire]]:
    """A connection to the database, whatever its schema, given back at the end."""
    with Database.open(url, check=False) as database:
        seat = database.lend()
        pooled, wire = seat
        try:
            yield cast("sqlite3.Connection | psycopg.Connection[Any]", pooled.driver_connection), wire
        finally:
            database.take_back(seat, is_sound=wire.drop())


def _copy(source: sqlite3.Connection, into: Path) -> None:
    try:
        with closing(sqlite3.connect(into, isolation_level=None)) as copy:
            source.backup(copy, pages=_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, which needs no second one beside it to be read
    except sqlite3.Error as error:
        raise fault_of(error) from None


def _held(wire: AnyWire) -> tuple[Held, int]:
    """What a database holds, and in how many cases events are missing or too many."""
    schema, cases, events, torn = (wire.row(ask) for ask in (_SCHEMA, _CASES, _EVENTS, _TORN))
    if schema is None or cases is None or events is None or torn is None:
        raise schema_behind(fault="no schema")
    return Held(schema[0], cases[0], events[0]), torn[0]


def _whole(found: tuple[Held, int]) -> Held:
    held, torn = found
    if torn:
        raise _not_whole("events")
    return held


def _restorer(made_with: int, tools: Path | None) -> pg_tools.Tool:
    tool = pg_tools.find("pg_restore", tools)
    pg_tools.refuse_older(tool, made_with, "制作该备份的 pg_dump", "the pg_dump that made this backup")
    return tool


def _refuse_unlike(server: int, taken: Taken, roles: set[str]) -> None:
    if server < taken.server:
        raise BackupRefused(
            f"目标服务器为 PostgreSQL {server}，低于备份来源的 {taken.server}；未作改动",
            f"the server is PostgreSQL {server}, older than that of the backup ({taken.server}); nothing was changed",
        )
    missing = [role for role in taken.roles if role not in roles]
    if missing:
        listed = ", ".join(missing)
        raise BackupRefused(
            f"目标服务器没有账号 {listed}，其授权无法恢复；请先建立，未作改动",
            f"the server has no role {listed}, whose grants cannot be restored; make it first, nothing was changed",
            missing=missing,
        )


def _refuse_things(wire: AnyWire) -> None:
    if wire.row(_THINGS) != (0,):
        raise _not_empty()


def _not_empty() -> GuituError:
    return BackupRefused(
        "目标数据库不是空的，未作改动；只能恢复到空的数据库",
        "the database is not empty, nothing was changed; a backup is restored into an empty one only",
    )


def _not_whole(fault: str) -> GuituError:
    return BackupBroken(
        f"数据库内容未通过完整性检查（{fault}）", f"what the database holds is not whole ({fault})", fault=fault
    )
