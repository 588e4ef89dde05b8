"""What happened to a case as it goes out: each event in words, and what its kind is known to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from api.http.shapes.plain import Label, Named, Shown, label, named, plain
from engine.service.read import TimelineLine

SAID: Mapping[str, tuple[str, ...]] = {
    "case_opened": ("scope", "jurisdiction", "area", "predecessor", "carried"),
    "facts_recorded": ("track", "facts"),
    "documents_filed": ("track", "documents"),
    "note_added": ("track", "text"),
    "file_attached": ("attachment", "kind"),
    "identity_recorded": ("person", "role", "holds", "flagged"),
    "consent_recorded": ("consent", "given", "spoken_by", "flagged"),
    "track_opened": ("track", "step", "holder", "waiting"),
    "hand_off_offered": (
        "hand_off", "kind", "from_unit", "to_unit", "track", "move", "to_step", "area", "present", "missing", "reason",
    ),
    "hand_off_accepted": ("hand_off",),
    "hand_off_declined": ("hand_off", "reason", "text"),
    "hand_off_withdrawn": ("hand_off", "reason"),
    "moved": ("track", "move", "from_step", "to_step", "holder", "hand_off"),
    "holder_changed": ("track", "holder", "hand_off"),
    "move_reversed": ("track", "event", "reason", "flagged"),
    "unit_referred": ("referral", "track", "to_unit", "reason"),
    "referral_ended": ("referral",),
    "person_assigned": ("track", "person"),
    "duty_settled": ("duty", "outcome", "evidence", "reason", "period"),
    "track_declined": ("track", "reason"),
    "track_ended": ("track",),
    "fact_corrected": ("fact", "before", "after", "reason", "flagged"),
    "flag_reviewed": ("event", "reason"),
    "criminal_case_linked": ("criminal_case",),
    "case_relocated": ("area", "reason"),
    "case_closed": ("outcome", "reason", "points_to"),
    "case_reopened": ("track", "step", "holder", "reason"),
}  # fmt: skip
"""Of each kind of event what is said of it; what is withheld of it is missing or empty."""


class EventShown(Shown):
    """One event: who did what for which unit, by which clauses, judged on what."""

    number: int
    at: datetime
    kind: str
    unit: Named
    person: str
    said: Label = Field(description="一句话说明。 The event in one sentence.")
    details: dict[str, JsonValue] = Field(description="该类事件的内容。 What an event of this kind says.")
    clauses: list[str]
    judged: dict[str, JsonValue] = Field(description="据以判断的值。 The values it was judged on, as far as disclosed.")
    withheld: list[str] = Field(description="不予显示的信息类别。 Field classes it says something of that is withheld.")


class TimelineShown(Shown):
    """The events of a case, in the order they happened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case": "GT-7K3M-9QXD-04RB",
                    "items": [{
                        "number": 1, "at": "2026-11-21T01:00:00Z", "kind": "note_added",
                        "unit": {"code": "police-a", "name": {"zh": "甲县公安局", "en": "police of county A"}},
                        "person": "officer-1", "said": {"zh": "「救助」补充说明", "en": "rescue: note added"},
                        "details": {"track": "rescue", "text": ""}, "clauses": [], "judged": {},
                        "withheld": ["free_text"],
                    }],
                }
            ]
        }
    )  # fmt: skip

    case: str
    items: list[EventShown]


class ReplayShown(Shown):
    """That a case was rebuilt from its events and is what is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"case": "GT-7K3M-9QXD-04RB", "events": 17, "is_equal": True}]}
    )

    case: str
    events: int
    is_equal: Literal[True]


def timeline_shown(case: str, lines: Iterable[TimelineLine]) -> TimelineShown:
    """The timeline of a case as it goes out."""
    return TimelineShown(case=case, items=[_event(line) for line in lines])


def _event(line: TimelineLine) -> EventShown:
    one = line.recorded
    details = plain({name: getattr(one.event, name) for name in SAID[one.kind]})
    return EventShown(
        number=one.number, at=one.at, kind=one.kind, unit=named(one.unit, line.unit_name), person=one.person,
        said=label(line.said), details=details, clauses=list(one.clauses), judged=plain(one.judged),
        withheld=sorted(one.withheld),
    )  # fmt: skip
