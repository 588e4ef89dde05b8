"""Conditions look only at what is declared, and compare like with like."""

from __future__ import annotations

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
    FactNotAmong,
    OtherPersonThan,
    ParameterIs,
    ParameterRef,
    TrackAt,
    TrackReached,
)
from engine.core.definition import Parameter
from engine.definitions.checks.context import Context
from engine.definitions.checks.names import check_function
from engine.definitions.checks.vocabulary import check_value
from engine.definitions.finding import Where
from engine.definitions.uses import Placed, conditions, facts_of, parameter_of

_EXPECTED: dict[type, dict[str, str]] = {
    FactAtLeast: {"fact": "int"},
    FactBefore: {"fact": "date", "before": "date"},
    FactNotAmong: {"fact": "person", "not_among": "persons"},
    Elapsed: {"since": "date"},
}


def check_conditions(context: Context) -> None:
    """Every condition of the definition, also those inside others."""
    for placed in conditions(context.definition):
        _check_facts(context, placed)
        _check_parameters(context, placed)
        _check_papers(context, placed)
        _check_track(context, placed)


def _check_facts(context: Context, placed: Placed) -> None:
    """Facts are declared and of the type the comparison needs."""
    facts, condition = context.definition.facts, placed.condition
    for key, name in facts_of(condition).items():
        path: Where = (*placed.path, key)
        wanted = _EXPECTED.get(type(condition), {}).get(key)
        if not context.known(name, facts, path, "unknown_fact", ("事实", "fact")) or wanted is None:
            continue
        if facts[name].type != wanted:
            fitting = ", ".join(sorted(other for other, fact in facts.items() if fact.type == wanted)) or "-"
            wrong = (
                f"“{name}”是{facts[name].type}，这里要{wanted}。",
                f"`{name}` is {facts[name].type}, not {wanted}.",
            )
            right = (f"请用{wanted}类型的事实：{fitting}。", f"Use a fact of type {wanted}: {fitting}.")
            context.wrong(path, "type_mismatch", wrong, right)
    if isinstance(condition, FactIs):
        check_value(context, condition.fact, condition.is_, (*placed.path, "is"))
    if isinstance(condition, FactIn):
        for index, value in enumerate(condition.in_):
            check_value(context, condition.fact, value, (*placed.path, "in", index))


def _check_parameters(context: Context, placed: Placed) -> None:
    """Parameters are declared and of the type the comparison needs."""
    name = parameter_of(placed.condition)
    if name is None:
        return
    parameters = context.definition.parameters
    compares = isinstance(placed.condition, ParameterIs)
    path: Where = (*placed.path, "parameter") if compares else (*placed.path, "at_least", "parameter")
    if not context.known(name, parameters, path, "unknown_parameter", ("参数", "parameter")):
        return
    if not _parameter_fits(placed.condition, parameters[name]):
        kind = parameters[name].type
        wrong = (f"参数“{name}”是{kind}，与此比较不符。", f"Parameter `{name}` is {kind} and does not fit here.")
        right = (
            "at_least用days或int参数；is写该参数类型的值。",
            "`at_least` takes a parameter of type days or int; `is` a value of the parameter's type.",
        )
        context.wrong(path, "type_mismatch", wrong, right)


def _parameter_fits(condition: Condition, parameter: Parameter) -> bool:
    """Whether the comparison makes sense for a parameter of that type."""
    if isinstance(condition, ParameterIs):
        return isinstance(condition.is_, bool) == (parameter.type == "bool") and isinstance(condition.is_, str) == (
            parameter.type == "code"
        )
    wanted = ("days",) if isinstance(condition, Elapsed) else ("days", "int")
    return not isinstance(getattr(condition, "at_least", None), ParameterRef) or parameter.type in wanted


def _check_papers(context: Context, placed: Placed) -> None:
    """Documents, consents and functions are declared."""
    condition, definition = placed.condition, context.definition
    if isinstance(condition, DocumentPresent):
        path: Where = (*placed.path, "document")
        context.known(condition.document, definition.documents, path, "unknown_document", ("材料", "document"))
    if isinstance(condition, ConsentGiven):
        path = (*placed.path, "consent")
        context.known(condition.consent, definition.consents, path, "unknown_consent", ("同意事项", "consent"))
    if isinstance(condition, ActorIs):
        for index, name in enumerate(condition.actor):
            check_function(context, name, (*placed.path, "actor", index))


def _check_track(context: Context, placed: Placed) -> None:
    """Tracks and steps exist, and stand in a record of the same scope."""
    condition = placed.condition
    if isinstance(condition, OtherPersonThan):
        where = condition.other_person_than
        _check_steps(context, placed, where.track, (where.step,), "other_person_than")
    if isinstance(condition, TrackAt):
        _check_steps(context, placed, condition.track, condition.at, "at")
    if isinstance(condition, TrackReached):
        _check_steps(context, placed, condition.track, condition.reached, "reached")


def _check_steps(context: Context, placed: Placed, name: str, steps: tuple[str, ...], key: str) -> None:
    """One track a condition looks at, and its steps."""
    tracks = context.definition.tracks
    inside = key == "other_person_than"
    path: Where = (*placed.path, key, "track") if inside else (*placed.path, "track")
    if not context.known(name, tracks, path, "unknown_track", ("环节", "track")):
        return
    for index, step in enumerate(steps):
        below: Where = (*placed.path, key, "step" if inside else index)
        context.known(step, tracks[name].steps, below, "unknown_step", ("步骤", "step"))
    scope = tracks[name].scope
    if scope != placed.scope:
        same = ", ".join(context.definition.tracks_of(placed.scope)) or "-"
        wrong = (
            f"“{name}”属于{scope}记录，这里只能看{placed.scope}记录。",
            f"`{name}` is of scope {scope}; a condition here sees only scope {placed.scope}.",
        )
        right = (f"可看：{same}；或改用事实。", f"It may look at: {same}; or use a fact instead.")
        context.wrong(path, "other_scope", wrong, right)
