"""Every story says what it leaves behind, and what each form asks for stands in some story."""

from __future__ import annotations

import pytest

from engine.definitions.finding import Findings
from engine.definitions.loader import Loaded, load, shipped_root
from engine.definitions.scenario import Told, read_scenarios

ENDED = ("anshan", "dehong", "fujian", "lincang", "tianjin")
"""The definitions whose stories all say how they end."""
REQUESTED = "the request that leads there has it on its form"
LED = "nobody sets up a task force without a leader"
LED_BY_POST = "nobody sets up a task force without the leader's post"
PLACED_BEFORE = "a carer follows on an institution, and nobody is placed in one without it"
RELIEVED_BEFORE = "nobody is placed before relief was given, and relief has it on its form"
FOREIGN_OFFICE_ASKED = "the foreign office is asked before the return is arranged, and not without it"

ALWAYS_FILLED: dict[str, dict[str, str]] = {
    "anshan": {
        "guardianship.report_back.guardianship.outcome": REQUESTED,
        "task_force.change_leader.task_force.leader": LED,
    },
    "dehong": {
        "guardianship.report_back.guardianship.outcome": REQUESTED,
        "placement.place_with_carer.placement.on": PLACED_BEFORE,
        "placement.place_with_carer.placement.suitable": PLACED_BEFORE,
        "repatriation.send_back_safely.repatriation.safe": FOREIGN_OFFICE_ASKED,
        "street.place.residence.kind": RELIEVED_BEFORE,
        "street.place.residence.since": RELIEVED_BEFORE,
        "task_force.change_leader.task_force.leader": LED,
        "task_force.change_leader.task_force.leader_post": LED_BY_POST,
    },
    "fujian": {
        "guardianship.report_back.guardianship.outcome": REQUESTED,
        "repatriation.send_back_safely.repatriation.safe": REQUESTED,
        "task_force.change_leader.task_force.leader": LED,
        "task_force.change_leader.task_force.leader_post": LED_BY_POST,
    },
    "lincang": {
        "guardianship.report_back.guardianship.outcome": REQUESTED,
        "placement.place_with_carer.placement.on": PLACED_BEFORE,
        "placement.place_with_carer.placement.suitable": PLACED_BEFORE,
        "repatriation.send_back_safely.repatriation.safe": FOREIGN_OFFICE_ASKED,
        "task_force.change_leader.task_force.leader": LED,
        "task_force.change_leader.task_force.leader_post": LED_BY_POST,
    },
    "tianjin": {
        "guardianship.report_back.guardianship.outcome": REQUESTED,
        "repatriation.send_back_safely.repatriation.safe": REQUESTED,
        "task_force.change_leader.task_force.leader": LED,
        "task_force.change_leader.task_force.leader_post": LED_BY_POST,
    },
}
"""Required fields that are on record whenever their move can be made, and why: no empty form can miss them."""


@pytest.fixture(scope="module")
def told() -> dict[str, list[Told]]:
    """Give the stories of those definitions."""
    return {name: read_scenarios(shipped_root(), name) for name in ENDED}


@pytest.fixture(scope="module")
def books() -> dict[str, Loaded]:
    """Give those definitions."""
    return {
        one.definition.id: one for one in load(shipped_root(), Findings()).definitions if one.definition.id in ENDED
    }


@pytest.mark.parametrize("name", ENDED)
def test_every_story_says_what_it_leaves_of_each_record_it_opens(name: str, told: dict[str, list[Told]]) -> None:
    assert told[name]
    for one in told[name]:
        opened = {step.case for step in one.scenario.steps if step.open is not None and step.expect != "refused"}
        assert opened, one.path.name
        assert opened <= set(one.scenario.leaves), one.path.name


@pytest.mark.parametrize("name", ENDED)
def test_every_required_field_of_a_form_is_asked_for_in_some_story(
    name: str, told: dict[str, list[Told]], books: dict[str, Loaded]
) -> None:
    asked = {f"{step.move}.{fact}" for one in told[name] for step in one.scenario.steps for fact in step.asks}
    required = {
        f"{track}.{move}.{field.fact}"
        for track, line in books[name].definition.tracks.items()
        for move, rule in line.moves.items()
        for field in rule.form
        if field.required
    }
    assert required - asked == set(ALWAYS_FILLED[name])
