"""The world a command works in: its settings, its rule books and its desk, each made when first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api import sign_in_file
from api.passphrase import passphrase
from api.speech import Speech
from engine import bootstrap
from engine.core.commands import Actor
from engine.errors import AsNotHere
from engine.service import sessions, vault_keys
from engine.service.actors import read_acting, read_actor
from engine.service.auditors import Auditors
from engine.service.desk import Desk
from engine.service.installation import DEMO_AUDIT
from engine.service.trial import is_trial
from engine.service.trial_ledger import TrialLedger

if TYPE_CHECKING:
    from engine.bootstrap import Library, Settings


@dataclass(slots=True)
class World:
    """One installation as the command line was pointed at it."""

    home: Path | None = None
    database: str | None = None
    language: str | None = None
    passphrase_fd: int | None = None
    passphrase_file: Path | None = None
    speech: Speech = field(default_factory=Speech)
    _library: Library | None = None
    _desk: Desk | None = None
    _passphrase: str | None = None

    @staticmethod
    def of(ctx: typer.Context) -> World:
        """The world of this run."""
        found = ctx.find_root().obj
        assert isinstance(found, World), "the root command makes it"
        return found

    @property
    def settings(self) -> Settings:
        """What was given on the command line, else what the environment says. Logs only what matters."""
        return bootstrap.settings(
            home=self.home, database=self.database, language=self.language, log_level="WARNING",
            passphrase_file=self.passphrase_file,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The address of the database."""
        return self.settings.database_url

    @property
    def library(self) -> Library:
        """Every definition; the process does not work with a bad one."""
        if self._library is None:
            self._library = bootstrap.library(self.settings.workflows)
        return self._library

    @property
    def desk(self) -> Desk:
        """The desk, opened once."""
        if self._desk is None:
            self._desk = bootstrap.desk(self.settings, books=self.library, passphrase=self.passphrase)
        return self._desk

    def passphrase(self) -> str:
        """The passphrase of the key file, from where the command line says, else asked for; asked once."""
        if self._passphrase is None:
            self._passphrase = passphrase(self.speech, self.passphrase_fd)
        return self._passphrase

    def words(self) -> str:
        """The passphrase, wherever it comes from: for writing the key file anew."""
        kept = self.settings.passphrase_file
        return self.passphrase() if kept is None else vault_keys.passphrase_in(kept)

    def actor(self, words: str) -> Actor:
        """Who acts: whoever is signed in, for the unit and as what ``--as`` says; else for the only unit of hers.

        In a world for trial whoever ``--as`` names is believed. Raises :class:`AsNotHere`, :class:`CommandMalformed`,
        and what :func:`engine.service.sessions.present` raises.
        """
        said, kept = read_acting(words), sign_in_file.read(self.settings.sign_in)
        if (said.person is not None or kept is None) and is_trial(self.desk):
            return read_actor(words)
        if said.person is not None and (kept is None or said.person != kept.person):
            raise AsNotHere(
                "本系统须先登录（guitu login），不以 --as 所写的人为准；--as 只写 @单位 或 @单位:角色",
                "whom --as names is not believed here: sign in (guitu login), then say --as @UNIT or @UNIT:ROLE",
            )
        if kept is None:
            raise sessions.not_signed_in()
        unit = said.unit or kept.unit
        role = said.role or (kept.role if unit == kept.unit else None)
        return sessions.present(self.desk, kept.token, unit=unit, role=role)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if self._desk is not None:
            bootstrap.close(self._desk)
            self._desk = None


def found_ledger(world: World) -> TrialLedger:
    """Give a world for trial a ledger; its keys lie in its own folder."""
    settings = world.settings
    made = TrialLedger(settings.home / DEMO_AUDIT)
    made.found(Auditors(settings.auditors), world.desk.scribe)
    return made
