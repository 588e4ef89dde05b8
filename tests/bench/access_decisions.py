"""Decisions of the access bench: those of a case page, beside bare calls of cedarpy.

The bare calls decide the very same requests. The limit has policies, entities and schema parsed before the clock
starts, and of the policies only those about what is asked; the naive way hands cedarpy texts every time.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema, is_authorized

from engine.access.gate import SCHEMA, Gate
from engine.access.model import CaseFile, Circumstances, Who
from engine.access.participation import PartRow, file_of, header_of, parts_of
from engine.access.subjects import Subject, context, entities, person_uid, subject_uid
from engine.bootstrap import library
from engine.core.case import Case, evolve
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.definitions.directory_file import demo_directory, read_directory
from tests.bench.crew import Move
from tests.bench.vault_figures import Group, Pair
from tests.histories.recorded import files, read

LOOK = "see_case"


class Bare:
    """One person's requests about one thing, as cedarpy takes them: parsed once, or as texts."""

    def __init__(self, gate: Gate, who: Who, on: Subject, actions: frozenset[str]) -> None:
        text = (importlib.resources.files("policies") / SCHEMA).read_text(encoding="utf-8")
        self._texts = "\n".join(policy.text for policy in gate.policies), text
        about = "\n".join(policy.text for policy in gate.policies if not policy.actions.isdisjoint(actions))
        stated = entities(who, on, gate.words.enums["Purpose"], gate.classes)
        self._schema = Schema.from_str(text)
        self._policies = PolicySet.from_str(about)
        self._stated = json.dumps(stated)
        self._entities = Entities.from_json_str(self._stated, self._schema)
        more = {"principal": person_uid(who), "resource": subject_uid(on), "context": json.dumps(context(_NOTHING))}
        self._requests = {action: {"action": {"type": "Action", "id": action}, **more} for action in sorted(actions)}

    def parsed(self, action: str) -> bool:
        """One decision, everything parsed before."""
        return _allowed(is_authorized(self._requests[action], self._policies, self._entities, self._schema))

    def anew(self, action: str) -> bool:
        """One decision, everything parsed for it."""
        policies, schema = self._texts
        return _allowed(is_authorized(self._requests[action], policies, self._stated, schema))

    def every(self, *, anew: bool = False) -> dict[str, bool]:
        """One decision after the other."""
        decide = self.anew if anew else self.parsed
        return {action: decide(action) for action in self._requests}


_NOTHING = Circumstances()


def _allowed(result: AuthzResult) -> bool:
    return bool(result.decision is Decision.Allow and not result.diagnostics.errors)


def page_group(gate: Gate, count: int, anew: int) -> Group:
    """The decisions of a case page: every field class; and a single one. ``anew`` is how often texts are parsed."""
    who, file = page()
    disclosing = {f"disclose_{name}": name for name in gate.classes}
    classes, look = Bare(gate, who, file, frozenset(disclosing)), Bare(gate, who, file, frozenset({LOOK}))
    found = {name: verdict.allowed for name, verdict in gate.disclosed(who, file).items()}
    assert {disclosing[action]: allowed for action, allowed in classes.every().items()} == found
    assert any(found.values()) != all(found.values()), "some classes are withheld"
    assert look.parsed(LOOK) == look.anew(LOOK) == gate.decide(who, LOOK, file).allowed
    moves: Mapping[str, tuple[int, Move]] = {
        "page": (count, lambda: gate.disclosed(who, file)), "each class": (count, classes.every),
        "each class anew": (anew, partial(classes.every, anew=True)),
        "one": (count, lambda: gate.decide(who, LOOK, file)), "bare one": (count, partial(look.parsed, LOOK)),
        "bare one anew": (anew, partial(look.anew, LOOK)),
    }  # fmt: skip
    title = f"a case page, {len(found)} classes"
    return Group(
        {name: partial(_ready, move, times) for name, (times, move) in moves.items()},
        (
            Pair(title, "page", "is_authorized for each, parsed once", "each class"),
            Pair(title, "page", "is_authorized for each, texts", "each class anew"),
            Pair("one decision: see a case", "one", "is_authorized, parsed once", "bare one"),
            Pair("one decision: see a case", "one", "is_authorized, texts", "bare one anew"),
        ),
    )


@contextmanager
def _ready(move: Move, times: int, number: int) -> Iterator[list[Move]]:
    yield [move] * times


@cache
def page() -> tuple[Who, CaseFile]:
    """A recorded case of Fujian as the policies see it at the end, everything inside the window; and one who looks."""
    path = next(path for path in files() if path.stem.startswith("fujian") and path.stem.endswith("archive"))
    units, rows = read_directory(demo_directory()), set[PartRow]()
    history, closed = read(path)
    book = _book(closed)
    case: Case | None = None
    last: Case | None = None
    for recorded in history:
        case = evolve(case, [recorded], case_id=closed.id)
        rows |= parts_of(case, book, units)
        last = case if case.status == "open" else last
    assert last is not None
    ever = {row.unit for row in rows if row.part == "responsible"}
    file = file_of(header_of(last), rows, ever, book, units)
    return _caseworker(sorted(ever)[0], units), file


def _book(case: Case) -> Definition:
    named = [one.definition for one in library().definitions if one.definition.id == case.pin.id]
    return next(one for one in named if one.version == case.pin.version)


def _caseworker(unit: str, units: Directory) -> Who:
    where = units.current(unit)
    areas = tuple(area.code for area in units.upward(where.jurisdiction))
    role: Any = "caseworker"
    return Who("officer-12", where.id, where.functions, areas, role, frozenset({role}))
