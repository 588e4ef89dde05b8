"""Leads as they go out. Whom a lead names goes out to the unit that accepted it, and only where asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from pydantic import ConfigDict, Field

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Label, Shown, label
from engine.service.lead_reading import (
    LEAD_KINDS,
    HistoryLine,
    LeadLine,
    LeadLines,
    LeadSheet,
    ReceiptSheet,
    ReportingRules,
)
from engine.service.lead_rules import Basis, Duty, lead_rules
from engine.service.leads import Done, Receipt

_L = "L-7K3M-9QXD-04RB"
_AT = "2026-11-21T01:00:00Z"


class LeadBasisShown(Shown):
    """Where a rule comes from; a local setting (``deployer``) cites no clause, and is no rule of the document."""

    document: str
    clause: str | None
    provenance: str


class LeadDutyShown(LeadBasisShown):
    """Who must report, or is encouraged to; to whom and when is what the clause says."""

    categories: list[str]
    to: Label
    when: Label
    minors_only: bool
    force: str = Field(description="duty 应当；encouraged 鼓励。 A duty, or encouraged.")


class ReceiptShown(Shown):
    """The receipt of a report. Where ``duties`` is empty no document asked for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "lead": _L, "reported_at": _AT, "to_unit": "gulou-police", "duties": [{
                    "document": "fujian-2021", "clause": "二（一）5", "provenance": "printed", "categories": ["school"],
                    "to": {"zh": "公安机关", "en": "Police"}, "when": {"zh": "立即", "en": "At once"},
                    "minors_only": True, "force": "duty",
                }],
                "remarks": [], "repeated": False,
            }]
        }
    )  # fmt: skip

    lead: str = Field(description="回执代码，凭此查询。 The code to ask by, at /receipts.")
    reported_at: datetime
    to_unit: str = Field(description="现由何单位办理。 Whose turn it is.")
    duties: list[LeadDutyShown]
    remarks: list[Label] = Field(description="看似有误之处。 What looks odd in the forms of persons.")
    repeated: bool


class ProgressShown(Shown):
    """How far a lead has come, and nothing of what it says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lead": _L, "status": "accepted", "title": {"zh": "已受理", "en": "Accepted"},
                          "reported_at": _AT, "changed_at": _AT}]
        }
    )  # fmt: skip

    lead: str
    status: str = Field(description="received、accepted、passed_on 或 closed。 How far it has come.")
    title: Label
    reported_at: datetime
    changed_at: datetime


class DoneShown(Shown):
    """How a lead stands after something was done with it; no ``basis`` means a local setting."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "lead": _L, "revision": 2, "status": "accepted", "turn": "gulou-police", "case": "GT-7K3M-9QXD-04RB",
                "basis": [{"document": "fujian-2021", "clause": "二（二）1（1）", "provenance": "printed"}],
                "policies": ["handle-leads-at-hand"],
            }]
        }
    )  # fmt: skip

    lead: str
    revision: int = Field(description="办理后的版本，亦即 ETag。 The revision it is at now, which is the ETag.")
    status: str
    turn: str | None = Field(description="现由何单位办理。 Whose turn it is; null once it is closed.")
    case: str | None
    basis: list[LeadBasisShown]
    policies: list[str]


class LeadLineShown(Shown):
    """A lead on a list. To supervisors, and of an erased lead, what it is about is not told."""

    lead: str
    kind: str
    kind_title: Label
    area: str
    status: str
    title: Label
    turn: str | None
    turn_name: Label | None
    reported_at: datetime
    changed_at: datetime
    days: int = Field(description="自报告起的天数。 Days since it was reported.")
    case: str | None
    category: str | None
    urgency: str | None
    concerns_minor: bool | None


