"""``guitu audit``: from the key of an auditor to a bundle, as people type it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api import audit_commands, cli, verify
from engine import bootstrap
from engine.definitions.directory_file import demo_directory, read_directory
from engine.ledger.auditor_file import PublicKey, read_key
from engine.service import signer_folder
from engine.service.desk import kept
from engine.service.signer import Signer
from engine.store.database import Database
from tests.api.conftest import Guitu, make_keys, passphrase_file
from tests.service.town import lay_out

WORDS = "a sentence only I know"
ADMIN = ("--as", "officer-1@gulou-police")
AUDIT = ("--as", "officer-9@gulou-justice")
FOUNDED = {"world", "books", "auditor-1.key"}


def _app() -> typer.Typer:
    """Give the command line with this group alone."""
    app = typer.Typer(cls=cli.House, rich_markup_mode=None)
    app.callback()(cli.root)
    group = typer.Typer(rich_markup_mode=None)
    audit_commands.register(group)
    app.add_typer(group, name="audit")
    return app


APP = _app()


@dataclass(frozen=True, slots=True)
class Audit:
    """The group, pointed at one world."""

    home: Path

    def run(self, *words: str, code: int = 0, language: str = "en") -> Any:
        """Run a command and hold it to its exit code."""
        done = CliRunner().invoke(APP, ["--home", str(self.home), "--language", language, "audit", *words])
        assert done.exit_code == code, (done.exit_code, done.stdout, done.stderr, done.exception)
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command with ``--json`` and read its answer."""
        return json.loads(self.run(*words, "--json", code=code).stdout)


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Give the group in a new world without auditors."""
    for name in ("GUITU_HOME", "GUITU_DATABASE_URL", "GUITU_AS", "GUITU_LANGUAGE", "GUITU_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    home, books = tmp_path / "world", tmp_path / "books"
    books.mkdir()
    lay_out(books)
    monkeypatch.setenv("GUITU_WORKFLOWS", str(books))
    make_keys(home)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(home)))
    Guitu(home).run("db", "upgrade", "--trial")
    with Database.open(f"sqlite:///{home / 'guitu.db'}") as database, kept(database) as work:
        work.save_directory(read_directory(demo_directory()))  # nothing can be loaded in earnest without an auditor
    (home / "keys" / "auditors.json").unlink(missing_ok=True)
    return Audit(home)


def with_passphrase(words: str = WORDS) -> tuple[str, str]:
    """The option that reads the passphrase from a pipe."""
    reading, writing = os.pipe()
    os.write(writing, words.encode() + b"\n")
    os.close(writing)
    return "--passphrase-fd", str(reading)


def new_key(audit: Audit, path: Path, name: str) -> str:
    """Make an open key; its public line."""
    made = audit.json("keygen", "--out", str(path), "--name", name, "--no-passphrase")
    return str(made["public_key"])


def founded(audit: Audit, folder: Path) -> Path:
    """An auditor on the list, whose key file this is."""
    path = folder / "auditor-1.key"
    audit.run("auditor", "add", new_key(audit, path, "auditor-1"), *ADMIN)
    return path


def signed(audit: Audit) -> str:
    """Let a signer of this world sign what there is; the key to verify it with."""
    desk = bootstrap.desk(bootstrap.settings(home=audit.home, log_level="WARNING"))
    folder = audit.home / "signer"
    with desk.database.reading() as work:
        head = work.ledger_head()
    assert head is not None
    if not folder.exists():
        signer_folder.init(folder, head.origin, None)
    Signer(folder, desk.database, lambda: datetime.now(UTC)).sign()
    desk.database.close()
    return signer_folder.SignerFolder(folder).public()[0].to_text()


# ── keys and auditors ──


def test_a_key_is_made_once_and_its_public_half_printed_alone(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "auditor.key"
    done = audit.run("keygen", "--out", str(path), "--name", "auditor-1", *with_passphrase())
    assert path.stat().st_mode & 0o777 == 0o600
    public = PublicKey.from_text(done.stdout.removesuffix("\n"))
    assert public.public == read_key(path.read_bytes(), WORDS).public
    assert str(path) in done.stderr
    before = path.read_bytes()
    assert audit.json("keygen", "--out", str(path), "--name", "a", "--no-passphrase", code=2)["code"]
    assert path.read_bytes() == before


def test_a_key_may_be_shorter_and_open(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "auditor.key"
    made = audit.json("keygen", "--out", str(path), "--name", "auditor-1", "--x25519", "--no-passphrase")
    assert made == {
        "file": str(path),
        "public_key": PublicKey("auditor-1", read_key(path.read_bytes(), None).public).to_text(),
    }
    both = ("keygen", "--out", str(tmp_path / "b"), "--name", "a", "--no-passphrase", *with_passphrase())
    audit.run(*both, code=2)
    audit.run("keygen", "--out", str(tmp_path / "b"), "--name", "a", *with_passphrase("short"), code=2)
    assert not (tmp_path / "b").exists()


def test_until_somebody_reads_the_ledger_it_says_what_to_do(audit: Audit, tmp_path: Path) -> None:
    refused = audit.json("status", *AUDIT, code=10)
    assert refused["code"] == "ledger_not_founded"
    assert "guitu audit auditor add" in refused["message"]
    assert audit.json("auditor", "list", *AUDIT) == []
    founded(audit, tmp_path)
    assert audit.json("status", *AUDIT)["signed"] is None


def test_auditors_are_added_listed_and_removed(audit: Audit, tmp_path: Path) -> None:
    founded(audit, tmp_path)
    second = new_key(audit, tmp_path / "second.key", "auditor-2")
    added = audit.json("auditor", "add", second, *ADMIN)
    assert (added["name"], added["kind"], added["public_key"]) == ("auditor-2", "hybrid", second)
    assert audit.json("auditor", "add", second, *ADMIN, code=6)["code"] == "nothing_to_change"
    assert [one["name"] for one in audit.json("auditor", "list", *AUDIT)] == ["auditor-1", "auditor-2"]
    shown = audit.run("auditor", "list", *AUDIT).stdout
    assert second.split("+")[2] in shown
    assert "is no auditor any more" in audit.run("auditor", "remove", "auditor-1", *ADMIN).stdout
    assert "最后一名" in audit.run("auditor", "remove", "auditor-2", *ADMIN, code=6, language="zh").stderr
    audit.run("auditor", "remove", "auditor-7", *ADMIN, code=2)
    audit.run("auditor", "add", "guitu-auditor+no+such+key", *ADMIN, code=2)


def test_the_state_is_told_in_words(audit: Audit, tmp_path: Path) -> None:
    founded(audit, tmp_path)
    assert "no checkpoint is signed yet" in audit.run("status", *AUDIT).stdout
    signed(audit)
    told = audit.run("status", *AUDIT).stdout
    assert "the last checkpoint covers" in told
    assert "检查点签到第" in audit.run("status", *AUDIT, language="zh").stdout
    found = audit.json("status", *AUDIT)
    assert found["origin"].startswith("guitu.")
    assert found["held"] == []


# ── export ──


def test_an_export_is_whole_its_owners_alone_and_takes_no_other_files_place(audit: Audit, tmp_path: Path) -> None:
    founded(audit, tmp_path)
    out, salts, digests = (tmp_path / name for name in ("bundle", "salts", "digests"))
    assert "guitu signer run --once" in audit.run("export", "--out", str(out), *AUDIT, code=6).stderr
    signed(audit)
    made = audit.json("export", "--out", str(out), "--salts", str(salts), "--digests", str(digests), *AUDIT)
    for path in (out, salts, digests):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_size > 0
    assert json.loads(digests.read_text().splitlines()[0])["tree_size"] == made["digests"]["tree_size"]
    assert json.loads(salts.read_text().splitlines()[0])["complete"] is True
    assert made["bundle"]["size"] > 1
    assert {path.name for path in tmp_path.iterdir()} == FOUNDED | {"bundle", "salts", "digests"}
    before = out.read_bytes()
    audit.run("export", "--out", str(out), *AUDIT, code=2)
    assert out.read_bytes() == before
    audit.run("export", "--out", str(tmp_path / "no" / "folder"), *AUDIT, code=2)
    audit.run("export", "--out", str(tmp_path / "other"), "--case", "GT-1", *AUDIT, code=2)
    assert "exported" in audit.run("export", "--out", str(tmp_path / "other"), *AUDIT).stdout


def test_digests_that_no_checkpoint_covers_are_said_to_be_so(audit: Audit, tmp_path: Path) -> None:
    founded(audit, tmp_path)
    signed(audit)
    words = ("export", "--out", str(tmp_path / "bundle"), "--digests", str(tmp_path / "digests"), "--wait", "0.1")
    assert "--wait" in audit.run(*words, *AUDIT).stderr


def test_a_case_nobody_knows_leaves_no_file(audit: Audit, tmp_path: Path) -> None:
    founded(audit, tmp_path)
    words = ("export", "--out", str(tmp_path / "bundle"), "--salts", str(tmp_path / "salts"), "--case", "GT-1")
    assert audit.json(*words, *AUDIT, code=4)["code"] == "case_unknown"
    assert {path.name for path in tmp_path.iterdir()} == FOUNDED


# ── verifying ──


@pytest.mark.parametrize(("command", "first"), [("verify", []), ("open", ["open"]), ("find", ["find"])])
def test_the_words_of_the_verifier_are_passed_on_as_they_are(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, command: str, first: list[str]
) -> None:
    given = []

    def run(arguments: list[str], language: str) -> int:
        given.append((arguments, language))
        return 2

    monkeypatch.setattr(verify, "run", run)
    words = ["BUNDLE", "--log-key", "a+b+c", "--key", "one", "--key=two", "--json", "--help", "-x", "--as", "nobody"]
    audit.run(command, *words, code=2, language="zh")
    assert given == [([*first, *words], "zh")]


def test_what_was_exported_verifies_with_what_the_auditor_holds(audit: Audit, tmp_path: Path) -> None:
    key = founded(audit, tmp_path)
    signed(audit)
    out, salts, digests = (tmp_path / name for name in ("bundle", "salts", "digests"))
    audit.run("export", "--out", str(tmp_path / "first"), "--salts", str(salts), "--digests", str(digests), *AUDIT)
    log_key = signed(audit)
    audit.run("export", "--out", str(out), *AUDIT)
    brought = ("--log-key", log_key, "--key", str(key), "--salts", str(salts), "--digests", str(digests))
    told = audit.run("verify", str(out), *brought, "--remembered", str(tmp_path / "remembered"), "--first")
    assert told.stdout
    data = bytearray(out.read_bytes())
    data[len(data) // 2] ^= 1
    out.write_bytes(bytes(data))
    audit.run("verify", str(out), *brought, code=1)
