"""What drivers raise, in the words of the house.

No message holds the value of a parameter: PostgreSQL's own messages quote keys, so they are not passed on.
The detail ``fault`` is the driver's code (an SQLSTATE or SQLite's name), ``rule`` the broken constraint.
"""

from __future__ import annotations

import re
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from engine.errors import GuituError, HistoryBroken, SchemaBehind, StaleRevision, StoreFull, StoreUnavailable

DRIVER_ERRORS = (sqlite3.Error, psycopg.Error, SQLAlchemyError)

# Tables in which a taken key means that somebody else was faster.
_RACED = ("case_record", "case_event", "case_unit", "hand_off", "track_position", "idempotency")
_UNIQUE = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID", "23505"}
_FULL = {"SQLITE_FULL", "53100"}
_NO_SUCH_THING = {"42P01", "42703", "42883", "3F000", "42P10"}
_RULE = re.compile(r"constraint failed: (\w+)")


def fault_of(error: Exception) -> GuituError:
    """The error of the house that a driver's error means."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        error = error.orig
    code, rule = _code_and_rule(error)
    if code in _FULL:
        return StoreFull(
            "数据库磁盘已满，未写入任何内容；请腾出空间后重试",
            "the disk of the database is full, nothing was written; free some space and try again",
            fault=code,
        )
    if code in _UNIQUE and rule.removeprefix("pk_").removeprefix("uq_").startswith(_RACED):
        return stale(fault=code, rule=rule)
    if code.startswith(("SQLITE_CONSTRAINT", "23")):
        return HistoryBroken(
            "该写入违反记录库自身的规则，未写入任何内容",
            "this would break a rule of the record room itself, nothing was written",
            fault=code,
            rule=rule,
        )
    if code in _NO_SUCH_THING or _is_missing_in_sqlite(error):
        return schema_behind(fault=code)
    return unavailable(fault=code)


def stale(*, case: str | None = None, fault: str = "", rule: str = "") -> StaleRevision:
    """The error that says somebody else acted on the case first."""
    return StaleRevision(
        "该案件刚被他人更新，请重新查看后再操作",
        "somebody else acted on this case meanwhile; look again, then act",
        case=case,
        fault=fault,
        rule=rule,
    )


def schema_behind(*, fault: str) -> SchemaBehind:
    """The error that says the schema is not the one this release writes."""
    return SchemaBehind(
        "数据库结构与本版本不符，请运行 guitu db upgrade",
        "the schema of the database is not the one of this release; run guitu db upgrade",
        fault=fault,
    )


def unavailable(*, fault: str) -> StoreUnavailable:
    """The error that says the database cannot serve now."""
    return StoreUnavailable(
        "数据库暂时无法使用，未写入任何内容；请稍后重试",
        "the database cannot serve now, nothing was written; try again later",
        fault=fault,
    )


def _code_and_rule(error: Exception) -> tuple[str, str]:
    if isinstance(error, psycopg.Error):
        return error.sqlstate or type(error).__name__, error.diag.constraint_name or ""
    if isinstance(error, sqlite3.Error):
        found = _RULE.search(str(error))
        name: str | None = getattr(error, "sqlite_errorname", None)
        return name or type(error).__name__, found.group(1) if found else ""
    return type(error).__name__, ""


def _is_missing_in_sqlite(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(
        ("no such table", "no such column", "table ")
    )
