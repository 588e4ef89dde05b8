"""``/api/v1/requests`` and ``/api/v1/holds``: what others approve, and legal holds on cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.pages import After
from api.http.shapes.plain import LONGEST_CODE
from api.http.shapes.requests import (
    ApprovalAsked,
    CertificateShown,
    DeclinedShown,
    ErasureAsked,
    HoldAsked,
    HoldShown,
    KindOfRequest,
    RequestPage,
    RequestShown,
    RevealAsked,
    RevealedShown,
    asked_shown,
    certificate_shown,
    request_page,
    revealed_shown,
)
from engine.service import erasure, pending, reidentify, requests
from engine.service.reidentify import Sought
from engine.service.request_rules import request_rules
from engine.service.retention import retention

router = APIRouter(tags=["requests"])

RequestCode = Annotated[
    str, Path(max_length=LONGEST_CODE, description="申请代号。 The code of the request.", examples=["R-7K3M-9QXD-04RB"])
]
Kinds = Annotated[
    list[KindOfRequest] | None,
    Query(
        max_length=len(requests.KINDS),
        examples=[["reveal"]],
        description="只看这几种；不填则全部。 Only these kinds; all without it.",
    ),
]
_ASKING = problems(401, 403, 404, 409, 410, 422)


@router.post(
    "/requests/reveals", operation_id="ask_reveal", status_code=201, responses=_ASKING,
    summary="Ask to see fields of an identity",
    description="申请调阅某人身份的若干项目；由本地区的身份保管员逐字同意。\n\n"
    "A custodian of the area approves exactly this, or declines. The purpose is that of the request "
    "header.",
)  # fmt: skip
def ask_reveal(desk: TheDesk, caller: Caller, body: RevealAsked) -> RequestShown:
    """Ask to see fields of an identity."""
    sought = Sought(body.case, body.person, tuple(body.fields))
    return asked_shown(reidentify.ask(desk, request_rules(), sought, body.reason, caller), is_own=True)


@router.post(
    "/requests/erasures", operation_id="ask_erasure", status_code=201, responses=_ASKING,
    summary="Ask that a case be erased",
    description="申请删除个案；须两名身份保管员同意。\n\n"
    "Two custodians approve exactly this, or decline. What stands against it is judged when it is erased.",
)  # fmt: skip
def ask_erasure(desk: TheDesk, caller: Caller, body: ErasureAsked) -> RequestShown:
    """Ask that a case be erased."""
    return asked_shown(_erasing(desk).ask(request_rules(), body.case, body.ground, caller), is_own=True)


@router.post(
    "/requests/hold-releases", operation_id="ask_hold_release", status_code=201, responses=_ASKING,
    summary="Ask that a legal hold be ended",
    description="申请解除留存；须两名身份保管员同意。\n\n"
    "Two custodians approve exactly this, or decline.",
)  # fmt: skip
def ask_hold_release(desk: TheDesk, caller: Caller, body: HoldAsked) -> RequestShown:
    """Ask that a legal hold be ended."""
    return asked_shown(erasure.ask_release(desk, request_rules(), body.case, body.reason, caller), is_own=True)


@router.get(
    "/requests", operation_id="list_requests", responses=problems(401, 403, 422),
    summary="The open requests you asked for or may answer",
    description="您提出的、或可由您办理的申请，最先到期的在前。\n\n"
    "What exactly is asked, and the digest to approve; the next to expire first, in pages.",
)  # fmt: skip
def list_requests(desk: TheDesk, caller: Caller, kind: Kinds = None, after: After = None) -> RequestPage:
    """The open requests you asked for or may answer."""
    return request_page(pending.listed(desk, caller, kind or tuple(requests.KINDS), after=after))


@router.post(
    "/requests/{request}/approve", operation_id="approve_request", responses=_ASKING,
    summary="Agree to exactly what was asked for",
    description="同意摘要所指的申请；不能同意本人的申请，每人只计一次。\n\n"
    "Nobody approves an own request, or one twice; a request that is not what the digest says is refused.",
)  # fmt: skip
def approve_request(desk: TheDesk, caller: Caller, request: RequestCode, body: ApprovalAsked) -> RequestShown:
    """Agree to exactly what was asked for."""
    return asked_shown(requests.approve(desk, request, body.digest, caller), is_own=False)


@router.post(
    "/requests/{request}/decline", operation_id="decline_request", responses=_ASKING,
    summary="Say no to a request",
    description="不同意该申请；此后不能再同意或使用。\n\n"
    "For good: it cannot be approved or used any more.",
)  # fmt: skip
def decline_request(desk: TheDesk, caller: Caller, request: RequestCode) -> DeclinedShown:
    """Say no to a request."""
    requests.decline(desk, request, caller)
    return DeclinedShown(request=request)


@router.post(
    "/requests/{request}/reveal", operation_id="reveal_identity", responses=_ASKING,
    summary="Show what an approved request asked for, once",
    description="按已获同意的申请调阅身份，仅此一次；先入账，后显示。\n\n"
    "Only by who asked, once; it is entered before it opens. No cache may keep the answer.",
)  # fmt: skip
def reveal_identity(desk: TheDesk, caller: Caller, request: RequestCode, response: Response) -> RevealedShown:
    """Show what an approved request asked for, once."""
    keep_nowhere(response)
    return revealed_shown(reidentify.reveal(desk, request_rules(), request, caller))


@router.post(
    "/requests/{request}/erase", operation_id="erase_case", responses=_ASKING,
    summary="Erase a case on a request that was approved",
    description="按已获同意的申请删除个案：销毁密钥，不可恢复；答复为删除证明。\n\n"
    "The keys of a closed case are destroyed, for ever; the answer is the certificate. All that stands "
    "against it is told at once.",
)  # fmt: skip
def erase_case(desk: TheDesk, caller: Caller, request: RequestCode, body: ErasureAsked) -> CertificateShown:
    """Erase a case on a request that was approved."""
    return certificate_shown(_erasing(desk).erase(body.case, body.ground, caller, request))


@router.post(
    "/requests/{request}/release-hold", operation_id="release_hold", responses=_ASKING,
    summary="End a legal hold on a request that was approved",
    description="按已获同意的申请解除留存。\n\n"
    "Only by who asked, on the approval of two custodians.",
)  # fmt: skip
def release_hold(desk: TheDesk, caller: Caller, request: RequestCode, body: HoldAsked) -> HoldShown:
    """End a legal hold on a request that was approved."""
    erasure.release_hold(desk, body.case, body.reason, caller, request)
    return HoldShown(case=body.case, reason=body.reason, state="released")


@router.post(
    "/holds", operation_id="put_hold", status_code=201, responses=_ASKING, summary="Put a case on legal hold",
    description="依法留存个案，立即生效；解除须两名身份保管员同意。\n\n"
    "It may not be erased until two custodians approved that the hold ends.",
)  # fmt: skip
def put_hold(desk: TheDesk, caller: Caller, body: HoldAsked) -> HoldShown:
    """Put a case on legal hold."""
    erasure.hold(desk, retention(), body.case, body.reason, caller)
    return HoldShown(case=body.case, reason=body.reason, state="on_hold")


def keep_nowhere(response: Response) -> None:
    """Say that no cache may keep this answer, neither on the way nor at the caller."""
    response.headers["Cache-Control"] = "no-store"


def _erasing(desk: TheDesk) -> erasure.Erasing:
    return erasure.Erasing(desk, retention(), desk.attachments)
