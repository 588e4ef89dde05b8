"""Cuts: for everything conditions look at, the few values that stand for all.

Two values that every condition judges alike need not both be tried. A figure is cut at what it is compared with, and
where figures and settings are compared with one another there are as many values between two cuts as there are
figures, so that every order among them occurs. A code has the options that are named and one other, a person is in a
list or not. ``tests/definitions/proof`` holds this against large random domains.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.core.conditions import (
    ActorIs,
    Condition,
    ConsentGiven,
    DocumentPresent,
    Elapsed,
    FactAtLeast,
    FactBefore,
    FactIn,
    FactIs,
    FactKnown,
    FactNotAmong,
    OtherPersonThan,
    ParameterIs,
    ParameterRef,
    TrackAt,
    TrackReached,
    walk,
)
from engine.core.definition import Definition

TODAY = date(2026, 1, 1)
ACTOR, OTHER_PERSON = "somebody", "somebody else"
STRANGER = "P-STRANGER"
"""A person whom no list names."""
ELSEWHERE = "(another step)"

Values = dict[str, list[object]]
Actors = Sequence[frozenset[str]]


def parts(conditions: Iterable[Condition]) -> list[Condition]:
    """The conditions and everything inside them."""
    return [part for condition in conditions for part in walk(condition)]


def looks_at(condition: Condition) -> frozenset[str]:
    """The names, in a world, of what a condition looks at."""
    return frozenset(name for part in walk(condition) for name in _names(part))


def compares(part: Condition) -> tuple[str, ...]:
    """The same of one part, but not what people need only wait for (days since a date) or state (whatever it is)."""
    return () if isinstance(part, Elapsed | FactKnown) else _names(part)


def _names(part: Condition) -> tuple[str, ...]:
    match part:
        case FactBefore():
            return f"fact:{part.fact}", f"fact:{part.before}"
        case FactNotAmong():
            return f"fact:{part.fact}", f"fact:{part.not_among}"
        case FactIs() | FactIn() | FactKnown():
            return (f"fact:{part.fact}",)
        case FactAtLeast() | Elapsed():
            fact = part.fact if isinstance(part, FactAtLeast) else part.since
            limit = part.at_least
            return (f"fact:{fact}", *((f"parameter:{limit.parameter}",) if isinstance(limit, ParameterRef) else ()))
        case _:
            return _other_names(part)


def _other_names(part: Condition) -> tuple[str, ...]:
    names: tuple[str, ...] = ()
    match part:
        case TrackAt():
            names = (f"at:{part.track}",)
        case TrackReached():
            names = tuple(f"reached:{part.track}.{step}" for step in part.reached)
        case DocumentPresent():
            names = (f"document:{part.document}",)
        case ConsentGiven():
            names = (f"consent:{part.consent}",)
        case OtherPersonThan():
            names = (f"person:{part.other_person_than.track}.{part.other_person_than.step}",)
        case ActorIs():
            names = ("actor",)
        case ParameterIs():
            names = (f"parameter:{part.parameter}",)
        case _:
            pass
    return names


def size(values: Mapping[str, Sequence[object]]) -> int:
    """How many combinations there are."""
    count = 1
    for one in values.values():
        count *= len(one)
    return count


def domains(
    definition: Definition, conditions: Iterable[Condition], *, settings: Iterable[str] = (),
    inside: Iterable[str] = (), actors: Actors = (frozenset(),),
) -> Values:  # fmt: skip
    """For each name these conditions look at, the values that they can tell apart.

    ``settings`` are on or off. Tracks ``inside`` a slice stand where they stand; others may stand anywhere.
    ``actors`` are the functions the acting unit has at least; it may have any other that a condition names.
    """
    found = parts(conditions)
    figures = _Figures(definition)
    for part in found:
        figures.note(part)
    values = figures.values()
    names = dict.fromkeys(name for part in found for name in _names(part))
    explored = set(inside)
    for name in names:
        if name not in values and not _is_inside(name, explored):
            values[name] = _values(definition, name, found, actors)
    for setting in settings:
        values[f"parameter:{setting}"] = [True, False]
    return dict(sorted(values.items()))


def _is_inside(name: str, explored: set[str]) -> bool:
    kind, _, rest = name.partition(":")
    return kind in ("at", "reached") and rest.split(".")[0] in explored


def _values(definition: Definition, name: str, found: list[Condition], actors: Actors) -> list[object]:
    kind, _, rest = name.partition(":")
    if kind == "fact":
        return _fact_values(definition, rest, found)
    if kind == "parameter":
        return _parameter_values(definition, rest, found)
    if kind == "at":
        named = {step for part in found if isinstance(part, TrackAt) and part.track == rest for step in part.at}
        return [None, *sorted(named), ELSEWHERE]
    if kind == "actor":
        return _actor_values(found, actors)
    plain: dict[str, list[object]] = {"consent": [None, True, False], "person": [None, ACTOR, OTHER_PERSON]}
    return plain.get(kind, [True, False])


def _actor_values(found: list[Condition], actors: Actors) -> list[object]:
    named = sorted({function for part in found if isinstance(part, ActorIs) for function in part.actor})
    more = [frozenset(some) for count in range(len(named) + 1) for some in itertools.combinations(named, count)]
    return [*dict.fromkeys(least | others for least in actors for others in more)]


def _parameter_values(definition: Definition, name: str, found: list[Condition]) -> list[object]:
    parameter = definition.parameters[name]
    if parameter.type == "bool":
        return [True, False]
    named = [part.is_ for part in found if isinstance(part, ParameterIs) and part.parameter == name]
    return [*dict.fromkeys([parameter.default, *named, "(another value)"])]


def _named(found: list[Condition], fact: str) -> list[object]:
    """The values that conditions compare a fact with."""
    named: dict[object, None] = {}
    for part in found:
        if isinstance(part, FactIs) and part.fact == fact:
            named[part.is_] = None
        elif isinstance(part, FactIn) and part.fact == fact:
            named.update(dict.fromkeys(part.in_))
    return list(named)


def _fact_values(definition: Definition, name: str, found: list[Condition]) -> list[object]:
    fact = definition.facts[name]
    named = _named(found, name)
    if fact.type == "persons":
        return _lists(name, found)
    other: dict[str, list[object]] = {
        "bool": [True, False],
        "code": [*[option for option in fact.options if option not in named][:1]],
        "person": [f"P-{name}", STRANGER],
        "text": ["(text)"],
        "date": [TODAY.isoformat()],
        "int": [0],
    }
    return [None, *dict.fromkeys([*named, *other[fact.type]])]


def _lists(name: str, found: list[Condition]) -> list[object]:
    """Every list of the persons that are looked for in it."""
    sought = {part.fact for part in found if isinstance(part, FactNotAmong) and part.not_among == name}
    persons = [*(f"P-{fact}" for fact in sorted(sought)), *(str(one) for fact in sought for one in _named(found, fact))]
    some = (one for count in range(len(persons) + 1) for one in itertools.combinations(persons, count))
    return [None, *some]


@dataclass
class _Figures:
    """Figures and dates, in groups of those that are compared with one another; dates count as days ago."""

    definition: Definition
    groups: dict[str, set[str]] = field(default_factory=dict)
    cuts: dict[str, set[int]] = field(default_factory=dict)

    def note(self, part: Condition) -> None:
        """Note what one condition compares."""
        match part:
            case FactAtLeast() | Elapsed():
                name = f"fact:{part.fact if isinstance(part, FactAtLeast) else part.since}"
                self._limit(name, part.at_least)
            case FactBefore():
                self._join(f"fact:{part.fact}", f"fact:{part.before}")
            case FactIs() | FactIn() if self.definition.facts[part.fact].type in ("int", "date"):
                named = (part.is_,) if isinstance(part, FactIs) else part.in_
                self._equal(f"fact:{part.fact}", [_days(one) for one in named])
            case ParameterIs() if self.definition.parameters[part.parameter].type in ("int", "days"):
                self._equal(f"parameter:{part.parameter}", [_days(part.is_)])
            case _:
                pass

    def _limit(self, name: str, limit: int | ParameterRef) -> None:
        if isinstance(limit, ParameterRef):
            parameter = f"parameter:{limit.parameter}"
            self._join(name, parameter)
            self.cuts[parameter].add(_days(self.definition.parameters[limit.parameter].default))
        else:
            self._join(name)
            self.cuts[name].add(limit)

    def _equal(self, name: str, named: list[int]) -> None:
        self._join(name)
        self.cuts[name].update(cut for one in named for cut in (one, one + 1))

    def _join(self, *names: str) -> None:
        together = set(names).union(*(self.groups.get(name, set()) for name in names))
        for name in together:
            self.groups[name] = together
            self.cuts.setdefault(name, set())

    def values(self) -> Values:
        """The values of every figure and date that is compared."""
        return {name: self._of(name, group) for name, group in self.groups.items()}

    def _of(self, name: str, group: set[str]) -> list[object]:
        cuts = sorted(set().union(*(self.cuts[one] for one in group))) or [len(group)]
        count = len(group)
        figures = {cuts[0] - back for back in range(1, count + 1)}
        figures |= {cut + more for cut in cuts for more in range(count)}
        kind, _, rest = name.partition(":")
        if kind == "parameter":
            return [*sorted(figures)]
        if self.definition.facts[rest].type == "date":
            return [None, *((TODAY - timedelta(days=ago)).isoformat() for ago in sorted(figures))]
        return [None, *sorted(figures)]


def _days(value: object) -> int:
    """A figure as it is; a date as days ago."""
    if isinstance(value, str):
        return (TODAY - date.fromisoformat(value)).days
    return value if isinstance(value, int) else 0
