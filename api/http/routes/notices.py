"""``/api/v1/notices``: what somebody is to be told."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.pages import After
from api.http.shapes.requests import NoticePage, notice_page
from engine.service import notices

router = APIRouter(prefix="/notices", tags=["notices"])


@router.get(
    "", operation_id="list_notices", responses=problems(401, 403, 422), summary="What you are to be told",
    description="给您本人、以及您所任角色的通知，最新的在前；看过即记为已看。\n\n"
    "For you, and for your role in your area, the newest first; from now on what is on the page counts as"
    " seen.",
)  # fmt: skip
def list_notices(desk: TheDesk, caller: Caller, after: After = None) -> NoticePage:
    """What you are to be told."""
    return notice_page(notices.listed(desk, caller, after=after))
