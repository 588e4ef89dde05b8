"""``/api/v1/tickets`` and ``/api/v1/recoveries``: signing in without a second factor, not yet or not any more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.plain import LONGEST_CODE
from api.http.shapes.sign_in import (
    PersonMeant,
    RecoveriesShown,
    RecoveryShown,
    TicketShown,
    recovery_shown,
    ticket_shown,
)
from engine.service import recovery, tickets

router = APIRouter(tags=["recoveries"])

RecoveryCode = Annotated[
    str, Path(max_length=LONGEST_CODE, description="恢复登录代号。 Which recovery.", examples=["V-7K3M-9QXD-04RB"])
]
_ACTING = problems(401, 403, 404, 409, 422)


@router.post(
    "/tickets", operation_id="issue_ticket", status_code=201, summary="Give somebody a one-time sign-in",
    responses=_ACTING,
    description="为已登记、尚无第二验证方式的人员签发一次性登录凭证，仅显示一次，由您当面交给本人。\n\n"
    "For whoever is enrolled and has no second factor: a ticket, shown this once, for you to hand to her yourself.",
)  # fmt: skip
def issue(desk: TheDesk, caller: Caller, body: PersonMeant) -> TicketShown:
    """Give somebody a one-time sign-in."""
    return ticket_shown(tickets.issue(desk, caller, body.person))


@router.post(
    "/recoveries", operation_id="ask_recovery", status_code=201, summary="Ask that a sign-in be recovered",
    responses=_ACTING,
    description="申请为遗失第二验证方式的人员恢复登录；本人及其上级随即得到通知。\n\n"
    "Ask that the sign-in of somebody who lost her second factor be recovered; she and her supervisors are told.",
)  # fmt: skip
def ask(desk: TheDesk, caller: Caller, body: PersonMeant) -> RecoveryShown:
    """Ask that a sign-in be recovered."""
    return recovery_shown(recovery.ask(desk, caller, body.person))


@router.get(
    "/recoveries", operation_id="list_recoveries", summary="Recoveries one may know of",
    responses=problems(401, 403, 422),
    description="可查看的恢复登录：系统管理员看全部，其他人看本人可停止的。\n\n"
    "An administrator sees all, others those they may stop; the newest first.",
)  # fmt: skip
def listed(desk: TheDesk, caller: Caller) -> RecoveriesShown:
    """List recoveries."""
    return RecoveriesShown(items=[recovery_shown(one) for one in recovery.listed(desk, caller)])


@router.post(
    "/recoveries/{code}/approval", operation_id="approve_recovery", summary="Agree as a second administrator",
    responses=_ACTING,
    description="另一名管理员同意；其后须等待一段时间。\n\n"
    "Agree, as another administrator than the one who asked; then it waits.",
)  # fmt: skip
def approve(desk: TheDesk, caller: Caller, code: RecoveryCode) -> RecoveryShown:
    """Agree to a recovery."""
    return recovery_shown(recovery.approve(desk, caller, code))


@router.post(
    "/recoveries/{code}/stop", operation_id="stop_recovery", summary="Stop a recovery", responses=_ACTING,
    description="停止恢复登录：本人、系统管理员、本人所在单位的上级均可。\n\n"
    "The person herself, an administrator, or a supervisor of one of her units may.",
)  # fmt: skip
def stop(desk: TheDesk, caller: Caller, code: RecoveryCode) -> RecoveryShown:
    """Stop a recovery."""
    return recovery_shown(recovery.stop(desk, caller, code))


@router.post(
    "/recoveries/{code}/completion", operation_id="complete_recovery", summary="Carry a recovery out",
    responses=_ACTING,
    description="等待期满后完成：原第二验证方式作废，本人得到一次性登录凭证。\n\n"
    "When it has waited: her second factors count no more, and she gets a one-time sign-in, shown this once.",
)  # fmt: skip
def complete(desk: TheDesk, caller: Caller, code: RecoveryCode) -> TicketShown:
    """Carry a recovery out."""
    return ticket_shown(recovery.complete(desk, caller, code))
