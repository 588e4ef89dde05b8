"""Roles: as what a person acts in a unit, from when until when, and which of them nobody may hold at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

ROLES = (
    "caseworker", "unit_supervisor", "joint_conference", "custodian", "auditor", "administrator",
    "definition_approver", "reporter", "reader", "service",
)  # fmt: skip
"""A closed list; the record room holds it too."""
ADMINISTRATOR = "administrator"
SEES_CASES = frozenset({"caseworker", "unit_supervisor", "custodian", "service"})
"""Whoever says who may see cases sees none."""
OF_TRUST = frozenset({"administrator", "auditor", "custodian", "definition_approver", "service"})
"""Given to one person in one unit: they stay behind when she moves."""
NEVER_BY_DEPUTY = frozenset({"administrator", "auditor", "service"})


@dataclass(frozen=True, slots=True)
class Membership:
    """A role of a person in a unit, in effect from ``since`` on and before ``until`` (no end: ``None``).

    ``deputy_for`` is the person who is stood in for. ``ended_by`` says that somebody ended it.
    """

    id: int
    person: str
    unit: str
    role: str
    since: datetime
    until: datetime | None = None
    deputy_for: str | None = None
    added_by: str = ""
    ended_by: str | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in effect at this instant."""
        return self.since <= now and self.lasts(now)

    def lasts(self, now: datetime) -> bool:
        """Whether it is in effect at this instant or will be."""
        return self.until is None or (now < self.until and self.since < self.until)

    def meets(self, since: datetime, until: datetime | None) -> bool:
        """Whether there is an instant at which both it and a period that begins and ends then are in effect."""
        return self.lasts(since) and (until is None or self.since < until)

    def covers(self, since: datetime, until: datetime | None) -> bool:
        """Whether it is in effect all of that period."""
        return self.holds(since) and (self.until is None or (until is not None and until <= self.until))


def clashes(role: str, others: Iterable[str]) -> Iterator[str]:
    """Yield those of the other roles that nobody may hold together with this one, each once."""
    for other in dict.fromkeys(others):
        if is_clash(role, other) or is_clash(other, role):
            yield other


def is_clash(role: str, other: str) -> bool:
    """Whether the first role rules out the second."""
    if role == ADMINISTRATOR:
        return other in SEES_CASES
    return role == "auditor" and other not in ("auditor", "reader")
