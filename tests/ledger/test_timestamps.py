"""Timestamps of a real authority hold for their note and its root, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from engine.ledger.timestamps import MOST_BYTES, BadTimestamp, Request, Why, request, stated, verified
from tests.timestamping import Authority, founded, with_another_purpose

NOTE = "guitu.example\n9\nroot\n\n— guitu.example signature\n".encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give an authority that is what it should be."""
    return founded(tmp_path_factory.mktemp("authority") / "here")


@pytest.fixture(scope="module")
def answered(authority: Authority) -> tuple[Request, bytes]:
    """Give a request and the answer to it."""
    asked = request(NOTE)
    return asked, authority.answer(asked.der)


def why(response: bytes, note: bytes, roots: list[bytes], asked: Request | None = None) -> Why:
    with pytest.raises(BadTimestamp) as refused:
        verified(response, note, roots, asked)
    assert refused.value.why in get_args(Why)
    return refused.value.why


def test_a_timestamp_holds_for_its_note_and_tells_the_time(
    authority: Authority, answered: tuple[Request, bytes]
) -> None:
    asked, response = answered
    at = verified(response, NOTE, [authority.root])
    assert at == verified(response, NOTE, [authority.root, authority.root], asked) == stated(response, NOTE, asked)
    assert at.tzinfo == UTC
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


def test_requests_for_one_note_differ_by_their_number(answered: tuple[Request, bytes], authority: Authority) -> None:
    asked, response = answered
    again = request(NOTE)
    assert again.nonce != asked.nonce
    assert again.der != asked.der
    assert why(response, NOTE, [authority.root], again) == "another request"


def test_a_timestamp_of_another_note_is_refused(authority: Authority, answered: tuple[Request, bytes]) -> None:
    assert why(answered[1], NOTE + b"x", [authority.root]) == "another note"
    with pytest.raises(BadTimestamp, match="another note"):
        stated(answered[1], b"", None)


def test_a_timestamp_by_another_digest_than_sha_256_is_refused(authority: Authority) -> None:
    long = TimestampRequestBuilder().data(NOTE).hash_algorithm(HashAlgorithm.SHA512).build().as_bytes()
    assert why(authority.answer(long), NOTE, [authority.root]) == "another note"
    sha_256, sha3_256 = bytes.fromhex("0609608648016503040201"), bytes.fromhex("0609608648016503040208")
    mislabelled = authority.answer(request(NOTE).der.replace(sha_256, sha3_256))
    assert why(mislabelled, NOTE, [authority.root]) == "another note"


def test_the_root_of_another_authority_proves_nothing(answered: tuple[Request, bytes], tmp_path: Path) -> None:
    other = founded(tmp_path / "other")  # its certificates bear the same names
    assert why(answered[1], NOTE, [other.root]) == "not proved"


@pytest.mark.parametrize("root", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_without_a_root_nothing_is_proved(answered: tuple[Request, bytes], root: bytes | None) -> None:
    assert why(answered[1], NOTE, [] if root is None else [root]) == "roots"


def test_a_certificate_that_had_expired_when_it_signed_is_refused(tmp_path: Path) -> None:
    expired = founded(tmp_path / "expired", valid_until=timedelta(days=-1))
    response = expired.answer(request(NOTE).der)
    assert stated(response, NOTE)
    assert why(response, NOTE, [expired.root]) == "not proved"


def test_an_authority_that_is_none_and_refuses_is_told_apart(authority: Authority) -> None:
    assert why(authority.answer(b"no request"), NOTE, [authority.root]) == "not granted"


def test_a_certificate_for_another_purpose_proves_nothing(
    authority: Authority, answered: tuple[Request, bytes]
) -> None:
    swapped = with_another_purpose(authority, answered[1])
    assert stated(swapped, NOTE) == stated(answered[1], NOTE)
    assert why(swapped, NOTE, [authority.root]) == "not proved"


def test_an_answer_cut_anywhere_or_changed_anywhere_is_refused(
    authority: Authority, answered: tuple[Request, bytes]
) -> None:
    response = answered[1]
    for end in range(0, len(response), 7):
        assert why(response[:end], NOTE, [authority.root]) == "form"
    assert why(response + b"\0", NOTE, [authority.root]) == "form"
    assert why(bytes(MOST_BYTES + 1), NOTE, [authority.root]) == "form"
    said = stated(response, NOTE)
    passed = 0
    for at in range(0, len(response), 3):
        changed = response[:at] + bytes([response[at] ^ 1]) + response[at + 1 :]
        try:
            assert verified(changed, NOTE, [authority.root]) == said
            passed += 1
        except BadTimestamp:
            continue
    assert passed < len(response) // 30  # only what nobody signs, such as how a digest's parameters are written
