"""``/api/v1/cases``: opening a case, lists of cases, and looking at one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from api.http.door import Caller, On, TheDesk, etag
from api.http.problems import problems
from api.http.routes.commanded import REFUSALS, CaseCode, answers, place_of
from api.http.shapes.answers import OpenedShown, opened_shown
from api.http.shapes.case_page import CaseLineShown, CasePageShown, CountShown, count_shown
from api.http.shapes.case_sheet import CaseShown, case_shown
from api.http.shapes.identity import OpenCaseCommand
from api.http.shapes.moves import MovesShown, moves_shown
from api.http.shapes.pages import After
from api.http.shapes.timeline import ReplayShown, TimelineShown, timeline_shown
from engine.core.commands import OpenCase
from engine.service import identities, lists, read
from engine.service.handle import handle

router = APIRouter(prefix="/cases", tags=["cases"])
_LOOKS = (401, 403, 404, 410, 422)


@router.post(
    "", operation_id="open_case", summary="Open a case", status_code=201,
    description="立案；各办理线按登记内容自行开启。附有身份信息时先查重，再封存。\n\n"
    "Opens a record; its tracks open by themselves as the facts ask for them. With an identity, duplicates are looked "
    "for first; those in `despite` were looked at, and are of somebody else.",
    responses=answers(201, "ETag", "Location", refused=REFUSALS),
)  # fmt: skip
def open_case(
    *, body: OpenCaseCommand, desk: TheDesk, actor: Caller, on: On, request: Request, response: Response
) -> OpenedShown:
    """Open a record, and seal the identity that comes with it."""
    command = OpenCase(
        case="", scope=body.scope, area=body.area, definition=body.definition, facts=body.facts,
        documents=tuple(body.documents), expected_revision=on.expected_revision, idempotency_key=on.idempotency_key,
    )  # fmt: skip
    if body.identity is None:
        opened, made = handle(desk, command, actor), None
    else:
        opened, made = identities.open_case(desk, command, body.identity.said(), actor, body.despite)
    found = opened_shown(opened, made)
    response.headers["ETag"] = etag(found.revision)
    response.headers["Location"] = place_of(request, "show_case", case=found.case)
    return found


@router.get(
    "", operation_id="list_cases", summary="List the cases your unit takes part in",
    description="列出本单位参与办理的个案，每页五十件，新的在前。\n\n"
    "Lists the cases your unit takes part in, fifty at a time, the newest first; or (`ended`) those in which its part "
    "has ended lately.",
    responses=problems(401, 403, 422),
)  # fmt: skip
def list_cases(
    desk: TheDesk, actor: Caller, after: After = None,
    status: Annotated[
        Literal["open", "closed"] | None, Query(description="只列办理中或已结的。 Only open ones, or only closed ones.")
    ] = None,
    ended: Annotated[bool, Query(description="本单位近期已结束参与的。 Those in which its part ended lately.")] = False,
) -> CasePageShown:  # fmt: skip
    """A page of the cases of the caller's unit."""
    page = lists.cases_of(desk, actor, status=status, after=after, ended=ended)
    lines = [
        CaseLineShown(
            case=one.id, scope=one.scope, jurisdiction=one.jurisdiction, area=one.area,
            definition=f"{one.definition_id}@{one.definition_version}", revision=one.revision, status=one.status,
            outcome=one.outcome, opened_at=one.opened_at, changed_at=one.changed_at,
        )
        for one in page.lines
    ]  # fmt: skip
    return CasePageShown(items=lines, next=page.next)


@router.get(
    "/count", operation_id="count_cases", summary="Count the cases your unit takes part in",
    description="本单位正在参与和近期结束参与的个案数；过千只说更多。\n\n"
    "How many cases your unit takes part in, and in how many its part has ended lately; beyond a thousand, more.",
    responses=problems(401, 403, 422),
)  # fmt: skip
def count_cases(desk: TheDesk, actor: Caller) -> CountShown:
    """How many cases the lists hold."""
    return count_shown(lists.count(desk, actor))


@router.get(
    "/{case}", operation_id="show_case", summary="Show a case",
    description="个案：各办理线及负责单位、移交、职责、登记内容；不予显示的类别注明原因。\n\n"
    "A case: its tracks and who holds them, hand-offs, duties, facts; of a class that is withheld, why. A unit that is "
    "only asked to take a step sees a preview. `If-None-Match` with the ETag you have answers 304.",
    response_model=CaseShown,
    responses={**answers(200, "ETag", refused=_LOOKS), 304: {"description": "Not changed since that revision"}},
)  # fmt: skip
def show_case(
    case: CaseCode, desk: TheDesk, actor: Caller, response: Response,
    if_none_match: Annotated[
        str | None, Header(max_length=200, description="The ETag you have, such as \"7\".", examples=['"7"'])
    ] = None,
) -> CaseShown | Response:  # fmt: skip
    """A case as the caller may see it."""
    sheet = read.show(desk, case, actor)
    tag = etag(sheet.case.revision)
    if if_none_match is not None and tag in [one.strip().removeprefix("W/") for one in if_none_match.split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return case_shown(sheet)


@router.get(
    "/{case}/timeline", operation_id="show_timeline", summary="Tell what happened",
    description="按顺序列出办理事件：何单位、依据哪一条款；不予显示的类别不在其中。\n\n"
    "Tells what happened, in the order it happened, by which unit and which clause; without what is withheld.",
    responses=problems(*_LOOKS),
)  # fmt: skip
def show_timeline(case: CaseCode, desk: TheDesk, actor: Caller) -> TimelineShown:
    """The events of a case in words."""
    return timeline_shown(case, read.timeline(desk, case, actor))


@router.get(
    "/{case}/moves", operation_id="list_moves", summary="List the moves of a case",
    description="列出现在可办理的动作；explain=true 时也列出暂不能办理的动作、全部原因，以及结案前尚须完成的事项。\n\n"
    "Lists the moves that are open now; with `explain=true` also the blocked ones, each with all its reasons, and what "
    "keeps the case from closing.",
    responses=answers(200, "ETag", refused=_LOOKS),
)  # fmt: skip
def list_moves(
    case: CaseCode, desk: TheDesk, actor: Caller, response: Response,
    explain: Annotated[bool, Query(description="说明原因。 The blocked ones too, and why.")] = False,
) -> MovesShown:  # fmt: skip
    """The moves of a case, open or blocked, and why."""
    sheet = read.moves(desk, case, actor)
    response.headers["ETag"] = etag(sheet.revision)
    return moves_shown(case, sheet, explain=explain)


@router.get(
    "/{case}/replay", operation_id="replay_case", summary="Hold a case against its history",
    description="由办理记录重建个案，并与所存内容比对。\n\n"
    "Rebuilds a case from its history and holds it against what is stored; fails with `history_broken` if they differ.",
    responses=problems(*_LOOKS),
)  # fmt: skip
def replay_case(case: CaseCode, desk: TheDesk, actor: Caller) -> ReplayShown:
    """That the case is what its history makes it."""
    again = read.replay(desk, case, actor)
    return ReplayShown(case=again.id, events=again.events, is_equal=True)
