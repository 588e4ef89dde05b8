"""``/api/v1/webhooks``: a unit's own system is told what the unit is told. See ``docs/webhooks.md``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ConfigDict, Field

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.pages import NEXT, After
from api.http.shapes.plain import Asked, Label, Shown, label
from engine.service import notices, webhooks

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

WebhookId = Annotated[
    str,
    Path(
        pattern="^W-[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$", examples=["W-7K3M-9QXD-04RB"],
        description="推送地址的代码。 The code of a webhook.",
    ),
]  # fmt: skip
Kind = Literal["hand_off_offered", "hand_off_accepted", "hand_off_declined", "hand_off_withdrawn", "lead_waits"]
_SECRET = "whsec_" + "x" * 43 + "="
_WEBHOOK: dict[str, Any] = {
    "id": "W-7K3M-9QXD-04RB", "unit": "gulou-civil", "url": "https://hooks.civil.example/guitu",
    "kinds": ["hand_off_offered"], "added_at": "2026-11-22T02:00:00Z", "added_by": "officer-12", "waiting": 0,
    "succeeded_at": "2026-11-22T03:00:00Z", "failing_since": None, "both_sign_until": None, "ended_at": None,
    "ended_because": None,
}  # fmt: skip
_DELIVERY: dict[str, Any] = {
    "notice": "N-0V8R-1KQ2-XW7C", "title": {"zh": "有移交待本单位接收", "en": "A hand-off is offered to your unit"},
    "kind": "hand_off_offered", "at": "2026-11-22T03:00:00Z", "state": {"zh": "已送达", "en": "delivered"},
    "attempts": 1, "next_at": None, "ended_at": "2026-11-22T03:00:01Z", "outcome": "204",
}  # fmt: skip


class WebhookAsked(Asked):
    """Where a unit's system listens, and which notices it wants: all that a unit is told if none is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://hooks.civil.example/guitu", "kinds": ["hand_off_offered"]}]
        }
    )  # fmt: skip

    url: Annotated[str, Field(min_length=1, max_length=500)]
    kinds: Annotated[list[Kind], Field(max_length=len(webhooks.KINDS), default_factory=list)]


class SecretShown(Shown):
    """A secret that was just made. It is shown this once: nobody can read it again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "W-7K3M-9QXD-04RB", "secret": _SECRET, "both_sign_until": None}]}
    )

    id: str
    secret: str
    both_sign_until: datetime | None = Field(
        description="此前的密钥在此之前仍同时签名。 Until then the secret before it signs, too."
    )


class WebhookShown(Shown):
    """A webhook as its unit sees it, with how its deliveries go."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WEBHOOK]})

    id: str
    unit: str
    url: str
    kinds: list[Kind]
    added_at: datetime
    added_by: str
    waiting: int = Field(description="待推送的通知数。 How many notices wait.")
    succeeded_at: datetime | None
    failing_since: datetime | None = Field(description="自何时起持续失败。 Since when everything fails.")
    both_sign_until: datetime | None
    ended_at: datetime | None
    ended_because: Label | None


class WebhooksShown(Shown):
    """Webhooks of a unit, ended ones too, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_WEBHOOK], "next": None}]})

    items: list[WebhookShown]
    next: str | None = Field(description=NEXT)


class DeliveryShown(Shown):
    """A notice that was delivered or waits. ``outcome``: the status of the last answer, or what went wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    notice: str
    kind: str
    title: Label
    at: datetime
    state: Label
    attempts: int
    next_at: datetime | None
    ended_at: datetime | None
    outcome: str | None


class DeliveriesShown(Shown):
    """Deliveries of a webhook, the newest notice first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_DELIVERY], "next": None}]})

    items: list[DeliveryShown]
    next: str | None = Field(description=NEXT)


class TestSent(Shown):
    """The code of the notice that was sent: the receiver sees it as ``webhook-id``."""

    __test__ = False
    model_config = ConfigDict(json_schema_extra={"examples": [{"notice": "N-0V8R-1KQ2-XW7C"}]})

    notice: str


@router.post(
    "", operation_id="add_webhook", status_code=201, summary="Register the address of your unit's own system",
    responses=problems(401, 403, 422),
    description="登记本单位系统的推送地址；密钥只显示一次。\n\n"
    "Register an address under which your unit's own system is told what the unit is told. The secret is shown this"
    " once.",
)  # fmt: skip
def add(desk: TheDesk, actor: Caller, asked: WebhookAsked) -> SecretShown:
    """Register the address of your unit's own system."""
    return _secret(webhooks.add(desk, actor, asked.url, asked.kinds))


