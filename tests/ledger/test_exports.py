"""The files beside a bundle are read in their one form, and what is not of it is named by its line."""

from __future__ import annotations

import pytest

from engine.ledger.canonical import Value
from engine.ledger.entry import tag
from engine.ledger.exports import BadExport, Live, read_digests, read_salts
from tests.ledger.bundle_maker import ORIGIN, a_world, digest_of, lines, salt_of

AT = "2026-03-01T08:00:00.000Z"
SALTS: dict[str, Value] = {"v": 1, "file": "guitu/audit-salts", "origin": ORIGIN, "complete": True, "exported_at": AT}
DIGESTS: dict[str, Value] = {
    "v": 1, "file": "guitu/audit-digests", "origin": ORIGIN, "tree_size": 3, "exported_at": AT,
}  # fmt: skip
ONE: dict[str, Value] = {"case": "case-1", "salt": "ab" * 32}
LIVE: dict[str, Value] = {"case": "case-1", "person": None, "digest": "ab" * 32, "revision": 1}


def test_salts_are_found_by_tag() -> None:
    found = read_salts(a_world().salts())
    assert {one.case: one.salt for one in found.by_tag.values()} == {
        "case-1": salt_of("case-1"), "case-2": salt_of("case-2"),
    }  # fmt: skip
    assert found.by_tag[tag(salt_of("case-1"))].case == "case-1"
    assert (found.origin, found.is_complete, found.damaged) == (ORIGIN, True, ())


def test_digests_are_read_one_by_one() -> None:
    found = read_digests(a_world().digests())
    assert (found.origin, found.tree_size) == (ORIGIN, 18)
    listed = list(found.lines)
    assert listed[:2] == [
        Live(2, "case-1", None, digest_of("case-1", None, "with P-1"), 2),
        Live(3, "case-1", "P-1", digest_of("case-1", "P-1", "who she is"), None),
    ]
    assert [one.case for one in listed if one.certificate] == ["case-3"]


def test_what_was_damaged_is_told() -> None:
    body: dict[str, Value] = {"case": "case-9", "person": None, "damaged": True}
    assert read_salts(lines(SALTS, body)).damaged == ("case-9",)
    assert list(read_digests(lines(DIGESTS, body, {**body, "person": "P-1"})).lines) == [
        Live(2, "case-9", None), Live(3, "case-9", "P-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "line", "why"),
    [
        ([], 1, "another file"),
        ([b"not json\n"], 1, "another file"),
        (lines(DIGESTS), 1, "another file"),
        (lines({**SALTS, "v": 2}), 1, "form"),
        (lines({**SALTS, "v": True}), 1, "form"),
        (lines({**SALTS, "complete": 1}), 1, "form"),
        (lines({**SALTS, "more": 1}), 1, "form"),
        (lines({**SALTS, "origin": ""}), 1, "form"),
        (lines({**SALTS, "exported_at": "yesterday"}), 1, "form"),
        (lines(SALTS, {**ONE, "salt": "AB" * 32}), 2, "form"),
        (lines(SALTS, {**ONE, "salt": "ab" * 31}), 2, "form"),
        (lines(SALTS, {**ONE, "case": "a b"}), 2, "form"),
        (lines(SALTS, {**ONE, "more": 1}), 2, "form"),
        (lines(SALTS, {"case": "case-1", "person": None, "damaged": False}), 2, "form"),
        (lines(SALTS, ONE, ONE), 3, "twice"),
        (lines(SALTS, ONE, {**ONE, "case": "case-2"}), 3, "twice"),
        ([lines(SALTS)[0][:-1]], 1, "form"),
        ([*lines(SALTS), b'{"case": "case-1", "salt": "' + b"ab" * 32 + b'"}\n'], 2, "form"),
    ],
)
def test_salts_that_are_none_are_refused(written: list[bytes], line: int, why: str) -> None:
    with pytest.raises(BadExport) as caught:
        read_salts(written)
    assert (caught.value.line, caught.value.why) == (line, why)


@pytest.mark.parametrize(
    ("written", "line", "why"),
    [
        (lines(SALTS), 1, "another file"),
        (lines({**DIGESTS, "tree_size": -1}), 1, "form"),
        (lines({**DIGESTS, "tree_size": "3"}), 1, "form"),
        (lines(DIGESTS, {**LIVE, "digest": "ab"}), 2, "form"),
        (lines(DIGESTS, {**LIVE, "revision": -1}), 2, "form"),
        (lines(DIGESTS, {**LIVE, "person": "a b"}), 2, "form"),
        (lines(DIGESTS, {**LIVE, "case": 1}), 2, "form"),
        (lines(DIGESTS, {"case": "case-1", "certificate": "x"}), 2, "form"),
        (lines(DIGESTS, LIVE, LIVE), 3, "twice"),
        (lines(DIGESTS, LIVE, {"case": "case-1", "certificate": "ab" * 32}), 3, "twice"),
    ],
)
def test_digests_that_are_none_are_refused(written: list[bytes], line: int, why: str) -> None:
    with pytest.raises(BadExport) as caught:
        list(read_digests(written).lines)
    assert (caught.value.line, caught.value.why) == (line, why)
