"""What somebody reads of the rule books through a door that knows who she is: asked of the policies, and entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.commands import Actor
from engine.definitions.coverage import Coverage
from engine.definitions.loader import Library, Loaded
from engine.definitions.view import provenance_counts
from engine.service import definitions as books
from engine.service import release
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import permit_act


@dataclass(frozen=True, slots=True)
class Book:
    """A definition as loaded, how it stands in this installation, and its elements counted by kind and provenance.

    ``standing`` is ``released`` or ``superseded`` here, else ``draft`` or ``candidate`` as the file says.
    """

    loaded: Loaded
    standing: str
    provenance: Mapping[str, Mapping[str, int]]


def every(desk: Desk, library: Library, actor: Actor) -> list[Book]:
    """Every definition that is loaded. Raises :class:`NotPermitted`."""
    standing = release.standing(desk, actor)
    return [_book(loaded, standing) for loaded in library.definitions]


def one(desk: Desk, library: Library, name: str, actor: Actor) -> Book:
    """A definition by its ``id`` (the newest) or ``id@version``.

    Raises :class:`DefinitionUnknown`, :class:`NotPermitted`.
    """
    loaded = books.find(library, name)
    account = Account("definition:show", actor, definition=loaded.hash)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "read_definitions", "reader")
        standing = desk.released(work).standing(desk.books.begins(), desk.today())
    return _book(loaded, standing)


def coverage(desk: Desk, library: Library, name: str, actor: Actor) -> Coverage:
    """A definition held against the clauses of its document.

    Raises :class:`DefinitionUnknown`, :class:`NotPermitted`.
    """
    found = one(desk, library, name, actor)
    (table,) = books.covered(library, found.loaded.name)
    return table


def _book(loaded: Loaded, standing: Mapping[str, str]) -> Book:
    definition = loaded.definition
    return Book(loaded, standing.get(loaded.hash, definition.status), provenance_counts(definition))
