"""Duties: whether one has arisen, and whether it still holds the case."""

from __future__ import annotations

from typing import Literal

from engine.core.conditions import Judged
from engine.core.definition import Duty
from engine.core.view import CaseView

Standing = Literal["not_arisen", "open", "done", "declined", "not_applicable"]


def is_arisen(duty: Duty, view: CaseView) -> bool:
    """Whether the duty has arisen. What is not known counts as arisen: silence never frees from a duty."""
    return duty.arises is None or duty.arises.judge(view, Judged()) is not False


def standing(name: str, duty: Duty, view: CaseView) -> Standing:
    """How the duty stands: by what was recorded, else by what settles it, else by whether it arose."""
    recorded = view.case.duties.get(name)
    if recorded is not None:
        return recorded.outcome  # type: ignore[return-value]
    if duty.settled_by is not None and duty.settled_by.judge(view, Judged()) is True:
        return "done"
    return "open" if is_arisen(duty, view) else "not_arisen"
