"""Legal holds, erasure certificates and attachments: what keeps a case from being erased, and what remains of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_HOLD = TABLES["legal_hold"]
_CERTIFICATE = TABLES["erasure_certificate"]
_ATTACHMENT = TABLES["attachment"]
_CASE = TABLES["case_record"]
_FACT = TABLES["case_fact"]

_NEW_HOLD = ("case_id", "reason", "since", "unit", "person")
_ADD_HOLD = Statement(insert(_HOLD).inline(), *_NEW_HOLD, columns=_NEW_HOLD)
_HOLDS = Statement(select(*_HOLD.c).where(_HOLD.c.case_id == bindparam("of_case")).order_by(_HOLD.c.id), "of_case")
_RELEASE_HOLD = Statement(
    update(_HOLD).where(_HOLD.c.id == bindparam("of_hold"), _HOLD.c.released_at.is_(None)),
    "released_at", "released_by", "of_hold",
    columns=("released_at", "released_by"),
)  # fmt: skip
_ADD_CERTIFICATE = insert_into(_CERTIFICATE)
_FIND_CERTIFICATE = Statement(
    select(_CERTIFICATE.c.body).where(_CERTIFICATE.c.case_id == bindparam("of_case")), "of_case"
)
_DROP_FACTS = Statement(delete(_FACT).where(_FACT.c.case_id == bindparam("of_case")), "of_case")
_BLANK = Statement(update(_CASE).where(_CASE.c.id == bindparam("of_case")), "content", "of_case", columns=("content",))
_ADD_ATTACHMENT = insert_into(_ATTACHMENT)
_ATTACHMENTS = Statement(
    select(*_ATTACHMENT.c).where(_ATTACHMENT.c.case_id == bindparam("of_case"))
    .order_by(_ATTACHMENT.c.added_at, _ATTACHMENT.c.id),
    "of_case",
)  # fmt: skip
_DROP_ATTACHMENTS = Statement(delete(_ATTACHMENT).where(_ATTACHMENT.c.case_id == bindparam("of_case")), "of_case")
_EVERY_ATTACHMENT = Statement(select(_ATTACHMENT.c.id).order_by(_ATTACHMENT.c.id))


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A legal hold; ``reason`` is a code."""

    id: int
    case_id: str
    reason: str
    since: datetime
    unit: str
    person: str
    released_at: datetime | None
    released_by: str | None


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file of a case: its size as stored, and its sealed name and type."""

    id: str
    case_id: str
    key_version: int
    size: int
    sealed: bytes
    added_at: datetime
    unit: str
    person: str


class ErasureRows:
    """The part of a unit of work that keeps holds, certificates and the list of attachments."""

    wire: Wire

    def add_hold(self, case_id: str, reason: str, *, since: datetime, unit: str, person: str) -> None:
        """Forbid that a case is erased."""
        self.wire.write(_ADD_HOLD, (case_id, reason, since, unit, person))

    def holds_of(self, case_id: str) -> list[HoldRow]:
        """Every hold a case ever had."""
        return [HoldRow(*row) for row in self.wire.rows(_HOLDS, (case_id,))]

    def release_hold(self, hold: int, *, at: datetime, by: str) -> int:
        """End a hold; say whether it was still on (1) or not (0)."""
        return self.wire.write(_RELEASE_HOLD, (at, by, hold))

    def add_certificate(self, case_id: str, at: datetime, body: bytes) -> None:
        """Put on record that a case was erased, and blank what was stored of it."""
        self.wire.write(_ADD_CERTIFICATE, (case_id, at, body))
        self.wire.write(_BLANK, (b"", case_id))
        self.wire.write(_DROP_FACTS, (case_id,))

    def certificate_of(self, case_id: str) -> bytes | None:
        """The certificate of an erased case."""
        found = self.wire.row(_FIND_CERTIFICATE, (case_id,))
        return None if found is None else bytes(found[0])

    def add_attachment(self, row: AttachmentRow) -> None:
        """Put a stored file on the list of its case."""
        values = (row.id, row.case_id, row.key_version, row.size, row.sealed, row.added_at, row.unit, row.person)
        self.wire.write(_ADD_ATTACHMENT, values)

    def attachments_of(self, case_id: str) -> list[AttachmentRow]:
        """The files of a case, the oldest first."""
        return [AttachmentRow(*row) for row in self.wire.rows(_ATTACHMENTS, (case_id,))]

    def drop_attachments(self, case_id: str) -> int:
        """Take every file of a case off the list."""
        return self.wire.write(_DROP_ATTACHMENTS, (case_id,))

    def attachment_ids(self) -> set[str]:
        """Every file that is on the list of some case."""
        return {str(row[0]) for row in self.wire.rows(_EVERY_ATTACHMENT)}
