"""People: who they are to the program, their roles in units, and whether this is a world for trial.

Rows of people are ended, never removed. The mark of a world for trial is set by whoever owns the schema, while the
database holds no case and nobody, and stays: no case is stored without a definition that it is pinned to.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from engine.store.instants import Instant

revision = "0005_people"
down_revision = "0004_ledger"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "member": "SELECT, INSERT, UPDATE (since, added_by, deactivated_at, deactivated_by)",
    "membership": "SELECT, INSERT, UPDATE (until, ended_by)",
    "installation": "SELECT",
}
_ROLES = (
    "caseworker", "unit_supervisor", "joint_conference", "custodian", "auditor", "administrator",
    "definition_approver", "reporter", "reader", "service",
)  # fmt: skip
_MAY_CHANGE = {
    "member": (
        "NEW.code = OLD.code AND ("
        "(OLD.deactivated_at IS NULL AND NEW.deactivated_at IS NOT NULL"
        " AND NEW.since = OLD.since AND NEW.added_by = OLD.added_by)"
        " OR (OLD.deactivated_at IS NOT NULL AND NEW.deactivated_at IS NULL AND NEW.since >= OLD.deactivated_at))"
    ),
    "membership": (
        "NEW.id = OLD.id AND NEW.person = OLD.person AND NEW.unit = OLD.unit AND NEW.role = OLD.role"
        " AND NEW.since = OLD.since AND NEW.added_by = OLD.added_by"
        " AND coalesce(NEW.deputy_for, '') = coalesce(OLD.deputy_for, '')"
        " AND OLD.ended_by IS NULL AND NEW.ended_by IS NOT NULL AND NEW.until IS NOT NULL"
        " AND (OLD.until IS NULL OR NEW.until <= OLD.until)"
    ),
}
"""What a change of a row may be; no part of it is ever unknown, for an unknown condition would hold nothing back."""
_MAY_MARK = (
    "NEW.id = OLD.id AND NEW.made_at = OLD.made_at AND NEW.is_trial AND NOT OLD.is_trial"
    " AND NOT EXISTS (SELECT 1 FROM pinned_definition) AND NOT EXISTS (SELECT 1 FROM member)"
)


def upgrade() -> None:
    """Create the tables, note that this is no world for trial, and let nobody remove or rewrite a row."""
    _create_people()
    made = op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_trial", sa.Boolean(), nullable=False), _at("made_at"),
        _key("installation", "id"), _check("installation", "id", "id = 1"),
    )  # fmt: skip
    op.bulk_insert(made, [{"id": 1, "is_trial": False, "made_at": datetime.now(UTC)}])
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    _grant()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("installation", "membership", "member"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION installation_keeps_its_mark()")


def _create_people() -> None:
    op.create_table(
        "member",
        _text("code"), _at("since"), _text("added_by"), _at("deactivated_at", null=True),
        _text("deactivated_by", null=True),
        _key("member", "code"),
        _check("member", "deactivated", "(deactivated_at IS NULL) = (deactivated_by IS NULL)"),
    )  # fmt: skip
    listed = ", ".join(f"'{role}'" for role in _ROLES)
    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        _text("person"), _text("unit"), _text("role"), _at("since"), _at("until", null=True),
        _text("deputy_for", null=True), _text("added_by"), _text("ended_by", null=True),
        _key("membership", "id"),
        sa.ForeignKeyConstraint(["person"], ["member.code"], name=op.f("fk_membership_person")),
        sa.ForeignKeyConstraint(["deputy_for"], ["member.code"], name=op.f("fk_membership_deputy_for")),
        _check("membership", "role", f"role IN ({listed})"),
        _check("membership", "until", "until IS NULL OR until >= since"),
        _check("membership", "ended_by", "ended_by IS NULL OR until IS NOT NULL"),
        _check(
            "membership", "deputy_for", "deputy_for IS NULL OR (until IS NOT NULL AND deputy_for <> person)"
        ),
    )  # fmt: skip
    for column in ("person", "deputy_for", "unit"):
        op.create_index(f"ix_membership_{column}", "membership", [column])


def _guard_on_sqlite() -> None:
    for table, may in (*_MAY_CHANGE.items(), ("installation", _MAY_MARK)):
        _raise_on_sqlite(table, "UPDATE", f"NOT ({may})")
        _raise_on_sqlite(table, "DELETE", "1")
    # A row that is replaced is not removed as far as a bare connection is concerned.
    _raise_on_sqlite("installation", "INSERT", "1")
    _raise_on_sqlite("member", "INSERT", "EXISTS (SELECT 1 FROM member WHERE code = NEW.code)")
    _raise_on_sqlite("membership", "INSERT", "EXISTS (SELECT 1 FROM membership WHERE id = NEW.id)")


def _raise_on_sqlite(table: str, act: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} WHEN {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is only ended, never rewritten'); END"
    )


def _guard_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION installation_keeps_its_mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF {_MAY_MARK} THEN RETURN NEW; END IF;"
        " RAISE EXCEPTION USING MESSAGE = 'installation keeps its mark', ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER installation_no_update BEFORE UPDATE ON installation"
        " FOR EACH ROW EXECUTE FUNCTION installation_keeps_its_mark()"
    )
    _raise_on_postgresql("installation", "INSERT")
    for table, may in _MAY_CHANGE.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}"
            f" FOR EACH ROW WHEN (NOT ({may})) EXECUTE FUNCTION release_is_append_only()"
        )
    for table in (*_MAY_CHANGE, "installation"):
        _raise_on_postgresql(table, "DELETE")
        _raise_on_postgresql(table, "TRUNCATE")


def _raise_on_postgresql(table: str, act: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION release_is_append_only()"
    )


def _grant() -> None:
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is None:
        return
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
