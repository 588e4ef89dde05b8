"""The tables of the record room, described once for both databases.

What may stand in a row is also said in SQL: closed vocabularies, foreign keys, one open hand-off per track.
The vocabularies come from the core; a test holds the migrated checks equal to them. Columns named ``content``,
``body`` and ``answer`` are opaque bytes: this room never reads them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, UniqueConstraint, text
from sqlmodel import Field

from engine.core.case import Case, TrackStatus
from engine.core.definition import Scope
from engine.core.events import EVENTS, HandOffKind
from engine.store import (
    class_tables,
    lead_tables,
    ledger_tables,
    participation_tables,
    people_tables,
    registered_tables,
    request_tables,
    sign_in_tables,
    vault_tables,
    webhook_tables,
)
from engine.store.instants import Instant
from engine.store.row import Row, one_of

SCHEMA = "0012_webhooks"
"""The migration this release writes to."""

HandOffState = Literal["offered", "accepted", "declined", "withdrawn"]
"""How a hand-off stands; a reversed acceptance makes it ``offered`` again."""

SCOPES: tuple[str, ...] = get_args(Scope)
CASE_STATUSES: tuple[str, ...] = get_args(get_type_hints(Case)["status"])
TRACK_STATUSES: tuple[str, ...] = get_args(TrackStatus)
HAND_OFF_KINDS: tuple[str, ...] = get_args(HandOffKind)
HAND_OFF_STATES: tuple[str, ...] = get_args(HandOffState)

_OFFERED = text("state = 'offered'")
_TRANSFER_OFFERED = text("state = 'offered' AND kind = 'transfer'")


class PinnedDefinition(Row, table=True):
    """A definition some case is held to, whole, so that the case outlives the file it came from."""

    hash: str = Field(primary_key=True)
    id: str
    version: str
    body: bytes
    pinned_at: datetime = Field(sa_type=Instant)


class CaseRecord(Row, table=True):
    """A record as it stands. ``id`` is a pseudonym; ``revision`` is raised once per command."""

    __table_args__: ClassVar[Any] = (
        one_of("scope", SCOPES),
        one_of("status", CASE_STATUSES),
        CheckConstraint("revision >= 1", name="revision"),
        CheckConstraint("(status = 'closed') = (outcome IS NOT NULL)", name="outcome"),
        Index("ix_case_record_criminal_case", "criminal_case"),
    )

    id: str = Field(primary_key=True)
    scope: str
    jurisdiction: str
    area: str
    definition_id: str
    definition_version: str
    definition_hash: str = Field(foreign_key="pinned_definition.hash")
    revision: int
    status: str
    outcome: str | None = None
    opened_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    events: int
    criminal_case: str | None = Field(default=None, foreign_key="case_record.id")
    predecessor: str | None = None
    points_to: str | None = None
    content: bytes
    key_version: int = 1


class CaseEvent(Row, table=True):
    """What happened, append-only: triggers (and, on PostgreSQL, grants) refuse to change or remove a row."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", EVENTS),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("revision >= 1", name="revision"),
    )

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    number: int = Field(primary_key=True)
    revision: int
    at: datetime = Field(sa_type=Instant)
    kind: str
    unit: str
    person: str
    body: bytes


class TrackPosition(Row, table=True):
    """Where each track stands and who is responsible for it."""

    __table_args__: ClassVar[Any] = (
        one_of("status", TRACK_STATUSES),
        CheckConstraint("(holder IS NOT NULL) = (status IN ('waiting', 'open'))", name="holder"),
        Index("ix_track_position_holder", "holder", "entered_at", "case_id"),
        {"sqlite_with_rowid": False},
    )

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    track: str = Field(primary_key=True)
    step: str
    status: str
    holder: str | None = None
    assignee: str | None = None
    entered_at: datetime = Field(sa_type=Instant)
    hand_off: str | None = None


