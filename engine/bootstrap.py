"""The only wiring: Settings -> Desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.credentials.passkeys import Site
from engine.definitions.loader import Library, load_all
from engine.errors import GuituError
from engine.service import sequencer, vault_keys
from engine.service.auditors import Auditors
from engine.service.desk import Books, Desk
from engine.service.log import configure, log
from engine.service.safe import Safe
from engine.service.scribe import Scribe
from engine.service.webhook_addresses import Networks
from engine.settings import Settings
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym

if TYPE_CHECKING:
    from engine.credentials.provider import Provider

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


def provider_of(of: Settings) -> Provider | None:
    """The identity provider of an installation, if it has one; nothing is asked of it yet.

    Raises :class:`ProviderMissing` where something it takes is not said, or is said to go by an open line.
    """
    if of.oidc_issuer is None:
        return None
    from engine.service.provider import provider_at  # takes a while to load, and few processes need it

    return provider_at(of.oidc_issuer, of.oidc_client_id, of.oidc_redirect, of.oidc_client_secret_file)


def desk(of: Settings, *, books: Library | None = None, passphrase: Callable[[], str] | None = None) -> Desk:
    """A desk ready for work.

    The root keys are opened when something sealed is first needed: with the passphrase in ``GUITU_PASSPHRASE_FILE``,
    else with the one that ``passphrase`` asks for. The process does not start with a bad definition, an old schema or a
    release that somebody tampered with.
    """
    configure(of.log_level)
    networks, provider = Networks.read(of.webhook_networks), provider_of(of)
    shelf = books if books is not None else library(of.workflows)
    database = Database.open(of.database_url)
    safe = Safe(lambda: vault_keys.opened(of.root_keys, of.passphrase_file, passphrase), now)
    made = Desk(
        database=database, books=Books.of(shelf), clock=now, new_pseudonym=new_pseudonym, safe=safe,
        scribe=Scribe(database, Auditors(of.auditors).keys, now), attachments=of.attachments, site=Site.at(of.origins),
        webhook_networks=networks, provider=provider,
    )  # fmt: skip
    try:
        with database.reading() as work:
            made.released(work)
    except GuituError:
        database.close()
        raise
    return made
