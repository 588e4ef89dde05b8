"""What a case holds, and what its events say, of one field class each: read by class, written when it changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, select, update

from engine.store.statements import Statement, insert_into, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_FACT = TABLES["case_fact"]
_PART = TABLES["case_event_part"]

_EVERY = select(_FACT.c.field_class, _FACT.c.revision, _FACT.c.sealed).where(_FACT.c.case_id == bindparam("of_case"))
_EVERY_PART = (
    select(_PART.c.number, _PART.c.field_class, _PART.c.sealed)
    .where(_PART.c.case_id == bindparam("of_case"), _PART.c.number > bindparam("after"))
    .order_by(_PART.c.number, _PART.c.field_class)
)  # fmt: skip
_ALL = Statement(_EVERY, "of_case")
_ALL_PARTS = Statement(_EVERY_PART, "of_case", "after")
_KEEP = upsert_into(_FACT, "revision", "sealed")
_ADD_PART = insert_into(_PART)
_RESEAL = Statement(
    update(_FACT).where(_FACT.c.case_id == bindparam("of_case"), _FACT.c.field_class == bindparam("of_class")),
    "sealed", "of_case", "of_class",
    columns=("sealed",),
)  # fmt: skip


@cache
def _some(many: int) -> Statement:
    names = [f"class_{place}" for place in range(many)]
    return Statement(_EVERY.where(_FACT.c.field_class.in_([bindparam(name) for name in names])), "of_case", *names)


@cache
def _some_parts(many: int) -> Statement:
    names = [f"class_{place}" for place in range(many)]
    among = _PART.c.field_class.in_([bindparam(name) for name in names])
    return Statement(_EVERY_PART.where(among), "of_case", "after", *names)


@dataclass(frozen=True, slots=True)
class CompartmentRow:
    """What a case holds of one field class, as it lies in the record room; ``sealed`` is opaque."""

    field_class: str
    revision: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EventPartRow:
    """What one event says of one field class, as it lies in the record room; ``sealed`` is opaque."""

    number: int
    field_class: str
    sealed: bytes


class CompartmentRows:
    """The part of a unit of work that keeps case content by field class."""

    wire: Wire

    def compartments_of(self, case_id: str, classes: Collection[str] | None = None) -> list[CompartmentRow]:
        """What a case holds of these classes; ``None``: of every class. No other row is read."""
        if classes is None:
            found = self.wire.rows(_ALL, (case_id,))
        elif classes:
            found = self.wire.rows(_some(len(classes)), (case_id, *classes))
        else:
            return []
        return [CompartmentRow(*row) for row in found]

    def event_parts_of(
        self, case_id: str, classes: Collection[str] | None = None, after_number: int = 0
    ) -> list[EventPartRow]:
        """What the events after one of them say of these classes, in order; ``None``: of every class."""
        if classes is None:
            found = self.wire.rows(_ALL_PARTS, (case_id, after_number))
        elif classes:
            found = self.wire.rows(_some_parts(len(classes)), (case_id, after_number, *classes))
        else:
            return []
        return [EventPartRow(*row) for row in found]

    def keep_compartments(self, case_id: str, rows: Sequence[CompartmentRow]) -> None:
        """Write what changed of a case, each class in place of what the case had of it."""
        self.wire.write_many(_KEEP, [(case_id, row.field_class, row.revision, row.sealed) for row in rows])

    def add_event_parts(self, case_id: str, rows: Sequence[EventPartRow]) -> None:
        """Add what new events say of classes; the events themselves are written already."""
        self.wire.write_many(_ADD_PART, [(case_id, row.number, row.field_class, row.sealed) for row in rows])

    def reseal_compartment(self, case_id: str, field_class: str, sealed: bytes) -> None:
        """Keep what a case holds of a class as it is sealed now; nothing of it changed."""
        self.wire.write(_RESEAL, (sealed, case_id, field_class))
