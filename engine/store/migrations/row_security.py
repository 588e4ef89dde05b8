"""Row security of PostgreSQL: the second wall around whatever holds content of a case, or leads to it.

A transaction sees a row when it says that it may see the whole house (``guitu.sight``), or when one of the units it
names (``guitu.units``, commas between) takes part in the case of that row, as far as it counts since
``guitu.ended_after``. Where nothing is said nothing is seen, by the owner of the tables neither. The role of the engine
may say what it likes: this holds our own mistakes back, not somebody who stole the role. Called by migrations.
"""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

CASE_TABLES: Mapping[str, str] = {
    "case_record": "id", "case_event": "case_id", "track_position": "case_id", "hand_off": "case_id",
    "person": "case_id", "attachment": "case_id", "refusal": "case_id", "case_key": "case_id",
    "blind_index": "case_id",
}  # fmt: skip
"""The tables of earlier migrations that are guarded, each with the column that names the case."""
OWN_TABLES = ("participation", "case_unit")
"""The tables by which a unit finds its cases: it sees its own rows."""

_SIGHT = "(SELECT nullif(current_setting('guitu.sight', true), '')) = 'house'"
_UNITS = "string_to_array(current_setting('guitu.units', true), ',')"
_ENDED_AFTER = "nullif(current_setting('guitu.ended_after', true), '')::timestamptz"


def guard(tables: Mapping[str, str]) -> None:
    """Guard tables by the case that a column of each names. On SQLite there is nothing to do."""
    for table, column in tables.items():
        _guard(table, _takes_part(table, column))


def guard_own() -> None:
    """Guard the tables by which a unit finds its cases."""
    for table in OWN_TABLES:
        _guard(table, f"unit = ANY ({_UNITS})")


def guard_leads(tables: Mapping[str, str]) -> None:
    """Guard tables by the lead that a column of each names: whoever has, had or reported it sees it."""
    for table, column in tables.items():
        has_to_do = (
            f"(SELECT true FROM lead_unit AS found WHERE found.lead_id = {table}.{column}"  # noqa: S608
            f" AND found.unit = ANY ({_UNITS}) LIMIT 1)"
        )
        _guard(table, f"unit = ANY ({_UNITS})" if table == "lead_unit" else has_to_do)


def guard_shares(table: str) -> None:
    """Guard what was shared: whoever takes part in the case sees it, and the unit it was shared with."""
    _guard(table, f"(to_unit = ANY ({_UNITS}) OR from_unit = ANY ({_UNITS}) OR {_takes_part(table, 'case_id')})")


def release(*tables: str) -> None:
    """Take the guard off again."""
    for table in tables if _is_postgresql() else ():
        op.execute(f"DROP POLICY sight ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def _takes_part(table: str, column: str) -> str:
    # Not EXISTS: that the planner may turn into reading all participations of everybody.
    return (
        f"(SELECT true FROM participation AS taking WHERE taking.case_id = {table}.{column}"  # noqa: S608
        f" AND taking.unit = ANY ({_UNITS}) AND (taking.until IS NULL OR taking.until > {_ENDED_AFTER}) LIMIT 1)"
    )


def _guard(table: str, is_own: str) -> None:
    if not _is_postgresql():
        return
    op.execute(f"CREATE POLICY sight ON {table} USING ({_SIGHT} OR {is_own})")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
