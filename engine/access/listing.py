"""Which cases a list may hold: asked of the policies with made-up cases, so that a list and a decision are one rule."""

from __future__ import annotations

from engine.access.gate import Gate
from engine.access.model import NOBODY, PARTS, CaseFile, Part, Who
from engine.access.subjects import Installation


def parts_that_see(gate: Gate, who: Who) -> frozenset[Part]:
    """The parts in a case, any one of which lets the person see it; none for whoever sees no case by taking part."""
    return frozenset(part for part in PARTS if gate.decide(who, "see_case", _with_one_part(who, part)).allowed)


def parts_listed(gate: Gate, who: Who) -> frozenset[Part]:
    """The parts by which a case gets on this person's list."""
    return parts_that_see(gate, who) if gate.decide(who, "list_cases", Installation()).allowed else frozenset()


def parts_counted(gate: Gate, who: Who) -> frozenset[Part]:
    """The parts by which a case counts among those the person may list.

    Whoever is permitted ``count_cases`` and has none here may only see figures in which small cells are suppressed.
    """
    return parts_that_see(gate, who) if gate.decide(who, "count_cases", Installation()).allowed else frozenset()


def _with_one_part(who: Who, part: Part) -> CaseFile:
    """A case in which the person's unit has this part and no other, and nobody else has any."""
    ever = frozenset((who.unit,)) if part == "responsible" else NOBODY
    return CaseFile("probe", who.areas, "victim", "open", {part: frozenset((who.unit,))}, {}, {}, ever)
