"""A time limit that a clause prints is a time limit of the definition."""

from __future__ import annotations

from engine.definitions.finding import Findings
from engine.definitions.inventory import Inventory
from engine.definitions.loader import Loaded
from engine.definitions.proof.edits import sourced


def check_time_limits(loaded: Loaded, inventory: Inventory, findings: Findings) -> None:
    """A core clause of force ``duty_deadline`` that is cited is cited by something with a due time, unless listed."""
    definition = loaded.definition
    has_due: dict[str, list[bool]] = {}
    for _, element in sourced(definition):
        for basis in element.basis:
            has_due.setdefault(basis.row, []).append(getattr(element, "due", None) is not None)
    for row in inventory.rows:
        limits = row.ring == "core" and row.force == "duty_deadline" and row.id not in definition.listed
        if not limits or any(has_due.get(row.id, [True])):
            continue
        wrong = (
            f"{row.clause}定有时限，引用它的要素却没有。",
            f"{row.clause} sets a time limit; nothing that cites it has one.",
        )
        right = (
            f"请给引用{inventory.short(row.id)}的环节或职责写due。",
            f"Give a step or duty that cites `{inventory.short(row.id)}` a `due`.",
        )
        findings.add(loaded.place(("tracks",)), "time_limit_not_encoded", ("tracks",), wrong, right)
