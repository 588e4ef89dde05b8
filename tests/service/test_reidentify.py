"""Who somebody is comes out on an approved request only, once, and never before the disclosure is on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from engine.core.commands import Actor
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    ContentUnreadable,
    GuituError,
    MembershipOver,
    NotPermitted,
    RequestForeign,
    RequestUsed,
    RevealFailed,
)
from engine.service import people, reidentify
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.persons import Persons
from engine.service.reidentify import Sought
from engine.service.requests import Asked
from engine.service.story_people import invented
from tests.conftest import Database
from tests.service.asking import CUSTODIANS, REQUESTS, RETENTION, approve, approved_erasure
from tests.service.desks import CIVIL, POLICE, identify, opened
from tests.service.inspection import as_owner
from tests.service.ledger.opening import Book
from tests.service.processes import Processes, started

GIRL = "P-GIRL"
WHO = msgspec.to_builtins(invented(GIRL))
KILLED, REFUSED = -9, 3


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that use a request, and may be killed."""
    with started("revealing_process") as found:
        yield found


@pytest.fixture
def case(desk: Desk) -> str:
    """Give a case with a victim whose identity is sealed."""
    made = opened(desk)
    identify(desk, made, GIRL, "victim")
    return made


def _asked(desk: Desk, case: str, *fields: str, actor: Actor = POLICE) -> Asked:
    return reidentify.ask(desk, REQUESTS, Sought(case, GIRL, fields or ("name",)), "notify_family", actor)


def _approved(desk: Desk, case: str, *fields: str) -> str:
    return approve(desk, _asked(desk, case, *fields), CUSTODIANS[:1])


def _used(database: Database, request: str) -> bool:
    return as_owner(database, "SELECT state FROM request WHERE id = %s", values=(request,))[0][0]["state"] == "used"


# ── what is shown ──


def test_only_the_approved_fields_are_shown_marked_and_for_a_short_time(desk: Desk, case: str) -> None:
    missing = next(name for name in reidentify.FIELDS if name not in WHO)
    request = _approved(desk, case, "name", missing)
    book = Book.at(desk)
    shown = reidentify.reveal(desk, REQUESTS, request, POLICE)
    assert shown.values == {"name": WHO["name"]}
    assert shown.missing == (missing,)
    assert (shown.case, shown.person, shown.viewer, shown.unit, shown.on) == (case, GIRL, "ann", "police-a", request)
    assert shown.put_away_by - shown.at == timedelta(minutes=REQUESTS.shown_minutes)
    assert WHO["name"] not in repr(shown)

    told = book.only()
    assert (told.act, told.event["outcome"], told.event["purpose"]) == ("identity:reveal", "done", "case_handling")
    assert told.event["approvals"] == [{"person": CUSTODIANS[0].person, "unit": CUSTODIANS[0].unit}]
    assert told.event["details"]["request"] == request
    assert told.concerned == {(case, None), (case, GIRL)}
    (of_her,) = [one for one in told.subjects if one is not None and one.person == GIRL]
    assert of_her.field_classes == {"identity"}