class LeadPageShown(Shown):
    """Some leads, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "items": [{
                    "lead": _L, "kind": "report", "kind_title": {"zh": "报告", "en": "Report"}, "area": "350102",
                    "status": "received", "title": {"zh": "已收到", "en": "Received"}, "turn": "gulou-police",
                    "turn_name": {"zh": "鼓楼公安", "en": "Gulou police"}, "reported_at": _AT, "changed_at": _AT,
                    "days": 0, "case": None, "category": "school", "urgency": "soon", "concerns_minor": True,
                }],
                "next": None,
            }]
        }
    )  # fmt: skip

    items: list[LeadLineShown]
    next: str | None = Field(description=NEXT)


class LeadEventShown(Shown):
    """Something that happened to a lead; of its words only those that its kind has."""

    number: int
    at: datetime
    person: str
    unit: str
    kind: str
    to_unit: str | None = None
    case: str | None = None
    reason: str | None = None
    text: str | None = None
    granted: bool | None = None
    amount: int | None = None


class PaperNamed(Shown):
    """A paper of somebody a lead names."""

    kind: str
    number: str
    country: str | None = None


class PersonNamed(Shown):
    """Somebody a lead names, as far as is known."""

    name: str | None = None
    other_names: list[str] = Field(default_factory=list)
    id_number: str | None = None
    born_on: date | None = None
    sex: str | None = None
    phones: list[str] = Field(default_factory=list)
    address: str | None = None
    papers: list[PaperNamed] = Field(default_factory=list)


class NamedShown(Shown):
    """Whom a lead names, and how its reporter can be asked."""

    persons: list[PersonNamed]
    contact: str


class LeadShown(Shown):
    """A lead: what it says, what happened to it, and which clauses are about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "lead": _L, "revision": 1, "kind": "report", "area": "350102", "category": "school", "urgency": "soon",
                "concerns_minor": True, "seen": "A child nobody knows came along with strangers.",
                "reporter": "reporter-12", "reporting_unit": "gulou-education", "reported_at": _AT,
                "status": "received", "turn": "gulou-police", "handled_by": ["gulou-police"], "accepted_by": [],
                "case": None, "history": [], "duties": [], "rewards": [], "has_named": True, "named": None,
            }]
        }
    )  # fmt: skip

    lead: str
    revision: int
    kind: str
    area: str
    category: str
    urgency: str
    concerns_minor: bool
    seen: str
    reporter: str
    reporting_unit: str
    reported_at: datetime
    status: str
    turn: str | None
    handled_by: list[str]
    accepted_by: list[str]
    case: str | None
    history: list[LeadEventShown]
    duties: list[LeadDutyShown]
    rewards: list[LeadBasisShown] = Field(description="规定举报奖励的条款。 Where rewards of tips are printed.")
    has_named: bool = Field(description="是否另存有人员信息。 Whether it names somebody.")
    named: NamedShown | None


