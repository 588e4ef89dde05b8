"""Pages of the cases of a unit, how many there are, and the hand-offs with which nobody goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core import events as ev
from engine.core.case import Case
from engine.core.directory import Directory, Jurisdiction
from engine.errors import CommandMalformed
from engine.store.database import Database
from engine.store.work import Work
from tests.core.play import unit
from tests.store.story import CIVIL, HEALTH, NOON, POLICE, act, begin, keep, offer

LATER = NOON + timedelta(days=1)


@pytest.fixture
def cases(store: Database) -> list[Case]:
    """Give five cases of the police: the last two are closed."""
    made = [begin(store, f"c{number}") for number in range(1, 6)]
    return [*made[:3], *(act(store, one, ev.CaseClosed("archived")) for one in made[3:])]


def test_a_page_leads_to_the_next_one_and_the_last_to_none(store: Database, cases: list[Case]) -> None:
    with store.reading() as work:
        first = work.case_page([POLICE], None, NOON, limit=2)
        second = work.case_page([POLICE], None, NOON, first.next, 2)
        last = work.case_page([POLICE], None, NOON, second.next, 2)
        assert work.case_page([CIVIL], None, NOON).lines == ()
    assert [[line.id for line in page.lines] for page in (first, second, last)] == [["c5", "c4"], ["c3", "c2"], ["c1"]]
    assert last.next is None


def test_a_page_holds_open_or_closed_cases_where_asked_for(store: Database, cases: list[Case]) -> None:
    with store.reading() as work:
        listed = work.case_page([POLICE], None, NOON, status="closed").lines
        assert ([line.id for line in listed], listed[0].outcome) == (["c5", "c4"], "archived")
        assert work.count_of([POLICE], None, NOON, 10, status="open") == 3


def test_the_mark_of_a_page_tells_no_code_at_a_glance(store: Database, cases: list[Case]) -> None:
    with store.reading() as work:
        mark = work.case_page([POLICE], None, NOON, limit=2).next
    assert mark is not None
    assert "c4" not in mark


@pytest.mark.parametrize("mark", ["", "c4", "x" * 40, "MjAyNi0wMy0wMVQxMjowMDowMCBjNA==", "\N{SNOWMAN}"])
def test_words_that_are_no_mark_are_refused(store: Database, mark: str) -> None:
    with store.reading() as work, pytest.raises(CommandMalformed):
        work.case_page([POLICE], None, NOON, mark)


# ── what stands still ──


def areas(work: Work) -> None:
    """A province with the county of the story in it, and another one."""
    known = {
        "350000": Jurisdiction("350000", "省", "province"),
        "350102": Jurisdiction("350102", "县", "county", "350000"),
        "360000": Jurisdiction("360000", "邻省", "neighbour"),
    }
    units = [unit(name, "350102", name.split("-")[0]) for name in (POLICE, CIVIL, HEALTH)]
    work.save_directory(Directory(known, {one.id: one for one in units}))


def stalled(store: Database, area: str = "350000", *, days: int = 1) -> list[tuple[str, str, str, str | None]]:
    """The hand-offs with which nobody went on by then: case, how they stand, whose turn it is, the step."""
    with store.reading() as work:
        found = work.stalled(area, NOON + timedelta(days=days))
    return [(one.case_id, one.state, one.unit, one.step) for one in found]


def test_an_offer_that_nobody_answered_stands_still_with_the_receiver(store: Database) -> None:
    keep(store, areas)
    begin(store, "c1", offer("c1", 1))
    begin(store, "c2")
    assert stalled(store) == stalled(store, "350102") == [("c1", "offered", CIVIL, "placed")]
    assert stalled(store, "360000") == stalled(store, days=0) == []


def test_an_accepted_offer_does_not_stand_still(store: Database) -> None:
    keep(store, areas)
    case = begin(store, "c1", offer("c1", 1))
    act(store, case, ev.HandOffAccepted("c1/1"), ev.Moved("rescue", "place", "found", "placed", CIVIL, "c1/1"))
    assert stalled(store) == []


def test_a_declined_offer_stands_still_with_the_sender_until_it_goes_on(store: Database) -> None:
    keep(store, areas)
    case = begin(store, "c1", offer("c1", 1))
    case = act(store, case, ev.HandOffDeclined("c1/1", "not_ours", ""))
    assert stalled(store) == [("c1", "declined", POLICE, "placed")]
    moved = act(store, case, ev.Moved("rescue", "search", "found", "searching", POLICE))
    assert stalled(store) == []
    again = act(store, moved, offer("c1", 7, to=HEALTH))
    assert stalled(store) == [("c1", "offered", HEALTH, "placed")]
    act(store, again, ev.CaseClosed("archived"))
    assert stalled(store) == []


def test_a_declined_transfer_stands_still_since_it_was_declined_and_pages_begin_with_the_longest(
    store: Database,
) -> None:
    keep(store, areas)
    case = begin(store, "c1", offer("c1", 1, "transfer"))
    act(store, case, ev.HandOffDeclined("c1/1", "not_ours", ""))
    begin(store, "c2", offer("c2", 1), ev.NoteAdded("rescue", "x"))
    assert [one[0] for one in stalled(store)] == ["c2", "c1"], "the declined one stood still for a shorter time"
    with store.reading() as work:
        (first,) = work.stalled("350000", LATER, 1)
        (second,) = work.stalled("350000", LATER, 1, (first.still_since, first.id))
        assert (first.case_id, second.case_id) == ("c2", "c1")
        assert work.stalled("350000", LATER, 1, (second.still_since, second.id)) == []
