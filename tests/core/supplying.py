"""What a condition asks for, and plausible values for facts: so that a walk gets somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.core import conditions as co
from engine.core.commands import RawValue
from engine.core.definition import Definition, Fact, Move
from engine.core.view import CHINA

Preferences = Mapping[str, object]


@dataclass(frozen=True)
class Needs:
    """Facts, documents and consents that would make something possible."""

    facts: dict[str, RawValue]
    documents: set[str]
    consents: dict[str, bool]
    days: int = 0


def plausible(name: str, fact: Fact, at: datetime, wishes: Preferences) -> RawValue:
    """A value somebody might well state."""
    if name in wishes:
        return wishes[name]  # type: ignore[return-value]
    by_type: dict[str, RawValue] = {
        "bool": False, "int": 17, "date": at.astimezone(CHINA).date().isoformat(), "text": "as told",
        "code": next(iter(fact.options), ""), "person": "P-CARER1", "persons": ["P-BUYER1"],
    }  # fmt: skip
    return by_type[fact.type]


def needs_of(book: Definition, move: Move, at: datetime, wishes: Preferences) -> Needs:
    """What the form of a move and its conditions ask for."""
    parameters = {name: parameter.default for name, parameter in book.parameters.items()}
    binding = [one.when for one in move.requires.values() if one.setting is None or parameters[one.setting] is True]
    facts = {
        field.fact: plausible(field.fact, book.facts[field.fact], at, wishes) for field in move.form if field.required
    }
    needs = Needs(facts, set(), {})
    for condition in binding:
        needs = merged(needs, wanted(book, condition, at, wishes, is_so=True))
    return needs


def merged(one: Needs, other: Needs) -> Needs:
    """Both, the second one having the last word."""
    return Needs(
        {**one.facts, **other.facts}, one.documents | other.documents, {**one.consents, **other.consents},
        max(one.days, other.days),
    )  # fmt: skip


def wanted(book: Definition, condition: co._Condition, at: datetime, wishes: Preferences, *, is_so: bool) -> Needs:
    """What would make a condition true (or false). What only another track can bring is left out."""
    facts: dict[str, RawValue] = dict(_facts(book, condition, at, wishes, is_so=is_so))
    match condition:
        case co.All() | co.AnyOf():
            several = isinstance(condition, co.All) == is_so
            children = [wanted(book, child, at, wishes, is_so=is_so) for child in condition.children()]
            useful = children if several else [next((one for one in children if one.facts or one.documents), NOTHING)]
            found = NOTHING
            for child in useful:
                found = merged(found, child)
            return found
        case co.Not():
            return wanted(book, condition.not_, at, wishes, is_so=not is_so)
        case co.DocumentPresent() if is_so:
            return Needs({}, {condition.document}, {})
        case co.ConsentGiven():
            return Needs({}, set(), {condition.consent: is_so})
        case co.Elapsed() if is_so:
            return Needs(facts, set(), {}, 400)
        case _:
            return Needs(facts, set(), {})


NOTHING = Needs({}, set(), {})


def _facts(
    book: Definition, condition: co._Condition, at: datetime, wishes: Preferences, *, is_so: bool
) -> Iterator[tuple[str, RawValue]]:
    match condition:
        case co.FactIs():
            yield condition.fact, condition.is_ if is_so else _another(book.facts[condition.fact], condition.is_)
        case co.FactIn() if is_so:
            wish = wishes.get(condition.fact)
            yield condition.fact, wish if wish in condition.in_ else condition.in_[0]
        case co.FactAtLeast() if is_so:
            limit = condition.at_least
            yield condition.fact, limit if isinstance(limit, int) else 99
        case co.FactKnown():
            yield condition.fact, plausible(condition.fact, book.facts[condition.fact], at, wishes)
        case co.FactNotAmong():
            yield condition.fact, "P-CARER1"
            yield condition.not_among, ["P-BUYER1"]
        case co.FactBefore():
            for name in (condition.fact, condition.before):
                yield name, plausible(name, book.facts[name], at, wishes)
        case co.Elapsed():
            yield condition.since, plausible(condition.since, book.facts[condition.since], at, wishes)
        case _:
            return


def _another(fact: Fact, value: co.Value) -> RawValue:
    if isinstance(value, bool):
        return not value
    return next((one for one in fact.options if one != value), "")
