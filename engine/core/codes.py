"""Which words of a request are codes. Codes may be stored, logged and repeated in clear; people's own words never are.

People write names and numbers where a code belongs. So whatever is no free text must look like a code, and what does
not is refused without being repeated. A name in letters cannot be told from a code; that it is nobody's is not claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

from engine.core.commands import COMMANDS, Actor, Command, OpenCase, shown_code
from engine.errors import CommandMalformed

FREE = frozenset({"reason", "text", "note", "period", "name", "value"})
"""Fields of commands that hold people's own words, or the value of a fact, which its definition reads."""
_NOT_WORDS = frozenset({"idempotency_key", "expected_revision"})
_FIELDS: Mapping[type, tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind) if one.name not in FREE | _NOT_WORDS) for kind in COMMANDS.values()
}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,63}")
_LONG_NUMBER = re.compile(r"[0-9]{7}")
"""No code of the house has as many digits in a row as a telephone number."""


def is_code(words: str) -> bool:
    """Whether these words look like a code."""
    return _CODE.fullmatch(words) is not None and _LONG_NUMBER.search(words) is None


def shown(words: str) -> str:
    """What may be repeated of a code that somebody typed."""
    return words if is_code(words) else "?"


def hold_code(field: str, words: str) -> str:
    """These words, if they look like a code. Raises :class:`CommandMalformed`, which does not repeat them."""
    if not is_code(words):
        raise CommandMalformed(
            f"{field} 应为代码（字母、数字和 . _ : @ / + -，不含七位以上的连续数字），不能填写姓名、号码等文字",
            f"{field} is a code (letters, digits, . _ : @ / + -, fewer than seven digits in a row), no name or number",
            field=field,
        )
    return words


def hold_actors(*actors: Actor) -> None:
    """Raise :class:`CommandMalformed` when somebody who acts is not named by codes."""
    for actor in actors:
        for field in ("person", "unit", "purpose"):
            hold_code(field, getattr(actor, field))


def hold_codes(command: Command, actor: Actor) -> None:
    """Raise :class:`CommandMalformed` when a word of a request that must be a code does not look like one."""
    hold_actors(actor)
    for field in _FIELDS[type(command)]:
        for words in _words(getattr(command, field)):
            hold_code(field, words)
    if isinstance(command, OpenCase) and command.case and shown_code(command.case) != command.case:
        hold_code("case", "")


def _words(value: object) -> Iterator[str]:
    """Yield the words that a field holds; of facts their names."""
    if isinstance(value, str):
        yield from [value] if value else []
    elif value is not None and not isinstance(value, bool | int):
        yield from (word for word in value if isinstance(word, str))  # type: ignore[attr-defined]
