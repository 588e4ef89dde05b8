"""An event has one form in bytes, written and read back, and every other spelling of it is refused by its place."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.canonical import MOST_LEVELS, NotCanonical, Value, decode, encode, time_of, time_text

SECRET = "nobody-may-read-this"


class Act(StrEnum):
    READ = SECRET


def nested(levels: int) -> Any:
    """An object of so many levels."""
    value: Any = {"a": 1}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12).map(
    lambda text: unicodedata.normalize("NFC", text)
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
VALUES = st.recursive(
    PLAIN, lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=4), max_leaves=8
)
EVENTS = st.dictionaries(KEYS, VALUES, max_size=6)


def test_an_event_is_written_as_it_is_described() -> None:
    event: dict[str, Value] = {
        "outcome": "done", "act": "case:read", "approvals": [{"unit": "公安厅", "at": 3}, None], "b": True, "a_1": -7,
        "a": [], "quoted": 'a "b" \\ c/d', "empty": {},
    }  # fmt: skip
    assert encode(event).decode() == (
        '{"a":[],"a_1":-7,"act":"case:read","approvals":[{"at":3,"unit":"公安厅"},null],"b":true,"empty":{},'
        '"outcome":"done","quoted":"a \\"b\\" \\\\ c/d"}'
    )
    assert decode(encode(event)) == event


@given(EVENTS)
def test_what_is_written_is_read_back_and_nothing_depends_on_the_order_of_keys(event: dict[str, Value]) -> None:
    assert decode(encode(event)) == event
    assert encode(dict(reversed(event.items()))) == encode(event)


@given(EVENTS, st.data())
def test_every_other_spelling_is_refused(event: dict[str, Value], data: st.DataObject) -> None:
    written = encode(event)
    others = {
        json.dumps(event, ensure_ascii=escaped, sort_keys=True, separators=apart, indent=indent).encode()
        for escaped in (True, False)
        for apart in ((",", ":"), (", ", ": "))
        for indent in (None, 1)
    }
    at = data.draw(st.integers(0, len(written)))
    others |= {written[:at] + b" " + written[at:], written + b"\0", written[:-1], b"\xef\xbb\xbf" + written}
    for other in others - {written}:
        try:
            found = decode(other)
        except NotCanonical:
            continue
        assert found != event, "two spellings of one event"
        assert encode(found) == other


@pytest.mark.parametrize(
    ("event", "place", "why"),
    [
        ({"a": 1.0}, "a", "type"), ({"a": float("nan")}, "a", "type"),
        ({"a": {"b": [0, SECRET.encode()]}}, "a.b[1]", "type"),
        ({"a": (1, 2)}, "a", "type"), ({"a": Act.READ}, "a", "type"), ({"a": datetime.now(UTC)}, "a", "type"),
        ({"a": 2**53}, "a", "number"), ({"a": [-(2**53)]}, "a[0]", "number"),
        ({SECRET: 1}, "", "key"), ({"a": [{"A": 1}]}, "a[0]", "key"), ({"a": {"1a": 1}}, "a", "key"),
        ({"": 1}, "", "key"), ({1: 1}, "", "key"), ({"a\n": 1}, "", "key"), ({"ä": 1}, "", "key"),
        ({"a": SECRET + "\n"}, "a", "text"), ({"a": "\x7f"}, "a", "text"), ({"a": "\x85"}, "a", "text"),
        ({"a": "\ud800"}, "a", "text"), ({"a": "e\u0301"}, "a", "text"), ({"a": "\u212b"}, "a", "text"),
        ([1], "", "type"), (1, "", "type"), (None, "", "type"),
        (nested(MOST_LEVELS + 1), ".".join("a" * MOST_LEVELS), "levels"),
    ],
)  # fmt: skip
def test_what_has_no_form_is_refused_by_place_and_never_by_value(event: Any, place: str, why: str) -> None:
    with pytest.raises(NotCanonical) as caught:
        encode(event)
    assert (caught.value.place, caught.value.why) == (place, why)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "place", "why"),
    [
        (b'{"a":1.0}', "", "number"), (b'{"a":1e3}', "", "number"), (b'{"a":NaN}', "", "number"),
        (b'{"a":-0}', "byte 5", "bytes"), (b'{"a":9007199254740992}', "a", "number"),
        (b'{"a":' + b"9" * 5000 + b"}", "", "number"),
        (b'{"a":1,"a":2}', "byte 5", "bytes"), (b'{"b":1,"a":2}', "byte 2", "bytes"), (b'{"a":01}', "byte 6", "bytes"),
        (b'{"a": 1}', "byte 5", "bytes"), (b'{"a":"\\u0061"}', "byte 6", "bytes"), (b'{"a":"\\/"}', "byte 6", "bytes"),
        (b'{"a":"\\ud800"}', "a", "text"),
        (b'{"a":"\xff"}', "byte 6", "bytes"), (b'{"a":"\xed\xa0\x80"}', "byte 6", "bytes"),
        (b'{"a":"\\n"}', "a", "text"), ('{"é":"'.encode() + b"\n", "byte 7", "bytes"),
        (b"", "byte 0", "bytes"), (b"[]", "", "type"), (b"1", "", "type"), (b'{"a":1}x', "byte 7", "bytes"),
        (b"[" * 16_000, "", "levels"), (b'{"a":' * 16 + b"[]" + b"}" * 16, ".".join("a" * 16), "levels"),
    ],
    ids=lambda one: repr(one)[:24],
)  # fmt: skip
def test_bytes_that_are_not_canonical_are_refused_by_place(data: bytes, place: str, why: str) -> None:
    with pytest.raises(NotCanonical) as caught:
        decode(data)
    assert (caught.value.place, caught.value.why) == (place, why)


def test_the_largest_number_and_the_deepest_level_have_a_form() -> None:
    for event in ({"a": 2**53 - 1, "b": 1 - 2**53}, nested(MOST_LEVELS)):
        assert decode(encode(event)) == event


@given(
    st.datetimes(
        datetime(1, 1, 2),  # noqa: DTZ001 - the zones are drawn
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
    )
)
def test_a_time_is_utc_with_milliseconds(moment: datetime) -> None:
    cut = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert time_of(time_text(moment), "at") == cut


def test_a_time_has_one_form() -> None:
    there = datetime(2026, 1, 31, 8, 0, 0, 5_999, tzinfo=timezone(timedelta(hours=8)))
    assert time_text(there) == "2026-01-31T00:00:00.005Z"
    with pytest.raises(ValueError, match="time zone"):
        time_text(datetime(2026, 1, 31))  # noqa: DTZ001 - that is what is refused
    for wrong in (
        "2026-01-31T00:00:00Z", "2026-01-31T00:00:00.005+00:00", "2026-01-31 00:00:00.005Z", "2026-02-30T00:00:00.005Z",
        "2026-01-31T24:00:00.000Z", "２026-01-31T00:00:00.005Z", "2026-01-31T00:00:00.005Z\n", 5, None,
    ):  # fmt: skip
        with pytest.raises(NotCanonical) as caught:
            time_of(wrong, "a.at")
        assert (caught.value.place, caught.value.why) == ("a.at", "time")
