"""Invariants are proved, and broken ones come with the way that breaks them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.definitions.proof import slices, worlds
from engine.definitions.proof.prove import Result, prove
from tests.core.play import requirement
from tests.definitions.proof.small import invariant, play

MOVES = "tracks__rescue__moves"
PARENTS_FIRST: dict[str, Any] = {
    "entering": "rescue", "steps": ["placed"], "only_if": {"fact": "search.result", "is": "not_found"},
}  # fmt: skip
DROP = {"remove": "tracks.rescue.moves.place.requires.parents_first"}


def proved(statement: dict[str, Any], *mutants: dict[str, Any], **changes: object) -> Result:
    return prove("X", invariant(statement, *mutants, clauses=["1"]), play(**changes))


def told(result: Result) -> list[str]:
    return [line.en for line in result.path]


def test_a_condition_that_every_way_in_meets_is_proved_and_its_mutant_is_noticed() -> None:
    result = proved(PARENTS_FIRST, DROP)
    assert (result.status, result.mutants, result.tracks) == ("proved", 1, ("rescue",))
    assert result.positions > 3
    assert result.worlds > 0


def test_a_short_cut_is_told_step_by_step_with_the_world_it_goes_wrong_in() -> None:
    result = proved(PARENTS_FIRST, DROP, tracks__rescue__moves__place__requires__parents_first=None)
    assert result.status == "failed"
    assert told(result)[:2] == ["rescue opens by itself -> searching", "rescue: place -> placed"]
    assert told(result)[2].startswith("with: ")
    assert result.path[1].zh == "「rescue（中）」place（中） → placed（中）"


def test_a_condition_behind_a_local_setting_proves_nothing() -> None:
    soft = requirement({"fact": "search.result", "is": "not_found"}, "parents first", setting="strict")
    result = proved(PARENTS_FIRST, DROP, tracks__rescue__moves__place__requires__parents_first=soft)
    assert result.status == "failed"
    assert "setting strict = off" in told(result)[-1]


def test_a_weaker_figure_is_found_at_its_edge() -> None:
    adult = {"entering": "aid", "steps": ["given"], "only_if": {"fact": "victim.age_years", "at_least": 16}}
    rule = {"old_enough": requirement({"fact": "victim.age_years", "at_least": 15}, "too young")}
    result = proved(adult, DROP, tracks__aid__moves__give__requires=rule)
    assert result.status == "failed"
    assert "age = 15" in told(result)[-1]


def test_what_a_track_outside_may_forbid_is_not_relied_on_and_what_it_may_allow_is_not_overlooked() -> None:
    never = {"never": requirement({"not": {"track": "archive", "reached": ["kept"]}}, "archive kept")}
    result = proved(
        {**PARENTS_FIRST, "entering": "aid", "steps": ["given"]}, DROP, tracks__aid__moves__give__requires=never
    )
    assert result.status == "failed"


def test_a_unit_of_several_functions_is_thought_of() -> None:
    police = {"entering": "aid", "steps": ["given"], "only_if": {"not": {"actor": ["police"]}}}
    result = proved(police, DROP)
    assert result.status == "failed"
    assert "police" in told(result)[-1]


def test_an_opening_on_request_does_not_meet_the_condition_of_opening_by_itself() -> None:
    child = {"opening": "rescue", "only_if": {"fact": "victim.is_child", "known": True}}
    drop = {"replace": "tracks.rescue.opens.on_request", "by": "any"}
    assert proved(child, drop).status == "proved"
    asked = proved(child, drop, tracks__rescue__opens__on_request="any")
    assert asked.status == "failed"
    assert "on request" in told(asked)[0]


def test_a_record_carried_over_begins_where_tracks_had_ended() -> None:
    fresh = {"entering": "aid", "steps": ["given"], "only_if": {"not": {"track": "rescue", "at": ["settled"]}}}
    without = {name: None for name in ("tracks__rescue__moves__home", "tracks__rescue__moves__settle")}
    result = proved(fresh, DROP, **without)
    assert result.status == "failed"
    assert told(result)[0] == "transferred from elsewhere with rescue at settled"


def test_a_reopened_record_begins_a_track_whatever_its_opening_asks_for() -> None:
    done = {"entering": "rescue", "steps": ["settled"], "only_if": {"not": {"track": "aid", "at": ["given"]}}}
    result = proved(done, DROP)
    assert result.status == "failed"


def test_what_never_happens_is_not_proved() -> None:
    assert proved({**PARENTS_FIRST, "steps": ["searching", "placed"]}, DROP).status == "failed"
    unreached = proved(PARENTS_FIRST, DROP, tracks__rescue__moves__place=None)
    assert (unreached.status, unreached.is_green) == ("no_path", False)


@pytest.mark.parametrize("mutants", [(), ({"remove": "tracks.rescue.moves.place.requires.no_buyer"},)])
def test_without_a_mutant_that_breaks_it_nothing_is_proved(mutants: tuple[dict[str, Any], ...]) -> None:
    assert proved(PARENTS_FIRST, *mutants).status == "mutant_survived"


def test_a_mutant_may_change_two_things_at_once() -> None:
    known = {"entering": "rescue", "steps": ["placed"], "only_if": {"fact": "search.result", "known": True}}
    assert proved(known, DROP).status == "mutant_survived"
    both = {**DROP, "also": [{"replace": "tracks.rescue.moves.place.form.0.required", "by": False}]}
    assert proved(known, both).status == "proved"


def test_a_statement_about_nothing_is_impossible() -> None:
    for statement in ({**PARENTS_FIRST, "entering": "nowhere"}, {**PARENTS_FIRST, "steps": ["nowhere"]}):
        assert proved(statement, DROP).status == "statement_impossible"


def test_where_a_document_is_silent_or_lost_the_tool_says_so() -> None:
    silent = prove("X", invariant(PARENTS_FIRST, silent=True, local="strict"), play())
    assert (silent.status, silent.is_green) == ("not_a_rule_here", True)
    assert silent.said.en == "not a rule of this document (local setting: off, strict)"
    assert prove("X", invariant(PARENTS_FIRST, lost=True), play()).status == "text_lost"


def test_a_guard_behind_a_setting_guards_nothing() -> None:
    guard = {"guarded": "carer", "by": "no_buyer_family", "among": "buyers"}
    drop = {"remove": "tracks.rescue.moves.place.requires.no_buyer.prohibition"}
    assert proved(guard, drop).status == "proved"
    ban = requirement({"fact": "carer", "not_among": "buyers"}, "x", prohibition="no_buyer_family", setting="strict")
    assert proved(guard, drop, tracks__rescue__moves__place__requires__no_buyer=ban).status == "failed"


def test_a_fact_is_stated_by_its_units_only_and_no_move_of_another_sets_it() -> None:
    police = {"stated": "search.result", "by": ["police"]}
    drop = {"replace": "facts.search/result.stated_by", "by": []}
    assert proved(police, drop).status == "proved"
    assert proved(police, drop, tracks__aid__moves__give__sets={"search.result": "found"}).status == "failed"


def test_too_large_is_never_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "LARGEST_SLICE", 1)
    result = proved(PARENTS_FIRST, DROP)
    assert (result.status, result.is_green) == ("too_large", False)
    assert "rescue: " in result.said.en


def test_too_many_worlds_are_never_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "LARGEST_WORLD", 2)
    result = proved(PARENTS_FIRST, DROP)
    assert result.status == "too_large"
    assert "rescue" in result.said.en
