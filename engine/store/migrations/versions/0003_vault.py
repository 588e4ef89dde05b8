"""The vault: keys, sealed persons, blind indexes, attachments, legal holds, erasure certificates, rotations.

What earlier releases wrote about cases was not sealed, and a migration has no keys to seal it with: a database that
holds a case is not upgraded. Directory, releases and settings stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.errors import SchemaBehind
from engine.store.instants import Instant

revision = "0003_vault"
down_revision = "0002_release"
branch_labels = None
depends_on = None

APP_ROLE = "guitu_app"
_GRANTS = {
    "vault_key": "SELECT, INSERT, UPDATE",
    "case_key": "SELECT, INSERT, UPDATE, DELETE",
    "person": "SELECT, INSERT, UPDATE, DELETE",
    "blind_index": "SELECT, INSERT, DELETE",
    "attachment": "SELECT, INSERT, DELETE",
    "legal_hold": "SELECT, INSERT, UPDATE",
    "erasure_certificate": "SELECT, INSERT",
    "key_rotation": "SELECT, INSERT, UPDATE",
}
_EVENTS_BEFORE = (
    "case_opened", "facts_recorded", "documents_filed", "note_added", "consent_recorded", "track_opened",
    "hand_off_offered", "hand_off_accepted", "hand_off_declined", "hand_off_withdrawn", "moved",
    "holder_changed", "move_reversed", "unit_referred", "referral_ended", "person_assigned", "duty_settled",
    "track_declined", "track_ended", "fact_corrected", "flag_reviewed", "criminal_case_linked", "case_relocated",
    "case_closed", "case_reopened",
)  # fmt: skip


def upgrade() -> None:
    """Create the tables, and let events tell of sealed identities and files. Refuses where cases are on record."""
    _refuse_with_cases(
        "数据库中有旧版未封存的个案，无法升级：请另建空库",
        "cases of a release without a vault are on record: begin with an empty database",
    )
    _allow_events((*_EVENTS_BEFORE, "identity_recorded", "file_attached"))
    op.add_column("case_record", sa.Column("key_version", sa.Integer(), nullable=False, server_default="1"))
    _create_keys()
    _create_persons()
    _create_attachments()
    _create_ends()
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER erasure_certificate_no_{act.lower()} BEFORE {act} ON erasure_certificate"
                " BEGIN SELECT RAISE(ABORT, 'erasure_certificate is append-only'); END"
            )
        return
    for act in ("UPDATE OR DELETE", "TRUNCATE"):
        op.execute(
            f"CREATE TRIGGER erasure_certificate_no_{act.split()[0].lower()} BEFORE {act} ON erasure_certificate"
            " FOR EACH STATEMENT EXECUTE FUNCTION release_is_append_only()"
        )
    _grant()


def downgrade() -> None:
    """Drop the tables. Refuses where cases are on record: without their keys nobody could ever read them again."""
    _refuse_with_cases(
        "数据库中有个案：退回旧版会销毁其密钥，任何人都无法再读取",
        "cases are on record: going back would destroy their keys, and nobody could read them any more",
    )
    for table in reversed(_GRANTS):
        op.drop_table(table)
    with op.batch_alter_table("case_record") as batch:
        batch.drop_column("key_version")
    _allow_events(_EVENTS_BEFORE)


def _refuse_with_cases(zh: str, en: str) -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM case_record LIMIT 1")).first() is not None:
        raise SchemaBehind(zh, en)


def _allow_events(kinds: tuple[str, ...]) -> None:
    """Let ``case_event.kind`` be one of these. SQLite makes the table anew, so its triggers are made anew too."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("case_event") as batch:
        batch.drop_constraint(op.f("ck_case_event_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_case_event_kind"), f"kind IN ({listed})")
    if op.get_bind().dialect.name != "sqlite":
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS case_event_no_{act.lower()} BEFORE {act} ON case_event"
            " BEGIN SELECT RAISE(ABORT, 'case_event is append-only'); END"
        )


