"""Signing in at the command line: from an empty installation to a move by a caseworker who signed in."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from api import sign_in_file
from engine import bootstrap
from engine.core.commands import Actor
from engine.core.definition import Definition
from engine.credentials import passwords
from engine.service import second_factors
from engine.service.desk import kept
from engine.service.release import add_approver_in, approve_in, release_in
from engine.service.sign_in_rules import shipped
from engine.vault.signing import SigningKey
from tests.api.conftest import Guitu, found_ledger, make_keys, passphrase_file
from tests.service.sign_in.conftest import CHEAP
from tests.service.town import SOUND, lay_out, write

DEMO = Path(__file__).resolve().parents[2] / "workflows" / "directory" / "demo.yaml"
PASSWORD = "four plain words apart"
CHIEF, OFFICER = "admin-1", "officer-1"
OPENING = ("case", "open", "--area", "350102", "--definition", "tiny")


@dataclass
class Terminal:
    """One person at the command line of an installation, with a clock we move and an authenticator."""

    guitu: Guitu
    file: Path
    patch: pytest.MonkeyPatch
    now: datetime
    secret: str = ""
    _pipes: list[int] = field(default_factory=list)

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command as whoever is signed in here."""
        self.patch.setenv("GUITU_SIGN_IN_FILE", str(self.file))
        return self.guitu.json(*words, code=code)

    def given(self, option: str, words: str) -> tuple[str, str]:
        """An option that reads these words from a pipe."""
        reading, writing = os.pipe()
        os.write(writing, f"{words}\n".encode())
        os.close(writing)
        self._pipes.append(reading)
        return option, str(reading)

    def code(self) -> str:
        """The next code of the authenticator that was not used yet."""
        self.now += timedelta(seconds=30)
        return pyotp.TOTP(self.secret).at(self.now)

    def enrol(self, ticket: str) -> None:
        """Sign in with a ticket, set a password and enrol an authenticator, whose secret is read off the screen."""
        begun = self.json("login", *self.given("--ticket-fd", ticket))
        assert (begun["may"], begun["means"]) == ("enrol", ["ticket"])
        assert self.json("people", "list", code=5)["code"] == "enrolment_needed"
        self.json("password", *self.given("--password-fd", PASSWORD))
        reading, writing = os.pipe()
        begin = second_factors.begin_totp

        def looked_at(*words: Any) -> Any:
            made = begin(*words)
            self.secret = made.secret
            os.write(writing, f"{self.code()}\n".encode())
            return made

        with self.patch.context() as patch:
            patch.setattr(second_factors, "begin_totp", looked_at)
            done = self.guitu.run("factor", "add", "--code-fd", str(reading))
        assert f"secret={self.secret}" in done.stderr
        assert self.secret not in done.stdout
        os.close(writing)
        os.close(reading)

    def login(self, person: str, *more: str) -> Any:
        """Sign in with password and code."""
        password, code = self.given("--password-fd", PASSWORD), self.given("--code-fd", self.code())
        return self.json("login", "--person", person, *password, *code, *more)

    def close(self) -> None:
        """Close what was read from."""
        for reading in self._pipes:
            os.close(reading)


