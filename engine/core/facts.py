"""Reading the value of a fact: from a form's words or from typed JSON, to the one stored form."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from engine.core.commands import RawValue
from engine.core.definition import Fact
from engine.core.events import FactValue
from engine.errors import CommandMalformed

TEXT_LIMIT = 4000
_PERSON = re.compile(r"P-[0-9A-Z][0-9A-Z-]{3,31}")
_TRUE = {"true", "yes", "1", "是"}
_FALSE = {"false", "no", "0", "否"}


def is_reference(word: str) -> bool:
    """Whether a word has the form of a reference to a person, as no name has."""
    return _PERSON.fullmatch(word) is not None


def read_value(name: str, fact: Fact, raw: RawValue) -> FactValue:
    """The stored form of ``raw`` for this fact.

    Dates become ISO strings, persons opaque references (``P-…``), full-width digits plain ones. Raises
    :class:`CommandMalformed` that says what would be right, without repeating the value.
    """
    reader = _READERS[fact.type]
    value = reader(fact, _tidy(raw) if isinstance(raw, str) and fact.type != "text" else raw)
    if value is None:
        zh, en = _EXPECTED[fact.type]
        if fact.type == "code":
            zh, en = f"以下之一：{'、'.join(fact.options)}", f"one of: {', '.join(fact.options)}"
        raise CommandMalformed(
            f"「{fact.title.zh}」（{name}）填写有误：应为{zh}", f"{fact.title.en} ({name}): expected {en}", fact=name
        )
    return value


def _tidy(raw: str) -> str:
    return unicodedata.normalize("NFKC", raw).strip()


def _bool(fact: Fact, raw: RawValue) -> bool | None:
    if isinstance(raw, bool):
        return raw
    word = str(raw).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _int(fact: Fact, raw: RawValue) -> int | None:
    if isinstance(raw, (bool, list)):
        return None
    if isinstance(raw, int):
        return raw
    return int(raw) if re.fullmatch(r"-?[0-9]{1,12}", raw) else None


def _date(fact: Fact, raw: RawValue) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        return date.fromisoformat(raw).isoformat()
    except ValueError:
        return None


def _code(fact: Fact, raw: RawValue) -> str | None:
    return raw if isinstance(raw, str) and raw in fact.options else None


def _text(fact: Fact, raw: RawValue) -> str | None:
    return raw if isinstance(raw, str) and 0 < len(raw) <= TEXT_LIMIT else None


def _person(fact: Fact, raw: RawValue) -> str | None:
    return raw if isinstance(raw, str) and is_reference(raw) else None


def _persons(fact: Fact, raw: RawValue) -> list[str] | None:
    items = [part for part in re.split(r"[,，、\s]+", raw) if part] if isinstance(raw, str) else raw
    if not isinstance(items, list) or not all(isinstance(one, str) and is_reference(one) for one in items):
        return None
    return sorted(set(items))


_READERS = {
    "bool": _bool, "int": _int, "date": _date, "code": _code, "text": _text, "person": _person, "persons": _persons,
}  # fmt: skip
_EXPECTED = {
    "bool": ("“是”或“否”", "true or false"),
    "int": ("整数", "a whole number"),
    "date": ("日期，如 2026-01-31", "a date such as 2026-01-31"),
    "code": ("", ""),
    "text": (f"1 至 {TEXT_LIMIT} 个字符的文字", f"a text of 1 to {TEXT_LIMIT} characters"),
    "person": ("身份代号，如 P-7K3M（不得填写姓名）", "a reference such as P-7K3M, never a name"),
    "persons": ("身份代号列表，如 P-7K3M,P-9QXD（不得填写姓名）", "references such as P-7K3M,P-9QXD, never names"),
}
