"""``/api/v1/cases/{case}/shared-data`` and ``/api/v1/shared-data``: sharing data of a case where a clause prints it."""

from __future__ import annotations

from fastapi import APIRouter

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.routes.commanded import CaseCode
from api.http.shapes.pages import After
from api.http.shapes.shared import SharedPageShown, SharedShown, SharingAsked, shared_page_shown, shared_shown
from engine.service import shared_data
from engine.service.lead_rules import sharing_rules

router = APIRouter(tags=["shared-data"])


@router.post(
    "/cases/{case}/shared-data", operation_id="share_data", summary="Share data of a case", status_code=201,
    description="依文件条款向其他单位共享个案信息；只共享本单位可见的类别，不含身份信息。没有条款的，予以拒绝并列明全部原因。\n\n"
    "Shares data of a case with another unit on a clause of its document; only classes your unit sees, and never "
    "identities. Where no clause prints it, it is refused with all reasons.",
    responses=problems(400, 401, 403, 404, 409, 410, 415, 422, 503),
)  # fmt: skip
def share_data(case: CaseCode, body: SharingAsked, desk: TheDesk, actor: Caller) -> SharedShown:
    """Share data of a case."""
    return shared_shown(shared_data.share(desk, sharing_rules(), case, body.said(), actor))


@router.get(
    "/cases/{case}/shared-data", operation_id="list_shared_data", summary="List what of a case was shared",
    description="个案的共享记录：何时、由谁、向谁、依据哪一条款、共享了什么；不予显示的类别略去内容。\n\n"
    "What of a case was shared: when, by whom, with whom, on which clause, and what; of a class that is withheld from "
    "you only that it was shared.",
    responses=problems(401, 403, 404, 410, 422),
)  # fmt: skip
def list_shared_data(case: CaseCode, desk: TheDesk, actor: Caller, after: After = None) -> SharedPageShown:
    """A page of what of a case was shared."""
    return shared_page_shown(shared_data.listed(desk, case, actor, after=after))


@router.get(
    "/shared-data", operation_id="list_received_data", summary="List what was shared with your unit",
    description="其他单位向本单位共享的信息；个案已删除的，只留记录。\n\n"
    "What other units shared with yours; of a case that was erased since, only that it was.",
    responses=problems(401, 403, 422),
)  # fmt: skip
def list_received_data(desk: TheDesk, actor: Caller, after: After = None) -> SharedPageShown:
    """A page of what was shared with the caller's unit."""
    return shared_page_shown(shared_data.received(desk, actor, after=after))
