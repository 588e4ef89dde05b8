"""Every command is entered in the ledger as what it says, or it is written here why it enters nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.cli import app
from engine.ledger.auditor_file import read_key
from engine.ledger.event import ACTS
from engine.store.database import Database
from tests.api.conftest import Guitu
from tests.api.entered import ADMIN, AUDIT, DONE, ENTERS, ENTERS_NOTHING, FORM, NOTHING, REFUSED
from tests.service.ledger_export.reading import acts


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
        return
    for name, inner in below.items():
        yield from _commands(inner, (*path, name))


def _named(command: str) -> str:
    """As what it stands here: as itself, or with its whole group."""
    group = command.split()[0]
    return command if command in ENTERS or group not in ENTERS_NOTHING else group


def _standing_nowhere(commands: set[str]) -> set[str]:
    return {_named(command) for command in commands} ^ {*ENTERS, *ENTERS_NOTHING}


def test_of_every_command_it_is_written_as_what_it_is_entered() -> None:
    known = set(_commands(typer.main.get_command(app), ()))
    assert _standing_nowhere(known) == set()
    assert set(ENTERS) & set(ENTERS_NOTHING) == set()
    assert {act for declared in ENTERS.values() for act in declared} <= set(ACTS)
    assert _standing_nowhere({*known, "case peek", "peek"} - {"case show"}) == {"case peek", "peek", "case show"}


# ── in a world ──


@dataclass(slots=True)
class Watched:
    """A world whose ledger is read after every command: whatever came of it, it is in the ledger."""

    guitu: Guitu
    folder: Path
    case: str
    before: list[Any] = field(default_factory=list)

    def entered(self) -> list[Any]:
        """The acts in the ledger, waiting ones too, without what the ledger says of itself."""
        key = read_key((self.guitu.home / "audit" / "auditor.key").read_bytes(), None)
        with closing(Database.open(f"sqlite:///{self.guitu.home / 'guitu.db'}")) as database:
            return acts(database, key)

    def came_of(self, *words: str) -> tuple[int, list[Any]]:
        """The exit code of a command, and what was entered."""
        words = tuple(word.format(case=self.case, folder=self.folder) for word in words)
        done = CliRunner().invoke(app, ["--home", str(self.guitu.home), "--language", "en", *words])
        assert "Usage:" not in done.stderr, done.stderr
        assert done.exit_code != 70, done.stderr
        before, self.before = self.before, self.entered()
        assert self.before[: len(before)] == before
        return done.exit_code, self.before[len(before) :]


@pytest.fixture
def watched(guitu: Guitu, opened: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Give a world with one case that is open, and files to use."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "form.json").write_text(json.dumps(FORM), encoding="utf-8")
    (folder / "page.txt").write_text("a page", encoding="utf-8")
    (folder / "page.exe").write_bytes(b"\x00")
    made = Watched(guitu, folder, opened())
    made.before = made.entered()
    return made


def test_what_is_done_is_entered_as_what_it_is(watched: Watched) -> None:
    for command, words in DONE:
        code, entered = watched.came_of(*command.split(), *words)
        assert (command, code, tuple(entered)) == (command, 0, ENTERS[command])


def test_what_is_refused_is_entered_as_what_it_is(watched: Watched) -> None:
    for command, words in REFUSED:
        code, entered = watched.came_of(*command.split(), *words)
        assert (command, tuple(entered)) == (command, ENTERS[command][-1:])
        assert code in (2, 4, 5, 6), (command, code)


def test_what_enters_nothing_enters_nothing_and_what_is_taken_along_is_entered(watched: Watched) -> None:
    watched.came_of("backup", "create", "{folder}/backup")
    for command, words in NOTHING:
        assert _named(command) in ENTERS_NOTHING
        assert (command, watched.came_of(*command.split(), *words)) == (command, (0, []))
    for command in ("signer rotate", "signer drop-old-key", "signer restart"):
        reason = ("--reason", "restored_backup") if command == "signer restart" else ()
        _code, entered = watched.came_of(*command.split(), *reason, *ADMIN)
        assert (command, tuple(entered)) == (command, ENTERS[command])
    beside = ("--salts", "{folder}/salts", "--digests", "{folder}/digests")
    code, entered = watched.came_of("audit", "export", "--out", "{folder}/bundle", *beside, *AUDIT)
    assert (code, tuple(entered)) == (0, ENTERS["audit export"])
    third = ("--out", str(watched.folder / "third.key"), "--name", "auditor-3", "--no-passphrase")
    line = watched.guitu.run("audit", "keygen", *third).stdout.strip()
    assert watched.came_of("audit", "auditor", "add", line, *ADMIN) == (0, ["auditor:add"])
    assert watched.came_of("audit", "auditor", "remove", "auditor-3", *ADMIN) == (0, ["auditor:remove"])
    demo = Path(__file__).resolve().parents[2] / "workflows" / "directory" / "demo.yaml"
    assert watched.came_of("directory", "load", str(demo)) == (0, ["directory:load"])


def test_without_an_auditor_nothing_is_done_and_nothing_is_shown(watched: Watched) -> None:
    (watched.guitu.home / "keys" / "auditors.json").unlink()
    for command, words in (*DONE[:1], *DONE[4:6], *DONE[9:13]):
        code, entered = watched.came_of(*command.split(), *words)
        assert (command, code, entered) == (command, 10, [])
