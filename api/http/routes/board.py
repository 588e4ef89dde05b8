"""``/api/v1/board``: where work stands still."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.lists import StalledPage, stalled_page
from api.http.shapes.pages import After
from engine.service import stalls

router = APIRouter(prefix="/board", tags=["board"])

Days = Annotated[
    int, Query(ge=0, le=stalls.MOST_DAYS, description="至少停滞多少自然日。 For so many calendar days at least.")
]


@router.get(
    "/stalled", operation_id="list_stalled", responses=problems(401, 403, 422),
    summary="Hand-offs with which nobody goes on",
    description="停滞的移交：无人答复，或被退回后未再提出；停滞最久的在前。\n\n"
    "A supervisor is told those of her own unit, a joint-conference office those in its area: units, "
    "steps and ages in calendar days, and nothing of what the cases hold.",
)  # fmt: skip
def list_stalled(desk: TheDesk, caller: Caller, days: Days = 7, after: After = None) -> StalledPage:
    """Hand-offs with which nobody goes on."""
    return stalled_page(stalls.stalled(desk, caller, days, after=after))
