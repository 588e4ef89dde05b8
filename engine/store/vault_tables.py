"""The tables of what the vault seals: keys, persons, blind indexes, attachments, holds, certificates, rotations.

Columns named ``wrapped`` and ``sealed`` are opaque bytes; a ``token`` cannot be turned back into what it indexes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, get_args

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, UniqueConstraint
from sqlmodel import Field

from engine.core.commands import Role
from engine.store.instants import Instant
from engine.store.row import Row, one_of

VAULT_KEY_KINDS = ("case", "identity", "index", "installation")
ROTATIONS = ("root", "case", "case_key", "identity", "index", "installation")
ROLES: tuple[str, ...] = get_args(Role)
INDEX_FIELDS = ("id_number", "phone", "name", "pinyin", "paper")


class VaultKey(Row, table=True):
    """A key of the vault, wrapped under a root key that is not in the database; ``id`` is 32 digits of hex.

    Of a destroyed key only the fact remains: ``wrapped`` is empty and ``destroyed_at`` says since when.
    """

    __table_args__: ClassVar[Any] = (
        one_of("kind", VAULT_KEY_KINDS),
        CheckConstraint("(length(wrapped) = 0) = (destroyed_at IS NOT NULL)", name="destroyed"),
        UniqueConstraint("kind", "jurisdiction", "version", name="uq_vault_key_version"),
    )

    id: str = Field(primary_key=True)
    kind: str
    jurisdiction: str
    version: int
    wrapped: bytes
    made_at: datetime = Field(sa_type=Instant)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)


class CaseKey(Row, table=True):
    """The key of a case, wrapped under a vault key. Erasing a case removes its rows here."""

    __table_args__: ClassVar[Any] = (Index("ix_case_key_vault_key", "vault_key", "case_id"),)

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    version: int = Field(primary_key=True)
    vault_key: str = Field(foreign_key="vault_key.id")
    wrapped: bytes


class Person(Row, table=True):
    """Somebody a case knows, by reference; ``sealed`` is the identity, which this room cannot read."""

    __table_args__: ClassVar[Any] = (
        one_of("role", ROLES),
        CheckConstraint("revision >= 1", name="revision"),
        Index("ix_person_vault_key", "vault_key", "case_id"),
    )

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    id: str = Field(primary_key=True)
    role: str
    revision: int
    vault_key: str = Field(foreign_key="vault_key.id")
    sealed: bytes
    changed_at: datetime = Field(sa_type=Instant)


class BlindIndex(Row, table=True):
    """A keyed token of a normalised identifier: equal ones of one jurisdiction share it, nothing else shows."""

    __table_args__: ClassVar[Any] = (
        one_of("field", INDEX_FIELDS),
        CheckConstraint("length(token) = 16", name="token"),
        ForeignKeyConstraint(
            ["case_id", "person"], ["person.case_id", "person.id"], name="fk_blind_index_person", ondelete="CASCADE"
        ),
        Index("ix_blind_index_person", "case_id", "person"),
        {"sqlite_with_rowid": False},
    )

    vault_key: str = Field(primary_key=True, foreign_key="vault_key.id")
    field: str = Field(primary_key=True)
    token: bytes = Field(primary_key=True)
    case_id: str = Field(primary_key=True)
    person: str = Field(primary_key=True)


class Attachment(Row, table=True):
    """A file of a case. Its bytes lie encrypted outside the database; its name and type are sealed in ``sealed``."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("size >= 0", name="size"),
        Index("ix_attachment_case_id", "case_id"),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="case_record.id")
    key_version: int
    size: int
    sealed: bytes
    added_at: datetime = Field(sa_type=Instant)
    unit: str
    person: str


class LegalHold(Row, table=True):
    """Why a case must not be erased, by a code; ``released_at`` ends it."""

    __table_args__: ClassVar[Any] = (Index("ix_legal_hold_case_id", "case_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity()])
    case_id: str = Field(foreign_key="case_record.id")
    reason: str
    since: datetime = Field(sa_type=Instant)
    unit: str
    person: str
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    released_by: str | None = None


class ErasureCertificate(Row, table=True):
    """That a case was erased, what was destroyed and what remains; append-only. ``body`` is readable JSON."""

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    at: datetime = Field(sa_type=Instant)
    body: bytes


class KeyRotation(Row, table=True):
    """A rotation and how far it came: ``done`` of ``total`` rows. It goes on where it stopped."""

    __table_args__: ClassVar[Any] = (one_of("kind", ROTATIONS),)

    id: str = Field(primary_key=True)
    kind: str
    jurisdiction: str
    old_keys: str
    new_key: str
    total: int
    done: int
    cursor: str
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
