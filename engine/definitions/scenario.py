"""Scenarios: stories that are played move by move, with what must be refused and why.

A scenario lies in ``<jurisdiction>/scenarios/<name>.yaml``. It is held to its model here; whether it comes true is
found by playing it (``engine.service.story``). Dates may be relative to the story's own clock: ``@today``, ``@-30d``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from engine.core.definition import DottedName, Label, Name, Provenance, Scope
from engine.definitions.finding import Finding, Findings
from engine.definitions.reading import Tree, read
from engine.definitions.shape import report
from engine.definitions.wording import check_wording
from engine.errors import DefinitionBroken

TrackMove = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
ClockStep = Annotated[str, StringConstraints(pattern=r"^\+[0-9]{1,4}[dhm]$")]
CaseName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
DueDay = Annotated[str, StringConstraints(pattern=r"^@[+-][0-9]{1,4}d$")]
"""A day counted from the story's present: ``@+30d``, ``@-1d``; ``@+0d`` is today."""
Said = bool | int | str | list[str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Member(_Strict):
    """One of the cast: an invented person (a code, never a name) of a unit of the directory."""

    person: str
    unit: str


class Opening(_Strict):
    """``open``: begin a record."""

    scope: Scope = "victim"
    area: str | None = None


class Declining(_Strict):
    """``decline``: give a hand-off back."""

    track: str
    reason: Name
    text: str = ""


class Transferring(_Strict):
    """``transfer``: offer the whole case to a unit of another jurisdiction."""

    area: str
    to: str


class Settling(_Strict):
    """``duty``: settle a duty."""

    name: Name
    outcome: Literal["done", "declined", "not_applicable"] = "done"
    evidence: list[Name] = []
    period: str = ""


class Consenting(_Strict):
    """``consent``: record what the victim, or who speaks for her or him, wants."""

    name: Name
    given: bool
    spoken_by: Literal["victim", "guardian", "representative"] = "victim"


class Correcting(_Strict):
    """``correct``: supersede a fact."""

    fact: DottedName
    value: Said


class TrackStands(_Strict):
    """A track that is not simply done at a step: where it is and how it stands, and the day its open step is due.

    ``lacks`` are the papers that its open hand-off lists as missing.
    """

    at: Name | None = None
    is_: Literal["open", "waiting", "done", "declined", "ended"] | None = Field(default=None, alias="is")
    due: DueDay | None = None
    lacks: list[Name] | None = None


DutyWord = Literal["open", "done", "declined", "not_applicable"]


class DutyStands(_Strict):
    """A duty and, where it is open and has a time, the day it is due."""

    is_: DutyWord | None = Field(default=None, alias="is")
    due: DueDay | None = None


class Ending(_Strict):
    """How a record stands: ``leaves`` says it whole, ``stands`` says only what it names.

    A track by the name of a step is done there; anything else about it is written out. ``duties`` are those that have
    arisen; ``facts`` are those that moves wrote by themselves, not those that somebody filled in.
    """

    closed: Name | None = None
    tracks: dict[Name, Name | TrackStands] = {}
    duties: dict[Name, DutyWord | DutyStands] = {}
    papers: list[Name] = []
    facts: dict[DottedName, Said] = {}


ACTS = (
    "open", "open_track", "move", "offer", "transfer", "accept", "decline", "withdraw", "refer", "assign", "contribute",
    "consent", "duty", "decline_track", "correct", "review", "reverse", "link", "relocate", "close", "reopen",
)  # fmt: skip
"""What a step of a story may do. Each step does exactly one of these, or advances the clock."""


class StoryStep(_Strict):
    """One step: who does what to which record, and what must come of it.

    ``accept``, ``withdraw`` and ``decline`` name the track whose open hand-off is meant; ``transfer`` as a name means
    the transfer of the whole case. ``review`` takes ``all``: every flag the record carries. ``asks`` are the fields
    that the form of the move does not let anybody leave out then; ``stands`` is part of what the record shows then.
    """

    as_: str | None = Field(default=None, alias="as")
    case: CaseName = "main"
    says: Label | None = None
    clock: ClockStep | None = None
    open: Opening | None = None
    open_track: Name | None = None
    move: TrackMove | None = None
    offer: Name | None = None
    transfer: Transferring | None = None
    accept: Name | None = None
    decline: Declining | None = None
    withdraw: Name | None = None
    refer: Name | None = None
    assign: Name | None = None
    contribute: Name | None = None
    consent: Consenting | None = None
    duty: Settling | None = None
    decline_track: Name | None = None
    correct: Correcting | None = None
    review: Literal["all"] | None = None
    reverse: Name | None = None
    link: CaseName | None = None
    relocate: str | None = None
    close: Name | None = None
    reopen: Name | None = None
    facts: dict[DottedName, Said] = {}
    documents: list[Name] = []
    asks: list[DottedName] = []
    to: str | None = None
    person: str | None = None
    note: str = ""
    reason: str = ""
    successor: CaseName | None = None
    expect: Literal["done", "offered", "refused"] = "done"
    code: str | None = None
    reasons: list[str] = []
    clause: str | None = None
    provenance: Provenance | None = None
    stands: Ending | None = None

    @model_validator(mode="after")
    def _one_act(self) -> StoryStep:
        acts = [name for name in ACTS if getattr(self, name) is not None]
        if self.clock is not None and not acts and self.as_ is None:
            return self
        if len(acts) != 1 or self.clock is not None:
            raise ValueError(f"a step does exactly one thing, or is a clock alone; this one: {acts or 'nothing'}")
        if self.as_ is None:
            raise ValueError("say who acts: `as: <one of the cast>`")
        if self.expect != "refused" and (self.code or self.reasons or self.clause or self.provenance):
            raise ValueError("code, reasons, clause and provenance belong to `expect: refused`")
        if self.asks and self.move is None:
            raise ValueError("only a move has a form: `asks` belongs to `move`")
        return self

    @property
    def act(self) -> str:
        """What the step does; ``clock`` when it lets time pass."""
        return next((name for name in ACTS if getattr(self, name) is not None), "clock")


class Scenario(_Strict):
    """A story of one definition, whole. All people in it are invented and have codes, never names.

    ``demo``: ``guitu demo`` tells it without being asked. ``settings`` are local settings that hold for this story
    alone: the world has its own again when the story is over. ``begins``: the day a story of a procedure that is no
    longer in force begins. ``leaves``: how each record of the story stands at its end.
    """

    scenario: Name
    title: Label
    tells: Label
    definition: Name
    area: str
    demo: bool = False
    begins: Annotated[date, Field(strict=False)] | None = None
    settings: dict[Name, bool | int | str] = {}
    cast: dict[Name, Member]
    steps: list[StoryStep] = Field(min_length=1)
    leaves: dict[CaseName, Ending] = {}

    @model_validator(mode="after")
    def _cast_is_complete(self) -> Scenario:
        strangers = sorted({step.as_ for step in self.steps if step.as_ is not None} - set(self.cast))
        if strangers:
            raise ValueError(f"not of the cast: {', '.join(strangers)}")
        return self


@dataclass(frozen=True, slots=True)
class Told:
    """A scenario with the lines its steps stand on, for whoever has to mend it."""

    scenario: Scenario
    path: Path
    tree: Tree

    def line(self, number: int) -> int:
        """The line of a step; steps count from 1."""
        return self.tree.place_of(("steps", number - 1)).line


def scenario_files(root: Path, definition: str | None = None) -> list[Path]:
    """Every scenario below a root, or those of one jurisdiction's folder."""
    return sorted(root.glob(f"{definition or '*'}/scenarios/*.yaml"))


def read_scenario(path: Path, findings: Findings) -> Told | None:
    """Read one scenario; ``None`` when it cannot be played, and ``findings`` says why."""
    tree = read(path, findings)
    if tree is None:
        return None
    check_wording(tree, findings)
    try:
        return Told(Scenario.model_validate(tree.plain()), path, tree)
    except ValidationError as error:
        report(error, tree, Scenario, findings)
        return None


def read_scenarios(root: Path, definition: str | None = None) -> list[Told]:
    """All scenarios below a root. Raises :class:`DefinitionBroken` with all findings when one is faulty."""
    findings = Findings()
    told = [read_scenario(path, findings) for path in scenario_files(root, definition)]
    if findings:
        listed = findings.sorted()
        raise DefinitionBroken(
            f"场景有{len(listed)}处错误，第一处：{listed[0].text('zh')}",
            f"The scenarios have {len(listed)} mistakes; the first: {listed[0].text('en')}", findings=listed,
        )  # fmt: skip
    return [one for one in told if one is not None]


def check_scenarios(root: Path) -> Iterator[Finding]:
    """What is wrong with the scenarios below a root."""
    findings = Findings()
    for path in scenario_files(root):
        read_scenario(path, findings)
    yield from findings.sorted()
