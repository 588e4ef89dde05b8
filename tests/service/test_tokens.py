"""Tokens of registered services: for one unit and named purposes, shown once, and of no use when they are over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, text, update

from engine.core.commands import Actor, OpenCase, Proof
from engine.definitions.loader import shipped_root
from engine.errors import (
    CommandMalformed,
    DefinitionBroken,
    HistoryBroken,
    MemberMissing,
    NothingToChange,
    NotPermitted,
    NotSignedIn,
    PurposeNotGranted,
    ServiceUnclear,
    StrongSignInNeeded,
    TokenOver,
    TokenUnknown,
)
from engine.service import identities, lists, people, tokens
from engine.service.desk import Desk, kept
from engine.service.handle import handle
from engine.service.registered_rules import TokenRules, token_rules
from engine.store.database import engine_for
from engine.store.statements import Statement
from engine.store.tables import TABLES
from tests.conftest import Database
from tests.service.desks import Clock, play_desk
from tests.signed import signed_in

ROOT = signed_in("root", "justice", "administrator")
SERVICE, UNIT = "service-1", "police-a"
"""A program of the police, enrolled like a person."""
_TOKEN = TABLES["service_token"]
UNREVOKE = Statement(
    update(_TOKEN).where(_TOKEN.c.id == bindparam("named")).values(revoked_at=None, revoked_by=None), "named"
)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a desk at which a service is enrolled."""
    with play_desk(database_url) as made:
        people.add(made, SERVICE, ROOT)
        people.grant(made, SERVICE, UNIT, "service", ROOT)
        yield made


def later(desk: Desk, **by: float) -> datetime:
    """Let the clock go on, and tell the time."""
    assert isinstance(desk.clock, Clock)
    desk.clock.at += timedelta(**by)
    return desk.clock.at


def issued(desk: Desk, *purposes: str, days: int = 30) -> tokens.Issued:
    """A token of the service."""
    return tokens.issue(desk, ROOT, SERVICE, purposes or ("case_handling",), later(desk) + timedelta(days=days))


def test_a_token_is_shown_once_and_names_the_service_its_unit_and_its_purposes(desk: Desk) -> None:
    made = issued(desk, "reporting", "case_handling")
    assert re.fullmatch(r"gtk_[a-z]{12}_[A-Za-z0-9_-]{43}", made.token)
    assert made.token.startswith(f"gtk_{made.id}_")
    actor = tokens.present(desk, made.token)
    assert actor == Actor(SERVICE, UNIT, "case_handling", "service")
    assert actor.proof == Proof(tokens._sign_in_of(made.id), None, frozenset({"reporting", "case_handling"}))
    assert tokens.present(desk, made.token, purpose="reporting").purpose == "reporting"
    (listed,) = tokens.listed(desk, ROOT).items
    assert (listed.id, listed.unit, listed.purposes) == (made.id, UNIT, ("case_handling", "reporting"))
    assert listed.issued_by == "root@justice"
    secret = made.token.rpartition(made.id)[2]
    assert secret not in repr(listed) + repr(made)


