"""Every scenario comes true: through the one door on both databases, and one through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine import bootstrap
from engine.core.view import CHINA
from engine.definitions.finding import Findings
from engine.definitions.scenario import Told, read_scenario
from engine.errors import DefinitionBroken, StoryBroken
from engine.service import installation, read
from engine.service.desk import Books, Desk
from engine.service.story import BEGINNING, Player, clock_ending_before, duration, replays_equal, stories
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym

STORIES = {told.scenario.scenario: told for told in stories()}
REFUSED_AT_LEAST = {
    "fujian_child": {("carer_not_buyer", "二（二）3"), ("stayed_long_enough", "二（三）1（5）")},
    "fujian_woman": {("wishes_to_work", "二（三）2（2）"), ("wishes_to_return", "二（三）2（3）")},
    "fujian_task_force": {("case_solved", "二（二）1（2）")},
    "anshan_venue": {("visited", "第二十六条")},
    "anshan_abroad": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def books() -> Books:
    """Give the shipped rule books, compiled once."""
    return Books.of(bootstrap.library())


@pytest.fixture
def desk(database_url: str, books: Books) -> Iterator[Desk]:
    """Give a desk in the demo world."""
    with Database.open(database_url) as database:
        at = Desk(database, books, bootstrap.now, new_pseudonym)
        installation.load_demo_directory(at)
        yield at


def test_every_definition_has_its_stories() -> None:
    told = [one.scenario.definition for one in STORIES.values()]
    assert {name: told.count(name) >= 6 for name in ("dehong", "lincang", "tianjin")} == dict.fromkeys(
        ("dehong", "lincang", "tianjin"), True
    )
    assert (told.count("fujian") >= 3, told.count("anshan") >= 2) == (True, True)
    assert set(REFUSED_AT_LEAST) <= set(STORIES)


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_story_goes_as_its_file_says(name: str, desk: Desk) -> None:
    player = Player(desk, STORIES[name])
    beats = list(player.play())
    assert len(beats) == len(STORIES[name].scenario.steps)
    assert replays_equal(desk, player.cases)
    reasons = [reason for beat in beats if beat.refusal is not None for reason in beat.refusal.reasons]
    assert {(one.code, clause) for one in reasons for clause in one.clauses} >= REFUSED_AT_LEAST.get(name, set())
    assert all(line.said.zh and line.said.en for beat in beats for line in beat.events)


@pytest.mark.parametrize("name", ["fujian_child", "fujian_woman", "anshan_venue", "anshan_abroad"])
def test_a_story_of_a_victim_ends_in_the_archive_with_nothing_open(name: str, desk: Desk) -> None:
    player = Player(desk, STORIES[name])
    list(player.play())
    case = read.replay(desk, player.cases["main"])
    assert (case.status, case.outcome) == ("closed", "archive")
    assert not case.held()
    assert not case.hand_offs
    assert not case.flags


def test_a_refused_step_leaves_no_trace_in_the_case(desk: Desk) -> None:
    player = Player(desk, STORIES["fujian_child"])
    events = 0
    for beat in player.play():
        if beat.case:
            now = read.replay(desk, beat.case).events
            assert (now == events) == (beat.refusal is not None)
            events = now


def test_an_unexpected_end_of_a_step_names_file_line_and_step(desk: Desk) -> None:
    told = STORIES["fujian_child"]
    wrong = told.scenario.steps[1].model_copy(update={"expect": "refused", "code": "conditions_unmet"})
    scenario = told.scenario.model_copy(update={"steps": [told.scenario.steps[0], wrong]})
    with pytest.raises(
        StoryBroken, match=r"child\.yaml:\d+: step 2 \(move: rescue.verify\): expected refused, got done"
    ):
        list(Player(desk, replace(told, scenario=scenario)).play())


def test_wrong_reasons_and_wrong_clauses_break_the_story(desk: Desk) -> None:
    told = STORIES["fujian_task_force"]
    steps = told.scenario.steps[:3]
    for change, message in (
        ({"reasons": ["something_else"]}, "expected reasons"),
        ({"clause": "二（三）9"}, "expected clause"),
        ({"code": "not_holder"}, "expected code not_holder"),
    ):
        wrong = steps[2].model_copy(update=change)
        scenario = told.scenario.model_copy(update={"steps": [*steps[:2], wrong]})
        with pytest.raises(StoryBroken, match=message):
            list(Player(desk, replace(told, scenario=scenario)).play())


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


def test_the_demo_plays_every_story_through_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    done = CliRunner().invoke(app, ["demo", "--folder", str(folder), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {one["scenario"] for one in told["stories"]} == set(STORIES)
    assert told["replays_equal"] == told["cases"] == len(told["named"])
    assert told["refusals"] >= 20
    assert told["declined"] >= 3
    assert {one["id"] for one in told["definitions"]} >= {"fujian", "anshan"}
