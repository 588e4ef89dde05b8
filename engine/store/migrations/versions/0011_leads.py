"""Leads, and data shared where a clause prints it.

What happened to a lead, who had to do with it and what was shared is never changed; of a lead only how it stands. The
key of a lead may be destroyed. On PostgreSQL a unit sees the leads it has to do with, and what was shared with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant
from engine.store.migrations import row_security

revision = "0011_leads"
down_revision = "0010_registered"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "lead": "SELECT, INSERT, UPDATE (status, turn, revision, changed_at, case_id)",
    "lead_key": "SELECT, INSERT, DELETE",
    "lead_event": "SELECT, INSERT",
    "lead_named": "SELECT, INSERT",
    "lead_unit": "SELECT, INSERT",
    "shared_data": "SELECT, INSERT",
}
_APPEND_ONLY = ("lead_event", "lead_named", "lead_unit", "shared_data")
_FIXED = {"lead": "id, kind, area, reporter, reporting_unit, reported_at", "lead_key": "lead_id, sealed"}
"""What of a row that may change may not."""
_OPEN = sa.text("turn IS NOT NULL")


def upgrade() -> None:
    """Create the tables, with what holds them to their rules."""
    _create_leads()
    _create_parts()
    _create_shares()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    row_security.guard_leads({"lead": "id", **{name: "lead_id" for name in _GRANTS if name.startswith("lead_")}})
    row_security.guard_shares("shared_data")
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is not None:
        for table, rights in _GRANTS.items():
            op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def downgrade() -> None:
    """Drop them. Refuses where a lead is on record or data were shared."""
    for table in ("lead", "shared_data"):
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise SchemaBehind(
                "数据库中有线索或数据共享记录：退回旧版会丢失这些记录",
                "leads or shared data are on record: going back would lose them",
            )
    row_security.release(*_GRANTS)  # the guards of the others look at who has to do with a lead
    for table in reversed(_GRANTS):
        op.drop_table(table)


def _create_leads() -> None:
    op.create_table(
        "lead",
        _text("id"), _text("kind"), _text("area"), _text("status"), _text("turn", null=True), _number("revision"),
        _text("reporter"), _text("reporting_unit"), _at("reported_at"), _at("changed_at"), _text("case_id", null=True),
        _key("lead", "id"), _refers("lead", "case_id", "case_record.id"),
        _check("lead", "kind", "kind IN ('report', 'tip', 'petition')"),
        _check("lead", "status", "status IN ('received', 'passed_on', 'accepted', 'closed')"),
        _check("lead", "revision", "revision >= 1"),
        _check("lead", "turn", "(status = 'closed') = (turn IS NULL)"),
    )  # fmt: skip
    op.create_index(
        "ix_lead_turn", "lead", ["turn", "reported_at", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )  # fmt: skip
    op.create_index("ix_lead_kind", "lead", ["kind", "reported_at", "id"])
    op.create_index("ix_lead_case_id", "lead", ["case_id"])


def _create_parts() -> None:
    op.create_table(
        "lead_key", _text("lead_id"), _sealed(), _key("lead_key", "lead_id"), _refers("lead_key", "lead_id", "lead.id")
    )
    listed = "'lead_reported', 'lead_accepted', 'lead_linked', 'lead_passed', 'lead_closed', 'reward_decided'"
    op.create_table(
        "lead_event",
        _text("lead_id"), _number("number"), _at("at"), _text("kind"), _text("person"), _text("unit"), _sealed(),
        _key("lead_event", "lead_id", "number"), _refers("lead_event", "lead_id", "lead.id"),
        _check("lead_event", "kind", f"kind IN ({listed})"),
        _check("lead_event", "number", "number >= 1"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "lead_named", _text("lead_id"), _sealed(), _key("lead_named", "lead_id"),
        _refers("lead_named", "lead_id", "lead.id"),
    )  # fmt: skip
    op.create_table(
        "lead_unit",
        _text("lead_id"), _text("unit"), _text("part"), _at("reported_at"),
        _key("lead_unit", "lead_id", "unit", "part"), _refers("lead_unit", "lead_id", "lead.id"),
        _check("lead_unit", "part", "part IN ('reporting', 'handling', 'accepting')"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_lead_unit_unit", "lead_unit", ["unit", "part", "reported_at", "lead_id"])


def _create_shares() -> None:
    op.create_table(
        "shared_data",
        _text("id"), _text("case_id"), _at("at"), _text("person"), _text("from_unit"), _text("to_unit"), _sealed(),
        _key("shared_data", "id"), _refers("shared_data", "case_id", "case_record.id"),
        _check("shared_data", "units", "from_unit <> to_unit"),
    )  # fmt: skip
    op.create_index("ix_shared_data_case_id", "shared_data", ["case_id", "at", "id"])
    op.create_index("ix_shared_data_to_unit", "shared_data", ["to_unit", "at", "id"])


def _guard_on_sqlite() -> None:
    for table in _APPEND_ONLY:
        for act in ("UPDATE", "DELETE"):
            _abort(f"{table}_no_{act.lower()}", f"{act} ON {table}", f"{table} is append-only")
    _abort("lead_no_delete", "DELETE ON lead", "lead is never removed")
    for table, fixed in _FIXED.items():
        _abort(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}", f"{table} keeps what it began with")


def _abort(name: str, when: str, words: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")


def _guard_on_postgresql() -> None:
    for table in _APPEND_ONLY:
        _refuse(f"{table}_no_update", f"UPDATE OR DELETE ON {table}")
    _refuse("lead_no_delete", "DELETE ON lead")
    for table in _GRANTS:
        _refuse(f"{table}_no_truncate", f"TRUNCATE ON {table}")
    for table, fixed in _FIXED.items():
        _refuse(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}")


def _refuse(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} FOR EACH STATEMENT EXECUTE FUNCTION release_is_append_only()")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _sealed() -> sa.Column[bytes]:
    return sa.Column("sealed", sa.LargeBinary(), nullable=False)


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
