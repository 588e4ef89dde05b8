"""``/api/v1/cases/{case}/hand-offs``: what waits for an answer, and the answers.

A hand-off is called ``CASE/NUMBER``; in an address the case and the number stand apart, here as everywhere.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.door import Caller, TheDesk, etag
from api.http.routes.commanded import Act, CaseCode, add_acts, answers
from api.http.shapes.case_sheet import HandOffsShown, hand_offs_shown
from engine.core import commands as cmd
from engine.service import read

router = APIRouter(prefix="/cases", tags=["hand-offs"])

ACTS = (
    Act(
        cmd.Accept, "/hand-offs/{number}/acceptance", "Accept a hand-off",
        "接收移交：重新核对全部条件，自此由本单位负责。接收全案移交时另立接续个案。",
        "Accepts a hand-off: the conditions are judged again, and from now on your unit is responsible. Accepting a "
        "whole case opens its successor.",
        numbered="hand_off",
    ),
    Act(
        cmd.Decline, "/hand-offs/{number}/declination", "Decline a hand-off",
        "退回移交，须注明流程规定的理由代码；责任始终在移交方。",
        "Declines a hand-off with a reason code of the definition; the sender was responsible all along and stays so.",
        {"reason": "papers_missing", "text": "the report is not signed"}, numbered="hand_off",
    ),
    Act(
        cmd.Withdraw, "/hand-offs/{number}/withdrawal", "Withdraw a hand-off",
        "撤回尚未答复的移交。",
        "Takes back an offer nobody answered yet.",
        {"reason": "offered to the wrong unit"}, numbered="hand_off",
    ),
)  # fmt: skip

add_acts(router, ACTS)


@router.get(
    "/{case}/hand-offs", operation_id="list_hand_offs", summary="List the hand-offs that wait for an answer",
    description="列出个案中等待答复的移交。\n\nLists the hand-offs of a case that wait for an answer.",
    responses=answers(200, "ETag", refused=(401, 403, 404, 410, 422)),
)  # fmt: skip
def list_hand_offs(case: CaseCode, desk: TheDesk, actor: Caller, response: Response) -> HandOffsShown:
    """The hand-offs of a case that wait for an answer."""
    sheet = read.show(desk, case, actor)
    response.headers["ETag"] = etag(sheet.case.revision)
    return hand_offs_shown(sheet)
