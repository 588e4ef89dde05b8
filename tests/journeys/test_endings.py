"""What a story leaves, what stands on the way, what a form asks for: held exactly, and told when it is not so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.definitions.directory_file import demo_directory, read_directory
from engine.definitions.scenario import Ending, Told
from engine.errors import StoryBroken
from engine.service.desk import Books
from engine.service.ending import ending_of
from engine.service.rehearsal import Rehearsal, Stage
from engine.service.story import Player
from tests.journeys.conftest import STORIES
from tests.journeys.conftest import Stage as World

CRIME, CLEARED, CHILD = (STORIES[name] for name in ("anshan_crime", "anshan_cleared", "anshan_child"))
Changes = Mapping[str, Any]


@pytest.fixture(scope="module")
def stage(books: Books) -> Stage:
    """Give the shipped definitions as a stage in memory."""
    return Stage.of((rules.definition for rules in books.rules.values()), read_directory(demo_directory()))


def _leaving(told: Told, case: str, **changes: object) -> Told:
    ending = told.scenario.leaves[case].model_copy(update=changes)
    leaves = {**told.scenario.leaves, case: ending}
    return replace(told, scenario=told.scenario.model_copy(update={"leaves": leaves}))


def _stepping(told: Told, number: int, **changes: object) -> Told:
    steps = list(told.scenario.steps)
    steps[number - 1] = steps[number - 1].model_copy(update=changes)
    return replace(told, scenario=told.scenario.model_copy(update={"steps": steps}))


def _number(told: Told, act: str, name: str) -> int:
    return next(at for at, step in enumerate(told.scenario.steps, 1) if getattr(step, act) == name and not step.reasons)


@pytest.mark.parametrize("name", ["anshan_crime", "anshan_turns", "fujian_taken_abroad", "fujian_task_force"])
def test_the_one_door_and_the_rehearsal_come_to_the_same_ending(name: str, sqlite_stage: World, stage: Stage) -> None:
    player = sqlite_stage.play(name).player
    rehearsal = Rehearsal(stage, STORIES[name])
    assert rehearsal.rehearse().broken is None
    for case in player.cases:
        through_the_door = ending_of(player.record(player.cases[case]))
        assert through_the_door == ending_of(rehearsal.record(rehearsal.cases[case]))
        assert through_the_door.model_dump() == STORIES[name].scenario.leaves[case].model_dump()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"closed": None}, "main.closed: expected -, got solved"),
        ({"tracks": {}}, "main.tracks.task_force: expected -, got {at: dissolved, is: done}"),
        ({"tracks": {"task_force": "working"}}, "expected {at: working, is: done}, got {at: dissolved, is: done}"),
        ({"duties": {"set_up_task_force": "open"}}, "set_up_task_force: expected {is: open}, got {is: done}"),
        ({"duties": {}}, "main.duties.set_up_task_force: expected -, got {is: done}"),
        ({"papers": []}, "main.papers.task_force_list: expected -, got true"),
        ({"papers": ["dna_report", "task_force_list"]}, "main.papers.dna_report: expected true, got -"),
        ({"facts": {"crime.solved": True}}, "main.facts.crime.solved: expected true, got -"),
    ],
)
def test_a_story_that_leaves_something_else_breaks(changes: Changes, said: str, stage: Stage) -> None:
    told = _leaving(CRIME, "main", **changes)
    line = CRIME.tree.place_of(("leaves", "main")).line
    broken = Rehearsal(stage, told).rehearse().broken
    assert broken is not None
    assert said in broken
    assert broken.startswith("crime.yaml:")
    assert int(broken.split(":")[1]) >= line


def test_every_record_of_a_story_is_spoken_of_and_no_other(stage: Stage) -> None:
    leaves = dict(CRIME.scenario.leaves)
    leaves["fourth"] = leaves.pop("third")
    told = replace(CRIME, scenario=CRIME.scenario.model_copy(update={"leaves": leaves}))
    broken = Rehearsal(stage, told).rehearse().broken
    assert broken is not None
    assert "fourth: expected a record, got -; third: expected -, got a record" in broken


def test_a_story_breaks_at_its_end_through_the_one_door_too(sqlite_stage: World) -> None:
    player = Player(sqlite_stage.desk, _leaving(CRIME, "other", tracks={"task_force": "dissolved"}))
    with pytest.raises(
        StoryBroken, match=r"crime\.yaml:\d+: at the end of the story: other\.tracks\.task_force"
    ) as told:
        list(player.play())
    assert "故事结束时" in told.value.zh
    assert told.value.details["line"] == CRIME.tree.place_of(("leaves", "other", "tracks", "task_force")).line


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        ({"tracks": {"task_force": {"due": "@+1d"}}}, "tracks.task_force: expected {due: @+1d}, got {due: @+0d}"),
        (
            {"tracks": {"task_force": "forming"}},
            "expected {at: forming, is: done}, got {at: forming, is: open}",
        ),
        ({"duties": {"set_up_task_force": {"is": "done"}}}, "expected {is: done}, got {is: open}"),
        ({"papers": ["task_force_list"]}, "papers.task_force_list: expected true, got -"),
        ({"closed": "solved"}, "closed: expected solved, got -"),
    ],
)
def test_what_stands_on_the_way_is_held_too(stands: Changes, said: str, stage: Stage) -> None:
    number = _number(CRIME, "open_track", "task_force")
    told = _stepping(CRIME, number, stands=Ending.model_validate(stands))
    broken = Rehearsal(stage, told).rehearse().broken
    assert broken is not None
    assert said in broken
    assert f"step {number}" in broken


def test_only_what_is_named_is_held_on_the_way(sqlite_stage: World, stage: Stage) -> None:
    number = _number(CRIME, "open_track", "task_force")
    for stands in (
        {},
        {"duties": {"set_up_task_force": {"due": "@+0d"}}},
        {"tracks": {"task_force": {"at": "forming"}}},
    ):
        told = _stepping(CRIME, number, stands=Ending.model_validate(stands))
        assert Rehearsal(stage, told).rehearse().broken is None
    wrong = _stepping(CRIME, number, stands=Ending.model_validate({"duties": {"set_up_task_force": {"due": "@+3d"}}}))
    with pytest.raises(StoryBroken, match=r"duties\.set_up_task_force: expected \{due: @\+3d\}"):
        list(Player(sqlite_stage.desk, wrong).play())


def test_a_day_that_is_due_comes_nearer_with_the_clock_and_is_gone_with_the_record(stage: Stage) -> None:
    told = STORIES["anshan_first_word"]
    later = next(at for at, step in enumerate(told.scenario.steps, 1) if step.clock == "+12d")
    assert Rehearsal(stage, told).rehearse().broken is None
    broken = Rehearsal(stage, _stepping(told, later, clock="+11d")).rehearse().broken
    assert broken is not None
    assert "tracks.rescue: expected {due: @-11d}, got {due: @-10d}" in broken
    closed = [one for one in told.scenario.leaves.values() if one.closed]
    assert closed
    assert all(isinstance(duty, str) for one in closed for duty in one.duties.values())


def test_papers_that_an_open_hand_off_lacks_are_shown_with_its_track(stage: Stage) -> None:
    told = STORIES["anshan_of_age"]
    number = _number(told, "move", "placement.hand_to_civil_affairs")
    broken = Rehearsal(stage, _stepping(told, number, documents=["handover_papers"])).rehearse().broken
    assert broken is not None
    assert "expected {lacks: [handover_papers, search_report]}, got {lacks: [search_report]}" in broken


def test_facts_that_a_story_fills_in_are_not_effects_of_a_move() -> None:
    left = CHILD.scenario.leaves["main"].facts
    filled = {name for step in CHILD.scenario.steps for name in step.facts}
    assert left["victim.rescued"] is True
    assert filled.isdisjoint(left)


@pytest.mark.parametrize(
    "asks", [["task_force.leader"], ["crime.trafficking", "task_force.leader", "task_force.set_up_on"]]
)
def test_a_form_that_asks_for_something_else_breaks_the_story(asks: list[str], stage: Stage) -> None:
    number = _number(CRIME, "move", "task_force.set_up")
    broken = Rehearsal(stage, _stepping(CRIME, number, asks=asks)).rehearse().broken
    assert broken is not None
    assert f"step {number} (move: task_force.set_up): the empty form should miss {asks}, it misses" in broken


def test_a_form_that_asks_for_nothing_breaks_a_story_that_says_otherwise(sqlite_stage: World) -> None:
    number = _number(CLEARED, "close", "disproved")
    told = _stepping(CLEARED, number - 1, asks=["venue.found_on", "lead.summary"])
    with pytest.raises(
        StoryBroken, match=r"should miss \['lead.summary', 'venue.found_on'\], it misses \['venue.found_on'\]"
    ):
        list(Player(sqlite_stage.desk, told).play())
    settled = STORIES["anshan_venue"]
    number = _number(settled, "move", "training.complete")
    with pytest.raises(StoryBroken, match=r"it misses \[\]"):
        list(Player(sqlite_stage.desk, _stepping(settled, number, asks=["work.course"])).play())


def test_a_story_fills_in_only_what_stands_on_the_form(sqlite_stage: World, stage: Stage) -> None:
    number = _number(CRIME, "move", "task_force.change_leader")
    facts = {**CRIME.scenario.steps[number - 1].facts, "crime.trafficking": True}
    said = rf"step {number} \(move: task_force.change_leader\): the form has no \['crime.trafficking'\]"
    with pytest.raises(StoryBroken, match=said):
        list(Player(sqlite_stage.desk, _stepping(CRIME, number, facts=facts)).play())
    silent = replace(CRIME, scenario=CRIME.scenario.model_copy(update={"leaves": {}}))
    assert Rehearsal(stage, _stepping(silent, number, facts=facts)).rehearse().broken is None
