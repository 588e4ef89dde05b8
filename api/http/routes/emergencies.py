"""``/api/v1/emergencies``: breaking the glass over a case, its review, and what it shows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.routes.requests import keep_nowhere
from api.http.shapes.pages import After
from api.http.shapes.plain import LONGEST_CODE
from api.http.shapes.requests import (
    EmergencyRevealAsked,
    GlassAsked,
    GlassPage,
    GlassShown,
    RevealedShown,
    ReviewAsked,
    glass_page,
    glass_shown,
    revealed_shown,
)
from engine.service import emergency, reidentify
from engine.service.reidentify import Sought
from engine.service.request_rules import emergency_rules, request_rules

router = APIRouter(prefix="/emergencies", tags=["emergencies"])

EmergencyCode = Annotated[
    str,
    Path(max_length=LONGEST_CODE, description="紧急调阅代号。 The code of it.", examples=["E-7K3M-9QXD-04RB"]),
]
_ACTING = problems(401, 403, 404, 409, 410, 422)


@router.post(
    "", operation_id="open_emergency", status_code=201, responses=_ACTING,
    summary="Break the glass over a case",
    description="紧急调阅未参与办理的个案，限时；立即通知身份保管员，事后复核。\n\n"
    "For a short time (a local setting); the custodians of its area are told at once and review it.",
)  # fmt: skip
def open_emergency(desk: TheDesk, caller: Caller, body: GlassAsked) -> GlassShown:
    """Break the glass over a case."""
    return glass_shown(emergency.break_glass(desk, emergency_rules(), body.case, body.reason, caller))


@router.get(
    "", operation_id="list_emergencies", responses=problems(401, 403, 422),
    summary="The emergencies you opened or may review",
    description="您发起的、或可由您复核的紧急调阅，最新的在前。\n\n"
    "The newest first, in pages.",
)  # fmt: skip
def list_emergencies(desk: TheDesk, caller: Caller, after: After = None) -> GlassPage:
    """The emergencies you opened or may review."""
    return glass_page(emergency.listed(desk, caller, after=after))


@router.post(
    "/{code}/review", operation_id="review_emergency", responses=_ACTING, summary="Review an emergency",
    description="登记复核结论；不得复核本人的紧急调阅。\n\n"
    "Never of your own; it ends an emergency that still lasts.",
)  # fmt: skip
def review_emergency(desk: TheDesk, caller: Caller, code: EmergencyCode, body: ReviewAsked) -> GlassShown:
    """Review an emergency."""
    return glass_shown(emergency.review(desk, code, body.outcome, caller))


@router.post(
    "/reveals", operation_id="reveal_in_emergency", responses=_ACTING,
    summary="Show fields of an identity behind a broken glass",
    description="在紧急调阅时限内调阅身份；先入账，后显示。\n\n"
    "While the glass is broken, by whoever broke it; it is entered before it opens. No cache may keep the"
    " answer.",
)  # fmt: skip
def reveal_in_emergency(
    desk: TheDesk, caller: Caller, body: EmergencyRevealAsked, response: Response
) -> RevealedShown:  # fmt: skip
    """Show fields of an identity behind a broken glass."""
    keep_nowhere(response)
    sought = Sought(body.case, body.person, tuple(body.fields))
    return revealed_shown(reidentify.reveal_in_emergency(desk, request_rules(), sought, caller))
