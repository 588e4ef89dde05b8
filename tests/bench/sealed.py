"""What lies sealed under the key of a case, made anew for its copies: each has a key of its own, and its own cells.

The bytes of one case open in no other, so a copy cannot be made inside the database. What was sealed is opened once
for each original, and sealed again for every copy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.bootstrap import now
from engine.service.safe import Safe
from engine.store.database import Database
from engine.store.tables import TABLES
from engine.store.work import Work
from engine.vault.keys import CaseKey, Cell, VaultKey, new_case_key
from engine.vault.suite import version_of
from tests.keys import safe

Connection = Any
"""A connection of either driver, with ``execute``."""
Row = tuple[Any, ...]

SEALED = {
    "case_record": ("content", "id", "revision"), "case_event": ("body", "number", "number"),
    "person": ("sealed", "id", "revision"), "case_fact": ("sealed", "field_class", "revision"),
    "case_event_part": ("sealed", "field_class", "number"),
}  # fmt: skip
"""Each table whose rows are sealed under the key of their case: the sealed column, and the two that name its cell."""
BATCH = 500
"""So many copies are made at a time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A row with its sealed column open. ``place`` is where that column stands; ``with_key`` is there for a person."""

    values: Row
    place: int
    plain: bytes
    row: str
    revision: int
    with_key: VaultKey | None = None

    def plain_of(self, old: str, new: str) -> bytes:
        """What is sealed in the same row of another case."""
        return self.plain.replace(old.encode(), new.encode())

    def copied(self, table: str, old: str, new: str, key: CaseKey, digests: Mapping[bytes, bytes]) -> Row:
        """The same row of another case, under that case's key.

        The structure of a case holds a digest of each of its field classes: ``digests`` gives the new for the old.
        """
        values = [value.replace(old, new) if isinstance(value, str) else value for value in self.values]
        cell = _cell(table, new, self.row, self.revision)
        plain = self.plain_of(old, new)
        for digest, again in digests.items() if table == "case_record" else ():
            plain = plain.replace(digest, again)
        values[self.place] = (
            key.seal(plain, cell)
            if self.with_key is None
            else key.identity_cipher(self.with_key).seal(plain, cell.bound())
        )
        return tuple(values)


@dataclass(frozen=True, slots=True)
class Original:
    """A case to copy: the vault key that wraps its own key, and its sealed rows, open."""

    case: str
    under: VaultKey
    rows: Mapping[str, Sequence[Opened]]
    key: CaseKey

    def digests(self, new: str, key: CaseKey) -> dict[bytes, bytes]:
        """The digest of each field class of the case, and the one it has in a copy under that case's key."""
        return {
            self.key.compartment_digest(one.row, one.plain).encode():
                key.compartment_digest(one.row, one.plain_of(self.case, new)).encode()
            for one in self.rows["case_fact"]
        }  # fmt: skip


def originals(url: str, connection: Connection) -> list[Original]:
    """Every case of a database, open; ``connection`` reads the rows as its driver gives them."""
    vault, found = safe(now), []
    raw = {table: _by_case(connection, table) for table in SEALED}
    with Database.open(url) as database, database.reading() as work:
        for case in raw["case_record"]:
            key = vault.key_for(case, work)
            assert key is not None, "no case of the bench is erased"
            under = vault.key_by_id(work.case_keys(case)[0].vault_key, work)
            rows = {table: [_opened(table, case, row, key, (vault, work)) for row in raw[table][case]] for table in raw}
            found.append(Original(case, under, rows, key))
    return found


def columns_of(table: str) -> list[str]:
    """The columns of a table, in the order in which its rows are read and written here."""
    return [column.name for column in TABLES[table].columns]


def sealed_anew(copies: Sequence[tuple[Original, str]]) -> Iterator[dict[str, list[Row]]]:
    """The sealed rows of these copies, and the rows of their keys, by table and some copies at a time."""
    for first in range(0, len(copies), BATCH):
        made: dict[str, list[Row]] = defaultdict(list)
        for original, new in copies[first : first + BATCH]:
            key, row = new_case_key(original.under, new)
            made["case_key"].append((row.case_id, row.version, row.vault_key, row.wrapped))
            digests = original.digests(new, key)
            for table, rows in original.rows.items():
                made[table] += [one.copied(table, original.case, new, key, digests) for one in rows]
        yield made


def _by_case(connection: Connection, table: str) -> dict[str, list[Row]]:
    columns = columns_of(table)
    place = columns.index("id" if table == "case_record" else "case_id")
    found: dict[str, list[Row]] = defaultdict(list)
    for row in connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall():
        found[row[place]].append(tuple(row))
    return found


def _opened(table: str, case: str, values: Row, key: CaseKey, vault: tuple[Safe, Work]) -> Opened:
    columns = columns_of(table)
    place, row, revision = (columns.index(name) for name in SEALED[table])
    stored, cell = values[place], _cell(table, case, str(values[row]), values[revision])
    if table != "person":
        return Opened(values, place, key.unseal(stored, cell), str(values[row]), values[revision])
    with_key = vault[0].key_by_id(values[columns.index("vault_key")], vault[1])
    plain = key.identity_cipher(with_key, version_of(stored)).unseal(stored, cell.bound())
    return Opened(values, place, plain, str(values[row]), values[revision], with_key)


def _cell(table: str, case: str, row: str, revision: int) -> Cell:
    is_of_case = table in ("case_record", "case_event")
    return Cell(table, case if is_of_case else f"{case}/{row}", SEALED[table][0], revision)
