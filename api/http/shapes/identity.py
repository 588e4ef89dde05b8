"""Identities as they come in, and records that may be of the same person as they go out; who anybody is never goes out.

What an identity may say, the vault reads; the bounds here only keep a request small.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.http.shapes.plain import Asked, Code, Codes, Facts, Shown
from engine.core.commands import Role
from engine.service.persons import Match

_Line = Annotated[str, Field(max_length=100)]
_Lines = Annotated[list[_Line], Field(max_length=20)]
PaperKind = Literal[
    "passport", "household_register", "birth_certificate", "hk_macao_permit", "taiwan_permit",
    "foreign_residence_permit", "other",
]  # fmt: skip
_INVENTED: JsonDict = {"name": "虚构甲", "born_on": "1904-05-06", "sex": "female"}


class PaperAsked(Asked):
    """A paper of a person: its kind, its number, and the country that issued it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: PaperKind
    number: _Line = Field(repr=False)
    country: Annotated[str, Field(max_length=2, description="ISO 3166 两位字母。 Two letters of ISO 3166.")] = ""


class IdentityAsked(Asked):
    """Who a person is: as much as is known. It is sealed at once, and nothing of it stands in any answer."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra={"examples": [_INVENTED]})

    name: Annotated[_Line, Field(repr=False, description="姓名。 The name.")] = ""
    other_names: _Lines = Field(default_factory=list, repr=False, description="其他姓名。 Other names.")
    id_number: Annotated[_Line, Field(repr=False, description="公民身份号码。 The citizen identity number.")] = ""
    born_on: Annotated[_Line, Field(repr=False, description="出生日期，如 1904-05-06。 The date of birth.")] = ""
    sex: Annotated[Literal["female", "male", "女", "男"] | None, Field(repr=False, description="性别。 The sex.")] = (
        None
    )
    phones: _Lines = Field(default_factory=list, repr=False, description="电话。 Telephone numbers.")
    address: Annotated[str, Field(repr=False, max_length=400, description="住址。 The address.")] = ""
    papers: list[PaperAsked] = Field(default_factory=list, repr=False, max_length=20, description="证件。 Papers.")

    def said(self) -> dict[str, Any]:
        """What was stated, and nothing else: what was left out is not known."""
        return self.model_dump(exclude_unset=True)


class OpenCaseCommand(Asked):
    """Open a record. With an identity, duplicates are looked for first, and it is sealed in the new record."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"area": "350102", "facts": {"victim.is_child": True}, "documents": [], "identity": _INVENTED}]
        }
    )

    area: Code = Field(description="立案地区的 GB/T 2260 代码。 The GB/T 2260 code of the area where it begins.")
    scope: Literal["victim", "criminal_case", "office"] = Field(
        default="victim", description="受害人个案、刑事案件或单位履职记录。 Whose record it is."
    )
    definition: Code | None = Field(
        default=None, description="流程定义；不填则按地区确定。 The definition; else the area's own."
    )
    facts: Facts = Field(default_factory=dict, description="登记内容。 Facts of the form, by name.")
    documents: Codes = Field(default_factory=list, description="现已入卷的材料。 Papers that are now in the case.")
    identity: IdentityAsked | None = Field(default=None, description="受害人身份，封存。 Who the victim is; sealed.")
    despite: Codes = Field(
        default_factory=list,
        description="已查看、确非同一人的个案。 Records that were looked at, and are of somebody else.",
    )


class RecordIdentityCommand(Asked):
    """Seal who a person is, or amend it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "victim", "identity": _INVENTED}]})

    role: Role = Field(description="与本案的关系。 As what the case knows the person.")
    person: Code | None = Field(
        default=None, description="已登记者的代号，用于更正；不填为新登记。 Amend this one; else somebody new."
    )
    identity: IdentityAsked


class IdentitySearch(Asked):
    """Whether there are records of the same person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"area": "350102", "identity": _INVENTED}]})

    area: Code = Field(description="拟立案的地区。 Where the record would be opened.")
    identity: IdentityAsked


class MatchShown(Shown):
    """A record that may be of the same person: its code, as what it knows her or him, and how alike; never who."""

    case: str
    person: str
    role: str
    likeness: str = Field(description="same、likely 或 possible。 How alike.", examples=["likely"])
    by: list[str] = Field(description="依据的项目。 By which parts of the identity.")


class MatchesShown(Shown):
    """Records that may be of the same person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [{"case": "GT-7K3M-9QXD-04RB", "person": "P-1", "role": "victim", "likeness": "likely",
                            "by": ["name", "born_on"]}]}
            ]
        }
    )  # fmt: skip

    items: list[MatchShown]


def matches_shown(found: Iterable[Match]) -> MatchesShown:
    """Matches as they go out."""
    return MatchesShown(
        items=[
            MatchShown(case=one.case, person=one.person, role=one.role, likeness=one.likeness, by=list(one.by))
            for one in found
        ]
    )