def test_of_a_token_the_record_room_holds_no_secret(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        people.add(desk, SERVICE, ROOT)
        people.grant(desk, SERVICE, UNIT, "service", ROOT)
        secret = issued(desk).token[-43:]
    engine = engine_for(database.owner_url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM service_token")).all()
    engine.dispose()
    assert len(rows) == 1
    assert secret not in repr(rows)


@pytest.mark.parametrize("other", ["", "gts_" + "x" * 43, "gtk_", "gtk_aaaaaaaaaaaa_" + "x" * 43, "last", "cut"])
def test_what_is_no_token_of_ours_signs_nobody_in(desk: Desk, other: str) -> None:
    token = issued(desk).token
    wrong = {"last": token[:-1] + ("a" if token[-1] != "a" else "b"), "cut": token[:-1]}.get(other, other)
    with pytest.raises(NotSignedIn) as refused:
        tokens.present(desk, wrong)
    assert (refused.value.zh, refused.value.en) == (tokens.not_a_token().zh, tokens.not_a_token().en)


def test_a_token_ends_when_it_was_said_to_end(desk: Desk) -> None:
    token = issued(desk, days=2).token
    later(desk, days=1, hours=23)
    tokens.present(desk, token)
    later(desk, hours=1)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, token)
    assert tokens.listed(desk, ROOT).items[0].state == "over"


def test_a_token_lasts_no_longer_than_the_local_setting_allows(desk: Desk) -> None:
    now = later(desk)
    for until in (now - timedelta(days=1), now, now + timedelta(days=366)):
        with pytest.raises(CommandMalformed):
            tokens.issue(desk, ROOT, SERVICE, ["case_handling"], until)
    shorter = TokenRules(provenance="deployer", longest_days=7, overlap_hours=1)
    with pytest.raises(CommandMalformed):
        tokens.issue(desk, ROOT, SERVICE, ["case_handling"], now + timedelta(days=8), rules=shorter)
    assert tokens.listed(desk, ROOT).items == ()


@pytest.mark.parametrize("purpose", [*sorted(tokens.NOT_FOR_SERVICES), "curiosity", ""])
def test_a_token_is_for_no_purpose_that_is_not_for_services(desk: Desk, purpose: str) -> None:
    with pytest.raises(CommandMalformed):
        issued(desk, "case_handling", purpose)


def test_a_token_is_for_one_who_is_a_service_of_exactly_one_unit(desk: Desk) -> None:
    until = later(desk) + timedelta(days=1)
    with pytest.raises(MemberMissing):
        tokens.issue(desk, ROOT, "service-2", ["case_handling"], until)
    people.add(desk, "officer-2", ROOT)
    people.grant(desk, "officer-2", UNIT, "caseworker", ROOT)
    with pytest.raises(ServiceUnclear):
        tokens.issue(desk, ROOT, "officer-2", ["case_handling"], until)
    people.grant(desk, SERVICE, "civil-a", "service", ROOT)
    with pytest.raises(ServiceUnclear) as refused:
        tokens.issue(desk, ROOT, SERVICE, ["case_handling"], until)
    assert refused.value.details["units"] == ["civil-a", "police-a"]


def test_after_a_rotation_the_secret_before_lives_on_for_a_while(desk: Desk) -> None:
    first = issued(desk)
    second = tokens.rotate(desk, ROOT, first.id, overlap_hours=2)
    assert (second.id, second.ends_at) == (first.id, first.ends_at)
    for token in (first.token, second.token):
        assert tokens.present(desk, token).person == SERVICE
    assert tokens.listed(desk, ROOT).items[0].overlap_until == second.overlap_until
    later(desk, hours=2)
    tokens.present(desk, second.token)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, first.token)
    assert tokens.listed(desk, ROOT).items[0].overlap_until is None


def test_of_two_rotations_only_the_last_secret_before_lives_on_and_none_if_so_asked(desk: Desk) -> None:
    first = issued(desk)
    second = tokens.rotate(desk, ROOT, first.id)
    third = tokens.rotate(desk, ROOT, first.id)
    tokens.present(desk, second.token)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, first.token)
    fourth = tokens.rotate(desk, ROOT, first.id, overlap_hours=0)
    tokens.present(desk, fourth.token)
    for token in (second.token, third.token):
        with pytest.raises(NotSignedIn):
            tokens.present(desk, token)
    with pytest.raises(CommandMalformed):
        tokens.rotate(desk, ROOT, first.id, overlap_hours=25)


def test_a_revoked_token_is_of_no_use_at_once_and_for_good(desk: Desk) -> None:
    made = issued(desk)
    other = tokens.rotate(desk, ROOT, made.id)
    assert tokens.revoke(desk, ROOT, made.id).state == "revoked"
    for token in (made.token, other.token):
        with pytest.raises(NotSignedIn):
            tokens.present(desk, token)
    with pytest.raises(NothingToChange):
        tokens.revoke(desk, ROOT, made.id)
    with pytest.raises(TokenOver):
        tokens.rotate(desk, ROOT, made.id)
    with pytest.raises(TokenUnknown):
        tokens.revoke(desk, ROOT, "aaaaaaaaaaaa")
    with pytest.raises(HistoryBroken), kept(desk.database) as work:
        work.wire.write(UNREVOKE, (made.id,))


