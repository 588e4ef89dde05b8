"""A case and its events taken apart by field class, and put together again from the classes somebody may read.

What is content of a class: the value of a fact and that it is on record, a paper that is on record, what a condition
saw of either, and every free text, which may hold anything and so belongs to the strictest class. Everything else is
structure: tracks, steps, hand-offs with the papers they bring or lack, consents, duties, references of persons.

Each piece keeps the place it had, so that the whole is put together in the order in which it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from operator import itemgetter
from typing import Any

import msgspec

from engine.core import events as ev
from engine.core.case import Case, StatedFact
from engine.core.definition import Definition
from engine.core.events import Event, Recorded

STRICTEST = "free_text"
"""The class of free texts, and of what a definition does not know."""

_PAPERS: Mapping[type[Event], str] = {ev.DocumentsFiled: "documents", ev.DutySettled: "evidence"}
"""Where an event puts papers on record."""
FREE_TEXTS: Mapping[type[Event], tuple[str, ...]] = {
    ev.NoteAdded: ("text",), ev.HandOffOffered: ("reason",), ev.HandOffDeclined: ("text",),
    ev.HandOffWithdrawn: ("reason",), ev.MoveReversed: ("reason",), ev.UnitReferred: ("reason",),
    ev.DutySettled: ("reason", "period"), ev.TrackDeclined: ("reason",), ev.FactCorrected: ("reason",),
    ev.FlagReviewed: ("reason",), ev.CaseRelocated: ("reason",), ev.CaseClosed: ("reason",),
    ev.CaseReopened: ("reason",),
}  # fmt: skip
"""What in an event somebody wrote in her own words. The reason of a declined hand-off is a code."""
_CORRECTION = {"fact": "", "before": "", "after": ""}
_STRUCTURE = frozenset({"parameter", "track", "reached", "consent", "person", "actor"})
"""Of what a condition saw: what is no fact and no paper."""


class Compartment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a case holds of one field class: facts and papers, each with its place among all of them."""

    facts: dict[str, tuple[int, StatedFact]] = {}
    documents: dict[str, tuple[int, int]] = {}


class EventPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says of one field class: facts, papers and guard values with their places, and other fields."""

    facts: list[tuple[int, str, ev.FactValue]] = []
    papers: list[tuple[int, str]] = []
    judged: list[tuple[int, str, Any]] = []
    fields: dict[str, Any] = {}


class EventBody(msgspec.Struct, frozen=True):
    """An event without what belongs to a field class. ``taken`` are the classes that something was taken out of."""

    event: dict[str, Any]
    clauses: tuple[str, ...]
    judged: list[tuple[int, str, Any]]
    taken: tuple[str, ...] = ()


def class_of_fact(book: Definition, name: str) -> str:
    """The field class of a fact; of one the definition does not know, the strictest."""
    fact = book.facts.get(name)
    return STRICTEST if fact is None else fact.field_class


def class_of_document(book: Definition, name: str) -> str:
    """The field class of a paper; of one the definition does not know, the strictest."""
    document = book.documents.get(name)
    return STRICTEST if document is None else document.field_class


def class_of_judged(book: Definition, name: str) -> str | None:
    """The field class of a guard value by its name; ``None``: it is structure."""
    if name in book.facts:
        return book.facts[name].field_class
    kind, _, rest = name.partition(":")
    if kind == "document":
        return class_of_document(book, rest)
    if kind in _STRUCTURE and kind not in book.facts:
        return None
    return class_of_fact(book, kind)  # ``f:days``: how long ago the date of a fact was


# ── a case ──


def structure_of(case: Case) -> Case:
    """The case without what belongs to a field class."""
    return replace(case, facts={}, documents={})


def changed_compartments(before: Case | None, after: Case, book: Definition) -> dict[str, Compartment]:
    """What the case now holds of every class that a command changed something of."""
    facts, documents = (before.facts, before.documents) if before is not None else ({}, {})
    if facts is after.facts and documents is after.documents:
        return {}
    changed = {class_of_fact(book, name) for name, fact in after.facts.items() if facts.get(name) is not fact}
    changed |= {class_of_document(book, name) for name, at in after.documents.items() if documents.get(name) != at}
    found = {name: Compartment({}, {}) for name in sorted(changed)}
    for place, (name, fact) in enumerate(after.facts.items()):
        if (field_class := class_of_fact(book, name)) in changed:
            found[field_class].facts[name] = (place, fact)
    for place, (name, at) in enumerate(after.documents.items()):
        if (field_class := class_of_document(book, name)) in changed:
            found[field_class].documents[name] = (place, at)
    return found


def put_together(structure: Case, compartments: Iterable[Compartment]) -> Case:
    """The case with what it holds of these classes, in the order in which it came to know it."""
    known = list(compartments)
    facts = sorted((item for one in known for item in one.facts.items()), key=_place_in_case)
    documents = sorted((item for one in known for item in one.documents.items()), key=_place_in_case)
    return replace(
        structure, facts={name: fact for name, (_, fact) in facts}, documents={name: at for name, (_, at) in documents}
    )


def _place_in_case(item: tuple[str, tuple[int, object]]) -> int:
    return item[1][0]


# ── an event ──


class _Taking:
    """What is taken out of one event, by class."""

    def __init__(self, book: Definition) -> None:
        self.book = book
        self.parts: dict[str, EventPart] = {}
        self.left: dict[str, Any] = {}

    def part(self, field_class: str) -> EventPart:
        return self.parts.setdefault(field_class, EventPart([], [], [], {}))

    def take(self, event: Event) -> None:
        """Take out what the event itself says."""
        if isinstance(event, ev.FactsRecorded):
            for place, (name, value) in enumerate(event.facts.items()):
                self.part(class_of_fact(self.book, name)).facts.append((place, name, value))
            self.left["facts"] = {}
        if isinstance(event, ev.FactCorrected):
            said = {"fact": event.fact, "before": event.before, "after": event.after}
            self.part(class_of_fact(self.book, event.fact)).fields.update(said)
            self.left |= _CORRECTION
        if (field := _PAPERS.get(type(event))) is not None:
            for place, name in enumerate(getattr(event, field)):
                self.part(class_of_document(self.book, name)).papers.append((place, name))
            self.left[field] = ()
        for field in FREE_TEXTS.get(type(event), ()):
            if text := getattr(event, field):
                self.part(STRICTEST).fields[field] = text
                self.left[field] = ""

    def judged(self, judged: Mapping[str, object]) -> list[tuple[int, str, Any]]:
        """Take out guard values; give those that are structure."""
        kept: list[tuple[int, str, Any]] = []
        for place, (name, value) in enumerate(judged.items()):
            field_class = class_of_judged(self.book, name)
            (kept if field_class is None else self.part(field_class).judged).append((place, name, value))
        return kept


def taken_apart(recorded: Recorded, book: Definition) -> tuple[EventBody, dict[str, EventPart]]:
    """An event without what belongs to a field class, and what it says of each class."""
    taking = _Taking(book)
    taking.take(recorded.event)
    judged = taking.judged(recorded.judged)
    event = {one.name: getattr(recorded.event, one.name) for one in fields(recorded.event)} | taking.left
    return EventBody(event, recorded.clauses, judged, tuple(sorted(taking.parts))), taking.parts


def event_of(kind: type[Event], body: EventBody, parts: Iterable[EventPart]) -> tuple[Event, dict[str, object]]:
    """The event with what it says of these classes, and its guard values. Raises :class:`msgspec.ValidationError`."""
    known = list(parts)
    event = dict(body.event)
    for one in known:
        event |= one.fields
    if kind is ev.FactsRecorded:
        facts = sorted((item for one in known for item in one.facts), key=_place)
        event["facts"] = {name: value for _, name, value in facts}
    if (field := _PAPERS.get(kind)) is not None:
        event[field] = [name for _, name in sorted(paper for one in known for paper in one.papers)]
    judged = sorted((item for some in (body.judged, *(one.judged for one in known)) for item in some), key=_place)
    made: Event = msgspec.convert(event, kind)
    return made, {name: value for _, name, value in judged}


_place = itemgetter(0)
