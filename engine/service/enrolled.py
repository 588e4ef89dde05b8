"""Who is enrolled, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.commands import Actor
from engine.core.marks import cut
from engine.service.desk import Desk
from engine.service.people import people_of
from engine.store.people import Member

PAGE = 100


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Some of those who are enrolled, by code; ``next`` leads to those behind, if there are any."""

    lines: tuple[Member, ...]
    next: str | None


def enrolled(desk: Desk, unit: str | None, actor: Actor, *, after: str | None = None) -> MemberPage:
    """Those whom :func:`engine.service.people.people_of` lists, and raises what it raises.

    ``after`` is the ``next`` of the page before.
    """
    lines, goes_on = cut(people_of(desk, unit, actor), lambda one: one.person, after, PAGE)
    return MemberPage(tuple(lines), goes_on)
