"""A flattened workflow definition: the rule book the engine decides by.

Everything here is frozen data. A definition is written as YAML (see ``engine.definitions``), flattened to
these models, serialised as canonical JSON and named by the SHA-256 of it. A case is pinned to that hash.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from engine.core.conditions import Condition, Value

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
DottedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Scope = Literal["victim", "criminal_case", "office"]
"""Whose record a track or duty belongs to: one victim, one crime with all its victims, one office."""
Provenance = Literal["printed", "reading", "deployer", "lost"]


class Frozen(BaseModel):
    """Base of all definition models: immutable, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Label(Frozen):
    """What a person reads, in both languages."""

    zh: Text
    en: Text


class Basis(Frozen):
    """A clause: the row of our inventory and the clause as people cite it."""

    row: str
    clause: str


class Sourced(Frozen):
    """Something with a legal basis and a provenance; ``note`` says how we read the clause."""

    basis: tuple[Basis, ...] = ()
    provenance: Provenance
    note: Label | None = None

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses as people cite them, each once (several rows of our inventory may stand in one clause)."""
        return tuple(dict.fromkeys(basis.clause for basis in self.basis))


class Fact(Frozen):
    """A typed fact a form may record and a condition may look at.

    ``person`` and ``persons`` are opaque references to sealed identities, never names. ``stated_by`` limits
    who may state the fact; empty means whoever may write to the step. A fact that ``changes`` with time may be
    stated anew; any other is corrected, with a reason.
    """

    title: Label
    type: Literal["bool", "int", "date", "code", "text", "person", "persons"]
    field_class: Name
    options: dict[Name, Label] = {}
    stated_by: tuple[Name, ...] = ()
    changes: bool = False


class Document(Frozen):
    """A paper that can be present in a case."""

    title: Label
    field_class: Name


class Consent(Frozen):
    """Something only the victim (or who speaks for her or him, OP-7) can agree to."""

    title: Label
    basis: tuple[Basis, ...] = ()


class Parameter(Frozen):
    """What the document leaves open: a local setting, never a rule of the document."""

    title: Label
    type: Literal["days", "int", "bool", "code"]
    default: Value
    open: tuple[str, ...] = ()
    source: Literal["deployer"] = "deployer"


class Requirement(Sourced):
    """A condition of a move, opening or closing, with the reason a person reads when it is not met.

    ``setting`` names a bool parameter: the requirement binds only while that local setting is on.
    ``prohibition`` names the hard ban it enforces.
    """

    when: Condition
    reason: Label
    setting: Name | None = None
    prohibition: Name | None = None


class FormField(Frozen):
    """A fact on a form. ``fresh``: it must come with this move; what was stated before does not fill it."""

    fact: DottedName
    required: bool = True
    fresh: bool = False


class Step(Sourced):
    """Where a track can stand. ``provenance`` says where the responsible unit comes from.

    Every unit that the clause prints as 负责 is responsible or a joint lead; ``printed_*`` keep the names
    as the document prints them.
    """

    title: Label
    final: bool = False
    responsible: Name | None = None
    joint_leads: tuple[Name, ...] = ()
    cooperating: tuple[Name, ...] = ()
    printed_responsible: tuple[str, ...] = ()
    printed_cooperating: tuple[str, ...] = ()
    due: Name | None = None


class Move(Sourced):
    """A named way from step to step, made by the unit that holds the step it leaves."""

    title: Label
    source: tuple[Name, ...] = Field(min_length=1)
    to: Name
    form: tuple[FormField, ...] = ()
    materials: tuple[Name, ...] = ()
    requires: dict[Name, Requirement] = {}
    sets: dict[DottedName, Value] = {}
    records: tuple[Name, ...] = ()


class Opening(Frozen):
    """When a track opens: by itself when a condition comes true, or on request of these functions."""

    when: Condition | None = None
    on_request: tuple[Name, ...] | Literal["any"] = ()
    again: bool = False
    requires: dict[Name, Requirement] = {}


class Track(Sourced):
    """One of the lines that run side by side in a record: a flat state machine."""

    title: Label
    scope: Scope = "victim"
    opens: Opening
    declinable: bool = False
    start: Name
    steps: dict[Name, Step]
    moves: dict[Name, Move]

    @property
    def finals(self) -> tuple[str, ...]:
        """The steps at which the track counts as done."""
        return tuple(name for name, step in self.steps.items() if step.final)


class Duty(Sourced):
    """To be done, declined by the victim, or marked not applicable with a reason, before closing.

    It arises when ``arises`` is true (always, if absent); unknown counts as arisen. ``settled_by`` is a
    condition that settles it by itself (usually a track at its end). Office duties never hold a case.
    """

    title: Label
    scope: Scope = "victim"
    responsible: Name
    joint_leads: tuple[Name, ...] = ()
    cooperating: tuple[Name, ...] = ()
    printed_responsible: tuple[str, ...] = ()
    printed_cooperating: tuple[str, ...] = ()
    arises: Condition | None = None
    settled_by: Condition | None = None
    declinable: bool = False
    due: Name | None = None


class Prohibition(Sourced):
    """A hard ban. It is held by requirements that name it, or elsewhere, or it is still open."""

    title: Label
    held: Literal["requirements", "engine", "elsewhere", "open"] = "requirements"
    held_by: Label | None = None


class Closing(Sourced):
    """A way a record may end."""

    title: Label
    scope: Scope = "victim"
    by: tuple[Name, ...]
    needs_duties: bool = True
    requires: dict[Name, Requirement] = {}


class Listed(Frozen):
    """A core clause that is not encoded, and why that is right."""

    why: Literal["goal", "encouragement", "repeats", "second_ring", "outer_ring"]
    reason: Label


class PrintedUnit(Frozen):
    """A function and the name the document prints for it."""

    zh: Text
    en: Text
    level: Literal["province", "prefecture", "city", "county"]


class DocumentSource(Frozen):
    """A government document a definition encodes."""

    id: str
    title: str
    number: str | None = None
    issued: str | None = None


class Effective(Frozen):
    """From when to when a version may open cases."""

    since: date
    until: date | None = None


class Definition(Frozen):
    """One version of one jurisdiction's procedures, whole."""

    id: Name
    version: str
    status: Literal["draft", "candidate"]
    jurisdiction: str
    title: Label
    effective: Effective
    sources: tuple[DocumentSource, ...]
    units: dict[Name, PrintedUnit]
    openers: dict[Scope, tuple[Name, ...]]
    facts: dict[DottedName, Fact]
    documents: dict[Name, Document]
    consents: dict[Name, Consent]
    parameters: dict[Name, Parameter]
    decline_reasons: dict[Name, Label]
    tracks: dict[Name, Track]
    duties: dict[Name, Duty]
    prohibitions: dict[Name, Prohibition]
    closings: dict[Name, Closing]
    listed: dict[str, Listed] = {}

    def tracks_of(self, scope: Scope) -> dict[str, Track]:
        """The tracks of one kind of record."""
        return {name: track for name, track in self.tracks.items() if track.scope == scope}

    def duties_of(self, scope: Scope) -> dict[str, Duty]:
        """The duties of one kind of record."""
        return {name: duty for name, duty in self.duties.items() if duty.scope == scope}

    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, UTF-8, no spaces, absent values left out."""
        body = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of :meth:`canonical`, in hex: the name a case is pinned to."""
        return hashlib.sha256(self.canonical()).hexdigest()
