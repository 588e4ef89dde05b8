"""Look at everything the record room holds, past the engine: raw rows, and whether they agree with one another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from sqlalchemy import make_url

from engine.core.case import Case
from engine.service import read
from engine.service.content import unseal_refusal
from engine.service.desk import Desk
from engine.service.known import load
from engine.store.answers import RefusalRow
from engine.vault.keys import CaseKey
from tests.conftest import Database

Row = dict[str, Any]
Everything = dict[str, list[Row]]
TABLES = (
    "pinned_definition", "case_record", "case_event", "case_unit", "track_position", "hand_off", "refusal",
    "idempotency", "vault_key", "case_key", "person", "blind_index", "case_fact", "case_event_part",
)  # fmt: skip


def sqlite_path(database: Database) -> Path:
    """The file of an embedded database."""
    return Path(make_url(database.owner_url).database or "")


def as_owner(database: Database, *acts: str, values: tuple[object, ...] = ()) -> list[list[Row]]:
    """Do SQL statements as the owner of the database, whom nothing stops; ``%s`` is a parameter."""
    if database.kind == "sqlite":
        with closing(sqlite3.connect(sqlite_path(database))) as connection, connection:
            return [_rows(connection.execute(act.replace("%s", "?"), values)) for act in acts]
    plain = make_url(database.owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as session:
        session.execute("SET guitu.sight = 'house'")
        return [_rows(session.execute(act, values or None)) for act in acts]


def _rows(cursor: Any) -> list[Row]:
    if cursor.description is None:
        return []
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def without_the_guard(database: Database, act: str, *values: object) -> None:
    """Change events as somebody would who owns the database and takes the triggers off first."""
    for table in ("case_event", "case_event_part"):
        if database.kind == "sqlite":
            as_owner(database, *(f"DROP TRIGGER IF EXISTS {table}_no_{act}" for act in ("update", "delete")))
        else:
            as_owner(database, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner(database, act, values=values)


def everything(database: Database) -> Everything:
    """Every row of every table that a command may write."""
    found = as_owner(database, *(f"SELECT * FROM {table}" for table in TABLES))
    return {table: sorted(rows, key=repr) for table, rows in zip(TABLES, found, strict=True)}


def key_of(desk: Desk, case: str) -> CaseKey:
    """The key that a case is sealed under."""
    with desk.database.reading() as work:
        key = desk.safe.key_for(case, work)
    assert key is not None, f"{case} has no key"
    return key


def reasons_of(desk: Desk, row: RefusalRow) -> list[str]:
    """The codes of the reasons for a refusal, as they lie sealed beside it."""
    assert row.case_id is not None
    body = unseal_refusal(row.body, key_of(desk, row.case_id), row.case_id, row.at)
    return [reason["code"] for reason in msgspec.json.decode(body)["reasons"]]


def written_in(database: Database) -> bytes:
    """Everything that cases left in the record room, one value after the other."""
    rows = (row for table, found in everything(database).items() if table != "pinned_definition" for row in found)
    values = (value for row in rows for value in row.values())
    return b"\n".join(bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in values)


def check_whole(desk: Desk, database: Database) -> Everything:
    """Every case replays equal and agrees with the rows beside it; an embedded database passes its own check."""
    found = everything(database)
    for record in found["case_record"]:
        with desk.database.reading() as work:
            case = load(desk, record["id"], work, for_update=False)
        assert read.replay(desk, case.id).events == case.events
        own = {table: [row for row in rows if row.get("case_id") == case.id] for table, rows in found.items()}
        _check_case(case, record, own)
    if database.kind == "sqlite":
        assert as_owner(database, "PRAGMA integrity_check", "PRAGMA foreign_key_check") == [
            [{"integrity_check": "ok"}],
            [],
        ]
    return found


def _check_case(case: Case, record: Row, rows: Everything) -> None:
    assert _picked([record], "revision", "events", "status", "outcome", "points_to", "definition_hash") == [
        (case.revision, case.events, case.status, case.outcome, case.points_to, case.pin.hash)
    ]
    events = sorted(rows["case_event"], key=lambda row: row["number"])
    assert [row["number"] for row in events] == list(range(1, case.events + 1))
    assert list(dict.fromkeys(row["revision"] for row in events)) == list(range(1, case.revision + 1))
    assert _picked(rows["track_position"], "track", "step", "status", "holder", "assignee", "hand_off") == _sorted(
        (name, track.step, track.status, track.holder, track.assignee, track.hand_off)
        for name, track in case.tracks.items()
    )
    holders = [row for row in rows["case_unit"] if row["is_holder"]]
    assert _picked(holders, "unit") == _sorted((unit,) for unit in case.units)
    offered = [row for row in events if row["kind"] == "hand_off_offered"]
    waiting = [row for row in rows["hand_off"] if row["state"] == "offered"]
    assert len(rows["hand_off"]) == len(offered)
    assert _picked(waiting, "id", "kind", "track", "move", "from_unit", "to_unit") == _sorted(
        (one.id, one.kind, one.track, one.move, one.from_unit, one.to_unit) for one in case.hand_offs.values()
    )


def _picked(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    return _sorted(tuple(row[column] for column in columns) for row in rows)


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)
