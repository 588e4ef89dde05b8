"""What is wrong with a field of a request, in both languages: where it stands and what would be right, never its value.

The kinds are those of pydantic (``type`` of its errors); one that stands not here is told as "not of its form".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.http.languages import Language
from engine.core.codes import shown

MOST = 100
"""Fields told in one answer."""
_LONGEST_FIELD = 200

_KINDS: Mapping[str, tuple[str, str]] = {
    "missing": ("必填", "is required"),
    "extra_forbidden": ("没有此字段，请删去", "there is no such field: leave it out"),
    "string_type": ("应为文字", "must be text"),
    "string_too_short": ("至少 {min_length} 个字符", "must have {min_length} or more characters"),
    "string_too_long": ("最多 {max_length} 个字符", "must have at most {max_length} characters"),
    "string_pattern_mismatch": ("应符合 {pattern}", "must match {pattern}"),
    "string_unicode": ("应为有效的 Unicode 文字", "must be valid Unicode"),
    "too_short": ("至少 {min_length} 项", "must have {min_length} or more items"),
    "too_long": ("最多 {max_length} 项", "must have at most {max_length} items"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "int_parsing_size": ("数字过大", "is too large a number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "float_type": ("应为数字", "must be a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "finite_number": ("应为有限数字", "must be a finite number"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "greater_than_equal": ("不得小于 {ge}", "must be {ge} or more"),
    "greater_than": ("须大于 {gt}", "must be more than {gt}"),
    "less_than_equal": ("不得大于 {le}", "must be {le} or less"),
    "less_than": ("须小于 {lt}", "must be less than {lt}"),
    "literal_error": ("应为下列之一：{expected}", "must be one of: {expected}"),
    "enum": ("应为下列之一：{expected}", "must be one of: {expected}"),
    "list_type": ("应为数组", "must be an array"),
    "dict_type": ("应为对象", "must be an object"),
    "model_type": ("应为对象", "must be an object"),
    "model_attributes_type": ("应为对象", "must be an object"),
    "union_tag_invalid": ("应为下列之一：{expected_tags}", "must be one of: {expected_tags}"),
    "date_type": ("应为日期，如 2026-11-21", "must be a date, such as 2026-11-21"),
    "date_parsing": ("应为日期，如 2026-11-21", "must be a date, such as 2026-11-21"),
    "date_from_datetime_parsing": ("应为日期，如 2026-11-21", "must be a date, such as 2026-11-21"),
    "datetime_type": ("应为带时区的时间，如 2026-11-21T08:00:00Z", "must be a time, such as 2026-11-21T08:00:00Z"),
    "datetime_parsing": ("应为带时区的时间，如 2026-11-21T08:00:00Z", "must be a time, such as 2026-11-21T08:00:00Z"),
    "datetime_from_date_parsing": (
        "应为带时区的时间，如 2026-11-21T08:00:00Z", "must be a time, such as 2026-11-21T08:00:00Z",
    ),
    "timezone_aware": ("时间须带时区", "must be a time with its zone"),
}  # fmt: skip
_OTHERWISE = ("格式不符", "is not of its form")
_BOUNDS = frozenset({
    "min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "expected", "expected_tags",
})  # fmt: skip
"""Of what an error carries, what the description says too; everything else may hold what was sent."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One field that is not of its form. ``place`` is body, query, path, header or cookie."""

    place: str
    field: str
    zh: str
    en: str

    def as_json(self, language: Language) -> dict[str, str]:
        """As a problem document tells it."""
        return {"in": self.place, "field": self.field, "detail": self.zh if language == "zh" else self.en}


def misfits(errors: Iterable[Mapping[str, Any]]) -> list[Misfit]:
    """What pydantic found, told once for each field and kind, at most :data:`MOST` of them."""
    found = dict.fromkeys(_misfit(one) for one in errors)
    return list(found)[:MOST]


def _misfit(error: Mapping[str, Any]) -> Misfit:
    place, *steps = error["loc"]
    zh, en = _KINDS.get(error["type"], _OTHERWISE)
    bounds = {name: value for name, value in (error.get("ctx") or {}).items() if name in _BOUNDS}
    try:
        zh, en = zh.format(**_listed_in_chinese(bounds)), en.format(**bounds)
    except KeyError:
        zh, en = _OTHERWISE
    return Misfit(str(place), _pointer(str(place), steps), zh, en)


def _listed_in_chinese(bounds: Mapping[str, object]) -> dict[str, object]:
    """The words that would be right are listed with an English "or" before the last one."""
    return {name: told.replace("' or '", "', '") if isinstance(told, str) else told for name, told in bounds.items()}


def _pointer(place: str, steps: Iterable[object]) -> str:
    """Where in the body, as a JSON pointer, or the name of the parameter. What looks like no code is not repeated."""
    named = [str(one) if isinstance(one, int) else shown(str(one)) for one in steps]
    if place != "body":
        return ".".join(named)[:_LONGEST_FIELD]
    return "".join("/" + one.replace("~", "~0").replace("/", "~1") for one in named)[:_LONGEST_FIELD]