def _create_keys() -> None:
    op.create_table(
        "vault_key",
        _text("id"), _text("kind"), _text("jurisdiction"), _number("version"), _bytes("wrapped"), _at("made_at"),
        _at("destroyed_at", null=True),
        _key("vault_key", "id"),
        _one_of("vault_key", "kind", ("case", "identity", "index", "installation")),
        _check("vault_key", "destroyed", "(length(wrapped) = 0) = (destroyed_at IS NOT NULL)"),
        sa.UniqueConstraint("kind", "jurisdiction", "version", name=op.f("uq_vault_key_version")),
    )  # fmt: skip
    op.create_table(
        "case_key",
        _text("case_id"), _number("version"), _text("vault_key"), _bytes("wrapped"),
        _key("case_key", "case_id", "version"),
        _refers("case_key", "case_id", "case_record.id"), _refers("case_key", "vault_key", "vault_key.id"),
    )  # fmt: skip
    op.create_index("ix_case_key_vault_key", "case_key", ["vault_key", "case_id"])
    op.create_table(
        "key_rotation",
        _text("id"), _text("kind"), _text("jurisdiction"), _text("old_keys"), _text("new_key"), _number("total"),
        _number("done"), _text("cursor"), _at("started_at"), _at("finished_at", null=True),
        _key("key_rotation", "id"),
        _one_of("key_rotation", "kind", ("root", "case", "case_key", "identity", "index", "installation")),
    )  # fmt: skip


def _create_persons() -> None:
    op.create_table(
        "person",
        _text("case_id"), _text("id"), _text("role"), _number("revision"), _text("vault_key"), _bytes("sealed"),
        _at("changed_at"),
        _key("person", "case_id", "id"),
        _refers("person", "case_id", "case_record.id"), _refers("person", "vault_key", "vault_key.id"),
        _one_of("person", "role", ("victim", "relative", "carer", "buyer_family", "reporter")),
        _check("person", "revision", "revision >= 1"),
    )  # fmt: skip
    op.create_index("ix_person_vault_key", "person", ["vault_key", "case_id"])
    op.create_table(
        "blind_index",
        _text("vault_key"), _text("field"), _bytes("token"), _text("case_id"), _text("person"),
        _key("blind_index", "vault_key", "field", "token", "case_id", "person"),
        _refers("blind_index", "vault_key", "vault_key.id"),
        sa.ForeignKeyConstraint(
            ["case_id", "person"], ["person.case_id", "person.id"], name=op.f("fk_blind_index_person"),
            ondelete="CASCADE",
        ),
        _one_of("blind_index", "field", ("id_number", "phone", "name", "pinyin", "paper")),
        _check("blind_index", "token", "length(token) = 16"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("ix_blind_index_person", "blind_index", ["case_id", "person"])


def _create_attachments() -> None:
    op.create_table(
        "attachment",
        _text("id"), _text("case_id"), _number("key_version"), _number("size"), _bytes("sealed"), _at("added_at"),
        _text("unit"), _text("person"),
        _key("attachment", "id"), _refers("attachment", "case_id", "case_record.id"),
        _check("attachment", "size", "size >= 0"),
    )  # fmt: skip
    op.create_index("ix_attachment_case_id", "attachment", ["case_id"])


def _create_ends() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        _text("case_id"), _text("reason"), _at("since"), _text("unit"), _text("person"),
        _at("released_at", null=True), _text("released_by", null=True),
        _key("legal_hold", "id"), _refers("legal_hold", "case_id", "case_record.id"),
    )  # fmt: skip
    op.create_index("ix_legal_hold_case_id", "legal_hold", ["case_id"])
    op.create_table(
        "erasure_certificate",
        _text("case_id"), _at("at"), _bytes("body"),
        _key("erasure_certificate", "case_id"), _refers("erasure_certificate", "case_id", "case_record.id"),
    )  # fmt: skip


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


def _one_of(table: str, column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
