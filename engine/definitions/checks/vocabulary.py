"""Facts and parameters fit their types, and what moves write fits the facts."""

from __future__ import annotations

from datetime import date

from engine.core.definition import Fact, Parameter
from engine.definitions.checks.context import Context
from engine.definitions.checks.names import check_function
from engine.definitions.finding import Where, one_of


def check_vocabulary(context: Context) -> None:
    """Facts, documents, parameters, and the facts that moves set."""
    definition = context.kept
    for name, fact in definition.facts.items():
        _check_fact(context, fact, ("facts", name))
        _check_class(context, fact.field_class, ("facts", name, "field_class"))
    for name, document in definition.documents.items():
        _check_class(context, document.field_class, ("documents", name, "field_class"))
    for name, parameter in definition.parameters.items():
        _check_default(context, parameter, ("parameters", name, "default"))
    for track_name, track in definition.tracks.items():
        for move_name, move in track.moves.items():
            here: Where = ("tracks", track_name, "moves", move_name, "sets")
            for name, value in move.sets.items():
                check_value(context, name, value, (*here, name))


def check_value(context: Context, name: str, value: object, path: Where) -> None:
    """A value written for a fact, or compared with it, is one the fact can have."""
    fact = context.definition.facts.get(name)
    if fact is None or fits(fact, value):
        return
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    wrong = (f"事实“{name}”不可能是“{shown}”。", f"Fact `{name}` can never be `{shown}`.")
    context.wrong(path, "wrong_value", wrong, _possible(fact, shown))


def fits(fact: Fact, value: object) -> bool:
    """Whether a fact of that type can have the value."""
    match fact.type:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "code":
            return isinstance(value, str) and value in fact.options
        case "date":
            return isinstance(value, str) and _is_date(value)
        case "text":
            return isinstance(value, str)
        case _:
            # Sealed identities have no value that a definition could know.
            return False


def _is_date(value: str) -> bool:
    """Whether the text is an ISO date."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _possible(fact: Fact, value: str) -> tuple[str, str]:
    """What the fact can be."""
    if fact.type == "code":
        return one_of(value, fact.options)
    kinds = {
        "bool": ("请写true或false。", "Write true or false."),
        "int": ("请写整数。", "Write a whole number."),
        "date": ("请写日期，如2021-10-25。", "Write a date, such as 2021-10-25."),
        "text": ("请写文字。", "Write text."),
    }
    person = ("身份是封存的，请改用not_among或known。", "Identities are sealed; use `not_among` or `known`.")
    return kinds.get(fact.type, person)


def _check_fact(context: Context, fact: Fact, here: Where) -> None:
    """Options belong to codes and only to codes; who may state a fact is known."""
    if (fact.type == "code") != bool(fact.options):
        wrong = ("只有code类型才有options，且必须有。", "Options belong to type `code`, and a code needs them.")
        right = ("请改type: code，或补上options。", "Write `type: code` with `options`, or remove `options`.")
        context.wrong((*here, "type"), "options_mismatch", wrong, right)
    for index, name in enumerate(fact.stated_by):
        check_function(context, name, (*here, "stated_by", index))


def _check_class(context: Context, name: str, path: Where) -> None:
    """A field class is one the policies know."""
    if context.field_classes:
        context.known(name, context.field_classes, path, "unknown_field_class", ("字段类别", "field class"))


def _check_default(context: Context, parameter: Parameter, path: Where) -> None:
    """A default is of its parameter's type."""
    value = parameter.default
    kinds = {
        "days": (isinstance(value, int) and not isinstance(value, bool) and value >= 0, "天数", "a number of days"),
        "int": (isinstance(value, int) and not isinstance(value, bool), "整数", "a whole number"),
        "bool": (isinstance(value, bool), "true或false", "true or false"),
        "code": (isinstance(value, str), "名称", "a name"),
    }
    fitting, zh, en = kinds[parameter.type]
    if not fitting:
        wrong = (f"默认值不是{parameter.type}。", f"The default is not of type {parameter.type}.")
        context.wrong(path, "wrong_default", wrong, (f"请写{zh}。", f"Write {en}."))
