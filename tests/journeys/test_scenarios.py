"""Every scenario comes true: through the one door on both databases, and some through the command line."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine import bootstrap
from engine.core.events import IdentityRecorded
from engine.core.view import CHINA
from engine.definitions.finding import Findings
from engine.definitions.scenario import Told, read_scenario
from engine.errors import DefinitionBroken, StoryBroken
from engine.service import installation, read
from engine.service.story import BEGINNING, Player, clock_ending_before, duration, replays_equal, stories
from tests.journeys.conftest import STORIES, Stage, stage_on

LEAST = {"fujian": 12, "anshan": 12}
DEMO = {name for name, told in STORIES.items() if told.scenario.demo}
REFUSED_AT_LEAST = {
    "fujian_child": {("carer_not_buyer", "二（二）3"), ("stayed_long_enough", "二（三）1（5）")},
    "fujian_woman": {("wishes_to_work", "二（三）2（2）"), ("wishes_to_return", "二（三）2（3）")},
    "fujian_task_force": {("case_solved", "二（二）1（2）")},
    "fujian_buyer_family": {
        ("carer_named", "二（二）3"), ("buyer_family_stated", "二（二）3"), ("nobody_found", "二（二）3"),
    },
    "fujian_fostering": {("adoption_reviewed", "二（一）3（4）")},
    "fujian_registration": {("in_institution", "二（三）1（5）"), ("identity_unresolved", "二（三）1（5）")},
    "fujian_work": {("old_enough", "二（三）2（2）"), ("rescued_woman", "二（一）2（5）")},
    "fujian_foreign": {("safe_return", "二（五）3")},
    "fujian_venue": {("ground_named", "二（二）2（4）")},
    "anshan_venue": {("visited", "第二十六条")},
    "anshan_crime": {("case_solved", "第十八条")},
    "anshan_work": {("old_enough", "第十一条")},
}  # fmt: skip


def test_both_whole_documents_have_at_least_twelve_stories() -> None:
    told = Counter(one.scenario.definition for one in STORIES.values())
    assert {name: told[name] for name, least in LEAST.items() if told[name] < least} == {}


ON_POSTGRESQL = DEMO | set(sorted(STORIES)[::6])
"""Stories that every run plays on PostgreSQL too: a sixth, and those of the demo; `make long` plays them all."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(
            name, kind, marks=pytest.mark.long if kind == "postgresql" and name not in ON_POSTGRESQL else ()
        )
        for kind in ("sqlite", "postgresql")
        for name in sorted(STORIES)
    ],
)  # fmt: skip
def test_a_story_goes_as_its_file_says(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    stage = stage_on(kind, request)
    played = stage.play(name)
    assert len(played.beats) == len(STORIES[name].scenario.steps)
    assert replays_equal(stage.desk, played.player.cases)
    assert all(line.said.zh and line.said.en for beat in played.beats for line in beat.events)
    assert _refused(played.beats) >= REFUSED_AT_LEAST.get(name, set())


def _refused(beats: list[Any]) -> set[tuple[str, str]]:
    reasons = [reason for beat in beats if beat.refusal is not None for reason in beat.refusal.reasons]
    return {(one.code, clause) for one in reasons for clause in one.clauses}


@pytest.mark.parametrize("name", ["fujian_child", "fujian_woman", "anshan_venue", "anshan_abroad", "anshan_child"])
def test_a_story_of_a_victim_ends_in_the_archive_with_nothing_open(name: str, stage: Stage) -> None:
    case = read.replay(stage.desk, stage.play(name).player.cases["main"])
    assert (case.status, case.outcome) == ("closed", "archive")
    assert not case.held()
    assert not case.hand_offs
    assert not case.flags


def test_a_refused_step_leaves_no_trace_in_the_case(stage: Stage) -> None:
    events = 0  # but for the identities of those whom a step names: they are on record before it is judged
    for beat in Player(stage.desk, STORIES["fujian_buyer_family"]).play():
        if beat.case:
            now = [one for one in read.events_of(stage.desk, beat.case) if not isinstance(one, IdentityRecorded)]
            assert (len(now) == events) == (beat.refusal is not None)
            events = len(now)


def test_a_local_setting_of_a_story_holds_for_that_story_alone(sqlite_stage: Stage) -> None:
    told = STORIES["fujian_foreign"]
    library = bootstrap.library()
    before = [line.value for line in installation.parameters(sqlite_stage.desk, library, "fujian")]
    beats = Player(sqlite_stage.desk, told).play()
    next(beats)
    during = {line.name: line.value for line in installation.parameters(sqlite_stage.desk, library, "fujian")}
    assert all(during[name] is True for name in told.scenario.settings)
    beats.close()  # type: ignore[attr-defined]
    assert [line.value for line in installation.parameters(sqlite_stage.desk, library, "fujian")] == before


def test_a_local_setting_nobody_knows_breaks_the_story(sqlite_stage: Stage) -> None:
    told = STORIES["fujian_foreign"]
    scenario = told.scenario.model_copy(update={"settings": {"no_such_setting": True}})
    with pytest.raises(StoryBroken, match="no parameter no_such_setting"):
        list(Player(sqlite_stage.desk, replace(told, scenario=scenario)).play())


def test_an_unexpected_end_of_a_step_names_file_line_and_step(sqlite_stage: Stage) -> None:
    told = STORIES["fujian_child"]
    wrong = told.scenario.steps[1].model_copy(update={"expect": "refused", "code": "conditions_unmet"})
    scenario = told.scenario.model_copy(update={"steps": [told.scenario.steps[0], wrong]})
    with pytest.raises(
        StoryBroken, match=r"child\.yaml:\d+: step 2 \(move: rescue.verify\): expected refused, got done"
    ):
        list(Player(sqlite_stage.desk, replace(told, scenario=scenario)).play())


def test_wrong_reasons_clauses_and_sources_break_the_story(sqlite_stage: Stage) -> None:
    told = STORIES["fujian_task_force"]
    steps = told.scenario.steps[:3]
    for change, message in (
        ({"reasons": ["something_else"]}, "expected reasons"),
        ({"clause": "二（三）9"}, "expected clause"),
        ({"provenance": "deployer"}, "expected provenance deployer"),
        ({"code": "not_holder"}, "expected code not_holder"),
    ):
        wrong = steps[2].model_copy(update=change)
        scenario = told.scenario.model_copy(update={"steps": [*steps[:2], wrong]})
        with pytest.raises(StoryBroken, match=message):
            list(Player(sqlite_stage.desk, replace(told, scenario=scenario)).play())


def test_a_demo_story_is_over_before_now_and_begins_in_the_morning() -> None:
    told = STORIES["fujian_child"]
    clock = clock_ending_before(told, BEGINNING)
    assert clock.now + duration(told) < BEGINNING
    assert clock.now.astimezone(CHINA).hour == 9
    assert duration(told) > timedelta(days=200)


def test_nobody_in_a_story_has_a_name() -> None:
    for told in STORIES.values():
        for member in told.scenario.cast.values():
            assert member.person.startswith("officer-")
        for step in told.scenario.steps:
            persons = [step.facts.get(name) for name in ("placement.carer", "return.carer", "task_force.leader")]
            assert all(str(person).startswith("P-") for person in persons if person is not None)


BAD = {
    "two acts": "  - {as: a, close: archive, accept: x}\n",
    "no act": "  - {as: a}\n",
    "nobody acts": "  - {close: archive}\n",
    "a stranger": "  - {as: b, close: archive}\n",
    "an unknown key": "  - {as: a, closes: archive}\n",
    "reasons of what is not refused": "  - {as: a, close: archive, reasons: [x]}\n",
    "no such clock": "  - {clock: tomorrow}\n",
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_a_faulty_scenario_is_a_finding_with_its_line(what: str, tmp_path: Path) -> None:
    path = _scenario(tmp_path, BAD[what])
    findings = Findings()
    assert read_scenario(path, findings) is None
    assert findings.sorted()[0].line >= 1
    with pytest.raises(DefinitionBroken, match="mistake"):
        stories(tmp_path)


def test_a_good_scenario_is_read(tmp_path: Path) -> None:
    told = read_scenario(_scenario(tmp_path, "  - {as: a, close: archive}\n"), Findings())
    assert isinstance(told, Told)
    assert told.line(1) == 8


def _scenario(root: Path, steps: str) -> Path:
    folder = root / "x" / "scenarios"
    folder.mkdir(parents=True)
    path = folder / "story.yaml"
    head = "scenario: s\ntitle: {zh: 题, en: T}\ntells: {zh: 讲, en: T}\ndefinition: fujian\narea: '350102'\n"
    path.write_text(f"{head}cast: {{a: {{person: officer-1, unit: u}}}}\nsteps:\n{steps}", encoding="utf-8")
    return path


def test_the_demo_tells_one_or_two_stories_of_a_document() -> None:
    told = Counter(STORIES[name].scenario.definition for name in DEMO)
    assert set(told) >= set(LEAST)
    assert max(told.values()) <= 2


def test_the_demo_plays_its_stories_through_the_command_line(tmp_path: Path) -> None:
    told = _demo(tmp_path)
    assert {one["scenario"] for one in told["stories"]} == DEMO
    assert told["replays_equal"] == told["cases"] == len(told["named"])
    assert told["refusals"] >= 15
    assert told["declined"] >= 2
    assert {one["id"] for one in told["definitions"]} >= {"fujian", "anshan"}


def test_any_story_can_be_asked_for_by_name(tmp_path: Path) -> None:
    told = _demo(tmp_path, "--story", "fujian_crime")
    assert [one["scenario"] for one in told["stories"]] == ["fujian_crime"]


def _demo(tmp_path: Path, *words: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["demo", "--folder", str(tmp_path / "world"), "--json", *words])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told
