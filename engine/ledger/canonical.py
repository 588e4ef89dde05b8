"""The one way an event is written as bytes: a restricted form of the JSON Canonicalization Scheme (RFC 8785).

Restricted, so that nothing is left to choose: UTF-8 without spaces; the whole is an object; keys are
``[a-z][a-z0-9_]*`` and sorted; numbers are integers of a magnitude below 2^53, written without sign or exponent where
none is needed; texts are in Unicode form NFC and hold no control characters and no halves of surrogate pairs; at most
16 levels. What is read must be exactly what would be written: every other spelling of the same thing is refused.
Times are texts, UTC with milliseconds: ``2026-01-31T08:00:00.000Z``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NoReturn

Value = None | bool | int | str | list["Value"] | dict[str, "Value"]
"""What an event may hold."""

MOST_LEVELS = 16
_BEYOND = 2**53
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z", re.ASCII)
_NO_TEXT = frozenset({"Cc", "Cs"})
"""Unicode categories: control characters, and surrogates, which UTF-8 cannot hold."""


class NotCanonical(Exception):
    """Something that has no canonical form, or bytes that are not in it. It names the place and never the value.

    ``place`` is a path such as ``approvals[1].unit``, or ``byte 17``; ``why`` is ``type``, ``key``, ``number``,
    ``text``, ``time``, ``levels`` or ``bytes``.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place or 'the whole'}: {why}")
        self.place = place
        self.why = why


def encode(event: Mapping[str, Value]) -> bytes:
    """The canonical bytes of an event. Raises :class:`NotCanonical`."""
    if type(event) is not dict:
        raise NotCanonical("", "type")
    _check(event, 1)
    return _ENCODE(event).encode()


def decode(data: bytes) -> dict[str, Value]:
    """The event whose canonical bytes these are, and no others. Raises :class:`NotCanonical`."""
    try:
        event: dict[str, Value] = _DECODE(data.decode())
    except UnicodeDecodeError as error:
        raise NotCanonical(f"byte {error.start}", "bytes") from None
    except json.JSONDecodeError as error:
        raise NotCanonical(f"byte {len(error.doc[: error.pos].encode())}", "bytes") from None
    except RecursionError:
        raise NotCanonical("", "levels") from None
    except ValueError:  # an integer longer than Python reads
        raise NotCanonical("", "number") from None
    again = encode(event)
    if again != data:
        raise NotCanonical(f"byte {_first_difference(again, data)}", "bytes")
    return event


def time_text(moment: datetime) -> str:
    """A moment as an event holds it; what is finer than a millisecond is cut off.

    Raises :class:`ValueError` for a time without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def time_of(text: Value, place: str) -> datetime:
    """The moment that :func:`time_text` wrote. Raises :class:`NotCanonical` with the place."""
    if type(text) is not str or not _TIME.fullmatch(text):
        raise NotCanonical(place, "time")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NotCanonical(place, "time") from None


def _check(value: object, level: int) -> None:
    """Only the types themselves: a subclass may write itself otherwise, and does not come back as what it was."""
    if type(value) is str:
        _check_text(value)
    elif type(value) is int:
        if abs(value) >= _BEYOND:
            raise NotCanonical("", "number")
    elif type(value) is dict:
        _check_object(value, level)
    elif type(value) is list:
        _check_list(value, level)
    elif not (value is None or type(value) is bool):
        raise NotCanonical("", "type")


def _check_object(value: Mapping[object, object], level: int) -> None:
    if level > MOST_LEVELS:
        raise NotCanonical("", "levels")
    for key, one in value.items():
        if type(key) is not str or not _is_key(key):
            raise NotCanonical("", "key")
        try:
            _check(one, level + 1)
        except NotCanonical as error:
            raise _within(key, error) from None


def _check_list(value: Sequence[object], level: int) -> None:
    if level > MOST_LEVELS:
        raise NotCanonical("", "levels")
    for index, one in enumerate(value):
        try:
            _check(one, level + 1)
        except NotCanonical as error:
            raise _within(f"[{index}]", error) from None


def _within(step: str, error: NotCanonical) -> NotCanonical:
    """The same, as seen from one level above: places are put together only when something is wrong."""
    dot = "." if error.place and not error.place.startswith("[") else ""
    return NotCanonical(f"{step}{dot}{error.place}", error.why)


@lru_cache(maxsize=1024)  # events have few names, again and again
def _is_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def _check_text(text: str) -> None:
    if text.isascii() and text.isprintable():  # then it has no control characters, and only one form
        return
    if any(unicodedata.category(one) in _NO_TEXT for one in text) or not unicodedata.is_normalized("NFC", text):
        raise NotCanonical("", "text")


def _refuse_number(_: str) -> NoReturn:
    raise NotCanonical("", "number")


# Made once: json makes them anew for each call that asks for anything special.
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_DECODE = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number).decode


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
