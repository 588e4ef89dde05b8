"""Signing in: what is right, what is wrong, and that nobody is told which of it was wrong."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.credentials import passwords, totp
from engine.errors import EnrolmentNeeded, NotSignedIn, SignInFailed, SignInThrottled, StrongSignInNeeded
from engine.service import people, second_factors, sessions, sign_in, tickets
from engine.service.sign_in import Half
from engine.service.sign_in_rules import shipped
from engine.store.tables import TABLES
from engine.store.wires import Wire
from tests.service.sign_in.household import ELSEWHERE, OFFICE, Household


def test_a_password_and_a_code_sign_somebody_in(either_home: Household) -> None:
    home = either_home
    signed = home.sign_in("officer-1")
    actor = sessions.present(home.desk, signed.token)
    assert (actor.person, actor.unit) == ("officer-1", "police-a")
    assert signed.means == ("password", "totp")
    assert actor.proof is not None
    assert actor.proof.strong_until == signed.strong_until is not None


WRONG = (
    ("officer-1", "not the password of anybody"), ("nobody-9", "not the password of anybody"),
    ("supervisor-1", "not the password of anybody"), ("a name typed by mistake", "not the password of anybody"),
    ("officer-1", ""), ("officer-1", "\ud800" * 20), ("\x00", "not the password of anybody"), ("x" * 9000, "y" * 9000),
    ("\ud800", "x"),
)  # fmt: skip


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(either_home: Household) -> None:
    told = set()
    for person, password in WRONG:
        with pytest.raises(SignInFailed) as refused:
            sign_in.begin(either_home.desk, person, password, source=OFFICE)
        told.add((refused.value.zh, refused.value.en, str(refused.value.details)))
    assert len(told) == 1


def test_a_wrong_name_costs_what_a_wrong_password_costs(
    either_home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = either_home
    people.deactivate(home.desk, "supervisor-1", home.actor("admin-1"))
    said: list[str] = []
    tried: list[bool] = []
    for name in ("row", "rows", "write"):
        monkeypatch.setattr(Wire, name, _noted(said, getattr(Wire, name)))
    real = passwords.Passwords.verify

    def counting(self: passwords.Passwords, password: str, kept: str | None) -> tuple[bool, str | None]:
        tried.append(kept is not None)
        return real(self, password, kept)

    monkeypatch.setattr(passwords.Passwords, "verify", counting)
    seen = []
    for person in ("officer-1", "officer-1", "nobody-9", "supervisor-1", "two words"):
        said.clear()
        with pytest.raises(SignInFailed):
            sign_in.begin(home.desk, person, "not the password of anybody", source=ELSEWHERE)
        seen.append(list(said))
    assert seen[1] == seen[2] == seen[3] == seen[4]
    assert tried == [True, True, False, False, False]


def _noted(said: list[str], real: Any) -> Any:
    def asked(self: Wire, statement: Any, values: Any = ()) -> Any:
        said.append(statement.form(self._dialect).sql)
        return real(self, statement, values)

    return asked


def test_the_right_password_of_somebody_deactivated_is_refused_too(home: Household) -> None:
    signed = home.sign_in("officer-1")
    half = home.half("officer-1")
    people.deactivate(home.desk, "officer-1", home.actor("admin-1"))
    with pytest.raises(SignInFailed):
        sign_in.begin(home.desk, "officer-1", home.passwords["officer-1"], source=OFFICE)
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)
    with pytest.raises(NotSignedIn):
        sessions.present(home.desk, signed.token)


def test_a_code_counts_once_and_one_step_off_at_most(home: Household) -> None:
    for off in (-1, 1):
        half = home.half("officer-1")
        home.later(seconds=90)
        assert sign_in.finish(home.desk, half.token, code=home.code("officer-1", off=off), source=OFFICE)
    home.later(seconds=120)
    code = home.code("officer-1")
    assert sign_in.finish(home.desk, home.half("officer-1").token, code=code, source=OFFICE)
    for wrong in (code, home.code("officer-1", off=2), home.code("officer-1", off=-2), "12345", "", "١٢٣٤٥٦"):
        with pytest.raises(SignInFailed):
            sign_in.finish(home.desk, home.half("officer-1").token, code=wrong, source=OFFICE)
        home.later(minutes=6)


def test_a_code_may_be_typed_in_full_width_digits(home: Household) -> None:
    half, code = home.half("officer-1"), home.code("officer-1")
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)
    assert sign_in.finish(home.desk, half.token, code=f"{wide[:3]} {wide[3:]}", source=OFFICE)


def test_a_half_sign_in_is_used_once_and_in_time(either_home: Household) -> None:
    home = either_home
    half = home.half("officer-1")
    sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)
    late = home.half("officer-1")
    home.later(minutes=shipped().half_minutes)
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, late.token, code=home.code("officer-1"), source=OFFICE)


def test_on_one_password_few_codes_are_tried(home: Household) -> None:
    half = home.half("officer-1")
    for _ in range(shipped().half_tries):
        home.later(seconds=10)
        with pytest.raises(SignInFailed):
            sign_in.finish(home.desk, half.token, code="000000", source=OFFICE)
    home.later(seconds=10)
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)


def test_showing_the_password_again_forgives_no_wrong_code(home: Household) -> None:
    ends = []
    for _ in range(20):
        try:
            sign_in.finish(home.desk, home.half("officer-1").token, code="000000", source=OFFICE)
        except (SignInFailed, SignInThrottled) as end:
            ends.append(type(end))
    assert set(ends) == {SignInFailed, SignInThrottled}


def test_the_token_is_made_when_the_sign_in_is_and_never_before(home: Household) -> None:
    half = home.half("officer-1")
    with pytest.raises(NotSignedIn):
        sessions.present(home.desk, half.token)
    with pytest.raises(NotSignedIn):
        sessions.present(home.desk, "gts_" + half.token.removeprefix("gth_"))
    signed = sign_in.finish(home.desk, half.token, code=home.code("officer-1"), source=OFFICE)
    assert signed.token.removeprefix("gts_") != half.token.removeprefix("gth_")
    assert signed.token != home.sign_in("officer-1").token


def test_what_asks_for_it_again_is_shown_it_again(either_home: Household) -> None:
    home = either_home
    token = home.sign_in("admin-1").token
    home.later(minutes=shipped().strong_minutes)
    actor = sessions.present(home.desk, token)
    with pytest.raises(StrongSignInNeeded):
        tickets.issue(home.desk, actor, "supervisor-1")
    with pytest.raises(SignInFailed):
        sign_in.prove(home.desk, actor, code="000000", source=OFFICE)
    until = sign_in.prove(home.desk, actor, code=home.code("admin-1"), source=OFFICE)
    again = sessions.present(home.desk, token)
    assert again.proof is not None
    assert again.proof.strong_until == until
    assert tickets.issue(home.desk, again, "supervisor-1").ticket.startswith("gti_")


def test_who_has_no_second_factor_can_only_enrol(newcomers: Household) -> None:
    home = newcomers
    signed = sign_in.with_ticket(home.desk, home.first, source=OFFICE)
    with pytest.raises(EnrolmentNeeded):
        sessions.present(home.desk, signed.token)
    actor = sessions.present_enrolling(home.desk, signed.token)
    second_factors.set_password(home.desk, actor, "a plain long sentence")
    by_password = sign_in.begin(home.desk, "admin-1", "a plain long sentence", source=OFFICE)
    assert not isinstance(by_password, Half)
    with pytest.raises(EnrolmentNeeded):
        sessions.present(home.desk, by_password.token)
    made = second_factors.begin_totp(home.desk, actor)
    home.secrets["admin-1"] = base64.b32decode(made.secret)
    second_factors.confirm_totp(home.desk, actor, made.factor, home.code("admin-1"))
    with pytest.raises(NotSignedIn):  # whoever knew the password alone is out
        sessions.present_enrolling(home.desk, by_password.token)
    with pytest.raises(EnrolmentNeeded):
        sessions.present(home.desk, signed.token)
    assert isinstance(sign_in.begin(home.desk, "admin-1", "a plain long sentence", source=OFFICE), Half)


def test_a_door_that_takes_an_enrolling_sign_in_by_mistake_is_shut_all_the_same(newcomers: Household) -> None:
    signed = sign_in.with_ticket(newcomers.desk, newcomers.first, source=OFFICE)
    actor = sessions.present_enrolling(newcomers.desk, signed.token)
    with pytest.raises(Exception, match="bound to these purposes"):
        people.people_of(newcomers.desk, None, actor)


def test_a_password_kept_at_another_cost_is_kept_anew_when_it_is_shown(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = passwords.Passwords(passwords.Cost(passes=2, memory=16, lanes=1))
    before = _kept(home, "officer-1")
    monkeypatch.setattr(passwords, "shipped", lambda: dearer)
    home.half("officer-1")
    after = _kept(home, "officer-1")
    assert "m=8,t=1,p=1" in before
    assert "m=16,t=2,p=1" in after
    home.half("officer-1")
    assert _kept(home, "officer-1") == after


def _kept(home: Household, person: str) -> str:
    with home.desk.database.reading() as work:
        return work.password_of(person) or ""


def test_nothing_that_lets_anybody_in_lies_in_the_database(either_home: Household) -> None:
    home = either_home
    ticket = tickets.issue(home.desk, home.actor("admin-1"), "supervisor-1").ticket
    half, signed = home.half("officer-1"), home.sign_in("officer-1")
    with pytest.raises(SignInFailed):
        sign_in.begin(home.desk, "a password typed as the name", "x", source=OFFICE)
    secret = home.secrets["officer-1"]
    words = [
        ticket, half.token, signed.token, home.passwords["officer-1"], totp.spelled(secret), OFFICE,
        "a password typed as the name",
    ]  # fmt: skip
    hidden = [secret, *(one.encode() for one in words), *(one[4:].encode() for one in words[:3])]
    held = _everything(home)
    assert b"officer-1" in held
    assert [one for one in hidden if one in held] == []


def _everything(home: Household) -> bytes:
    """Every byte of the database: of SQLite its file, of PostgreSQL all rows of the tables of signing in."""
    engine = home.desk.database._engine
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()
    with engine.connect() as connection:
        rows = [row for table in TABLES for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)
