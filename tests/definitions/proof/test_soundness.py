"""Soundness is proved, and each way to lose it is told with the path that leads there."""

from __future__ import annotations

import pytest

from engine.core.definition import Definition
from engine.definitions.proof import ways
from engine.definitions.proof.soundness import Soundness, clusters, soundness
from tests.core.play import PLAY, requirement, step
from tests.definitions.proof.small import PAIR, changed

LEGAL_AID = {"tracks__legal_aid": PLAY["tracks"]["aid"]}  # type: ignore[index]
"""The play calls it aid; a definition in earnest has a track of this name."""


def book(**changes: object) -> Definition:
    return changed(PLAY, **LEGAL_AID, **changes)


def codes(found: Soundness) -> set[tuple[str, str]]:
    return {(flaw.code, flaw.where) for flaw in found.flaws}


def remarks(found: Soundness) -> set[tuple[str, str]]:
    return {(flaw.code, flaw.where) for flaw in found.remarks}


def test_the_play_is_sound() -> None:
    found = soundness(book())
    assert codes(found) == set()
    assert found.is_green
    assert {name for one in found.clusters for name in one.tracks} == set(book().tracks)


def test_tracks_that_look_at_one_another_are_one_cluster() -> None:
    assert ("one", "two") in clusters(changed(PAIR))
    assert ("rescue", "archive") in clusters(book())
    assert ("aid",) in clusters(book())


def test_a_move_that_nobody_can_ever_make_is_dead() -> None:
    never = requirement({"all": [{"fact": "carer", "known": True}, {"not": {"fact": "carer", "known": True}}]}, "never")
    found = soundness(book(tracks__aid__moves__give__requires={"never": never}))
    assert ("dead_move", "tracks.aid.moves.give") in codes(found)
    assert ("no_end", "aid") in codes(found)


def test_a_move_is_dead_when_two_facts_that_do_not_change_exclude_each_other() -> None:
    child = {"is_child": requirement({"fact": "victim.is_child", "is": True}, "child")}
    adult = {"is_adult": requirement({"fact": "victim.is_child", "is": False}, "adult")}
    found = soundness(
        book(
            tracks__rescue__moves__place__requires=child,
            tracks__rescue__moves__settle__requires=adult,
        )
    )
    assert ("after_correction", "tracks.rescue.moves.settle") in remarks(found)


def test_a_field_that_must_come_fresh_from_a_unit_that_may_not_state_it_is_a_dead_move() -> None:
    form = [{"fact": "search.result", "fresh": True}]
    found = soundness(book(tracks__rescue__moves__settle__form=form))
    assert ("dead_move", "tracks.rescue.moves.settle") in codes(found)


def test_a_victim_for_whom_no_way_out_is_written_is_told_with_the_path() -> None:
    child = {"child": requirement({"fact": "victim.is_child", "is": True}, "children only")}
    found = soundness(book(tracks__rescue__moves__settle__requires=child, tracks__rescue__moves__send_back=None))
    [flaw] = [flaw for flaw in found.flaws if flaw.code == "no_closing"]
    lines = [line.en for line in flaw.path]
    assert lines[0] == "rescue opens by itself -> searching"
    assert lines[1] == "rescue: place -> placed"
    assert "is a child = no" in lines[-1]
    assert flaw.path[0].zh == "「rescue（中）」自动开启 → searching（中）"


def test_a_track_that_ends_where_the_closing_does_not_ask_for_it_bars_the_closing() -> None:
    drop = {**PAIR["tracks"]["two"]["moves"]["finish"], "to": "dropped"}
    found = soundness(changed(PAIR, tracks__two__steps__dropped=step(None, "dropped"), tracks__two__moves__drop=drop))
    assert ("no_closing", "one/two") in codes(found)


def test_a_requirement_that_only_waits_is_no_end() -> None:
    """Thirty days go by for everybody; a closing that needs them is no flaw."""
    assert not {code for code, _ in codes(soundness(book()))}


def test_what_only_a_consent_lets_end_is_remarked() -> None:
    wish = {"wish": requirement({"consent": "return"}, "not willing")}
    found = soundness(book(tracks__aid__moves__give__requires=wish))
    assert ("rests_on_consent", "aid") in remarks(found)
    assert found.is_green


def test_a_duty_that_its_track_can_no_longer_do_is_remarked() -> None:
    other = {**PLAY["tracks"]["aid"]["moves"]["give"], "to": "refused"}  # type: ignore[index]
    once = {"on_request": "any"}
    found = soundness(
        book(
            tracks__aid__steps__refused=step(None, "refused"), tracks__aid__moves__refuse=other, tracks__aid__opens=once
        )
    )
    assert ("by_hand", "duties.aid_offered") in remarks(found)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"tracks__legal_aid__opens": {"on_request": ["police"], "again": True}}, "on request of any unit"),
        ({"tracks__legal_aid__opens": {"on_request": "any"}}, "again"),
        ({"tracks__legal_aid__moves__give__requires": {
            "first": requirement({"track": "rescue", "reached": ["settled"]}, "rescue first")}}, "tracks: rescue"),
        ({"tracks__legal_aid__opens": {"on_request": "any", "again": True, "requires": {
            "child": requirement({"fact": "victim.is_child", "is": True}, "child")}}}, "opens only if child"),
    ],
)  # fmt: skip
def test_legal_aid_is_open_to_anybody_at_any_time_and_waits_on_nothing(changes: dict[str, object], word: str) -> None:
    found = soundness(book(**changes))
    assert [flaw.code for flaw in found.flaws] == ["legal_aid_barred"]
    assert word in found.flaws[0].said.en


def test_a_definition_without_legal_aid_is_not_sound() -> None:
    assert ("no_legal_aid", "tracks") in codes(soundness(changed(PLAY)))


def test_each_open_step_has_one_responsible_unit_printed_or_labelled() -> None:
    nobody = {**step("police", "applied"), "responsible": None}
    unprinted = {**step("justice", "applied"), "basis": []}
    assert ("no_unit", "tracks.aid.steps.applied") in codes(soundness(book(tracks__aid__steps__applied=nobody)))
    found = soundness(book(tracks__aid__steps__applied=unprinted))
    assert ("unit_unlabelled", "tracks.aid.steps.applied") in codes(found)
    local = {**step("justice", "applied"), "basis": [], "provenance": "deployer"}
    assert soundness(book(tracks__aid__steps__applied=local)).is_green


def test_too_large_is_a_flaw_that_names_the_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "LARGEST_FIXED", 1)
    found = soundness(book())
    large = [flaw for flaw in found.flaws if flaw.code == "too_large"]
    assert any("rescue" in flaw.where for flaw in large)
    assert all("nothing is proved" in flaw.said.en for flaw in large)
