"""One-time codes: those of RFC 6238, one step off at most, and each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.credentials import totp

SECRET = b"12345678901234567890"
# RFC 6238, appendix B, SHA-1; the last six of its eight digits.
VECTORS = [
    (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
    (20000000000, "353130"),
]  # fmt: skip
NOW = datetime(2026, 1, 5, 9, 0, 10, tzinfo=UTC)
HERE = totp.step_of(NOW)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_at(SECRET, totp.step_of(at)) == code
    assert totp.accepted(SECRET, code, at, None) == seconds // 30


@pytest.mark.parametrize(("off", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(off: int, is_taken: bool) -> None:
    found = totp.accepted(SECRET, totp.code_at(SECRET, HERE + off), NOW, None)
    assert found == (HERE + off if is_taken else None)


def test_no_step_is_taken_twice_or_gone_back_behind() -> None:
    for off in (-1, 0, 1):
        code = totp.code_at(SECRET, HERE + off)
        assert totp.accepted(SECRET, code, NOW, HERE + off) is None
        assert totp.accepted(SECRET, code, NOW, HERE + off - 1) == HERE + off
        assert totp.accepted(SECRET, code, NOW, HERE + 1) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345\n", "-12345", "1" * 10_000])
def test_what_is_no_code_is_none(code: str) -> None:
    assert totp.accepted(SECRET, code, NOW, None) is None


def test_a_code_may_be_typed_in_groups_and_in_full_width() -> None:
    code = totp.code_at(SECRET, HERE)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert totp.accepted(SECRET, f"{code[:3]} {code[3:]}", NOW, None) == HERE
    assert totp.accepted(SECRET, wide, NOW, None) == HERE


def test_a_secret_is_as_long_as_its_hash_and_an_authenticator_can_read_it() -> None:
    secret = totp.new_secret()
    assert len(secret) == 20
    assert secret != totp.new_secret()
    address = totp.address(secret, "officer-1")
    assert address.startswith("otpauth://totp/Guitu:officer-1?")
    assert f"secret={totp.spelled(secret)}" in address


def test_before_1970_was_nothing() -> None:
    assert totp.accepted(SECRET, totp.code_at(SECRET, 0), datetime.fromtimestamp(0, UTC), None) == 0
    assert totp.step_of(NOW + timedelta(seconds=20)) == HERE + 1
