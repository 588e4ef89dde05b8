"""Breaking the glass: one person, a reason, an hour; custodians know at once, somebody else reviews it; bans stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from engine.access.model import Who
from engine.core.commands import Actor
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    EmergencyUnknown,
    GuituError,
    NothingToChange,
    OwnReview,
    ReviewOverdue,
)
from engine.service import emergency, notices, read, reidentify
from engine.service.admission import admit
from engine.service.circumstances import circumstances, file_at
from engine.service.desk import Desk
from engine.service.emergency import Glass
from engine.service.reidentify import Sought
from engine.service.request_rules import EmergencyRules, emergency_rules
from tests.conftest import Database
from tests.service.asking import REQUESTS
from tests.service.desks import identify, opened
from tests.service.inspection import as_owner
from tests.service.ledger.opening import Book

RULES: EmergencyRules = emergency_rules()
STRANGER = Actor("officer-1", "civil-b")
CUSTODIAN = Actor("officer-2", "civil-a", role="custodian")
OTHER_COUNTY = Actor("officer-3", "civil-b", role="custodian")
GIRL = "P-GIRL"


@pytest.fixture
def case(desk: Desk) -> str:
    """Give a case of the one county; the other one takes no part."""
    made = opened(desk)
    identify(desk, made, GIRL, "victim")
    return made


def _break(desk: Desk, case: str, actor: Actor = STRANGER) -> Glass:
    return emergency.break_glass(desk, RULES, case, "danger_to_life", actor)


def _see(desk: Desk, case: str, actor: Actor = STRANGER) -> reidentify.Revealed:
    return reidentify.reveal_in_emergency(desk, REQUESTS, Sought(case, GIRL, ("name",)), actor)


def _at(desk: Desk, at: datetime) -> None:
    desk.clock = lambda: at


def _who(desk: Desk, actor: Actor = STRANGER) -> Who:
    with desk.database.reading() as work:
        return admit(desk, actor, work)


# ── while it lasts ──


def test_a_broken_glass_opens_the_case_and_its_identities_and_then_no_more(desk: Desk, case: str) -> None:
    with pytest.raises(CaseUnknown):
        read.show(desk, case, STRANGER)
    with pytest.raises(CaseUnknown):
        _see(desk, case)
    glass = _break(desk, case)
    assert glass.ends_at - glass.opened_at == timedelta(minutes=RULES.minutes) <= timedelta(hours=1)
    assert glass.review_by - glass.opened_at == timedelta(hours=RULES.review_hours) <= timedelta(hours=72)
    assert read.show(desk, case, STRANGER).case.id == case
    seen = _see(desk, case)
    assert (set(seen.values), seen.on) == ({"name"}, glass.id)
    for other in (Actor("officer-9", "civil-b"), Actor("officer-1", "civil-b", role="service")):
        with pytest.raises(CaseUnknown):
            _see(desk, case, other)
    with pytest.raises(CaseUnknown):
        _see(desk, opened_beside(desk))

    _at(desk, glass.ends_at - timedelta(seconds=1))
    assert _see(desk, case).on == glass.id
    _at(desk, glass.ends_at)
    with pytest.raises(CaseUnknown):
        _see(desk, case)
    with pytest.raises(CaseUnknown):
        read.show(desk, case, STRANGER)


def opened_beside(desk: Desk) -> str:
    """Another case with the same person's reference, over which no glass is broken."""
    made = opened(desk)
    identify(desk, made, GIRL, "victim")
    return made


def test_everything_of_it_is_entered(desk: Desk, case: str) -> None:
    book = Book.at(desk)
    glass = _break(desk, case)
    told = book.only()
    assert (told.act, told.event["purpose"], told.concerned) == ("emergency:open", "emergency", {(case, None)})
    assert told.event["details"] == {"emergency": glass.id, "reason": "danger_to_life"}
    _see(desk, case)
    told = book.only()
    assert (told.act, told.event["purpose"]) == ("identity:reveal", "emergency")
    assert told.event["details"] == {"emergency": glass.id}
    assert (case, GIRL) in told.concerned
    emergency.review(desk, glass.id, "justified", CUSTODIAN)
    told = book.only()
    assert (told.act, told.event["purpose"], told.concerned) == ("emergency:review", "custody", {(case, None)})
    assert told.event["details"] == {"emergency": glass.id, "outcome": "justified"}


def test_it_never_beats_a_ban(desk: Desk, case: str) -> None:
    _break(desk, case)
    who = _who(desk)
    with desk.database.reading() as work:
        now = desk.clock()
        given = circumstances(desk, who, case, work, now)
        verdicts = desk.gate.disclosed(who, file_at(desk, case, work, now), given)
    assert given.has_glass
    assert [name for name, one in verdicts.items() if not one.allowed] == ["dna"]
    assert verdicts["dna"].policies == ("dna-stays-with-police",)


def test_custodians_are_told_in_the_same_commit(desk: Desk, database: Database, case: str) -> None:
    glass = _break(desk, case)
    rows = as_owner(database, "SELECT * FROM notice_outbox ORDER BY to_area")[0]
    assert [(row["to_role"], row["to_area"], row["about"]) for row in rows] == [
        ("custodian", "900000", glass.id), ("custodian", "900101", glass.id),
    ]  # fmt: skip
    assert [one.kind for one in notices.listed(desk, CUSTODIAN).lines] == ["glass_broken"]
    assert notices.listed(desk, OTHER_COUNTY).lines == ()
    emergency.review(desk, glass.id, "justified", CUSTODIAN)
    assert [one.kind for one in notices.listed(desk, STRANGER).lines] == ["glass_reviewed"]


