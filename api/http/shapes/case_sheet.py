"""A case as it goes out to whoever may see it: what it holds of the classes disclosed, and which are withheld and why.

Nothing of a withheld class is in it, because nothing of one is in the sheet it is made from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from api.http.shapes.plain import Label, Named, Shown, StatedValue, label, named
from engine.service.read import CaseSheet


class CaseDefinitionShown(Shown):
    """The definition a case is held to."""

    id: str
    version: str
    hash: str = Field(description="流程定义的 SHA-256。 The SHA-256 of the definition.")
    title: Label


class CaseTrackShown(Shown):
    """One track of a case: where it stands, and who is responsible."""

    track: str
    title: Label
    step: Named
    status: Literal["waiting", "open", "done", "declined", "ended"]
    responsible: Named | None = Field(description="负责单位；已到终点的没有。 Who is responsible; at its end nobody.")
    assignee: str | None
    entered_at: datetime
    hand_off: str | None = Field(description="等待答复的移交。 The hand-off that waits for an answer.")
    joint_leads: list[str] = Field(description="会同负责的职能。 Functions that lead jointly.")
    cooperating: list[str] = Field(description="配合的职能。 Functions that cooperate.")
    printed_responsible: list[str] = Field(description="原文所列责任部门。 Who the document itself names.")
    clauses: list[str]
    provenance: str


class CaseDutyShown(Shown):
    """One duty of a case, and how it stands."""

    duty: str
    title: Label
    standing: str = Field(description="withheld 表示不予显示。 How it stands; withheld: it is not said.")
    responsible: str = Field(description="负责的职能。 The function that is responsible.")
    clauses: list[str]
    provenance: str


class CaseFactShown(Shown):
    """One stated fact."""

    fact: str
    title: Label
    value: StatedValue
    shown: Label = Field(description="供人阅读的值。 The value as people read it.")
    field_class: str
    event: int = Field(description="登记该项的事件编号。 The number of the event that stated it.")


class PaperShown(Shown):
    """A paper that is in the case."""

    document: str
    event: int = Field(description="入卷的事件编号。 The number of the event that filed it.")


class ConsentShown(Shown):
    """The last word on a consent."""

    consent: str
    given: bool
    spoken_by: str
    event: int


class CasePersonShown(Shown):
    """Somebody the case knows: a reference, as what, and which kinds of identifier are sealed; never who."""

    person: str
    role: str
    holds: list[str]
    event: int


class HandOffShown(Shown):
    """A hand-off that waits for an answer. ``number`` is what stands in its address."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "hand_off": "GT-7K3M-9QXD-04RB/12", "number": 12, "kind": "move", "track": "rescue",
                    "move": "place", "to_step": "placed", "area": None,
                    "from_unit": {"code": "police-a", "name": {"zh": "甲县公安局", "en": "police of county A"}},
                    "to_unit": {"code": "civil-a", "name": {"zh": "甲县民政局", "en": "civil affairs of county A"}},
                    "offered_at": "2026-11-21T01:00:00Z", "offered_by": "officer-1", "present": [],
                    "missing": ["report"],
                }
            ]
        }
    )  # fmt: skip

    hand_off: str
    number: int
    kind: Literal["move", "track", "unit", "transfer"]
    track: str | None
    move: str | None
    to_step: str | None
    area: str | None
    from_unit: Named
    to_unit: Named
    offered_at: datetime
    offered_by: str
    present: list[str] = Field(description="随附的材料。 Papers that come with it.")
    missing: list[str] = Field(description="缺少的材料。 Papers that are missing.")


class HandOffsShown(Shown):
    """The hand-offs of a case that wait for an answer."""

    case: str
    revision: int
    items: list[HandOffShown]


class ReferralShown(Shown):
    """A unit that was brought in. ``number`` is what stands in its address."""

    referral: str
    number: int
    track: str
    to_unit: str


class FlagShown(Shown):
    """An event to be looked at again, because what it rested on was changed."""

    event: int
    because: str


class WithheldShown(Shown):
    """A field class that is not shown, and why."""

    field_class: str
    why: Label
    policies: list[str]


