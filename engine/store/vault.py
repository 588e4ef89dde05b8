"""What the vault keeps in the record room: wrapped keys, sealed persons, blind indexes. This room opens none of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.statements import Statement, insert_into, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_VAULT_KEY = TABLES["vault_key"]
_CASE_KEY = TABLES["case_key"]
_CASE = TABLES["case_record"]
_PERSON = TABLES["person"]
_INDEX = TABLES["blind_index"]

_VAULT_KEYS = Statement(
    select(*_VAULT_KEY.c).order_by(_VAULT_KEY.c.kind, _VAULT_KEY.c.jurisdiction, _VAULT_KEY.c.version)
)
_VAULT_KEY_COLUMNS = tuple(_VAULT_KEY.columns.keys())
_ADD_VAULT_KEY = Statement(
    lambda kind: (sqlite if kind == "sqlite" else postgresql).insert(_VAULT_KEY).on_conflict_do_nothing(),
    *_VAULT_KEY_COLUMNS, columns=_VAULT_KEY_COLUMNS,
)  # fmt: skip
_REWRAP_VAULT_KEY = Statement(
    update(_VAULT_KEY).where(_VAULT_KEY.c.id == bindparam("of_key")), "wrapped", "of_key", columns=("wrapped",)
)
_THE_LIVE_KEY = select(_VAULT_KEY.c.id).where(
    _VAULT_KEY.c.id == bindparam("of_key"), _VAULT_KEY.c.destroyed_at.is_(None)
)
_KEEP_VAULT_KEY = Statement(_THE_LIVE_KEY.with_for_update(read=True, key_share=True), "of_key")
_CLOSE_VAULT_KEY = Statement(_THE_LIVE_KEY.with_for_update(), "of_key")
_ALONE = Statement(
    lambda kind: text("SELECT 1" if kind == "sqlite" else "LOCK TABLE vault_key IN SHARE ROW EXCLUSIVE MODE")
)
_DESTROY_VAULT_KEY = Statement(
    update(_VAULT_KEY).where(_VAULT_KEY.c.id == bindparam("of_key"), _VAULT_KEY.c.destroyed_at.is_(None)),
    "wrapped", "destroyed_at", "of_key",
    columns=("wrapped", "destroyed_at"),
)  # fmt: skip
_ADD_CASE_KEY = insert_into(_CASE_KEY)
_CASE_KEYS = Statement(
    select(*_CASE_KEY.c).where(_CASE_KEY.c.case_id == bindparam("of_case")).order_by(_CASE_KEY.c.version), "of_case"
)
_REWRAP_CASE_KEY = Statement(
    update(_CASE_KEY).where(
        _CASE_KEY.c.case_id == bindparam("of_case"), _CASE_KEY.c.version == bindparam("of_version"),
        _CASE_KEY.c.vault_key == bindparam("wrapped_by"),
    ),
    "vault_key", "wrapped", "of_case", "of_version", "wrapped_by",
    columns=("vault_key", "wrapped"),
)  # fmt: skip
_CASE_KEYS_UNDER = Statement(
    select(*_CASE_KEY.c).where(_CASE_KEY.c.vault_key == bindparam("under")).order_by(_CASE_KEY.c.case_id)
    .limit(bindparam("most")),
    "under", "most",
)  # fmt: skip
_COUNT_CASE_KEYS_UNDER = Statement(
    select(func.count()).select_from(_CASE_KEY).where(_CASE_KEY.c.vault_key == bindparam("under")), "under"
)
_NEW_KEY_VERSION = Statement(
    update(_CASE).where(_CASE.c.id == bindparam("of_case")), "key_version", "of_case", columns=("key_version",)
)
_DROP_CASE_KEYS = Statement(delete(_CASE_KEY).where(_CASE_KEY.c.case_id == bindparam("of_case")), "of_case")

_ADD_PERSON = upsert_into(_PERSON, "revision", "vault_key", "sealed", "changed_at")
_PERSONS = Statement(
    select(*_PERSON.c).where(_PERSON.c.case_id == bindparam("of_case")).order_by(_PERSON.c.id), "of_case"
)
_ONE_PERSON = Statement(
    select(*_PERSON.c).where(_PERSON.c.case_id == bindparam("of_case"), _PERSON.c.id == bindparam("named")),
    "of_case", "named",
)  # fmt: skip
_PERSONS_UNDER = Statement(
    select(*_PERSON.c).where(_PERSON.c.vault_key == bindparam("under")).order_by(_PERSON.c.case_id, _PERSON.c.id)
    .limit(bindparam("most")),
    "under", "most",
)  # fmt: skip
_COUNT_PERSONS_UNDER = Statement(
    select(func.count()).select_from(_PERSON).where(_PERSON.c.vault_key == bindparam("under")), "under"
)
_DROP_PERSONS = Statement(delete(_PERSON).where(_PERSON.c.case_id == bindparam("of_case")), "of_case")

_ADD_TOKEN = upsert_into(_INDEX)
_DROP_TOKENS = Statement(
    delete(_INDEX).where(_INDEX.c.case_id == bindparam("of_case"), _INDEX.c.person == bindparam("named")),
    "of_case", "named",
)  # fmt: skip
_DROP_TOKENS_UNDER = Statement(delete(_INDEX).where(_INDEX.c.vault_key == bindparam("under")), "under")
_COUNT_TOKENS_UNDER = Statement(
    select(func.count()).select_from(_INDEX).where(_INDEX.c.vault_key == bindparam("under")), "under"
)
_MATCHES = Statement(
    select(_INDEX.c.case_id, _INDEX.c.person, _INDEX.c.field).where(
        _INDEX.c.vault_key == bindparam("under"), _INDEX.c.field == bindparam("of_field"),
        _INDEX.c.token == bindparam("equal_to"),
    ).order_by(_INDEX.c.case_id, _INDEX.c.person).limit(bindparam("most")),
    "under", "of_field", "equal_to", "most",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VaultKeyRow:
    """A vault key, wrapped; of a destroyed one only the fact remains."""

    id: str
    kind: str
    jurisdiction: str
    version: int
    wrapped: bytes
    made_at: datetime
    destroyed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseKeyRow:
    """A case key, wrapped under a vault key."""

    case_id: str
    version: int
    vault_key: str
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A sealed identity; ``vault_key`` is the identity key it needs beside the case's."""

    case_id: str
    id: str
    role: str
    revision: int
    vault_key: str
    sealed: bytes
    changed_at: datetime


