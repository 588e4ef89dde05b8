"""Throttling: failures slow down whoever fails, never for long, and nobody else."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.errors import SignInFailed, SignInThrottled
from engine.service import sign_in
from engine.service.sign_in_rules import MOST_DELAY_SECONDS, SignInRules, shipped
from tests.service.sign_in.household import ELSEWHERE, OFFICE, Household


def fails(home: Household, person: str, source: str) -> int:
    """Try a wrong password; 0 when it was judged, else the seconds to wait."""
    try:
        sign_in.begin(home.desk, person, "not the password of anybody", source=source)
    except SignInThrottled as early:
        wait = early.details["retry_after"]
        assert isinstance(wait, int)
        return wait
    except SignInFailed:
        return 0
    raise AssertionError("it was wrong")


def test_from_the_fifth_failure_on_each_wait_is_twice_as_long_and_none_longer_than_minutes(home: Household) -> None:
    assert [fails(home, "officer-1", ELSEWHERE) for _ in range(5)] == [0] * 5
    waits: list[int] = []
    while len(waits) < 8:
        wait = fails(home, "officer-1", ELSEWHERE)
        if wait:
            waits.append(wait)
            home.later(seconds=wait)
            assert fails(home, "officer-1", ELSEWHERE) == 0
    assert all(before <= after for before, after in pairwise(waits))
    assert waits[0] < 10 < waits[3] < 100 < waits[-1]
    assert max(waits) <= shipped().most_delay_seconds <= MOST_DELAY_SECONDS


def test_who_waits_is_let_in_with_the_right_password_and_starts_anew(home: Household) -> None:
    while (wait := fails(home, "officer-1", OFFICE)) < 20:
        home.later(seconds=wait)
    with pytest.raises(SignInThrottled):
        home.half("officer-1", OFFICE)
    home.later(seconds=wait)
    assert home.sign_in("officer-1", OFFICE)
    assert [fails(home, "officer-1", OFFICE) for _ in range(5)] == [0] * 5


def test_failures_elsewhere_slow_nobody_down_where_she_usually_is(either_home: Household) -> None:
    home = either_home
    home.sign_in("officer-1", OFFICE)
    for place in range(6):
        assert any(fails(home, "officer-1", f"203.0.113.{place}") for _ in range(12))
    assert home.sign_in("officer-1", OFFICE)


def test_failures_of_one_person_slow_down_no_other_of_the_same_office(home: Household) -> None:
    for _ in range(12):
        fails(home, "officer-1", OFFICE)
    assert home.sign_in("admin-1", OFFICE)


def test_a_source_that_tries_many_names_is_slowed_down_as_a_whole(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = shipped().model_copy(update={"source_failures_free": 12})
    monkeypatch.setattr("engine.service.throttle.shipped", lambda: few)
    home.sign_in("officer-1", OFFICE)
    waits = [fails(home, f"somebody-{number}", OFFICE) for number in range(18)]
    assert waits[:13] == [0] * 13
    assert any(waits[13:])
    # Who signed in from there lately is counted apart, and so is everybody elsewhere.
    assert home.sign_in("officer-1", OFFICE)
    assert fails(home, "somebody-1", ELSEWHERE) == 0
    home.later(minutes=few.source_minutes)
    assert fails(home, "somebody-99", OFFICE) == 0


def test_signing_in_well_uses_up_nothing_of_the_office(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    few = shipped().model_copy(update={"source_failures_free": 3})
    monkeypatch.setattr("engine.service.throttle.shipped", lambda: few)
    for _ in range(6):
        assert home.sign_in("officer-1", OFFICE)


def test_failures_are_forgotten(home: Household) -> None:
    for _ in range(5):
        fails(home, "officer-1", ELSEWHERE)
    home.later(minutes=shipped().forget_minutes)
    assert [fails(home, "officer-1", ELSEWHERE) for _ in range(5)] == [0] * 5


def test_what_nobody_waits_for_any_more_is_removed(either_home: Household) -> None:
    home = either_home
    for number in range(5):
        fails(home, f"somebody-{number}", ELSEWHERE)
    assert _rows(home) > 5
    home.later(days=2)
    home.sign_in("officer-1")
    assert _rows(home) == 2  # hers, and her office's


def _rows(home: Household) -> int:
    with home.desk.database._engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM sign_in_failure").scalar_one())


def test_a_try_that_is_cut_off_before_it_is_judged_counts(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def cut(*_: object) -> tuple[bool, None]:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("engine.credentials.passwords.Passwords.verify", cut)
        ends = []
        for _ in range(14):
            try:
                sign_in.begin(home.desk, "officer-1", home.passwords["officer-1"], source=ELSEWHERE)
            except (Killed, SignInThrottled) as end:
                ends.append(type(end))
    assert set(ends) == {Killed, SignInThrottled}
    assert ends[:5] == [Killed] * 5


def test_no_installation_can_set_a_wait_that_locks_somebody_out() -> None:
    stated = {**shipped().model_dump(), "most_delay_seconds": MOST_DELAY_SECONDS + 1}
    with pytest.raises(ValueError, match="less than or equal to 300"):
        SignInRules.model_validate(stated)
