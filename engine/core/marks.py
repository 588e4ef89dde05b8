"""Marks of pages: where a page of a list ends, in words that the next question hands back.

A list goes on behind the instant and the code of its last line, or behind the code alone. The words say nothing at a
glance and are no secret: they name only what was on the page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from engine.errors import CommandMalformed

T = TypeVar("T")
MOST_MARK = 400
"""So many characters a mark has at most."""
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def mark(at: datetime, code: str) -> str:
    """Where a page ends: behind the line of this instant (with its offset) and this code."""
    return _veiled(f"{at.isoformat()} {code}")


def read_mark(words: str) -> tuple[datetime, str]:
    """The instant and the code of a mark. Raises :class:`CommandMalformed` for words that are none."""
    at, _, code = _unveiled(words).partition(" ")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise _no_mark() from None
    if instant.tzinfo is None or not _FIRST_YEAR <= instant.year <= _LAST_YEAR or not code:
        raise _no_mark()
    return instant, code


def cut(every: Iterable[T], code_of: Callable[[T], str], after: str | None, most: int) -> tuple[list[T], str | None]:
    """A page of what is at hand whole, in the order of its codes, and the mark that leads to what lies behind it.

    ``after`` is the mark of the page before. Raises :class:`CommandMalformed` for words that are none.
    """
    behind = "" if after is None else _unveiled(after)
    found = sorted((one for one in every if code_of(one) > behind), key=code_of)
    return found[:most], _veiled(code_of(found[most - 1])) if len(found) > most else None


def _veiled(words: str) -> str:
    return base64.urlsafe_b64encode(words.encode()).decode()


def _unveiled(words: str) -> str:
    try:
        found = base64.urlsafe_b64decode(words.encode()).decode() if len(words) <= MOST_MARK else ""
    except (ValueError, binascii.Error):
        raise _no_mark() from None
    if not found or not found.isprintable():  # other characters no database takes
        raise _no_mark()
    return found


def _no_mark() -> CommandMalformed:
    return CommandMalformed("翻页标记无效，请从第一页重新查看", "not the mark of a page: begin at the first one")
