"""Worlds: every combination of facts, papers, consents and settings that a set of conditions can tell apart.

A fact is cut at what conditions name: a figure and the one below it, each option named and one other, a date on each
side of a period. That is exact: two values that every condition judges alike need not both be tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.core.conditions import (
    Condition,
    ConsentGiven,
    DocumentPresent,
    Elapsed,
    FactAtLeast,
    FactBefore,
    FactIn,
    FactIs,
    FactNotAmong,
    OtherPersonThan,
    ParameterIs,
    ParameterRef,
    walk,
)
from engine.core.definition import Definition, Fact

TODAY = date(2026, 1, 1)
ACTOR = "somebody"
OTHER_PERSON = "somebody_else"
LISTED, UNLISTED = "P-LISTED", "P-UNLISTED"

World = Mapping[str, object]
"""Values by name: ``fact:f``, ``document:d``, ``consent:c``, ``parameter:p``, ``person:t.s``."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the tracks of a slice stand, and which steps they have entered."""

    at: Mapping[str, str | None]
    reached: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class WorldView:
    """A world as conditions see it (``engine.core.conditions.View``)."""

    world: World
    positions: Positions
    actor_functions: frozenset[str] = frozenset()
    actor_person: str | None = ACTOR
    defaults: Mapping[str, object] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day."""
        return TODAY

    def fact(self, name: str) -> object | None:
        """The fact in this world."""
        return self.world.get(f"fact:{name}")

    def step_of(self, track: str) -> str | None:
        """Where the track stands."""
        return self.positions.at.get(track)

    def has_reached(self, track: str, step: str) -> bool:
        """Whether the track has entered the step."""
        return (track, step) in self.positions.reached

    def has_document(self, name: str) -> bool:
        """Whether the document is there."""
        return bool(self.world.get(f"document:{name}"))

    def has_consent(self, name: str) -> bool | None:
        """The consent in this world."""
        given = self.world.get(f"consent:{name}")
        return given if isinstance(given, bool) else None

    def person_at(self, track: str, step: str) -> str | None:
        """Who entered the step."""
        person = self.world.get(f"person:{track}.{step}")
        return person if isinstance(person, str) else None

    def parameter(self, name: str) -> object | None:
        """The setting in this world, or its default."""
        return self.world.get(f"parameter:{name}", self.defaults.get(name))


def domains(
    definition: Definition, conditions: Iterable[Condition], settings: Iterable[str]
) -> dict[str, list[object]]:
    """For each name these conditions look at, the values that they can tell apart. Settings are on and off."""
    cuts: dict[str, set[object]] = {}
    for part in (part for condition in conditions for part in walk(condition)):
        _cut(definition, part, cuts)
    for name in settings:
        cuts.setdefault(f"parameter:{name}", set()).update({True, False})
    return {name: _ordered(definition, name, values) for name, values in sorted(cuts.items())}


def worlds(values: Mapping[str, list[object]]) -> Iterator[dict[str, object]]:
    """Every combination."""
    names = list(values)
    for chosen in itertools.product(*values.values()):
        yield dict(zip(names, chosen, strict=True))


def size(values: Mapping[str, list[object]]) -> int:
    """How many combinations there are."""
    count = 1
    for one in values.values():
        count *= len(one)
    return count


def _limit(definition: Definition, limit: int | ParameterRef) -> int:
    if isinstance(limit, ParameterRef):
        default = definition.parameters[limit.parameter].default
        return default if isinstance(default, int) else 0
    return limit


def _cut(definition: Definition, part: Condition, cuts: dict[str, set[object]]) -> None:
    """Add to ``cuts`` the values that one condition tells apart."""

    def add(name: str, *values: object) -> None:
        cuts.setdefault(name, set()).update(values)

    match part:
        case FactIs():
            add(f"fact:{part.fact}", part.is_)
        case FactIn():
            add(f"fact:{part.fact}", *part.in_)
        case FactAtLeast():
            limit = _limit(definition, part.at_least)
            add(f"fact:{part.fact}", limit, limit - 1)
        case Elapsed():
            limit = _limit(definition, part.at_least)
            add(f"fact:{part.since}", *((TODAY - timedelta(days=days)).isoformat() for days in (limit, limit - 1)))
        case FactBefore():
            for name in (part.fact, part.before):
                add(f"fact:{name}", (TODAY - timedelta(days=1)).isoformat(), TODAY.isoformat())
        case FactNotAmong():
            add(f"fact:{part.fact}", LISTED, UNLISTED)
            add(f"fact:{part.not_among}", (LISTED,))
        case DocumentPresent():
            add(f"document:{part.document}", True, False)
        case ConsentGiven():
            add(f"consent:{part.consent}", True, False, None)
        case OtherPersonThan():
            where = part.other_person_than
            add(f"person:{where.track}.{where.step}", ACTOR, OTHER_PERSON, None)
        case ParameterIs():
            add(f"parameter:{part.parameter}", part.is_, definition.parameters[part.parameter].default)
        case _ if hasattr(part, "fact"):
            add(f"fact:{part.fact}")
        case _:
            pass


def _ordered(definition: Definition, name: str, values: set[object]) -> list[object]:
    kind, _, rest = name.partition(":")
    if kind == "fact":
        values = values | _rest_of(definition.facts[rest], values)
    elif kind == "parameter" and values <= {True, False}:
        values = {True, False}
    return sorted(values, key=lambda value: (value is not None, str(value)))


def _rest_of(fact: Fact, named: set[object]) -> set[object]:
    """Not stated, and one value that no condition names."""
    match fact.type:
        case "bool":
            return {None, True, False}
        case "code":
            others = [option for option in fact.options if option not in named]
            return {None, *others[:1]}
        case "persons":
            return {None, ()}
        case "person":
            return {None, UNLISTED}
        case "text":
            return {None, "text"}
        case "date":
            return {None, TODAY.isoformat()}
        case _:
            return {None} if named else {None, 0}
