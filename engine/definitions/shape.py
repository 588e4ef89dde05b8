"""Turns what pydantic refuses into findings with file, line and what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from engine.definitions.finding import Findings, Where, one_of
from engine.definitions.reading import Tree

_LABEL_KEYS = ("zh", "en", "title", "reason", "summary")
_AS_WRITTEN = {"responsible": "by", "source": "from"}
_WANTED = {
    "string_type": ("文字（必要时加引号）", "text (in quotes where needed)"),
    "int_type": ("整数", "a whole number"),
    "int_parsing": ("整数", "a whole number"),
    "bool_type": ("true或false", "true or false"),
    "bool_parsing": ("true或false", "true or false"),
    "list_type": ("列表，如[甲, 乙]", "a list, such as [a, b]"),
    "tuple_type": ("列表，如[甲, 乙]", "a list, such as [a, b]"),
    "dict_type": ("映射，如{键: 值}", "a mapping, such as {key: value}"),
    "model_type": ("映射，如{键: 值}", "a mapping, such as {key: value}"),
    "model_attributes_type": ("映射，如{键: 值}", "a mapping, such as {key: value}"),
    "date_from_datetime_parsing": ("日期，如2021-10-25", "a date, such as 2021-10-25"),
    "date_type": ("日期，如2021-10-25", "a date, such as 2021-10-25"),
    "too_short": ("至少一项", "at least one item"),
    "string_pattern_mismatch": ("小写字母、数字和下划线的名称", "a name of small letters, digits and underscores"),
    "literal_error": ("所列的值之一", "one of the listed values"),
}
_CONDITIONS = (
    "fact + is | in | at_least | before | known | not_among; since + at_least; track + at | reached; document; "
    "consent; actor; other_person_than; parameter + is; all; any; not"
)


def report(error: ValidationError, tree: Tree, model: type[BaseModel], findings: Findings) -> None:
    """Add one finding per place for everything ``model`` refused in ``tree``."""
    seen: set[tuple[Where, str]] = set()
    for detail in error.errors(include_url=False):
        written = tuple(_AS_WRITTEN.get(str(part), part) for part in detail["loc"] if part != "[key]")
        path, place = tree.known(written)
        missing = str(written[-1]) if written else ""
        code, wrong, right = _say(detail, path, missing, model)
        key = (path, missing if code in ("missing_key", "missing_label") else "")
        if key in seen:
            continue
        seen.add(key)
        findings.add(place, code, path, wrong, right)


def _say(detail: Any, path: Where, name: str, model: type[BaseModel]) -> tuple[str, tuple[str, str], tuple[str, str]]:
    """The code, what is wrong and what would be right."""
    kind = detail["type"]
    if kind == "missing" and name not in _LABEL_KEYS:
        right = (f"请加上“{name}: …”。", f"Add `{name}: …`.")
        return "missing_key", (f"缺少“{name}”。", f"`{name}` is missing."), right
    if kind in ("missing", "string_too_short"):
        wrong = (f"缺少标签“{name}”。", f"The label `{name}` is missing or empty.")
        return "missing_label", wrong, ("请写全 {zh: 中文, en: English}。", "Write both: {zh: 中文, en: English}.")
    if kind == "extra_forbidden":
        wrong = (f"不认识的键“{name}”。", f"Unknown key `{name}`.")
        return "unknown_key", wrong, one_of(name, allowed_keys(model, path[:-1]))
    if kind == "condition_kind":
        wrong = ("这不是条件。", "This is not a condition.")
        return "not_a_condition", wrong, (f"请写其中之一：{_CONDITIONS}。", f"Write one of: {_CONDITIONS}.")
    return _say_value(detail, kind, name)


def _say_value(detail: Any, kind: str, name: str) -> tuple[str, tuple[str, str], tuple[str, str]]:
    """What is wrong with a value that stands where one belongs."""
    given = detail["input"]
    if name in ("jurisdiction", "version", "number") and kind in ("string_type", "string_pattern_mismatch"):
        wrong = (f"{name}须为加引号的文字。", f"`{name}` must be text in quotes.")
        example = '"2021.1"' if name == "version" else '"350000"'
        return "not_quoted", wrong, (f"请写成{name}: {example}。", f"Write {name}: {example}, with the quotes.")
    if kind == "literal_error":
        choices = str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return "wrong_value", (f"不能是“{given}”。", f"`{given}` is not possible here."), one_of(str(given), choices)
    code = "bad_name" if kind == "string_pattern_mismatch" else "wrong_type"
    zh, en = _WANTED.get(kind, ("另一种值", "another kind of value"))
    return code, (f"“{name}”的值不对。", f"`{name}`: {detail['msg']}."), (f"请写{zh}。", f"Write {en}.")


def allowed_keys(model: type[BaseModel], path: Where) -> set[str]:
    """The keys an author may write at a path of a file of this model."""
    kinds: list[Any] = [model]
    for part in path:
        kinds = [below for kind in kinds for below in _below(kind, part)]
    return {key for kind in kinds for key in _fields(kind)}


def _fields(kind: Any) -> dict[str, Any]:
    """A model's fields by the key that is written."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    """The types that may stand under one key or index of a type."""
    origin = get_origin(kind)
    if origin in (dict, list, tuple):
        yield from _flat(get_args(kind)[1 if origin is dict else 0])
    elif part in (fields := _fields(kind)):
        yield from _flat(fields[str(part)])


def _flat(kind: Any) -> Iterator[Any]:
    """The members of unions and annotations, flat."""
    if get_origin(kind) in (dict, list, tuple) or not get_args(kind):
        yield kind
        return
    for member in get_args(kind):
        if isinstance(member, type) or get_args(member):
            yield from _flat(member)