class HandOff(Row, table=True):
    """Every hand-off ever offered. ``reason`` is a code of the definition, never free text."""

    __table_args__: ClassVar[Any] = (
        one_of("kind", HAND_OFF_KINDS),
        one_of("state", HAND_OFF_STATES),
        CheckConstraint("from_unit <> to_unit", name="units"),
        CheckConstraint("(state = 'offered') = (ended_at IS NULL)", name="ended"),
        Index(
            "uq_hand_off_open", "case_id", "track", unique=True, sqlite_where=_OFFERED, postgresql_where=_OFFERED
        ),
        Index(
            "uq_hand_off_transfer", "case_id",
            unique=True, sqlite_where=_TRANSFER_OFFERED, postgresql_where=_TRANSFER_OFFERED,
        ),
        Index("ix_hand_off_to_unit", "to_unit", "state", "offered_at"),
        Index("ix_hand_off_from_unit", "from_unit", "state"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_record.id")
    kind: str
    track: str | None = None
    move: str | None = None
    to_step: str | None = None
    from_unit: str
    to_unit: str
    state: str
    offered_at: datetime = Field(sa_type=Instant)
    offered_by: str
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = None


class Refusal(Row, table=True):
    """A command that was not carried out, and why. ``case_id`` may name a case that does not exist."""

    __table_args__: ClassVar[Any] = (Index("ix_refusal_case_id", "case_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity()])
    case_id: str | None = None
    at: datetime = Field(sa_type=Instant)
    command: str
    unit: str
    person: str
    code: str
    body: bytes


class Idempotency(Row, table=True):
    """The first answer to a request, by the unit that asked and the key it chose."""

    __table_args__: ClassVar[Any] = (CheckConstraint("length(digest) = 64", name="digest"),)

    unit: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    case_id: str
    revision: int
    answer: bytes
    at: datetime = Field(sa_type=Instant)


class Jurisdiction(Row, table=True):
    """An administrative area of the directory."""

    code: str = Field(primary_key=True)
    parent: str | None = Field(default=None, foreign_key="jurisdiction.code")
    zh: str
    en: str
    definition: str | None = None


class Unit(Row, table=True):
    """A unit of the directory. ``position`` keeps the order: of two that serve alike, the first is asked."""

    id: str = Field(primary_key=True)
    position: int
    jurisdiction: str = Field(foreign_key="jurisdiction.code")
    merged_into: str | None = Field(default=None, foreign_key="unit.id")


class UnitFunction(Row, table=True):
    """What a unit serves as."""

    unit: str = Field(primary_key=True, foreign_key="unit.id")
    function: str = Field(primary_key=True)


class UnitName(Row, table=True):
    """What a unit is called from a day on."""

    unit: str = Field(primary_key=True, foreign_key="unit.id")
    since: date = Field(primary_key=True)
    zh: str
    en: str


class UnitLiaison(Row, table=True):
    """The liaison officers of a unit, in order, as opaque codes."""

    unit: str = Field(primary_key=True, foreign_key="unit.id")
    officer: str = Field(primary_key=True)
    position: int


class DirectoryStamp(Row, table=True):
    """One row whose number is raised whenever the directory changes."""

    __table_args__: ClassVar[Any] = (CheckConstraint("id = 1", name="id"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stamp: int


class ParameterSetting(Row, table=True):
    """A local setting of what the document leaves open."""

    __table_args__: ClassVar[Any] = (CheckConstraint("source = 'deployer'", name="source"),)

    definition_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str
    source: str
    set_by: str
    set_at: datetime = Field(sa_type=Instant)


class DefinitionApprover(Row, table=True):
    """A public key that signs for a person of an office; append-only. ``fingerprint`` is its SHA-256 in hex."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(fingerprint) = 64", name="fingerprint"),
        CheckConstraint("length(public_key) = 32", name="public_key"),
    )

    fingerprint: str = Field(primary_key=True)
    office: str
    person: str
    public_key: bytes
    since: datetime = Field(sa_type=Instant)
    added_by: str


class ApproverRevocation(Row, table=True):
    """From when on a key signs for nobody any more; append-only: a revocation is never taken back."""

    fingerprint: str = Field(primary_key=True, foreign_key="definition_approver.fingerprint")
    at: datetime = Field(sa_type=Instant)
    revoked_by: str


class DefinitionApproval(Row, table=True):
    """A signature over the hash of a definition, for an office by a person; append-only."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(hash) = 64", name="hash"),
        CheckConstraint("length(signature) = 64", name="signature"),
    )

    hash: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True, foreign_key="definition_approver.fingerprint")
    definition_id: str
    definition_version: str
    office: str
    person: str
    signature: bytes
    at: datetime = Field(sa_type=Instant)


class DefinitionRelease(Row, table=True):
    """A definition that cases may open on, by the keys of its two approvals; append-only.

    ``id`` counts the releases: of one definition the later one supersedes the earlier.
    """

    __table_args__: ClassVar[Any] = (
        CheckConstraint("first_key <> second_key", name="keys"),
        UniqueConstraint("hash", name="uq_definition_release_hash"),
        UniqueConstraint("definition_id", "definition_version", name="uq_definition_release_version"),
        ForeignKeyConstraint(
            ["hash", "first_key"], ["definition_approval.hash", "definition_approval.fingerprint"],
            name="fk_definition_release_first_key",
        ),
        ForeignKeyConstraint(
            ["hash", "second_key"], ["definition_approval.hash", "definition_approval.fingerprint"],
            name="fk_definition_release_second_key",
        ),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity()])
    hash: str
    definition_id: str
    definition_version: str
    first_key: str
    second_key: str
    at: datetime = Field(sa_type=Instant)
    unit: str
    person: str


TABLES = Row.metadata.tables
"""The tables by name, those of ``vault_tables`` and ``ledger_tables`` among them, for Core statements."""
__all__ = [
    "SCHEMA",
    "TABLES",
    "Row",
    "class_tables",
    "lead_tables",
    "ledger_tables",
    "participation_tables",
    "people_tables",
    "registered_tables",
    "request_tables",
    "sign_in_tables",
    "vault_tables",
    "webhook_tables",
]
