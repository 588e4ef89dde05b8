"""Passwords: which are taken, how they are kept, what a try costs."""

from __future__ import annotations

import base64
import time
import unicodedata

import pytest
from argon2 import Type, extract_parameters
from argon2.low_level import hash_secret

from engine.credentials.passwords import LONGEST, SHORTEST, Cost, Passwords, faults, shipped

CHEAP = Passwords(Cost(passes=1, memory=8, lanes=1))
GOOD = "seven brown kettles"


@pytest.mark.parametrize(
    "password", [GOOD, "大雁归来时窗前有花开了吧", "correct horse", "Xk4!vR9pQz2&", "officer-12 walks home at dusk"]
)
def test_length_is_all_that_is_asked_for(password: str) -> None:
    assert faults(password, "officer-12") == []


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "password_short"), ("kettles", "password_short"), ("eleven char", "password_short"),
        (GOOD * 8, "password_long"), ("officer-12", "password_short"), ("officer-12officer-12", "password_own_code"),
        ("OFFICER-12 now", "password_own_code"), ("aaaaaaaaaaaaaaaa", "password_pattern"),
        ("1234567890123456", "password_pattern"), ("abcdefghijklmnop", "password_pattern"),
        ("qwertyuiopasdfgh", "password_pattern"), ("9876543210987654", "password_pattern"),
        ("kettlekettlekettle", "password_pattern"), ("zaqzaqzaqzaqzaq", "password_pattern"),
    ],
)  # fmt: skip
def test_what_a_rule_can_write_down_is_refused(password: str, why: str) -> None:
    assert why in faults(password, "officer-12")


def test_length_counts_characters_in_one_written_form() -> None:
    apart = unicodedata.normalize("NFD", "ébâîôûàèùçñã")
    assert len(apart) == 2 * SHORTEST - 1
    assert faults(apart[:-2], "") == ["password_short"]
    assert faults(apart, "") == []
    assert faults("".join(chr(0x4E00 + 37 * place) for place in range(LONGEST)), "") == []
    assert faults("".join(chr(0x4E00 + 37 * place) for place in range(LONGEST + 1)), "") == ["password_long"]


def test_a_password_is_right_however_it_was_typed() -> None:
    kept = CHEAP.hashed(unicodedata.normalize("NFD", "ébâîôûàèùçñã"))
    assert CHEAP.verify(unicodedata.normalize("NFC", "ébâîôûàèùçñã"), kept) == (True, None)
    assert CHEAP.verify("ebaiouaeucna", kept) == (False, None)


def test_a_wrong_password_and_nobodys_are_refused_alike() -> None:
    kept = CHEAP.hashed(GOOD)
    for wrong in ("", GOOD + " ", "\ud800", "\x00", "x" * 100_000):
        assert CHEAP.verify(wrong, kept) == (False, None)
        assert CHEAP.verify(wrong, None) == (False, None)
    assert CHEAP.verify(GOOD, None) == (False, None)


def test_the_same_password_is_never_kept_twice_in_the_same_form() -> None:
    assert CHEAP.hashed(GOOD) != CHEAP.hashed(GOOD)


def test_what_was_kept_at_another_cost_is_right_and_kept_anew() -> None:
    dearer = Passwords(Cost(passes=2, memory=16, lanes=1))
    is_right, anew = dearer.verify(GOOD, CHEAP.hashed(GOOD))
    assert is_right
    assert anew is not None
    assert dearer.verify(GOOD, anew) == (True, None)


def test_what_ships_is_what_rfc_9106_recommends_where_memory_is_dear() -> None:
    kept = shipped().hashed(GOOD)
    found = extract_parameters(kept)
    assert (found.type, found.time_cost, found.memory_cost, found.parallelism) == (Type.ID, 3, 65_536, 4)
    assert (found.salt_len, found.hash_len) == (16, 32)
    assert shipped().verify(GOOD, kept) == (True, None)
    shipped().verify(GOOD, None)  # makes nobody's password first
    begun = time.perf_counter()
    shipped().verify(GOOD, None)
    assert time.perf_counter() - begun > 0.005


def test_argon2_itself_agrees() -> None:
    kept = CHEAP.hashed(GOOD)
    salt = kept.split("$")[4]
    raw = hash_secret(GOOD.encode(), base64.b64decode(salt + "=" * (-len(salt) % 4)), 1, 8, 1, 32, Type.ID)
    assert raw.decode() == kept
