"""What may be asked about, as the policies see it. Relations only: which units stand where; no content.

The names are those of the entity types in ``policies/schema.cedarschema``. Every set of units holds units as they exist
today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.access.model import NOBODY, PARTS, CaseFile, Circumstances, Who


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation itself: its people, directory, settings, keys and ledger."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case that is to be opened."""

    area: str
    scope: str


@dataclass(frozen=True, slots=True)
class Record:
    """A case as a whole.

    ``tended_by`` are the units that hold a track of it, or ever did when nobody holds any; ``at_work`` those that were
    ever responsible or contribute to a step that is open.
    """

    file: CaseFile
    tended_by: frozenset[str]
    at_work: frozenset[str] = NOBODY


@dataclass(frozen=True, slots=True)
class Track:
    """A track of a case.

    ``is_there``: there is something to act on. ``holder`` is the unit responsible now (none or one), ``last_actor`` the
    units that made its last act, ``contributors`` those that lead jointly, cooperate or were referred to. ``at_work``,
    for a track that is to be opened, are those of :class:`Record`.
    """

    file: CaseFile
    name: str
    is_there: bool
    holder: frozenset[str] = NOBODY
    last_actor: frozenset[str] = NOBODY
    contributors: frozenset[str] = NOBODY
    at_work: frozenset[str] = NOBODY


@dataclass(frozen=True, slots=True)
class HandOff:
    """A hand-off of a case and its two sides (none or one each)."""

    file: CaseFile
    name: str
    is_there: bool
    from_unit: frozenset[str] = NOBODY
    to_unit: frozenset[str] = NOBODY


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty of a case, and the units whose function is responsible for it."""

    file: CaseFile
    name: str
    is_there: bool
    owed_by: frozenset[str] = NOBODY


@dataclass(frozen=True, slots=True)
class Closing:
    """A way to close a case, and the functions that may."""

    file: CaseFile
    name: str
    is_there: bool
    functions: frozenset[str] = NOBODY


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead: whose turn it is (none or one), which units it came to, which accepted it, and who reported it."""

    name: str
    kind: str
    turn: frozenset[str]
    handled_by: frozenset[str]
    accepted_by: frozenset[str]
    reporting_unit: frozenset[str]
    reported_by: str


Subject = CaseFile | Installation | Opening | Record | Track | HandOff | Duty | Closing | Lead
"""What a decision may be about."""

Entity = dict[str, Any]
NO_PURPOSE = "unstated"


def type_of(on: Subject) -> str:
    """The entity type of the schema."""
    return "Case" if isinstance(on, CaseFile) else type(on).__name__


def person_uid(who: Who) -> Entity:
    """The person, as Cedar names an entity."""
    return {"type": "Person", "id": who.person}


def subject_uid(on: Subject) -> Entity:
    """What is asked about, as Cedar names an entity."""
    return {"type": type_of(on), "id": _id_of(on)}


def entities(who: Who, on: Subject, purposes: Iterable[str], classes: Iterable[str]) -> list[Entity]:
    """The person, what is asked about, and the case it belongs to, with those who read these classes, if there are any.

    A purpose that is none counts as not stated.
    """
    found = [_person(who, purposes)]
    file = on if isinstance(on, CaseFile) else getattr(on, "file", None)
    if isinstance(file, CaseFile):
        found += [_case(file), *_readers(file, tuple(classes))]
    if not isinstance(on, CaseFile):
        found.append({"uid": subject_uid(on), "attrs": _attributes(on), "parents": []})
    return found


def context(given: Circumstances) -> Entity:
    """What else counts, as Cedar's record. Whoever asked does not count among those who approved."""
    return {
        "has_glass": given.has_glass, "is_overdue": given.is_overdue, "asked_by": given.asked_by,
        "approvers": sorted(given.approvers), "approver_count": len(given.approvers - {given.asked_by}),
    }  # fmt: skip


def _id_of(on: Subject) -> str:
    match on:
        case CaseFile():
            return on.id
        case Installation():
            return "here"
        case Opening():
            return "new"
        case Record():
            return on.file.id
        case Lead():
            return on.name
        case _:
            return f"{on.file.id}/{on.name}"


def _words(kind: str, names: Iterable[str]) -> list[Entity]:
    return [_word(kind, name) for name in sorted(names)]


def _word(kind: str, name: str) -> Entity:
    return {"__entity": {"type": kind, "id": name}}


def _person(who: Who, purposes: Iterable[str]) -> Entity:
    attributes = {
        "code": who.person, "unit": who.unit, "functions": sorted(who.functions),
        "area": who.areas[0] if who.areas else "", "role": _word("Role", who.role), "held": _words("Role", who.held),
        "purpose": _word("Purpose", who.purpose if who.purpose in purposes else NO_PURPOSE),
    }  # fmt: skip
    return {"uid": person_uid(who), "attrs": attributes, "parents": []}


def _case(file: CaseFile) -> Entity:
    parts: dict[str, frozenset[str]] = {name: file.parts.get(name, NOBODY) for name in PARTS}
    taking_part = frozenset().union(*(units for name, units in parts.items() if name != "receiving"))
    attributes = {
        "areas": list(file.areas), "scope": file.scope, "status": file.status, "parts": _lists(parts),
        "taking_part": sorted(taking_part), "ever": sorted(file.ever),
        "readers": {"__entity": _readers_uid(file)},
    }  # fmt: skip
    return {"uid": subject_uid(file), "attrs": attributes, "parents": []}


def _readers(file: CaseFile, classes: tuple[str, ...]) -> list[Entity]:
    """Of each class the units that read it: by far the largest of the entities, so only where it is asked about."""
    readers = {name: file.readers.get(name, NOBODY) for name in classes}
    return [{"uid": _readers_uid(file), "attrs": _lists(readers), "parents": []}] if readers else []


def _readers_uid(file: CaseFile) -> Entity:
    return {"type": "Readers", "id": file.id}


def _lists(sets: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    return {name: sorted(units) for name, units in sets.items()}


def _attributes(on: Subject) -> Entity:
    given = {} if isinstance(on, Installation) else {name: getattr(on, name) for name in on.__slots__}
    return {name: _value(value) for name, value in given.items() if name != "name"}


def _value(value: object) -> object:
    if isinstance(value, CaseFile):
        return {"__entity": subject_uid(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    return value