# ── refusals ──


def _twice(desk: Desk, case: str) -> None:
    _break(desk, case)
    _break(desk, case)


def _overdue(desk: Desk, case: str) -> None:
    glass = _break(desk, case)
    _at(desk, glass.review_by)
    _break(desk, opened(desk))


def _review(desk: Desk, case: str, actor: Actor, outcome: str = "justified") -> None:
    emergency.review(desk, _break(desk, case).id, outcome, actor)


def _reviewed_twice(desk: Desk, case: str) -> None:
    glass = _break(desk, case)
    for outcome in ("justified", "not_justified"):
        emergency.review(desk, glass.id, outcome, CUSTODIAN)


REFUSALS: dict[str, tuple[Callable[[Desk, str], object], type[GuituError], str]] = {
    "no such reason": (
        lambda desk, case: emergency.break_glass(desk, RULES, case, "curiosity", STRANGER),
        CommandMalformed, "emergency:open"),
    "no such case": (lambda desk, _case: _break(desk, "GT-9999"), CaseUnknown, "emergency:open"),
    "a service": (
        lambda desk, case: _break(desk, case, Actor("officer-1", "civil-b", role="service")),
        CaseUnknown, "emergency:open"),
    "an administrator": (
        lambda desk, case: _break(desk, case, Actor("officer-1", "civil-b", role="administrator")),
        CaseUnknown, "emergency:open"),
    "a custodian": (lambda desk, case: _break(desk, case, CUSTODIAN), CaseUnknown, "emergency:open"),
    "while it is broken": (_twice, NothingToChange, "emergency:open"),
    "reviewing her own": (
        lambda desk, case: _review(desk, case, Actor(STRANGER.person, "civil-a", role="custodian")),
        OwnReview, "emergency:review"),
    "reviewing from another county": (
        lambda desk, case: _review(desk, case, OTHER_COUNTY), EmergencyUnknown, "emergency:review"),
    "reviewing as a caseworker": (
        lambda desk, case: _review(desk, case, Actor("officer-5", "civil-a", role="caseworker")),
        EmergencyUnknown, "emergency:review"),
    "no such outcome": (
        lambda desk, case: _review(desk, case, CUSTODIAN, "fine"), CommandMalformed, "emergency:review"),
    "reviewing what is not there": (
        lambda desk, _case: emergency.review(desk, "E-0000", "justified", CUSTODIAN),
        EmergencyUnknown, "emergency:review"),
    "reviewing it again": (_reviewed_twice, NothingToChange, "emergency:review"),
    "with a review overdue": (_overdue, ReviewOverdue, "emergency:open"),
}  # fmt: skip


def test_every_refusal_says_what_it_is_and_is_entered(desk: Desk) -> None:
    book = Book.at(desk)
    for name, (act, error, entered_as) in REFUSALS.items():
        case = opened(desk)
        with pytest.raises(error) as told:
            act(desk, case)
        assert told.value.zh, name
        last = book.news()[-1]
        assert (last.act, last.event["outcome"], last.event["reason"]) == (entered_as, "refused", error.code), name


# ── its review ──


def test_an_overdue_review_blocks_the_next_one_until_it_is_done(desk: Desk, case: str) -> None:
    glass, other = _break(desk, case), opened(desk)
    _at(desk, glass.review_by - timedelta(seconds=1))
    assert _break(desk, other).case == other
    _at(desk, glass.review_by)
    assert [one.is_overdue for one in emergency.listed(desk, CUSTODIAN).lines] == [False, True]
    with pytest.raises(ReviewOverdue):
        _break(desk, case)
    assert _break(desk, case, Actor("officer-9", "civil-b")).case == case, "only hers"
    emergency.review(desk, glass.id, "not_justified", CUSTODIAN)
    assert _break(desk, case).case == case


def test_a_review_ends_a_glass_that_still_lasts(desk: Desk, case: str) -> None:
    emergency.review(desk, _break(desk, case).id, "not_justified", CUSTODIAN)
    with pytest.raises(CaseUnknown):
        _see(desk, case)


def test_who_opened_it_and_who_may_review_it_see_it_listed(desk: Desk, case: str) -> None:
    glass = _break(desk, case)
    for actor in (STRANGER, CUSTODIAN):
        assert [one.id for one in emergency.listed(desk, actor).lines] == [glass.id]
    for actor in (OTHER_COUNTY, Actor("officer-5", "civil-a", role="caseworker")):
        assert emergency.listed(desk, actor).lines == ()


def test_a_glass_is_neither_prolonged_nor_taken_off_the_record(desk: Desk, database: Database, case: str) -> None:
    glass = _break(desk, case)
    for act in ("UPDATE emergency SET ends_at = review_by", "DELETE FROM emergency WHERE outcome IS NULL"):
        with pytest.raises(Exception, match="append-only"):
            as_owner(database, act)
    emergency.review(desk, glass.id, "not_justified", CUSTODIAN)
    with pytest.raises(Exception, match=r"append-only|ends once"):
        as_owner(database, "UPDATE emergency SET outcome = 'justified'")
