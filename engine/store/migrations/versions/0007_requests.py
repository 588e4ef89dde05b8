"""Requests that others approve, broken glass, and notices.

What was asked for, by whom and until when is never changed, and a request or a review ends once: triggers say so, and
on PostgreSQL grants for single columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0007_requests"
down_revision = "0006_participation"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "request": "SELECT, INSERT, UPDATE (state, ended_at, ended_by)",
    "approval": "SELECT, INSERT",
    "emergency": "SELECT, INSERT, UPDATE (reviewed_at, reviewed_by, reviewed_unit, outcome)",
    "notice_outbox": "SELECT, INSERT, UPDATE (seen_at)",
}
_ENDS_ONCE = {
    "request": ("OLD.state <> 'asked'", "id, kind, case_id, exact, digest, person, unit, asked_at, expires_at"),
    "emergency": (
        "OLD.reviewed_at IS NOT NULL", "id, case_id, person, unit, reason, opened_at, ends_at, review_by",
    ),
}  # fmt: skip
"""When a row may not be changed any more, and what of it may never be."""
_ASKED = sa.text("state = 'asked'")
_NOT_REVIEWED = sa.text("reviewed_at IS NULL")


def upgrade() -> None:
    """Create the four tables; nobody removes a row, and only how a request, glass or notice stands may change."""
    _create_requests()
    _create_emergencies()
    _create_notices()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is not None:
        for table, rights in _GRANTS.items():
            op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def downgrade() -> None:
    """Drop them. Refuses where something was asked or the glass broken: who agreed to what would be gone."""
    for table in ("request", "emergency"):
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise SchemaBehind(
                "数据库中有申请或紧急调阅记录：退回旧版会毁掉批准和复核记录",
                "requests or broken glasses are on record: going back would destroy who approved and reviewed them",
            )
    for table in reversed(_GRANTS):
        op.drop_table(table)


def _create_requests() -> None:
    op.create_table(
        "request",
        _text("id"), _text("kind"), _text("case_id"), sa.Column("exact", sa.LargeBinary(), nullable=False),
        _text("digest"), _text("person"), _text("unit"), _at("asked_at"), _at("expires_at"), _text("state"),
        _at("ended_at", null=True), _text("ended_by", null=True),
        _key("request", "id"), _refers("request", "case_id", "case_record.id"),
        _check("request", "kind", "kind IN ('reveal', 'erase', 'release_hold')"),
        _check("request", "state", "state IN ('asked', 'declined', 'used')"),
        _check("request", "digest", "length(digest) = 64"),
        _check("request", "ended", "(state = 'asked') = (ended_at IS NULL)"),
        _check("request", "ended_by", "(ended_at IS NULL) = (ended_by IS NULL)"),
    )  # fmt: skip
    op.create_index("ix_request_case_id", "request", ["case_id"])
    op.create_index("ix_request_asked", "request", ["expires_at"], sqlite_where=_ASKED, postgresql_where=_ASKED)
    op.create_table(
        "approval",
        _text("request_id"), _text("person"), _text("unit"), _at("at"), _text("digest"),
        _key("approval", "request_id", "person"), _refers("approval", "request_id", "request.id"),
        _check("approval", "digest", "length(digest) = 64"),
    )  # fmt: skip


def _create_emergencies() -> None:
    op.create_table(
        "emergency",
        _text("id"), _text("case_id"), _text("person"), _text("unit"), _text("reason"), _at("opened_at"),
        _at("ends_at"), _at("review_by"), _at("reviewed_at", null=True), _text("reviewed_by", null=True),
        _text("reviewed_unit", null=True), _text("outcome", null=True),
        _key("emergency", "id"), _refers("emergency", "case_id", "case_record.id"),
        _check("emergency", "outcome", "outcome IN ('justified', 'not_justified')"),
        _check("emergency", "ends", "opened_at < ends_at AND ends_at <= review_by"),
        _check("emergency", "reviewed", "(reviewed_at IS NULL) = (outcome IS NULL)"),
        _check("emergency", "reviewed_by", "(reviewed_at IS NULL) = (reviewed_by IS NULL)"),
        _check("emergency", "reviewed_unit", "(reviewed_at IS NULL) = (reviewed_unit IS NULL)"),
        _check("emergency", "reviewer", "reviewed_by <> person"),
    )  # fmt: skip
    op.create_index(
        "ix_emergency_open", "emergency", ["person"], sqlite_where=_NOT_REVIEWED, postgresql_where=_NOT_REVIEWED
    )
    op.create_index("ix_emergency_opened_at", "emergency", ["opened_at"])


def _create_notices() -> None:
    listed = "'request_asked', 'request_approved', 'request_declined', 'glass_broken', 'glass_reviewed'"
    op.create_table(
        "notice_outbox",
        _text("id"), _at("at"), _text("kind"), _text("to_person", null=True), _text("to_role", null=True),
        _text("to_area", null=True), _text("case_id", null=True), _text("about"), _at("seen_at", null=True),
        _key("notice_outbox", "id"), _refers("notice_outbox", "case_id", "case_record.id"),
        _check("notice_outbox", "kind", f"kind IN ({listed})"),
        _check(
            "notice_outbox", "to_whom", "(to_person IS NULL) = (to_role IS NOT NULL AND to_area IS NOT NULL)"
        ),
    )  # fmt: skip
    op.create_index("ix_notice_outbox_to_person", "notice_outbox", ["to_person", "at"])
    op.create_index("ix_notice_outbox_to_role", "notice_outbox", ["to_role", "to_area", "at"])


def _guard_on_sqlite() -> None:
    for table in _GRANTS:
        _abort(f"{table}_no_delete", f"DELETE ON {table}", f"{table} is append-only")
    _abort("approval_no_update", "UPDATE ON approval", "approval is append-only")
    for table, (over, fixed) in _ENDS_ONCE.items():
        _abort(f"{table}_ends_once", f"UPDATE ON {table} WHEN {over}", f"{table} ends once")
        _abort(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}", f"{table} is append-only")


def _abort(name: str, when: str, words: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")


def _guard_on_postgresql() -> None:
    for table in _GRANTS:
        for act in ("DELETE", "TRUNCATE"):
            _refuse(f"{table}_no_{act.lower()}", f"{act} ON {table} FOR EACH STATEMENT")
    _refuse("approval_no_update", "UPDATE ON approval FOR EACH STATEMENT")
    for table, (over, fixed) in _ENDS_ONCE.items():
        _refuse(f"{table}_ends_once", f"UPDATE ON {table} FOR EACH ROW WHEN ({over})")
        _refuse(f"{table}_no_update", f"UPDATE OF {fixed} ON {table} FOR EACH STATEMENT")


def _refuse(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION release_is_append_only()")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
