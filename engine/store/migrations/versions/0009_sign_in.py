"""Sign-in: passwords, second factors, sign-ins, failures, one-time tickets, recoveries, and notices of recoveries.

Nobody removes a row, but for failures, which are forgotten. Whose it is, when it began and by whom never changes, and
a sign-in, a ticket, a factor or a recovery ends once: triggers say so, and on PostgreSQL grants for single columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0009_sign_in"
down_revision = "0008_by_class"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_NOTICES_BEFORE = ("request_asked", "request_approved", "request_declined", "glass_broken", "glass_reviewed")
_NOTICES = (*_NOTICES_BEFORE, "recovery_asked", "recovery_done")
_CHANGING = {
    "password": "hash, set_at",
    "second_factor": "credential, public_key, sign_count, last_step, confirmed_at, used_at, removed_at, removed_by",
    "sign_in": "used_at, strong_until, challenge, ended_at, ended_why",
    "half_sign_in": "tries, used_at",
    "sign_in_failure": "failures, since, last_at, wait_until",
    "sign_in_ticket": "ended_at, ended_why",
    "recovery": "approved_by, approved_unit, approved_at, ready_at, ended_at, ended_by, outcome",
}
"""What of a row may change at all."""
_FIXED = {
    "password": "person",
    "second_factor": "id, person, kind, sealed, added_at",
    "sign_in": "id, digest, person, begun_at, ends_at, means, unit, role, source",
    "half_sign_in": "digest, person, begun_at, ends_at, challenge",
    "sign_in_failure": "key",
    "sign_in_ticket": "digest, person, issued_at, ends_at, issued_by",
    "recovery": "id, person, asked_by, asked_unit, asked_at, expires_at",
}
"""What of a row may never be changed."""
_OVER = {
    "second_factor": "OLD.removed_at IS NOT NULL",
    "sign_in": "OLD.ended_at IS NOT NULL",
    "half_sign_in": "OLD.used_at IS NOT NULL",
    "sign_in_ticket": "OLD.ended_at IS NOT NULL",
    "recovery": "OLD.ended_at IS NOT NULL",
}
"""When a row may not be changed any more."""
_ONCE = {
    "second_factor": ("credential, public_key, confirmed_at", "OLD.confirmed_at IS NOT NULL"),
    "recovery": ("approved_by, approved_unit, approved_at, ready_at", "OLD.approved_at IS NOT NULL"),
}
"""What is written once, and when that has been done."""
_FORGOTTEN = ("sign_in_failure",)
"""What is no history: it says only who must wait."""
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Create the seven tables, and let notices tell of recoveries."""
    _create_credentials()
    _create_sign_ins()
    _create_failures_and_tickets()
    _create_recoveries()
    _allow_notices(_NOTICES)
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is not None:
        for table, columns in _CHANGING.items():
            op.execute(f"GRANT SELECT, INSERT, UPDATE ({columns}) ON {table} TO {APP_ROLE}")
        op.execute(f"GRANT DELETE ON sign_in_failure TO {APP_ROLE}")


def downgrade() -> None:
    """Drop them. Refuses where somebody can sign in or did: nobody could any more, and who did would be gone."""
    for table in ("password", "sign_in", "recovery"):
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None:  # noqa: S608
            raise SchemaBehind(
                "数据库中有密码或登录记录：退回旧版后无人能登录，登录记录也会丢失",
                "passwords or sign-ins are on record: going back would let nobody sign in and destroy who did",
            )
    _allow_notices(_NOTICES_BEFORE)
    for table in reversed(_CHANGING):
        op.drop_table(table)


def _create_credentials() -> None:
    op.create_table(
        "password",
        _text("person"), _text("hash"), _at("set_at"),
        _key("password", "person"), _refers("password", "person", "member.code"),
    )  # fmt: skip
    op.create_table(
        "second_factor",
        _text("id"), _text("person"), _text("kind"), _bytes("sealed"), _at("added_at"), _bytes("credential", null=True),
        _bytes("public_key", null=True), sa.Column("sign_count", sa.BigInteger(), nullable=True),
        _number("last_step", null=True), _at("confirmed_at", null=True), _at("used_at", null=True),
        _at("removed_at", null=True), _text("removed_by", null=True),
        _key("second_factor", "id"), _refers("second_factor", "person", "member.code"),
        sa.UniqueConstraint("credential", name=op.f("uq_second_factor_credential")),
        _check("second_factor", "kind", "kind IN ('totp', 'passkey')"),
        _check(
            "second_factor", "passkey",
            "(credential IS NULL) = (public_key IS NULL) AND (credential IS NULL OR kind = 'passkey')",
        ),
        _check(
            "second_factor", "confirmed", "kind = 'totp' OR confirmed_at IS NULL OR credential IS NOT NULL"
        ),
        _check("second_factor", "removed", "(removed_at IS NULL) = (removed_by IS NULL)"),
    )  # fmt: skip
    op.create_index("ix_second_factor_person", "second_factor", ["person"])


