"""Two approvers of different offices sign a hash, it is released, and only then a case opens on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import (
    ClockBehind,
    CommandMalformed,
    DefinitionBroken,
    DefinitionNotReleased,
    DefinitionUnknown,
    GuituError,
    NothingToChange,
    ReleaseRefused,
    UnitUnknown,
)
from engine.service import installation, read, release, trial
from engine.service.desk import kept
from engine.store import database as room
from engine.vault.signing import SigningKey, written
from tests.conftest import Database
from tests.core.play import RULES, directory
from tests.service.desks import POLICE, Clock, ask, opened, play_desk
from tests.service.inspection import everything
from tests.service.town import ANN, CY, JO, NOW, Town, write

OPEN = cmd.OpenCase(case="", area="900101", definition="tiny")


def reasons_of(act: Callable[[], object]) -> list[str]:
    """The reasons of a refusal, by code."""
    with pytest.raises(ReleaseRefused) as caught:
        act()
    assert (caught.value.code, caught.value.http, caught.value.exit_code) == ("release_refused", 409, 6)
    assert all(reason.zh and reason.en for reason in caught.value.reasons)
    return sorted(reason.code for reason in caught.value.reasons)


def test_no_case_opens_on_a_definition_that_is_not_released_and_the_refusal_says_what_to_do(
    town: Town, database: Database
) -> None:
    with pytest.raises(DefinitionNotReleased) as caught:
        ask(town.desk, OPEN)
    assert (caught.value.code, caught.value.http, caught.value.exit_code) == ("definition_not_released", 409, 6)
    assert "guitu definitions approve" in caught.value.zh
    assert "guitu definitions release" in caught.value.en
    (row,) = everything(database)["refusal"]
    assert (row["code"], row["command"]) == ("definition_not_released", "open_case")
    with pytest.raises(DefinitionUnknown):
        ask(town.desk, replace(OPEN, definition="atlantis"))


def test_two_offices_approve_it_is_released_and_a_case_opens(town: Town) -> None:
    made = town.in_force()
    assert (made.name, made.hash, made.unit) == ("tiny@2020.1", town.hash(), "police-a")
    assert [one.office for one in made.approvals] == ["police-a", "civil-a"]
    case = ask(town.desk, OPEN).case
    assert read.replay(town.desk, case).pin.hash == town.hash()
    assert release.standing(town.desk) == {town.hash(): "released"}


def test_nothing_is_approved_or_released_twice(town: Town) -> None:
    town.in_force()
    with pytest.raises(NothingToChange):
        town.release()
    with pytest.raises(NothingToChange):
        town.approve(JO)


def test_one_approval_is_not_enough(town: Town) -> None:
    assert reasons_of(town.release) == ["approvals_missing"]
    town.approve(ANN)
    assert reasons_of(town.release) == ["approvals_missing"]
    with pytest.raises(DefinitionNotReleased):
        ask(town.desk, OPEN)


def test_one_office_does_not_approve_twice_by_whomever(town: Town) -> None:
    town.approve(ANN)
    assert reasons_of(lambda: town.approve(ANN)) == ["same_office"]
    bob = Actor("bob", "police-a")
    town.register(bob)
    assert reasons_of(lambda: town.approve(bob)) == ["same_office"]


def test_one_person_does_not_approve_for_two_offices(town: Town) -> None:
    town.approve(ANN)
    ann_elsewhere = Actor("ann", "health")
    key = town.register(ann_elsewhere)
    assert reasons_of(lambda: town.approve(ann_elsewhere, key=key)) == ["same_person"]


def test_two_offices_that_were_merged_are_one(town: Town) -> None:
    town.approve(ANN)
    town.approve(CY)
    full = directory()
    units = {**full.units, "civil-a": replace(full.units["civil-a"], merged_into="police-a")}
    with kept(town.desk.database) as work:
        work.save_directory(replace(full, units=units))
    assert reasons_of(town.release) == ["approvals_missing"]
    town.approve(JO)
    assert {one.office for one in town.release().approvals} == {"police-a", "justice"}


def test_a_key_that_is_not_registered_signs_nothing(town: Town) -> None:
    assert reasons_of(lambda: town.approve(ANN, key=SigningKey.fresh())) == ["unknown_key"]


def test_a_key_signs_for_its_own_person_and_office_only(town: Town) -> None:
    ann = town.keys["ann"]
    for other in (CY, Actor("ann", "civil-a"), Actor("bob", "police-a")):
        assert reasons_of(lambda other=other: town.approve(other, key=ann)) == ["other_person"]  # type: ignore[misc]
    with pytest.raises(UnitUnknown):
        town.approve(Actor("ann", "atlantis"), key=ann)


def test_a_revoked_key_signs_nothing_more_and_what_it_signed_before_no_longer_counts(town: Town) -> None:
    town.approve(ANN)
    release.revoke_approver(town.desk, town.keys["ann"].fingerprint[:8], POLICE)
    assert reasons_of(lambda: town.approve(ANN)) == ["revoked_key"]
    town.approve(CY)
    assert reasons_of(town.release) == ["approvals_missing", "revoked_key"]
    town.register(ANN)
    town.approve(ANN)  # with her new key
    assert town.release().name == "tiny@2020.1"


def test_a_key_revoked_after_the_release_leaves_it_in_force(town: Town) -> None:
    town.in_force()
    found = release.revoke_approver(town.desk, town.keys["ann"].fingerprint, POLICE)
    assert found.revoked_at is not None
    assert ask(town.desk, OPEN).revision == 1
    with pytest.raises(NothingToChange):
        release.revoke_approver(town.desk, town.keys["ann"].fingerprint, POLICE)


def test_a_hash_that_is_not_the_reviewed_one_is_not_signed(town: Town) -> None:
    assert reasons_of(lambda: town.approve(ANN, reviewed="f" * 64)) == ["other_hash"]
    assert town.approve(ANN, reviewed=town.hash()).hash == town.hash()


def test_approvals_over_another_hash_do_not_count(town: Town) -> None:
    town.approve(ANN)
    town.write("2020.1", ("en: A", "en: Another a"))
    town.approve(CY)
    assert reasons_of(town.release) == ["approvals_missing", "other_hash"]
    town.approve(ANN)
    town.release()
    town.write("2020.1", ("en: A", "en: Yet another a"))
    assert reasons_of(lambda: town.approve(JO)) == ["other_hash"]


def test_a_draft_is_neither_approved_nor_released(town: Town) -> None:
    town.write("2021.1", ("status: candidate", "status: draft"))
    assert reasons_of(lambda: town.approve(ANN, "tiny@2021.1")) == ["not_candidate"]
    assert reasons_of(lambda: town.release("tiny@2021.1")) == ["approvals_missing", "not_candidate"]


def test_all_reasons_come_at_once(town: Town) -> None:
    town.write("2021.1", ("status: candidate", "status: draft"))
    act = lambda: town.approve(ANN, "tiny@2021.1", key=SigningKey.fresh(), reviewed="f" * 64)  # noqa: E731
    assert reasons_of(act) == ["not_candidate", "other_hash", "unknown_key"]


def test_a_library_that_is_not_green_is_neither_approved_nor_released(town: Town) -> None:
    path = town.root / "tiny" / "2020.1.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("to: placed", "to: nowhere"), encoding="utf-8")
    for act in (lambda: town.approve(ANN), town.release):
        with pytest.raises(DefinitionBroken) as caught:
            act()
        assert caught.value.details["findings"]


def test_a_candidate_that_is_not_proved_is_neither_approved_nor_released(town: Town) -> None:
    write(town.root, "2021.1", ("status: draft", "status: candidate"))  # no legal aid, and a track that cannot end
    town.ship()
    for act in (lambda: town.approve(ANN, "tiny@2021.1"), lambda: town.release("tiny@2021.1")):
        with pytest.raises(DefinitionBroken, match="proofs fail"):
            act()
    assert town.in_force().version == "2020.1", "what is wrong with one version keeps no other from its release"


@pytest.mark.parametrize("name", ["tiny", "tiny@", "@2020.1"])
def test_the_version_must_be_said(town: Town, name: str) -> None:
    with pytest.raises(CommandMalformed, match="ID@VERSION"):
        town.approve(ANN, name)


def test_a_newer_release_supersedes_the_older_for_new_cases_and_running_ones_keep_their_pin(town: Town) -> None:
    town.in_force()
    old = ask(town.desk, OPEN).case
    town.write("2021.1")
    assert read.replay(town.desk, ask(town.desk, OPEN).case).pin.version == "2020.1", "shipped is not released"
    town.in_force("tiny@2021.1")
    assert read.replay(town.desk, ask(town.desk, OPEN).case).pin.version == "2021.1"
    assert read.replay(town.desk, old).pin.version == "2020.1"
    assert release.standing(town.desk) == {town.hash(): "superseded", town.hash("2021.1"): "released"}


@pytest.mark.parametrize(("first", "then"), [("2021.9", "2021.10"), ("2021.10", "2021.9")])
def test_releases_supersede_in_their_order_and_versions_are_not_compared(town: Town, first: str, then: str) -> None:
    for version in (first, then):
        town.write(version)
        town.in_force(f"tiny@{version}")
    assert read.replay(town.desk, ask(town.desk, OPEN).case).pin.version == then
    assert release.standing(town.desk) == {town.hash(first): "superseded", town.hash(then): "released"}


def test_a_release_whose_day_has_not_come_supersedes_nothing_yet(town: Town) -> None:
    town.in_force()
    town.write("2027.1", ("since: 2020-01-01", "since: 2027-01-01"))
    town.in_force("tiny@2027.1")
    assert read.replay(town.desk, ask(town.desk, OPEN).case).pin.version == "2020.1"
    assert set(release.standing(town.desk).values()) == {"released"}
    town.desk.clock = Clock(datetime(2027, 1, 5, tzinfo=UTC))
    assert read.replay(town.desk, ask(town.desk, OPEN).case).pin.version == "2027.1"


def test_a_released_definition_whose_time_is_over_is_not_in_force_and_none_before_it_comes_back(town: Town) -> None:
    town.in_force()
    town.write("2021.1", ("{since: 2020-01-01}", "{since: 2020-01-01, until: 2026-03-01}"))
    town.in_force("tiny@2021.1")
    with pytest.raises(DefinitionUnknown, match="in force"):
        ask(town.desk, OPEN)


def test_a_program_that_does_not_ship_the_newest_release_opens_no_case_on_an_older_one(town: Town) -> None:
    town.in_force()
    town.write("2021.1")
    town.in_force("tiny@2021.1")
    (town.root / "tiny" / "2021.1.yaml").unlink()
    town.ship()
    with pytest.raises(DefinitionUnknown, match="does not ship"):
        ask(town.desk, OPEN)


def test_a_case_is_not_taken_over_into_a_jurisdiction_whose_definition_is_not_released(database: Database) -> None:
    with play_desk(database.app_url, released=(RULES,)) as desk:
        case = opened(desk)
        offered = ask(desk, cmd.OfferTransfer(case=case, area="800000", to_unit="police-n")).offered[0]
        with pytest.raises(DefinitionNotReleased):
            ask(desk, cmd.Accept(case=case, hand_off=offered), Actor("ny", "police-n"))
        assert offered in read.replay(desk, case).hand_offs, "it can still be accepted, once that is released"


def test_a_key_is_registered_once_for_a_unit_there_is(town: Town) -> None:
    words = written(town.keys["ann"].public)
    with pytest.raises(NothingToChange):
        release.add_approver(town.desk, office="health", person="x", public_key=words, actor=POLICE)
    fresh = written(SigningKey.fresh().public)
    with pytest.raises(UnitUnknown):
        release.add_approver(town.desk, office="atlantis", person="x", public_key=fresh, actor=POLICE)
    with pytest.raises(UnitUnknown):
        release.add_approver(town.desk, office="health", person="x", public_key=fresh, actor=Actor("x", "atlantis"))
    for person, key in (("a\nb", fresh), ("", fresh), ("x", "ed25519:AAAA")):
        with pytest.raises(CommandMalformed):
            release.add_approver(town.desk, office="health", person=person, public_key=key, actor=POLICE)
    assert [one.person for one in release.approvers(town.desk)] == ["ann", "cy", "jo"]


@pytest.mark.parametrize("words", ["", "abc", "f" * 64])
def test_a_revocation_names_one_key(town: Town, words: str) -> None:
    with pytest.raises(CommandMalformed, match="approver list"):
        release.revoke_approver(town.desk, words, POLICE)


def test_nothing_is_signed_released_or_revoked_by_a_clock_that_is_behind(town: Town, database: Database) -> None:
    town.approve(ANN)
    town.desk.clock = Clock(NOW - timedelta(days=1))
    for act in (
        lambda: town.approve(CY),
        town.release,
        lambda: town.register(Actor("bo", "health")),
        lambda: release.revoke_approver(town.desk, town.keys["ann"].fingerprint, POLICE),
    ):
        with pytest.raises(ClockBehind):
            act()


def test_of_two_who_release_at_once_one_does_and_the_other_is_told(town: Town, database: Database) -> None:
    town.approve(ANN)
    town.approve(CY)

    def try_() -> str:
        with room.Database.open(database.app_url) as own:
            here = replace(town, desk=replace(town.desk, database=own, clock=Clock(NOW + timedelta(days=1))))
            try:
                return here.release().name
            except GuituError as error:
                return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: try_(), range(2))) == ["nothing_to_change", "tiny@2020.1"]


def test_a_trial_world_releases_candidates_by_keys_that_nobody_has(town: Town, database: Database) -> None:
    with pytest.raises(CommandMalformed, match="no world for trial"):
        trial.release_all(town.desk, [one.definition for one in town.library.definitions])
    with play_desk(database.app_url, known=True) as desk:
        trial.release_all(desk, [RULES.definition.model_copy(update={"status": "draft"})])  # nothing to release
        with pytest.raises(DefinitionNotReleased):
            ask(desk, cmd.OpenCase(case="", area="900101"))


def test_the_doctor_counts_releases_and_names_what_is_missing(town: Town, database: Database) -> None:
    town.in_force()
    lines = {
        one.name: (one.state, one.said.en) for one in installation.doctor(database.app_url, NOW, lambda: town.library)
    }
    assert lines["releases"] == ("ok", "1 released definitions, every signature is valid")
    assert lines["released:play"][0] == "warn"
