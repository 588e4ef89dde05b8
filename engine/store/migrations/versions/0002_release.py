"""Releases: who approves definitions, what they signed, what was released on it; all of it append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.instants import Instant

revision = "0002_release"
down_revision = "0001_spine"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_TABLES = ("definition_approver", "approver_revocation", "definition_approval", "definition_release")


def upgrade() -> None:
    """Create the four tables, and let nobody change or remove a row of them."""
    _create_approvers()
    _create_approvals()
    _create_releases()
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            _guard_on_sqlite(table)
        return
    op.execute(
        "CREATE FUNCTION release_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
        " USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _TABLES:
        _guard_on_postgresql(table)
    _grant()


def downgrade() -> None:
    """Drop the four tables."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION release_is_append_only()")


def _create_approvers() -> None:
    op.create_table(
        "definition_approver",
        _text("fingerprint"), _text("office"), _text("person"), _bytes("public_key"), _at("since"), _text("added_by"),
        _key("definition_approver", "fingerprint"),
        _check("definition_approver", "fingerprint", "length(fingerprint) = 64"),
        _check("definition_approver", "public_key", "length(public_key) = 32"),
    )  # fmt: skip
    op.create_table(
        "approver_revocation",
        _text("fingerprint"), _at("at"), _text("revoked_by"),
        _key("approver_revocation", "fingerprint"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["definition_approver.fingerprint"], name=op.f("fk_approver_revocation_fingerprint")
        ),
    )  # fmt: skip


def _create_approvals() -> None:
    op.create_table(
        "definition_approval",
        _text("hash"), _text("fingerprint"), _text("definition_id"), _text("definition_version"), _text("office"),
        _text("person"), _bytes("signature"), _at("at"),
        _key("definition_approval", "hash", "fingerprint"),
        sa.ForeignKeyConstraint(
            ["fingerprint"], ["definition_approver.fingerprint"], name=op.f("fk_definition_approval_fingerprint")
        ),
        _check("definition_approval", "hash", "length(hash) = 64"),
        _check("definition_approval", "signature", "length(signature) = 64"),
    )  # fmt: skip


def _create_releases() -> None:
    approval = ["definition_approval.hash", "definition_approval.fingerprint"]
    op.create_table(
        "definition_release",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        _text("hash"), _text("definition_id"), _text("definition_version"), _text("first_key"), _text("second_key"),
        _at("at"), _text("unit"), _text("person"),
        _key("definition_release", "id"),
        sa.UniqueConstraint("hash", name=op.f("uq_definition_release_hash")),
        sa.UniqueConstraint("definition_id", "definition_version", name=op.f("uq_definition_release_version")),
        sa.ForeignKeyConstraint(["hash", "first_key"], approval, name=op.f("fk_definition_release_first_key")),
        sa.ForeignKeyConstraint(["hash", "second_key"], approval, name=op.f("fk_definition_release_second_key")),
        _check("definition_release", "keys", "first_key <> second_key"),
    )  # fmt: skip


def _guard_on_sqlite(table: str) -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _guard_on_postgresql(table: str) -> None:
    for act in ("UPDATE OR DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.split()[0].lower()} BEFORE {act} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION release_is_append_only()"
        )


def _grant() -> None:
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is None:
        return
    for table in _TABLES:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO {APP_ROLE}")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
