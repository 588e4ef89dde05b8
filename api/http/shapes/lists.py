"""What waits for a unit, and what stands still, as documents."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Label, Shown, label
from engine.service.lists import HeldLine, OfferLine, Worklist
from engine.service.stalls import Stalled

_CASE = "GT-7K3M-9QXD-04RB"
_TITLE: dict[str, JsonValue] = {"zh": "安置", "en": "Placement"}


class HeldShown(Shown):
    """A track that the unit is responsible for now."""

    case: str
    track: str
    title: Label
    step: str
    step_title: Label
    status: str
    assignee: str | None
    entered_at: datetime
    hand_off: str | None = Field(description="该办理线上待答复的移交。 The hand-off of it that waits, if one does.")


class OfferShown(Shown):
    """A hand-off that waits for an answer."""

    hand_off: str
    case: str
    kind: str
    title: Label
    from_unit: Label
    to_unit: Label
    offered_at: datetime
    missing: list[str] = Field(description="尚缺的材料。 Papers that are missing.")


class WorklistShown(Shown):
    """What waits for a unit. Of what it holds a page, the longest-standing first; offers come whole on every page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "unit": {"zh": "鼓楼区公安分局", "en": "Gulou police"},
                "items": [{
                    "case": _CASE, "track": "placement", "title": _TITLE, "step": "searching", "step_title": _TITLE,
                    "status": "open", "assignee": "officer-12", "entered_at": "2026-11-22T01:00:00Z", "hand_off": None,
                }],
                "offered": [], "awaiting": [], "next": None,
            }]
        }
    )  # fmt: skip

    unit: Label
    items: list[HeldShown] = Field(description="本单位负责的办理线。 What the unit holds.")
    offered: list[OfferShown] = Field(description="待本单位接收的移交。 What is offered to it.")
    awaiting: list[OfferShown] = Field(description="本单位提出、待对方答复的移交。 What it offered and still holds.")
    next: str | None = Field(description=NEXT)


class StalledShown(Shown):
    """A hand-off with which nobody goes on."""

    hand_off: str
    case: str
    track: str | None
    step: str | None
    unit: Label = Field(description="该由其办理的单位。 Whose turn it is.")
    state: Literal["offered", "declined"]
    days: int


class StalledPage(Shown):
    """Hand-offs with which nobody goes on, the one that stands still longest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "items": [{
                    "hand_off": f"{_CASE}/12", "case": _CASE, "track": "placement", "step": "placed",
                    "unit": {"zh": "鼓楼区民政局", "en": "Gulou civil affairs"}, "state": "offered", "days": 9,
                }],
                "counted_in": "calendar_days", "next": None,
            }]
        }
    )  # fmt: skip

    items: list[StalledShown]
    counted_in: Literal["calendar_days"] = Field(description="天数为自然日。 Which days are counted.")
    next: str | None = Field(description=NEXT)


def worklist_shown(found: Worklist) -> WorklistShown:
    """A worklist as it goes out."""
    return WorklistShown(
        unit=label(found.unit), items=[_held(one) for one in found.held],
        offered=[_offer(one) for one in found.offered], awaiting=[_offer(one) for one in found.awaiting],
        next=found.next,
    )  # fmt: skip


def stalled_page(found: Stalled) -> StalledPage:
    """A page of what stands still."""
    items = [
        StalledShown.model_validate({
            "hand_off": one.hand_off, "case": one.case, "track": one.track, "step": one.step, "unit": label(one.unit),
            "state": one.state, "days": one.days,
        })
        for one in found.lines
    ]  # fmt: skip
    return StalledPage(items=items, counted_in=found.counted_in, next=found.next)


def _held(one: HeldLine) -> HeldShown:
    return HeldShown(
        case=one.case, track=one.track, title=label(one.title), step=one.step, step_title=label(one.step_title),
        status=one.status, assignee=one.assignee, entered_at=one.entered_at, hand_off=one.hand_off,
    )  # fmt: skip


def _offer(one: OfferLine) -> OfferShown:
    return OfferShown(
        hand_off=one.hand_off, case=one.case, kind=one.kind, title=label(one.title), from_unit=label(one.from_unit),
        to_unit=label(one.to_unit), offered_at=one.offered_at, missing=list(one.missing),
    )  # fmt: skip
