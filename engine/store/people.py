"""Who is enrolled, in which roles of which units and when, and whether this is a world for trial."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, select, union_all, update

from engine.core.roles import ADMINISTRATOR, Membership
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Row, Wire

_MEMBER = TABLES["member"]
_MEMBERSHIP = TABLES["membership"]
_INSTALLATION = TABLES["installation"]
_PINNED = TABLES["pinned_definition"]
_STAMP = TABLES["directory_stamp"]

_HOLD = Statement(select(_STAMP.c.stamp).with_for_update())  # SQLite: the writer is alone already
_EVERYBODY = select(*_MEMBER.c, *_MEMBERSHIP.c).join_from(
    _MEMBER, _MEMBERSHIP, _MEMBERSHIP.c.person == _MEMBER.c.code, isouter=True
)
_OF_ONE = Statement(_EVERYBODY.where(_MEMBER.c.code == bindparam("of_person")), "of_person")
_OF_ALL = Statement(_EVERYBODY.order_by(_MEMBER.c.code, _MEMBERSHIP.c.id))
_DEPUTIES = Statement(
    select(*_MEMBERSHIP.c).where(_MEMBERSHIP.c.deputy_for == bindparam("stood_in_for")).order_by(_MEMBERSHIP.c.id),
    "stood_in_for",
)
_ADMINISTRATORS = Statement(
    select(*_MEMBERSHIP.c).where(_MEMBERSHIP.c.role == ADMINISTRATOR).order_by(_MEMBERSHIP.c.id)
)
_ENROL = insert_into(_MEMBER)
_BEGINS = ("since", "added_by", "deactivated_at", "deactivated_by")
_ENROL_AGAIN = Statement(
    update(_MEMBER).where(_MEMBER.c.code == bindparam("of_person")), *_BEGINS, "of_person", columns=_BEGINS
)
_LEAVES = ("deactivated_at", "deactivated_by")
_DEACTIVATE = Statement(
    update(_MEMBER).where(_MEMBER.c.code == bindparam("of_person")), *_LEAVES, "of_person", columns=_LEAVES
)
_GRANTED = [column.name for column in _MEMBERSHIP.columns if column.name != "id"]
_GRANT = Statement(insert(_MEMBERSHIP).inline(), *_GRANTED, columns=_GRANTED)
_ENDS = ("until", "ended_by")
_END = Statement(
    update(_MEMBERSHIP).where(_MEMBERSHIP.c.id == bindparam("of_membership")), *_ENDS, "of_membership", columns=_ENDS
)
_IS_TRIAL = Statement(select(_INSTALLATION.c.is_trial))
_MARK = Statement(update(_INSTALLATION).values(is_trial=True))
_TAKEN = Statement(
    select(func.count()).select_from(
        union_all(select(_PINNED.c.hash.label("one")), select(_MEMBER.c.code.label("one"))).subquery()
    )
)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody enrolled under a code, and every role she ever had here, the oldest first."""

    person: str
    since: datetime
    added_by: str
    deactivated_at: datetime | None
    deactivated_by: str | None
    memberships: tuple[Membership, ...]


class PeopleRows:
    """The part of a unit of work that keeps people and their roles."""

    wire: Wire

    def hold_people(self) -> None:
        """Keep every other writer of people, or of the directory, waiting until the end."""
        self.wire.row(_HOLD)

    def member(self, person: str) -> Member | None:
        """Somebody who is, or was, enrolled."""
        found = _members(self.wire.rows(_OF_ONE, (person,)))
        return found[0] if found else None

    def members(self) -> list[Member]:
        """Everybody who ever was enrolled, by code."""
        return _members(self.wire.rows(_OF_ALL))

    def deputies_of(self, person: str) -> list[Membership]:
        """The roles that others have, or had, because they stand in for this person."""
        return [Membership(*row) for row in self.wire.rows(_DEPUTIES, (person,))]

    def administrators(self) -> list[Membership]:
        """The role of administrator as anybody has it, or had it."""
        return [Membership(*row) for row in self.wire.rows(_ADMINISTRATORS)]

    def enrol(self, person: str, *, at: datetime, added_by: str) -> None:
        """Enrol somebody new. Raises :class:`HistoryBroken` for a code that is taken."""
        self.wire.write(_ENROL, (person, at, added_by, None, None))

    def enrol_again(self, person: str, *, at: datetime, added_by: str) -> None:
        """Enrol somebody who was deactivated. Raises :class:`HistoryBroken` for anybody else."""
        self.wire.write(_ENROL_AGAIN, (at, added_by, None, None, person))

    def deactivate(self, person: str, *, at: datetime, deactivated_by: str) -> None:
        """Let somebody act no more. Raises :class:`HistoryBroken` when that was so already."""
        self.wire.write(_DEACTIVATE, (at, deactivated_by, person))

    def grant_role(self, one: Membership) -> None:
        """Add a role; its number is given here."""
        values = (
            one.person, one.unit, one.role, one.since, one.until, one.deputy_for, one.added_by, one.ended_by
        )  # fmt: skip
        self.wire.write(_GRANT, values)

    def end_roles(self, ended: Iterable[Membership], *, at: datetime, ended_by: str) -> None:
        """End roles at once; one that has not begun never will. Raises :class:`HistoryBroken` for one ended before."""
        for one in ended:
            self.wire.write(_END, (max(at, one.since), ended_by, one.id))

    def is_trial(self) -> bool:
        """Whether this is a world for trial."""
        return self.wire.row(_IS_TRIAL) == (True,)

    def is_taken(self) -> bool:
        """Whether anybody was ever enrolled, or any case opened: each is pinned to a definition."""
        return self.wire.row(_TAKEN) != (0,)

    def mark_trial(self) -> None:
        """Say that this is a world for trial. Raises :class:`HistoryBroken` where it cannot become one any more."""
        self.wire.write(_MARK)


def _members(rows: Sequence[Row]) -> list[Member]:
    """The members in these rows, each of which is a member with one of her memberships, or with none."""
    roles: dict[str, list[Membership]] = {}
    known: dict[str, Row] = {}
    width = len(_MEMBER.columns)
    for row in rows:
        known.setdefault(row[0], row[:width])
        found = roles.setdefault(row[0], [])
        if row[width] is not None:
            found.append(Membership(*row[width:]))
    return [
        Member(*row, memberships=tuple(sorted(roles[code], key=lambda one: one.id)))  # type: ignore[misc]
        for code, row in known.items()
    ]  # fmt: skip