def test_a_token_pasted_where_its_code_belongs_is_not_repeated(desk: Desk) -> None:
    made = issued(desk)
    with pytest.raises(CommandMalformed) as refused:
        tokens.revoke(desk, ROOT, made.token)
    assert made.token[-43:] not in refused.value.zh + refused.value.en + repr(refused.value.details)


def test_a_service_that_left_or_moved_is_not_let_in_and_its_old_token_never_comes_to_life(desk: Desk) -> None:
    token = issued(desk).token
    people.end(desk, SERVICE, UNIT, "service", ROOT)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, token)
    people.grant(desk, SERVICE, UNIT, "service", ROOT)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, token)
    again = issued(desk).token
    tokens.present(desk, again)
    people.deactivate(desk, SERVICE, ROOT)
    people.add(desk, SERVICE, ROOT)
    people.grant(desk, SERVICE, UNIT, "service", ROOT)
    with pytest.raises(NotSignedIn):
        tokens.present(desk, again)


def test_the_last_use_is_written_no_more_than_once_a_minute(desk: Desk) -> None:
    token = issued(desk).token
    assert tokens.listed(desk, ROOT).items[0].used_at is None
    tokens.present(desk, token)
    first = tokens.listed(desk, ROOT).items[0].used_at
    assert first is not None
    later(desk, seconds=30)
    tokens.present(desk, token)
    assert tokens.listed(desk, ROOT).items[0].used_at == first
    later(desk, seconds=60)
    tokens.present(desk, token)
    assert tokens.listed(desk, ROOT).items[0].used_at > first  # type: ignore[operator]


def test_a_service_acts_for_its_unit_and_purposes_and_never_on_identities(desk: Desk) -> None:
    actor = tokens.present(desk, issued(desk, "case_handling", "supervision").token)
    case = handle(desk, OpenCase(case="", area="900101", facts={"victim.is_child": True}), actor).case
    assert case in repr(lists.cases_of(desk, actor))
    with pytest.raises(PurposeNotGranted):
        handle(desk, OpenCase(case="", area="900101"), replace(actor, purpose="custody"))
    with pytest.raises(NotPermitted) as refused:
        identities.search(desk, "900101", {"id_number": "110101190003072178"}, actor)
    assert refused.value.details["policies"] == ["programs-never-touch-identities"]


def test_only_an_administrator_manages_tokens_and_to_issue_asks_for_the_second_factor(desk: Desk) -> None:
    made = issued(desk)
    until = later(desk) + timedelta(days=1)
    for role in ("caseworker", "unit_supervisor", "auditor", "service"):
        other = signed_in("officer-9", UNIT, role)
        with pytest.raises(NotPermitted):
            tokens.issue(desk, other, SERVICE, ["case_handling"], until)
        with pytest.raises(NotPermitted):
            tokens.rotate(desk, other, made.id)
        with pytest.raises(NotPermitted):
            tokens.revoke(desk, other, made.id)
        with pytest.raises(NotPermitted):
            tokens.listed(desk, other)
    weak = replace(ROOT, proof=Proof("0000000000000001"))
    with pytest.raises(StrongSignInNeeded):
        tokens.issue(desk, weak, SERVICE, ["case_handling"], until)
    with pytest.raises(StrongSignInNeeded):
        tokens.rotate(desk, weak, made.id)
    assert tokens.revoke(desk, weak, made.id).state == "revoked"


def test_tokens_are_listed_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_LISTED", 2)
    made = sorted(issued(desk).id for _ in range(5))
    seen: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = tokens.listed(desk, ROOT, after)
        seen += [one.id for one in page.items]
        after = page.next
    assert (seen, after) == (made, None)


@pytest.mark.parametrize(
    ("old", "new"),
    [("longest_days: 365", "longest_days: 366"), ("overlap_hours: 24", "overlap_hours: 25"), ("deployer", "printed")],
)
def test_no_installation_goes_further_than_the_program_allows(tmp_path: Path, old: str, new: str) -> None:
    shipped = (shipped_root().parent / "policies" / "service_tokens.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "service_tokens.yaml"
    changed.write_text(shipped.replace(old, new, 1), encoding="utf-8")
    assert shipped != changed.read_text(encoding="utf-8")
    with pytest.raises(DefinitionBroken):
        token_rules(changed)
