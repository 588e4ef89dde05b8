"""Rule books as documents that lawyers can read: lanes, steps, units, clauses, periods, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from api.http.shapes.plain import Label, Named, Shown, label
from api.speech import PROVENANCE
from engine.service.rule_books import Book

Words = Annotated[str, Field(max_length=200)]
Json = dict[str, Any]
_TITLE = {"zh": "受害人救助", "en": "Help for a victim"}
_BASIS: Json = {
    "clauses": ["一（二）"], "provenance": "printed", "provenance_label": {"zh": "原文", "en": "printed"}, "note": None,
}  # fmt: skip


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class BasisShown(Shown):
    """Where something comes from: its clauses, and how firmly. ``note`` says how a clause was read."""

    clauses: list[str]
    provenance: Literal["printed", "reading", "deployer", "lost"]
    provenance_label: Label
    note: Label | None


class ConditionShown(Shown):
    """A condition, the reason people are told when it is not met, and the condition itself as the file writes it."""

    code: str
    reason: Label
    when: JsonValue
    setting: str | None = Field(description="仅在该本地设置开启时适用。 Binds only while this local setting is on.")
    prohibition: str | None
    basis: BasisShown


class UnitsShown(Shown):
    """Who does something: functions by the names that the document prints, and those names as printed."""

    responsible: Named | None
    joint_leads: list[Named]
    cooperating: list[Named]
    printed_responsible: list[str]
    printed_cooperating: list[str]


class StepShown(Shown):
    """Where a track can stand. ``due`` names the period, a local setting where no document prints one."""

    code: str
    title: Label
    is_final: bool
    units: UnitsShown
    due: str | None
    basis: BasisShown


class MoveShown(Shown):
    """A way from step to step: its form, the papers it takes along, and its conditions."""

    code: str
    title: Label
    source: list[str]
    to: str
    form: list[str]
    materials: list[str]
    requires: list[ConditionShown]
    basis: BasisShown


class OpeningShown(Shown):
    """When a track opens: by itself, or on request of these functions (or of any)."""

    when: JsonValue
    on_request: list[str]
    again: bool
    requires: list[ConditionShown]


class TrackShown(Shown):
    """A lane: one of the lines that run side by side in a record."""

    code: str
    title: Label
    scope: str
    opens: OpeningShown
    start: str
    steps: list[StepShown]
    moves: list[MoveShown]
    basis: BasisShown


class DutyShown(Shown):
    """What must be done, declined or found not applicable before a record closes."""

    code: str
    title: Label
    scope: str
    units: UnitsShown
    due: str | None
    basis: BasisShown


class ProhibitionShown(Shown):
    """A hard ban, and what holds it."""

    code: str
    title: Label
    held: str
    basis: BasisShown


class ClosingShown(Shown):
    """A way a record may end."""

    code: str
    title: Label
    scope: str
    by: list[Named]
    requires: list[ConditionShown]
    basis: BasisShown


class ParameterShown(Shown):
    """What a document leaves open, and the local setting in force: never a rule of the document."""

    model_config = _example(
        code="stay_days", title={"zh": "暂住期限", "en": "Stay"}, type="days", default=30, value=30, is_set=False,
        source="deployer",
    )  # fmt: skip

    code: str
    title: Label
    type: str
    default: JsonValue
    value: JsonValue
    is_set: bool = Field(description="本系统是否另有设置。 Whether this installation set it.")
    source: Literal["deployer"] = Field(default="deployer", description="本地设置。 A local setting.")


class ParametersShown(Shown):
    """The local settings of a definition."""

    model_config = _example(items=[])

    items: list[ParameterShown]


class PeriodShown(Shown):
    """What the document leaves open, with its default; what is in force here is a local setting."""

    code: str
    title: Label
    type: str
    default: JsonValue
    open: list[str]


class FactShown(Shown):
    """What a form may record."""

    code: str
    title: Label
    type: str
    field_class: str
    options: list[Named]


class DocumentShown(Shown):
    """A government document that is encoded."""

    id: str
    title: str
    number: str | None
    issued: str | None


class DefinitionLine(Shown):
    """A definition in the list: its version, how it stands here, and how many of its elements come from where."""

    model_config = _example(
        id="fujian", version="2021.1", hash="0c3e" * 16, status="released", title=_TITLE, jurisdiction="350000",
        since="2021-01-01", until=None, provenance={"steps": {"all": 12, "printed": 9}},
    )  # fmt: skip

    id: str
    version: str
    hash: str
    status: Literal["draft", "candidate", "released", "superseded"]
    title: Label
    jurisdiction: str
    since: str
    until: str | None
    provenance: dict[str, dict[str, int]]


class DefinitionList(Shown):
    """Every definition that is loaded."""

    model_config = _example(items=[])

    items: list[DefinitionLine]


class DefinitionShown(DefinitionLine):
    """One version of one jurisdiction's procedures, whole."""

    model_config = _example(
        id="fujian", version="2021.1", hash="0c3e" * 16, status="released", title=_TITLE, jurisdiction="350000",
        since="2021-01-01", until=None, provenance={}, documents=[], units=[], tracks=[], duties=[], prohibitions=[],
        closings=[], periods=[], facts=[], papers=[], consents=[], decline_reasons=[],
    )  # fmt: skip

    documents: list[DocumentShown]
    units: list[Named] = Field(description="职能及原文所印单位名称。 Functions by the names the document prints.")
    tracks: list[TrackShown]
    duties: list[DutyShown]
    prohibitions: list[ProhibitionShown]
    closings: list[ClosingShown]
    periods: list[PeriodShown] = Field(description="原文留待确定之处。 What the document leaves open.")
    facts: list[FactShown]
    papers: list[Named]
    consents: list[Named]
    decline_reasons: list[Named]


