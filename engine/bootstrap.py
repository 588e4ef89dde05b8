"""The only wiring: Settings -> Desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.definitions.loader import Library, load_all
from engine.errors import GuituError
from engine.service import sequencer, vault_keys
from engine.service.auditors import Auditors
from engine.service.desk import Books, Desk
from engine.service.log import configure, log
from engine.service.safe import Safe
from engine.service.scribe import Scribe
from engine.settings import Settings
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym

__all__ = ["Library", "Settings", "desk", "library", "now", "settings"]


def now() -> datetime:
    """The one clock of the house, in UTC."""
    return datetime.now(UTC)


def settings(
    *, home: Path | None = None, database: str | None = None, language: str | None = None, log_level: str = "INFO",
    passphrase_file: Path | None = None,
) -> Settings:  # fmt: skip
    """The settings of this process: what is given, else what its environment says."""
    found = Settings.from_environment(home=home, database=database, language=language, log_level=log_level)
    return found if passphrase_file is None else replace(found, passphrase_file=passphrase_file)


def library(root: Path | None = None) -> Library:
    """Every definition under ``root`` (the shipped ones by default). Raises :class:`DefinitionBroken`."""
    return load_all(root)


def close(used: Desk) -> None:
    """Leave a desk in order: what it entered into the ledger gets its place, unless a worker is at it, and all is shut.

    What cannot be done now is done by the worker, or by whoever closes a desk next.
    """
    try:
        used.scribe.close()
        sequencer.sequence_all(used.database)
    except GuituError as fault:
        log("ledger_left_waiting", code=fault.code)
    finally:
        used.database.close()


def desk(of: Settings, *, books: Library | None = None, passphrase: Callable[[], str] | None = None) -> Desk:
    """A desk ready for work.

    The root keys are opened when something sealed is first needed: with the passphrase in ``GUITU_PASSPHRASE_FILE``,
    else with the one that ``passphrase`` asks for. The process does not start with a bad definition, an old schema or a
    release that somebody tampered with.
    """
    configure(of.log_level)
    shelf = books if books is not None else library(of.workflows)
    database = Database.open(of.database_url)
    safe = Safe(lambda: vault_keys.opened(of.root_keys, of.passphrase_file, passphrase), now)
    made = Desk(
        database=database, books=Books.of(shelf), clock=now, new_pseudonym=new_pseudonym, safe=safe,
        scribe=Scribe(database, Auditors(of.auditors).keys, now), attachments=of.attachments,
    )  # fmt: skip
    try:
        with database.reading() as work:
            made.released(work)
    except GuituError:
        database.close()
        raise
    return made
