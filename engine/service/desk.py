"""What stands on the desk: the store, the rule books, the unit directory, the clock and the vault."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.access.gate import Gate
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.core.machine import Rules, compile_rules
from engine.core.view import CHINA, default_parameters
from engine.credentials.passkeys import Site
from engine.definitions.loader import Library
from engine.errors import (
    ClockBehind,
    ContentUnreadable,
    DefinitionEdited,
    DefinitionNotReleased,
    DefinitionUnknown,
    GuituError,
    KeyFileDamaged,
    KeyForeign,
    KeyMaterialDamaged,
    KeysMissing,
    LedgerNotFounded,
    PassphraseWrong,
    SchemaBehind,
    StoreFull,
    StoreUnavailable,
    UnitUnknown,
)
from engine.service.released import Released, read_released
from engine.service.safe import Safe
from engine.service.webhook_addresses import Networks
from engine.store.database import Database
from engine.store.work import Work

if TYPE_CHECKING:
    from engine.credentials.provider import Provider
    from engine.service.account import Account
    from engine.service.scribe import Scribe

NOT_REFUSALS = (
    ClockBehind, StoreUnavailable, StoreFull, SchemaBehind, KeysMissing, PassphraseWrong, KeyFileDamaged, KeyForeign,
    KeyMaterialDamaged, ContentUnreadable, LedgerNotFounded,
)  # fmt: skip
"""Errors of the machine, not answers to the person: nothing was judged, so no refusal is on record."""
DIRECTORY_SECONDS = 1.0
"""How long a process may work with the directory and settings it read last."""


@cache
def shipped_gate() -> Gate:
    """The gate of the policies that ship, opened once in a process."""
    return Gate.opened()


def no_probe(step: int) -> None:
    """Do nothing at each of the ten steps (tests put a knife here)."""


@contextmanager
def kept(database: Database, about_to_commit: Callable[[], None] = lambda: None) -> Iterator[Work]:
    """One writing transaction, kept when the block ends well: the only place that commits.

    It enters nothing into the ledger: whoever changes or reads a record goes through :meth:`Desk.changing` and
    :meth:`Desk.reading`. ``about_to_commit`` is called when from then on nobody may know how it ends.
    """
    with database.writing() as work:
        yield work
        about_to_commit()
        work.commit()


@dataclass
class Books:
    """The rule books by hash: those that shipped with the program, and those that running cases are pinned to.

    Only what ships *and* is released in this installation may open cases: a book found in the store serves the cases
    pinned to it and no others.
    """

    rules: dict[str, Rules]
    _found: dict[str, Rules] = field(default_factory=dict)

    @staticmethod
    def of(library: Library) -> Books:
        """Compile what was loaded."""
        return Books({loaded.hash: compile_rules(loaded.definition, loaded.hash) for loaded in library.definitions})

    def in_force(self, definition: str, today: date, released: Released) -> Rules:
        """The version of a definition that cases open on today: the newest release whose day has come.

        Raises :class:`DefinitionNotReleased`; :class:`DefinitionUnknown` when there is no such definition here or its
        time is over.
        """
        if all(rules.definition.id != definition for rules in self.rules.values()):
            raise _no_definition(definition)
        if all(one.id != definition for one in released.releases):
            raise DefinitionNotReleased(
                f"流程定义 {definition} 尚未在本系统发布，不能据以立案；请由两个不同单位的流程审定人"
                "分别执行 guitu definitions approve，再执行 guitu definitions release",
                f"definition {definition} is not released here, so no case may open on it: let approvers of two "
                "different offices run guitu definitions approve, then run guitu definitions release",
                definition=definition,
            )
        newest = released.newest(definition, self.begins(), today)
        rules = None if newest is None else self.rules.get(newest.hash)
        if newest is not None and rules is None:
            raise DefinitionUnknown(
                f"已发布的 {newest.name} 不在本程序所带的流程定义中",
                f"{newest.name} is released, but this program does not ship it",
                definition=definition,
                hash=newest.hash,
            )
        if rules is None or not _is_going_on(rules.definition, today):
            raise _no_definition(definition)
        return rules

    def begins(self) -> dict[str, date]:
        """The day from which each definition may open cases, by hash."""
        return {digest: rules.definition.effective.since for digest, rules in self.rules.items()}

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


def _no_definition(name: str) -> DefinitionUnknown:
    return DefinitionUnknown(f"没有现行的流程定义 {name}", f"no definition {name} is in force", definition=name)


def _is_going_on(definition: Definition, today: date) -> bool:
    until = definition.effective.until
    return until is None or today <= until


@dataclass
class Desk:
    """Everything a request needs. Wired in one place, ``engine.bootstrap``.

    ``gate`` judges by the policies, those that ship if no other is given. ``attachments`` is the folder of encrypted
    files; a desk without one takes none. ``site`` is whom passkeys are for (none: there are none). ``webhook_networks``
    are those of this installation's own network that notices may be sent to. ``provider`` is the identity provider
    people may sign in by (none: there is none).
    """

    database: Database
    books: Books
    clock: Callable[[], datetime]
    new_pseudonym: Callable[[], str]
    safe: Safe
    scribe: Scribe
    attachments: Path | None = None
    site: Site | None = None
    provider: Provider | None = None
    gate: Gate = field(default_factory=shipped_gate)
    webhook_networks: Networks = field(default_factory=Networks)
    probe: Callable[[int], None] = no_probe
    _directory: Directory | None = None
    _released: Released | None = None
    _settings: dict[str, dict[str, object]] = field(default_factory=dict)
    _read_at: float = 0.0

    # ── what is done is entered ──

    @contextmanager
    def writing(self, account: Account) -> Iterator[Work]:
        """One writing transaction with its entry in the ledger: both are kept, or neither."""
        with self.scribe.entering() as (lent, work):
            yield work
            lent.enter(account, work)

    @contextmanager
    def changing(self, account: Account) -> Iterator[Work]:
        """The same; a refusal is entered before it is raised. When that cannot be done, the fault is raised instead."""
        try:
            with self.writing(account) as work:
                yield work
        except NOT_REFUSALS:
            raise
        except GuituError as refusal:
            account.refused(refusal)
            self.scribe.enter(account)
            raise

    @contextmanager
    def reading(self, account: Account) -> Iterator[Work]:
        """One reading transaction. When the block has ended, it is entered, refused or not; only then it is released.

        Raises what entering raises: what cannot be entered is not shown.
        """
        with self.ahead(account) as work:
            yield work
        self.scribe.enter(account)

    @contextmanager
    def ahead(self, account: Account) -> Iterator[Work]:
        """A reading transaction ahead of long work, which is entered once it is done: here a refusal alone is."""
        try:
            with self.database.reading() as work:
                yield work
        except NOT_REFUSALS:
            raise
        except GuituError as refusal:
            account.refused(refusal)
            self.scribe.enter(account)
            raise

    # ── what is read again and again ──

    def directory(self, work: Work) -> Directory:
        """The unit directory, read again when it is older than a second."""
        found = self._directory
        if found is None or time.monotonic() - self._read_at > DIRECTORY_SECONDS:
            found = self._directory = work.load_directory()
            self._released = None
            self._settings.clear()
            self._read_at = time.monotonic()
        return found

    def parameters(self, rules: Rules, work: Work) -> Mapping[str, object]:
        """The definition's parameters: its defaults, overlaid with the settings of this installation."""
        known = self._settings.get(rules.hash)
        if known is None:
            known = {**default_parameters(rules.definition), **work.settings_of(rules.definition.id)}
            self._settings[rules.hash] = known
        return known

    def released(self, work: Work) -> Released:
        """What this installation has released, verified; read again with the directory.

        Raises :class:`ReleaseBroken` when somebody changed it behind the engine.
        """
        self.directory(work)
        found = self._released
        if found is None:
            shelf = {digest: rules.definition for digest, rules in self.books.rules.items()}
            found = self._released = read_released(work, shelf)
        return found

    def today(self) -> date:
        """The day it is in China."""
        return self.clock().astimezone(CHINA).date()

    def forget(self) -> None:
        """Read directory, settings and releases anew at the next request."""
        self._directory = None

    def rules_for_area(self, area: str, definition: str | None, work: Work) -> Rules:
        """The rules that open a new record in this area today."""
        name = definition or self.directory(work).definition_for(area)
        if name is None:
            raise UnitUnknown(f"地区 {area} 没有适用的流程定义", f"no definition applies in area {area}", area=area)
        return self.books.in_force(name, self.today(), self.released(work))
