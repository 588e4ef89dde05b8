"""``/api/v1/worklists``: what waits for a unit."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.lists import WorklistShown, worklist_shown
from api.http.shapes.pages import After
from engine.service import lists

router = APIRouter(prefix="/worklists", tags=["worklists"])


@router.get(
    "/mine", operation_id="show_worklist", responses=problems(401, 403, 422), summary="What waits for your unit",
    description="本单位负责的、待本单位接收的、本单位提出而待答复的事项。\n\n"
    "What your unit holds, the longest-standing first and in pages; what is offered to it; what it "
    "offered.",
)  # fmt: skip
def show_worklist(desk: TheDesk, caller: Caller, after: After = None) -> WorklistShown:
    """What waits for your unit."""
    return worklist_shown(lists.worklist(desk, caller, after=after))