@pytest.fixture
def chief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Give an installation in which a small definition is released and nobody is enrolled, and a terminal there."""
    made = _house(tmp_path, monkeypatch)
    _release(made.home)
    terminal = Terminal(made, tmp_path / "hers" / "sign-in.json", monkeypatch, bootstrap.now())
    monkeypatch.setattr(bootstrap, "now", lambda: terminal.now)
    yield terminal
    terminal.close()


def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> Guitu:
    """The command line in a fresh house; ``more`` is how its database is made."""
    monkeypatch.setattr(passwords, "shipped", lambda: CHEAP)
    for name in ("GUITU_HOME", "GUITU_DATABASE_URL", "GUITU_AS", "GUITU_LANGUAGE", "GUITU_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    books = tmp_path / "books"
    books.mkdir()
    lay_out(books)
    write(books, "2020.1", *SOUND)
    monkeypatch.setenv("GUITU_WORKFLOWS", str(books))
    made = Guitu(tmp_path / "office")
    make_keys(made.home)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(made.home)))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GUITU_SIGN_IN_FILE", raising=False)
    made.run("db", "upgrade", *more)
    found_ledger(made)
    made.run("directory", "load", str(DEMO))
    return made


def _release(home: Path) -> None:
    """What ships here is released by two offices; how, ``test_release_commands.py`` shows."""
    desk = bootstrap.desk(bootstrap.settings(home=home, log_level="WARNING"))
    (definition,) = (rules.definition for rules in desk.books.rules.values())
    assert isinstance(definition, Definition)
    approvers = {Actor(f"approver-{place}", place): SigningKey.fresh() for place in ("gulou-justice", "gulou-health")}
    with kept(desk.database) as work:
        for by, key in approvers.items():
            add_approver_in(desk, work, office=by.unit, person=by.person, public=key.public, actor=by)
            approve_in(desk, work, definition, key=key, actor=by)
        release_in(desk, work, definition, by)
    bootstrap.close(desk)


def enrolled(chief: Terminal) -> Terminal:
    """The first administrator signed in with everything, and a caseworker of hers who did so too: her terminal."""
    first = chief.json("admin", "init", "--as", f"{CHIEF}@fujian-justice")
    chief.enrol(first["ticket"])
    chief.login(CHIEF)
    chief.json("people", "add", OFFICER)
    for unit in ("gulou-police", "xiamen-police"):
        chief.json("people", "grant", OFFICER, unit, "caseworker")
    ticket = chief.json("ticket", "issue", OFFICER)["ticket"]
    officer = Terminal(chief.guitu, chief.file.with_name("officer.json"), chief.patch, chief.now)
    chief.patch.setattr(bootstrap, "now", lambda: max(officer.now, chief.now))
    officer.enrol(ticket)
    return officer


def test_from_an_empty_installation_to_a_move_of_a_caseworker_who_signed_in(chief: Terminal) -> None:
    assert chief.json("worklist", code=5)["code"] == "not_signed_in"
    officer = enrolled(chief)
    begun = officer.login(OFFICER)
    assert (begun["may"], begun["means"]) == ("act", ["password", "totp"])
    assert stat.S_IMODE(officer.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(officer.file.parent.stat().st_mode) == 0o700
    assert json.loads(officer.file.read_text())["token"].startswith("gts_")
    unclear = officer.json(*OPENING, code=5)
    assert (unclear["code"], "xiamen-police" in unclear["message"]) == ("unit_unclear", True)
    case = officer.json(*OPENING, "--as", "@gulou-police:caseworker")["case"]
    here = ("--as", f"{OFFICER}@gulou-police")  # named herself: nobody else is meant
    officer.json("case", "open-track", case, "search", *here)
    moved = officer.json("case", "move", case, "search", "end", "--fact", "search.found=true", *here)
    assert "moved" in moved["happened"]
    for somebody in (f"{CHIEF}@fujian-justice", "officer-2@gulou-police"):
        assert officer.json("case", "show", case, "--as", somebody, code=5)["code"] == "as_not_here"
    assert officer.json("case", "show", case, "--as", "@gulou-health", code=5)["code"] == "not_member"
    officer.close()


def test_whoever_signs_in_for_a_unit_acts_for_it_and_an_end_is_an_end(chief: Terminal) -> None:
    officer = enrolled(chief)
    officer.login(OFFICER, "--acting", "gulou-police:caseworker")
    told = officer.json("whoami")
    assert (told["person"], told["unit"], told["role"], told["may"]) == (OFFICER, "gulou-police", "caseworker", "act")
    officer.json("worklist")
    before = officer.file.read_bytes()
    officer.login(OFFICER, "--acting", "gulou-police")
    after = officer.file.read_bytes()
    officer.file.write_bytes(before)  # a new sign-in takes the place of the one before
    assert officer.json("worklist", code=5)["code"] == "not_signed_in"
    officer.file.write_bytes(after)
    assert officer.json("logout")["person"] == OFFICER
    assert not officer.file.exists()
    for words in (("worklist",), ("whoami",), ("logout",), ("password",)):
        assert officer.json(*words, code=5)["code"] == "not_signed_in"
    officer.login(OFFICER, "--acting", "gulou-police")
    assert officer.json("logout", "--everywhere")["ended"] == 1
    officer.login(OFFICER, "--acting", "gulou-police")
    officer.now += shipped().idle
    assert officer.json("worklist", code=5)["code"] == "not_signed_in"
    officer.close()


def test_the_code_is_shown_again_for_what_asks_for_it(chief: Terminal) -> None:
    chief.enrol(chief.json("admin", "init", "--as", f"{CHIEF}@fujian-justice")["ticket"])
    chief.login(CHIEF)
    chief.json("people", "add", OFFICER)
    chief.now += shipped().strong
    assert chief.json("ticket", "issue", OFFICER, code=5)["code"] == "strong_sign_in_needed"
    wrong = chief.given("--code-fd", "000000 0")
    assert chief.json("login", "--again", *wrong, code=5)["code"] == "sign_in_failed"
    assert chief.json("login", "--again", *chief.given("--code-fd", chief.code()))["person"] == CHIEF
    assert chief.json("ticket", "issue", OFFICER)["person"] == OFFICER
    (factor,) = chief.json("factor", "list")
    assert chief.json("factor", "remove", factor["factor"], code=2)["code"] == "enrolment_refused"


def test_what_cannot_be_read_or_is_no_sign_in_is_refused_in_words(chief: Terminal) -> None:
    first = chief.guitu.run("admin", "init", "--as", f"{CHIEF}@fujian-justice", language="zh").stdout
    assert "guitu login --ticket" in first
    assert chief.json("login", "--person", CHIEF, code=2)["code"] == "command_malformed"  # no terminal to ask on
    assert chief.json("login", code=2)["code"] == "command_malformed"
    wrong = chief.given("--password-fd", "another word altogether")
    assert chief.json("login", "--person", CHIEF, *wrong, code=5)["code"] == "sign_in_failed"
    chief.file.parent.mkdir()
    chief.file.write_text('{"token": "gts_x", "person": "admin-1"}')
    chief.file.chmod(0o644)
    assert "chmod 600" in chief.json("worklist", code=2)["message"]
    chief.file.chmod(0o600)
    assert chief.json("worklist", code=5)["code"] == "not_signed_in"
    chief.file.write_text("nothing")
    assert "guitu login" in chief.json("worklist", code=2)["message"]
    chief.enrol(first.split("gti_")[1].split()[0].join(("gti_", "")))
    assert chief.login(CHIEF)["person"] == CHIEF


def test_in_a_world_for_trial_one_signs_in_without_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guitu = _house(tmp_path, monkeypatch, "--trial")
    here = ("login", "--person", OFFICER)
    assert guitu.json(*here, code=2)["code"] == "command_malformed"
    assert guitu.json(*here, "--acting", "gulou-police")["means"] == ["trial"]
    (file,) = (tmp_path / "state" / "guitu" / "sign-in").iterdir()
    for words in ((), ("--as", "officer-2@gulou-civil-affairs")):
        assert guitu.json("case", "count", *words)["current"] == 0
    guitu.run("logout")
    assert not file.exists()
    assert guitu.json("case", "count", code=2)["code"] == "command_malformed"


def test_whom_as_names_is_believed_where_nobody_can_have_signed_in_yet_and_nowhere_else() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in Path(sign_in_file.__file__).parent.glob("*.py")}
    taking = {name for name, text in sources.items() if "as_: As" in text}
    assert {name for name in taking if "read_actor(as_)" in sources[name]} == {"admin_commands.py", "audit_commands.py"}
    asking = {name for name in taking if "world.actor(as_)" in sources[name] or " as_)" in sources[name]}
    assert taking - asking == {"admin_commands.py"}
