"""Proof: in an installation nobody acts without a sign-in; what cannot be taken back wants a second factor lately."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from engine.core.commands import Actor, OpenCase
from engine.definitions.loader import Library
from engine.errors import GuituError, NotSignedIn, PersonUnknown, PurposeNotGranted, StrongSignInNeeded
from engine.ledger.event import ACTS
from engine.service import (
    emergency,
    erasure,
    lists,
    provider_links,
    recovery,
    reidentify,
    release,
    tickets,
    tokens,
    webhooks,
)
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.handle import handle
from engine.service.proof import STRONG_ACTS
from engine.service.reidentify import Sought
from engine.service.request_rules import emergency_rules
from tests.conftest import Database
from tests.core.play import RULES
from tests.service.asking import REQUESTS, RETENTION
from tests.service.desks import Clock, play_desk
from tests.service.ledger.opening import Book
from tests.signed import PROOF, signed

NOBODY = Actor("officer-9", "police-a")
"""Nobody is enrolled here, so whatever is looked at after the proof is refused as something else."""
CASE, REQUEST = "GT-0000-0000-0000", "R-0000"
Done = Callable[[Desk, Actor], object]
STRONG: tuple[tuple[str, Done], ...] = (
    ("identity:reveal", lambda desk, by: reidentify.reveal(desk, REQUESTS, REQUEST, by)),
    ("identity:reveal", lambda desk, by: reidentify.reveal_in_emergency(
        desk, REQUESTS, Sought(CASE, "P-GIRL", ("name",)), by)),
    ("emergency:open", lambda desk, by: emergency.break_glass(desk, emergency_rules(), CASE, "danger_to_life", by)),
    ("erasure:erase", lambda desk, by: Erasing(desk, RETENTION).erase(CASE, "ordered", by, REQUEST)),
    ("erasure:release", lambda desk, by: erasure.release_hold(desk, CASE, "claim", by, REQUEST)),
    ("definition:release", lambda desk, by: release.release(desk, Library(), None, "play@1", by)),
    ("sign_in:ticket", lambda desk, by: tickets.issue(desk, by, "officer-1")),
    ("recovery:approve", lambda desk, by: recovery.approve(desk, by, "RC-0000")),
    ("token:issue", lambda desk, by: tokens.issue(
        desk, by, "service-1", ["reporting"], desk.clock() + timedelta(days=1))),
    ("token:rotate", lambda desk, by: tokens.rotate(desk, by, "t" * 12)),
    ("provider:link", lambda desk, by: provider_links.link(desk, by, "officer-1", "someone")),
    ("webhook:add", lambda desk, by: webhooks.add(desk, by, "https://unit.example/", [])),
    ("webhook:rotate", lambda desk, by: webhooks.rotate(desk, by, "W-0000")),
)  # fmt: skip
"""Every door behind which one of the strong acts is done."""
OTHERS: Mapping[str, Done] = {
    "a change": lambda desk, by: handle(desk, OpenCase(case="", area="900101"), by),
    "a look": lists.worklist,
}


@pytest.fixture
def desk(installation: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a desk in an installation in which nobody is enrolled, and definitions that count as checked."""
    monkeypatch.setattr(release, "_checked", lambda *_: RULES.definition)
    with play_desk(installation.app_url, released=()) as found:
        yield found


def refused(desk: Desk, done: Done, by: Actor) -> GuituError:
    """As what it is refused; that stands in the ledger too, and nothing that was looked at."""
    book = Book.at(desk)
    with pytest.raises(GuituError) as caught:
        done(desk, by)
    told = book.only()
    assert (told.event["outcome"], told.event["reason"], told.records) == ("refused", caught.value.code, [])
    assert told.event["actor"] == by.person
    return caught.value


def test_every_strong_act_can_be_entered_and_stands_here() -> None:
    assert set(ACTS) > STRONG_ACTS
    assert {act for act, _ in STRONG} == STRONG_ACTS


def test_without_a_proof_nothing_is_done_in_an_installation(desk: Desk) -> None:
    for done in (*OTHERS.values(), *(done for _, done in STRONG)):
        assert isinstance(refused(desk, done, NOBODY), NotSignedIn)


def test_a_strong_act_wants_a_second_factor_lately_before_anything_is_read(desk: Desk) -> None:
    clock = cast("Clock", desk.clock)
    for act, done in STRONG:
        for until in (None, clock.at, clock.at + timedelta(seconds=1)):
            asked = refused(desk, done, signed(NOBODY, replace(PROOF, strong_until=until)))
            assert isinstance(asked, StrongSignInNeeded), (act, until, asked)
        later = signed(NOBODY, replace(PROOF, strong_until=clock.at + timedelta(hours=1)))
        assert not isinstance(refused(desk, done, later), StrongSignInNeeded | NotSignedIn), act
    for done in OTHERS.values():
        assert isinstance(refused(desk, done, signed(NOBODY, replace(PROOF, strong_until=None))), PersonUnknown)


def test_a_service_acts_for_the_purposes_of_its_token_and_no_other(desk: Desk) -> None:
    bound = replace(PROOF, purposes=frozenset({"reporting", "supervision"}))
    for done in OTHERS.values():
        asked = refused(desk, done, signed(replace(NOBODY, purpose="audit"), bound))
        assert isinstance(asked, PurposeNotGranted)
        assert "reporting, supervision" in asked.en
        assert isinstance(refused(desk, done, signed(replace(NOBODY, purpose="reporting"), bound)), PersonUnknown)
    nothing = signed(NOBODY, replace(PROOF, purposes=frozenset()))
    assert isinstance(refused(desk, OTHERS["a look"], nothing), PurposeNotGranted)


def test_in_a_world_for_trial_nobody_need_sign_in_and_a_proof_that_is_shown_counts(database_url: str) -> None:
    with play_desk(database_url) as desk:
        assert OTHERS["a change"](desk, NOBODY)
        old = signed(NOBODY, replace(PROOF, strong_until=desk.clock()))
        with pytest.raises(StrongSignInNeeded):
            dict(STRONG)["emergency:open"](desk, old)
