"""What all tables are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import CheckConstraint, MetaData
from sqlalchemy.orm import declared_attr
from sqlmodel import SQLModel

from engine.core.commands import snake


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """A column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Row(SQLModel):
    """What all tables share: names by the naming convention, table names in snake case."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )

    @declared_attr.directive
    def __tablename__(cls) -> str:
        return snake(cast("type", cls))