def test_the_disclosure_is_entered_and_the_request_used_up_before_anything_opens(
    desk: Desk, database: Database, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, book = _approved(desk, case), Book.at(desk)
    seen: list[tuple[str, bool]] = []
    opened_in_truth = Persons.opened

    def looked(self: Persons, *words: Any) -> Any:
        seen.append((book.only().act, _used(database, request)))
        return opened_in_truth(self, *words)

    monkeypatch.setattr(Persons, "opened", looked)
    reidentify.reveal(desk, REQUESTS, request, POLICE)
    assert seen == [("identity:reveal", True)]


def test_what_does_not_open_is_spent_and_says_so(
    desk: Desk, database: Database, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, book = _approved(desk, case), Book.at(desk)

    def broken(*_: object) -> None:
        raise ContentUnreadable("打不开", "does not open")

    with monkeypatch.context() as patched:
        patched.setattr(Persons, "opened", broken)
        with pytest.raises(RevealFailed) as told:
            reidentify.reveal(desk, REQUESTS, request, POLICE)
    assert told.value.details == {"on": request, "why": "content_unreadable"}
    assert (book.only().act, _used(database, request)) == ("identity:reveal", True)
    with pytest.raises(RequestUsed):
        reidentify.reveal(desk, REQUESTS, request, POLICE)


# ── who may not ──


WRONG: tuple[tuple[Sought, str, Actor, type[GuituError]], ...] = (
    (Sought("{}", GIRL, ()), "notify_family", POLICE, CommandMalformed),
    (Sought("{}", GIRL, ("name", "shoe_size")), "notify_family", POLICE, CommandMalformed),
    (Sought("{}", "P-NOBODY", ("name",)), "notify_family", POLICE, CommandMalformed),
    (Sought("{}", "王某某", ("name",)), "notify_family", POLICE, CommandMalformed),
    (Sought("{}", GIRL, ("name",)), "curiosity", POLICE, CommandMalformed),
    (Sought("{}", GIRL, ("name",)), "notify_family", CIVIL, CaseUnknown),
    (Sought("{}", GIRL, ("name",)), "notify_family", Actor("ann", "police-a", role="service"), NotPermitted),
    (Sought("{}", GIRL, ("name",)), "notify_family", Actor("ann", "police-a", "curiosity"), NotPermitted),
    (Sought("{}", GIRL, ("name",)), "notify_family", Actor("ann", "police-a", "audit"), NotPermitted),
    (Sought("GT-9999", GIRL, ("name",)), "notify_family", POLICE, CaseUnknown),
)


def test_who_asks_wrongly_is_refused_and_that_is_entered(desk: Desk, case: str) -> None:
    book = Book.at(desk)
    for sought, reason, actor, error in WRONG:
        about = Sought(sought.case.format(case), sought.person, sought.fields)
        with pytest.raises(error):
            reidentify.ask(desk, REQUESTS, about, reason, actor)
        told = book.only()
        assert (told.act, told.event["reason"]) == ("identity:request", error.code), (about, actor)


def test_a_request_for_something_else_shows_nobody(desk: Desk, case: str) -> None:
    with pytest.raises(RequestForeign):
        reidentify.reveal(desk, REQUESTS, approved_erasure(desk, case, POLICE), POLICE)
    with pytest.raises(RequestForeign):
        Erasing(desk, RETENTION).erase(case, "ordered", POLICE, _approved(desk, case))


def test_whoever_left_the_unit_meanwhile_sees_nothing(desk: Desk, database: Database, case: str) -> None:
    head, bo = Actor("officer-30", "justice"), Actor("bo", "police-a")
    people.init_first(desk, head)
    people.add(desk, "bo", head)
    people.grant(desk, "bo", "police-a", "caseworker", head)
    request = approve(desk, _asked(desk, case, actor=bo), CUSTODIANS[:1])
    people.end(desk, "bo", "police-a", "caseworker", head)
    with pytest.raises(MembershipOver):
        reidentify.reveal(desk, REQUESTS, request, bo)
    assert not _used(database, request)


# ── other processes ──


def _task(desk: Desk, database: Database, request: str, **more: Any) -> dict[str, Any]:
    since = desk.clock() + timedelta(minutes=1)
    return {"url": database.app_url, "since": since.isoformat(), "request": request, "person": POLICE.person,
            "unit": POLICE.unit, **more}  # fmt: skip


def test_a_process_killed_between_the_entry_and_the_opening_has_spent_the_request(
    desk: Desk, database: Database, case: str, processes: Processes
) -> None:
    request, book = _approved(desk, case), Book.at(desk)
    assert processes.run(_task(desk, database, request, dies=True)) == [KILLED]
    assert (book.only().act, _used(database, request)) == ("identity:reveal", True)
    with pytest.raises(RequestUsed):
        reidentify.reveal(desk, REQUESTS, request, POLICE)


def test_of_two_that_use_one_request_at_once_exactly_one_sees(
    desk: Desk, database: Database, case: str, processes: Processes
) -> None:
    task = _task(desk, database, _approved(desk, case))
    assert sorted(processes.run(task, task, task)) == [0, REFUSED, REFUSED]
