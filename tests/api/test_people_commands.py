"""``guitu admin`` and ``guitu people``: from an empty installation to people who may act, and may no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine.core.roles import ROLES
from tests.api.conftest import Guitu, SigningIn, found_ledger, make_keys, passphrase_file
from tests.service.town import lay_out

CHIEF = ("--as", "admin-1@fujian-justice")
DEMO = Path(__file__).resolve().parents[2] / "workflows" / "directory" / "demo.yaml"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guitu:
    """Give the command line in an installation in earnest, where nobody is enrolled yet."""
    for name in ("GUITU_HOME", "GUITU_DATABASE_URL", "GUITU_AS", "GUITU_LANGUAGE", "GUITU_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    books = tmp_path / "books"
    books.mkdir()
    lay_out(books)
    monkeypatch.setenv("GUITU_WORKFLOWS", str(books))
    file = tmp_path / "sign-in.json"
    monkeypatch.setenv("GUITU_SIGN_IN_FILE", str(file))
    made = SigningIn(tmp_path / "office", file)
    make_keys(made.home)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(made.home)))
    made.run("db", "upgrade")
    found_ledger(made)
    made.run("directory", "load", str(DEMO))
    return made


def refused(office: Guitu, who: str) -> str:
    """Why somebody is refused something that is permitted to administrators: admitted, or not even that."""
    return str(office.json("people", "add", "officer-9", "--as", who, code=5)["code"])


def test_people_are_enrolled_given_roles_moved_and_deactivated(office: Guitu) -> None:
    assert refused(office, "officer-1@gulou-police") == "as_not_here"
    first = office.json("admin", "init", *CHIEF)
    assert [(one["unit"], one["role"], one["state"]) for one in first["roles"]] == [
        ("fujian-justice", "administrator", "now")
    ]
    assert office.json("admin", "init", "--as", "admin-2@fujian-justice", code=6)["code"] == ("administrator_known")
    for person in ("officer-1", "officer-2"):
        office.run("people", "add", person, *CHIEF)
    office.run("people", "grant", "officer-1", "gulou-police", "caseworker", *CHIEF)
    assert refused(office, "officer-1@gulou-police") == "not_permitted"
    given = ("officer-1", "officer-2", "gulou-police", "--until", "2099-03-01", *CHIEF)
    (deputy,) = office.json("people", "deputy", *given)
    assert (deputy["person"], deputy["deputy_for"], deputy["until"]) == (
        "officer-2", "officer-1", "2099-02-28T16:00:00+00:00",
    )  # fmt: skip
    assert refused(office, "officer-2@gulou-police:caseworker") == "not_permitted"
    office.run("people", "move", "officer-1", "gulou-police", "xiamen-police", *CHIEF)
    for gone in ("officer-1@gulou-police", "officer-2@gulou-police"):
        assert refused(office, gone) == "membership_over"
    assert refused(office, "officer-1@xiamen-police") == "not_permitted"
    office.run("people", "end", "officer-1", "xiamen-police", "caseworker", *CHIEF)
    office.run("people", "deactivate", "officer-2", *CHIEF)
    assert office.json("people", "deactivate", "admin-1", *CHIEF, code=6)["code"] == "last_administrator"
    listed = {one["person"]: one for one in office.json("people", "list", *CHIEF)}
    assert set(listed) == {"admin-1", "officer-1", "officer-2"}
    assert [one["state"] for one in listed["officer-1"]["roles"]] == ["over", "over"]
    assert listed["officer-2"]["deactivated_at"] is not None


def test_people_are_told_in_either_language_what_is_and_what_would_be_right(office: Guitu) -> None:
    assert "系统管理员" in office.run("admin", "init", *CHIEF, language="zh").stdout
    office.run("people", "add", "officer-1", *CHIEF)
    words = ("people", "grant", "officer-1", "gulou-police")
    assert "officer-1@gulou-police:reader" in office.run(*words, "reader", *CHIEF).stdout
    assert "officer-1" in office.run("people", "list", "--unit", "gulou-police", *CHIEF, language="zh").stdout
    complaint = office.run(*words, "king", *CHIEF, code=2).stderr
    assert all(role in complaint for role in ROLES)
    assert "2026-03-01" in office.run(*words, "reporter", "--since", "tomorrow", *CHIEF, code=2).stderr
    assert office.json(*words, "auditor", *CHIEF)["person"] == "officer-1"
    conflict = office.json(*words, "caseworker", *CHIEF, code=6)
    assert (conflict["code"], [one["code"] for one in conflict["reasons"]]) == (
        "roles_conflict", ["caseworker_auditor"],
    )  # fmt: skip
    assert refused(office, "officer-1@gulou-police") == "role_unclear"


def test_the_first_administrator_is_whoever_has_the_passphrase(office: Guitu, monkeypatch: pytest.MonkeyPatch) -> None:
    passphrase_file(office.home).write_text("another\n", encoding="utf-8")
    assert office.json("admin", "init", *CHIEF, code=10)["code"] == "passphrase_wrong"
    monkeypatch.delenv("GUITU_PASSPHRASE_FILE")
    done = CliRunner().invoke(app, ["--home", str(office.home), "admin", "init", *CHIEF])
    assert done.exit_code == 2  # nobody to ask


def test_a_world_for_trial_is_marked_while_it_is_empty_or_never(office: Guitu, tmp_path: Path) -> None:
    def trial_in(one: Guitu, code: int) -> list[str]:
        return [check["state"] for check in one.json("doctor", code=code)["checks"] if check["name"] == "trial"]

    office.run("admin", "init", *CHIEF)
    assert office.json("db", "upgrade", "--trial", code=6)["code"] == "trial_refused"
    assert trial_in(office, 0) == []
    fresh = Guitu(tmp_path / "fresh")
    for _ in range(2):
        assert "试验环境" in fresh.run("db", "upgrade", "--trial", language="zh").stdout
    assert trial_in(fresh, 1) == ["warn"]  # without a directory it is not well
