"""Keys, approvers, approvals and a release, as people type them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.api.conftest import POLICE, Guitu, found_ledger, make_keys, passphrase_file
from tests.service.town import SOUND, lay_out, write

PASSPHRASE = "a sentence only I know"
JUSTICE = "ann@gulou-justice"
HEALTH = "bo@gulou-health"
NAME = "tiny@2020.1"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guitu:
    """Give the command line in a world of its own with a small candidate and nothing released."""
    root = tmp_path / "workflows"
    root.mkdir()
    lay_out(root)
    write(root, "2020.1", *SOUND)
    for name in ("GUITU_HOME", "GUITU_DATABASE_URL", "GUITU_AS", "GUITU_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GUITU_WORKFLOWS", str(root))
    guitu = Guitu(tmp_path / "home")
    make_keys(guitu.home)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(guitu.home)))
    guitu.run("db", "upgrade", "--trial")
    found_ledger(guitu)
    demo = Path(__file__).resolve().parents[2] / "workflows" / "directory" / "demo.yaml"
    guitu.run("directory", "load", str(demo))
    return guitu


def with_passphrase(passphrase: str = PASSPHRASE) -> tuple[str, str]:
    """The option that reads the passphrase from a pipe."""
    reading, writing = os.pipe()
    os.write(writing, passphrase.encode() + b"\n")
    os.close(writing)
    return "--passphrase-fd", str(reading)


def registered(guitu: Guitu, who: str, folder: Path) -> Path:
    """A key file of somebody whose public key is registered."""
    path = folder / f"{who}.pem"
    made = guitu.json("definitions", "keygen", "--out", str(path), *with_passphrase())
    guitu.run("definitions", "approver", "add", who, made["public_key"], *POLICE)
    return path


def approve(guitu: Guitu, who: str, key: Path, *more: str, code: int = 0) -> object:
    words = ("definitions", "approve", NAME, "--key", str(key), "--as", who, *with_passphrase(), *more)
    return guitu.json(*words, code=code)


def test_from_the_key_to_the_first_case(tiny: Guitu, tmp_path: Path) -> None:
    assert [one["status"] for one in tiny.json("definitions", "list")] == ["candidate"]
    opening = ("case", "open", "--area", "350102", "--definition", "tiny", *POLICE)
    refused = tiny.json(*opening, code=6)
    assert refused["code"] == "definition_not_released"
    assert "guitu definitions release" in refused["message"]
    keys = {who: registered(tiny, who, tmp_path) for who in (JUSTICE, HEALTH)}
    for who, key in keys.items():
        made = approve(tiny, who, key)
        assert isinstance(made, dict)
        assert f"{made['person']}@{made['office']}" == who
    words = tiny.run("definitions", "release", NAME, *POLICE).stdout
    assert words == "tiny@2020.1 is released (approved by gulou-justice, gulou-health)\n"
    assert tiny.json("definitions", "release", NAME, *POLICE, code=6)["code"] == "nothing_to_change"
    assert [one["status"] for one in tiny.json("definitions", "list")] == ["released"]
    assert tiny.json(*opening)["revision"] == 1


def test_a_refusal_names_every_reason(tiny: Guitu, tmp_path: Path) -> None:
    key = registered(tiny, JUSTICE, tmp_path)
    refused = approve(tiny, HEALTH, key, "--hash", "f" * 64, code=6)
    assert isinstance(refused, dict)
    assert refused["code"] == "release_refused"
    assert {one["code"] for one in refused["reasons"]} == {"other_hash", "other_person"}
    assert tiny.json("definitions", "release", NAME, *POLICE, code=6)["reasons"][0]["code"] == "approvals_missing"


def test_a_candidate_that_is_not_proved_is_refused_with_the_way_that_shows_it(tiny: Guitu, tmp_path: Path) -> None:
    key = registered(tiny, JUSTICE, tmp_path)
    write(tmp_path / "workflows", "2020.1", SOUND[0])
    words = ("definitions", "approve", NAME, "--key", str(key), "--as", JUSTICE, *with_passphrase())
    told = tiny.run(*words, code=3).stderr
    assert "no_legal_aid" in told
    assert "    Search: End the search -> Search ended" in told


def test_approvers_are_listed_and_revoked(tiny: Guitu, tmp_path: Path) -> None:
    key = registered(tiny, JUSTICE, tmp_path)
    (line,) = tiny.json("definitions", "approver", "list")
    assert (line["person"], line["office"], line["revoked_at"]) == ("ann", "gulou-justice", None)
    assert "gulou-justice" in tiny.run("definitions", "approver", "list").stdout
    assert tiny.run("definitions", "approver", "revoke", line["fingerprint"], *POLICE).stdout.startswith("revoked")
    (line,) = tiny.json("definitions", "approver", "list")
    assert line["revoked_by"] == "officer-1@gulou-police"
    refused = approve(tiny, JUSTICE, key, code=6)
    assert isinstance(refused, dict)
    assert [one["code"] for one in refused["reasons"]] == ["revoked_key"]


def test_a_passphrase_is_never_an_argument_and_never_guessed(tiny: Guitu, tmp_path: Path) -> None:
    words = ("definitions", "keygen", "--out", str(tmp_path / "key.pem"))
    assert "terminal" in tiny.json(*words, code=2)["message"]
    assert tiny.json(*words, "--passphrase-fd", "9999", code=2)["code"] == "command_malformed"
    assert "12" in tiny.json(*words, *with_passphrase("short"), code=2)["message"]
    assert not (tmp_path / "key.pem").exists()
    plain = tiny.run(*words, *with_passphrase()).stdout
    assert plain.startswith("ed25519:")
    assert "PRIVATE" not in plain
    wrong = ("definitions", "approve", NAME, "--key", str(tmp_path / "key.pem"), "--as", JUSTICE)
    assert "wrong passphrase" in tiny.json(*wrong, *with_passphrase("some other sentence"), code=2)["message"]


def test_the_list_needs_no_database_and_then_says_what_the_file_says(tmp_path: Path) -> None:
    listed = Guitu(tmp_path / "nowhere").json("definitions", "list")
    assert {one["status"] for one in listed} <= {"draft", "candidate"}
    assert not (tmp_path / "nowhere").exists()


def test_the_shipped_definitions_are_released_in_a_world_that_released_them(guitu: Guitu) -> None:
    assert {one["status"] for one in guitu.json("definitions", "list")} == {"released"}
