"""A person's own password and second factors: enrolled, shown, removed."""

from __future__ import annotations

import base64

import pytest

from engine.core.commands import Actor
from engine.credentials import totp
from engine.errors import (
    EnrolmentRefused,
    NothingToChange,
    NotSignedIn,
    PasskeyMissing,
    SignInFailed,
    StrongSignInNeeded,
)
from engine.service import second_factors, sessions, sign_in, tickets
from engine.service.sign_in_rules import shipped
from tests.credentials.authenticator import PRESENT, SoftKey
from tests.service.sign_in.household import OFFICE, Household


def with_passkey(home: Household, person: str) -> tuple[SoftKey, str]:
    """Somebody's new passkey, enrolled beside what she has, and its code."""
    key, actor = SoftKey(), home.actor(person)
    making = second_factors.begin_passkey(home.desk, actor)
    second_factors.confirm_passkey(home.desk, actor, making.factor, key.make(making.options))
    return key, making.factor


def test_a_passkey_signs_somebody_in_once_for_each_time_it_is_asked(either_home: Household) -> None:
    home = either_home
    key, _ = with_passkey(home, "officer-1")
    half = home.half("officer-1")
    assert half.factors == ("totp", "passkey")
    assert half.passkey_options is not None
    answer = key.show(half.passkey_options)
    signed = sign_in.finish(home.desk, half.token, passkey=answer, source=OFFICE)
    assert signed.means == ("password", "passkey")
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, passkey=answer, source=OFFICE)
    with pytest.raises(SignInFailed):  # an answer to another half sign-in
        sign_in.finish(home.desk, home.half("officer-1").token, passkey=answer, source=OFFICE)


def test_a_passkey_that_counts_back_is_refused_and_one_that_is_not_verified(home: Household) -> None:
    key, _ = with_passkey(home, "officer-1")
    half = home.half("officer-1")
    assert half.passkey_options is not None
    key.count = 40
    sign_in.finish(home.desk, half.token, passkey=key.show(half.passkey_options), source=OFFICE)
    for count, flags in ((20, key.flags), (100, PRESENT)):
        again = home.half("officer-1")
        assert again.passkey_options is not None
        copied = SoftKey(credential=key.credential, private=key.private, count=count, flags=flags)
        with pytest.raises(SignInFailed):
            sign_in.finish(home.desk, again.token, passkey=copied.show(again.passkey_options), source=OFFICE)


def test_a_passkey_of_somebody_else_is_refused(home: Household) -> None:
    with_passkey(home, "officer-1")
    theirs, _ = with_passkey(home, "admin-1")
    half = home.half("officer-1")
    assert half.passkey_options is not None
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, passkey=theirs.show(half.passkey_options), source=OFFICE)


def test_a_passkey_is_shown_again_to_what_asks_for_it(home: Household) -> None:
    key, _ = with_passkey(home, "officer-1")
    token = home.sign_in("officer-1").token
    home.later(minutes=shipped().strong_minutes)
    actor = sessions.present(home.desk, token)
    options = sign_in.ask_again(home.desk, actor)
    answer = key.show(options)
    until = sign_in.prove(home.desk, actor, passkey=answer, source=OFFICE)
    assert until > home.desk.clock()
    with pytest.raises(SignInFailed):
        sign_in.prove(home.desk, actor, passkey=answer, source=OFFICE)


def test_who_has_no_passkey_is_asked_for_none(home: Household) -> None:
    actor = home.actor("officer-1")
    with pytest.raises(PasskeyMissing):
        sign_in.ask_again(home.desk, actor)
    with_passkey(home, "officer-1")
    home.desk.site = None
    actor = home.actor("officer-1")
    with pytest.raises(PasskeyMissing):
        second_factors.begin_passkey(home.desk, actor)
    assert home.half("officer-1").passkey_options is None


def test_a_passkey_belongs_to_one_person(home: Household) -> None:
    key, _ = with_passkey(home, "officer-1")
    actor = home.actor("admin-1")
    making = second_factors.begin_passkey(home.desk, actor)
    with pytest.raises(EnrolmentRefused):
        second_factors.confirm_passkey(home.desk, actor, making.factor, key.make(making.options))


def test_an_authenticator_is_confirmed_by_a_code_of_it_in_time_and_by_whoever_began(home: Household) -> None:
    actor, other = home.actor("officer-1"), home.actor("admin-1")
    made = second_factors.begin_totp(home.desk, actor)
    secret = base64.b32decode(made.secret)

    def code() -> str:
        return totp.code_at(secret, totp.step_of(home.desk.clock()))

    for wrong in ("000000", ""):
        with pytest.raises(EnrolmentRefused):
            second_factors.confirm_totp(home.desk, actor, made.factor, wrong)
    with pytest.raises(EnrolmentRefused):
        second_factors.confirm_totp(home.desk, other, made.factor, code())
    with pytest.raises(EnrolmentRefused):
        second_factors.confirm_totp(home.desk, actor, "F-0000", code())
    assert second_factors.confirm_totp(home.desk, actor, made.factor, code()).is_confirmed
    with pytest.raises(EnrolmentRefused):
        second_factors.confirm_totp(home.desk, actor, made.factor, code())
    late = second_factors.begin_totp(home.desk, home.actor("officer-1"))
    actor = home.actor("officer-1")
    home.later(minutes=shipped().enrol_minutes)
    sign_in.prove(home.desk, sessions.present(home.desk, home.sign_in("officer-1").token),
                  code=home.code("officer-1"), source=OFFICE)  # fmt: skip
    secret = base64.b32decode(late.secret)
    with pytest.raises(EnrolmentRefused):
        second_factors.confirm_totp(home.desk, home.actor("officer-1"), late.factor, code())


