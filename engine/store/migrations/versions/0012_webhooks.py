"""Webhooks of units, deliveries of notices with their leases, and notices to a whole unit.

Nobody removes a row. Whose a webhook is and who added it is never changed, and it ends once; so does a delivery.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0012_webhooks"
down_revision = "0011_leads"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_KINDS_BEFORE = (
    "request_asked", "request_approved", "request_declined", "glass_broken", "glass_reviewed", "recovery_asked",
    "recovery_done",
)  # fmt: skip
_UNIT_KINDS = ("hand_off_offered", "hand_off_accepted", "hand_off_declined", "hand_off_withdrawn", "lead_waits")
_KINDS = (*_KINDS_BEFORE, "provider_linked", *_UNIT_KINDS, "webhook_ended", "webhook_test")
_TO_WHOM_BEFORE = "(to_person IS NULL) = (to_role IS NOT NULL AND to_area IS NOT NULL)"
_TO_WHOM = (
    "(to_person IS NOT NULL AND to_role IS NULL AND to_area IS NULL AND to_unit IS NULL)"
    " OR (to_person IS NULL AND to_role IS NOT NULL AND (to_area IS NULL) <> (to_unit IS NULL))"
    " OR (to_person IS NULL AND to_role IS NULL AND to_area IS NULL AND to_unit IS NOT NULL)"
)
_GRANTS = {
    "webhook": "SELECT, INSERT, UPDATE (sealed, rotated_at, succeeded_at, failing_since, ended_at, end_reason,"
    " ended_by)",
    "webhook_kind": "SELECT, INSERT",
    "delivery": "SELECT, INSERT, UPDATE (state, attempts, next_at, leased_until, leased_by, ended_at, outcome)",
}
_ENDS_ONCE = {
    "webhook": ("OLD.ended_at IS NOT NULL", "id, unit, added_at, added_by"),
    "delivery": ("OLD.state <> 'waiting'", "channel, target, notice_id"),
}
"""When a row may not be changed any more, and what of it may never be."""
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Create the three tables, and let a notice be for a unit."""
    with op.batch_alter_table("notice_outbox") as batch:
        batch.add_column(sa.Column("to_unit", sa.String(), nullable=True))
    _allow_notices(_KINDS, _TO_WHOM)
    op.create_index("ix_notice_outbox_to_unit", "notice_outbox", ["to_unit", "at"])
    _create_webhooks()
    _create_deliveries()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
        return
    _guard_on_postgresql()
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is not None:
        for table, rights in _GRANTS.items():
            op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def downgrade() -> None:
    """Drop them. Refuses where somebody was told what only this schema can tell: those notices would be gone."""
    told = sa.text("SELECT 1 FROM notice_outbox WHERE to_unit IS NOT NULL OR kind = 'provider_linked' LIMIT 1")
    if op.get_bind().execute(told).first() is not None:
        raise SchemaBehind(
            "数据库中有旧版没有的通知：退回旧版会丢失这些通知",
            "notices are on record that the schema before has no place for: going back would lose them",
        )
    for table in reversed(_GRANTS):
        op.drop_table(table)
    op.drop_index("ix_notice_outbox_to_unit", "notice_outbox")
    _allow_notices(_KINDS_BEFORE, _TO_WHOM_BEFORE)
    with op.batch_alter_table("notice_outbox") as batch:
        batch.drop_column("to_unit")
    _keep_notices()


def _allow_notices(kinds: tuple[str, ...], to_whom: str) -> None:
    """Let notices be of one of these kinds, and for these people."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("notice_outbox") as batch:
        for name, rule in (("kind", f"kind IN ({listed})"), ("to_whom", to_whom)):
            batch.drop_constraint(op.f(f"ck_notice_outbox_{name}"), type_="check")
            batch.create_check_constraint(op.f(f"ck_notice_outbox_{name}"), rule)
    _keep_notices()


def _keep_notices() -> None:
    """SQLite makes a table anew to change it, and so its trigger."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER IF NOT EXISTS notice_outbox_no_delete BEFORE DELETE ON notice_outbox"
            " BEGIN SELECT RAISE(ABORT, 'notice_outbox is append-only'); END"
        )


def _create_webhooks() -> None:
    op.create_table(
        "webhook",
        _text("id"), _text("unit"), sa.Column("sealed", sa.LargeBinary(), nullable=False), _at("added_at"),
        _text("added_by"), _at("rotated_at", null=True), _at("succeeded_at", null=True),
        _at("failing_since", null=True), _at("ended_at", null=True), _text("end_reason", null=True),
        _text("ended_by", null=True),
        _key("webhook", "id"),
        _check("webhook", "end_reason", "end_reason IN ('ended', 'gone', 'failing')"),
        _check("webhook", "ended", "(ended_at IS NULL) = (end_reason IS NULL)"),
    )  # fmt: skip
    op.create_index("ix_webhook_unit", "webhook", ["unit"])
    listed = ", ".join(f"'{kind}'" for kind in _UNIT_KINDS)
    op.create_table(
        "webhook_kind",
        _text("webhook_id"), _text("kind"),
        _key("webhook_kind", "webhook_id", "kind"), _refers("webhook_kind", "webhook_id", "webhook.id"),
        _check("webhook_kind", "kind", f"kind IN ({listed})"),
        sqlite_with_rowid=False,
    )  # fmt: skip


def _create_deliveries() -> None:
    op.create_table(
        "delivery",
        _text("channel"), _text("target"), _text("notice_id"), _text("state"),
        sa.Column("attempts", sa.Integer(), nullable=False), _at("next_at"), _at("leased_until", null=True),
        _text("leased_by", null=True), _at("ended_at", null=True), _text("outcome", null=True),
        _key("delivery", "channel", "target", "notice_id"), _refers("delivery", "notice_id", "notice_outbox.id"),
        _check("delivery", "channel", "channel IN ('webhook')"),
        _check("delivery", "state", "state IN ('waiting', 'delivered', 'given_up')"),
        _check("delivery", "attempts", "attempts >= 0"),
        _check("delivery", "leased", "(leased_until IS NULL) = (leased_by IS NULL)"),
        _check("delivery", "ended", "(state = 'waiting') = (ended_at IS NULL)"),
    )  # fmt: skip
    op.create_index(
        "ix_delivery_due", "delivery", ["channel", "next_at"], sqlite_where=_WAITING, postgresql_where=_WAITING
    )
    op.create_index("ix_delivery_target", "delivery", ["channel", "target", "state"])


def _guard_on_sqlite() -> None:
    for table in _GRANTS:
        _abort(f"{table}_no_delete", f"DELETE ON {table}", f"{table} is append-only")
    _abort("webhook_kind_no_update", "UPDATE ON webhook_kind", "webhook_kind is append-only")
    for table, (over, fixed) in _ENDS_ONCE.items():
        _abort(f"{table}_ends_once", f"UPDATE ON {table} WHEN {over}", f"{table} ends once")
        _abort(f"{table}_no_update", f"UPDATE OF {fixed} ON {table}", f"{table} is append-only")


def _abort(name: str, when: str, words: str) -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{words}'); END")


def _guard_on_postgresql() -> None:
    for table in _GRANTS:
        for act in ("DELETE", "TRUNCATE"):
            _refuse(f"{table}_no_{act.lower()}", f"{act} ON {table} FOR EACH STATEMENT")
    _refuse("webhook_kind_no_update", "UPDATE ON webhook_kind FOR EACH STATEMENT")
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