class ReportingRulesShown(Shown):
    """What the documents of an area print of leads, and the words a report may use."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "documents": ["fujian-2021"], "duties": [], "passing": [], "rewards": [], "petitions": [],
                "first_turn": "police", "categories": {"school": {"zh": "教育托育机构", "en": "School or childcare"}},
                "urgencies": {"soon": {"zh": "须尽快处置", "en": "Soon"}},
                "closings": {"no_ground": {"zh": "经核查不属实", "en": "Looked into, without ground"}},
            }]
        }
    )  # fmt: skip

    documents: list[str]
    duties: list[LeadDutyShown]
    passing: list[LeadBasisShown]
    rewards: list[LeadBasisShown]
    petitions: list[LeadBasisShown]
    first_turn: str = Field(description="线索首先交由的职能（本地设置）。 Whose turn a lead is first: a local setting.")
    categories: dict[str, Label]
    urgencies: dict[str, Label]
    closings: dict[str, Label]


def basis_shown(found: Iterable[Basis]) -> list[LeadBasisShown]:
    """Where rules come from, as it goes out."""
    return [LeadBasisShown(document=one.document, clause=one.clause, provenance=one.provenance) for one in found]


def duties_shown(found: Iterable[Duty]) -> list[LeadDutyShown]:
    """Duties to report as they go out."""
    return [
        LeadDutyShown(
            document=one.document, clause=one.clause, provenance=one.provenance, categories=list(one.categories),
            to=label(one.to), when=label(one.when), minors_only=one.minors_only, force=one.force,
        )
        for one in found
    ]  # fmt: skip


def receipt_shown(found: Receipt) -> ReceiptShown:
    """A receipt as it goes out."""
    return ReceiptShown(
        lead=found.lead, reported_at=found.reported_at, to_unit=found.to_unit, duties=duties_shown(found.duties),
        remarks=[label(one) for one in found.remarks], repeated=found.repeated,
    )  # fmt: skip


def progress_shown(found: ReceiptSheet) -> ProgressShown:
    """How far a lead has come, as it goes out."""
    return ProgressShown(
        lead=found.lead, status=found.status, title=label(found.title), reported_at=found.reported_at,
        changed_at=found.changed_at,
    )  # fmt: skip


def done_shown(found: Done) -> DoneShown:
    """How a lead stands now, as it goes out."""
    return DoneShown(
        lead=found.lead, revision=found.revision, status=found.status, turn=found.turn, case=found.case,
        basis=basis_shown(found.basis), policies=list(found.policies),
    )  # fmt: skip


def page_shown(found: LeadLines) -> LeadPageShown:
    """A page of leads as it goes out."""
    return LeadPageShown(items=[_line(one) for one in found.lines], next=found.next)


def _line(one: LeadLine) -> LeadLineShown:
    return LeadLineShown(
        lead=one.lead, kind=one.kind, kind_title=label(LEAD_KINDS[one.kind]), area=one.area, status=one.status,
        title=label(one.title), turn=one.turn, turn_name=None if one.turn_name is None else label(one.turn_name),
        reported_at=one.reported_at, changed_at=one.changed_at, days=one.days, case=one.case, category=one.category,
        urgency=one.urgency, concerns_minor=one.concerns_minor,
    )  # fmt: skip


def lead_shown(found: LeadSheet) -> LeadShown:
    """A lead as it goes out."""
    lead = found.lead
    return LeadShown(
        lead=lead.id, revision=lead.revision, kind=lead.kind, area=lead.area, category=lead.category,
        urgency=lead.urgency, concerns_minor=lead.concerns_minor, seen=lead.seen, reporter=lead.reporter,
        reporting_unit=lead.reporting_unit, reported_at=lead.reported_at, status=lead.status, turn=lead.turn,
        handled_by=list(lead.handled_by), accepted_by=list(lead.accepted_by), case=lead.case,
        history=[_event(one) for one in found.history], duties=duties_shown(found.duties),
        rewards=basis_shown(found.rewards), has_named=found.has_named, named=_named(found),
    )  # fmt: skip


def _event(entry: HistoryLine) -> LeadEventShown:
    words = {
        name: getattr(entry.event, name, None)
        for name in ("to_unit", "case", "reason", "text", "granted", "amount")
    }  # fmt: skip
    return LeadEventShown(
        number=entry.number, at=entry.at, person=entry.person, unit=entry.unit, kind=entry.kind, **words
    )


def _named(found: LeadSheet) -> NamedShown | None:
    if found.named is None:
        return None
    persons = [PersonNamed.model_validate(one) for one in found.named.persons]
    return NamedShown(persons=persons, contact=found.named.contact)


def rules_shown(found: ReportingRules) -> ReportingRulesShown:
    """What an area prints, as it goes out."""
    known = lead_rules()
    return ReportingRulesShown(
        documents=list(found.documents), duties=duties_shown(found.duties), passing=basis_shown(found.passing),
        rewards=basis_shown(found.rewards), petitions=basis_shown(found.petitions), first_turn=found.first_turn,
        categories={name: label(one) for name, one in known.categories.items()},
        urgencies={name: label(one) for name, one in known.urgencies.items()},
        closings={name: label(one.title) for name, one in known.closings.items()},
    )  # fmt: skip
