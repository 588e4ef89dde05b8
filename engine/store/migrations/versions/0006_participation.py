"""Participation: which unit takes part in which step of which case, and since when; and who sees what in SQL.

Who took part in the cases of earlier releases is not on record: a database that holds a case is not upgraded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant
from engine.store.migrations import row_security

revision = "0006_participation"
down_revision = "0005_people"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {"participation": "SELECT, INSERT, UPDATE, DELETE", "case_unit": "SELECT, INSERT, UPDATE, DELETE"}
_PARTS = ("responsible", "joint_lead", "cooperating", "referred", "receiving")


def upgrade() -> None:
    """Create the tables, and guard whatever holds content of a case or leads to it. Refuses where cases are."""
    _refuse_with_cases(
        "数据库中有旧版个案，哪些单位参与过无从得知，无法升级：请另建空库",
        "cases of an earlier release are on record, and who took part in them is not: begin with an empty database",
    )
    op.drop_table("case_unit")
    _create_participation()
    _create_case_unit()
    row_security.guard_own()
    row_security.guard(row_security.CASE_TABLES)
    if op.get_bind().dialect.name == "postgresql":
        _grant(_GRANTS)


def downgrade() -> None:
    """Take the guards off and drop who took part. Refuses where cases are: nobody could tell whose they are."""
    _refuse_with_cases(
        "数据库中有个案：退回旧版会丢失哪些单位参与过的记录",
        "cases are on record: going back would lose who took part in them",
    )
    row_security.release(*row_security.CASE_TABLES, *row_security.OWN_TABLES)
    op.drop_table("case_unit")
    op.drop_table("participation")
    op.create_table(
        "case_unit",
        _text("case_id"), _text("unit"),
        _key("case_unit", "case_id", "unit"), _of_case("case_unit"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_case_unit_unit", "case_unit", ["unit", "case_id"])
    if op.get_bind().dialect.name == "postgresql":
        _grant({"case_unit": "SELECT, INSERT"})


def _refuse_with_cases(zh: str, en: str) -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM case_record LIMIT 1")).first() is not None:
        raise SchemaBehind(zh, en)


def _create_participation() -> None:
    listed = ", ".join(f"'{part}'" for part in _PARTS)
    op.create_table(
        "participation",
        _text("case_id"), _text("unit"), _text("part"), _text("track"), _text("step"), _text("function"),
        _text("area"), _at("since"), _at("until", null=True),
        _key("participation", "case_id", "unit", "part", "track", "step", "function"), _of_case("participation"),
        sa.CheckConstraint(f"part IN ({listed})", name=op.f("ck_participation_part")),
        sa.CheckConstraint("until IS NULL OR until >= since", name=op.f("ck_participation_until")),
        sa.CheckConstraint("part <> 'receiving' OR until IS NULL", name=op.f("ck_participation_receiving")),
        sqlite_with_rowid=False,
    )  # fmt: skip
    found = sa.text("until IS NULL AND function <> ''")
    op.create_index(
        "ix_participation_found", "participation", ["function", "area", "unit"],
        sqlite_where=found, postgresql_where=found,
    )  # fmt: skip


def _create_case_unit() -> None:
    op.create_table(
        "case_unit",
        _text("case_id"), _text("unit"), _at("since"), _at("until", null=True),
        sa.Column("is_holder", sa.Boolean(), nullable=False),
        _key("case_unit", "case_id", "unit"), _of_case("case_unit"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    for name, column, which in (
        ("ix_case_unit_current", "since", "until IS NULL"), ("ix_case_unit_ended", "until", "until IS NOT NULL"),
    ):  # fmt: skip
        where = sa.text(which)
        op.create_index(name, "case_unit", ["unit", column, "case_id"], sqlite_where=where, postgresql_where=where)


def _grant(grants: dict[str, str]) -> None:
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is None:
        return
    for table, rights in grants.items():
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f(f"fk_{table}_case_id"))
