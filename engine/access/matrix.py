"""The matrix: who may do what as what, in one sheet, with the policies that decide it. Drawn from the policies.

A line for each action, standing and circumstance, a column for each role; checked in as ``policies/matrix.csv``, so
that a change of a policy shows as a change of the sheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from engine.access.gate import Gate
from engine.access.model import ROLES, Verdict
from engine.access.standings import NONE, STANDINGS, WITHOUT_CASE, Situation, kinds

FILE = "matrix.csv"
"""Its name in the folder of the policies."""
HEAD = ("action", "unit", "case", "when", "also", *ROLES)

_STANDINGS = (*(one for one in STANDINGS if one[1] == "now"), ("responsible", "ended_beyond"), ("none", NONE))
_OF_POLICE = (("responsible", "now"), ("none", NONE))
"""The standings in which a unit of the police is asked about besides."""
_LOOKING = ("disclose_", "read_", "see_")
_ALSO = {
    "Record": (NONE, "nobody_holds"),
    "Track": (NONE, "not_there", "made_last_act"),
    "HandOff": (NONE, "not_there"),
    "Duty": ("owes_it", "not_there"),
    "Closing": ("may_close", "not_there"),
    "Lead": (NONE, "her_turn", "her_turn_accepted", "had_it", "had_it_accepted", "she_reported", "unit_reported"),
}
"""What else counts where part of a case is asked about. The first word is what the others are compared with."""
_ALSO_LOOKING = ("needed", "needed_glass")
_ALSO_REQUESTED = (NONE, "glass", "asked_two_approved", "other_asked")

Line = tuple[str, ...]


def lines(gate: Gate) -> list[Line]:
    """The lines of the matrix in order, under :data:`HEAD`.

    A circumstance stands there where it changes something for somebody, and so does a unit of the police. Every purpose
    is ``case_handling``; of a class, the steps of the unit need it.
    """
    found: list[Line] = []
    for kind, actions, words in _asked(gate):
        for stands in ((NONE, NONE),) if kind in WITHOUT_CASE else _STANDINGS:
            found += _standing(gate, kind, actions, stands, words)
    return sorted(found, key=lambda line: line[0])


def sheet(gate: Gate) -> str:
    """The matrix as it is checked in."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    writer.writerows(lines(gate))
    return out.getvalue()


def _asked(gate: Gate) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Types of the schema, actions, and what else may count for them."""
    for kind, actions in kinds(gate).items():
        if kind != "Case":
            yield kind, actions, _ALSO.get(kind, (NONE,))
            continue
        looking = tuple(action for action in actions if action.startswith(_LOOKING))
        yield kind, looking, _ALSO_LOOKING
        yield kind, tuple(action for action in actions if action not in looking), _ALSO_REQUESTED


def _standing(
    gate: Gate, kind: str, actions: tuple[str, ...], stands: tuple[str, str], words: tuple[str, ...]
) -> Iterator[Line]:
    """The lines of one standing; those of the police where they differ."""
    told = _told(gate, kind, actions, ("here", *stands), words)
    police = _told(gate, kind, actions, ("police", *stands), words) if stands in _OF_POLICE else told
    for action in actions:
        yield from _lines(action, ("here", *stands), told[action])
        if police[action] != told[action]:
            yield from _lines(action, ("police", *stands), police[action])


def _told(
    gate: Gate, kind: str, actions: tuple[str, ...], standing: tuple[str, str, str], words: tuple[str, ...]
) -> dict[str, dict[str, Line]]:
    """What each action comes to under each word, role by role."""
    unit, case, when = standing
    stands = ("responsible", "now") if case == NONE else (case, when)
    cells: dict[str, dict[str, list[str]]] = {action: {also: [] for also in words} for action in actions}
    for role, also in ((role, also) for role in ROLES for also in words):
        one = Situation(role, unit, *stands, also=also)
        verdicts = gate.judged(one.who(), actions, one.about(kind, gate.classes), one.given())
        for action, verdict in verdicts.items():
            cells[action][also].append(_cell(verdict))
    return {action: {also: tuple(line) for also, line in said.items()} for action, said in cells.items()}


def _lines(action: str, standing: tuple[str, str, str], told: dict[str, Line]) -> Iterator[Line]:
    """The first line, and those that differ from it."""
    plain = next(iter(told))
    for also, line in told.items():
        if also == plain or line != told[plain]:
            yield (action, *standing, also, *line)


def _cell(verdict: Verdict) -> str:
    if verdict.fault is not None:
        return "fault"
    by = "; ".join(verdict.policies)
    return f"yes: {by}" if verdict.allowed else f"no: {by}" if by else NONE
