"""``guitu signer``, as people type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine.core.commands import Actor
from engine.ledger.note import Checkpoint, VerifierKey, open_checkpoint
from engine.ledger.tree import Frontier
from engine.service.auditors import Auditors, add, make_key
from engine.service.desk import kept
from engine.service.sequencer import sequence_all
from engine.store.database import Database
from tests import timestamping
from tests.conftest import Database as Base
from tests.core.play import directory, unit
from tests.keys import scribe
from tests.service.processes import ROOT
from tests.service.signer.ground import grow, head, last, put

WORDS = "a long passphrase"


@dataclass(frozen=True, slots=True)
class Typed:
    """The command line, pointed at one world and its database."""

    home: Path
    url: str

    def run(self, *words: str, code: int = 0) -> str:
        options = ["--home", str(self.home), "--database", self.url, "--language", "en"]
        done = CliRunner().invoke(app, [*options, "signer", *words])
        assert done.exit_code == code, (done.exit_code, done.output, done.exception)
        return done.output

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code))


@pytest.fixture
def typed(tmp_path: Path, database: Base, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Give the command line, with the passphrase of the signer in a file."""
    file = tmp_path / "passphrase"
    file.write_text(f"{WORDS}\n")
    file.chmod(0o600)
    monkeypatch.setenv("GUITU_SIGNER_PASSPHRASE_FILE", str(file))
    monkeypatch.setenv("GUITU_AS", "admin-1@town-hall")
    return Typed(tmp_path / "home", database.app_url)


def found(typed: Typed, store: Database) -> None:
    """Give the world an auditor and the unit of an administrator: what is done to the signer is judged, and entered."""
    with kept(store) as work:
        work.save_directory(directory(unit("town-hall", "900000", "civil_affairs")))
    (typed.home / "keys").mkdir(parents=True)
    line = make_key(typed.home / "auditor.key", "auditor-1", None, is_hybrid=False)
    add(Auditors(typed.home / "keys" / "auditors.json"), scribe(store), line, Actor("admin-1", "town-hall"))
    sequence_all(store)


def now(store: Database) -> Checkpoint:
    """The tree as the head of the log has it."""
    at = head(store)
    return Checkpoint(at.origin, at.size, Frontier.from_bytes(at.frontier).root())


def test_a_signer_is_made_signs_changes_its_key_and_begins_anew(typed: Typed, store: Database) -> None:
    found(typed, store)
    old = VerifierKey.from_text(typed.json("init")["key"])
    assert b"ENCRYPTED" in (typed.home / "signer" / "key.pem").read_bytes()
    assert typed.json("init", code=6)["code"] == "signer_refused"
    grow(store, 20)
    signed = typed.json("run", "--once")
    assert open_checkpoint(signed["note"].encode(), old)[0] == now(store)
    assert old.to_text() in typed.run("status")
    new = VerifierKey.from_text(typed.json("rotate")["key"])
    note = typed.json("run", "--once")["note"].encode()
    size = head(store).size
    assert open_checkpoint(note, old)[0] == open_checkpoint(note, new)[0] == now(store)
    assert typed.json("status")["keys"] == [new.to_text(), old.to_text()]
    assert typed.json("drop-old-key")["key"] == new.to_text()
    put(store, range(3))
    refused = typed.json("run", "--once", code=6)
    assert "entries are gone" in refused["message"]
    told = typed.json("restart", "--reason", "restored_backup")
    assert (told["signed_size"], told["found_size"]) == (size, 3)
    note = typed.json("run", "--once")["note"].encode()
    assert head(store).size > 3, "beginning anew is entered itself"
    assert open_checkpoint(note, VerifierKey.from_text(told["key"]))[0] == now(store)
    assert "/2" in typed.run("status")
    typed.run("restart", "--reason", "restored_backup", code=6)
    typed.run("restart", "--reason", "because", code=2)


def test_a_wrong_passphrase_opens_nothing_and_an_open_key_needs_none(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    typed.run("init", "--no-passphrase", "--folder", str(tmp_path / "open"))
    typed.run("init")
    monkeypatch.delenv("GUITU_SIGNER_PASSPHRASE_FILE")
    typed.run("run", "--once", code=2)
    assert "guitu." in typed.run("run", "--once", "--folder", str(tmp_path / "open"))
    (tmp_path / "passphrase").write_text("another passphrase\n")
    wrong = typed.json("run", "--once", "--passphrase-file", str(tmp_path / "passphrase"), code=10)
    assert wrong["code"] == "passphrase_wrong"


def test_a_timestamp_is_asked_for_and_kept_online_and_by_files(typed: Typed, store: Database, tmp_path: Path) -> None:
    authority = timestamping.founded(tmp_path / "authority")
    (tmp_path / "root.pem").write_bytes(authority.root)
    typed.run("init")
    grow(store, 2)
    with timestamping.served(authority) as (url, _):
        assert typed.json("run", "--once", "--tsa", url, "--tsa-roots", str(tmp_path / "root.pem"))["timestamp_at"]
    typed.run("run", "--once", "--tsa", "nowhere", code=2)
    grow(store, 2)
    typed.run("run", "--once")
    question, answer = tmp_path / "question.tsq", tmp_path / "answer.tsr"
    typed.run("timestamp", code=2)
    typed.run("timestamp", "--request", str(question))
    typed.run("timestamp", "--response", str(answer), code=2)
    answer.write_bytes(authority.answer(question.read_bytes()))
    kept = typed.json("timestamp", "--response", str(answer), "--tsa-roots", str(tmp_path / "root.pem"))["timestamp_at"]
    with store.reading() as work:
        rows = work.timestamps()
    assert [row.size for row in rows] == [2, 4]
    assert rows[-1].made_at.isoformat() == kept  # an authority tells the second: both may be of the same


def test_the_process_signs_at_its_cadence_and_ends_when_told(typed: Typed, store: Database) -> None:
    typed.run("init")
    grow(store, 2)
    words = ["--home", str(typed.home), "--database", typed.url, "signer", "run", "--every", "0.05"]
    command = [sys.executable, "-c", "from api.cli import main; main()", *words]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stderr=subprocess.PIPE, text=True) as process:
        _wait_for_checkpoint(store, 2)
        assert grow(store, 3) == 5
        _wait_for_checkpoint(store, 5)
        put(store, range(4))
        assert process.stderr is not None
        alarm = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert (alarm["event"], alarm["code"]) == ("checkpoint_not_signed", "signer_refused:smaller")
    assert head(store).size == 4


def _wait_for_checkpoint(store: Database, size: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        row = last(store)
        if row is not None and row.size == size:
            return
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of {size} entries")
