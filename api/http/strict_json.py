"""JSON read strictly: what two readers could take differently, or no record can hold, is refused with its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from engine.core.codes import shown
from engine.errors import RequestMalformed

DEEPEST = 32
"""Arrays and objects within each other; no document of the REST door needs half of that."""
_LONGEST_NUMBER = 64
_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A text, ended or not (so that no hostile one is looked through twice), or a bracket."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class _Pairs(list[tuple[str, Any]]):
    """An object as it stands in the text, with names that come twice."""


def hold(body: bytes) -> None:
    """Raise :class:`RequestMalformed`, with the place and never a value, unless these bytes are JSON read strictly.

    Refused are: no UTF-8, no JSON, names that come twice in one object, more than :data:`DEEPEST` levels, NaN and
    Infinity, numbers of absurd length, lone surrogates and NUL.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse("不是 UTF-8", "is not UTF-8", f"byte {error.start}", f"第 {error.start} 字节")
    _hold_depth(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_Pairs, parse_constant=_no_constant, parse_int=_whole, parse_float=_fraction
        )
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        _refuse("不是 JSON", "is not JSON", f"line {line}, column {column}", f"第 {line} 行第 {column} 列")
    for place, words in _texts(value, ""):
        if "\0" in words or _SURROGATE.search(words):
            _refuse("含有 NUL 或不成对的代理字符", "holds NUL or a lone surrogate", place or "/")


def _hold_depth(text: str) -> None:
    depth = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
        elif mark[0] in "]}":
            depth -= 1
        if depth > DEEPEST:
            at = mark.start()
            _refuse(
                f"嵌套超过 {DEEPEST} 层", f"is nested more than {DEEPEST} deep", f"character {at}", f"第 {at} 个字符"
            )


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text with its JSON pointer. Raises :class:`RequestMalformed` for a name that comes twice."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, inner in value:
            below = f"{place}/{shown(name)}"
            if name in seen:
                _refuse("字段重复", "has a name that comes twice in one object", below)
            seen.add(name)
            yield below, name
            yield from _texts(inner, below)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{place}/{index}")


def _no_constant(word: str) -> NoReturn:
    _refuse("含有 NaN 或 Infinity", "holds NaN or Infinity, which JSON does not know", word)


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        _refuse("数字过长", "holds a number of absurd length", "number", "数字")
    return int(digits)


def _fraction(digits: str) -> float:
    found = float(digits)
    if len(digits) > _LONGEST_NUMBER or math.isinf(found):
        _refuse("数字过大或过长", "holds a number of absurd size", "number", "数字")
    return found


def _refuse(zh: str, en: str, place: str, place_zh: str | None = None) -> NoReturn:
    raise RequestMalformed(
        f"请求内容{zh}（{place_zh or place}）", f"the body {en} ({place})", place=place
    ) from None  # what is wrong with a text is told without the text