Token = tuple[str, str, bytes]
"""Of one identifier: the id of the index key, the field, 16 bytes."""


class VaultRows:
    """The part of a unit of work that keeps what is sealed."""

    wire: Wire

    def vault_keys(self) -> list[VaultKeyRow]:
        """Every vault key there ever was."""
        return [VaultKeyRow(*row) for row in self.wire.rows(_VAULT_KEYS)]

    def add_vault_key(self, row: VaultKeyRow) -> None:
        """Keep a new key, unless somebody made that version first: read the keys again to see whose it is."""
        values = (row.id, row.kind, row.jurisdiction, row.version, row.wrapped, row.made_at, row.destroyed_at)
        self.wire.write(_ADD_VAULT_KEY, values)

    def keep_vault_key(self, key: str) -> bool:
        """Whether a key is not destroyed; if so, it stays until the end of this transaction."""
        return self.wire.row(_KEEP_VAULT_KEY, (key,)) is not None

    def close_vault_key(self, key: str) -> None:
        """Wait for everybody who seals under a key, and let nobody begin to until the end of this transaction."""
        self.wire.row(_CLOSE_VAULT_KEY, (key,))

    def make_no_vault_key(self) -> None:
        """Let nobody else make or change a vault key until the end of this transaction."""
        self.wire.write(_ALONE)

    def rewrap_vault_key(self, key: str, wrapped: bytes) -> None:
        """Keep a key as it is wrapped now."""
        self.wire.write(_REWRAP_VAULT_KEY, (wrapped, key))

    def destroy_vault_key(self, key: str, at: datetime) -> None:
        """Forget a key for ever; whatever it alone could open cannot be opened any more."""
        self.wire.write(_DESTROY_VAULT_KEY, (b"", at, key))

    def add_case_key(self, row: CaseKeyRow) -> None:
        """Keep the key of a case that is on record."""
        self.wire.write(_ADD_CASE_KEY, (row.case_id, row.version, row.vault_key, row.wrapped))

    def case_keys(self, case_id: str) -> list[CaseKeyRow]:
        """Every version of a case's key, the oldest first; none when the case was erased."""
        return [CaseKeyRow(*row) for row in self.wire.rows(_CASE_KEYS, (case_id,))]

    def case_keys_under(self, vault_key: str, most: int) -> list[CaseKeyRow]:
        """Some of the case keys that a vault key wraps."""
        return [CaseKeyRow(*row) for row in self.wire.rows(_CASE_KEYS_UNDER, (vault_key, most))]

    def count_case_keys_under(self, vault_key: str) -> int:
        """How many case keys a vault key wraps."""
        return self._count(_COUNT_CASE_KEYS_UNDER, vault_key)

    def rewrap_case_key(self, row: CaseKeyRow, before: str) -> int:
        """Keep a case key as it is wrapped now, if it is still wrapped by ``before``; say how many rows that was."""
        return self.wire.write(_REWRAP_CASE_KEY, (row.vault_key, row.wrapped, row.case_id, row.version, before))

    def set_key_version(self, case_id: str, version: int) -> None:
        """Seal a case under this version of its key from now on."""
        self.wire.write(_NEW_KEY_VERSION, (version, case_id))

    def drop_case_keys(self, case_id: str) -> int:
        """Forget the key of a case for ever; say how many versions there were."""
        return self.wire.write(_DROP_CASE_KEYS, (case_id,))

    def save_person(self, row: PersonRow, tokens: Iterable[Token]) -> None:
        """Keep a sealed identity and the tokens it is found by, in place of what was there."""
        values = (row.case_id, row.id, row.role, row.revision, row.vault_key, row.sealed, row.changed_at)
        self.wire.write(_ADD_PERSON, values)
        self.wire.write(_DROP_TOKENS, (row.case_id, row.id))
        self.add_tokens(row.case_id, row.id, tokens)

    def add_tokens(self, case_id: str, person: str, tokens: Iterable[Token]) -> None:
        """Let a person be found by these tokens too."""
        rows = [(key, field, token, case_id, person) for key, field, token in tokens]
        if rows:
            self.wire.write_many(_ADD_TOKEN, rows)

    def persons_of(self, case_id: str) -> list[PersonRow]:
        """Everybody whose identity a case has, by reference."""
        return [PersonRow(*row) for row in self.wire.rows(_PERSONS, (case_id,))]

    def person(self, case_id: str, person: str) -> PersonRow | None:
        """One of them."""
        found = self.wire.row(_ONE_PERSON, (case_id, person))
        return None if found is None else PersonRow(*found)

    def persons_under(self, vault_key: str, most: int) -> list[PersonRow]:
        """Some of those sealed under an identity key."""
        return [PersonRow(*row) for row in self.wire.rows(_PERSONS_UNDER, (vault_key, most))]

    def count_persons_under(self, vault_key: str) -> int:
        """How many are sealed under an identity key."""
        return self._count(_COUNT_PERSONS_UNDER, vault_key)

    def drop_persons(self, case_id: str) -> int:
        """Forget everybody of a case, with the tokens they were found by; say how many there were."""
        return self.wire.write(_DROP_PERSONS, (case_id,))

    def drop_tokens_under(self, vault_key: str) -> int:
        """Forget every token of an index key; say how many there were."""
        return self.wire.write(_DROP_TOKENS_UNDER, (vault_key,))

    def count_tokens_under(self, vault_key: str) -> int:
        """How many tokens an index key has."""
        return self._count(_COUNT_TOKENS_UNDER, vault_key)

    def found_by(self, tokens: Sequence[Token], most: int) -> list[tuple[str, str, str]]:
        """Who shares one of these tokens: case, person and field, at most so many for each token."""
        found = [row for key, field, token in tokens for row in self.wire.rows(_MATCHES, (key, field, token, most))]
        return [(str(case), str(person), str(field)) for case, person, field in found]

    def _count(self, statement: Statement, value: str) -> int:
        row = self.wire.row(statement, (value,))
        return 0 if row is None else int(row[0])
