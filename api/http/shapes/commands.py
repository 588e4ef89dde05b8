"""The bodies of commands, made from the engine's own commands: what stands in the address is not said again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, StrictBool, create_model
from pydantic.fields import FieldInfo

from api.http.shapes.plain import Asked, Code, Codes, Facts, FactValue, Words
from engine.core.commands import Command

CONDITIONS = frozenset({"expected_revision", "idempotency_key"})
"""What a command is told by headers."""
_TYPES: Mapping[str, Any] = {
    "facts": Facts, "documents": Codes, "evidence": Codes, "value": FactValue, "given": StrictBool,
    "reason": Words, "text": Words, "note": Words, "period": Words,
}  # fmt: skip
"""What a field of a command is bounded by; a closed list of words stays one, and every other field is a code."""
_SAID: Mapping[str, str] = {
    "area": "GB/T 2260 行政区划代码。 The GB/T 2260 code of an area.",
    "scope": "受害人个案、刑事案件或单位履职记录。 Whose record it is.",
    "definition": "流程定义；不填则按地区确定。 The definition; else the area's own.",
    "facts": "登记内容：名称与值。 Facts of the form, by name.",
    "documents": "现已入卷的材料。 Papers that are now in the case.",
    "track": "办理线。 A track of the definition.",
    "move": "动作。 A move that leaves the step where the track stands.",
    "to_unit": "请其接收的单位；不填则取最近的对应单位。 The unit to ask; if none is named, the nearest.",
    "reason": "理由；不得写姓名、号码。 Why, in words; never a name or number of a person.",
    "text": "说明。 What is missing or wrong, in words.",
    "note": "补充说明；不得写姓名、号码。 A note; never a name or number of a person.",
    "person": "承办人；null 为不指定。 Who has the track; null: nobody in particular.",
    "consent": "同意事项。 A consent of the definition.",
    "given": "同意为 true，不同意或撤回为 false。 True: given; false: refused or withdrawn.",
    "spoken_by": "由谁表示。 Who spoke.",
    "outcome": "结果。 How it was settled, or in which way the record ends.",
    "evidence": "证明材料。 Papers that show it.",
    "period": "所属期间（单位职责）。 The period, for a duty of an office.",
    "fact": "登记项。 The fact that was wrong.",
    "value": "正确的值。 What is right.",
    "criminal_case": "刑事案件记录的代号。 The record of the crime.",
    "points_to": "继续办理的个案。 The case that goes on.",
}


def body_of(kind: type[Command], *, without: Collection[str], example: Mapping[str, Any]) -> type[Asked] | None:
    """The body of a command, less the fields named; ``None``: nothing is left to be said in one."""
    hints = get_type_hints(kind)
    left = [one for one in fields(kind) if one.name not in CONDITIONS and one.name not in without]
    if not left:
        return None
    said: dict[str, Any] = {
        one.name: (_type(one.name, hints[one.name]), _field(one.name, one.default, one.default_factory)) for one in left
    }
    made = create_model(f"{kind.__name__}Command", __base__=Asked, __doc__=kind.__doc__, **said)
    made.model_config = ConfigDict(**Asked.model_config, json_schema_extra={"examples": [dict(example)]})
    made.model_rebuild(force=True)
    return made


def _type(name: str, hint: Any) -> Any:
    """A closed list of words stays what it is; every other field is bounded, and null only where the command has it."""
    if get_origin(hint) is Literal:
        return hint
    bounded = _TYPES.get(name, Code)
    return bounded | None if type(None) in get_args(hint) else bounded


def _field(name: str, default: Any, factory: Any) -> FieldInfo:
    words = _SAID[name]
    if factory is not MISSING:
        return FieldInfo(default_factory=factory, description=words)
    if default is MISSING:
        return FieldInfo(description=words)
    return FieldInfo(default=list(default) if isinstance(default, tuple) else default, description=words)
