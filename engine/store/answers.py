"""What was answered: the first answer to each keyed request, and every refusal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_KEPT = TABLES["idempotency"]
_REFUSAL = TABLES["refusal"]

_FIND = Statement(
    select(_KEPT.c.digest, _KEPT.c.case_id, _KEPT.c.revision, _KEPT.c.answer).where(
        _KEPT.c.unit == bindparam("by"), _KEPT.c.key == bindparam("under")
    ),
    "by", "under",
)  # fmt: skip
_KEEP = insert_into(_KEPT)
_NEW_REFUSAL = ("case_id", "at", "command", "unit", "person", "code", "body")
_REFUSE = Statement(insert(_REFUSAL).inline(), *_NEW_REFUSAL, columns=_NEW_REFUSAL)
_REFUSALS = Statement(
    select(*(_REFUSAL.c[name] for name in ("id", *_NEW_REFUSAL)))
    .where(_REFUSAL.c.case_id == bindparam("of"))
    .order_by(_REFUSAL.c.id),
    "of",
)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The first answer under a key: ``digest`` names the command it answered, ``answer`` is opaque."""

    digest: str
    case_id: str
    revision: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A refused command; ``body`` (the reasons) is opaque."""

    id: int
    case_id: str | None
    at: datetime
    command: str
    unit: str
    person: str
    code: str
    body: bytes


class AnswerRows:
    """The part of a unit of work that keeps answers and refusals."""

    wire: Wire

    def find_answer(self, unit: str, key: str) -> KeptAnswer | None:
        """What this unit was answered under this key, if it ever was."""
        found = self.wire.row(_FIND, (unit, key))
        return None if found is None else KeptAnswer(*found)

    def keep_answer(  # noqa: PLR0917 - one value for each column, in their order
        self, unit: str, key: str, digest: str, case_id: str, revision: int, answer: bytes, at: datetime
    ) -> None:
        """Keep the first answer under a key; ``digest`` is the SHA-256 of the command, in hex.

        Raises :class:`StaleRevision`, here or at ``commit``, when somebody was faster: find that answer then.
        """
        self.wire.write(_KEEP, (unit, key, digest, case_id, revision, answer, at))

    def record_refusal(  # noqa: PLR0917 - one value for each column, in their order
        self, case_id: str | None, at: datetime, command: str, unit: str, person: str, code: str, body: bytes
    ) -> None:
        """Write down that a command was refused."""
        self.wire.write(_REFUSE, (case_id, at, command, unit, person, code, body))

    def refusals_of(self, case_id: str) -> list[RefusalRow]:
        """What was refused on a case, in order."""
        return [RefusalRow(*row) for row in self.wire.rows(_REFUSALS, (case_id,))]
