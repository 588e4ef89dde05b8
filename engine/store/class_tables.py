"""The tables of what belongs to a field class: facts and papers of a case, and what its events say of them.

One row for each class, so that a class which is withheld from somebody is not read. Columns named ``sealed`` are opaque
bytes; that a case has a row of a class, and since when, lies in clear.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field

from engine.store.row import Row


class CaseFact(Row, table=True):
    """What a case holds of one field class now; ``revision`` is the one of the case that wrote it last."""

    __table_args__: ClassVar[Any] = (
        CheckConstraint("revision >= 1", name="revision"),
        {"sqlite_with_rowid": False},
    )

    case_id: str = Field(primary_key=True, foreign_key="case_record.id")
    field_class: str = Field(primary_key=True)
    revision: int
    sealed: bytes


class CaseEventPart(Row, table=True):
    """What an event says of one field class, append-only as the event itself."""

    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(
            ["case_id", "number"], ["case_event.case_id", "case_event.number"], name="fk_case_event_part_event"
        ),
        {"sqlite_with_rowid": False},
    )

    case_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    field_class: str = Field(primary_key=True)
    sealed: bytes
