"""An invented person's words are typed into every command of the command line, and lie nowhere in clear afterwards."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine.ledger.auditor_file import read_key
from engine.ledger.exports import read_salts
from engine.store.database import Database
from tests.api.conftest import POLICE, Guitu
from tests.canary import CANARIES, files_in, leaks
from tests.plaintexts import plaintexts

NAME, ID_NUMBER, PHONE, ADDRESS = CANARIES.values()
FORM = {"name": NAME, "id_number": ID_NUMBER, "phones": [PHONE], "address": ADDRESS}
Opened = Callable[..., str]


def _requests(case: str, word: str, to: list[str]) -> Iterator[list[str]]:
    """Yield those about what others approve, and about emergencies."""
    yield ["erasure", "release", case, "--reason", word, "--request", word, *to]
    yield ["erasure", "request", case, "--ground", word, *to]
    yield ["erasure", "request-release", case, "--reason", word, *to]
    yield ["erasure", "approve", word, "--exactly", word, *to]
    yield ["erasure", "decline", word, *to]
    yield ["erasure", "erase", case, "--ground", word, "--request", word, *to]
    yield ["identity", "request", case, "--person", word, "--field", word, "--reason", word, *to]
    yield ["identity", "request", case, "--person", "P-0000", "--field", word, "--reason", "identity_check", *to]
    yield ["identity", "request", case, "--person", word, "--field", "name", "--reason", "identity_check", *to]
    yield ["identity", "request", case, "--person", word, "--field", "name", "--reason", "x", "--purpose", word, *to]
    yield ["identity", "reveal", word, *to]
    yield ["identity", "reveal", "--emergency", word, "--person", word, "--field", word, *to]
    yield ["emergency", "open", case, "--reason", word, *to]
    yield ["emergency", "open", word, "--reason", "danger_to_life", *to]
    yield ["emergency", "review", word, "--outcome", word, *to]


def _typed(case: str, word: str, folder: Path) -> Iterator[list[str]]:
    """Yield commands with the word in every place that takes words of one's own."""
    to, by = ["--as", "officer-1@gulou-police"], [["--as", f"{word}@gulou-police"], ["--as", f"officer-1@{word}"]]
    for who in (*by, ["--as", word]):
        yield ["case", "show", case, *who]
        yield ["case", "contribute", case, "rescue", "--note", "seen", *who]
        yield ["worklist", *who]
        yield ["erasure", "hold", case, "--reason", "claim", *who]
    for look in ("show", "moves", "timeline", "hand-offs", "replay"):
        yield ["case", look, word, *to]
    yield ["case", "open", "--area", word, *to]
    yield ["case", "open", "--area", "350102", "--definition", word, *to]
    yield ["case", "open", "--area", "350102", "--fact", word, *to]
    yield ["case", "open", "--area", "350102", "--fact", f"{word}=1", "--fact", f"{word}=2", *to]
    yield ["case", "open", "--area", "350102", "--fact", f"victim.age_years={word}", *to]
    yield ["case", "open", "--area", "350102", "--identity", str(folder / "absent.json"), *to]
    yield ["case", "move", case, word, "begin", *to]
    yield ["case", "move", case, "rescue", word, *to]
    yield ["case", "move", case, "rescue", "begin", "--to", word, *to]
    yield ["case", "open-track", case, word, *to]
    yield ["case", "accept", case, word, *to]
    yield ["case", "decline", case, "1", "--reason", word, "--text", word, *to]
    yield ["case", "withdraw", case, word, *to]
    yield ["case", "transfer", case, "--area", word, "--to", word, *to]
    yield ["case", "relocate", case, "--area", word, "--reason", word, *to]
    yield ["case", "assign", case, "rescue", "--person", word, *to]
    yield ["case", "close", case, word, "--reason", word, *to]
    yield ["case", "reopen", case, word, "--reason", word, *to]
    yield ["case", "link", case, word, *to]
    yield ["case", "correct", case, f"{word}={word}", "--reason", word, *to]
    yield ["case", "contribute", case, "rescue", "--note", word, "--key", word, *to]
    yield ["case", "contribute", case, "rescue", "--note", f"{word}!", "--key", word, *to]
    yield ["case", "attachment", case, word, "--out", str(folder / "out"), *to]
    yield ["identity", "search", "--area", word, str(folder / "form.json"), *to]
    yield ["identity", "record", word, "--role", "victim", str(folder / "form.json"), *to]
    yield ["identity", "record", case, "--role", "victim", "--person", word, str(folder / "form.json"), *to]
    yield ["identity", "record", case, "--role", "victim", str(folder / "bad.json"), *to]
    yield ["erasure", "hold", case, "--reason", word, *to]
    yield from _requests(case, word, to)
    yield ["erasure", "certificate", word]
    yield ["keys", "rotate", "case", "--jurisdiction", word]
    yield ["audit", "keygen", "--out", str(folder / "auditor.key"), "--name", word, "--no-passphrase"]
    yield ["audit", "auditor", "add", f"guitu-auditor+{word}+{word}", *to]
    yield ["audit", "auditor", "remove", word, *to]
    for who in by:
        yield ["audit", "auditor", "list", *who]
        yield ["audit", "status", *who]
        yield ["audit", "export", "--out", str(folder / "bundle"), *who]
    yield ["audit", "export", "--out", str(folder / "bundle"), "--salts", str(folder / "salts"), "--case", word, *to]


