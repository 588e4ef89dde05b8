"""Who approves definitions, what they approved, and what was released on it. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_APPROVER = TABLES["definition_approver"]
_REVOCATION = TABLES["approver_revocation"]
_APPROVAL = TABLES["definition_approval"]
_RELEASE = TABLES["definition_release"]
_STAMP = TABLES["directory_stamp"]

_HOLD = Statement(select(_STAMP.c.stamp).with_for_update())  # SQLite: the writer is alone already
_ADD_APPROVER = insert_into(_APPROVER)
_REVOKE = insert_into(_REVOCATION)
_APPROVE = insert_into(_APPROVAL)
_RELEASED = [column.name for column in _RELEASE.columns if column.name != "id"]
_ADD_RELEASE = Statement(_RELEASE.insert().inline(), *_RELEASED, columns=_RELEASED)
_APPROVERS = Statement(
    select(*_APPROVER.c, _REVOCATION.c.at, _REVOCATION.c.revoked_by)
    .join_from(_APPROVER, _REVOCATION, _APPROVER.c.fingerprint == _REVOCATION.c.fingerprint, isouter=True)
    .order_by(_APPROVER.c.since, _APPROVER.c.fingerprint)
)
_APPROVALS = Statement(select(*_APPROVAL.c).order_by(_APPROVAL.c.at, _APPROVAL.c.hash, _APPROVAL.c.fingerprint))
_RELEASES = Statement(select(*_RELEASE.c).order_by(_RELEASE.c.id))


@dataclass(frozen=True, slots=True)
class ApproverRow:
    """A public key (32 bytes) that signs for a person of an office, and since when it does so no more."""

    fingerprint: str
    office: str
    person: str
    public_key: bytes
    since: datetime
    added_by: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A signature (64 bytes) over the hash of a definition."""

    hash: str
    fingerprint: str
    definition_id: str
    definition_version: str
    office: str
    person: str
    signature: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release by the keys of its two approvals; ``number`` counts them."""

    number: int
    hash: str
    definition_id: str
    definition_version: str
    first_key: str
    second_key: str
    at: datetime
    unit: str
    person: str


class ReleaseRows:
    """The part of a unit of work that keeps approvers, approvals and releases."""

    wire: Wire

    def hold_releases(self) -> None:
        """Keep every other writer of approvals, releases or the directory waiting until the end."""
        self.wire.row(_HOLD)

    def add_approver(self, row: ApproverRow) -> None:
        """Register a key. Raises :class:`HistoryBroken` when it is registered already."""
        values = (row.fingerprint, row.office, row.person, row.public_key, row.since, row.added_by)
        self.wire.write(_ADD_APPROVER, values)

    def revoke_approver(self, fingerprint: str, *, at: datetime, revoked_by: str) -> None:
        """Let a key sign for nobody any more. Raises :class:`HistoryBroken` when it is revoked already."""
        self.wire.write(_REVOKE, (fingerprint, at, revoked_by))

    def approvers(self) -> list[ApproverRow]:
        """Every key ever registered, the oldest first."""
        return [ApproverRow(*row) for row in self.wire.rows(_APPROVERS)]

    def add_approval(self, row: ApprovalRow) -> None:
        """Keep a signature. Raises :class:`HistoryBroken` when that key signed that hash already."""
        values = (
            row.hash, row.fingerprint, row.definition_id, row.definition_version, row.office, row.person,
            row.signature, row.at,
        )  # fmt: skip
        self.wire.write(_APPROVE, values)

    def approvals(self) -> list[ApprovalRow]:
        """Every signature, the oldest first."""
        return [ApprovalRow(*row) for row in self.wire.rows(_APPROVALS)]

    def add_release(
        self, hash: str, name: tuple[str, str], keys: Sequence[str], *, at: datetime, unit: str, person: str
    ) -> None:
        """Put a release on record; ``name`` is id and version.

        Raises :class:`HistoryBroken` when the hash, or that version, is released already.
        """
        first, second = keys
        self.wire.write(_ADD_RELEASE, (hash, *name, first, second, at, unit, person))

    def releases(self) -> list[ReleaseRow]:
        """Every release, in their order."""
        return [ReleaseRow(*row) for row in self.wire.rows(_RELEASES)]
