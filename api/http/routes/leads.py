"""``/api/v1/leads`` and ``/api/v1/receipts``: reporting a lead, handling it, and asking how far it has come."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api.http.door import Caller, On, TheDesk, etag
from api.http.problems import problems
from api.http.routes.commanded import place_of
from api.http.shapes.lead_reports import AcceptanceAsked, ClosingAsked, PassingAsked, ReportAsked, RewardAsked
from api.http.shapes.leads import (
    DoneShown,
    LeadPageShown,
    LeadShown,
    ProgressShown,
    ReceiptShown,
    ReportingRulesShown,
    done_shown,
    lead_shown,
    page_shown,
    progress_shown,
    receipt_shown,
    rules_shown,
)
from api.http.shapes.pages import After
from api.http.shapes.plain import LONGEST_CODE
from engine.service import lead_reading, leads
from engine.service.lead_rules import lead_rules
from engine.service.leads import Done

router = APIRouter(tags=["leads"])
LeadCode = Annotated[
    str, Path(max_length=LONGEST_CODE, description="线索代码。 The code of the lead.", examples=["L-7K3M-9QXD-04RB"])
]
_CHANGES = (400, 401, 403, 404, 409, 410, 412, 415, 422, 503)
_LOOKS = (401, 403, 404, 410, 422)


@router.post(
    "/leads", operation_id="report_lead", summary="Report a lead", status_code=201,
    description="报告线索；回执代码可查询办理进度。姓名、号码只写在 persons，单独封存；文字中含有的将被退回。"
    "回执列明哪些条款要求报告；没有列出的，系自愿报告。\n\n"
    "Reports a lead; the receipt's code tells how far it has come. Names and numbers go into `persons`, which is "
    "sealed apart; a text that holds one is refused. The receipt lists the clauses that ask for the report; where it "
    "lists none it was of your own accord.",
    responses=problems(400, 401, 403, 415, 422, 503),
)  # fmt: skip
def report_lead(
    *, body: ReportAsked, desk: TheDesk, actor: Caller, on: On, request: Request, response: Response
) -> ReceiptShown:
    """Report a lead."""
    found = leads.report_lead(desk, lead_rules(), body.said(), actor, key=on.idempotency_key)
    response.headers["Location"] = place_of(request, "read_receipt", receipt=found.lead)
    return receipt_shown(found)


@router.get(
    "/leads", operation_id="list_leads", summary="List the leads of your unit",
    description="列出由本单位办理的线索；whose=past 时为曾到本单位的全部线索；whose=petitions 时为联席会议办公室所见的"
    "信访事项进度，不含内容。\n\n"
    "Lists the leads whose turn your unit has; with `whose=past` all that ever came to it; with `whose=petitions` how "
    "far petitions have come, as the office of the joint conference sees them, without content.",
    responses=problems(401, 403, 422),
)  # fmt: skip
def list_leads(
    desk: TheDesk, actor: Caller, after: After = None,
    whose: Annotated[
        Literal["turn", "past", "petitions"], Query(description="哪些线索。 Which leads.")
    ] = "turn",
) -> LeadPageShown:  # fmt: skip
    """A page of leads."""
    if whose == "petitions":
        return page_shown(lead_reading.petitions(desk, actor, after=after))
    return page_shown(lead_reading.listed(desk, actor, whose=whose, after=after))


@router.get(
    "/reporting-rules", operation_id="show_reporting_rules", summary="Show who must report where",
    description="某地区文件对线索报告、移送、奖励、信访的规定，逐条注明条款；没有列出的不是文件规定。\n\n"
    "What the documents of an area print about reporting, passing on, rewards and petitions, clause by clause; what is "
    "not listed is no rule of a document.",
    responses=problems(401, 403, 422),
)  # fmt: skip
def show_reporting_rules(
    desk: TheDesk, actor: Caller,
    area: Annotated[
        str, Query(max_length=LONGEST_CODE, description="地区代码。 The code of the area.", examples=["350102"])
    ],
) -> ReportingRulesShown:  # fmt: skip
    """What an area prints."""
    return rules_shown(lead_reading.reporting_rules(desk, lead_rules(), area, actor))


@router.get(
    "/receipts/{receipt}", operation_id="read_receipt", summary="Ask how far a lead has come",
    description="凭回执查询自己报告的线索：已收到、已受理、已移送或已办结，不含内容。\n\n"
    "How far a lead has come that you reported: received, accepted, passed on or closed, and nothing of what it says.",
    responses=problems(401, 403, 404, 422),
)  # fmt: skip
def read_receipt(
    receipt: Annotated[
        str, Path(max_length=LONGEST_CODE, description="回执代码。 The receipt.", examples=["L-7K3M-9QXD-04RB"])
    ],
    desk: TheDesk, actor: Caller,
) -> ProgressShown:  # fmt: skip
    """How far a lead has come."""
    return progress_shown(lead_reading.receipt(desk, receipt, actor))


@router.get(
    "/leads/{lead}", operation_id="show_lead", summary="Show a lead",
    description="线索内容和办理经过；names=true 时还显示其中人员和联系方式，仅限已受理的单位。\n\n"
    "What a lead says and what happened to it; with `names=true` also whom it names and how its reporter can be asked, "
    "for the unit that accepted it and has it.",
    responses=problems(*_LOOKS),
)  # fmt: skip
def show_lead(
    lead: LeadCode, desk: TheDesk, actor: Caller, response: Response,
    names: Annotated[bool, Query(description="显示其中人员。 Whom it names, too.")] = False,
) -> LeadShown:  # fmt: skip
    """A lead as the caller may see it."""
    sheet = lead_reading.show(desk, lead_rules(), lead, actor, with_names=names)
    response.headers["ETag"] = etag(sheet.lead.revision)
    return lead_shown(sheet)


@router.post(
    "/leads/{lead}/acceptance", operation_id="accept_lead", summary="Accept a lead",
    description="受理线索；可关联已有个案，或据此立案。已受理的，可随后关联个案。\n\n"
    "Accepts a lead; it may belong to a case you may see, or a case is opened for it where it happened. Of a lead that "
    "is accepted already the case may be named later. Asked again after a fault, no second case is opened.",
    responses=problems(*_CHANGES),
)  # fmt: skip
def accept_lead(
    *, lead: LeadCode, body: AcceptanceAsked, desk: TheDesk, actor: Caller, on: On, response: Response
) -> DoneShown:
    """Accept a lead."""
    if body.open_case is None:
        found = leads.accept(desk, lead_rules(), lead, actor, case=body.case, expected=on.expected_revision)
    else:
        facts = body.open_case.facts
        _, found = leads.open_case(desk, lead_rules(), lead, actor, facts, expected=on.expected_revision)
    return _done(found, response)


@router.post(
    "/leads/{lead}/passing", operation_id="pass_lead", summary="Pass a lead on",
    description="移送其他单位，或退回；其后由该单位办理。\n\n"
    "Gives a lead to another unit, or back to the one it came from; from then on it is that unit's turn.",
    responses=problems(*_CHANGES),
)  # fmt: skip
def pass_lead(
    *, lead: LeadCode, body: PassingAsked, desk: TheDesk, actor: Caller, on: On, response: Response
) -> DoneShown:
    """Pass a lead on."""
    found = leads.pass_on(
        desk, lead_rules(), lead, actor, to_unit=body.to_unit, reason=body.reason, expected=on.expected_revision
    )  # fmt: skip
    return _done(found, response)


@router.post(
    "/leads/{lead}/closing", operation_id="close_lead", summary="Close a lead",
    description="以所列理由办结线索。\n\nEnds a lead for a reason of the list.",
    responses=problems(*_CHANGES),
)  # fmt: skip
def close_lead(
    *, lead: LeadCode, body: ClosingAsked, desk: TheDesk, actor: Caller, on: On, response: Response
) -> DoneShown:
    """Close a lead."""
    found = leads.close(
        desk, lead_rules(), lead, actor, reason=body.reason, text=body.text, expected=on.expected_revision
    )  # fmt: skip
    return _done(found, response)


@router.post(
    "/leads/{lead}/reward", operation_id="reward_lead", summary="Decide on the reward of a tip",
    description="决定是否奖励举报，一次为限；文件没有规定、也未作本地设置的地区予以拒绝。\n\n"
    "Decides, once, whether a tip is rewarded; refused where no document prints rewards and no local setting has them.",
    responses=problems(*_CHANGES),
)  # fmt: skip
def reward_lead(
    *, lead: LeadCode, body: RewardAsked, desk: TheDesk, actor: Caller, on: On, response: Response
) -> DoneShown:
    """Decide on the reward of a tip."""
    found = leads.decide_reward(
        desk, lead_rules(), lead, actor, granted=body.granted, reason=body.reason, amount=body.amount,
        expected=on.expected_revision,
    )  # fmt: skip
    return _done(found, response)


def _done(found: Done, response: Response) -> DoneShown:
    response.headers["ETag"] = etag(found.revision)
    return done_shown(found)
