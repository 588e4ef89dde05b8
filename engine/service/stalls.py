"""Hand-offs that stand still: in the area of a joint-conference office, or of the unit of a supervisor.

Units, steps and ages, and nothing of what the cases hold. Ages are calendar days: a calendar of working days is not
kept here yet, so every answer says how it counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from engine.access.model import Who
from engine.access.subjects import Installation
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.marks import mark, read_mark
from engine.errors import CommandMalformed
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.lists import narrowed, tell
from engine.service.participation import ended_after
from engine.service.permission import admitted, permit
from engine.service.read import unit_label
from engine.store.lists import StalledLine
from engine.store.work import Work

PAGE = 50
MOST_DAYS = 36_500
COUNTED_IN: Final = "calendar_days"


@dataclass(frozen=True, slots=True)
class StalledHandOff:
    """A hand-off with which nobody goes on; ``unit`` is the one whose turn it is, ``days`` are calendar days."""

    hand_off: str
    case: str
    track: str | None
    step: str | None
    unit: Label
    state: str
    days: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """A page of them, the one that stands still longest first; ``next`` leads to those behind, and is nothing there.

    ``counted_in`` says which days are meant.
    """

    lines: tuple[StalledHandOff, ...]
    next: str | None
    counted_in: str = COUNTED_IN


def stalled(desk: Desk, actor: Actor, days: int, *, after: str | None = None) -> Stalled:
    """Hand-offs with which nobody went on for so many days: not answered, or declined and not offered again.

    A joint-conference office is told those in its area; a unit supervisor those offered to her unit, and those that her
    unit offered. ``after`` is the ``next`` of the page before. Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    if not 0 <= days <= MOST_DAYS:
        raise CommandMalformed(
            f"天数应为 0 至 {MOST_DAYS}", f"a number of days is between 0 and {MOST_DAYS}", field="days"
        )
    account = Account("stall:list", actor, purpose="supervision")
    with desk.reading(account) as work:
        who = admitted(desk, account, work, meant="joint_conference")
        permit(desk, account, who, "list_stalled", Installation())
        now, directory = desk.clock(), desk.directory(work)
        found = _found(desk, who, days, after, work)
        lines = found[:PAGE]
        for case_id in dict.fromkeys(line.case_id for line in lines):
            tell(desk, case_id, work, account)
        return Stalled(
            tuple(
                StalledHandOff(
                    line.id, line.case_id, line.track, line.step, unit_label(directory, line.unit), line.state,
                    (now - line.still_since).days,
                )
                for line in lines
            ),
            mark(lines[-1].still_since, lines[-1].id) if len(found) > PAGE else None,
        )  # fmt: skip


def _found(desk: Desk, who: Who, days: int, after: str | None, work: Work) -> list[StalledLine]:
    """What stands still for so long, one line more than a page; whoever is no such office sees her own unit's only."""
    now = desk.clock()
    before, place = now - timedelta(days=days), None if after is None else read_mark(after)
    if who.role == "joint_conference":
        return work.stalled(who.areas[0], before, PAGE + 1, place)
    units = narrowed(desk, who, desk.directory(work), work)
    # A hand-off between two units that are one today stands in the lists of both.
    found = {
        line.id: line for unit in units for line in work.stalled_of(unit, ended_after(now), before, PAGE + 1, place)
    }
    return sorted(found.values(), key=lambda line: (line.still_since, line.id))[: PAGE + 1]
