"""What the ledger tells of signing in: all that was done and refused, and never what was typed as a name."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from engine.core.commands import Actor
from engine.errors import GuituError
from engine.service import recovery, second_factors, sessions, sign_in, tickets
from engine.service.sign_in_rules import shipped
from engine.store.sign_in import SignInRows
from tests.house.tree import ROOT
from tests.service.ledger.opening import Book, Told
from tests.service.sign_in.household import ELSEWHERE, OFFICE, Household
from tests.signed import signed


def entered(book: Book, act: Callable[[], object]) -> Told:
    """The one entry that something makes, done or refused."""
    outcome: tuple[str, str | None] = ("done", None)
    try:
        act()
    except GuituError as refusal:
        outcome = ("refused", refusal.code)
    found = book.only()
    assert (found.event["outcome"], found.event["reason"]) == outcome
    return found


def details(told: Told) -> dict[str, Any]:
    return dict(told.event["details"])


def test_a_name_that_nobody_has_is_not_told(home: Household) -> None:
    book = Book.at(home.desk)
    for typed in ("nobody-9", "a plain long sentence", "\x00", "x" * 300):
        told = entered(book, lambda typed=typed: sign_in.begin(home.desk, typed, "x", source=OFFICE))  # type: ignore[misc]
        assert (told.act, told.event["actor"], details(told)) == ("sign_in:begin", None, {})
        assert typed not in json.dumps(told.event)
    told = entered(book, lambda: sign_in.begin(home.desk, "officer-1", "x", source=OFFICE))
    assert details(told) == {"person": "officer-1"}


def test_signing_in_and_out_is_told_step_by_step(home: Household) -> None:
    book, desk = Book.at(home.desk), home.desk
    half = home.half("officer-1")
    assert details(book.only()) == {"person": "officer-1", "means": "password"}
    told = entered(book, lambda: sign_in.finish(desk, half.token, code="000000", source=OFFICE))
    assert details(told) == {"person": "officer-1"}
    signed_in = sign_in.finish(desk, half.token, code=home.code("officer-1"), source=OFFICE)
    assert details(book.only()) == {
        "person": "officer-1", "means": "password,totp", "sign_in": signed_in.sign_in,
    }  # fmt: skip
    actor = sessions.present(desk, signed_in.token)
    assert book.news() == []
    told = entered(book, lambda: sign_in.prove(desk, actor, code=home.code("officer-1"), source=OFFICE))
    assert (told.act, details(told)) == ("sign_in:prove", {"sign_in": signed_in.sign_in, "means": "totp"})
    assert entered(book, lambda: sessions.listed(desk, actor)).act == "sign_in:list"
    told = entered(book, lambda: sessions.end(desk, signed_in.token))
    assert (told.act, details(told)) == ("sign_in:end", {"person": "officer-1", "sign_in": signed_in.sign_in})
    told = entered(book, lambda: sessions.end_all(desk, actor))
    assert (told.act, told.event["outcome"]) == ("sign_in:end_all", "refused")


def test_a_try_that_came_too_early_is_told(home: Household) -> None:
    book = Book.at(home.desk)
    reasons = [
        entered(book, lambda: sign_in.begin(home.desk, "officer-1", "x", source=ELSEWHERE)).event["reason"]
        for _ in range(10)
    ]
    assert set(reasons) == {"sign_in_failed", "sign_in_throttled"}


def test_tickets_passwords_and_factors_are_told(newcomers: Household) -> None:
    desk, chief, book = newcomers.desk, signed(Actor("admin-1", "justice")), Book.at(newcomers.desk)
    told = entered(book, lambda: tickets.issue(desk, chief, "officer-1"))
    assert (told.act, details(told)) == ("sign_in:ticket", {"person": "officer-1"})
    assert told.event["policies"] == ["administrator-manages-sign-in"]
    ticket = tickets.issue(desk, chief, "officer-1").ticket
    book.news()
    token = sign_in.with_ticket(desk, ticket, source=OFFICE).token
    assert details(book.only())["means"] == "ticket"
    actor = sessions.present_enrolling(desk, token)
    told = entered(book, lambda: second_factors.set_password(desk, actor, "short"))
    assert (told.act, told.event["outcome"], told.event["actor"]) == ("password:set", "refused", "officer-1")
    told = entered(book, lambda: second_factors.set_password(desk, actor, "a plain long sentence"))
    assert (told.act, details(told)["ended"]) == ("password:set", 0)
    told = entered(book, lambda: second_factors.begin_totp(desk, actor))
    assert (told.act, details(told)["means"], details(told)["state"]) == ("factor:add", "totp", "begun")
    told = entered(book, lambda: second_factors.remove(desk, actor, details(told)["factor"]))
    assert told.act == "factor:remove"


def test_every_step_of_a_recovery_is_told_with_who_agreed(offices: Household) -> None:
    desk, book = offices.desk, Book.at(offices.desk)
    first, second = signed(Actor("admin-1", "justice")), signed(Actor("admin-2", "justice"))
    told = entered(book, lambda: recovery.ask(desk, first, "officer-1"))
    code = details(told)["recovery"]
    assert (told.act, details(told)) == ("recovery:ask", {"person": "officer-1", "recovery": code})
    both = [{"person": "admin-1", "unit": "justice"}, {"person": "admin-2", "unit": "justice"}]
    told = entered(book, lambda: recovery.approve(desk, second, code))
    assert (told.act, told.event["approvals"]) == ("recovery:approve", both)
    told = entered(book, lambda: recovery.complete(desk, second, code))
    assert (told.act, told.event["outcome"]) == ("recovery:complete", "refused")
    assert entered(book, lambda: recovery.listed(desk, second)).act == "recovery:list"
    offices.later(hours=shipped().recovery_wait_hours)
    told = entered(book, lambda: recovery.complete(desk, second, code))
    assert (told.act, told.event["approvals"], details(told)["person"]) == ("recovery:complete", both, "officer-1")
    told = entered(book, lambda: recovery.stop(desk, second, code))
    assert (told.act, told.event["reason"]) == ("recovery:stop", "recovery_impossible")


# ── what the record room itself refuses ──

NEVER = (
    "UPDATE sign_in SET person = 'admin-1'", "UPDATE sign_in SET ends_at = begun_at", "DELETE FROM sign_in",
    "UPDATE second_factor SET person = 'admin-1'", "UPDATE second_factor SET public_key = 'x', credential = 'x'",
    "DELETE FROM second_factor", "DELETE FROM password", "UPDATE password SET person = 'admin-1'",
    "UPDATE sign_in_ticket SET ended_at = NULL, ended_why = NULL", "DELETE FROM sign_in_ticket",
    "UPDATE half_sign_in SET used_at = NULL", "UPDATE sign_in SET ended_at = NULL, ended_why = NULL",
    "DELETE FROM recovery", "UPDATE recovery SET asked_by = 'admin-9'", "UPDATE recovery SET approved_by = NULL",
    "UPDATE recovery SET approved_by = asked_by", "DELETE FROM half_sign_in",
)  # fmt: skip


def test_what_may_never_change_of_signing_in_never_does(either_home: Household) -> None:
    home = either_home
    signed_in = home.sign_in("officer-1")
    sessions.end(home.desk, signed_in.token)
    chief, other = signed(Actor("admin-1", "justice")), signed(Actor("admin-2", "justice"))
    recovery.approve(home.desk, other, recovery.ask(home.desk, chief, "officer-1").recovery)
    with home.desk.database._engine.connect() as connection:
        for words in NEVER:
            with pytest.raises(DBAPIError):
                connection.exec_driver_sql(words)
            connection.rollback()
        connection.exec_driver_sql("DELETE FROM sign_in_failure")


def test_every_row_of_the_threats_of_signing_in_names_tests_that_there_are() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [
        row for row in text.partition("## Signing in")[2].partition("\n## ")[0].splitlines() if row.startswith("| ")
    ]
    folders = (ROOT / "tests" / "service" / "sign_in", ROOT / "tests" / "credentials")
    tests = "".join(path.read_text(encoding="utf-8") for folder in folders for path in folder.glob("test_*.py"))
    named = [re.findall(r"`(test_[a-z0-9_]+)`", row) for row in rows[1:]]
    assert named
    assert all(named)
    assert [name for one in named for name in one if f"def {name}(" not in tests] == []


# ── cut off half-way ──


class Killed(BaseException):
    """The process is gone."""


STEPS = ("add_sign_in", "use_half", "end_ticket", "add_half", "use_factor", "confirm_factor", "set_password")


@pytest.mark.parametrize("step", STEPS)
def test_cut_off_before_any_step_nothing_is_used_up_and_it_can_be_done_again(
    newcomers: Household, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Where it is cut, everything of that transaction is undone: ticket, code and half sign-in still count."""
    home, cut = newcomers, []

    def dies(*_: object, **__: object) -> None:
        cut.append(step)
        raise Killed

    def again(act: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(SignInRows, step, dies)
            try:
                return act()
            except Killed:
                patched.undo()
                return act()

    token = again(lambda: sign_in.with_ticket(home.desk, home.first, source=OFFICE)).token
    actor = sessions.present_enrolling(home.desk, token)
    home.passwords["admin-1"] = "a plain long sentence"
    again(lambda: second_factors.set_password(home.desk, actor, home.passwords["admin-1"]))
    made = second_factors.begin_totp(home.desk, actor)
    home.secrets["admin-1"] = base64.b32decode(made.secret)
    code = home.code("admin-1")
    again(lambda: second_factors.confirm_totp(home.desk, actor, made.factor, code))
    half = again(lambda: home.half("admin-1"))
    shown = home.code("admin-1")
    done = again(lambda: sign_in.finish(home.desk, half.token, code=shown, source=OFFICE))
    assert sessions.present(home.desk, done.token).person == "admin-1"
    assert cut
