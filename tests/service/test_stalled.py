"""What stands still, as a supervisor and as an office of the joint conference are told it; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import CommandMalformed, NotPermitted
from engine.service import lists, stalls
from engine.service.desk import Desk, kept
from engine.service.participation import ended_after, refresh
from engine.service.stalls import StalledHandOff, stalled
from tests.core.play import READY, directory, unit
from tests.service.desks import CIVIL, ask, opened
from tests.service.ledger.opening import Book

POLICE_HEAD = Actor("officer-1", "police-a", role="unit_supervisor")
CIVIL_HEAD = Actor("officer-2", "civil-a", role="unit_supervisor")
JUSTICE_HEAD = Actor("officer-3", "justice", role="unit_supervisor")
NEXT_COUNTY = Actor("officer-4", "police-b", role="unit_supervisor")
OFFICE = Actor("officer-5", "justice", role="joint_conference")
NEXT_OFFICE = Actor("officer-6", "police-b", role="joint_conference")


def later(desk: Desk, **by: int) -> None:
    """Let time pass."""
    desk.clock.at += timedelta(**by)  # type: ignore[attr-defined]


def placed(desk: Desk) -> tuple[str, str]:
    """A new case of the police that is offered to civil affairs; and the hand-off."""
    case = opened(desk, **READY)
    (offer,) = ask(desk, cmd.Move(case=case, track="rescue", move="place", facts={"stay.since": "2025-01-01"})).offered
    return case, offer


def aided(desk: Desk) -> tuple[str, str]:
    """A new case of the police, whose legal aid is offered to justice; and the hand-off."""
    case = opened(desk)
    (offer,) = ask(desk, cmd.OpenTrack(case=case, track="aid")).offered
    return case, offer


def every(desk: Desk, actor: Actor, days: int = 7) -> list[StalledHandOff]:
    """Everything somebody is told, page by page."""
    found: list[StalledHandOff] = []
    page = stalled(desk, actor, days)
    found += page.lines
    while page.next is not None:
        page = stalled(desk, actor, days, after=page.next)
        found += page.lines
    return found


def told(desk: Desk, actor: Actor, days: int = 7) -> list[tuple[str, str, int]]:
    """What somebody is told of each hand-off: which one, how it stands, and for how many days."""
    return [(one.hand_off, one.state, one.days) for one in every(desk, actor, days)]


def test_both_sides_are_told_of_an_offer_that_nobody_answers_and_no_other_unit_is(desk: Desk) -> None:
    case, offer = placed(desk)
    assert told(desk, CIVIL_HEAD, 1) == [], "it was offered a moment ago"
    later(desk, days=8)
    (line,) = every(desk, CIVIL_HEAD)
    assert (line.hand_off, line.case, line.track, line.step) == (offer, case, "rescue", "placed")
    assert (line.unit.en, line.state, line.days) == ("civil-a", "offered", 8), "it is the receiver's turn"
    assert every(desk, POLICE_HEAD) == every(desk, OFFICE) == [line]
    assert every(desk, NEXT_COUNTY) == every(desk, NEXT_OFFICE) == []
    assert every(desk, JUSTICE_HEAD) == [], "it cooperates in the case, and this offer is none of its own"
    assert stalled(desk, CIVIL_HEAD, 7).counted_in == "calendar_days"
    assert told(desk, CIVIL_HEAD, 9) == []
    ask(desk, cmd.Accept(case=case, hand_off=offer), CIVIL)
    assert every(desk, CIVIL_HEAD, 0) == every(desk, POLICE_HEAD, 0) == []


def test_a_declined_offer_is_the_senders_until_it_is_offered_again(desk: Desk) -> None:
    case, offer = placed(desk)
    later(desk, days=3)
    ask(desk, cmd.Decline(case=case, hand_off=offer, reason="not_ours"), CIVIL)
    later(desk, days=2)
    assert told(desk, POLICE_HEAD, 2) == [(offer, "declined", 2)], "since it was declined, not since it was offered"
    assert told(desk, POLICE_HEAD, 3) == []
    assert told(desk, CIVIL_HEAD, 0) == [], "whoever declined has nothing to do any more"
    (again,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    later(desk, days=2)
    assert told(desk, POLICE_HEAD, 1) == told(desk, CIVIL_HEAD, 1) == [(again, "offered", 2)]


def test_a_list_goes_on_page_by_page_from_the_oldest_and_leaves_nothing_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalls, "PAGE", 2)
    offers = []
    for _ in range(5):
        offers.append(aided(desk)[1])
        later(desk, days=1)
    later(desk, days=10)
    for actor in (JUSTICE_HEAD, POLICE_HEAD, OFFICE):
        assert [line.hand_off for line in every(desk, actor)] == offers
        page = stalled(desk, actor, 7)
        assert (len(page.lines), page.next is None) == (2, False)
        assert page.next is not None
        assert offers[1] not in page.next, "a mark says nothing at a glance"
        exact = stalled(desk, actor, 7, after=stalled(desk, actor, 7, after=page.next).next)
        assert ([line.hand_off for line in exact.lines], exact.next) == (offers[4:], None)


def test_what_is_listed_lies_in_cases_of_the_unit_and_every_case_is_entered(desk: Desk) -> None:
    cases = {placed(desk)[0], aided(desk)[0]}
    later(desk, days=8)
    for actor in (POLICE_HEAD, CIVIL_HEAD, JUSTICE_HEAD):
        book = Book.at(desk)
        listed = {line.case for line in every(desk, actor)}
        entry = book.only()
        assert listed, actor
        assert listed <= {line.id for line in lists.cases_of(desk, actor).lines} & cases
        assert (entry.act, entry.event["role"], entry.event["purpose"]) == (
            "stall:list",
            "unit_supervisor",
            "supervision",
        )
        assert entry.event["policies"] == ["supervisor-sees-what-stalls"]
        assert len(entry.records) == len(listed)


def test_a_unit_carries_the_work_of_those_merged_into_it_and_is_told_each_offer_once(desk: Desk) -> None:
    _, offer = placed(desk)
    later(desk, days=8)
    before, after = directory(), directory(unit("bureau", "900101", "police", "civil_affairs"))
    units = {
        name: unit(name, one.jurisdiction, *one.functions, merged_into="bureau" if name.endswith("-a") else None)
        for name, one in after.units.items()
    }
    merged = type(after)(after.jurisdictions, units)
    with kept(desk.database) as work:
        work.save_directory(merged)
        refresh(work, before, merged, desk.clock())
    desk.forget()
    assert told(desk, Actor("officer-7", "bureau", role="unit_supervisor")) == [(offer, "offered", 8)]


def test_nobody_else_is_told(desk: Desk) -> None:
    for role in ("caseworker", "custodian", "administrator", "auditor", "service", "reader"):
        with pytest.raises(NotPermitted):
            stalled(desk, Actor("officer-8", "police-a", role=role), 7)


def test_days_and_marks_that_are_none_are_refused(desk: Desk) -> None:
    for days in (-1, stalls.MOST_DAYS + 1):
        with pytest.raises(CommandMalformed):
            stalled(desk, OFFICE, days)
    for mark in ("", "x", "MjAyNg==", "\N{SNOWMAN}", "A" * 1000):
        with pytest.raises(CommandMalformed):
            stalled(desk, POLICE_HEAD, 7, after=mark)


def test_behind_the_second_wall_a_unit_finds_nothing_of_cases_it_has_no_part_in(desk: Desk) -> None:
    _, offer = placed(desk)
    later(desk, days=8)
    now = desk.clock()
    for units, seen in ((["civil-a"], [offer]), (["civil-b"], []), ([], [])):
        with desk.database.reading() as work:
            work.narrow(units, ended_after(now))
            found = [line.id for line in work.stalled_of("civil-a", ended_after(now), now, 10)]
        # SQLite has no such wall; there the query alone keeps to the unit that is asked about.
        assert found == (seen if desk.database.kind == "postgresql" else [offer])
