"""A world for the command line, and a way to speak to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer import testing
from typer.testing import CliRunner

from api.cli import app
from engine import bootstrap
from engine.service import keyfile, vault_keys
from engine.service.trial import release_all
from engine.vault.roots import Cost
from tests.signed import keep_sign_in

POLICE = ("--as", "officer-1@gulou-police")
CIVIL = ("--as", "officer-2@gulou-civil-affairs")
PASSPHRASE = "a passphrase of tests"
CHEAP = Cost(1, 1, 8 * 8)
"""Argon2id at its least: what it costs is tested in ``tests/vault``."""


# Every run would make the whole tree of commands anew, which takes longer than most commands.
testing._get_command = cache(testing._get_command)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Guitu:
    """The command line, pointed at one world."""

    home: Path

    def run(self, *words: str, code: int = 0, language: str = "en") -> Any:
        """Run a command and hold it to its exit code."""
        done = CliRunner().invoke(app, ["--home", str(self.home), "--language", language, *words])
        assert done.exit_code == code, (done.exit_code, done.stdout, done.stderr, done.exception)
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command with ``--json`` and read its answer."""
        return json.loads(self.run(*words, "--json", code=code).stdout)


@dataclass(frozen=True, slots=True)
class SigningIn(Guitu):
    """The command line, pointed at an installation: whoever ``--as`` names has signed in, if she is enrolled there."""

    file: Path
    _kept: dict[str, bytes] = field(default_factory=dict)

    def run(self, *words: str, code: int = 0, language: str = "en") -> Any:
        """Run a command as whoever ``--as`` names, and hold it to its exit code."""
        if "--as" in words:
            self.sign_in(words[words.index("--as") + 1].partition("@")[0])
        return Guitu.run(self, *words, code=code, language=language)

    def sign_in(self, person: str) -> None:
        """Let somebody be the one who is signed in; nobody if she is not enrolled."""
        self.file.unlink(missing_ok=True)
        if person not in self._kept:
            desk = bootstrap.desk(bootstrap.settings(home=self.home, log_level="WARNING"))
            with desk.database.reading() as work:
                known = work.member(person)
            if known is not None and known.deactivated_at is None:
                keep_sign_in(desk, person, self.file)
                self._kept[person] = self.file.read_bytes()
            bootstrap.close(desk)
        else:
            keyfile.write_new(self.file, self._kept[person])


def passphrase_file(home: Path) -> Path:
    """Where a world's passphrase lies."""
    return home / "keys" / "passphrase"


def make_keys(home: Path) -> None:
    """Make the root keys of a world, and the file that holds their passphrase."""
    vault_keys.init(home / "keys" / "root.json", PASSPHRASE, bootstrap.now(), work=None, cost=CHEAP)
    keyfile.write_new(passphrase_file(home), f"{PASSPHRASE}\n".encode())


def found_ledger(guitu: Guitu) -> None:
    """Give a world an auditor, whose key lies open in it: without one nothing is done there."""
    folder = guitu.home / "audit"
    folder.mkdir()
    words = ("--out", str(folder / "auditor.key"), "--name", "auditor-1", "--no-passphrase", "--x25519")
    line = guitu.run("audit", "keygen", *words).stdout.strip()
    guitu.run("audit", "auditor", "add", line, "--as", "auditor-1@audit-office")


@pytest.fixture(scope="session")
def world_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a world with the demo directory, what ships released, and no case, to copy from."""
    home = tmp_path_factory.mktemp("home") / "world"
    guitu = Guitu(home)
    settings = bootstrap.settings(home=home, log_level="WARNING")
    make_keys(home)
    guitu.run("db", "upgrade", "--trial")
    found_ledger(guitu)
    root = Path(__file__).resolve().parents[2]
    guitu.run("directory", "load", str(root / "workflows" / "directory" / "demo.yaml"))
    desk = bootstrap.desk(settings, passphrase=lambda: PASSPHRASE)
    release_all(desk, (rules.definition for rules in desk.books.rules.values()))
    bootstrap.close(desk)
    return home


@pytest.fixture
def guitu(world_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guitu:
    """Give the command line in a fresh world; nothing of the environment reaches it."""
    for name in (
        "GUITU_HOME",
        "GUITU_DATABASE_URL",
        "GUITU_LANGUAGE",
        "GUITU_AS",
        "GUITU_LOG_LEVEL",
        "GUITU_WORKFLOWS",
        "GUITU_KEY_FILE",
        "GUITU_SIGN_IN_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "world"
    shutil.copytree(world_template, home)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(home)))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Guitu(home)


@pytest.fixture
def opened(guitu: Guitu) -> Callable[..., str]:
    """Give a way to open a victim's record; it answers the pseudonym."""

    def open_(*facts: str) -> str:
        words = [word for fact in ("victim.suspected_trafficked=true", *facts) for word in ("--fact", fact)]
        return str(guitu.json("case", "open", "--area", "350102", *words, *POLICE)["case"])

    return open_
