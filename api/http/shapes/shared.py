"""Data of a case that is shared with another unit, as it comes in and goes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Asked, Code, Label, Shown, StatedValue, label
from engine.service.shared_data import Shared, SharedLines, Sharing


class SharingAsked(Asked):
    """Share data of a case, on a ground that a clause prints."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ground": "fujian_marriage", "classes": ["basic", "family"], "to_unit": "gulou-civil-affairs",
                          "purpose": "registration of a marriage across borders"}]
        }
    )  # fmt: skip

    ground: Code = Field(description="依据，见 policies/sharing.yaml。 The ground, see policies/sharing.yaml.")
    classes: Annotated[list[Code], Field(min_length=1, max_length=30)] = Field(
        description="共享的信息类别。 The field classes that are shared."
    )
    to_unit: Code
    purpose: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="用途；不得写姓名、号码。 What for; no names and no numbers."
    )

    def said(self) -> Sharing:
        """What is asked for, for the engine."""
        return Sharing(self.ground, tuple(self.classes), self.to_unit, self.purpose)


class ContentsShown(Shown):
    """What was shared, as it was; a local setting cites no clause."""

    ground: str
    document: str
    clause: str | None
    provenance: str
    purpose: str
    facts: dict[str, dict[str, StatedValue]] = Field(description="按类别列出的登记内容。 The facts, by class.")


class SharedShown(Shown):
    """That data were shared; without ``contents`` the case was erased since. ``withheld``: classes you may not see."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "share": "D-7K3M-9QXD-04RB", "case": "GT-7K3M-9QXD-04RB", "at": "2026-11-21T01:00:00Z",
                "person": "officer-12", "from_unit": "gulou-police",
                "from_name": {"zh": "鼓楼公安", "en": "Gulou police"},
                "to_unit": "gulou-civil-affairs", "to_name": {"zh": "鼓楼民政", "en": "Gulou civil affairs"},
                "contents": {
                    "ground": "fujian_marriage", "document": "fujian-2021", "clause": "二（一）3（1）",
                    "provenance": "reading", "purpose": "registration of a marriage across borders",
                    "facts": {"basic": {"victim.is_child": False}},
                },
                "withheld": [],
            }]
        }
    )  # fmt: skip

    share: str
    case: str
    at: datetime
    person: str
    from_unit: str
    from_name: Label
    to_unit: str
    to_name: Label
    contents: ContentsShown | None
    withheld: list[str]


class SharedPageShown(Shown):
    """Some of what was shared, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [], "next": None}]})

    items: list[SharedShown]
    next: str | None = Field(description=NEXT)


def shared_shown(one: Shared) -> SharedShown:
    """What was shared, as it goes out."""
    told = one.contents
    return SharedShown(
        share=one.id, case=one.case, at=one.at, person=one.person, from_unit=one.from_unit,
        from_name=label(one.from_name), to_unit=one.to_unit, to_name=label(one.to_name), withheld=list(one.withheld),
        contents=None if told is None else ContentsShown(
            ground=told.ground, document=told.document, clause=told.clause, provenance=told.provenance,
            purpose=told.purpose, facts=told.facts,
        ),
    )  # fmt: skip


def shared_page_shown(found: SharedLines) -> SharedPageShown:
    """A page of what was shared, as it goes out."""
    return SharedPageShown(items=[shared_shown(one) for one in found.lines], next=found.next)
