"""Conditions as data: a small closed set of typed models, judged to true, false or unknown.

There is no expression language. A missing fact makes a condition *unknown*, and unknown refuses.
Authors write a condition as a YAML mapping whose keys say its kind, e.g.
``{fact: victim.age_years, at_least: 16}`` or ``{any: [...]}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Value = bool | int | str
Verdict = bool | None
"""True: holds. False: does not hold. None: not known, which refuses like False."""


class View(Protocol):
    """What a condition may look at. Everything else is out of its reach."""

    @property
    def today(self) -> date:
        """The day, in the zone of the jurisdiction, on which the condition is judged."""

    def fact(self, name: str) -> object | None:
        """The value of a fact, or ``None`` when nobody stated it."""

    def step_of(self, track: str) -> str | None:
        """Where a track stands, or ``None`` when it is not open, not accepted or ended early."""

    def has_reached(self, track: str, step: str) -> bool:
        """Whether the track has entered that step (and the entry was not reversed)."""

    def has_document(self, name: str) -> bool:
        """Whether the document is in the case."""

    def has_consent(self, name: str) -> bool | None:
        """Given (True), refused or withdrawn (False), never asked (None)."""

    def person_at(self, track: str, step: str) -> str | None:
        """Who entered that step, or ``None``."""

    def is_among(self, person: str, persons: Sequence[str]) -> bool | None:
        """Whether a person is one of these; ``None`` when they cannot be compared."""

    def parameter(self, name: str) -> object | None:
        """The value of a parameter (a local setting)."""

    @property
    def actor_functions(self) -> frozenset[str]:
        """The functions of the acting unit."""

    @property
    def actor_person(self) -> str | None:
        """The acting person."""


@dataclass(slots=True)
class Judged:
    """The guard values a judgement looked at, by name: kept with the event (R-1)."""

    values: dict[str, object] = field(default_factory=dict)

    def see(self, name: str, value: object) -> object:
        """Note that ``name`` was looked at and had ``value``."""
        self.values[name] = value
        return value


class _Condition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """Judge this condition, noting every value looked at."""
        raise NotImplementedError  # pragma: no cover - every kind below has its own

    def children(self) -> tuple[Condition, ...]:
        """The conditions inside this one."""
        return ()


class ParameterRef(BaseModel):
    """A figure that the document leaves open: ``{parameter: name}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    parameter: str

    def value(self, view: View, judged: Judged) -> object | None:
        """The parameter's value, noted as ``parameter:<name>``."""
        return judged.see(f"parameter:{self.parameter}", view.parameter(self.parameter))


class FactIs(_Condition):
    """``{fact: F, is: V}``."""

    fact: str
    is_: Value = Field(alias="is")

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the fact equals the value."""
        value = judged.see(self.fact, view.fact(self.fact))
        return None if value is None else value == self.is_


class FactIn(_Condition):
    """``{fact: F, in: [V, ...]}``."""

    fact: str
    in_: tuple[Value, ...] = Field(alias="in", min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the fact equals one of the values."""
        value = judged.see(self.fact, view.fact(self.fact))
        return None if value is None else value in self.in_


class FactAtLeast(_Condition):
    """``{fact: F, at_least: N}`` or ``{fact: F, at_least: {parameter: P}}``; F is an integer."""

    fact: str
    at_least: int | ParameterRef

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the fact is the figure or more."""
        value = judged.see(self.fact, view.fact(self.fact))
        limit = self.at_least.value(view, judged) if isinstance(self.at_least, ParameterRef) else self.at_least
        if not isinstance(value, int) or not isinstance(limit, int):
            return None
        return value >= limit


class FactBefore(_Condition):
    """``{fact: F, before: G}``: both are dates, F strictly earlier than fact G."""

    fact: str
    before: str

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the first date is earlier than the second."""
        first = judged.see(self.fact, view.fact(self.fact))
        second = judged.see(self.before, view.fact(self.before))
        if not isinstance(first, str) or not isinstance(second, str):
            return None
        return date.fromisoformat(first) < date.fromisoformat(second)


