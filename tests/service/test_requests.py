"""What others approve: exactly that, once, by somebody else, in time; and nobody changes it behind their back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.access.gate import Gate
from engine.core.commands import Actor
from engine.errors import (
    ApprovalsMissing,
    ApprovedAlready,
    CaseUnknown,
    CommandMalformed,
    DefinitionBroken,
    GuituError,
    OwnApproval,
    RequestChanged,
    RequestDeclined,
    RequestExpired,
    RequestForeign,
    RequestUnknown,
    RequestUsed,
)
from engine.service import notices, pending, reidentify, requests
from engine.service.desk import Desk
from engine.service.emergency import OUTCOMES
from engine.service.request_rules import emergency_rules, request_rules
from engine.service.requests import Asked
from engine.service.rotation import RotationKind
from engine.store.request_tables import NOTICE_KINDS, REQUEST_KINDS, REVIEW_OUTCOMES
from engine.vault.identity import Identity
from tests.conftest import Database
from tests.service.asking import CUSTODIANS, REQUESTS, approve
from tests.service.desks import CIVIL, POLICE, identify, opened
from tests.service.inspection import as_owner
from tests.service.ledger.opening import Book
from tests.service.sealed_world import HERE, rotating

CUSTODIAN = CUSTODIANS[0]
FAR_AWAY = Actor("officer-4", "police-n")
GIRL = "P-GIRL"


@pytest.fixture
def case(desk: Desk) -> str:
    """Give a case with a victim whose identity is sealed."""
    made = opened(desk)
    identify(desk, made, GIRL, "victim")
    return made


@pytest.fixture
def asked(desk: Desk, case: str) -> Asked:
    """Give a request to see a name and a number, that nobody has answered."""
    return _ask(desk, case)


def _ask(desk: Desk, case: str, actor: Actor = POLICE) -> Asked:
    sought = reidentify.Sought(case, GIRL, ("name", "id_number"))
    return reidentify.ask(desk, REQUESTS, sought, "notify_family", actor)


def _reveal(desk: Desk, asked: Asked, actor: Actor = POLICE) -> reidentify.Revealed:
    return reidentify.reveal(desk, REQUESTS, asked.exact.request, actor)


def _later(desk: Desk, hours: int) -> None:
    now = desk.clock()
    desk.clock = lambda: now + timedelta(hours=hours)


# ── the straight way ──


def test_what_is_asked_is_shown_to_the_letter_to_whoever_may_answer_and_to_nobody_else(
    desk: Desk, asked: Asked
) -> None:
    for actor, is_own in ((POLICE, True), (CUSTODIAN, False)):
        (seen,) = pending.listed(desk, actor, ("reveal",)).lines
        assert (seen.exact, seen.digest, seen.is_own) == (asked.exact, asked.digest, is_own)
        assert pending.listed(desk, actor, ("erase",)).lines == ()
    for other in (FAR_AWAY, Actor("officer-5", "police-b"), Actor("officer-5", "civil-a", role="caseworker")):
        assert pending.listed(desk, other, ("reveal",)).lines == ()
    exact = asked.exact
    assert (exact.person, exact.fields, exact.ground) == (GIRL, ("name", "id_number"), "notify_family")
    assert (exact.asked_by, exact.unit, exact.purpose) == ("ann", "police-a", "case_handling")
    assert exact.expires_at - exact.asked_at == timedelta(hours=REQUESTS.valid_hours)
    approve(desk, asked, [CUSTODIAN])
    assert pending.listed(desk, CUSTODIAN, ("reveal",)).lines[0].approved_by == (
        Actor(CUSTODIAN.person, CUSTODIAN.unit, "custody"),
    )


def test_custodians_are_told_and_so_is_the_asker(desk: Desk, asked: Asked) -> None:
    told = notices.listed(desk, Actor("officer-2", "civil-a", role="custodian")).lines
    assert [(one.kind, one.about, one.seen_at) for one in told] == [("request_asked", asked.exact.request, None)]
    province = Actor("officer-6", "justice", role="custodian")
    assert [one.kind for one in notices.listed(desk, province).lines] == ["request_asked"]
    assert notices.listed(desk, Actor("officer-7", "police-b", role="custodian")).lines == (), "of another county"
    assert notices.listed(desk, POLICE).lines == ()
    approve(desk, asked, [CUSTODIAN])
    (mine,) = notices.listed(desk, POLICE).lines
    assert (mine.kind, mine.case, mine.seen_at) == ("request_approved", asked.exact.case, None)
    assert notices.listed(desk, POLICE).lines[0].seen_at is not None
    assert notices.listed(desk, Actor("officer-8", "civil-a", role="custodian")).lines[0].seen_at is not None


def test_a_request_outlives_the_rotation_of_every_key(desk: Desk, asked: Asked) -> None:
    kinds: tuple[RotationKind, ...] = ("case", "case_key", "identity")
    for kind in kinds:
        list(rotating(desk).run(kind, HERE))
    approve(desk, asked, [CUSTODIAN])
    for kind in kinds:
        list(rotating(desk).run(kind, HERE))
    assert "name" in _reveal(desk, asked).values


# ── refusals ──


def _approved_twice(desk: Desk, asked: Asked) -> None:
    approve(desk, asked, [CUSTODIAN, CUSTODIAN])


def _declined(desk: Desk, asked: Asked, then: Callable[[], object]) -> None:
    requests.decline(desk, asked.exact.request, CUSTODIAN)
    then()


def _expired(desk: Desk, then: Callable[[], object], _before: object = None) -> None:
    _later(desk, REQUESTS.valid_hours)
    then()


def _used_twice(desk: Desk, asked: Asked, then: Callable[[], object]) -> None:
    approve(desk, asked, [CUSTODIAN])
    _reveal(desk, asked)
    then()


def _approved(desk: Desk, asked: Asked, actor: Actor) -> None:
    approve(desk, asked, [CUSTODIAN])
    _reveal(desk, asked, actor)


REFUSALS: dict[str, tuple[Callable[[Desk, Asked], object], type[GuituError], str]] = {
    "her own": (lambda desk, asked: approve(desk, asked, [POLICE]), OwnApproval, "request:approve"),
    "her own, from another unit": (
        lambda desk, asked: approve(desk, asked, [Actor(POLICE.person, "civil-a")]), OwnApproval, "request:approve"),
    "declining her own": (
        lambda desk, asked: requests.decline(desk, asked.exact.request, POLICE), OwnApproval, "request:decline"),
    "twice by one person": (_approved_twice, ApprovedAlready, "request:approve"),
    "another digest": (
        lambda desk, asked: requests.approve(desk, asked.exact.request, "0" * 64, CUSTODIAN),
        RequestChanged, "request:approve"),
    "no digest": (
        lambda desk, asked: requests.approve(desk, asked.exact.request, "yes", CUSTODIAN),
        CommandMalformed, "request:approve"),
    "no such request": (
        lambda desk, asked: requests.approve(desk, "R-0000", asked.digest, CUSTODIAN),
        RequestUnknown, "request:approve"),
    "a custodian of elsewhere": (
        lambda desk, asked: approve(desk, asked, [FAR_AWAY]), RequestUnknown, "request:approve"),
    "a caseworker": (
        lambda desk, asked: approve(desk, asked, [Actor("officer-5", "civil-a", role="caseworker")]),
        RequestUnknown, "request:approve"),
    "an administrator": (
        lambda desk, asked: approve(desk, asked, [Actor("officer-5", "civil-a", role="administrator")]),
        RequestUnknown, "request:approve"),
    "approving what was declined": (
        lambda desk, asked: _declined(desk, asked, lambda: approve(desk, asked, [CUSTODIANS[1]])),
        RequestDeclined, "request:approve"),
    "using what was declined": (
        lambda desk, asked: _declined(desk, asked, lambda: _reveal(desk, asked)), RequestDeclined, "identity:reveal"),
    "approving too late": (
        lambda desk, asked: _expired(desk, lambda: approve(desk, asked, [CUSTODIAN])),
        RequestExpired, "request:approve"),
    "using too late": (
        lambda desk, asked: _expired(desk, lambda: _reveal(desk, asked), approve(desk, asked, [CUSTODIAN])),
        RequestExpired, "identity:reveal"),
    "using it twice": (
        lambda desk, asked: _used_twice(desk, asked, lambda: _reveal(desk, asked)), RequestUsed, "identity:reveal"),
    "approving what was used": (
        lambda desk, asked: _used_twice(desk, asked, lambda: approve(desk, asked, [CUSTODIANS[1]])),
        RequestUsed, "request:approve"),
    "unapproved": (_reveal, ApprovalsMissing, "identity:reveal"),
    "somebody else of the unit": (
        lambda desk, asked: _approved(desk, asked, Actor("bo", "police-a")), RequestForeign, "identity:reveal"),
    "the approver herself": (
        lambda desk, asked: _approved(desk, asked, CUSTODIAN), RequestUnknown, "identity:reveal"),
    "from another unit": (
        lambda desk, asked: _approved(desk, asked, Actor(POLICE.person, "health")), RequestForeign, "identity:reveal"),
}  # fmt: skip


def test_every_refusal_says_what_it_is_and_is_entered(desk: Desk, case: str) -> None:
    book = Book.at(desk)
    for name, (act, error, entered_as) in REFUSALS.items():
        asked = _ask(desk, case)
        with pytest.raises(error) as told:
            act(desk, asked)
        assert told.value.zh, name
        last = book.news()[-1]
        assert (last.act, last.event["outcome"], last.event["reason"]) == (entered_as, "refused", error.code), name
        is_about_it = name not in {"no such request", "no digest"}
        assert ((case, None) in last.concerned) == is_about_it, name


# ── behind their back ──


def _without_the_guard(database: Database) -> None:
    """Take the triggers off, as somebody would who owns the database."""
    if database.kind == "sqlite":
        for trigger in ("ends_once", "no_update"):
            as_owner(database, f"DROP TRIGGER request_{trigger}")
    else:
        as_owner(database, "ALTER TABLE request DISABLE TRIGGER USER")


FORGERIES = (
        "UPDATE request SET person = 'officer-9' WHERE id = %s",
        "UPDATE request SET unit = 'civil-a' WHERE id = %s",
        "UPDATE request SET kind = 'erase' WHERE id = %s",
        "UPDATE request SET expires_at = '2099-01-01T00:00:00.000000+00:00' WHERE id = %s",
        "UPDATE request SET exact = (SELECT o.exact FROM request o WHERE o.person = 'bo') WHERE id = %s",
        "UPDATE request SET digest = (SELECT o.digest FROM request o WHERE o.person = 'bo') WHERE id = %s",
        "UPDATE request SET (exact, digest) = (SELECT o.exact, o.digest FROM request o WHERE o.person = 'bo')"
        " WHERE id = %s",
)  # fmt: skip


def test_a_row_that_was_altered_is_neither_approved_nor_used(desk: Desk, database: Database, case: str) -> None:
    _ask(desk, case, Actor("bo", "police-a"))
    _without_the_guard(database)
    for act in FORGERIES:
        asked = _ask(desk, case)
        approve(desk, asked, [CUSTODIAN])
        as_owner(database, act, values=(asked.exact.request,))
        for use in (lambda one: approve(desk, one, [CUSTODIANS[1]]), lambda one: _reveal(desk, one)):
            with pytest.raises(RequestChanged):
                use(asked)
        shown = {one.request: one.exact for one in pending.listed(desk, POLICE, REQUEST_KINDS).lines}
        assert shown.get(asked.exact.request) is None, act


def test_an_approval_that_nobody_gave_counts_for_nothing(desk: Desk, database: Database, asked: Asked) -> None:
    now = "2026-01-05T02:00:00.000000+00:00"
    add = "INSERT INTO approval (request_id, person, unit, at, digest) VALUES (%s, 'officer-9', 'civil-a', %s, %s)"
    as_owner(database, add, values=(asked.exact.request, now, asked.digest))
    with pytest.raises(RequestChanged):
        _reveal(desk, asked)


def test_rows_are_not_rewritten_even_by_their_owner(desk: Desk, database: Database, asked: Asked) -> None:
    approve(desk, asked, [CUSTODIAN])
    for act in (
        "UPDATE request SET expires_at = '2099-01-01T00:00:00.000000+00:00'",
        "DELETE FROM request WHERE person = 'ann'",
        "DELETE FROM approval WHERE person = 'officer-2'",
        "UPDATE approval SET person = 'officer-9'",
        "DELETE FROM notice_outbox WHERE to_role = 'custodian'",
    ):
        with pytest.raises(Exception, match="append-only"):
            as_owner(database, act)
    requests.decline(desk, asked.exact.request, CUSTODIANS[1])
    with pytest.raises(Exception, match=r"append-only|ends once"):
        as_owner(database, "UPDATE request SET state = 'asked', ended_at = NULL, ended_by = NULL")


# ── words ──


def test_the_words_are_those_of_the_tables_the_policies_and_the_vault() -> None:
    assert set(requests.KINDS) == set(requests.NEEDED) == set(requests.APPROVING) == set(REQUEST_KINDS)
    assert set(requests.APPROVING.values()) <= Gate.opened().actions
    assert set(notices.KINDS) == set(NOTICE_KINDS)
    assert set(OUTCOMES) == set(REVIEW_OUTCOMES)
    assert tuple(reidentify.FIELDS) == Identity.__struct_fields__
    assert requests.NEEDED == {"reveal": 1, "erase": 2, "release_hold": 2}


@pytest.mark.parametrize(
    ("name", "line", "instead"),
    [
        ("emergency.yaml", "minutes: 60", "minutes: 61"), ("emergency.yaml", "review_hours: 72", "review_hours: 73"),
        ("emergency.yaml", "provenance: deployer", "provenance: printed"),
        ("requests.yaml", "valid_hours: 72", "valid_hours: 0"),
        ("requests.yaml", "provenance: deployer", "provenance: printed"),
    ],
)  # fmt: skip
def test_rules_beyond_their_bounds_or_called_printed_are_refused(
    tmp_path: Path, name: str, line: str, instead: str
) -> None:
    text = (Path(__file__).resolve().parents[2] / "policies" / name).read_text(encoding="utf-8")
    assert line in text
    (tmp_path / name).write_text(text.replace(line, instead), encoding="utf-8")
    with pytest.raises(DefinitionBroken):
        (emergency_rules if name == "emergency.yaml" else request_rules)(tmp_path / name)


def test_a_stranger_to_the_case_asks_for_nothing(desk: Desk, case: str) -> None:
    for actor in (CIVIL, FAR_AWAY, Actor("officer-5", "police-a", role="custodian")):
        with pytest.raises(CaseUnknown):
            _ask(desk, case, actor)
