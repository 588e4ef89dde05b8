"""Admission: who may act at all, when, for which unit and as what; and worlds for trial, where it is otherwise."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import make_url

from engine.access.model import ROLES, Role, Who
from engine.core.commands import Actor, OpenCase
from engine.core.roles import Membership
from engine.definitions.loader import Library
from engine.errors import (
    CommandMalformed,
    GuituError,
    HistoryBroken,
    MembershipAhead,
    MembershipOver,
    NotMember,
    PersonDeactivated,
    PersonUnknown,
    RoleNotHeld,
    RoleUnclear,
    StoreUnavailable,
    TrialRefused,
    UnitUnknown,
)
from engine.service import trial
from engine.service.actors import read_actor
from engine.service.admission import admit
from engine.service.desk import Desk, kept
from engine.service.handle import handle
from engine.service.installation import doctor
from engine.store.database import Database as Store
from engine.store.work import Work
from tests.conftest import Database
from tests.core.play import START, directory
from tests.service.desks import Clock, ask, play_desk
from tests.signed import signed_in

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
NEVER_CHANGED = (sqlite3.IntegrityError, psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)


class Stopped(Clock):
    """A clock that goes on only when told."""

    def __call__(self) -> Any:
        return self.at


def enrol(desk: Desk, person: str, *roles: tuple[str, str, Any, Any]) -> None:
    """Enrol somebody with roles, each unit, role, since and until."""
    with kept(desk.database) as work:
        if work.member(person) is None:
            work.enrol(person, at=START, added_by="admin-1@justice")
        for of_unit, role, since, until in roles:
            work.grant_role(Membership(0, person, of_unit, role, since, until, added_by="admin-1@justice"))


def admitted(desk: Desk, words: str, meant: Role = "caseworker") -> Who:
    """Whoever these words name, admitted."""
    with desk.database.reading() as work:
        return admit(desk, read_actor(words), work, meant=meant)


@contextmanager
def stopped(url: str) -> Iterator[Desk]:
    """A desk whose clock stands still."""
    with play_desk(url, released=()) as desk:
        desk.clock = Stopped(START)
        yield desk


@pytest.fixture
def desk(installation: Database) -> Iterator[Desk]:
    """Give a desk in an installation where nobody is enrolled, whose clock stands still."""
    with stopped(installation.app_url) as found:
        yield found


def test_somebody_is_admitted_as_she_stands(desk: Desk) -> None:
    enrol(desk, "officer-1", ("police-a", "caseworker", START, None), ("justice", "custodian", START, None))
    assert admitted(desk, "officer-1@police-a") == Who(
        "officer-1", "police-a", frozenset({"police"}), ("900101", "900000"), "caseworker",
        frozenset({"caseworker", "custodian"}), "case_handling",
    )  # fmt: skip
    assert admitted(desk, "officer-1@justice").role == "custodian"


def test_a_role_counts_from_its_first_instant_to_before_its_last(desk: Desk) -> None:
    since, until = START + DAY, START + 3 * DAY
    enrol(desk, "officer-1", ("police-a", "caseworker", since, until))
    clock = desk.clock
    assert isinstance(clock, Clock)
    expected: tuple[tuple[Any, type[GuituError] | None], ...] = (
        (START, MembershipAhead), (since - TICK, MembershipAhead), (since, None), (until - TICK, None),
        (until, MembershipOver), (until + DAY, MembershipOver),
    )  # fmt: skip
    for clock.at, error in expected:
        if error is None:
            assert admitted(desk, "officer-1@police-a").role == "caseworker"
            continue
        with pytest.raises(error) as refused:
            admitted(desk, "officer-1@police-a")
        assert refused.value.http == 403


def test_the_role_is_the_one_named_else_the_one_meant_else_the_only_one(desk: Desk) -> None:
    enrol(desk, "officer-1", ("police-a", "caseworker", START, None), ("police-a", "reader", START, None))
    enrol(desk, "officer-2", ("police-a", "custodian", START, None))
    assert admitted(desk, "officer-1@police-a").role == "caseworker"
    assert admitted(desk, "officer-1@police-a:reader").role == "reader"
    assert admitted(desk, "officer-1@police-a", "reader").role == "reader"
    assert admitted(desk, "officer-2@police-a").role == "custodian"
    with pytest.raises(RoleUnclear, match="officer-1@police-a:caseworker"):
        admitted(desk, "officer-1@police-a", "custodian")
    for words in ("officer-2@police-a:caseworker", "officer-1@police-a:custodian"):
        with pytest.raises(RoleNotHeld) as refused:
            admitted(desk, words)
        assert "officer-2" not in refused.value.en.replace(words.partition("@")[0], "")


def test_whoever_is_no_member_is_told_what_would_be_right_and_nothing_of_others(desk: Desk) -> None:
    enrol(desk, "officer-1", ("police-a", "caseworker", START, None))
    enrol(desk, "officer-2", ("police-b", "caseworker", START, None))
    with kept(desk.database) as work:
        work.deactivate("officer-2", at=START, deactivated_by="admin-1@justice")
    refused: dict[str, type[GuituError]] = {
        "officer-9@police-a": PersonUnknown, "officer-1@police-b": NotMember, "officer-2@police-b": PersonDeactivated,
        "officer-1@nowhere": UnitUnknown,
    }  # fmt: skip
    for words, error in refused.items():
        with pytest.raises(error) as told:
            admitted(desk, words)
        others = {"officer-1", "officer-2"} - {words.partition("@")[0]}
        assert not any(other in text for other in others for text in (told.value.zh, told.value.en))


def test_a_role_in_a_merged_unit_counts_for_its_successor(desk: Desk) -> None:
    enrol(desk, "officer-1", ("police-b", "caseworker", START, None))
    known = directory()
    merged = replace(known.units["police-b"], merged_into="police-a")
    with kept(desk.database) as work:
        work.save_directory(replace(known, units={**known.units, "police-b": merged}))
    desk.forget()
    for words in ("officer-1@police-b", "officer-1@police-a"):
        assert admitted(desk, words).unit == "police-a"


def test_to_admit_somebody_takes_two_statements_at_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(desk, "officer-1", *[("police-a", role, START, None) for role in ("caseworker", "reader", "reporter")])
    with desk.database.reading() as work:
        desk.directory(work)
        asked = _counting(work, monkeypatch)
        admit(desk, Actor("officer-1", "police-a"), work)
        assert len(asked) == 1
        with pytest.raises(PersonUnknown):
            admit(desk, Actor("officer-9", "police-a"), work)
        assert len(asked) == 3


def _counting(work: Work, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []

    def counted(plain: Callable[..., object]) -> Callable[..., object]:
        def ask(wire: object, *words: object) -> object:
            asked.append(words)
            return plain(wire, *words)

        return ask

    kind = type(work.wire)
    for name in ("row", "rows"):
        monkeypatch.setattr(kind, name, counted(getattr(kind, name)))
    return asked


# ── as what somebody says she acts ──


def test_an_actor_is_person_and_unit_and_perhaps_a_role() -> None:
    assert read_actor("officer-1@police-a") == Actor("officer-1", "police-a")
    for role in ROLES:
        assert read_actor(f" officer-1@police-a:{role} ") == Actor("officer-1", "police-a", role=role)


@pytest.mark.parametrize("words", ["officer-1", "@police-a", "officer-1@", "officer-1@police-a:", "officer-1@:reader"])
def test_what_is_no_actor_is_refused(words: str) -> None:
    with pytest.raises(CommandMalformed, match="PERSON@UNIT"):
        read_actor(words)


def test_an_unknown_role_is_refused_with_those_there_are() -> None:
    with pytest.raises(CommandMalformed) as refused:
        read_actor("officer-1@police-a:king")
    assert all(role in refused.value.en and role in refused.value.zh for role in ROLES)
    assert "king" not in refused.value.en


# ── worlds for trial ──


def test_in_a_world_for_trial_whoever_is_not_enrolled_is_taken_at_her_word(database: Database) -> None:
    with stopped(database.app_url) as desk:
        enrol(desk, "officer-1", ("police-a", "reader", START, START + DAY))
        assert admitted(desk, "officer-9@police-a").role == "caseworker"
        taken = admitted(desk, "officer-9@police-a:auditor")
        assert (taken.role, taken.held) == ("auditor", frozenset({"auditor"}))
        assert admitted(desk, "officer-1@police-a").role == "reader"
        with pytest.raises(RoleNotHeld):
            admitted(desk, "officer-1@police-a:caseworker")
        with pytest.raises(NotMember):
            admitted(desk, "officer-1@police-b")
        with desk.database.reading() as work, pytest.raises(CommandMalformed):
            admit(desk, Actor("officer-9", "police-a", role="king"), work)
        with pytest.raises(UnitUnknown):
            admitted(desk, "officer-9@nowhere")


def test_a_world_is_marked_when_it_is_made_and_the_doctor_says_so(installation: Database) -> None:
    def checks() -> dict[str, str]:
        return {one.name: one.state for one in doctor(installation.app_url, START, Library)}

    assert "trial" not in checks()
    for _ in range(2):
        trial.mark_trial(installation.owner_url)
    assert checks()["trial"] == "warn"


def test_a_database_that_holds_somebody_or_a_case_becomes_no_world_for_trial(installation: Database) -> None:
    with play_desk(installation.app_url) as desk:
        with pytest.raises(TrialRefused):
            trial.release_all(desk, [])
        enrol(desk, "officer-1", ("police-a", "caseworker", START, None))
        with pytest.raises(TrialRefused):
            trial.mark_trial(installation.owner_url)
        ask(desk, OpenCase(case="", area="900101", facts={"victim.is_child": True}), signed_in("officer-1", "police-a"))
        with desk.database.reading() as work:
            assert work.is_taken()
            assert not work.is_trial()


def test_the_engine_itself_cannot_mark_a_database_on_postgresql(installation: Database) -> None:
    if installation.kind == "sqlite":
        return  # an embedded database has one role
    with pytest.raises(StoreUnavailable):
        trial.mark_trial(installation.app_url)


CHANGES = (
    "UPDATE installation SET is_trial = NOT is_trial", "UPDATE installation SET made_at = '2020-01-01T00:00:00+00:00'",
    "DELETE FROM installation", "INSERT INTO installation (id, is_trial, made_at) SELECT 1, true, made_at"
    " FROM (SELECT made_at FROM installation) AS known", "UPDATE installation SET id = 2",
)  # fmt: skip


@pytest.mark.parametrize("role", ["owner_url", "app_url"])
def test_sql_does_not_change_the_mark_of_a_database_that_holds_somebody(installation: Database, role: str) -> None:
    with Store.open(installation.app_url) as store, kept(store) as work:
        work.enrol("officer-1", at=START, added_by="admin-1@justice")
    _refuses(getattr(installation, role), *CHANGES, *PEOPLE_CHANGES)


def test_sql_does_not_take_the_mark_off_a_world_for_trial(database: Database) -> None:
    _refuses(database.owner_url, *CHANGES)
    with Store.open(database.app_url) as store, store.reading() as work:
        assert work.is_trial()


PEOPLE_CHANGES = (
    "DELETE FROM member", "UPDATE member SET code = 'officer-2'",
    "UPDATE member SET since = '2020-01-01T00:00:00+00:00'",
    "UPDATE member SET added_by = 'officer-1@police-a'",
)  # fmt: skip


def test_sql_does_not_mark_a_database_in_which_a_case_was_opened(installation: Database) -> None:
    with Store.open(installation.app_url) as store, kept(store) as work:
        work.pin_definition("a" * 64, "play", "1", b"{}", START)
    opened = Store.open(installation.owner_url, check=False)
    with opened as store, store.writing() as work, pytest.raises(HistoryBroken):
        work.mark_trial()


def _refuses(url: str, *changes: str) -> None:
    parsed = make_url(url)
    for change in changes:
        if parsed.get_backend_name() == "sqlite":
            connection: Any = closing(sqlite3.connect(str(parsed.database), isolation_level=None))
        else:
            plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            connection = psycopg.connect(plain, autocommit=True)
        with connection as opened, pytest.raises(NEVER_CHANGED):
            opened.execute(change)


def test_a_row_cannot_be_replaced_by_a_bare_connection(sqlite_database: Database) -> None:
    with Store.open(sqlite_database.app_url) as store, kept(store) as work:
        work.enrol("officer-1", at=START, added_by="admin-1@justice")
        work.grant_role(Membership(0, "officer-1", "police-a", "reader", START, added_by="admin-1@justice"))
    _refuses(
        sqlite_database.app_url,
        *(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}" for table in ("member", "membership")),
        "INSERT OR REPLACE INTO installation SELECT id, NOT is_trial, made_at FROM installation",
    )


def test_whoever_may_not_act_any_more_is_not_given_her_earlier_answer_again(installation: Database) -> None:
    with play_desk(installation.app_url) as desk:
        clock = cast("Clock", desk.clock)
        enrol(desk, "ann", ("police-a", "caseworker", START, clock.at + DAY))
        by, opening = signed_in("ann", "police-a"), OpenCase(case="", area="900101", idempotency_key="once")
        first = handle(desk, opening, by)
        assert handle(desk, opening, by).repeated
        clock.at += 2 * DAY
        with pytest.raises(MembershipOver):
            handle(desk, opening, by)
        assert first.revision == 1
