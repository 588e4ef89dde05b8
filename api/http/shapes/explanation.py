"""Why something is permitted, or not, as it goes out."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.http.shapes.plain import Label, Shown, label
from engine.service.access_explained import Explanation


class PolicyShown(Shown):
    """A policy that decided."""

    policy: str
    title: Label
    effect: str
    clauses: list[str]
    provenance: str


class ExplanationShown(Shown):
    """What somebody would be told now, and which policies decide it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person": "officer-1", "unit": "gulou-police", "role": "caseworker", "action": "see_case",
                    "case": "GT-7K3M-9QXD-04RB", "is_allowed": True,
                    "why": {"zh": "参与办理的单位可查看", "en": "units that take part may see it"},
                    "policies": [{
                        "policy": "see_as_participant",
                        "title": {"zh": "参与办理的单位可查看", "en": "units that take part may see it"},
                        "effect": "permit", "clauses": [], "provenance": "deployer",
                    }],
                    "takes_part_as": ["responsible"], "policy_hash": "0" * 64,
                }
            ]
        }
    )  # fmt: skip

    person: str
    unit: str
    role: str
    action: str
    case: str | None
    is_allowed: bool
    why: Label
    policies: list[PolicyShown]
    takes_part_as: list[str] = Field(description="单位在本案的参与方式。 How the unit takes part in the case.")
    policy_hash: str = Field(description="全部规则的散列。 The hash of all policies.")


def explanation_shown(found: Explanation) -> ExplanationShown:
    """An explanation as it goes out."""
    return ExplanationShown(
        person=found.person, unit=found.unit, role=found.role, action=found.action, case=found.case,
        is_allowed=found.is_allowed, why=label(found.why),
        policies=[
            PolicyShown(
                policy=one.id, title=label(one.title), effect=one.effect, clauses=list(one.clauses),
                provenance=one.provenance,
            )
            for one in found.policies
        ],
        takes_part_as=list(found.takes_part_as), policy_hash=found.policy_hash,
    )  # fmt: skip
