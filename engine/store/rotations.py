"""Rotations of keys and how far they came, and the rows they work through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select, update

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_ROTATION = TABLES["key_rotation"]
_CASE = TABLES["case_record"]
_CASE_KEY = TABLES["case_key"]
_PERSON = TABLES["person"]
_INDEX = TABLES["blind_index"]

_ADD = insert_into(_ROTATION)
_GOES_ON = ("done", "cursor", "finished_at")
_GO_ON = Statement(
    update(_ROTATION).where(_ROTATION.c.id == bindparam("of_rotation")), *_GOES_ON, "of_rotation", columns=_GOES_ON
)
_ALL = Statement(select(*_ROTATION.c).order_by(_ROTATION.c.started_at, _ROTATION.c.id))
_ONE = Statement(
    select(*_ROTATION.c).where(_ROTATION.c.id == bindparam("of_rotation")).with_for_update(), "of_rotation"
)
_CASES_AFTER = Statement(
    select(_CASE.c.id)
    .join_from(_CASE, _CASE_KEY, (_CASE_KEY.c.case_id == _CASE.c.id) & (_CASE_KEY.c.version == _CASE.c.key_version))
    .where(_CASE.c.jurisdiction == bindparam("of_jurisdiction"), _CASE.c.id > bindparam("after"))
    .order_by(_CASE.c.id).limit(bindparam("most")),
    "of_jurisdiction", "after", "most",
)  # fmt: skip
_COUNT_CASES = Statement(
    select(func.count())
    .select_from(_CASE)
    .join(_CASE_KEY, (_CASE_KEY.c.case_id == _CASE.c.id) & (_CASE_KEY.c.version == _CASE.c.key_version))
    .where(_CASE.c.jurisdiction == bindparam("of_jurisdiction")),
    "of_jurisdiction",
)
_RESEAL = Statement(
    update(_CASE).where(_CASE.c.id == bindparam("of_case"), _CASE.c.revision == bindparam("at_revision")),
    "content", "key_version", "of_case", "at_revision",
    columns=("content", "key_version"),
)  # fmt: skip
_PERSONS_AFTER = Statement(
    select(_PERSON.c.case_id, _PERSON.c.id)
    .join_from(_PERSON, _CASE, _CASE.c.id == _PERSON.c.case_id)
    .where(
        _CASE.c.jurisdiction == bindparam("of_jurisdiction"),
        or_(
            _PERSON.c.case_id > bindparam("after"),
            and_(_PERSON.c.case_id == bindparam("after"), _PERSON.c.id > bindparam("after_person")),
        ),
    )
    .order_by(_PERSON.c.case_id, _PERSON.c.id).limit(bindparam("most")),
    "of_jurisdiction", "after", "after_person", "most",
)  # fmt: skip
_NEW = _INDEX.alias()
_HAS_NEW = (
    select(_NEW.c.token)
    .where(
        _NEW.c.case_id == _INDEX.c.case_id, _NEW.c.person == _INDEX.c.person, _NEW.c.vault_key == bindparam("new_key")
    )
    .exists()
)
_NOT_INDEXED = Statement(
    select(_INDEX.c.case_id, _INDEX.c.person)
    .where(_INDEX.c.vault_key == bindparam("old_key"), ~_HAS_NEW)
    .distinct().order_by(_INDEX.c.case_id, _INDEX.c.person).limit(bindparam("most")),
    "old_key", "new_key", "most",
)  # fmt: skip
_COUNT_PERSONS = Statement(
    select(func.count())
    .select_from(_PERSON)
    .join(_CASE, _CASE.c.id == _PERSON.c.case_id)
    .where(_CASE.c.jurisdiction == bindparam("of_jurisdiction")),
    "of_jurisdiction",
)


@dataclass(frozen=True, slots=True)
class RotationRow:
    """A rotation: ``done`` of ``total`` rows, the last at ``cursor``; ``old_keys`` are ids with commas between."""

    id: str
    kind: str
    jurisdiction: str
    old_keys: str
    new_key: str
    total: int
    done: int
    cursor: str
    started_at: datetime
    finished_at: datetime | None = None


class RotationRows:
    """The part of a unit of work that keeps rotations."""

    wire: Wire

    def add_rotation(self, row: RotationRow) -> None:
        """Begin a rotation."""
        self.wire.write(
            _ADD,
            (
                row.id, row.kind, row.jurisdiction, row.old_keys, row.new_key, row.total, row.done, row.cursor,
                row.started_at, row.finished_at,
            ),
        )  # fmt: skip

    def go_on(self, rotation: str, done: int, cursor: str, finished_at: datetime | None = None) -> None:
        """Keep how far a rotation came."""
        self.wire.write(_GO_ON, (done, cursor, finished_at, rotation))

    def hold_rotation(self, rotation: str) -> RotationRow:
        """A rotation as it stands; nobody else goes on with it until the end of this transaction."""
        found = self.wire.row(_ONE, (rotation,))
        assert found is not None, "rotations are never removed"
        return RotationRow(*found)

    def rotations(self) -> list[RotationRow]:
        """Every rotation there ever was, the oldest first."""
        return [RotationRow(*row) for row in self.wire.rows(_ALL)]

    def cases_after(self, jurisdiction: str, after: str, most: int) -> list[str]:
        """Some cases of a jurisdiction that have a key, by their code."""
        return [str(row[0]) for row in self.wire.rows(_CASES_AFTER, (jurisdiction, after, most))]

    def count_cases_in(self, jurisdiction: str) -> int:
        """How many cases of a jurisdiction have a key."""
        row = self.wire.row(_COUNT_CASES, (jurisdiction,))
        return 0 if row is None else int(row[0])

    def reseal_case(self, case_id: str, revision: int, content: bytes, key_version: int) -> int:
        """Keep a case's content as it is sealed now, if the case is still at that revision; say how many rows."""
        return self.wire.write(_RESEAL, (content, key_version, case_id, revision))

    def persons_after(self, jurisdiction: str, after: str, person: str, most: int) -> list[tuple[str, str]]:
        """Some persons of a jurisdiction, by case and reference."""
        found = self.wire.rows(_PERSONS_AFTER, (jurisdiction, after, person, most))
        return [(str(case), str(name)) for case, name in found]

    def not_indexed(self, old_key: str, new_key: str, most: int) -> list[tuple[str, str]]:
        """Some who are found by tokens of the old key only, by case and reference."""
        return [(str(case), str(name)) for case, name in self.wire.rows(_NOT_INDEXED, (old_key, new_key, most))]

    def count_persons_in(self, jurisdiction: str) -> int:
        """How many persons the cases of a jurisdiction know."""
        row = self.wire.row(_COUNT_PERSONS, (jurisdiction,))
        return 0 if row is None else int(row[0])
