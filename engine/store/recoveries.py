"""Recoveries of sign-ins: who asked, who approved, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_RECOVERY = TABLES["recovery"]

_ADD = insert_into(_RECOVERY)
_OPEN_OF = Statement(
    select(*_RECOVERY.c).where(_RECOVERY.c.person == bindparam("of_person"), _RECOVERY.c.ended_at.is_(None))
    .with_for_update(),
    "of_person",
)  # fmt: skip
_ONE = Statement(select(*_RECOVERY.c).where(_RECOVERY.c.id == bindparam("named")).with_for_update(), "named")
_NEWEST = Statement(
    select(*_RECOVERY.c).order_by(_RECOVERY.c.asked_at.desc(), _RECOVERY.c.id).limit(bindparam("most")), "most"
)  # fmt: skip
_APPROVED = ("approved_by", "approved_unit", "approved_at", "ready_at")
_APPROVE = Statement(
    update(_RECOVERY).where(
        _RECOVERY.c.id == bindparam("named"), _RECOVERY.c.approved_at.is_(None), _RECOVERY.c.ended_at.is_(None)
    ),
    *_APPROVED, "named", columns=_APPROVED,
)  # fmt: skip
_ENDS = ("ended_at", "ended_by", "outcome")
_END = Statement(
    update(_RECOVERY).where(_RECOVERY.c.id == bindparam("named"), _RECOVERY.c.ended_at.is_(None)),
    *_ENDS, "named", columns=_ENDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecoveryRow:
    """A recovery, as :class:`engine.store.sign_in_tables.Recovery` describes it."""

    id: str
    person: str
    asked_by: str
    asked_unit: str
    asked_at: datetime
    expires_at: datetime
    approved_by: str | None = None
    approved_unit: str | None = None
    approved_at: datetime | None = None
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    outcome: str | None = None


class RecoveryRows:
    """The part of a unit of work that keeps recoveries of sign-ins."""

    wire: Wire

    def add_recovery(self, row: RecoveryRow) -> None:
        """Put on record that somebody asks for one. Raises :class:`HistoryBroken` while another is open."""
        values = (row.id, row.person, row.asked_by, row.asked_unit, row.asked_at, row.expires_at, row.approved_by,
                  row.approved_unit, row.approved_at, row.ready_at, row.ended_at, row.ended_by,
                  row.outcome)  # fmt: skip
        self.wire.write(_ADD, values)

    def open_recovery(self, person: str) -> RecoveryRow | None:
        """The recovery of somebody that has not ended; nobody else changes it until this transaction ends."""
        found = self.wire.row(_OPEN_OF, (person,))
        return None if found is None else RecoveryRow(*found)

    def recovery(self, recovery: str) -> RecoveryRow | None:
        """A recovery, if there is such; nobody else changes it until this transaction ends."""
        found = self.wire.row(_ONE, (recovery,))
        return None if found is None else RecoveryRow(*found)

    def recoveries(self, most: int) -> list[RecoveryRow]:
        """Every recovery, the newest first."""
        return [RecoveryRow(*row) for row in self.wire.rows(_NEWEST, (most,))]

    def approve_recovery(self, recovery: str, *, by: str, unit: str, at: datetime, ready_at: datetime) -> bool:
        """Put on record that a second administrator agrees; whether it waited for one."""
        return self.wire.write(_APPROVE, (by, unit, at, ready_at, recovery)) == 1

    def end_recovery(self, recovery: str, outcome: str, *, at: datetime, by: str) -> bool:
        """End a recovery; whether it had not ended."""
        return self.wire.write(_END, (at, by, outcome, recovery)) == 1
