"""Leads and shared data in the play: rules as if its document printed some of it, and a lead to begin with."""

from __future__ import annotations

from typing import Any

from engine.core.commands import Actor
from engine.core.definition import Label
from engine.service.desk import Desk
from engine.service.lead_reading import LeadSheet, show
from engine.service.lead_rules import Basis, Duty, Ground, LeadRules, SharingRules, lead_rules, sharing_rules
from engine.service.leads import Receipt, Report, report_lead
from tests.service.desks import POLICE

SCHOOL = Actor("reporter-1", "health", "reporting")
"""A reporter of another unit."""
HERE, NEXT_DOOR = "900101", "900102"
PRINTED = Basis(document="play", clause="九", provenance="printed")
LOCAL = Basis(document="play", provenance="deployer")
DUTY = Duty(
    document="play", clause="八", provenance="printed", categories=["school"], to=Label(zh="公安", en="Police"),
    when=Label(zh="及时", en="In time"), minors_only=True, force="duty",
)  # fmt: skip
SILENT: LeadRules = lead_rules()
"""The rules that ship: they know nothing of the play."""
RULES = SILENT.model_copy(update={"duties": [DUTY], "rewards": [PRINTED], "petitions": [LOCAL]})
GROUND = Ground(
    document="play", clause="十", provenance="reading", about=Label(zh="核实", en="Verifying"),
    between=["police", "civil_affairs"], classes=["basic", "dna", "family", "health"],
)  # fmt: skip
SHARING: SharingRules = sharing_rules().model_copy(update={"grounds": {"play_minors": GROUND}})
PERSON: dict[str, Any] = {"name": "钟离渡鹤", "phones": ["19900071236"]}
"""An invented person, born before anybody alive."""


def what(**words: Any) -> Report:
    """What a school reports of a child, but for these words."""
    told: dict[str, Any] = {
        "kind": "report", "area": HERE, "category": "school", "urgency": "soon", "concerns_minor": True,
        "seen": "a child nobody knows came along with strangers",
    }  # fmt: skip
    return Report(**{**told, **words})


def reported(desk: Desk, **words: Any) -> Receipt:
    """A lead that a school reported."""
    return report_lead(desk, RULES, what(**words), SCHOOL)


def shown(desk: Desk, lead: str, actor: Actor = POLICE, **more: Any) -> LeadSheet:
    """A lead as the police of the area see it."""
    return show(desk, RULES, lead, actor, **more)
