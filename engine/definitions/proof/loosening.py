"""Operators on conditions and requirements: taken out, turned round, loosened by the least that can be loosened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.core.conditions import (
    ActorIs,
    All,
    AnyOf,
    Condition,
    Elapsed,
    FactAtLeast,
    FactIn,
    FactIs,
    Not,
    ParameterRef,
    TrackAt,
    TrackReached,
)
from engine.core.definition import Definition
from engine.definitions.finding import Where
from engine.definitions.proof.edits import DROPPED, Mutation, another, changed, mutation, placed, roots
from engine.definitions.uses import requirements

Mutations = Iterator[Mutation]


def _at(
    operator: str, definition: Definition, root: Where, path: Where, value: Any, *, told: str = ""
) -> Mutation:  # fmt: skip
    return Mutation(operator, path, changed(definition, path, value), told, root)


def requirement_removed(definition: Definition) -> Mutations:
    """Each requirement of a move, opening or closing taken out."""
    for path, _, _ in requirements(definition):
        yield mutation("requirement_removed", definition, path, DROPPED)


def condition_negated(definition: Definition) -> Mutations:
    """Each outermost condition turned round."""
    for root, condition in roots(definition):
        turned = condition.not_ if isinstance(condition, Not) else Not(not_=condition)
        yield _at("condition_negated", definition, root, root, turned)


def branch_dropped(definition: Definition) -> Mutations:
    """Each branch of an ``all`` or ``any`` taken out."""
    for root, path, part in placed(definition):
        if not isinstance(part, All | AnyOf) or len(part.children()) < 2:
            continue
        key = "all" if isinstance(part, All) else "any"
        for index in range(len(part.children())):
            yield _at("branch_dropped", definition, root, (*path, key, index), DROPPED, told=f"of {key}")


def branch_added(definition: Definition) -> Mutations:
    """Each ``any`` given one branch more, the opposite of its first."""
    for root, path, part in placed(definition):
        if isinstance(part, AnyOf):
            more = (*part.any_, Not(not_=part.any_[0]))
            yield _at("branch_added", definition, root, (*path, "any"), more)


def threshold_lowered(definition: Definition) -> Mutations:
    """Each figure lowered by one; a local setting replaced by a figure one lower than its default."""
    for root, path, part in placed(definition):
        if isinstance(part, FactAtLeast | Elapsed):
            limit = part.at_least
            if isinstance(limit, ParameterRef):
                default = definition.parameters[limit.parameter].default
                limit = default if isinstance(default, int) else 0
            yield _at("threshold_lowered", definition, root, (*path, "at_least"), limit - 1, told=f"to {limit - 1}")


def list_extended(definition: Definition) -> Mutations:
    """Each list of values, steps or functions (and each single code) given one more."""
    for root, path, part in placed(definition):
        found = _longer(definition, part)
        if found is not None:
            yield _at("list_extended", definition, root, path, found[0], told=f"by {found[1]}")


def _longer(definition: Definition, part: Condition) -> tuple[Condition, str] | None:
    match part:
        case FactIs() | FactIn():
            values = (part.is_,) if isinstance(part, FactIs) else part.in_
            more = another(definition.facts[part.fact].options, *values)
            return (FactIn(fact=part.fact, in_=(*values, more)), more) if more else None
        case TrackAt():
            more = another(definition.tracks[part.track].steps, *part.at)
            return (TrackAt(track=part.track, at=(*part.at, more)), more) if more else None
        case TrackReached():
            more = another(definition.tracks[part.track].steps, *part.reached)
            return (TrackReached(track=part.track, reached=(*part.reached, more)), more) if more else None
        case ActorIs():
            more = another(definition.units, *part.actor)
            return (ActorIs(actor=(*part.actor, more)), more) if more else None
        case _:
            return None


def list_shortened(definition: Definition) -> Mutations:
    """Each list of values, steps or functions without each of its entries."""
    for root, path, part in placed(definition):
        key = next((key for key in ("in", "at", "reached", "actor") if key in _lists(part)), None)
        if key is None:
            continue
        for index, value in enumerate(_lists(part)[key]):
            yield _at("list_shortened", definition, root, (*path, key, index), DROPPED, told=f"without {value}")


def _lists(part: Condition) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    if isinstance(part, FactIn):
        found["in"] = part.in_
    elif isinstance(part, TrackAt):
        found["at"] = part.at
    elif isinstance(part, TrackReached):
        found["reached"] = part.reached
    elif isinstance(part, ActorIs):
        found["actor"] = part.actor
    return {key: values for key, values in found.items() if len(values) > 1}


def setting_added(definition: Definition) -> Mutations:
    """Each requirement that always binds put behind a local setting."""
    setting = next((name for name, one in definition.parameters.items() if one.type == "bool"), None)
    for path, _, requirement in requirements(definition):
        if setting is not None and requirement.setting is None:
            yield mutation("setting_added", definition, (*path, "setting"), setting)


def setting_dropped(definition: Definition) -> Mutations:
    """Each requirement behind a local setting made to bind always."""
    for path, _, requirement in requirements(definition):
        if requirement.setting is not None:
            yield mutation("setting_dropped", definition, (*path, "setting"), DROPPED)


def prohibition_link_dropped(definition: Definition) -> Mutations:
    """Each requirement that enforces a hard ban no longer names it."""
    for path, _, requirement in requirements(definition):
        if requirement.prohibition is not None:
            yield mutation("prohibition_link_dropped", definition, (*path, "prohibition"), DROPPED)