class FactKnown(_Condition):
    """``{fact: F, known: true}``: somebody stated it."""

    fact: str
    known: Literal[True]

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the fact is stated; a fact nobody stated is unknown."""
        return None if judged.see(self.fact, view.fact(self.fact)) is None else True


class FactNotAmong(_Condition):
    """``{fact: F, not_among: G}``: person F is none of the persons G. A list nobody gave is unknown."""

    fact: str
    not_among: str

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the person is not in the list."""
        person = judged.see(self.fact, view.fact(self.fact))
        persons = judged.see(self.not_among, view.fact(self.not_among))
        if not isinstance(person, str) or not isinstance(persons, list | tuple):
            return None
        is_one = view.is_among(person, persons)
        return None if is_one is None else not is_one


class Elapsed(_Condition):
    """``{since: F, at_least: N}``: at least N whole days have passed since date F."""

    since: str
    at_least: int | ParameterRef

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when today is N days after the date or later."""
        start = judged.see(self.since, view.fact(self.since))
        limit = self.at_least.value(view, judged) if isinstance(self.at_least, ParameterRef) else self.at_least
        if not isinstance(start, str) or not isinstance(limit, int):
            return None
        days = (view.today - date.fromisoformat(start)).days
        judged.see(f"{self.since}:days", days)
        return days >= limit


class TrackAt(_Condition):
    """``{track: T, at: [S, ...]}``: the track stands at one of these steps now."""

    track: str
    at: tuple[str, ...] = Field(min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when it does; never unknown, a track that is not open stands nowhere."""
        return judged.see(f"track:{self.track}", view.step_of(self.track)) in self.at


