"""The ledger: outbox, entries, streams, the tree in tiles, checkpoints and their timestamps.

A log gets a name of its own by chance, so that two installations, or a database made anew, are never taken for one.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0004_ledger"
down_revision = "0003_vault"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "ledger_head": "SELECT, UPDATE",
    "ledger_outbox": "SELECT, INSERT, DELETE",
    "ledger_entry": "SELECT, INSERT",
    "ledger_stream": "SELECT, INSERT, UPDATE",
    "ledger_tile": "SELECT, INSERT, DELETE",
    "ledger_checkpoint": "SELECT, INSERT, UPDATE",
    "ledger_timestamp": "SELECT, INSERT",
}
_APPEND_ONLY = ("ledger_entry", "ledger_timestamp")
_EMPTY_FRONTIER = b"\x01" + bytes(8)  # the form, and a tree of no leaves
_COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STREAM_ID = "length(stream_id) = 16"
_ENTRY = "length(entry) BETWEEN 1 AND 16384"


def upgrade() -> None:
    """Create the tables, name the log, and let nobody change or remove an entry or a timestamp."""
    _create_log()
    _create_outbox()
    _create_tree()
    _create_signed()
    if op.get_bind().dialect.name == "sqlite":
        for table in _APPEND_ONLY:
            _guard_on_sqlite(table)
        return
    for table in _APPEND_ONLY:
        _guard_on_postgresql(table)
    _grant()


def downgrade() -> None:
    """Drop the tables. Refuses where anything was entered: it would be gone with every proof of it."""
    for table in ("ledger_entry", "ledger_outbox"):
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise SchemaBehind(
                "审计账中已有记录：退回旧版会毁掉全部记录及其证明",
                "the ledger holds entries: going back would destroy them and every proof of them",
            )
    for table in reversed(_GRANTS):
        op.drop_table(table)


def _create_log() -> None:
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(), nullable=False), _count("size"), _bytes("frontier"), _at("at", null=True),
        _key("ledger_head", "id"), _check("ledger_head", "id", "id = 1"),
        _check("ledger_head", "size", "size >= 0"),
    )  # fmt: skip
    name = f"guitu.{secrets.token_hex(8)}"
    op.bulk_insert(head, [{"id": 1, "origin": name, "size": 0, "frontier": _EMPTY_FRONTIER, "at": None}])
    op.create_table(
        "ledger_entry",
        _count("number"), _bytes("entry"),
        _key("ledger_entry", "number"), _check("ledger_entry", "number", "number >= 0"),
        _check("ledger_entry", "entry", _ENTRY),
    )  # fmt: skip


def _create_outbox() -> None:
    op.create_table(
        "ledger_outbox",
        _bytes("stream_id"), _count("stream_seq"), _at("at"), _bytes("entry"),
        _key("ledger_outbox", "stream_id", "stream_seq"),
        _check("ledger_outbox", "stream_id", _STREAM_ID),
        _check("ledger_outbox", "stream_seq", "stream_seq >= 0"),
        _check("ledger_outbox", "entry", _ENTRY),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_ledger_outbox_at", "ledger_outbox", ["at", "stream_id", "stream_seq"])
    op.create_table(
        "ledger_stream",
        _bytes("stream_id"), _count("next_seq"), _at("at"), sa.Column("is_closed", sa.Boolean(), nullable=False),
        _key("ledger_stream", "stream_id"),
        _check("ledger_stream", "stream_id", _STREAM_ID), _check("ledger_stream", "next_seq", "next_seq >= 1"),
        sqlite_with_rowid=False,
    )  # fmt: skip


def _create_tree() -> None:
    op.create_table(
        "ledger_tile",
        sa.Column("path", sa.String(), nullable=False), _bytes("hashes"),
        _key("ledger_tile", "path"),
    )  # fmt: skip


def _create_signed() -> None:
    op.create_table(
        "ledger_checkpoint",
        _count("size"), sa.Column("origin", sa.String(), nullable=False), _bytes("note"), _at("made_at"),
        _at("renewed_at"),
        _key("ledger_checkpoint", "size"), _check("ledger_checkpoint", "size", "size >= 0"),
    )  # fmt: skip
    op.create_table(
        "ledger_timestamp",
        _count("size"), _at("made_at"), _bytes("token"),
        _key("ledger_timestamp", "size", "made_at"),
        sa.ForeignKeyConstraint(["size"], ["ledger_checkpoint.size"], name=op.f("fk_ledger_timestamp_size")),
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
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, _COUNT, autoincrement=False, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