def test_what_was_begun_and_not_confirmed_signs_nobody_in(home: Household) -> None:
    made = second_factors.begin_totp(home.desk, home.actor("officer-1"))
    half = home.half("officer-1")
    code = totp.code_at(base64.b32decode(made.secret), totp.step_of(home.desk.clock()))
    with pytest.raises(SignInFailed):
        sign_in.finish(home.desk, half.token, code=code, source=OFFICE)


def test_the_last_second_factor_stays_and_any_other_goes(home: Household) -> None:
    _, passkey = with_passkey(home, "officer-1")
    actor = home.actor("officer-1")
    (first,) = (one for one in second_factors.listed(home.desk, actor) if one.kind == "totp")
    with pytest.raises(NothingToChange):
        second_factors.remove(home.desk, actor, "F-0000")
    with pytest.raises(NothingToChange):
        second_factors.remove(home.desk, home.actor("admin-1"), first.factor)
    second_factors.remove(home.desk, actor, first.factor)
    with pytest.raises(EnrolmentRefused):
        second_factors.remove(home.desk, actor, passkey)
    assert [one.factor for one in second_factors.listed(home.desk, actor)] == [passkey]
    assert home.half("officer-1").factors == ("passkey",)


def test_a_sign_in_left_open_changes_nothing_of_how_its_owner_signs_in(home: Household) -> None:
    token = home.sign_in("officer-1").token
    home.later(minutes=shipped().strong_minutes)
    actor = sessions.present(home.desk, token)
    with pytest.raises(StrongSignInNeeded):
        second_factors.set_password(home.desk, actor, "another plain long sentence")
    with pytest.raises(StrongSignInNeeded):
        second_factors.begin_totp(home.desk, actor)
    with pytest.raises(StrongSignInNeeded):
        second_factors.begin_passkey(home.desk, actor)
    with pytest.raises(StrongSignInNeeded):
        second_factors.remove(home.desk, actor, "F-0000")
    for act in (second_factors.begin_totp, second_factors.begin_passkey, second_factors.listed):
        with pytest.raises(NotSignedIn):
            act(home.desk, Actor("officer-1", "police-a"))


def test_a_new_password_ends_every_other_sign_in(home: Household) -> None:
    before, this = home.sign_in("officer-1"), home.sign_in("officer-1")
    actor = sessions.present(home.desk, this.token)
    second_factors.set_password(home.desk, actor, "another plain long sentence")
    with pytest.raises(NotSignedIn):
        sessions.present(home.desk, before.token)
    assert sessions.present(home.desk, this.token)
    with pytest.raises(SignInFailed):
        home.half("officer-1")
    home.passwords["officer-1"] = "another plain long sentence"
    assert home.sign_in("officer-1")


def test_a_password_that_is_refused_says_all_that_stands_against_it_and_not_what_it_was(home: Household) -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        second_factors.set_password(home.desk, home.actor("officer-1"), "officer-1")
    assert [one.code for one in refused.value.reasons] == ["password_short", "password_own_code"]
    assert "officer-1" not in f"{refused.value.zh}{refused.value.en}{refused.value.reasons}"


# ── tickets ──


def test_a_ticket_is_used_once_and_in_time_and_the_newest_counts(newcomers: Household) -> None:
    desk = newcomers.desk
    newcomers.enrol("admin-1", newcomers.first)
    with pytest.raises(SignInFailed):
        sign_in.with_ticket(desk, newcomers.first, source=OFFICE)
    chief = newcomers.actor("admin-1")
    replaced = tickets.issue(desk, chief, "officer-1").ticket
    newest = tickets.issue(desk, chief, "officer-1")
    late = tickets.issue(desk, chief, "supervisor-1")
    for wrong in (replaced, "", "gti_", newest.ticket + "x", newest.ticket.replace("gti_", "gts_")):
        with pytest.raises(SignInFailed):
            sign_in.with_ticket(desk, wrong, source=OFFICE)
    assert sign_in.with_ticket(desk, newest.ticket, source=OFFICE).means == ("ticket",)
    newcomers.later(hours=shipped().ticket_hours)
    with pytest.raises(SignInFailed):
        sign_in.with_ticket(desk, late.ticket, source=OFFICE)


def test_an_enrolling_sign_in_is_over_for_whoever_has_a_second_factor_from_before(newcomers: Household) -> None:
    """A ticket issued while somebody enrolled with another one opens nothing afterwards."""
    desk = newcomers.desk
    newcomers.enrol("admin-1", newcomers.first)
    ticket = tickets.issue(desk, newcomers.actor("admin-1"), "officer-1").ticket
    newcomers.enrol("officer-1", ticket)
    with desk.database.writing() as work:
        late = tickets.issue_in(desk, work, "officer-1", None).ticket
        work.commit()
    token = sign_in.with_ticket(desk, late, source=OFFICE).token
    actor = sessions.present_enrolling(desk, token)
    with pytest.raises(NotSignedIn):
        second_factors.set_password(desk, actor, "another plain long sentence")
    with pytest.raises(NotSignedIn):
        second_factors.begin_totp(desk, actor)
