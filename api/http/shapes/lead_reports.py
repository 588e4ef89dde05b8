"""What somebody reports as a lead, and what is asked to be done with one, as it comes in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.http.shapes.identity import IdentityAsked
from api.http.shapes.plain import LARGEST_NUMBER, Asked, Code, Facts, Words
from engine.service.lead_rules import lead_rules
from engine.service.leads import Report

Reason = Annotated[str, Field(min_length=1, max_length=4000)]


class ReportAsked(Asked):
    """What somebody reports. Names, numbers and addresses go into ``persons``, which is sealed apart."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "kind": "report", "area": "350102", "category": "school", "urgency": "soon", "concerns_minor": True,
                "seen": "A child nobody knows came along with strangers.", "persons": [{"name": "虚构甲"}],
                "contact": "ask at the gate",
            }]
        }
    )  # fmt: skip

    kind: Literal["report", "tip", "petition"] = Field(
        default="report", description="报告、群众举报或信访事项。 A report, a tip of the public, or a petition."
    )
    area: Code = Field(description="发生地区的 GB/T 2260 代码。 The GB/T 2260 code of the area where it was seen.")
    category: Code = Field(description="报告人类别，见 reporting-rules。 As what you report, see reporting-rules.")
    urgency: Code = Field(default="ordinary", description="紧急程度：now、soon、ordinary。 How urgent it is.")
    concerns_minor: bool = Field(description="是否涉及未成年人。 Whether a minor is concerned.")
    seen: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="所见情况；不得写姓名、号码。 What was seen; no names and no numbers."
    )
    persons: list[IdentityAsked] = Field(
        default_factory=list, max_length=20, description="涉及人员，单独封存。 Whom it is about; sealed apart."
    )
    contact: Annotated[str, Field(max_length=400, repr=False)] = Field(
        default="", description="如何与报告人联系，单独封存。 How you can be asked; sealed apart."
    )
    to_unit: Code | None = Field(
        default=None, description="仅信访事项：责任单位。 Of a petition only: the unit that is responsible."
    )

    def said(self) -> Report:
        """The report for the engine."""
        return Report(
            self.kind, self.area, self.category, self.urgency, self.concerns_minor, self.seen,
            tuple(one.said() for one in self.persons), self.contact, self.to_unit,
        )  # fmt: skip


class OpeningAsked(Asked):
    """A case to be opened from a lead, in the lead's area."""

    facts: Facts = Field(default_factory=dict, description="登记内容。 Facts of the form, by name.")


class AcceptanceAsked(Asked):
    """Accept a lead; with the case it belongs to, or a case that is to be opened for it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"open_case": {"facts": {"victim.is_child": True}}}]})

    case: Code | None = Field(default=None, description="所属个案。 The case it belongs to, which you may see.")
    open_case: OpeningAsked | None = Field(default=None, description="据此立案。 Open a case for it.")


class PassingAsked(Asked):
    """Give a lead to another unit, or back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_unit": "gulou-civil-affairs", "reason": "theirs"}]})

    to_unit: Code
    reason: Reason = Field(description="理由；不得写姓名、号码。 Why; no names and no numbers.")


class ClosingAsked(Asked):
    """End a lead."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "no_ground", "text": "looked into"}]})

    reason: Code = Field(description="办结理由代码。 The code of the reason: " + ", ".join(lead_rules().closings) + ".")
    text: Words = ""


class RewardAsked(Asked):
    """Decide whether a tip is rewarded."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"granted": True, "reason": "it led to a rescue"}]})

    granted: bool
    reason: Reason
    amount: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = Field(
        default=None, description="金额（元），可不填。 In whole yuan; need not be said."
    )
