"""What all documents are made of: bounded words that come in, labels in two languages that go out.

The bounds keep a request small and decide nothing about a case; whether a word is a code, the engine says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, StrictInt, StrictStr

from engine.errors import Reason

LONGEST_CODE = 64
LONGEST_TEXT = 4000
MOST_LISTED = 100
LARGEST_NUMBER = 2**53 - 1
"""The largest whole number that every reader of JSON reads as it is."""

Code = Annotated[str, Field(min_length=1, max_length=LONGEST_CODE)]
Words = Annotated[str, Field(max_length=LONGEST_TEXT)]
Codes = Annotated[list[Code], Field(max_length=MOST_LISTED)]
_Text = Annotated[StrictStr, Field(max_length=LONGEST_TEXT)]
_Number = Annotated[StrictInt, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
FactValue = StrictBool | _Number | _Text | Codes
StatedValue = StrictBool | StrictInt | StrictStr | list[str]
"""The value of a fact on record, whichever way it came there."""
Facts = Annotated[dict[Code, FactValue], Field(max_length=MOST_LISTED)]


class Asked(BaseModel):
    """Base of every document that comes in: nothing undeclared, nothing taken for something else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """Base of every document that goes out: what is declared, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InTwoLanguages(Protocol):
    """Anything that says itself in Chinese and in English."""

    @property
    def zh(self) -> str:
        """In Chinese."""

    @property
    def en(self) -> str:
        """In English."""


class Label(Shown):
    """Words for people, in both languages."""

    zh: str
    en: str


class Named(Shown):
    """A code of the directory or of a definition, with the name that people read."""

    code: str
    name: Label


class ReasonShown(Shown):
    """A condition that is not met: what it is, and where it comes from.

    ``judged`` are the values it was judged on, as far as the caller may see them; ``null``: not known.
    """

    code: str
    message: Label
    clauses: list[str]
    provenance: str
    judged: dict[str, JsonValue]


def label(words: InTwoLanguages) -> Label:
    """A label of the engine as it goes out."""
    return Label(zh=words.zh, en=words.en)


def named(code: str, words: InTwoLanguages) -> Named:
    """A code with its name."""
    return Named(code=code, name=label(words))


def reason(one: Reason) -> ReasonShown:
    """An unmet condition as it goes out."""
    return ReasonShown(
        code=one.code, message=label(one), clauses=list(one.clauses), provenance=one.provenance,
        judged=plain(one.judged),
    )  # fmt: skip


def plain(values: Mapping[str, object]) -> dict[str, JsonValue]:
    """Values of facts, papers and settings as JSON has them; days and instants as ISO 8601 writes them."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> JsonValue:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    assert isinstance(value, Iterable), "the engine judges on nothing else"
    return [_plain(one) for one in (sorted(value) if isinstance(value, frozenset | set) else value)]
