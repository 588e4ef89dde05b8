"""What a command came to, as it goes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pydantic import ConfigDict, Field

from api.http.shapes.plain import InTwoLanguages, Label, Shown, label
from engine.service.handle import Answer
from engine.service.identities import Recorded


class AnswerShown(Shown):
    """What a command came to: the case at its new revision, what happened, and what now waits for an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case": "GT-7K3M-9QXD-04RB", "revision": 8, "happened": ["facts_recorded", "hand_off_offered"],
                    "offered": ["GT-7K3M-9QXD-04RB/12"], "opened": [], "successor": None, "person": None,
                    "attachment": None, "repeated": False, "policies": ["act_as_responsible"],
                }
            ]
        }
    )  # fmt: skip

    case: str = Field(description="个案代号。 The pseudonym of the case.")
    revision: int = Field(description="办理后的版本，亦即 ETag。 The revision it is at now, which is the ETag.")
    happened: list[str] = Field(description="发生的事件，按顺序。 The kinds of the events that were added, in order.")
    offered: list[str] = Field(description="新提出、待答复的移交。 The hand-offs that now wait for an answer.")
    opened: list[str] = Field(description="新开启的办理线。 The tracks that were opened.")
    successor: str | None = Field(description="接续的个案。 The case that goes on elsewhere, where one was opened.")
    person: str | None = Field(description="封存身份的代号。 The reference that stands for an identity sealed now.")
    attachment: str | None = Field(description="收入附件的代号。 The reference of a file that was added.")
    repeated: bool = Field(description="重复请求，返回首次答复。 Asked before with this key: the first answer again.")
    policies: list[str] = Field(description="据以准许的规则。 The policies that permitted it.")


def answer_shown(answer: Answer) -> AnswerShown:
    """The answer of the engine as it goes out."""
    return AnswerShown(**_said(answer))


def _said(answer: Answer) -> dict[str, Any]:
    return {
        "case": answer.case, "revision": answer.revision, "happened": list(answer.happened),
        "offered": list(answer.offered), "opened": list(answer.opened), "successor": answer.successor,
        "person": answer.person, "attachment": answer.attachment, "repeated": answer.repeated,
        "policies": list(answer.policies),
    }  # fmt: skip


class RemarkShown(Shown):
    """Something in an identity that looks wrong and yet may be so; it repeats no value."""

    code: str
    field: str
    message: Label


class RecordedShown(AnswerShown):
    """What recording an identity came to; ``person`` is the reference that stands for her or him."""

    remarks: list[RemarkShown] = Field(
        description="看似有误、并不妨碍登记之处。 What looks odd, and is in nobody's way."
    )


class OpenedShown(RecordedShown):
    """What opening a case came to: with an identity, both acts in one answer, at the revision after the second."""


class _Remark(InTwoLanguages, Protocol):
    @property
    def code(self) -> str: ...
    @property
    def field(self) -> str: ...


def _remarks(remarks: Iterable[_Remark]) -> list[RemarkShown]:
    return [RemarkShown(code=one.code, field=one.field, message=label(one)) for one in remarks]


def recorded_shown(made: Recorded) -> RecordedShown:
    """What recording an identity came to."""
    return RecordedShown(**_said(made.answer), remarks=_remarks(made.remarks))


def opened_shown(opened: Answer, made: Recorded | None) -> OpenedShown:
    """What opening a case came to, and recording the identity that came with it."""
    if made is None:
        return OpenedShown(**_said(opened), remarks=[])
    both = _said(opened) | {
        "revision": made.answer.revision, "person": made.answer.person,
        "happened": [*opened.happened, *made.answer.happened],
        "policies": list(dict.fromkeys((*opened.policies, *made.answer.policies))),
    }  # fmt: skip
    return OpenedShown(**both, remarks=_remarks(made.remarks))
