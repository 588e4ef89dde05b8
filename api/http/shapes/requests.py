"""Requests that others approve, what they show, broken glass, and notices, as documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Asked, Code, Label, Named, Shown, label, named, plain
from engine.core.commands import Actor
from engine.service import emergency, erasure, notices, pending, reidentify, requests

KindOfRequest = Literal["reveal", "erase", "release_hold"]
Digest = Annotated[str, Field(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
_CASE, _REQUEST, _DIGEST = "GT-7K3M-9QXD-04RB", "R-7K3M-9QXD-04RB", "9f2c" * 16


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# ── what is asked for ──


class RevealAsked(Asked):
    """Which fields of whose identity are to be seen, and why."""

    model_config = _example(case=_CASE, person="P-7K3M9QXD", fields=["name", "phones"], reason="notify_family")

    case: Code = Field(description="个案代号。 The pseudonym of the case.")
    person: Code = Field(description="身份代号。 The reference of the person in the case.")
    fields: Annotated[list[Code], Field(min_length=1, max_length=len(reidentify.FIELDS))] = Field(
        description="要看的项目，逐项写明。 The fields to be seen, one by one."
    )
    reason: Code = Field(description="policies/requests.yaml 所列理由（本地设置）。 A reason, a local setting.")


class EmergencyRevealAsked(Asked):
    """Which fields of whose identity are to be seen behind a broken glass."""

    model_config = _example(case=_CASE, person="P-7K3M9QXD", fields=["name"])

    case: Code = Field(description="已紧急调阅的个案。 The case over which you broke the glass.")
    person: Code = Field(description="身份代号。 The reference of the person in the case.")
    fields: Annotated[list[Code], Field(min_length=1, max_length=len(reidentify.FIELDS))] = Field(
        description="要看的项目，逐项写明。 The fields to be seen, one by one."
    )


class ErasureAsked(Asked):
    """Which case is to be erased, on which ground."""

    model_config = _example(case=_CASE, ground="opened_by_mistake")

    case: Code = Field(description="个案代号。 The pseudonym of the case.")
    ground: Code = Field(description="policies/retention.yaml 所列理由（本地设置）。 A ground, a local setting.")


class HoldAsked(Asked):
    """Which case, for which reason of a legal hold."""

    model_config = _example(case=_CASE, reason="litigation")

    case: Code = Field(description="个案代号。 The pseudonym of the case.")
    reason: Code = Field(description="policies/retention.yaml 所列留存理由（本地设置）。 A reason, a local setting.")


class ApprovalAsked(Asked):
    """To agree to exactly what has this digest."""

    model_config = _example(digest=_DIGEST)

    digest: Digest = Field(description="您看到的申请的摘要。 The digest of what you looked at.")


class GlassAsked(Asked):
    """Over which case the glass is broken, and why."""

    model_config = _example(case=_CASE, reason="danger_to_life")

    case: Code = Field(description="个案代号。 The pseudonym of the case.")
    reason: Code = Field(description="policies/emergency.yaml 所列理由（本地设置）。 A reason, a local setting.")


class ReviewAsked(Asked):
    """What a custodian found."""

    model_config = _example(outcome="justified")

    outcome: Literal["justified", "not_justified"] = Field(description="复核结论。 What was found.")


# ── what is told ──


class ActorShown(Shown):
    """Somebody of a unit."""

    person: str
    unit: str


class ExactShown(Shown):
    """What is asked for, to the letter: all that an approval is about."""

    case: str
    ground: str = Field(description="理由代码。 The code of the reason.")
    purpose: str
    asked_by: ActorShown
    asked_at: datetime
    expires_at: datetime
    person: str | None
    fields: list[Named]


class RequestShown(Shown):
    """A request as it stands. ``exact`` is null where the row is not what was asked for any more: nobody can use it."""

    model_config = _example(
        request=_REQUEST, kind={"code": "reveal", "name": {"zh": "调阅身份", "en": "Show an identity"}}, digest=_DIGEST,
        exact={
            "case": _CASE, "ground": "notify_family", "purpose": "case_handling",
            "asked_by": {"person": "officer-12", "unit": "gulou-police"}, "asked_at": "2026-11-22T01:00:00Z",
            "expires_at": "2026-11-25T01:00:00Z", "person": "P-7K3M9QXD",
            "fields": [{"code": "name", "name": {"zh": "姓名", "en": "Name"}}],
        },
        needed=1, approved_by=[], is_own=True,
    )  # fmt: skip

    request: str
    kind: Named | None
    exact: ExactShown | None
    digest: str = Field(description="同意时须写明的摘要。 What whoever approves names.")
    needed: int = Field(description="须有几名他人同意。 How many others must approve.")
    approved_by: list[ActorShown]
    is_own: bool


class RequestPage(Shown):
    """Open requests, the next to expire first."""

    model_config = _example(items=[], next=None)

    items: list[RequestShown]
    next: str | None = Field(description=NEXT)


class DeclinedShown(Shown):
    """A request that was declined, for good."""

    model_config = _example(request=_REQUEST, state="declined")

    request: str
    state: Literal["declined"] = "declined"


class RevealedShown(Shown):
    """The approved fields of an identity, with who saw them, when, on what, and until when they may be used."""

    model_config = _example(
        case=_CASE, person="P-7K3M9QXD", values={"name": "…"}, missing=["phones"],
        shown_to={"person": "officer-12", "unit": "gulou-police"}, at="2026-11-22T01:00:00Z",
        put_away_by="2026-11-22T01:15:00Z", on=_REQUEST,
    )  # fmt: skip

    case: str
    person: str
    values: dict[str, JsonValue]
    missing: list[str] = Field(description="已获同意而未登记的项目。 Approved, and recorded by nobody.")
    shown_to: ActorShown
    at: datetime
    put_away_by: datetime = Field(description="须在此前收起，不得留存。 Put it away by then, and keep no copy.")
    on: str = Field(description="所依据的申请或紧急调阅。 The request or emergency it rests on.")


class HoldShown(Shown):
    """A legal hold as it stands now."""

    model_config = _example(case=_CASE, reason="litigation", state="on_hold")

    case: str
    reason: str
    state: Literal["on_hold", "released"]


class CertificateShown(Shown):
    """That a case was erased: what was destroyed, what remains, and when the erasure is complete."""

    model_config = _example(
        case=_CASE, tag="a1b2" * 8, erased_at="2026-11-22T01:00:00Z", ground="opened_by_mistake",
        asked_by="officer-12@gulou-police", approved_by=["officer-2@gulou-civil-affairs"], case_keys=1, persons=2,
        attachments=0, vault_keys=["0c3e"], not_before="2026-12-22", remains=["ledger: …"],
    )  # fmt: skip

    case: str
    tag: str
    erased_at: datetime
    ground: str
    asked_by: str
    approved_by: list[str]
    case_keys: int
    persons: int
    attachments: int
    vault_keys: list[str]
    not_before: str
    remains: list[str]


class GlassShown(Shown):
    """A broken glass: over which case, by whom, why, until when; and its review."""

    model_config = _example(
        emergency="E-7K3M-9QXD-04RB", case=_CASE, opened_by={"person": "officer-12", "unit": "gulou-police"},
        reason="danger_to_life", opened_at="2026-11-22T01:00:00Z", ends_at="2026-11-22T02:00:00Z",
        review_by="2026-11-25T01:00:00Z", outcome=None, reviewed_by=None, is_overdue=False,
    )  # fmt: skip

    emergency: str
    case: str
    opened_by: ActorShown
    reason: str
    opened_at: datetime
    ends_at: datetime
    review_by: datetime
    outcome: Named | None
    reviewed_by: str | None
    is_overdue: bool


class GlassPage(Shown):
    """Emergencies, the newest first."""

    model_config = _example(items=[], next=None)

    items: list[GlassShown]
    next: str | None = Field(description=NEXT)


class NoticeShown(Shown):
    """What somebody is to be told: codes and dates only."""

    model_config = _example(
        notice="N-7K3M-9QXD-04RB", at="2026-11-22T01:00:00Z", kind="request_asked",
        title={"zh": "有申请待您办理", "en": "A request waits for your answer"}, case=_CASE, about=_REQUEST,
        seen_at=None,
    )  # fmt: skip

    notice: str
    at: datetime
    kind: str
    title: Label
    case: str | None
    about: str = Field(description="所涉事项的代号。 The code of what it is about.")
    seen_at: datetime | None = Field(description="首次查看时间；此前未看则为 null。 When it was first looked at.")


class NoticePage(Shown):
    """Notices, the newest first."""

    model_config = _example(items=[], next=None)

    items: list[NoticeShown]
    next: str | None = Field(description=NEXT)


# ── the engine's words as documents ──


def asked_shown(asked: requests.Asked, *, is_own: bool) -> RequestShown:
    """A request after something was done to it, by whoever did it."""
    return RequestShown(
        request=asked.exact.request, kind=_kind(asked.exact.kind), exact=_exact(asked.exact), digest=asked.digest,
        needed=asked.needed, approved_by=[_actor(one) for one in asked.approved_by], is_own=is_own,
    )  # fmt: skip


def request_page(page: pending.PendingPage) -> RequestPage:
    """A page of requests that wait."""
    return RequestPage(items=[_pending(one) for one in page.lines], next=page.next)


def _pending(one: pending.Pending) -> RequestShown:
    return RequestShown(
        request=one.request, kind=None if one.exact is None else _kind(one.exact.kind),
        exact=None if one.exact is None else _exact(one.exact), digest=one.digest, needed=one.needed,
        approved_by=[_actor(by) for by in one.approved_by], is_own=one.is_own,
    )  # fmt: skip


def revealed_shown(shown: reidentify.Revealed) -> RevealedShown:
    """What was shown of somebody."""
    return RevealedShown(
        case=shown.case, person=shown.person, values=plain(shown.values), missing=list(shown.missing),
        shown_to=ActorShown(person=shown.viewer, unit=shown.unit), at=shown.at, put_away_by=shown.put_away_by,
        on=shown.on,
    )  # fmt: skip


def certificate_shown(made: erasure.Certificate) -> CertificateShown:
    """A certificate of erasure."""
    return CertificateShown(
        case=made.case, tag=made.tag, erased_at=made.erased_at, ground=made.ground, asked_by=made.asked_by,
        approved_by=list(made.approved_by), case_keys=made.case_keys, persons=made.persons,
        attachments=made.attachments, vault_keys=list(made.vault_keys), not_before=made.not_before.isoformat(),
        remains=list(made.remains),
    )  # fmt: skip


def glass_shown(one: emergency.Glass) -> GlassShown:
    """A broken glass."""
    return GlassShown(
        emergency=one.id, case=one.case, opened_by=ActorShown(person=one.person, unit=one.unit), reason=one.reason,
        opened_at=one.opened_at, ends_at=one.ends_at, review_by=one.review_by,
        outcome=None if one.outcome is None else named(one.outcome, emergency.OUTCOMES[one.outcome]),
        reviewed_by=one.reviewed_by, is_overdue=one.is_overdue,
    )  # fmt: skip


def glass_page(page: emergency.GlassPage) -> GlassPage:
    """A page of emergencies."""
    return GlassPage(items=[glass_shown(one) for one in page.lines], next=page.next)


def notice_page(page: notices.NoticePage) -> NoticePage:
    """A page of notices."""
    items = [
        NoticeShown(
            notice=one.id, at=one.at, kind=one.kind, title=label(one.title), case=one.case, about=one.about,
            seen_at=one.seen_at,
        )
        for one in page.lines
    ]  # fmt: skip
    return NoticePage(items=items, next=page.next)


def _exact(exact: requests.Exact) -> ExactShown:
    return ExactShown(
        case=exact.case, ground=exact.ground, purpose=exact.purpose,
        asked_by=ActorShown(person=exact.asked_by, unit=exact.unit), asked_at=exact.asked_at,
        expires_at=exact.expires_at, person=exact.person or None,
        fields=[named(name, reidentify.FIELDS[name]) for name in exact.fields],
    )  # fmt: skip


def _kind(kind: str) -> Named:
    return named(kind, requests.KINDS[kind])


def _actor(one: Actor) -> ActorShown:
    return ActorShown(person=one.person, unit=one.unit)
