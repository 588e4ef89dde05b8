"""Keys of the vault and identities of persons, as people type them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from engine.service.story_people import invented
from tests.api.conftest import CIVIL, POLICE, Guitu, passphrase_file

NAME, NUMBER = "虚构小花", str(invented("P-GIRL").id_number)
FORM = {"name": NAME, "id_number": NUMBER, "phones": ["13800138000"]}
OPENING = ("case", "open", "--area", "350102", "--fact", "victim.suspected_trafficked=true", *POLICE)


@pytest.fixture
def form(tmp_path: Path) -> str:
    """Give an identity form."""
    path = tmp_path / "form.json"
    path.write_text(json.dumps(FORM), encoding="utf-8")
    return str(path)


def from_a_pipe(words: str) -> tuple[str, str]:
    """The option that reads a passphrase."""
    reading, writing = os.pipe()
    os.write(writing, f"{words}\n".encode())
    os.close(writing)
    return "--passphrase-fd", str(reading)


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path, guitu: Guitu) -> None:
    fresh = Guitu(tmp_path / "fresh")
    made = fresh.json("keys", "init", *from_a_pipe("a sentence only I know"))
    path = Path(made["file"])
    assert path == fresh.home / "keys" / "root.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    before = path.read_bytes()
    fresh.run("keys", "init", *from_a_pipe("another sentence of mine"), code=2)
    assert path.read_bytes() == before
    other = Guitu(tmp_path / "other")
    other.run("keys", "init", *from_a_pipe("too short"), code=2)
    assert not (other.home / "keys" / "root.json").exists()


def test_without_its_key_file_or_passphrase_a_case_stays_closed(
    guitu: Guitu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    case = guitu.json(*OPENING)["case"]
    show = ("case", "show", case, *POLICE)
    guitu.run(*show)
    wrong = tmp_path / "wrong"
    wrong.write_text("no such passphrase\n", encoding="utf-8")
    wrong.chmod(0o600)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(wrong))
    assert guitu.json(*show, code=10)["code"] == "passphrase_wrong"
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(guitu.home)))
    keys = guitu.home / "keys" / "root.json"
    keys.write_bytes(keys.read_bytes()[:-20])
    assert guitu.json(*show, code=10)["code"] == "key_file_damaged"
    keys.unlink()
    assert guitu.json(*show, code=10)["code"] == "keys_missing"
    assert guitu.json("keys", "init", *from_a_pipe("a sentence only I know"), code=2)["code"] == "command_malformed"
    assert not keys.exists(), "a new key would not open what the old one sealed"


def test_the_keys_there_are_stand_in_a_list_without_a_key(guitu: Guitu, form: str) -> None:
    guitu.run(*OPENING, "--identity", form)
    listed = guitu.json("keys", "status")
    assert {(one["kind"], one["state"]) for one in listed} >= {
        ("case", "sealing"), ("identity", "sealing"), ("index", "sealing"),
    }  # fmt: skip
    assert all("wrapped" not in one for one in listed)
    assert "350000" in guitu.run("keys", "status").stdout


def test_an_identity_is_recorded_searched_and_never_shown(guitu: Guitu, form: str) -> None:
    case = guitu.json(*OPENING)["case"]
    made = guitu.json("identity", "record", case, form, "--role", "victim", *POLICE)
    person = made["person"]
    (found,) = guitu.json("identity", "search", form, "--area", "350102", *POLICE)
    assert (found["case"], found["person"], found["likeness"]) == (case, person, "same")
    assert guitu.json("identity", "search", form, "--area", "210302", *POLICE, code=5)["code"] == "not_holder"
    assert guitu.json("identity", "search", form, "--area", "350102", *CIVIL) != []
    told = [guitu.run("case", view, case, *POLICE).stdout for view in ("show", "timeline")]
    told.append(guitu.run("identity", "search", form, "--area", "350102", *POLICE).stdout)
    assert all(one not in text for text in told for one in (NAME, NUMBER, "13800138000"))
    assert person in told[1]


def test_a_second_record_of_one_person_is_opened_by_who_looked_at_the_first(guitu: Guitu, form: str) -> None:
    first = guitu.json(*OPENING, "--identity", form)
    assert first["victim"].startswith("P-")
    refused = guitu.json(*OPENING, "--identity", form, code=6)
    assert (refused["code"], refused["details"]["cases"]) == ("duplicate_found", [first["case"]])
    assert NAME not in json.dumps(refused, ensure_ascii=False)
    guitu.run(*OPENING, "--identity", form, "--despite", first["case"])


@pytest.mark.parametrize("content", ["", "[]", '"x"', "{", '{"name": 7}', '{"surname": "x"}', '{"id_number": "77"}'])
def test_a_faulty_form_is_refused_without_repeating_it(guitu: Guitu, tmp_path: Path, content: str) -> None:
    path = tmp_path / "faulty.json"
    path.write_text(content, encoding="utf-8")
    refused = guitu.json(*OPENING, "--identity", str(path), code=2)
    assert refused["code"] == "command_malformed"
    assert "surname" not in json.dumps(refused)
    assert guitu.json("case", "list", *POLICE)["cases"] == []


def test_the_doctor_misses_the_key_file(guitu: Guitu) -> None:
    def keys() -> str:
        return next(one["state"] for one in json.loads(guitu.run("doctor", "--json", code=expected).stdout)["checks"]
                    if one["name"] == "keys")  # fmt: skip

    expected = 0
    assert keys() == "ok"
    guitu.run("case", "open", "--area", "350102", *POLICE)
    path = guitu.home / "keys" / "root.json"
    path.chmod(0o644)
    expected = 1
    assert keys() == "bad"
    path.rename(path.with_name("elsewhere"))
    assert keys() == "bad"
