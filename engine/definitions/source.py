"""The authoring format as models: what an author may write in which file.

Everything is optional where an overlay may say only what differs; what is missing is found after flattening.
``null`` removes what a template says, so every value may be null. Conditions are those of ``engine.core``.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import models_json_schema

from engine.core.conditions import Condition
from engine.core.definition import DottedName, Name, Provenance, Scope
from engine.definitions.inventory import Inventory

Value = bool | int | str


def _as_list(raw: Any) -> Any:
    """One name is a list of one."""
    return [raw] if isinstance(raw, str) else raw


def _as_rows(raw: Any) -> Any:
    """Row ids are text, also those that look like a number (18)."""
    if not isinstance(raw, list):
        return raw
    return [str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in raw]


def _as_requesters(raw: Any) -> Any:
    """``any`` is kept apart from a function by being in no list."""
    return [] if raw == "any" else raw


def _as_form(raw: Any) -> Any:
    """A fact's name alone is a required field."""
    if not isinstance(raw, list):
        return raw
    return [{"fact": item} if isinstance(item, str) else item for item in raw]


class Source(BaseModel):
    """What all authoring models share: strict types and no key that is not declared."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class LabelSource(Source):
    """``{zh: …, en: …}``."""

    zh: str | None = None
    en: str | None = None


class FormItem(Source):
    """``{fact: F, required: false, fresh: true}``; a fact's name alone is a required field."""

    fact: DottedName
    required: bool = True
    fresh: bool = False


Names = Annotated[list[Name], BeforeValidator(_as_list, json_schema_input_type=Name | list[Name])]
Rows = Annotated[list[str], BeforeValidator(_as_rows, json_schema_input_type=list[str | int])]
Requesters = Annotated[list[Name], BeforeValidator(_as_requesters, json_schema_input_type=Literal["any"] | list[Name])]
Form = Annotated[list[FormItem], BeforeValidator(_as_form, json_schema_input_type=list[DottedName | FormItem])]


class SourcedSource(Source):
    """Anything with a legal basis."""

    basis: Rows | None = None
    provenance: Provenance | None = None
    note: LabelSource | None = None


class RequirementSource(SourcedSource):
    """A condition with the reason a person reads when it is not met."""

    when: Condition | None = None
    reason: LabelSource | None = None
    setting: Name | None = None
    prohibition: Name | None = None


Requires = dict[Name, RequirementSource | None]


class StepSource(SourcedSource):
    """A step: one responsible function (``by``), or ``final: true``."""

    title: LabelSource | None = None
    by: Name | None = None
    final: bool | None = None
    due: Name | None = None


class MoveSource(SourcedSource):
    """A named way from step to step."""

    title: LabelSource | None = None
    from_: Names | None = Field(default=None, alias="from")
    to: Name | None = None
    form: Form | None = None
    materials: list[Name] | None = None
    requires: Requires | None = None
    sets: dict[DottedName, Value | None] | None = None
    records: list[Name] | None = None


class OpensSource(Source):
    """When a track opens."""

    when: Condition | None = None
    on_request: Requesters | None = None
    again: bool | None = None
    requires: Requires | None = None


class TrackSource(SourcedSource):
    """A track of a jurisdiction, whole or laid over a template."""

    use: Name | None = None
    title: LabelSource | None = None
    scope: Scope | None = None
    declinable: bool | None = None
    opens: OpensSource | None = None
    start: Name | None = None
    steps: dict[Name, StepSource | None] | None = None
    moves: dict[Name, MoveSource | None] | None = None


class TrackTemplate(TrackSource):
    """``templates/tracks/<track>.yaml``."""

    track: Name


class DutySource(SourcedSource):
    """A duty, whole or laid over a template."""

    use: Name | None = None
    title: LabelSource | None = None
    scope: Scope | None = None
    by: Name | None = None
    arises: Condition | None = None
    settled_by: Condition | None = None
    declinable: bool | None = None
    due: Name | None = None


class ProhibitionSource(SourcedSource):
    """A hard ban, whole or laid over a template."""

    use: Name | None = None
    title: LabelSource | None = None
    held: Literal["requirements", "engine", "elsewhere", "open"] | None = None
    held_by: LabelSource | None = None


class ClosingSource(SourcedSource):
    """A way a record may end, whole or laid over a template."""

    use: Name | None = None
    title: LabelSource | None = None
    scope: Scope | None = None
    by: list[Name] | None = None
    needs_duties: bool | None = None
    requires: Requires | None = None


class FactSource(Source):
    """A fact; with ``use`` only what differs from the vocabulary."""

    use: DottedName | None = None
    title: LabelSource | None = None
    type: Literal["bool", "int", "date", "code", "text", "person", "persons"] | None = None
    field_class: Name | None = None
    options: dict[Name, LabelSource | None] | None = None
    stated_by: list[Name] | None = None
    changes: bool | None = None


class DocumentSource(Source):
    """A paper."""

    use: Name | None = None
    title: LabelSource | None = None
    field_class: Name | None = None


class ConsentSource(Source):
    """Something only the victim can agree to."""

    use: Name | None = None
    title: LabelSource | None = None
    basis: Rows | None = None


class ParameterSource(Source):
    """What the document leaves open."""

    use: Name | None = None
    title: LabelSource | None = None
    type: Literal["days", "int", "bool", "code"] | None = None
    default: Value | None = None
    open: list[str] | None = None


class SharedTemplates(Source):
    """``templates/*.yaml``: vocabulary, shared duties, prohibitions and closings."""

    facts: dict[DottedName, FactSource | None] = {}
    documents: dict[Name, DocumentSource | None] = {}
    consents: dict[Name, ConsentSource | None] = {}
    parameters: dict[Name, ParameterSource | None] = {}
    decline_reasons: dict[Name, LabelSource | None] = {}
    duties: dict[Name, DutySource | None] = {}
    prohibitions: dict[Name, ProhibitionSource | None] = {}
    closings: dict[Name, ClosingSource | None] = {}


class UnitSource(Source):
    """The name the document prints for a function, and its level."""

    zh: str
    en: str
    level: Literal["province", "prefecture", "city", "county"]


class EffectiveSource(Source):
    """From when to when a version may open cases; ISO dates."""

    since: Annotated[date, Field(strict=False)]
    until: Annotated[date | None, Field(strict=False)] = None


class ListedSource(Source):
    """A core clause that is not encoded, and why that is right."""

    why: Literal["goal", "encouragement", "repeats", "second_ring", "outer_ring"]
    reason: LabelSource


class JurisdictionFile(SharedTemplates):
    """``<jurisdiction>/<version>.yaml``: what one jurisdiction binds."""

    id: Name
    version: str
    status: Literal["draft", "candidate"]
    jurisdiction: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    title: LabelSource
    effective: EffectiveSource
    document: str
    units: dict[Name, UnitSource]
    openers: dict[Scope, list[Name]]
    tracks: dict[Name, TrackSource | None] = {}
    listed: dict[str, ListedSource | None] = {}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of every file under ``workflows/``, for editors: one of four roots."""
    roots: list[type[BaseModel]] = [JurisdictionFile, TrackTemplate, SharedTemplates, Inventory]
    by_model, schema = models_json_schema([(root, "validation") for root in roots])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Guitu workflow definition files",
        "anyOf": [by_model[(root, "validation")] for root in roots],
        **schema,
    }
