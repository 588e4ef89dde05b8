"""What stands on the desk: the store, the rule books, the unit directory, the clock and the seam of content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.core.machine import Rules, compile_rules
from engine.core.view import CHINA, default_parameters
from engine.definitions.loader import Library
from engine.errors import DefinitionEdited, DefinitionUnknown, UnitUnknown
from engine.service.content import Content, PlainContent
from engine.store.database import Database
from engine.store.work import Work

DIRECTORY_SECONDS = 1.0
"""How long a process may work with the directory and settings it read last."""


def no_probe(step: int) -> None:
    """Do nothing at each of the ten steps (tests put a knife here)."""


@contextmanager
def kept(database: Database) -> Iterator[Work]:
    """One writing transaction, kept when the block ends well: the only place that commits."""
    with database.writing() as work:
        yield work
        work.commit()


@dataclass
class Books:
    """The rule books by hash: those that shipped with the program, and those that running cases are pinned to.

    Only what ships may open cases: a book found in the store serves the cases pinned to it and no others.
    """

    rules: dict[str, Rules]
    _found: dict[str, Rules] = field(default_factory=dict)

    @staticmethod
    def of(library: Library) -> Books:
        """Compile what was loaded."""
        return Books({loaded.hash: compile_rules(loaded.definition, loaded.hash) for loaded in library.definitions})

    def in_force(self, definition: str, today: date) -> Rules:
        """The newest version of a definition that may open cases today. Raises :class:`DefinitionUnknown`."""
        fitting = [
            rules
            for rules in self.rules.values()
            if rules.definition.id == definition and _in_force(rules.definition, today)
        ]
        if not fitting:
            raise DefinitionUnknown(
                f"没有现行的流程定义 {definition}", f"no definition {definition} is in force", definition=definition
            )
        return max(fitting, key=lambda rules: (rules.definition.effective.since, rules.definition.version))

    def pinned(self, digest: str, work: Work) -> Rules:
        """The rules a case is pinned to; read from the store when this program no longer ships them.

        Raises :class:`DefinitionUnknown`; :class:`DefinitionEdited` when the stored book is not the one of that hash.
        """
        rules = self.rules.get(digest) or self._found.get(digest)
        if rules is None:
            rules = self._found[digest] = _read_from_store(digest, work)
        return rules


def _read_from_store(digest: str, work: Work) -> Rules:
    body = work.pinned_definition(digest)
    if body is None:
        raise DefinitionUnknown(f"没有流程定义 {digest[:12]}", f"no definition {digest[:12]}", hash=digest)
    if hashlib.sha256(body).hexdigest() != digest:
        raise DefinitionEdited(
            f"存储的流程定义 {digest[:12]} 被改动", f"the stored definition {digest[:12]} was changed", hash=digest
        )
    return compile_rules(Definition.model_validate_json(body), digest)


def _in_force(definition: Definition, today: date) -> bool:
    effective = definition.effective
    return effective.since <= today and (effective.until is None or today <= effective.until)


@dataclass
class Desk:
    """Everything a request needs. Wired in one place, ``engine.bootstrap``."""

    database: Database
    books: Books
    clock: Callable[[], datetime]
    new_pseudonym: Callable[[], str]
    content: Content = field(default_factory=PlainContent)
    probe: Callable[[int], None] = no_probe
    _directory: Directory | None = None
    _settings: dict[str, dict[str, object]] = field(default_factory=dict)
    _read_at: float = 0.0

    def directory(self, work: Work) -> Directory:
        """The unit directory, read again when it is older than a second."""
        if self._directory is None or time.monotonic() - self._read_at > DIRECTORY_SECONDS:
            self._directory = work.load_directory()
            self._settings.clear()
            self._read_at = time.monotonic()
        return self._directory

    def parameters(self, rules: Rules, work: Work) -> Mapping[str, object]:
        """The definition's parameters: its defaults, overlaid with the settings of this installation."""
        known = self._settings.get(rules.hash)
        if known is None:
            known = {**default_parameters(rules.definition), **work.settings_of(rules.definition.id)}
            self._settings[rules.hash] = known
        return known

    def forget(self) -> None:
        """Read directory and settings anew at the next request."""
        self._directory = None

    def rules_for_area(self, area: str, definition: str | None, work: Work) -> Rules:
        """The rules that open a new record in this area today."""
        name = definition or self.directory(work).definition_for(area)
        if name is None:
            raise UnitUnknown(f"地区 {area} 没有适用的流程定义", f"no definition applies in area {area}", area=area)
        return self.books.in_force(name, self.clock().astimezone(CHINA).date())
