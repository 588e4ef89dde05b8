"""How far the stories reach is counted, and what they do not reach is named here with its reason."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.reach import tell
from api.speech import Speech
from engine.service.reach import Reach, Share, reach
from tests.journeys.conftest import STORIES, Stage

CRIME = STORIES["anshan_crime"]

BLOOD_OF_PARENTS = ("parents_dna.enter.by_police", "parents_dna.sample.by_police")
BLOOD_OF_CHILD = ("dna.compare.by_police", "dna.enter.by_police", "dna.sample.by_police")
NEVER_REFUSED: dict[str, tuple[str, ...]] = {
    "anshan": (),
    "dehong": (*BLOOD_OF_CHILD, *BLOOD_OF_PARENTS),
    "fujian": (),
    "lincang": (*BLOOD_OF_CHILD, *BLOOD_OF_PARENTS),
    "tianjin": BLOOD_OF_PARENTS,
}
"""Reasons nobody can be given: the steps are held by police, and whoever does not hold a step is refused before."""
NEVER_BROUGHT: dict[str, tuple[str, ...]] = {
    "anshan": ("archive.update.relatives.comforted",),
    "dehong": (),
    "fujian": (),
    "lincang": (),
    "tianjin": (),
}
"""A field nobody can fill in: only police may state it, and civil affairs hold the step whose form has it."""


@pytest.mark.parametrize("definition", sorted(NEVER_REFUSED))
def test_the_stories_reach_every_step_move_and_source_and_every_refusal_and_field_that_can_come(
    definition: str, sqlite_stage: Stage
) -> None:
    for name, told in STORIES.items():
        if told.scenario.definition == definition:
            sqlite_stage.play(name)
    found = sqlite_stage.ledger(definition).reach()
    assert found.steps.missing == ()
    assert found.moves.missing == ()
    assert found.sources.missing == ()
    assert tuple(sorted(found.refusals.missing)) == NEVER_REFUSED[definition]
    assert tuple(sorted(found.fields.missing)) == NEVER_BROUGHT[definition]
    assert found.stories >= 12


def test_what_no_story_comes_to_is_named(sqlite_stage: Stage) -> None:
    found = _reach_of_crime(sqlite_stage)
    assert (found.name, found.stories) == ("anshan@2024.1", 1)
    assert found.acts == sum(step.act != "clock" for step in CRIME.scenario.steps)
    assert "task_force.dissolved" not in found.steps.missing
    assert "rescue.lead" in found.steps.missing
    assert "rescue.verify" in found.moves.missing
    assert "training.enrol.old_enough" in found.refusals.missing


def test_steps_moves_and_refusals_are_counted_as_often_as_they_come(sqlite_stage: Stage) -> None:
    found = _reach_of_crime(sqlite_stage)
    assert found.steps.counts["task_force.forming"] == 3
    assert found.steps.counts["task_force.working"] == 2  # a change of leader comes back to it
    assert found.moves.counts["task_force.set_up"] == 1
    assert found.refusals.counts["task_force.dissolve.case_solved"] == 1
    assert found.refusals.counts["close.solved.task_force_ended"] == 1
    assert found.others == {"form_incomplete": 1, "not_holder": 1, "track_open": 1}


def test_a_field_counts_where_a_move_brings_it_and_a_source_where_the_move_was_made_from(sqlite_stage: Stage) -> None:
    found = _reach_of_crime(sqlite_stage)
    brought = [step for step in CRIME.scenario.steps if step.move == "task_force.change_leader"]
    assert found.fields.counts["task_force.change_leader.task_force.leader"] == len(brought) == 1
    assert found.fields.counts["task_force.set_up.task_force.leader"] == 1  # the first attempt was refused
    assert "rescue.verify.lead.summary" in found.fields.missing
    assert found.sources.counts["task_force.dissolve from working"] == 1
    assert "rescue.record_rescue from abroad" in found.sources.missing


def test_a_refused_acceptance_counts_at_the_move_that_was_offered(sqlite_stage: Stage) -> None:
    told = STORIES["fujian_buyer_family"]
    refused = sum(step.expect == "refused" and "nobody_found" in step.reasons for step in told.scenario.steps)
    found = reach(sqlite_stage.desk, sqlite_stage.ledger("fujian").book, [told])
    assert found.refusals.counts["placement.hand_to_civil_affairs.nobody_found"] == refused == 2


def test_what_happens_under_another_definition_is_not_counted(sqlite_stage: Stage) -> None:
    found = reach(sqlite_stage.desk, sqlite_stage.ledger("anshan").book, [STORIES["fujian_crime"]])
    assert found.stories == 1
    assert (found.steps.reached, found.moves.reached, found.refusals.reached, found.others) == (0, 0, 0, {})


def test_nothing_to_reach_is_all_reached() -> None:
    assert Share({}).percent == 100
    assert Share({"a": 2, "b": 0}).as_json() == {
        "all": 2, "reached": 1, "percent": 50.0, "missing": ["b"], "counts": {"a": 2, "b": 0},
    }  # fmt: skip


def test_the_command_line_plays_in_a_passing_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.reach.stories", lambda root, definition: [CRIME])
    done = CliRunner().invoke(app, ["definitions", "reach", "anshan", "--json"])
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)
    assert (told["definition"], told["stories"]) == ("anshan@2024.1", 1)
    assert told["steps"]["reached"] == 4
    assert set(told) == {
        "definition", "stories", "acts", "steps", "moves", "refusals", "fields", "sources", "others",
    }  # fmt: skip


def test_the_table_names_what_is_never_reached(capsys: pytest.CaptureFixture[str]) -> None:
    found = Reach("play@1", 1, 3, Share({"t.a": 1, "t.b": 0}), Share({"t.go": 1}), Share({}), Share({}), Share({}), {})
    tell(Speech("en"), [found])
    lines = capsys.readouterr().out.splitlines()
    nothing = ["0/0", "100.0", "%"]
    assert lines[1].split() == ["play@1", "1", "3", "1/2", "50.0", "%", "1/1", "100.0", "%", *nothing * 3]
    assert lines[2:] == ["play@1  never reached: steps  t.b"]


def test_an_unknown_definition_is_refused() -> None:
    assert CliRunner().invoke(app, ["definitions", "reach", "nowhere"]).exit_code == 4


def _reach_of_crime(stage: Stage) -> Reach:
    return reach(stage.desk, stage.ledger("anshan").book, [CRIME])
