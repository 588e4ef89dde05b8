"""Which names a definition uses, and where: one walk that pruning and checking share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.core.conditions import (
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
    ParameterIs,
    ParameterRef,
)
from engine.core.definition import Definition, Requirement, Scope, Track
from engine.definitions.finding import Where


@dataclass(frozen=True, slots=True)
class Placed:
    """A condition, where it is written, and whose record it is judged in."""

    path: Where
    scope: Scope
    condition: Condition


def walk_placed(path: Where, scope: Scope, condition: Condition) -> Iterator[Placed]:
    """A condition and everything inside it, each with its own path."""
    yield Placed(path, scope, condition)
    children = condition.children()
    key = "not" if hasattr(condition, "not_") else "all" if hasattr(condition, "all_") else "any"
    for index, child in enumerate(children):
        inner: Where = (*path, key) if key == "not" else (*path, key, index)
        yield from walk_placed(inner, scope, child)


def requirements(definition: Definition) -> Iterator[tuple[Where, Scope, Requirement]]:
    """Every requirement of moves, openings and closings."""
    for name, track in definition.tracks.items():
        here: Where = ("tracks", name)
        yield from _named((*here, "opens"), track.scope, track.opens.requires)
        for move_name, move in track.moves.items():
            yield from _named((*here, "moves", move_name), track.scope, move.requires)
    for name, closing in definition.closings.items():
        yield from _named(("closings", name), closing.scope, closing.requires)


def _named(
    path: Where, scope: Scope, requires: Mapping[str, Requirement]
) -> Iterator[tuple[Where, Scope, Requirement]]:
    """The requirements of one element, each with its path."""
    for name, requirement in requires.items():
        yield (*path, "requires", name), scope, requirement


def conditions(definition: Definition) -> Iterator[Placed]:
    """Every condition, also those inside others, in the order of the definition."""
    for name, track in definition.tracks.items():
        if track.opens.when is not None:
            yield from walk_placed(("tracks", name, "opens", "when"), track.scope, track.opens.when)
    for path, scope, requirement in requirements(definition):
        yield from walk_placed((*path, "when"), scope, requirement.when)
    for name, duty in definition.duties.items():
        for key, condition in (("arises", duty.arises), ("settled_by", duty.settled_by)):
            if condition is not None:
                yield from walk_placed(("duties", name, key), duty.scope, condition)


def facts_of(condition: Condition) -> dict[str, str]:
    """The facts a condition names, by the key under which they are written."""
    match condition:
        case FactBefore():
            return {"fact": condition.fact, "before": condition.before}
        case FactNotAmong():
            return {"fact": condition.fact, "not_among": condition.not_among}
        case FactIs() | FactIn() | FactAtLeast() | FactKnown():
            return {"fact": condition.fact}
        case Elapsed():
            return {"since": condition.since}
        case _:
            return {}


def parameter_of(condition: Condition) -> str | None:
    """The parameter a condition looks at, or ``None``."""
    if isinstance(condition, ParameterIs):
        return condition.parameter
    limit = getattr(condition, "at_least", None)
    return limit.parameter if isinstance(limit, ParameterRef) else None


def used_names(definition: Definition) -> dict[str, set[str]]:
    """The facts, documents, consents and parameters anything in the definition uses."""
    used: dict[str, set[str]] = {"facts": set(), "documents": set(), "consents": set(), "parameters": set()}
    for placed in conditions(definition):
        _use_condition(placed.condition, used)
    for _, _, requirement in requirements(definition):
        used["parameters"] |= {requirement.setting} if requirement.setting else set()
    for duty in definition.duties.values():
        used["parameters"] |= {duty.due} if duty.due else set()
    for track in definition.tracks.values():
        _use_track(track, used)
    return used


def _use_condition(condition: Condition, used: dict[str, set[str]]) -> None:
    """What one condition looks at."""
    used["facts"] |= set(facts_of(condition).values())
    parameter = parameter_of(condition)
    if parameter:
        used["parameters"].add(parameter)
    if isinstance(condition, DocumentPresent):
        used["documents"].add(condition.document)
    if isinstance(condition, ConsentGiven):
        used["consents"].add(condition.consent)


def _use_track(track: Track, used: dict[str, set[str]]) -> None:
    """What the steps and moves of one track ask for and write."""
    used["parameters"] |= {step.due for step in track.steps.values() if step.due}
    for move in track.moves.values():
        used["facts"] |= {item.fact for item in move.form} | set(move.sets)
        used["documents"] |= {*move.materials, *move.records}