class CaseShown(Shown):
    """A case; or (``is_preview``) what a unit sees of it that is only asked to take a step."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case": "GT-7K3M-9QXD-04RB", "revision": 7, "scope": "victim", "status": "open", "outcome": None,
                    "is_preview": False,
                    "definition": {
                        "id": "fujian", "version": "1", "hash": "0" * 64,
                        "title": {"zh": "福建省办法", "en": "Fujian measures"},
                    },
                    "jurisdiction": "350000",
                    "area": {"code": "350102", "name": {"zh": "鼓楼区", "en": "Gulou district"}},
                    "opened_at": "2026-11-20T01:00:00Z", "changed_at": "2026-11-21T01:00:00Z",
                    "units": [{"code": "gulou-police", "name": {"zh": "鼓楼区公安局", "en": "Gulou police"}}],
                    "tracks": [], "duties": [], "facts": [], "documents": [], "consents": [], "persons": [],
                    "hand_offs": [], "referrals": [], "flags": [],
                    "withheld": [{
                        "field_class": "health", "why": {"zh": "没有规则准许", "en": "no policy permits it"},
                        "policies": [],
                    }],
                    "predecessor": None, "points_to": None, "criminal_case": None,
                }
            ]
        }
    )  # fmt: skip

    case: str
    revision: int
    scope: Literal["victim", "criminal_case", "office"]
    status: Literal["open", "closed"]
    outcome: str | None
    is_preview: bool
    definition: CaseDefinitionShown
    jurisdiction: str
    area: Named
    opened_at: datetime
    changed_at: datetime
    units: list[Named]
    tracks: list[CaseTrackShown]
    duties: list[CaseDutyShown]
    facts: list[CaseFactShown]
    documents: list[PaperShown]
    consents: list[ConsentShown]
    persons: list[CasePersonShown]
    hand_offs: list[HandOffShown]
    referrals: list[ReferralShown]
    flags: list[FlagShown]
    withheld: list[WithheldShown] = Field(description="不予显示的信息类别及原因。 Field classes withheld, and why.")
    predecessor: str | None
    points_to: str | None
    criminal_case: str | None


def case_shown(sheet: CaseSheet) -> CaseShown:
    """The case as it goes out."""
    case = sheet.case
    return CaseShown(
        case=case.id, revision=case.revision, scope=case.scope, status=case.status, outcome=case.outcome,
        is_preview=sheet.is_preview,
        definition=CaseDefinitionShown(
            id=case.pin.id, version=case.pin.version, hash=case.pin.hash, title=label(sheet.title)
        ),
        jurisdiction=case.jurisdiction, area=named(case.area, sheet.area), opened_at=case.opened_at,
        changed_at=case.changed_at, units=[named(one, sheet.unit_names[one]) for one in case.units],
        tracks=_tracks(sheet), duties=_duties(sheet), facts=_facts(sheet),
        documents=[PaperShown(document=name, event=event) for name, event in case.documents.items()],
        consents=[
            ConsentShown(consent=name, given=one.given, spoken_by=one.spoken_by, event=one.event)
            for name, one in case.consents.items()
        ],
        persons=[
            CasePersonShown(person=name, role=one.role, holds=list(one.holds), event=one.event)
            for name, one in case.persons.items()
        ],
        hand_offs=_hand_offs(sheet),
        referrals=[
            ReferralShown(referral=name, number=number_of(name), track=one.track, to_unit=one.to_unit)
            for name, one in case.referrals.items()
        ],
        flags=[FlagShown(event=event, because=why) for event, why in case.flags.items()],
        withheld=[
            WithheldShown(field_class=one.field_class, why=label(one.why), policies=list(one.policies))
            for one in sheet.withheld
        ],
        predecessor=case.predecessor, points_to=case.points_to, criminal_case=case.criminal_case,
    )  # fmt: skip


def hand_offs_shown(sheet: CaseSheet) -> HandOffsShown:
    """The hand-offs of a case that wait for an answer."""
    return HandOffsShown(case=sheet.case.id, revision=sheet.case.revision, items=_hand_offs(sheet))


def number_of(numbered: str) -> int:
    """The number of a hand-off or referral within its case, which is what stands in its address."""
    return int(numbered.rpartition("/")[2])


def _tracks(sheet: CaseSheet) -> list[CaseTrackShown]:
    return [
        CaseTrackShown(
            track=one.name, title=label(one.title), step=named(one.step, one.step_title),
            status=sheet.case.tracks[one.name].status,
            responsible=None if one.holder is None or one.holder_name is None else named(one.holder, one.holder_name),
            assignee=one.assignee, entered_at=one.entered_at, hand_off=one.hand_off,
            joint_leads=list(one.joint_leads), cooperating=list(one.cooperating),
            printed_responsible=list(one.printed_responsible), clauses=list(one.clauses), provenance=one.provenance,
        )
        for one in sheet.tracks
    ]  # fmt: skip


def _duties(sheet: CaseSheet) -> list[CaseDutyShown]:
    return [
        CaseDutyShown(
            duty=one.name, title=label(one.title), standing=one.standing, responsible=one.responsible,
            clauses=list(one.clauses), provenance=one.provenance,
        )
        for one in sheet.duties
    ]  # fmt: skip


def _facts(sheet: CaseSheet) -> list[CaseFactShown]:
    return [
        CaseFactShown(
            fact=one.name, title=label(one.title), value=sheet.case.facts[one.name].value, shown=label(one.shown),
            field_class=one.field_class, event=one.event,
        )
        for one in sheet.facts
    ]  # fmt: skip


def _hand_offs(sheet: CaseSheet) -> list[HandOffShown]:
    names = sheet.unit_names
    return [
        HandOffShown(
            hand_off=one.id, number=number_of(one.id), kind=one.kind, track=one.track, move=one.move,
            to_step=one.to_step, area=one.area, from_unit=named(one.from_unit, names[one.from_unit]),
            to_unit=named(one.to_unit, names[one.to_unit]), offered_at=one.offered_at, offered_by=one.offered_by,
            present=list(one.present), missing=list(one.missing),
        )
        for one in sheet.hand_offs
    ]  # fmt: skip
