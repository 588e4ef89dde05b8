"""Case content by field class: what is withheld from somebody is not read.

What earlier releases wrote about a case lies sealed in one piece, and a migration has no keys to take it apart with: a
database that holds a case is not upgraded. Directory, releases, settings and the ledger stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.migrations import row_security

revision = "0008_by_class"
down_revision = "0007_requests"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "case_fact": "SELECT, INSERT, UPDATE, DELETE",
    "case_event_part": "SELECT, INSERT",
}


def upgrade() -> None:
    """Create the tables. Refuses where cases are on record."""
    _refuse_with_cases(
        "数据库中有旧版个案，其内容未按类别分开封存，无法升级：请另建空库",
        "cases of a release that did not seal by field class are on record: begin with an empty database",
    )
    op.create_table(
        "case_fact",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("field_class", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "field_class", name=op.f("pk_case_fact")),
        sa.ForeignKeyConstraint(["case_id"], ["case_record.id"], name=op.f("fk_case_fact_case_id")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_case_fact_revision")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "case_event_part",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("field_class", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "number", "field_class", name=op.f("pk_case_event_part")),
        sa.ForeignKeyConstraint(
            ["case_id", "number"], ["case_event.case_id", "case_event.number"], name=op.f("fk_case_event_part_event")
        ),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER case_event_part_no_{act.lower()} BEFORE {act} ON case_event_part"
                " BEGIN SELECT RAISE(ABORT, 'case_event_part is append-only'); END"
            )
        return
    for act in ("UPDATE OR DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER case_event_part_no_{act.split()[0].lower()} BEFORE {act} ON case_event_part"
            " FOR EACH STATEMENT EXECUTE FUNCTION case_event_is_append_only()"
        )
    row_security.guard(dict.fromkeys(_GRANTS, "case_id"))
    _grant()


def downgrade() -> None:
    """Drop the tables. Refuses where cases are on record: their facts would be gone."""
    _refuse_with_cases(
        "数据库中有个案：退回旧版会丢失其按类别封存的内容",
        "cases are on record: going back would lose what is sealed of them by field class",
    )
    for table in reversed(_GRANTS):
        op.drop_table(table)


def _refuse_with_cases(zh: str, en: str) -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM case_record LIMIT 1")).first() is not None:
        raise SchemaBehind(zh, en)


def _grant() -> None:
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is None:
        return
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")
