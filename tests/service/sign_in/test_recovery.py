"""Recovery: two administrators, neither of them the person, time to object, and what is over afterwards."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from engine.core.commands import Actor
from engine.errors import (
    MemberMissing,
    NotPermitted,
    NotSignedIn,
    RecoveryImpossible,
    RecoveryNeeded,
    RecoveryUnknown,
    SelfGrant,
    SignInFailed,
    StrongSignInNeeded,
)
from engine.service import notices, people, recovery, second_factors, sessions, sign_in, tickets
from engine.service.sign_in_rules import shipped
from tests.service.sign_in.household import OFFICE, Household
from tests.signed import signed

FIRST, SECOND = signed(Actor("admin-1", "justice")), signed(Actor("admin-2", "justice"))
HERSELF = signed(Actor("officer-1", "police-a"))
SUPERVISOR = signed(Actor("supervisor-1", "police-a"))


def waited(home: Household) -> str:
    """The code of a recovery of the officer that two administrators agreed on and that waited."""
    asked = recovery.ask(home.desk, FIRST, "officer-1")
    recovery.approve(home.desk, SECOND, asked.recovery)
    home.later(hours=shipped().recovery_wait_hours)
    return asked.recovery


def test_two_administrators_and_time_give_a_sign_in_back(either_offices: Household) -> None:
    home = either_offices
    old, half = home.sign_in("officer-1"), home.half("officer-1")
    code = waited(home)
    ticket = recovery.complete(home.desk, SECOND, code)
    with pytest.raises(NotSignedIn):
        sessions.present(home.desk, old.token)
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)
    home.enrol("officer-1", ticket.ticket)
    assert home.sign_in("officer-1")
    with pytest.raises(RecoveryImpossible):
        recovery.complete(home.desk, SECOND, code)


PEOPLE = {"admin-1": FIRST, "admin-2": SECOND, "officer-1": HERSELF, "supervisor-1": SUPERVISOR}


@pytest.mark.parametrize("subject", ["officer-1", "admin-2"])
def test_whoever_asks_and_approves_are_two_administrators_and_not_the_person(offices: Household, subject: str) -> None:
    """Every order of all four people: one asks, one approves, one completes."""
    went_well = set()
    for asks, approves, completes in product(PEOPLE, repeat=3):
        asked = ""
        try:
            asked = recovery.ask(offices.desk, PEOPLE[asks], subject).recovery
            recovery.approve(offices.desk, PEOPLE[approves], asked)
            offices.later(hours=shipped().recovery_wait_hours)
            recovery.complete(offices.desk, PEOPLE[completes], asked)
            went_well.add((asks, approves, completes))
        except (NotPermitted, SelfGrant):
            if asked:
                recovery.stop(offices.desk, FIRST, asked)
    chiefs = {"admin-1", "admin-2"} - {subject}
    pairs = set(permutations(chiefs, 2))
    assert went_well == {(one, two, three) for one, two in pairs for three in chiefs}


def test_nothing_is_completed_before_it_was_approved_and_waited(offices: Household) -> None:
    desk = offices.desk
    asked = recovery.ask(desk, FIRST, "officer-1").recovery
    with pytest.raises(RecoveryImpossible):
        recovery.complete(desk, SECOND, asked)
    found = recovery.approve(desk, SECOND, asked)
    assert found.state == "waiting"
    with pytest.raises(RecoveryImpossible):
        recovery.approve(desk, SECOND, asked)
    offices.later(hours=shipped().recovery_wait_hours, seconds=-30)
    with pytest.raises(RecoveryImpossible):
        recovery.complete(desk, FIRST, asked)
    offices.later(seconds=30)
    assert recovery.listed(desk, FIRST)[0].state == "ready"
    assert recovery.complete(desk, FIRST, asked).person == "officer-1"
    assert recovery.listed(desk, FIRST)[0].state == "completed"


def test_an_approval_asks_for_the_second_factor_again(offices: Household) -> None:
    asked = recovery.ask(offices.desk, FIRST, "officer-1").recovery
    token = offices.sign_in("admin-2").token
    offices.later(minutes=shipped().strong_minutes)
    with pytest.raises(StrongSignInNeeded):
        recovery.approve(offices.desk, sessions.present(offices.desk, token), asked)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("is_approved", [False, True])
def test_the_person_her_supervisor_and_an_administrator_stop_it(
    offices: Household, who: str, is_approved: bool
) -> None:
    asked = recovery.ask(offices.desk, FIRST, "officer-1").recovery
    if is_approved:
        recovery.approve(offices.desk, SECOND, asked)
    assert recovery.stop(offices.desk, PEOPLE[who], asked).state == "stopped"
    offices.later(hours=shipped().recovery_wait_hours)
    for again in (recovery.stop, recovery.approve, recovery.complete):
        with pytest.raises(RecoveryImpossible):
            again(offices.desk, SECOND, asked)
    assert offices.sign_in("officer-1")


def test_nobody_else_knows_of_it(offices: Household) -> None:
    desk = offices.desk
    for person, unit, role in (("officer-2", "police-a", "caseworker"), ("supervisor-2", "civil-a", "unit_supervisor")):
        people.add(desk, person, FIRST)
        people.grant(desk, person, unit, role, FIRST)
        actor = signed(Actor(person, unit))
        asked = recovery.ask(desk, FIRST, "officer-1").recovery
        with pytest.raises(RecoveryUnknown):
            recovery.stop(desk, actor, asked)
        assert recovery.listed(desk, actor) == []
        with pytest.raises(RecoveryUnknown):
            recovery.stop(desk, actor, "V-0000")
        recovery.stop(desk, FIRST, asked)
    for known in (HERSELF, SUPERVISOR):
        assert {one.person for one in recovery.listed(desk, known)} == {"officer-1"}


def test_the_person_and_her_supervisors_are_told_at_once_and_when_it_is_done(either_offices: Household) -> None:
    home = either_offices
    code = waited(home)
    recovery.complete(home.desk, FIRST, code)
    for told in (HERSELF, SUPERVISOR):
        found = [(one.kind, one.about) for one in notices.listed(home.desk, told).lines]
        assert found == [("recovery_done", code), ("recovery_asked", code)]


def test_one_recovery_goes_on_at_a_time_and_none_for_good(offices: Household) -> None:
    desk = offices.desk
    asked = recovery.ask(desk, FIRST, "officer-1")
    with pytest.raises(RecoveryImpossible):
        recovery.ask(desk, SECOND, "officer-1")
    offices.later(hours=shipped().recovery_valid_hours)
    for late in (recovery.approve, recovery.complete):
        with pytest.raises(RecoveryImpossible):
            late(desk, SECOND, asked.recovery)
    again = recovery.ask(desk, SECOND, "officer-1")
    assert [one.state for one in recovery.listed(desk, FIRST)] == ["asked", "expired"]
    assert recovery.approve(desk, FIRST, again.recovery).state == "waiting"


def test_only_for_somebody_who_is_enrolled(offices: Household) -> None:
    with pytest.raises(MemberMissing):
        recovery.ask(offices.desk, FIRST, "nobody-9")
    asked = recovery.ask(offices.desk, FIRST, "officer-1").recovery
    recovery.approve(offices.desk, SECOND, asked)
    people.deactivate(offices.desk, "officer-1", FIRST)
    offices.later(hours=shipped().recovery_wait_hours)
    with pytest.raises(MemberMissing):
        recovery.complete(offices.desk, FIRST, asked)


def test_one_administrator_alone_gets_past_nobodys_second_factor(offices: Household) -> None:
    with pytest.raises(RecoveryNeeded):
        tickets.issue(offices.desk, FIRST, "officer-1")
    with pytest.raises(SelfGrant):
        tickets.issue(offices.desk, FIRST, "admin-1")
    with pytest.raises(MemberMissing):
        tickets.issue(offices.desk, FIRST, "nobody-9")
    with pytest.raises(NotPermitted):
        tickets.issue(offices.desk, SUPERVISOR, "officer-1")


def test_neither_the_old_password_nor_the_old_second_factor_counts_any_more(offices: Household) -> None:
    """Who knows the password alone cannot enrol a second factor in her place."""
    ticket = recovery.complete(offices.desk, FIRST, waited(offices)).ticket
    with pytest.raises(SignInFailed):
        sign_in.begin(offices.desk, "officer-1", offices.passwords["officer-1"], source=OFFICE)
    actor = sessions.present_enrolling(offices.desk, sign_in.with_ticket(offices.desk, ticket, source=OFFICE).token)
    assert second_factors.listed(offices.desk, actor) == []


def test_who_comes_back_after_being_deactivated_begins_anew(offices: Household) -> None:
    token = offices.sign_in("officer-1").token
    people.deactivate(offices.desk, "officer-1", FIRST)
    people.add(offices.desk, "officer-1", FIRST)
    with pytest.raises(NotSignedIn):
        sessions.present(offices.desk, token)
    with pytest.raises(SignInFailed):
        offices.half("officer-1")
    offices.enrol("officer-1", tickets.issue(offices.desk, FIRST, "officer-1").ticket)
    assert offices.sign_in("officer-1")
