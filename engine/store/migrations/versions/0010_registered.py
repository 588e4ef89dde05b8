"""Registered services and their tokens; accounts of an identity provider, and sign-ins there that are under way.

What a token may and whose it is, is never changed, and a token or a link ends once: triggers say so, and on PostgreSQL
grants for single columns. A sign-in under way is removed, never changed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0010_registered"
down_revision = "0009_sign_in"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "service_token": (
        "SELECT, INSERT, UPDATE (digest, rotated_at, former_digest, former_until, used_at, revoked_at, revoked_by)"
    ),
    "provider_link": "SELECT, INSERT, UPDATE (until, unlinked_by)",
    "provider_attempt": "SELECT, INSERT, DELETE",
}
_ENDS_ONCE = {
    "service_token": ("OLD.revoked_at IS NOT NULL", "id, service, unit, purposes, since, until, issued_by"),
    "provider_link": ("OLD.until IS NOT NULL", "id, issuer, subject, person, since, linked_by"),
}
"""When a row may not be changed any more, and what of it may never be."""
_LINKED = sa.text("until IS NULL")


def upgrade() -> None:
    """Create the three tables; nobody removes a token or a link."""
    _create_tokens()
    _create_links()
    _create_attempts()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is not None:
        for table, rights in _GRANTS.items():
            op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def downgrade() -> None:
    """Drop them. Refuses where a token was issued or an account linked: who let whom in would be gone."""
    for table in _ENDS_ONCE:
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise SchemaBehind(
                "数据库中有服务令牌或统一身份账号关联：退回旧版会毁掉签发记录",
                "service tokens or linked accounts are on record: going back would destroy who let them in",
            )
    for table in reversed(_GRANTS):
        op.drop_table(table)


def _create_tokens() -> None:
    op.create_table(
        "service_token",
        _text("id"), _text("service"), _text("unit"), _text("purposes"), _text("digest"), _at("since"), _at("until"),
        _text("issued_by"), _at("rotated_at", null=True), _text("former_digest", null=True),
        _at("former_until", null=True), _at("used_at", null=True), _at("revoked_at", null=True),
        _text("revoked_by", null=True),
        _key("service_token", "id"), _refers("service_token", "service"),
        _check("service_token", "digest", "length(digest) = 64"),
        _check("service_token", "former_digest", "length(former_digest) = 64"),
        _check("service_token", "former", "(former_digest IS NULL) = (former_until IS NULL)"),
        _check("service_token", "until", "since < until"),
        _check("service_token", "revoked", "(revoked_at IS NULL) = (revoked_by IS NULL)"),
    )  # fmt: skip
    op.create_index("ix_service_token_service", "service_token", ["service"])


def _create_links() -> None:
    op.create_table(
        "provider_link",
        _text("id"), _text("issuer"), _text("subject"), _text("person"), _at("since"), _text("linked_by"),
        _at("until", null=True), _text("unlinked_by", null=True),
        _key("provider_link", "id"), _refers("provider_link", "person"),
        _check("provider_link", "subject", "length(subject) = 64"),
        _check("provider_link", "unlinked", "(until IS NULL) = (unlinked_by IS NULL)"),
    )  # fmt: skip
    op.create_index(
        "uq_provider_link_subject", "provider_link", ["subject"],
        unique=True, sqlite_where=_LINKED, postgresql_where=_LINKED,
    )  # fmt: skip
    op.create_index("ix_provider_link_person", "provider_link", ["person"])


def _create_attempts() -> None:
    op.create_table(
        "provider_attempt",
        _text("state"), _text("browser"), sa.Column("sealed", sa.LargeBinary(), nullable=False), _at("since"),
        _at("until"), _key("provider_attempt", "state"),
        _check("provider_attempt", "state", "length(state) = 64"),
        _check("provider_attempt", "browser", "length(browser) = 64"),
        _check("provider_attempt", "until", "since < until"),
    )  # fmt: skip
    op.create_index("ix_provider_attempt_until", "provider_attempt", ["until"])


def _guard_on_sqlite() -> None:
    for table, (over, fixed) in _ENDS_ONCE.items():
        _abort(f"{table}_no_delete", f"DELETE ON {table}", f"{table} is append-only")
        _abort(f"{table}_ends_once", f"UPDATE ON {table} WHEN {over}", f"{table} ends once")
        _abort(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}", f"{table} is append-only")
    _abort("provider_attempt_no_update", "UPDATE ON provider_attempt", "provider_attempt is never changed")


def _abort(name: str, when: str, words: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")


def _guard_on_postgresql() -> None:
    for table, (over, fixed) in _ENDS_ONCE.items():
        for act in ("DELETE", "TRUNCATE"):
            _refuse(f"{table}_no_{act.lower()}", f"{act} ON {table} FOR EACH STATEMENT")
        _refuse(f"{table}_ends_once", f"UPDATE ON {table} FOR EACH ROW WHEN ({over})")
        _refuse(f"{table}_no_update", f"UPDATE OF {fixed} ON {table} FOR EACH STATEMENT")
    _refuse("provider_attempt_no_update", "UPDATE ON provider_attempt FOR EACH STATEMENT")


def _refuse(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION release_is_append_only()")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, column: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=op.f(f"pk_{table}"))


def _refers(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["member.code"], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