def test_what_is_typed_lies_nowhere_in_clear(
    guitu: Guitu, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, forms = tmp_path / "scratch", tmp_path / "forms"
    scratch.mkdir()
    forms.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("GUITU_LOG_LEVEL", "DEBUG")
    (forms / "form.json").write_text(json.dumps(FORM), encoding="utf-8")
    (forms / "bad.json").write_text(json.dumps({NAME: PHONE, **FORM, "id_number": [ID_NUMBER]}), encoding="utf-8")
    case = opened()
    guitu.run("identity", "record", case, "--role", "victim", str(forms / "form.json"), *POLICE)
    said, codes = {}, set()
    typed = [list(_typed(case, word, forms)) for word in CANARIES.values()]
    for number in range(len(typed[0])):  # every command with two of the words: once in plain text, once as JSON
        for place, shape in ((number, []), (number + 1, ["--json"])):
            words = typed[place % len(typed)][number]
            done = CliRunner().invoke(app, ["--home", str(guitu.home), "--language", "en", *words, *shape])
            assert "Usage:" not in done.stderr, done.stderr
            codes.add(done.exit_code)
            said[f"{number} {words[:2]} {shape}"] = (done.stdout + done.stderr).encode()
    found = guitu.json("identity", "search", "--area", "350102", str(forms / "form.json"), *POLICE)
    assert [match["case"] for match in found] == [case]
    said |= _taken_along(guitu, tmp_path / "taken", case)
    assert leaks(CANARIES.values(), said | files_in(guitu.home, scratch, tmp_path / "taken")) == []
    assert codes >= {2, 4}
    assert 70 not in codes
    _back_up(guitu, tmp_path / "backup", Guitu(tmp_path / "again"), said)
    shutil.copytree(guitu.home / "keys", tmp_path / "again" / "keys")
    found = Guitu(tmp_path / "again").json("identity", "search", "--area", "350102", str(forms / "form.json"), *POLICE)
    assert [match["case"] for match in found] == [case], "she is in the backup"
    assert leaks(CANARIES.values(), said | files_in(scratch, tmp_path / "backup", tmp_path / "again")) == []


def _taken_along(guitu: Guitu, folder: Path, case: str) -> dict[str, bytes]:
    """Take the ledger along, look into it for every word, and open all of it: what is said, and what entries say."""
    folder.mkdir()
    bundle, salts, digests = (str(folder / name) for name in ("bundle", "salts", "digests"))
    key = guitu.home / "audit" / "auditor.key"
    said: dict[str, bytes] = {}
    for words in (
        ["signer", "init", "--no-passphrase"], ["signer", "run", "--once"], ["signer", "status"],
        ["audit", "export", "--out", bundle, "--salts", salts, "--digests", digests, *POLICE],
        *(["audit", "find", bundle, "--key", str(key), "--salts", salts, "--case", word] for word in CANARIES.values()),
        ["audit", "find", bundle, "--key", str(key), "--salts", salts, "--case", case],
    ):  # fmt: skip
        done = guitu.run(*words)
        said[f"{len(said)} {words[:2]}"] = (done.stdout + done.stderr).encode()
    assert case in said[f"{len(said) - 1} ['audit', 'find']"].decode()
    with Path(salts).open("rb") as file, closing(Database.open(f"sqlite:///{guitu.home / 'guitu.db'}")) as database:
        by_tag = {tag: one.salt for tag, one in read_salts(file).by_tag.items()}
        opened = plaintexts(database, read_key(key.read_bytes(), None), by_tag)
    assert any(case.encode() in text for text in opened.values()), "whom they concern is opened too"
    return said | opened


def _back_up(guitu: Guitu, folder: Path, again: Guitu, said: dict[str, bytes]) -> None:
    """Make a backup, look at it and put it back; what is refused the second time says so as JSON."""
    for world, words in (
        (guitu, ["create", str(folder)]), (guitu, ["verify", str(folder)]), (guitu, ["verify", str(folder), "--json"]),
        (again, ["restore", str(folder)]),
    ):  # fmt: skip
        done = world.run("backup", *words)
        said[" ".join(words)] = (done.stdout + done.stderr).encode()
    for words in (["create", str(folder), "--json"], ["restore", str(folder), "--json"]):  # refused: they are not empty
        done = (guitu if words[0] == "create" else again).run("backup", *words, code=6)
        said[" ".join(words)] = (done.stdout + done.stderr).encode()


def test_an_erased_case_says_so_in_every_command(guitu: Guitu, opened: Opened, tmp_path: Path) -> None:
    case, other = opened(), opened()
    (tmp_path / "page.txt").write_text("a page", encoding="utf-8")
    guitu.run("case", "contribute", case, "rescue", "--document", "search_without_result", *POLICE)
    guitu.run("case", "close", case, "lost_from_sight", "--reason", "nobody knows", *POLICE)
    asked = guitu.json("erasure", "request", case, "--ground", "opened_by_mistake", *POLICE)
    request = asked["exact"]["request"]
    approve = ["erasure", "approve", request, "--exactly", asked["digest"]]
    guitu.json(*approve, "--as", "officer-7@gulou-police")
    erase = ["erasure", "erase", case, "--ground", "opened_by_mistake", "--request", request]
    told = guitu.json(*erase, *POLICE, code=6)
    assert [reason["code"] for reason in told["reasons"]] == ["approvals_missing"]
    guitu.json(*approve, "--as", "officer-8@gulou-civil-affairs")
    made = guitu.json(*erase, *POLICE)
    assert made["case"] == case
    assert guitu.json("erasure", "certificate", case) == made
    assert case in guitu.run("erasure", "certificate", case, language="zh").stdout
    for words in (
        ["case", "show", case], ["case", "moves", case], ["case", "timeline", case], ["case", "hand-offs", case],
        ["case", "replay", case], ["case", "reopen", case, "rescue", "--reason", "again"],
        ["case", "attachments", case], ["case", "attach", case, str(tmp_path / "page.txt")],
        ["erasure", "hold", case, "--reason", "claim"],
        ["erasure", "request", case, "--ground", "opened_by_mistake"], erase,
    ):  # fmt: skip
        assert guitu.json(*words, *POLICE, code=4)["code"] == "case_erased", words
    assert {line["case"] for line in guitu.json("worklist", *POLICE)["held"]} == {other}
    assert guitu.json("case", "show", other, *POLICE)["case"]["id"] == other


def test_keys_are_rotated_and_gone_on_with(guitu: Guitu, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.rotation.SETTLE_SECONDS", 0)
    case = opened()
    for kind in ("case", "case_key"):
        done = guitu.json("keys", "rotate", kind, "--jurisdiction", "350000")["rotated"]
        assert (done["kind"], done["finished"]) == (kind, True)
    assert guitu.json("keys", "rotate", "root")["rotated"]["finished"] is True
    assert guitu.json("keys", "rotate", "--resume")["rotated"] is None
    states = {(one["kind"], one["version"]): one["state"] for one in guitu.json("keys", "status")}
    assert (states["case", 1], states["case", 2]) == ("destroyed", "sealing")
    assert guitu.json("case", "show", case, *POLICE)["case"]["id"] == case
    guitu.run("keys", "rotate", code=2)
