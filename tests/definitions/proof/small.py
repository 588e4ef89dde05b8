"""Small definitions to prove things about: that of ``tests/core/play.py``, and two tracks that look at each other."""

from __future__ import annotations

import copy
from typing import Any

from engine.core.definition import Definition
from engine.definitions.proof.invariants import Invariant
from tests.core.play import PLAY, label, move, requirement, step


def play(**changes: object) -> Definition:
    """The play, with elements replaced by dotted path (``__`` for the dot)."""
    return changed(PLAY, **changes)


def changed(body: dict[str, Any], **changes: object) -> Definition:
    """A definition with elements replaced; ``None`` removes."""
    whole: Any = copy.deepcopy(body)
    for path, value in changes.items():
        *way, last = path.split("__")
        here = whole
        for part in way:
            here = here.setdefault(part, {})
        if value is None:
            del here[last]
        else:
            here[last] = copy.deepcopy(value)
    for track in whole["tracks"].values():
        for one in track["steps"].values():
            one.setdefault("printed_responsible", ["police"] if one["provenance"] == "printed" else [])
    return Definition.model_validate(whole)


PAIR: dict[str, Any] = {
    **PLAY,
    "id": "pair",
    "tracks": {
        "one": {
            "title": label("one"), "provenance": "deployer", "declinable": True, "start": "asked",
            "opens": {"when": {"fact": "victim.is_child", "is": True}, "on_request": "any", "again": True},
            "steps": {
                "asked": step("police", "asked"), "working": step("civil_affairs", "working"),
                "done": step(None, "done"),
            },
            "moves": {
                "work": move(["asked"], "working", "work"),
                "back": move(["working"], "asked", "back"),
                "end": move(["working"], "done", "end", requires={
                    "other_begun": requirement({"track": "two", "reached": ["begun"]}, "the other track has not begun"),
                }),
            },
        },
        "two": {
            "title": label("two"), "provenance": "deployer", "start": "begun",
            "opens": {"when": {"track": "one", "at": ["working"]}},
            "steps": {"begun": step("justice", "begun"), "over": step(None, "over")},
            "moves": {
                "finish": move(["begun"], "over", "finish", requires={
                    "one_left": requirement({"not": {"track": "one", "at": ["asked"]}}, "the first track waits"),
                }),
            },
        },
    },
    "duties": {}, "prohibitions": {},
    "closings": {
        "archive": {
            "title": label("archived"), "by": ["police"], "provenance": "deployer",
            "requires": {"two_over": requirement({"track": "two", "at": ["over"]}, "the second track is not over")},
        },
        "transfer": {"title": label("transfer"), "by": ["police"], "needs_duties": False, "provenance": "deployer"},
        "death": {"title": label("death"), "by": ["police"], "needs_duties": False, "provenance": "deployer"},
    },
}  # fmt: skip


def invariant(statement: dict[str, Any], *mutants: dict[str, Any], **binding: object) -> Invariant:
    """An invariant of one statement that binds in the play."""
    return Invariant.model_validate(
        {
            "title": label("rule"),
            "printed": label("printed"),
            "statement": [statement],
            "mutants": list(mutants),
            "binds": {"play": binding},
        }
    )
