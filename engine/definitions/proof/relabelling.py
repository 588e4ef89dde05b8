"""Operators on duties, bans, facts, settings and closings, and on where things are said to come from."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.conditions import Condition, TrackAt, TrackReached, walk
from engine.core.definition import Definition, Parameter
from engine.definitions.finding import Where
from engine.definitions.proof.edits import DROPPED, Mutation, another, changed, mutation, sourced

Mutations = Iterator[Mutation]


def duty_dropped(definition: Definition) -> Mutations:
    """Each duty taken out."""
    for name in definition.duties:
        yield mutation("duty_dropped", definition, ("duties", name), DROPPED)


def duty_arises_always(definition: Definition) -> Mutations:
    """Each duty made to arise at once."""
    for name, duty in definition.duties.items():
        if duty.arises is not None:
            yield mutation("duty_arises_always", definition, ("duties", name, "arises"), DROPPED)


def duty_arises_later(definition: Definition) -> Mutations:
    """Each duty made to arise only when a track it looks at (else the first of its record) has come to its end."""
    for name, duty in definition.duties.items():
        tracks = definition.tracks_of(duty.scope)
        seen = (
            [part.track for part in walk(duty.arises) if isinstance(part, TrackAt | TrackReached)]
            if duty.arises
            else []
        )
        track = next(iter([*seen, *tracks]), None)
        later = TrackReached(track=track, reached=tracks[track].finals) if track else None
        if later is not None and later != duty.arises:
            path: Where = ("duties", name, "arises")
            yield Mutation("duty_arises_later", path, changed(definition, path, later), f"after {track}", path)


def duty_loosened(definition: Definition) -> Mutations:
    """Each duty made declinable (or no longer so), given another unit, settled by nothing, or settled too early."""
    for name, duty in definition.duties.items():
        path: Where = ("duties", name)
        yield mutation("duty_loosened", definition, (*path, "declinable"), not duty.declinable)
        other = another(definition.units, duty.responsible)
        if other is not None:
            yield mutation("duty_loosened", definition, (*path, "responsible"), other, f"to {other}")
        if duty.settled_by is not None:
            here: Where = (*path, "settled_by")
            yield mutation("duty_loosened", definition, here, DROPPED, "settled by nothing")
            early = _at_the_start(definition, duty.settled_by)
            if early is not None:
                yield Mutation("duty_loosened", here, changed(definition, here, early), "settled at the start", here)


def _at_the_start(definition: Definition, condition: Condition) -> Condition | None:
    """The condition met as soon as its track begins."""
    if not isinstance(condition, TrackAt | TrackReached):
        return None
    start = definition.tracks[condition.track].start
    listed = condition.at if isinstance(condition, TrackAt) else condition.reached
    return None if start in listed else TrackReached(track=condition.track, reached=(*listed, start))


def due_dropped(definition: Definition) -> Mutations:
    """Each time limit of a step or duty taken out."""
    for name, track in definition.tracks.items():
        for key, step in track.steps.items():
            if step.due is not None:
                yield mutation("due_dropped", definition, ("tracks", name, "steps", key, "due"), DROPPED)
    for name, duty in definition.duties.items():
        if duty.due is not None:
            yield mutation("due_dropped", definition, ("duties", name, "due"), DROPPED)


def prohibition_dropped(definition: Definition) -> Mutations:
    """Each hard ban taken out."""
    for name in definition.prohibitions:
        yield mutation("prohibition_dropped", definition, ("prohibitions", name), DROPPED)


def fact_loosened(definition: Definition) -> Mutations:
    """Each fact stated by anybody, or by one function more; each that stands made changeable."""
    for name, fact in definition.facts.items():
        path: Where = ("facts", name)
        if fact.stated_by:
            yield mutation("fact_loosened", definition, (*path, "stated_by"), DROPPED, "by anybody")
            other = another(definition.units, *fact.stated_by)
            if other is not None:
                more = (*fact.stated_by, other)
                yield mutation("fact_loosened", definition, (*path, "stated_by"), more, f"by {other} too")
        if not fact.changes:
            yield mutation("fact_loosened", definition, (*path, "changes"), True)


def provenance_raised(definition: Definition) -> Mutations:
    """Each local setting, reading and lost text passed off as printed."""
    for path, element in sourced(definition):
        if element.provenance != "printed":
            yield mutation("provenance_raised", definition, (*path, "provenance"), "printed", element.provenance)


def provenance_lowered(definition: Definition) -> Mutations:
    """Each thing printed or read passed off as a local setting."""
    for path, element in sourced(definition):
        if element.provenance in ("printed", "reading"):
            yield mutation("provenance_lowered", definition, (*path, "provenance"), "deployer", element.provenance)


def basis_dropped(definition: Definition) -> Mutations:
    """Each element without its clauses."""
    for path, element in sourced(definition):
        if element.basis:
            yield mutation("basis_dropped", definition, (*path, "basis"), DROPPED)


def closing_loosened(definition: Definition) -> Mutations:
    """Each closing without heed of duties (or with), open to one function more, or taken out."""
    for name, closing in definition.closings.items():
        path: Where = ("closings", name)
        yield mutation("closing_loosened", definition, (*path, "needs_duties"), not closing.needs_duties)
        other = another(definition.units, *closing.by)
        if other is not None:
            yield mutation("closing_loosened", definition, (*path, "by"), (*closing.by, other), f"by {other} too")
        yield mutation("closing_loosened", definition, path, DROPPED)


def opener_changed(definition: Definition) -> Mutations:
    """Each function that may open a record taken out, and one more let in."""
    for scope, openers in definition.openers.items():
        path: Where = ("openers", scope)
        for index, opener in enumerate(openers):
            yield mutation("opener_changed", definition, (*path, index), DROPPED, f"without {opener}")
        other = another(definition.units, *openers)
        if other is not None:
            yield mutation("opener_changed", definition, path, (*openers, other), f"{other} too")


def default_changed(definition: Definition) -> Mutations:
    """Each default of a local setting changed: a switch turned, a figure lowered by one, a code another."""
    for name, parameter in definition.parameters.items():
        other = _other_default(parameter)
        yield mutation("default_changed", definition, ("parameters", name, "default"), other, f"to {other}")


def _other_default(parameter: Parameter) -> bool | int | str:
    default = parameter.default
    if isinstance(default, bool):
        return not default
    return max(default - 1, 0) if isinstance(default, int) and default else 1 if default == 0 else f"not_{default}"


def listed_dropped(definition: Definition) -> Mutations:
    """Each clause that is listed instead of encoded no longer listed."""
    for row in definition.listed:
        yield mutation("listed_dropped", definition, ("listed", row), DROPPED)