def _create_sign_ins() -> None:
    op.create_table(
        "sign_in",
        _text("id"), _text("digest"), _text("person"), _at("begun_at"), _at("ends_at"), _at("used_at"), _text("means"),
        _at("strong_until", null=True), _text("unit", null=True), _text("role", null=True), _text("source", null=True),
        _bytes("challenge", null=True), _at("ended_at", null=True), _text("ended_why", null=True),
        _key("sign_in", "id"), sa.UniqueConstraint("digest", name=op.f("uq_sign_in_digest")),
        _check("sign_in", "id", "length(id) = 16"),
        _check("sign_in", "digest", "length(digest) = 64"),
        _check("sign_in", "ends", "begun_at < ends_at AND begun_at <= used_at"),
        _check("sign_in", "ended", "(ended_at IS NULL) = (ended_why IS NULL)"),
        _check(
            "sign_in", "ended_why",
            "ended_why IN"
            " ('signed_out', 'everywhere', 'password_set', 'factors_changed', 'recovered', 'deactivated')",
        ),
    )  # fmt: skip
    op.create_index("ix_sign_in_person", "sign_in", ["person", "source", "begun_at"])
    op.create_table(
        "half_sign_in",
        _text("digest"), _text("person"), _at("begun_at"), _at("ends_at"), _bytes("challenge", null=True),
        _number("tries"), _at("used_at", null=True),
        _key("half_sign_in", "digest"), _refers("half_sign_in", "person", "member.code"),
        _check("half_sign_in", "digest", "length(digest) = 64"),
        _check("half_sign_in", "tries", "tries >= 0"),
    )  # fmt: skip


def _create_failures_and_tickets() -> None:
    op.create_table(
        "sign_in_failure",
        _text("key"), _number("failures"), _at("since"), _at("last_at"), _at("wait_until"),
        _key("sign_in_failure", "key"),
        _check("sign_in_failure", "key", "length(key) = 64"),
        _check("sign_in_failure", "failures", "failures >= 0"),
    )  # fmt: skip
    op.create_index("ix_sign_in_failure_last_at", "sign_in_failure", ["last_at"])
    op.create_table(
        "sign_in_ticket",
        _text("digest"), _text("person"), _at("issued_at"), _at("ends_at"), _text("issued_by", null=True),
        _at("ended_at", null=True), _text("ended_why", null=True),
        _key("sign_in_ticket", "digest"), _refers("sign_in_ticket", "person", "member.code"),
        _check("sign_in_ticket", "digest", "length(digest) = 64"),
        _check("sign_in_ticket", "ends", "issued_at < ends_at"),
        _check("sign_in_ticket", "ended", "(ended_at IS NULL) = (ended_why IS NULL)"),
        _check("sign_in_ticket", "ended_why", "ended_why IN ('used', 'replaced', 'withdrawn')"),
    )  # fmt: skip
    op.create_index("ix_sign_in_ticket_person", "sign_in_ticket", ["person"])


def _create_recoveries() -> None:
    op.create_table(
        "recovery",
        _text("id"), _text("person"), _text("asked_by"), _text("asked_unit"), _at("asked_at"), _at("expires_at"),
        _text("approved_by", null=True), _text("approved_unit", null=True), _at("approved_at", null=True),
        _at("ready_at", null=True), _at("ended_at", null=True), _text("ended_by", null=True),
        _text("outcome", null=True),
        _key("recovery", "id"), _refers("recovery", "person", "member.code"),
        _check("recovery", "outcome", "outcome IN ('stopped', 'completed', 'expired')"),
        _check("recovery", "asked_by", "asked_by <> person"),
        _check("recovery", "approved_by", "approved_by <> person AND approved_by <> asked_by"),
        _check(
            "recovery", "approved",
            "(approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL) = (approved_unit IS NULL)"
            " AND (approved_at IS NULL) = (ready_at IS NULL)",
        ),
        _check(
            "recovery", "ended", "(ended_at IS NULL) = (outcome IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)"
        ),
        _check(
            "recovery", "completed", "outcome <> 'completed' OR (ready_at IS NOT NULL AND ready_at <= ended_at)"
        ),
    )  # fmt: skip
    op.create_index("uq_recovery_open", "recovery", ["person"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)


def _allow_notices(kinds: tuple[str, ...]) -> None:
    """Let ``notice_outbox.kind`` be one of these. SQLite makes the table anew, and so its trigger."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("notice_outbox") as batch:
        batch.drop_constraint(op.f("ck_notice_outbox_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_notice_outbox_kind"), f"kind IN ({listed})")
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER IF NOT EXISTS notice_outbox_no_delete BEFORE DELETE ON notice_outbox"
            " BEGIN SELECT RAISE(ABORT, 'notice_outbox is append-only'); END"
        )


def _guard_on_sqlite() -> None:
    for table, fixed in _FIXED.items():
        if table not in _FORGOTTEN:
            _abort(f"{table}_no_delete", f"DELETE ON {table}", f"{table} is append-only")
        _abort(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}", f"{table} is append-only")
    for table, over in _OVER.items():
        _abort(f"{table}_ends_once", f"UPDATE ON {table} WHEN {over}", f"{table} ends once")
    for table, (columns, done) in _ONCE.items():
        _abort(f"{table}_once", f"UPDATE OF {columns} ON {table} WHEN {done}", f"{table} is confirmed once")


def _abort(name: str, when: str, words: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")


def _guard_on_postgresql() -> None:
    for table, fixed in _FIXED.items():
        for act in ("DELETE", "TRUNCATE") if table not in _FORGOTTEN else ():
            _refuse(f"{table}_no_{act.lower()}", f"{act} ON {table} FOR EACH STATEMENT")
        _refuse(f"{table}_no_update", f"UPDATE OF {fixed} ON {table} FOR EACH STATEMENT")
    for table, over in _OVER.items():
        _refuse(f"{table}_ends_once", f"UPDATE ON {table} FOR EACH ROW WHEN ({over})")
    for table, (columns, done) in _ONCE.items():
        _refuse(f"{table}_once", f"UPDATE OF {columns} ON {table} FOR EACH ROW WHEN ({done})")


def _refuse(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION release_is_append_only()")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _bytes(name: str, *, null: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
