"""``/api/v1/tokens``: what registered services show to be known by. Only administrators issue and end them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, ConfigDict, Field

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.plain import Asked, Code, Shown
from engine.service import tokens

router = APIRouter(prefix="/tokens", tags=["tokens"])

TokenId = Annotated[
    str,
    Path(
        pattern="^[a-z]{12}$", examples=["qkxwmvhtzrbn"],
        description="令牌代码，不是令牌本身。 The code of the token, not the token.",
    ),
]  # fmt: skip
After = Annotated[
    str | None, Query(pattern="^[a-z]{12}$", description="上一页的 next。 What the page before gave as next.")
]
_LISTED: dict[str, Any] = {
    "id": "qkxwmvhtzrbn", "service": "service-1", "unit": "gulou-police", "purposes": ["case_handling"],
    "state": "live", "since": "2026-11-22T02:00:00Z", "until": "2027-11-21T16:00:00Z",
    "issued_by": "officer-30@fujian-police", "used_at": None, "rotated_at": None, "overlap_until": None,
    "revoked_at": None, "revoked_by": None,
}  # fmt: skip
_ISSUED: dict[str, Any] = {
    "token": "gtk_qkxwmvhtzrbn_" + "x" * 43, "id": "qkxwmvhtzrbn", "service": "service-1", "unit": "gulou-police",
    "purposes": ["case_handling"], "ends_at": "2027-11-21T16:00:00Z", "overlap_until": None,
}  # fmt: skip


class TokenAsked(Asked):
    """Which service is to have a token, for what, and until when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"service": "service-1", "purposes": ["case_handling"], "until": "2027-11-21T16:00:00Z"}
            ]
        }
    )  # fmt: skip

    service: Code
    purposes: Annotated[list[Code], Field(min_length=1, max_length=len(tokens.FOR_SERVICES))]
    until: Annotated[AwareDatetime, Field(strict=False)]


class RotationAsked(Asked):
    """For how many hours the secret before counts, too: the local setting if not said; 0 ends it at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 2}]})

    overlap_hours: Annotated[int | None, Field(ge=0, le=24)] = None


class TokenIssued(Shown):
    """A token that was just made. It is shown this once: nobody can read it again."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ISSUED]})

    token: str
    id: str
    service: str
    unit: str
    purposes: list[str]
    ends_at: datetime
    overlap_until: datetime | None


class TokenShown(Shown):
    """A token as it may be seen; never its secret. ``overlap_until``: until when the secret before counts, too."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LISTED]})

    id: str
    service: str
    unit: str
    purposes: list[str]
    state: Literal["live", "over", "revoked"]
    since: datetime
    until: datetime
    issued_by: str
    used_at: datetime | None
    rotated_at: datetime | None
    overlap_until: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class TokensShown(Shown):
    """Tokens in the order of their codes; ``next`` is handed back as ``after`` for those that follow."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LISTED], "next": None}]})

    items: list[TokenShown]
    next: str | None


@router.post(
    "", operation_id="issue_token", status_code=201, summary="Issue a token to a registered service",
    responses=problems(401, 403, 404, 409, 422),
    description=(
        "为已登记的服务签发令牌；只显示一次。\n\n"
        "Issue a token to a service that is enrolled, for the unit it is a service of. It is shown this once. "
        "Asks for the second factor again."
    ),
)  # fmt: skip
def issue(desk: TheDesk, actor: Caller, asked: TokenAsked) -> TokenIssued:
    """Issue a token to a service that is enrolled, for the unit it is a service of."""
    return _issued(tokens.issue(desk, actor, asked.service, asked.purposes, asked.until))


@router.get(
    "", operation_id="list_tokens", summary="List the tokens of services", responses=problems(401, 403, 422),
    description=(
        "列出服务令牌，已终止的也在内；不显示令牌本身。\n\n"
        "List the tokens of services, ended ones too, never a secret."
    ),
)  # fmt: skip
def listed(desk: TheDesk, actor: Caller, after: After = None) -> TokensShown:
    """List the tokens of services, ended ones too, never a secret."""
    page = tokens.listed(desk, actor, after)
    return TokensShown(items=[_shown(one) for one in page.items], next=page.next)


@router.post(
    "/{token_id}/rotate", operation_id="rotate_token", summary="Give a token another secret",
    responses=problems(401, 403, 404, 409, 422),
    description=(
        "轮换令牌；旧令牌在约定时间内仍有效。\n\n"
        "Give a token another secret, shown this once; the one before counts for a while longer. Asks for the "
        "second factor again."
    ),
)  # fmt: skip
def rotate(desk: TheDesk, actor: Caller, token_id: TokenId, asked: RotationAsked) -> TokenIssued:
    """Give a token another secret, shown this once; the one before counts for a while longer."""
    return _issued(tokens.rotate(desk, actor, token_id, overlap_hours=asked.overlap_hours))


@router.post(
    "/{token_id}/revoke", operation_id="revoke_token", summary="Revoke a token",
    responses=problems(401, 403, 404, 409, 422),
    description=(
        "立即吊销令牌。\n\n"
        "End a token at once, with every secret of it."
    ),
)  # fmt: skip
def revoke(desk: TheDesk, actor: Caller, token_id: TokenId) -> TokenShown:
    """End a token at once, with every secret of it."""
    return _shown(tokens.revoke(desk, actor, token_id))


def _issued(one: tokens.Issued) -> TokenIssued:
    return TokenIssued(
        token=one.token, id=one.id, service=one.service, unit=one.unit, purposes=list(one.purposes),
        ends_at=one.ends_at, overlap_until=one.overlap_until,
    )  # fmt: skip


def _shown(one: tokens.Listed) -> TokenShown:
    return TokenShown(
        id=one.id, service=one.service, unit=one.unit, purposes=list(one.purposes), state=one.state, since=one.since,
        until=one.until, issued_by=one.issued_by, used_at=one.used_at, rotated_at=one.rotated_at,
        overlap_until=one.overlap_until, revoked_at=one.revoked_at, revoked_by=one.revoked_by,
    )  # fmt: skip