# ── the rule book as a document ──


def line_of(book: Book) -> DefinitionLine:
    """A definition in the list."""
    return DefinitionLine.model_validate(_head(book))


def definition_shown(book: Book) -> DefinitionShown:
    """A definition, whole."""
    body = book.loaded.definition.model_dump(mode="json", by_alias=True)
    return DefinitionShown.model_validate({**_head(book), **_body(body)})


def _head(book: Book) -> Json:
    definition = book.loaded.definition
    until = definition.effective.until
    return {
        "id": definition.id, "version": definition.version, "hash": book.loaded.hash, "status": book.standing,
        "title": label(definition.title), "jurisdiction": definition.jurisdiction,
        "since": definition.effective.since.isoformat(), "until": None if until is None else until.isoformat(),
        "provenance": {kind: dict(counted) for kind, counted in book.provenance.items()},
    }  # fmt: skip


def _body(body: Json) -> Json:
    units = body["units"]
    return {
        "documents": [{name: one.get(name) for name in ("id", "title", "number", "issued")} for one in body["sources"]],
        "units": [_called(code, units) for code in units],
        "tracks": [_track(code, one, units) for code, one in body["tracks"].items()],
        "duties": [
            {**_common(code, one), "scope": one["scope"], "units": _units(one, units), "due": one["due"]}
            for code, one in body["duties"].items()
        ],
        "prohibitions": [{**_common(code, one), "held": one["held"]} for code, one in body["prohibitions"].items()],
        "closings": [
            {
                **_common(code, one), "scope": one["scope"], "by": [_called(by, units) for by in one["by"]],
                "requires": _conditions(one["requires"]),
            }
            for code, one in body["closings"].items()
        ],
        "periods": [
            {"code": code, **{name: one[name] for name in ("title", "type", "default", "open")}}
            for code, one in body["parameters"].items()
        ],
        "facts": [
            {
                "code": code, "title": one["title"], "type": one["type"], "field_class": one["field_class"],
                "options": _named(one["options"].items()),
            }
            for code, one in body["facts"].items()
        ],
        "papers": _named((code, one["title"]) for code, one in body["documents"].items()),
        "consents": _named((code, one["title"]) for code, one in body["consents"].items()),
        "decline_reasons": _named(body["decline_reasons"].items()),
    }  # fmt: skip


def _track(code: str, one: Json, units: Json) -> Json:
    opens = one["opens"]
    on_request = opens["on_request"]
    return {
        **_common(code, one), "scope": one["scope"], "start": one["start"],
        "opens": {
            "when": opens["when"], "on_request": [on_request] if isinstance(on_request, str) else on_request,
            "again": opens["again"], "requires": _conditions(opens["requires"]),
        },
        "steps": [
            {**_common(name, step), "is_final": step["final"], "units": _units(step, units), "due": step["due"]}
            for name, step in one["steps"].items()
        ],
        "moves": [_move(name, move) for name, move in one["moves"].items()],
    }  # fmt: skip


def _move(code: str, one: Json) -> Json:
    return {
        **_common(code, one), "source": one["source"], "to": one["to"],
        "form": [field["fact"] for field in one["form"]], "materials": one["materials"],
        "requires": _conditions(one["requires"]),
    }  # fmt: skip


def _conditions(found: Mapping[str, Json]) -> list[Json]:
    return [
        {
            "code": code, "reason": one["reason"], "when": one["when"], "setting": one["setting"],
            "prohibition": one["prohibition"], "basis": _basis(one),
        }
        for code, one in found.items()
    ]  # fmt: skip


def _common(code: str, one: Json) -> Json:
    return {"code": code, "title": one["title"], "basis": _basis(one)}


def _basis(one: Json) -> Json:
    zh, en = PROVENANCE[one["provenance"]]
    return {
        "clauses": list(dict.fromkeys(basis["clause"] for basis in one["basis"])), "provenance": one["provenance"],
        "provenance_label": {"zh": zh, "en": en}, "note": one["note"],
    }  # fmt: skip


def _units(one: Json, units: Json) -> Json:
    responsible = one["responsible"]
    return {
        "responsible": None if responsible is None else _called(responsible, units),
        "joint_leads": [_called(code, units) for code in one["joint_leads"]],
        "cooperating": [_called(code, units) for code in one["cooperating"]],
        "printed_responsible": one["printed_responsible"], "printed_cooperating": one["printed_cooperating"],
    }  # fmt: skip


def _called(code: str, units: Json) -> Json:
    """A function by the name the document prints for it; by its code where it prints none."""
    known = units.get(code, {"zh": code, "en": code})
    return {"code": code, "name": {"zh": known["zh"], "en": known["en"]}}


def _named(found: Iterable[tuple[str, Json]]) -> list[Json]:
    return [{"code": code, "name": title} for code, title in found]
