"""A case goes in as the difference one command made, and comes out as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import events as ev
from engine.core.events import Recorded
from engine.errors import HistoryBroken, StaleRevision, StoreUnavailable
from engine.store.cases import StoredCase
from engine.store.database import Database
from engine.store.work import Work
from tests.store import story
from tests.store.story import CIVIL, NOON, PIN, POLICE, act, begin, keep, offer, save


def test_a_case_comes_out_as_it_went_in(store: Database) -> None:
    begin(store)
    with store.reading() as work:
        found = work.load_case("c1", for_update=False)
        events = work.events_of("c1")
        line = work.cases()[0]
    assert found == StoredCase("c1", 1, PIN.hash, b"content 1", 1, None, None)
    assert [(row.number, row.revision, row.kind, row.body) for row in events] == [
        (1, 1, "case_opened", b"body 1"),
        (2, 1, "track_opened", b"body 2"),
    ]
    assert (events[0].at, events[0].unit, events[0].person) == (NOON + timedelta(minutes=1), POLICE, "officer-7")
    assert (line.scope, line.status, line.opened_at) == ("victim", "open", NOON + timedelta(minutes=1))


def test_an_unknown_case_is_not_found(store: Database) -> None:
    with store.writing() as work:
        assert work.load_case("nobody", for_update=True) is None


def test_nothing_stays_unless_it_is_committed(store: Database) -> None:
    with store.writing() as work:
        story.pin(work)
        save(work, None, "c1", story.opened())
        assert work.count_cases() == 1
    with store.reading() as work:
        assert (work.count_cases(), work.pinned_definition(PIN.hash)) == (0, None)


def test_an_error_on_the_way_drops_everything(store: Database) -> None:
    case = begin(store)
    with pytest.raises(ZeroDivisionError):
        keep(store, lambda work: save(work, case, "c1", ev.NoteAdded("rescue", "secret")), lambda _: 1 // 0)
    with store.reading() as work:
        assert len(work.events_of("c1")) == 2


def test_history_goes_on_after_a_number(store: Database) -> None:
    case = act(store, begin(store), ev.NoteAdded("rescue", "x"))
    act(store, case, ev.NoteAdded("rescue", "y"))
    with store.reading() as work:
        assert [(row.number, row.revision) for row in work.history("c1", 2)] == [(3, 2), (4, 3)]


def test_a_stale_case_is_refused_and_leaves_nothing(store: Database) -> None:
    case = begin(store)
    act(store, case, ev.NoteAdded("rescue", "first"))
    with pytest.raises(StaleRevision):
        act(store, case, ev.TrackEnded("rescue"), ev.NoteAdded("rescue", "late"), ev.NoteAdded("rescue", "z"))
    with store.reading() as work:
        assert [row.number for row in work.events_of("c1")] == [1, 2, 3]
        assert work.held_by(POLICE)[0].status == "open"


def test_a_stale_case_without_new_events_is_refused_by_its_revision_alone(store: Database) -> None:
    case = begin(store)
    newer = act(store, case, ev.NoteAdded("rescue", "first"))
    with pytest.raises(StaleRevision), store.writing() as work:
        work.save_case(case, newer, b"late", [], [])


def test_a_case_id_is_taken_once(store: Database) -> None:
    begin(store)
    with pytest.raises(StaleRevision):
        begin(store)


def test_a_case_needs_its_definition(store: Database) -> None:
    with pytest.raises(HistoryBroken):
        keep(store, lambda work: save(work, None, "c1", story.opened()))


def test_after_an_error_commit_keeps_nothing(store: Database) -> None:
    case = begin(store)

    def swallow_an_error(work: Work) -> None:
        again = [Recorded(1, NOON, POLICE, "officer-7", story.opened())]
        with pytest.raises(StaleRevision):
            work.save_case(case, case, b"", again, [b""])

    with pytest.raises(StoreUnavailable):
        keep(store, lambda work: work.keep_answer("u", "k", "d" * 64, "c1", 1, b"", NOON), swallow_an_error)
    with store.reading() as work:
        assert work.find_answer("u", "k") is None


def test_tracks_are_listed_by_who_holds_them(store: Database) -> None:
    case = begin(store, "c1", ev.TrackOpened("medical", "examined", POLICE))
    with store.reading() as work:
        assert [line.track for line in work.held_by(POLICE)] == ["rescue", "medical"]
    case = act(store, case, ev.PersonAssigned("medical", "officer-9"), ev.Moved("rescue", "end", "found", "home", None))
    with store.reading() as work:
        held = work.held_by(POLICE)
    assert [(line.track, line.step, line.assignee) for line in held] == [("medical", "examined", "officer-9")]
    closed = act(store, case, ev.TrackEnded("medical"), ev.CaseClosed("archived"))
    with store.reading() as work:
        assert (work.held_by(POLICE), work.cases(status="open")) == ([], [])
        assert [line.outcome for line in work.cases(status="closed")] == ["archived"]
    act(store, closed, ev.CaseReopened("rescue", "found", POLICE, "new facts"))
    with store.reading() as work:
        assert [(line.status, line.outcome) for line in work.cases()] == [("open", None)]


def test_a_relocated_case_is_listed_in_its_new_area(store: Database) -> None:
    act(store, begin(store), ev.CaseRelocated("350121", "moved"))
    with store.reading() as work:
        assert [(line.area, line.revision) for line in work.cases()] == [("350121", 2)]


def listed(work: Work, unit: str) -> list[str]:
    """The cases a unit takes part in now."""
    return [line.id for line in work.case_page([unit], None, NOON).lines]


def test_cases_are_listed_page_by_page_and_by_unit(store: Database) -> None:
    for case_id in ("c1", "c2", "c3"):
        begin(store, case_id)
    with store.writing() as work:
        save(work, None, "c4", story.opened(), ev.TrackOpened("rescue", "found", CIVIL))
        work.commit()
    with store.reading() as work:
        assert [line.id for line in work.cases(limit=2)] == ["c1", "c2"]
        assert [line.id for line in work.cases(limit=2, after="c2")] == ["c3", "c4"]
        assert listed(work, CIVIL) == ["c4"]
        assert listed(work, POLICE) == ["c4", "c3", "c2", "c1"], "it opened the last one as well"
        assert work.count_cases() == 4


def test_the_victims_of_a_crime_are_found(store: Database) -> None:
    with store.writing() as work:
        story.pin(work)
        save(work, None, "crime", story.opened(criminal_case=True))
        for case_id in ("v2", "v1"):
            victim = save(work, None, case_id, story.opened())
            save(work, victim, case_id, ev.CriminalCaseLinked("crime"))
        work.commit()
    with store.reading() as work:
        assert work.victims_of("crime") == ["v1", "v2"]


def test_an_accepted_hand_off_moves_the_track_and_stays_on_record(store: Database) -> None:
    case = begin(store, "c1", offer("c1", 1))
    with store.reading() as work:
        waiting = work.hand_offs_for(CIVIL)
        assert [line.id for line in work.hand_offs_from(POLICE)] == ["c1/1"]
    assert [(line.id, line.kind, line.track, line.state) for line in waiting] == [("c1/1", "move", "rescue", "offered")]
    act(store, case, ev.HandOffAccepted("c1/1"), ev.Moved("rescue", "place", "found", "placed", CIVIL, "c1/1"))
    with store.reading() as work:
        assert work.hand_offs_for(CIVIL) == []
        assert [(line.step, line.hand_off) for line in work.held_by(CIVIL)] == [("placed", None)]
        assert listed(work, CIVIL) == ["c1"]


def test_a_declined_hand_off_can_be_offered_again(store: Database) -> None:
    case = begin(store, "c1", offer("c1", 1))
    case = act(store, case, ev.HandOffDeclined("c1/1", "no_capacity", "free text"))
    act(store, case, offer("c1", 2))
    with store.reading() as work:
        assert [line.id for line in work.hand_offs_for(CIVIL)] == ["c1/2"]


def test_a_reversed_acceptance_opens_the_same_hand_off_again(store: Database) -> None:
    case = begin(store, "c1", offer("c1", 1))
    case = act(store, case, ev.HandOffAccepted("c1/1"), ev.Moved("rescue", "place", "found", "placed", CIVIL, "c1/1"))
    act(store, case, ev.MoveReversed("rescue", case.events, "mistake"))
    with store.reading() as work:
        again = work.hand_offs_for(CIVIL)
        assert [(line.id, line.state, line.ended_at) for line in again] == [("c1/1", "offered", None)]
        assert [(line.step, line.hand_off) for line in work.held_by(POLICE)] == [("found", "c1/1")]


def test_a_whole_history_can_be_saved_at_once(store: Database) -> None:
    with store.writing() as work:
        story.pin(work)
        save(
            work, None, "c1", story.opened(), ev.TrackOpened("rescue", "found", POLICE), offer("c1", 1),
            ev.HandOffWithdrawn("c1/1", "free text"), offer("c1", 2), ev.HandOffAccepted("c1/2"),
            ev.Moved("rescue", "place", "found", "placed", CIVIL, "c1/2"), offer("c1", 3, "transfer", "police-2"),
        )  # fmt: skip
        work.commit()
    with store.reading() as work:
        assert [line.id for line in work.hand_offs_from(POLICE)] == ["c1/3"]
        assert [line.step for line in work.held_by(CIVIL)] == ["placed"]