@router.get(
    "", operation_id="list_webhooks", summary="The webhooks of your unit", responses=problems(401, 403, 422),
    description="本单位的推送地址，已停用的也在内。\n\nThe webhooks of your unit, ended ones too, the oldest first.",
)  # fmt: skip
def listed(desk: TheDesk, actor: Caller, after: After = None) -> WebhooksShown:
    """The webhooks of your unit."""
    page = webhooks.listed(desk, actor, after=after)
    return WebhooksShown(items=[_shown(one) for one in page.items], next=page.next)


@router.post(
    "/{webhook}/secret", operation_id="rotate_webhook_secret", summary="Give a webhook another secret",
    responses=problems(401, 403, 404, 409, 422),
    description="更换推送密钥；24 小时内新旧密钥同时签名。\n\n"
    "Give a webhook another secret, shown this once; for 24 hours both sign. Done twice, the first one is gone at"
    " once.",
)  # fmt: skip
def rotate(desk: TheDesk, actor: Caller, webhook: WebhookId) -> SecretShown:
    """Give a webhook another secret."""
    return _secret(webhooks.rotate(desk, actor, webhook))


@router.delete(
    "/{webhook}", operation_id="end_webhook", status_code=204, summary="End a webhook",
    responses=problems(401, 403, 404, 409, 422),
    description="停用推送地址；待推送的通知不再推送。\n\nEnd a webhook: nothing more is sent, what waits neither.",
)  # fmt: skip
def end(desk: TheDesk, actor: Caller, webhook: WebhookId) -> None:
    """End a webhook."""
    webhooks.end(desk, actor, webhook)


@router.get(
    "/{webhook}/deliveries", operation_id="list_webhook_deliveries", summary="What was delivered, and what waits",
    responses=problems(401, 403, 404, 422),
    description="推送记录，最新的在前；不含个案。\n\nDeliveries of a webhook, the newest first; no case is named.",
)  # fmt: skip
def deliveries(desk: TheDesk, actor: Caller, webhook: WebhookId, after: After = None) -> DeliveriesShown:
    """What was delivered, and what waits."""
    page = webhooks.deliveries(desk, actor, webhook, after=after)
    items = [
        DeliveryShown(
            notice=one.notice, kind=one.kind, title=label(notices.KINDS[one.kind]), at=one.at,
            state=label(webhooks.STATES[one.state]), attempts=one.attempts,
            next_at=one.next_at if one.ended_at is None else None, ended_at=one.ended_at, outcome=one.outcome,
        )
        for one in page.items
    ]  # fmt: skip
    return DeliveriesShown(items=items, next=page.next)


@router.post(
    "/{webhook}/test", operation_id="test_webhook", status_code=202, summary="Send a test to a webhook",
    responses=problems(401, 403, 404, 409, 422),
    description="试发一条不含任何内容的通知，由后台进程推送。\n\n"
    "Send a notice that tells nothing; the worker delivers it with all others.",
)  # fmt: skip
def send_test(desk: TheDesk, actor: Caller, webhook: WebhookId) -> TestSent:
    """Send a test to a webhook."""
    return TestSent(notice=webhooks.send_test(desk, actor, webhook))


def _secret(made: webhooks.Registered) -> SecretShown:
    return SecretShown(id=made.id, secret=made.secret, both_sign_until=made.both_sign_until)


def _shown(one: webhooks.Webhook) -> WebhookShown:
    return WebhookShown.model_validate({
        "id": one.id, "unit": one.unit, "url": one.url, "kinds": list(one.kinds), "added_at": one.added_at,
        "added_by": one.added_by, "waiting": one.waiting, "succeeded_at": one.succeeded_at,
        "failing_since": one.failing_since, "both_sign_until": one.both_sign_until, "ended_at": one.ended_at,
        "ended_because": label(webhooks.REASONS[one.end_reason]) if one.end_reason else None,
    })  # fmt: skip