class TrackReached(_Condition):
    """``{track: T, reached: [S, ...]}``: the track has entered one of these steps."""

    track: str
    reached: tuple[str, ...] = Field(min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when one of them was entered and not reversed."""
        seen = [step for step in self.reached if view.has_reached(self.track, step)]
        judged.see(f"reached:{self.track}", seen)
        return bool(seen)


class DocumentPresent(_Condition):
    """``{document: D}``."""

    document: str

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the document is in the case."""
        return bool(judged.see(f"document:{self.document}", view.has_document(self.document)))


class ConsentGiven(_Condition):
    """``{consent: C}``: given and not withdrawn since."""

    consent: str

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when given, False when refused or withdrawn, None when never asked."""
        consent = view.has_consent(self.consent)
        judged.see(f"consent:{self.consent}", consent)
        return consent


class OtherPersonThan(_Condition):
    """``{other_person_than: {track: T, step: S}}``: four eyes."""

    class Where(BaseModel):
        """A step of a track."""

        model_config = ConfigDict(frozen=True, extra="forbid")
        track: str
        step: str

    other_person_than: Where

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when somebody else entered that step; unknown when nobody did."""
        where = self.other_person_than
        person = view.person_at(where.track, where.step)
        judged.see(f"person:{where.track}.{where.step}", person)
        return None if person is None else person != view.actor_person


class ActorIs(_Condition):
    """``{actor: [function, ...]}``: the acting unit has one of these functions."""

    actor: tuple[str, ...] = Field(min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when it has."""
        judged.see("actor:functions", sorted(view.actor_functions))
        return not view.actor_functions.isdisjoint(self.actor)


class ParameterIs(_Condition):
    """``{parameter: P, is: V}``: a local setting has this value."""

    parameter: str
    is_: Value = Field(alias="is")

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when the setting equals the value."""
        value = judged.see(f"parameter:{self.parameter}", view.parameter(self.parameter))
        return None if value is None else value == self.is_


class All(_Condition):
    """``{all: [...]}``."""

    all_: tuple[Condition, ...] = Field(alias="all", min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """False when one is false, else unknown when one is unknown, else true. Looks at all of them."""
        verdicts = [child.judge(view, judged) for child in self.all_]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def children(self) -> tuple[Condition, ...]:
        """The conditions inside."""
        return self.all_


class AnyOf(_Condition):
    """``{any: [...]}``."""

    any_: tuple[Condition, ...] = Field(alias="any", min_length=1)

    def judge(self, view: View, judged: Judged) -> Verdict:
        """True when one is true, else unknown when one is unknown, else false. Looks at all of them."""
        verdicts = [child.judge(view, judged) for child in self.any_]
        if True in verdicts:
            return True
        return None if None in verdicts else False

    def children(self) -> tuple[Condition, ...]:
        """The conditions inside."""
        return self.any_


class Not(_Condition):
    """``{not: ...}``. Not unknown is unknown."""

    not_: Condition = Field(alias="not")

    def judge(self, view: View, judged: Judged) -> Verdict:
        """The opposite, or unknown."""
        verdict = self.not_.judge(view, judged)
        return None if verdict is None else not verdict

    def children(self) -> tuple[Condition, ...]:
        """The condition inside."""
        return (self.not_,)


_BY_KEY: Mapping[str, type[_Condition]] = {
    "all": All, "any": AnyOf, "not": Not, "document": DocumentPresent, "consent": ConsentGiven,
    "other_person_than": OtherPersonThan, "actor": ActorIs, "since": Elapsed, "parameter": ParameterIs,
}  # fmt: skip
_BY_COMPARISON: Mapping[str, type[_Condition]] = {
    "is": FactIs, "in": FactIn, "at_least": FactAtLeast, "before": FactBefore, "known": FactKnown,
    "not_among": FactNotAmong, "at": TrackAt, "reached": TrackReached,
}  # fmt: skip


def _kind(raw: Any) -> str:
    """The name of the condition model that the keys of ``raw`` ask for, or ``"unreadable"``."""
    if isinstance(raw, _Condition):
        return type(raw).__name__
    if not isinstance(raw, Mapping):
        return "unreadable"
    for table in (_BY_KEY, _BY_COMPARISON):
        for key, model in table.items():
            if key in raw:
                return model.__name__
    return "unreadable"


Condition = Annotated[
    Annotated[FactIs, Tag("FactIs")]
    | Annotated[FactIn, Tag("FactIn")]
    | Annotated[FactAtLeast, Tag("FactAtLeast")]
    | Annotated[FactBefore, Tag("FactBefore")]
    | Annotated[FactKnown, Tag("FactKnown")]
    | Annotated[FactNotAmong, Tag("FactNotAmong")]
    | Annotated[Elapsed, Tag("Elapsed")]
    | Annotated[TrackAt, Tag("TrackAt")]
    | Annotated[TrackReached, Tag("TrackReached")]
    | Annotated[DocumentPresent, Tag("DocumentPresent")]
    | Annotated[ConsentGiven, Tag("ConsentGiven")]
    | Annotated[OtherPersonThan, Tag("OtherPersonThan")]
    | Annotated[ActorIs, Tag("ActorIs")]
    | Annotated[ParameterIs, Tag("ParameterIs")]
    | Annotated[All, Tag("All")]
    | Annotated[AnyOf, Tag("AnyOf")]
    | Annotated[Not, Tag("Not")],
    Discriminator(
        _kind,
        custom_error_type="condition_kind",
        custom_error_message=(
            "not a condition; write one of: fact + is | in | at_least | before | known | not_among; "
            "since + at_least; track + at | reached; document; consent; actor; other_person_than; "
            "parameter + is; all; any; not"
        ),
    ),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()


def walk(condition: Condition) -> tuple[Condition, ...]:
    """The condition and everything inside it, outermost first."""
    found: list[Condition] = [condition]
    for child in condition.children():
        found.extend(walk(child))
    return tuple(found)
