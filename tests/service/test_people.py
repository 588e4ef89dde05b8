"""People: roles for a time, several at once, deputies, moves, leaving; who may not hold what, and who gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from engine.core.commands import Actor
from engine.core.roles import Membership
from engine.errors import (
    AdministratorKnown,
    CommandMalformed,
    DeputyImpossible,
    GuituError,
    HistoryBroken,
    LastAdministrator,
    MemberMissing,
    MembershipOver,
    NothingToChange,
    NotPermitted,
    PassphraseWrong,
    RolesConflict,
    SelfGrant,
    UnitUnknown,
)
from engine.service import people
from engine.service.admission import admit
from engine.service.desk import Desk, kept
from engine.service.safe import Safe
from engine.store.database import Database as Store
from tests.conftest import Database
from tests.core.play import START, directory, unit
from tests.core.test_roles import APART
from tests.service.desks import Clock, play_desk
from tests.signed import signed_in

CHIEF, SECOND = signed_in("admin-1", "justice"), signed_in("admin-2", "health")
DAY = timedelta(days=1)


@dataclass
class Office:
    """An installation with one administrator, and short ways to manage its people as her."""

    desk: Desk

    @property
    def clock(self) -> Clock:
        """The clock of the desk."""
        return cast("Clock", self.desk.clock)

    def has(self, person: str, *roles: tuple[str, str]) -> None:
        """Enrol somebody with roles, each ``(unit, role)``, for good."""
        people.add(self.desk, person, CHIEF)
        for of_unit, role in roles:
            people.grant(self.desk, person, of_unit, role, CHIEF)

    def roles(self, person: str) -> set[tuple[str, str, str | None]]:
        """Unit, role and who is stood in for, of every role somebody holds now."""
        with self.desk.database.reading() as work:
            found = work.member(person)
        assert found is not None
        now = self.clock()
        return {(one.unit, one.role, one.deputy_for) for one in found.memberships if one.holds(now)}

    def every(self, person: str) -> tuple[Membership, ...]:
        """Every role somebody ever had."""
        with self.desk.database.reading() as work:
            found = work.member(person)
        assert found is not None
        return found.memberships

    def may_act(self, person: str, of_unit: str) -> bool:
        """Whether somebody is admitted for a unit now."""
        try:
            with self.desk.database.reading() as work:
                admit(self.desk, Actor(person, of_unit), work)
        except GuituError:
            return False
        return True


@pytest.fixture
def office(installation: Database) -> Iterator[Office]:
    """Give an installation whose first administrator enrolled herself."""
    with play_desk(installation.app_url, released=()) as desk:
        people.init_first(desk, CHIEF)
        yield Office(desk)


# ── the first one ──


def test_the_first_administrator_is_whoever_opens_the_root_keys(installation: Database) -> None:
    with play_desk(installation.app_url, released=()) as desk:

        def wrong() -> Any:
            raise PassphraseWrong("口令不对", "wrong")

        with pytest.raises(PassphraseWrong):
            people.init_first(replace(desk, safe=Safe(wrong, desk.clock)), CHIEF)
        with pytest.raises(UnitUnknown):
            people.init_first(desk, Actor("admin-1", "nowhere"))
        found = people.init_first(desk, CHIEF).member
        assert [(one.unit, one.role, one.until) for one in found.memberships] == [("justice", "administrator", None)]
        for again in (CHIEF, SECOND):
            with pytest.raises(AdministratorKnown):
                people.init_first(desk, again)


def test_only_an_administrator_manages_people(office: Office) -> None:
    office.has("officer-1", ("police-a", "unit_supervisor"), ("police-a", "caseworker"))
    for role in ("unit_supervisor", "caseworker"):
        with pytest.raises(NotPermitted):
            people.add(office.desk, "officer-2", signed_in("officer-1", "police-a", role))


# ── giving and ending ──


def test_a_role_is_given_for_good_or_for_a_time_and_ended_at_once(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"))
    soon, later = START + 2 * DAY, START + 4 * DAY
    people.grant(office.desk, "officer-1", "civil-b", "reader", CHIEF, since=soon, until=later)
    assert office.roles("officer-1") == {("police-a", "caseworker", None)}
    office.clock.at = soon + DAY
    assert office.roles("officer-1") == {("police-a", "caseworker", None), ("civil-b", "reader", None)}
    (ended,) = people.end(office.desk, "officer-1", "police-a", "caseworker", CHIEF)
    assert ended.unit == "police-a"
    assert ended in office.every("officer-1"), "as it stands on record now"
    assert office.roles("officer-1") == {("civil-b", "reader", None)}
    office.clock.at = later
    assert office.roles("officer-1") == set()
    assert [one.ended_by for one in office.every("officer-1")] == ["admin-1@justice", None]
    with pytest.raises(NothingToChange):
        people.end(office.desk, "officer-1", "civil-b", "reader", CHIEF)


def test_a_role_that_is_ended_before_it_begins_never_begins(office: Office) -> None:
    office.has("officer-1")
    soon = START + DAY
    people.grant(office.desk, "officer-1", "police-a", "caseworker", CHIEF, since=soon)
    people.end(office.desk, "officer-1", "police-a", "caseworker", CHIEF)
    for at in (START + timedelta(hours=1), soon, soon + DAY):
        office.clock.at = at
        assert office.roles("officer-1") == set()


NOT_GIVEN: tuple[tuple[str, str, str, type[GuituError]], ...] = (
    ("officer-1", "nowhere", "caseworker", UnitUnknown),
    ("officer-1", "police-old", "caseworker", UnitUnknown),
    ("officer-1", "police-a", "king", CommandMalformed),
    ("officer-1", "police-a", "reader", NothingToChange),
    ("officer-9", "police-a", "caseworker", MemberMissing),
    ("Wang Er", "police-a", "caseworker", CommandMalformed),
    ("admin-1", "police-a", "reader", SelfGrant),
)


def test_what_cannot_be_given_is_not_given(office: Office) -> None:
    merged = replace(unit("police-old", "900101", "police"), merged_into="police-a")
    with kept(office.desk.database) as work:
        work.save_directory(directory(merged))
    office.has("officer-1", ("police-a", "reader"))
    for person, of_unit, role, error in NOT_GIVEN:
        with pytest.raises(error):
            people.grant(office.desk, person, of_unit, role, CHIEF)


def test_a_period_begins_now_or_later_and_ends_after_it_begins(office: Office) -> None:
    office.has("officer-1")
    before, after, later = START - DAY, START + DAY, START + 2 * DAY
    for since, until in ((before, None), (None, before), (later, after), (after, after)):
        with pytest.raises(CommandMalformed):
            people.grant(office.desk, "officer-1", "police-a", "caseworker", CHIEF, since=since, until=until)
    assert office.every("officer-1") == ()


# ── who may not be what ──


def test_roles_that_nobody_may_hold_at_once_are_refused_either_way(office: Office) -> None:
    office.has("officer-1")
    for one, other in sorted(APART | {(other, one) for one, other in APART}):
        people.grant(office.desk, "officer-1", "police-a", one, CHIEF)
        with pytest.raises(RolesConflict) as refused:
            people.grant(office.desk, "officer-1", "civil-b", other, CHIEF)
        assert [reason.code for reason in refused.value.reasons] == [f"{other}_{one}"]
        people.end(office.desk, "officer-1", "police-a", one, CHIEF)


def test_a_refusal_names_every_conflict_and_periods_that_never_meet_do_not_conflict(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"), ("civil-b", "custodian"), ("civil-b", "reader"))
    with pytest.raises(RolesConflict) as refused:
        people.grant(office.desk, "officer-1", "health", "auditor", CHIEF, since=START + 9 * DAY)
    assert {reason.code for reason in refused.value.reasons} == {"auditor_caseworker", "auditor_custodian"}
    office.has("officer-2")
    people.grant(office.desk, "officer-2", "police-a", "caseworker", CHIEF, until=START + 9 * DAY)
    people.grant(office.desk, "officer-2", "health", "auditor", CHIEF, since=START + 9 * DAY)
    with pytest.raises(RolesConflict):
        people.grant(office.desk, "officer-2", "police-b", "caseworker", CHIEF, since=START + DAY)


# ── deputies ──


def test_a_deputy_holds_for_a_time_what_another_holds_in_that_unit_and_says_so(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"), ("police-a", "unit_supervisor"), ("civil-a", "reader"))
    office.has("officer-2", ("police-a", "caseworker"))
    people.grant(office.desk, "officer-1", "police-a", "custodian", CHIEF, until=START + 3 * DAY)
    begins, ends = START + DAY, START + 5 * DAY
    given = people.deputy(office.desk, "officer-1", "officer-2", "police-a", CHIEF, since=begins, until=ends)
    assert {(one.role, one.since, one.until) for one in given} == {
        ("unit_supervisor", begins, ends), ("custodian", begins, START + 3 * DAY),
    }  # fmt: skip
    own = {("police-a", "caseworker", None)}
    assert office.roles("officer-2") == own
    office.clock.at = begins
    standing_in = {("police-a", "unit_supervisor", "officer-1"), ("police-a", "custodian", "officer-1")}
    assert office.roles("officer-2") == own | standing_in
    office.clock.at = ends
    assert office.roles("officer-2") == own


def test_what_a_deputy_holds_ends_with_what_is_stood_in_for(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"), ("police-a", "reporter"))
    office.has("officer-2")
    people.deputy(office.desk, "officer-1", "officer-2", "police-a", CHIEF, until=START + 9 * DAY)
    ended = people.end(office.desk, "officer-1", "police-a", "caseworker", CHIEF)
    assert [(one.person, one.role) for one in ended] == [("officer-1", "caseworker"), ("officer-2", "caseworker")]
    assert office.roles("officer-2") == {("police-a", "reporter", "officer-1")}
    people.deactivate(office.desk, "officer-1", CHIEF)
    assert office.roles("officer-2") == set()


def test_nobody_stands_in_for_an_administrator_an_auditor_or_a_deputy(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"))
    office.has("officer-2")
    office.has("officer-3")
    office.has("auditor-1", ("health", "auditor"))
    office.has("admin-2", ("justice", "administrator"))
    until = START + 9 * DAY
    people.deputy(office.desk, "officer-1", "officer-2", "police-a", CHIEF, until=until)
    for away, of_unit in (("admin-2", "justice"), ("auditor-1", "health"), ("officer-2", "police-a")):
        with pytest.raises(DeputyImpossible):
            people.deputy(office.desk, away, "officer-3", of_unit, CHIEF, until=until)
    for stands_in, error in (("officer-1", DeputyImpossible), ("admin-1", SelfGrant), ("auditor-1", RolesConflict)):
        with pytest.raises(error):
            people.deputy(office.desk, "officer-1", stands_in, "police-a", CHIEF, until=until)


# ── moving and leaving ──


def test_whoever_moves_is_out_of_the_old_unit_at_once_and_works_in_the_new_one(office: Office) -> None:
    until = START + 30 * DAY
    office.has("officer-1", ("police-a", "custodian"), ("civil-a", "reader"))
    people.grant(office.desk, "officer-1", "police-a", "caseworker", CHIEF, until=until)
    office.has("officer-2", ("police-a", "reporter"))
    people.deputy(office.desk, "officer-2", "officer-1", "police-a", CHIEF, until=until)
    assert office.may_act("officer-1", "police-a")
    found = people.move(office.desk, "officer-1", "police-a", "police-b", CHIEF)
    assert office.roles("officer-1") == {("police-b", "caseworker", None), ("civil-a", "reader", None)}
    assert [one.until for one in found.memberships if one.unit == "police-b"] == [until]
    assert not office.may_act("officer-1", "police-a")
    assert office.may_act("officer-1", "police-b")
    with office.desk.database.reading() as work, pytest.raises(MembershipOver):
        admit(office.desk, Actor("officer-1", "police-a"), work)
    for from_unit, to_unit in (("police-a", "police-b"), ("police-b", "police-b")):
        with pytest.raises(NothingToChange):
            people.move(office.desk, "officer-1", from_unit, to_unit, CHIEF)
    with pytest.raises(SelfGrant):
        people.move(office.desk, "admin-1", "justice", "health", CHIEF)


def test_whoever_left_may_act_no_more_and_can_be_enrolled_anew(office: Office) -> None:
    office.has("officer-1", ("police-a", "caseworker"), ("police-b", "caseworker"))
    people.grant(office.desk, "officer-1", "civil-a", "reader", CHIEF, since=START + DAY)
    assert len(people.deactivate(office.desk, "officer-1", CHIEF)) == 3
    assert not office.may_act("officer-1", "police-a")
    for act in (
        lambda: people.grant(office.desk, "officer-1", "police-a", "reader", CHIEF),
        lambda: people.deactivate(office.desk, "officer-1", CHIEF),
    ):
        with pytest.raises(MemberMissing):
            act()
    people.add(office.desk, "officer-1", CHIEF)
    office.clock.at += 2 * DAY
    assert office.roles("officer-1") == set()
    people.grant(office.desk, "officer-1", "police-a", "caseworker", CHIEF)
    assert office.may_act("officer-1", "police-a")
    with pytest.raises(NothingToChange):
        people.add(office.desk, "officer-1", CHIEF)


# ── the last administrator ──


def test_the_last_administrator_cannot_go(office: Office) -> None:
    office.has("admin-2")
    people.grant(office.desk, "admin-2", "health", "administrator", CHIEF, until=START + 9 * DAY)
    goes: tuple[Callable[[], object], ...] = (
        lambda: people.end(office.desk, "admin-1", "justice", "administrator", SECOND),
        lambda: people.deactivate(office.desk, "admin-1", SECOND),
        lambda: people.move(office.desk, "admin-1", "justice", "health", SECOND),
        lambda: people.deactivate(office.desk, "admin-1", CHIEF),
    )
    for go in goes:
        with pytest.raises(LastAdministrator):
            go()
    people.end(office.desk, "admin-2", "health", "administrator", CHIEF)
    people.grant(office.desk, "admin-2", "health", "administrator", CHIEF)
    people.deactivate(office.desk, "admin-1", SECOND)
    assert office.roles("admin-1") == set()
    with pytest.raises(LastAdministrator):
        people.deactivate(office.desk, "admin-2", SECOND)


def test_of_two_last_administrators_who_leave_at_once_one_stays(office: Office, installation: Database) -> None:
    office.has("admin-2", ("health", "administrator"))

    def leave(actor: Actor) -> str:
        with play_desk(installation.app_url, known=True, since=office.clock.at) as desk:
            try:
                people.deactivate(desk, actor.person, actor)
            except GuituError as refusal:
                return refusal.code
        return "left"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, (CHIEF, SECOND))) == ["last_administrator", "left"]


# ── who sees whom ──


def test_an_administrator_sees_everybody_and_a_supervisor_her_own_unit(office: Office) -> None:
    office.has("officer-1", ("police-a", "unit_supervisor"), ("civil-b", "reader"))
    office.has("officer-2", ("police-b", "caseworker"))
    people.deactivate(office.desk, "officer-2", CHIEF)
    head = signed_in("officer-1", "police-a")
    everybody = people.people_of(office.desk, None, CHIEF)
    assert [one.person for one in everybody] == ["admin-1", "officer-1", "officer-2"]
    assert [one.person for one in people.people_of(office.desk, "police-b", CHIEF)] == ["officer-2"]
    (own,) = people.people_of(office.desk, None, head)
    assert (own.person, [one.unit for one in own.memberships]) == ("officer-1", ["police-a"])
    for of_unit, actor in (("police-b", head), (None, replace(head, unit="civil-b"))):
        with pytest.raises(NotPermitted):
            people.people_of(office.desk, of_unit, actor)
    line = people.member_line(everybody[2], office.clock())
    assert [role["state"] for role in cast("list[dict[str, object]]", line["roles"])] == ["over"]


# ── what the database itself refuses ──


def test_a_row_of_people_is_ended_once_and_never_rewritten(office: Office, installation: Database) -> None:
    office.has("officer-1", ("police-a", "caseworker"))
    people.end(office.desk, "officer-1", "police-a", "caseworker", CHIEF)
    ended = office.every("officer-1")[0]
    at = office.clock()
    acts: tuple[Callable[[Any], None], ...] = (
        lambda work: work.end_roles([ended], at=at, ended_by="x"),
        lambda work: work.enrol_again("officer-1", at=at, added_by="x"),
        lambda work: work.enrol("officer-1", at=at, added_by="x"),
        lambda work: work.grant_role(replace(ended, role="king")),
        lambda work: work.grant_role(replace(ended, person="nobody")),
        lambda work: work.grant_role(replace(ended, until=at - DAY)),
    )
    for act in acts:
        with Store.open(installation.app_url) as store, store.writing() as work, pytest.raises(HistoryBroken):
            act(work)


def test_a_unit_with_people_does_not_vanish_from_the_directory(office: Office) -> None:
    office.has("officer-1", ("police-n", "caseworker"))
    known = directory()
    without = replace(known, units={name: one for name, one in known.units.items() if name != "police-n"})
    with pytest.raises(GuituError, match="police-n"), office.desk.database.writing() as work:
        work.save_directory(without)
