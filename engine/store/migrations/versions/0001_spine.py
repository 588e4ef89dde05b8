"""The spine: cases with their events, tracks and hand-offs; answers, definitions, directory, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.instants import Instant

revision = "0001_spine"
down_revision = None
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "alembic_version": "SELECT",
    "pinned_definition": "SELECT, INSERT",
    "case_record": "SELECT, INSERT, UPDATE",
    "case_event": "SELECT, INSERT",
    "case_unit": "SELECT, INSERT",
    "track_position": "SELECT, INSERT, UPDATE",
    "hand_off": "SELECT, INSERT, UPDATE",
    "refusal": "SELECT, INSERT",
    "idempotency": "SELECT, INSERT",
    "jurisdiction": "SELECT, INSERT, UPDATE, DELETE",
    "unit": "SELECT, INSERT, UPDATE, DELETE",
    "unit_function": "SELECT, INSERT, UPDATE, DELETE",
    "unit_name": "SELECT, INSERT, UPDATE, DELETE",
    "unit_liaison": "SELECT, INSERT, UPDATE, DELETE",
    "directory_stamp": "SELECT, UPDATE",
    "parameter_setting": "SELECT, INSERT, UPDATE, DELETE",
}
_KINDS = (
    "case_opened", "facts_recorded", "documents_filed", "note_added", "consent_recorded", "track_opened",
    "hand_off_offered", "hand_off_accepted", "hand_off_declined", "hand_off_withdrawn", "moved",
    "holder_changed", "move_reversed", "unit_referred", "referral_ended", "person_assigned", "duty_settled",
    "track_declined", "track_ended", "fact_corrected", "flag_reviewed", "criminal_case_linked", "case_relocated",
    "case_closed",
    "case_reopened",
)  # fmt: skip


def upgrade() -> None:
    """Create everything."""
    _create_cases()
    _create_positions()
    _create_answers()
    _create_directory()
    _refuse_changes_of_events()
    if op.get_bind().dialect.name == "postgresql":
        _grant()


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "parameter_setting", "directory_stamp", "unit_liaison", "unit_name", "unit_function", "unit",
        "jurisdiction", "idempotency", "refusal", "hand_off", "track_position", "case_unit", "case_event",
        "case_record", "pinned_definition",
    ):  # fmt: skip
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION case_event_is_append_only()")


def _create_cases() -> None:
    op.create_table(
        "pinned_definition",
        _text("hash"), _text("id"), _text("version"), _bytes("body"), _at("pinned_at"),
        _key("pinned_definition", "hash"),
    )  # fmt: skip
    op.create_table(
        "case_record",
        _text("id"), _text("scope"), _text("jurisdiction"), _text("area"),
        _text("definition_id"), _text("definition_version"), _text("definition_hash"),
        _number("revision"), _text("status"), _text("outcome", null=True), _at("opened_at"), _at("changed_at"),
        _number("events"), _text("criminal_case", null=True), _text("predecessor", null=True),
        _text("points_to", null=True), _bytes("content"),
        _key("case_record", "id"),
        _refers("case_record", "definition_hash", "pinned_definition.hash"),
        _refers("case_record", "criminal_case", "case_record.id"),
        _one_of("case_record", "scope", ("victim", "criminal_case", "office")),
        _one_of("case_record", "status", ("open", "closed")),
        _check("case_record", "revision", "revision >= 1"),
        _check("case_record", "outcome", "(status = 'closed') = (outcome IS NOT NULL)"),
    )  # fmt: skip
    op.create_index("ix_case_record_criminal_case", "case_record", ["criminal_case"])
    op.create_table(
        "case_event",
        _text("case_id"), _number("number"), _number("revision"), _at("at"), _text("kind"), _text("unit"),
        _text("person"), _bytes("body"),
        _key("case_event", "case_id", "number"),
        _refers("case_event", "case_id", "case_record.id"),
        _one_of("case_event", "kind", _KINDS),
        _check("case_event", "number", "number >= 1"),
        _check("case_event", "revision", "revision >= 1"),
    )  # fmt: skip
    op.create_table(
        "case_unit",
        _text("case_id"), _text("unit"),
        _key("case_unit", "case_id", "unit"), _refers("case_unit", "case_id", "case_record.id"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_case_unit_unit", "case_unit", ["unit", "case_id"])


def _create_positions() -> None:
    op.create_table(
        "track_position",
        _text("case_id"), _text("track"), _text("step"), _text("status"), _text("holder", null=True),
        _text("assignee", null=True), _at("entered_at"), _text("hand_off", null=True),
        _key("track_position", "case_id", "track"),
        _refers("track_position", "case_id", "case_record.id"),
        _one_of("track_position", "status", ("waiting", "open", "done", "declined", "ended")),
        _check("track_position", "holder", "(holder IS NOT NULL) = (status IN ('waiting', 'open'))"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_track_position_holder", "track_position", ["holder", "entered_at", "case_id"])
    op.create_table(
        "hand_off",
        _text("id"), _text("case_id"), _text("kind"), _text("track", null=True), _text("move", null=True),
        _text("to_step", null=True), _text("from_unit"), _text("to_unit"), _text("state"),
        _at("offered_at"), _text("offered_by"), _at("ended_at", null=True), _text("reason", null=True),
        _key("hand_off", "id"),
        _refers("hand_off", "case_id", "case_record.id"),
        _one_of("hand_off", "kind", ("move", "track", "unit", "transfer")),
        _one_of("hand_off", "state", ("offered", "accepted", "declined", "withdrawn")),
        _check("hand_off", "units", "from_unit <> to_unit"),
        _check("hand_off", "ended", "(state = 'offered') = (ended_at IS NULL)"),
    )  # fmt: skip
    offered = sa.text("state = 'offered'")
    transfer = sa.text("state = 'offered' AND kind = 'transfer'")
    op.create_index(
        "uq_hand_off_open", "hand_off", ["case_id", "track"],
        unique=True, sqlite_where=offered, postgresql_where=offered,
    )  # fmt: skip
    op.create_index(
        "uq_hand_off_transfer", "hand_off", ["case_id"],
        unique=True, sqlite_where=transfer, postgresql_where=transfer,
    )  # fmt: skip
    op.create_index("ix_hand_off_to_unit", "hand_off", ["to_unit", "state", "offered_at"])
    op.create_index("ix_hand_off_from_unit", "hand_off", ["from_unit", "state"])


def _create_answers() -> None:
    op.create_table(
        "refusal",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        _text("case_id", null=True), _at("at"), _text("command"), _text("unit"), _text("person"), _text("code"),
        _bytes("body"),
        _key("refusal", "id"),
    )  # fmt: skip
    op.create_index("ix_refusal_case_id", "refusal", ["case_id"])
    op.create_table(
        "idempotency",
        _text("unit"), _text("key"), _text("digest"), _text("case_id"), _number("revision"), _bytes("answer"),
        _at("at"),
        _key("idempotency", "unit", "key"), _check("idempotency", "digest", "length(digest) = 64"),
    )  # fmt: skip
    op.create_table(
        "parameter_setting",
        _text("definition_id"), _text("name"), _text("value"), _text("source"), _text("set_by"), _at("set_at"),
        _key("parameter_setting", "definition_id", "name"),
        _check("parameter_setting", "source", "source = 'deployer'"),
    )  # fmt: skip


def _create_directory() -> None:
    op.create_table(
        "jurisdiction",
        _text("code"), _text("parent", null=True), _text("zh"), _text("en"), _text("definition", null=True),
        _key("jurisdiction", "code"), _refers("jurisdiction", "parent", "jurisdiction.code"),
    )  # fmt: skip
    op.create_table(
        "unit",
        _text("id"), _number("position"), _text("jurisdiction"), _text("merged_into", null=True),
        _key("unit", "id"), _refers("unit", "jurisdiction", "jurisdiction.code"),
        _refers("unit", "merged_into", "unit.id"),
    )  # fmt: skip
    op.create_table(
        "unit_function",
        _text("unit"), _text("function"),
        _key("unit_function", "unit", "function"), _refers("unit_function", "unit", "unit.id"),
    )  # fmt: skip
    op.create_table(
        "unit_name",
        _text("unit"), sa.Column("since", sa.Date(), nullable=False), _text("zh"), _text("en"),
        _key("unit_name", "unit", "since"), _refers("unit_name", "unit", "unit.id"),
    )  # fmt: skip
    op.create_table(
        "unit_liaison",
        _text("unit"), _text("officer"), _number("position"),
        _key("unit_liaison", "unit", "officer"), _refers("unit_liaison", "unit", "unit.id"),
    )  # fmt: skip
    op.create_table(
        "directory_stamp",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False), _number("stamp"),
        _key("directory_stamp", "id"), _check("directory_stamp", "id", "id = 1"),
    )  # fmt: skip
    op.execute("INSERT INTO directory_stamp (id, stamp) VALUES (1, 0)")


def _refuse_changes_of_events() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER case_event_no_{act.lower()} BEFORE {act} ON case_event"
                " BEGIN SELECT RAISE(ABORT, 'case_event is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION case_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'case_event is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for act in ("UPDATE OR DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER case_event_no_{act.split()[0].lower()} BEFORE {act} ON case_event"
            " FOR EACH STATEMENT EXECUTE FUNCTION case_event_is_append_only()"
        )


def _grant() -> None:
    known = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if op.get_bind().execute(known, {"role": APP_ROLE}).first() is None:
        return
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=null)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _at(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _one_of(table: str, column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return _check(table, column, f"{column} IN ({listed})")
