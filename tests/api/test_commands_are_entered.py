"""Every command is entered in the ledger as what it says, or it is written here why it enters nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.cli import app
from engine import bootstrap
from engine.ledger.auditor_file import read_key
from engine.ledger.event import ACTS
from engine.store.database import Database
from tests.api.conftest import POLICE, Guitu
from tests.service.ledger_export.reading import acts

ADMIN = ("--as", "officer-1@fujian-police")
HEAD = ("--as", "officer-30@fujian-police")
SUPERVISOR = ("--as", "officer-7@gulou-police:unit_supervisor")
AUDIT = ("--as", "officer-9@gulou-justice")
SCHOOL = ("--as", "reporter-1@gulou-health:reporter")
KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SOON = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
FORM = {"name": "甲某", "id_number": "110101190003072178"}

_FILES = "reads the files of the rule books, and no database"
_OWN_WORLD = "plays in a world of its own, which has a ledger of its own and is no part of this one"
_SIGNER = "the signer sees sizes and hashes, no case and no entry; what it signs stands in the database for all to see"
_OFFLINE = "needs no installation: reads a bundle away from here"

ENTERS: Mapping[str, tuple[str, ...]] = {
    "worklist": ("worklist:show",),
    "stalled": ("stall:list",),
    "access explain": ("access:explain",),
    "definitions list": ("definition:list",),
    "definitions approve": ("definition:approve",),
    "definitions release": ("definition:release",),
    "definitions approver add": ("approver:add",),
    "definitions approver list": ("approver:list",),
    "definitions approver revoke": ("approver:revoke",),
    "case open": ("case:open",),
    "case open-track": ("track:open",),
    "case move": ("case:move",),
    "case offer": ("hand_off:offer",),
    "case transfer": ("hand_off:transfer",),
    "case relocate": ("case:relocate",),
    "case accept": ("hand_off:accept",),
    "case decline": ("hand_off:decline",),
    "case withdraw": ("hand_off:withdraw",),
    "case refer": ("case:refer",),
    "case assign": ("case:assign",),
    "case reverse": ("case:reverse",),
    "case decline-track": ("track:decline",),
    "case close": ("case:close",),
    "case reopen": ("case:reopen",),
    "case contribute": ("case:contribute",),
    "case consent": ("case:consent",),
    "case duty": ("duty:settle",),
    "case correct": ("case:correct",),
    "case review": ("case:review_flag",),
    "case link": ("case:link",),
    "case attach": ("file:attach",),
    "case attachments": ("file:list",),
    "case attachment": ("file:read",),
    "case show": ("case:show",),
    "case moves": ("case:moves",),
    "case timeline": ("case:timeline",),
    "case hand-offs": ("case:show",),
    "case replay": ("case:show", "case:replay"),
    "case list": ("case:list",),
    "case count": ("case:count",),
    "case share": ("data:share",),
    "case shares": ("data:list",),
    "case received": ("data:list",),
    "lead report": ("lead:report",),
    "lead receipt": ("lead:show",),
    "lead list": ("lead:list",),
    "lead show": ("lead:show",),
    "lead accept": ("lead:accept",),
    "lead pass": ("lead:pass",),
    "lead close": ("lead:close",),
    "lead reward": ("lead:reward",),
    "lead rules": ("definition:list",),
    "identity record": ("identity:record",),
    "identity search": ("identity:search",),
    "identity request": ("identity:request",),
    "identity requests": ("request:list",),
    "identity approve": ("request:approve",),
    "identity decline": ("request:decline",),
    "identity reveal": ("identity:reveal",),
    "emergency open": ("emergency:open",),
    "emergency list": ("emergency:list",),
    "emergency review": ("emergency:review",),
    "notice list": ("notice:list",),
    "webhook add": ("webhook:add",),
    "webhook list": ("webhook:list",),
    "webhook rotate": ("webhook:rotate",),
    "webhook end": ("webhook:end",),
    "webhook test": ("webhook:test",),
    "admin init": ("people:init",),
    "people add": ("people:add",),
    "people grant": ("people:grant",),
    "people end": ("people:end",),
    "people deputy": ("people:deputy",),
    "people move": ("people:move",),
    "people deactivate": ("people:deactivate",),
    "people list": ("people:list",),
    "token issue": ("token:issue",),
    "token rotate": ("token:rotate",),
    "token revoke": ("token:revoke",),
    "token list": ("token:list",),
    "provider link": ("provider:link",),
    "provider unlink": ("provider:unlink",),
    "provider list": ("provider:list",),
    "login": ("sign_in:begin",),
    "logout": ("sign_in:end",),
    "whoami": ("sign_in:list",),
    "password": ("password:set",),
    "factor add": ("factor:add", "factor:add"),
    "factor list": ("sign_in:list",),
    "factor remove": ("factor:remove",),
    "ticket issue": ("sign_in:ticket",),
    "recovery ask": ("recovery:ask",),
    "recovery approve": ("recovery:approve",),
    "recovery stop": ("recovery:stop",),
    "recovery complete": ("recovery:complete",),
    "recovery list": ("recovery:list",),
    "keys status": ("keys:status",),
    "keys rotate": ("keys:rotate",),
    "erasure request": ("erasure:request",),
    "erasure request-release": ("erasure:request",),
    "erasure requests": ("request:list",),
    "erasure approve": ("request:approve",),
    "erasure decline": ("request:decline",),
    "erasure hold": ("erasure:hold",),
    "erasure release": ("erasure:release",),
    "erasure erase": ("erasure:erase",),
    "erasure certificate": ("erasure:certificate",),
    "directory load": ("directory:load",),
    "directory show": ("directory:show",),
    "parameter list": ("parameter:list",),
    "parameter set": ("parameter:set",),
    "backup create": ("backup:create",),
    "audit export": ("ledger:digests", "ledger:salts", "ledger:export"),
    "audit status": ("ledger:status",),
    "audit auditor add": ("auditor:add",),
    "audit auditor list": ("auditor:list",),
    "audit auditor remove": ("auditor:remove",),
    "signer rotate": ("signer:key",),
    "signer drop-old-key": ("signer:key",),
    "signer restart": ("signer:restart",),
}
"""As what each command is entered, in this order."""

ENTERS_NOTHING: Mapping[str, str] = {
    "demo": _OWN_WORLD,
    "serve": "answers requests, each of which is entered as what it asks for; runs on and enters heartbeats",
    "worker": "moves entries that it cannot read; heartbeats and deliveries, which it enters, no request asks for",
    "doctor": "looks at the installation and at no case, and must work where nothing can be entered yet",
    "access matrix": "reads the policies, and no database",
    "definitions show": _FILES,
    "definitions check": _FILES,
    "definitions coverage": _FILES,
    "definitions schema": _FILES,
    "definitions reach": _OWN_WORLD,
    "definitions mutants": _OWN_WORLD,
    "definitions keygen": "makes a file for its owner; that it signs for somebody is entered when it is registered",
    "keys init": "makes the first key of an installation, before anything can be entered",
    "db upgrade": "makes the tables that the ledger lies in",
    "backup verify": "reads a backup, which is sealed like the database, and works where there is no installation",
    "backup restore": "makes an installation where none is; the signer refuses to go on until somebody says why",
    "audit keygen": "makes a file on the auditor's machine; that the ledger is sealed to her is entered with the add",
    "audit verify": _OFFLINE,
    "audit open": _OFFLINE,
    "audit find": _OFFLINE,
    "signer init": _SIGNER,
    "signer run": _SIGNER,
    "signer status": _SIGNER,
    "signer timestamp": _SIGNER,
    "bench": _OWN_WORLD,
}
"""Why a command, or every command of a group, enters nothing."""


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
    monkeypatch.setattr(bootstrap, "library", cache(bootstrap.library))
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "form.json").write_text(json.dumps(FORM), encoding="utf-8")
    (folder / "page.txt").write_text("a page", encoding="utf-8")
    (folder / "page.exe").write_bytes(b"\x00")
    made = Watched(guitu, folder, opened())
    made.before = made.entered()
    return made


DONE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("worklist", POLICE),
    ("definitions list", ()),
    ("definitions approver add", ("officer-5@fujian-police", KEY, *ADMIN)),
    ("definitions approver list", ()),
    ("case open", ("--area", "350102", "--fact", "victim.suspected_trafficked=true", *POLICE)),
    ("case contribute", ("{case}", "rescue", "--note", "seen", *POLICE)),
    ("case assign", ("{case}", "rescue", "--person", "officer-4", *POLICE)),
    ("case attach", ("{case}", "{folder}/page.txt", *POLICE)),
    ("case attachments", ("{case}", *POLICE)),
    ("case show", ("{case}", *POLICE)),
    ("case moves", ("{case}", *POLICE)),
    ("case timeline", ("{case}", *POLICE)),
    ("case hand-offs", ("{case}", *POLICE)),
    ("case replay", ("{case}", *POLICE)),
    ("case list", POLICE),
    ("case count", POLICE),
    ("stalled", ("--as", "officer-6@gulou-joint-conference-office")),
    ("lead report", ("--area", "350102", "--category", "school", "--seen", "a child nobody knows", "--minor", *SCHOOL)),
    ("lead rules", ("--area", "350102", *SCHOOL)),
    ("lead list", POLICE),
    ("lead list", ("--whose", "petitions", "--as", "officer-6@gulou-joint-conference-office")),
    ("case received", POLICE),
    ("case shares", ("{case}", *POLICE)),
    ("access explain", ("--case", "{case}", "--action", "disclose_health", *POLICE)),
    ("identity record", ("{case}", "--role", "victim", "{folder}/form.json", *POLICE)),
    ("identity search", ("--area", "350102", "{folder}/form.json", *POLICE)),
    ("erasure hold", ("{case}", "--reason", "claim", *POLICE)),
    ("erasure request", ("{case}", "--ground", "ordered", *POLICE)),
    ("erasure request-release", ("{case}", "--reason", "claim", *POLICE)),
    ("erasure requests", POLICE),
    ("identity requests", POLICE),
    ("emergency open", ("{case}", "--reason", "danger_to_life", *POLICE)),
    ("emergency list", POLICE),
    ("notice list", POLICE),
    ("webhook add", ("https://hooks.example/guitu", *SUPERVISOR)),
    ("webhook list", SUPERVISOR),
    ("keys status", ()),
    ("directory show", ()),
    ("parameter list", ("fujian",)),
    ("parameter set", ("fujian", "papers_at_handover", "true", *ADMIN)),
    ("backup create", ("{folder}/backup",)),
    ("audit status", AUDIT),
    ("audit auditor list", AUDIT),
    ("admin init", ("--as", "officer-30@fujian-police")),
    ("people add", ("officer-31", *HEAD)),
    ("people add", ("officer-32", *HEAD)),
    ("people grant", ("officer-31", "gulou-police", "caseworker", *HEAD)),
    ("people deputy", ("officer-31", "officer-32", "gulou-police", "--until", "2099-01-01", *HEAD)),
    ("people move", ("officer-31", "gulou-police", "fujian-police", *HEAD)),
    ("people end", ("officer-31", "fujian-police", "caseworker", *HEAD)),
    ("people deactivate", ("officer-32", *HEAD)),
    ("people list", HEAD),
    ("people add", ("service-1", *HEAD)),
    ("people grant", ("service-1", "gulou-police", "service", *HEAD)),
    ("token issue", ("service-1", "--purpose", "case_handling", "--until", SOON, *HEAD)),
    ("token list", HEAD),
    ("provider list", HEAD),
    ("login", ("--person", "officer-30", "--acting", "fujian-police")),
    ("whoami", ()),
    ("factor list", ()),
    ("ticket issue", ("officer-31", *HEAD)),
    ("recovery ask", ("officer-31", *HEAD)),
    ("recovery list", HEAD),
    ("logout", ()),
)
"""Commands that go well, one after the other."""

REFUSED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("case open", ("--area", "350102", "--definition", "no_such", *POLICE)),
    ("case open-track", ("{case}", "no_such", *POLICE)),
    ("case move", ("{case}", "rescue", "no_such", *POLICE)),
    ("case offer", ("{case}", "rescue", *POLICE)),
    ("case transfer", ("{case}", "--area", "350102", "--to", "no-such", *POLICE)),
    ("case relocate", ("{case}", "--area", "999999", *POLICE)),
    ("case accept", ("{case}", "7", *POLICE)),
    ("case decline", ("{case}", "7", "--reason", "not_ours", *POLICE)),
    ("case withdraw", ("{case}", "7", *POLICE)),
    ("case refer", ("{case}", "rescue", "--ends", "7", *POLICE)),
    ("case reverse", ("{case}", "rescue", "--reason", "mistaken", *POLICE)),
    ("case decline-track", ("{case}", "rescue", *POLICE)),
    ("case close", ("{case}", "archive", *POLICE)),
    ("case reopen", ("{case}", "rescue", "--reason", "again", *POLICE)),
    ("case consent", ("{case}", "no_such", *POLICE)),
    ("case duty", ("{case}", "no_such", "done", *POLICE)),
    ("case correct", ("{case}", "no_such=1", "--reason", "misheard", *POLICE)),
    ("case review", ("{case}", "7", "--reason", "stands", *POLICE)),
    ("case link", ("{case}", "GT-0000-0000-0000", *POLICE)),
    ("case attach", ("{case}", "{folder}/page.exe", *POLICE)),
    ("case attachment", ("{case}", "no-such", "--out", "{folder}/out", *POLICE)),
    ("case show", ("{case}", "--as", "officer-3@xiamen-police")),
    ("case share", ("{case}", "--ground", "x", "--class", "basic", "--to", "gulou-health", "--for", "x", *POLICE)),
    ("case shares", ("{case}", "--as", "officer-3@xiamen-police")),
    ("case received", SCHOOL),
    ("lead report", ("--area", "350102", "--category", "nobody", "--seen", "x", *SCHOOL)),
    ("lead receipt", ("L-0000", *SCHOOL)),
    ("lead list", SCHOOL),
    ("lead show", ("L-0000", *POLICE)),
    ("lead accept", ("L-0000", *POLICE)),
    ("lead pass", ("L-0000", "--to", "gulou-health", "--reason", "theirs", *POLICE)),
    ("lead close", ("L-0000", "--reason", "no_ground", *POLICE)),
    ("lead reward", ("L-0000", "--no", "--reason", "of no use", *POLICE)),
    ("lead rules", ("--area", "999999", *SCHOOL)),
    ("identity search", ("--area", "350102", "{folder}/form.json", "--as", "officer-2@gulou-health")),
    ("definitions approver revoke", ("00000000", *ADMIN)),
    ("identity request", ("{case}", "--person", "P-0000", "--field", "name", "--reason", "identity_check", *POLICE)),
    ("identity approve", ("R-0000", "--exactly", 64 * "0", *POLICE)),
    ("identity decline", ("R-0000", *POLICE)),
    ("identity reveal", ("R-0000", *POLICE)),
    ("identity reveal", ("--emergency", "{case}", "--person", "P-0000", "--field", "name", *POLICE)),
    ("emergency open", ("{case}", "--reason", "curiosity", *POLICE)),
    ("emergency review", ("E-0000", "--outcome", "justified", *POLICE)),
    ("webhook rotate", ("W-0000", *SUPERVISOR)),
    ("webhook test", ("W-0000", *SUPERVISOR)),
    ("webhook end", ("W-0000", *SUPERVISOR)),
    ("erasure request", ("{case}", "--ground", "boredom", *POLICE)),
    ("erasure request-release", ("{case}", "--reason", "claim", *POLICE)),
    ("erasure approve", ("R-0000", "--exactly", 64 * "0", *POLICE)),
    ("erasure decline", ("R-0000", *POLICE)),
    ("erasure erase", ("{case}", "--ground", "ordered", "--request", "R-0000", *POLICE)),
    ("erasure release", ("{case}", "--reason", "claim", "--request", "R-0000", *POLICE)),
    ("erasure certificate", ("{case}",)),
    ("keys rotate", ("case", "--jurisdiction", "999999")),
    ("people add", ("officer-31", "--as", "officer-30@fujian-police:reader")),
    ("people grant", ("officer-30", "gulou-police", "reader", *HEAD)),
    ("people end", ("officer-30", "gulou-police", "reader", *HEAD)),
    ("people deputy", ("officer-30", "officer-31", "gulou-police", "--until", "2099-01-01", *HEAD)),
    ("people move", ("officer-31", "gulou-police", "fujian-police", *HEAD)),
    ("people deactivate", ("officer-30", *HEAD)),
    ("people list", ("--as", "officer-30@fujian-police:caseworker")),
    ("token issue", ("no-service", "--purpose", "case_handling", "--until", SOON, *HEAD)),
    ("token rotate", (12 * "a", *HEAD)),
    ("token revoke", (12 * "a", *HEAD)),
    ("token list", ("--as", "officer-30@fujian-police:caseworker")),
    ("provider link", ("officer-30", "an-account", *HEAD)),
    ("provider unlink", (12 * "a", *HEAD)),
    ("provider list", ("--as", "officer-30@fujian-police:caseworker")),
    ("ticket issue", ("officer-31", "--as", "officer-30@fujian-police:caseworker")),
    ("recovery ask", ("officer-31", "--as", "officer-30@fujian-police:caseworker")),
    ("recovery approve", ("V-0000", "--as", "officer-30@fujian-police")),
    ("recovery stop", ("V-0000", "--as", "officer-30@fujian-police")),
    ("recovery complete", ("V-0000", "--as", "officer-30@fujian-police")),
    ("admin init", ("--as", "officer-30@no-such")),
    ("audit export", ("--out", "{folder}/bundle", *AUDIT)),
)
"""Commands that are refused."""


NOTHING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("worker", ("--once",)),
    ("doctor", ()),
    ("definitions show", ("fujian",)),
    ("definitions coverage", ()),
    ("definitions check", ("--shape",)),
    ("definitions schema", ()),
    ("backup verify", ("{folder}/backup",)),
    ("audit keygen", ("--out", "{folder}/auditor.key", "--name", "auditor-2", "--no-passphrase")),
    ("signer init", ("--no-passphrase",)),
    ("signer run", ("--once",)),
    ("signer status", ()),
    ("signer timestamp", ("--request", "{folder}/question")),
    ("db upgrade", ()),
)
"""Commands that go well and enter nothing, one after the other."""


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
