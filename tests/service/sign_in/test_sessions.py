"""Sessions: who is signed in, until when, for which unit, and how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core.commands import Actor
from engine.errors import CommandMalformed, NotSignedIn, TrialRefused, UnitUnclear
from engine.service import people, sessions
from engine.service.sign_in_rules import shipped, sign_in_rules
from engine.store.wires import Wire
from tests.service.desks import play_desk
from tests.service.sign_in.household import Household
from tests.signed import PROOF, signed


def test_a_sign_in_for_trial_acts_for_the_unit_it_was_begun_for(database_url: str) -> None:
    with play_desk(database_url, released=()) as desk:
        begun = sessions.begin_trial(desk, "officer-1", "police-a", "caseworker")
        actor = sessions.present(desk, begun.token)
        assert (actor.person, actor.unit, actor.role) == ("officer-1", "police-a", "caseworker")
        assert actor.proof is not None
        assert actor.proof.sign_in == begun.sign_in
        elsewhere = sessions.present(desk, begun.token, unit="civil-a", purpose="supervision")
        assert (elsewhere.unit, elsewhere.role, elsewhere.purpose) == ("civil-a", None, "supervision")
        for wrong in ({"unit": "two words"}, {"role": "queen"}, {"purpose": "two words"}):
            with pytest.raises(CommandMalformed):
                sessions.present(desk, begun.token, **wrong)


def test_in_earnest_nobody_is_signed_in_for_trial(newcomers: Household) -> None:
    with pytest.raises(TrialRefused):
        sessions.begin_trial(newcomers.desk, "officer-1", "police-a")


def test_a_token_of_nobody_is_refused(newcomers: Household) -> None:
    token = sessions.begin_as(newcomers.desk, "officer-1").token
    for words in ("", "gts_", token[:-1], token + "x", token.swapcase(), "gts_" + "A" * 43, "\x00"):
        with pytest.raises(NotSignedIn):
            sessions.present(newcomers.desk, words)
    assert sessions.present(newcomers.desk, token).person == "officer-1"


def test_whoever_has_one_unit_need_not_name_it_and_whoever_has_two_must(newcomers: Household) -> None:
    desk, chief = newcomers.desk, signed(Actor("admin-1", "justice"))
    token = sessions.begin_as(desk, "officer-1", strong=True).token
    assert sessions.present(desk, token).unit == "police-a"
    people.grant(desk, "officer-1", "civil-a", "caseworker", chief)
    with pytest.raises(UnitUnclear) as unclear:
        sessions.present(desk, token)
    assert unclear.value.details["units"] == ["civil-a", "police-a"]
    assert sessions.present(desk, token, unit="civil-a").unit == "civil-a"
    for unit in ("civil-a", "police-a"):
        people.end(desk, "officer-1", unit, "caseworker", chief)
    with pytest.raises(UnitUnclear):
        sessions.present(desk, token)


def test_a_sign_in_that_is_not_used_is_over_and_one_that_is_used_goes_on(newcomers: Household) -> None:
    rules, used = shipped(), sessions.begin_as(newcomers.desk, "officer-1")
    unused = sessions.begin_as(newcomers.desk, "supervisor-1")
    for _ in range(3):
        newcomers.later(minutes=rules.idle_minutes * 0.75)
        sessions.present(newcomers.desk, used.token)
    with pytest.raises(NotSignedIn):
        sessions.present(newcomers.desk, unused.token)
    newcomers.later(minutes=rules.idle_minutes)
    with pytest.raises(NotSignedIn):
        sessions.present(newcomers.desk, used.token)


def test_a_sign_in_is_over_when_its_time_has_come_however_much_it_is_used(newcomers: Household) -> None:
    begun = sessions.begin_as(newcomers.desk, "officer-1")
    with pytest.raises(NotSignedIn):  # noqa: PT012 - it is used until it is over
        while True:
            newcomers.later(minutes=20)
            sessions.present(newcomers.desk, begun.token)
    assert timedelta() <= newcomers.desk.clock() - begun.ends_at < timedelta(minutes=21)


def test_when_it_was_used_last_is_written_once_a_minute(newcomers: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    token, written = sessions.begin_as(newcomers.desk, "officer-1").token, []
    real = Wire.write

    def write(self: Wire, statement: object, values: tuple[object, ...] = ()) -> int:
        written.append(values)
        return real(self, statement, values)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "write", write)
    for _ in range(20):
        sessions.present(newcomers.desk, token)
    assert written == []
    newcomers.later(seconds=60)
    for _ in range(20):
        sessions.present(newcomers.desk, token)
    assert len(written) == 1


def test_signing_out_ends_one_and_signing_out_everywhere_all(newcomers: Household) -> None:
    desk = newcomers.desk
    first, second, third = (sessions.begin_as(desk, "officer-1") for _ in range(3))
    other = sessions.begin_as(desk, "supervisor-1")
    sessions.end(desk, first.token)
    with pytest.raises(NotSignedIn):
        sessions.end(desk, first.token)
    actor = sessions.present(desk, second.token)
    assert sessions.end_all(desk, actor) == 2
    for token in (first.token, second.token, third.token):
        with pytest.raises(NotSignedIn):
            sessions.present(desk, token)
    with pytest.raises(NotSignedIn):
        sessions.listed(desk, actor)
    assert sessions.present(desk, other.token).person == "supervisor-1"


def test_a_list_of_sign_ins_tells_of_her_own_and_how_each_ended(either_home: Household) -> None:
    desk = either_home.desk
    idle, ended = sessions.begin_as(desk, "officer-1"), sessions.begin_as(desk, "officer-1")
    sessions.end(desk, ended.token)
    either_home.later(minutes=shipped().idle_minutes)
    this = sessions.begin_as(desk, "officer-1")
    sessions.begin_as(desk, "admin-1")
    found = {one.sign_in: one for one in sessions.listed(desk, sessions.present(desk, this.token))}
    assert [one for one in found if found[one].is_this] == [this.sign_in]
    assert (found[idle.sign_in].ended_why, found[ended.sign_in].ended_why) == ("idle", "signed_out")
    assert found[this.sign_in].ended_at is None
    assert {one.ended_why for one in found.values()} == {None, "idle", "signed_out"}


def test_nobody_lists_or_ends_sign_ins_without_one_of_her_own(newcomers: Household) -> None:
    mine = sessions.begin_as(newcomers.desk, "officer-1")
    actor = sessions.present(newcomers.desk, mine.token)
    for wrong in (Actor("officer-1", "police-a"), signed(Actor("officer-1", "police-a"), PROOF),
                  Actor("supervisor-1", "police-a", proof=actor.proof)):  # fmt: skip
        for act in (sessions.listed, sessions.end_all):
            with pytest.raises(NotSignedIn):
                act(newcomers.desk, wrong)


def test_whom_another_house_proves_must_be_enrolled_here(newcomers: Household) -> None:
    for person in ("nobody-9", "officer-1"):
        if person == "officer-1":
            people.deactivate(newcomers.desk, person, signed(Actor("admin-1", "justice")))
        with pytest.raises(NotSignedIn):
            sessions.begin_as(newcomers.desk, person)


def test_the_figures_are_local_settings_and_no_wait_is_long(tmp_path: object) -> None:
    rules = sign_in_rules()
    assert rules.provenance == "deployer"
    assert rules.most_delay_seconds <= 300
    assert (rules.idle_minutes, rules.absolute_hours, rules.strong_minutes) == (30, 12, 10)
