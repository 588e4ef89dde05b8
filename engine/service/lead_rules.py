"""What leads and shared data go by: ``policies/leads.yaml`` and ``policies/sharing.yaml``.

Every row either cites the clause of a document or calls itself a local setting: no local setting can look like a rule
of a document.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.core.definition import Label, Name, Text
from engine.core.directory import Directory
from engine.definitions.finding import Findings
from engine.definitions.loader import shipped_root
from engine.definitions.reading import Tree, read
from engine.definitions.shape import report
from engine.definitions.wording import check_wording
from engine.errors import DefinitionBroken
from engine.service.desk import Desk

NEVER_SHARED = "identity"
"""The class that no ground may name: who somebody is goes by requests that others approve."""
Some = TypeVar("Some", bound="Basis")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Basis(_Strict):
    """Where a rule comes from: the clause of a document, or a local setting for the area of one, without a clause."""

    document: str
    clause: Text | None = None
    provenance: Literal["printed", "reading", "deployer"]

    @model_validator(mode="after")
    def _cites_or_is_local(self) -> Self:
        if (self.provenance == "deployer") != (self.clause is None):
            raise ValueError("a rule of a document cites its clause, a local setting cites none")
        return self


class Duty(Basis):
    """Who must report, or is encouraged to: as what, to whom and by when the clause says."""

    categories: list[Name] = Field(min_length=1)
    to: Label
    when: Label
    minors_only: bool
    force: Literal["duty", "encouraged"]


class Closing(_Strict):
    """Why a lead may be closed; some reasons ask for the case that came of it."""

    title: Label
    asks_for_case: bool


class LeadRules(_Strict):
    """``policies/leads.yaml``."""

    provenance: Literal["deployer"]
    first_turn: Name
    urgencies: Annotated[dict[Name, Label], Field(min_length=1)]
    categories: Annotated[dict[Name, Label], Field(min_length=1)]
    closings: Annotated[dict[Name, Closing], Field(min_length=1)]
    duties: list[Duty]
    passing: list[Basis]
    rewards: list[Basis]
    petitions: list[Basis]

    @model_validator(mode="after")
    def _knows_its_categories(self) -> Self:
        unknown = {name for duty in self.duties for name in duty.categories} - set(self.categories)
        if unknown:
            raise ValueError(f"no such category: {', '.join(sorted(unknown))}")
        return self


class Ground(Basis):
    """A clause that prints that data are shared: what about, between whom (empty: not printed), and which classes."""

    about: Label
    between: list[Name]
    classes: Annotated[list[Name], Field(min_length=1)]

    @model_validator(mode="after")
    def _shares_no_identity(self) -> Self:
        if NEVER_SHARED in self.classes:
            raise ValueError("identities are not shared")
        return self


class SharingRules(_Strict):
    """``policies/sharing.yaml``."""

    provenance: Literal["deployer"]
    grounds: dict[Name, Ground]


Rules = TypeVar("Rules", LeadRules, SharingRules)


@cache
def lead_rules() -> LeadRules:
    """The rules of leads that ship, read once. Raises :class:`DefinitionBroken` with every finding."""
    return read_rules(shipped_root().parent / "policies" / "leads.yaml", LeadRules)


@cache
def sharing_rules() -> SharingRules:
    """The rules of sharing that ship, read once. Raises :class:`DefinitionBroken` with every finding."""
    return read_rules(shipped_root().parent / "policies" / "sharing.yaml", SharingRules)


def read_rules(path: Path, form: type[Rules]) -> Rules:
    """Read one of the two files. Raises :class:`DefinitionBroken` with every finding for a faulty one."""
    findings = Findings()
    tree = read(path, findings)
    found = None if tree is None else _validated(tree, form, findings)
    listed = findings.sorted()
    if found is None or listed:
        raise DefinitionBroken(
            f"规则文件 {path.name} 有误：{listed[0].text('zh')}", f"{path.name} is faulty: {listed[0].text('en')}",
            findings=listed,
        )  # fmt: skip
    return found


def _validated(tree: Tree, form: type[Rules], findings: Findings) -> Rules | None:
    check_wording(tree, findings)
    try:
        return form.model_validate(tree.plain())
    except ValidationError as error:
        report(error, tree, form, findings)
        return None


def documents_of(desk: Desk, units: Directory, area: str) -> frozenset[str]:
    """The documents that the area's procedures encode, by their id, whether they are in force or over.

    Raises :class:`UnitUnknown` for an area that is none.
    """
    name = units.definition_for(area)
    books = [rules.definition for rules in desk.books.rules.values() if rules.definition.id == name]
    if not books:
        return frozenset()
    newest = max(books, key=lambda book: book.effective.since)
    return frozenset(source.id for source in newest.sources)


def of_documents(rows: Iterable[Some], documents: frozenset[str]) -> tuple[Some, ...]:
    """Those rows that are about one of these documents."""
    return tuple(row for row in rows if row.document in documents)
