"""Asking, approving, showing; breaking the glass and reviewing it: in words, in both languages and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.conftest import POLICE, Guitu

CUSTODIAN = ("--as", "officer-7@gulou-civil-affairs:custodian")
STRANGER = ("--as", "officer-3@xiamen-police")
NAME = "甲某"
FORM = {"name": NAME, "id_number": "110101190003072178"}


@pytest.fixture
def known(guitu: Guitu, opened: Callable[..., str], tmp_path: Path) -> tuple[str, str]:
    """Give a case and the reference of its victim."""
    form = tmp_path / "form.json"
    form.write_text(json.dumps(FORM), encoding="utf-8")
    case = opened()
    return case, str(guitu.json("identity", "record", case, "--role", "victim", str(form), *POLICE)["person"])


def test_an_identity_is_asked_for_approved_and_shown_once(guitu: Guitu, known: tuple[str, str]) -> None:
    case, person = known
    ask = ["identity", "request", case, "--person", person, "--field", "name", "--reason", "notify_family"]
    asked = guitu.json(*ask, *POLICE)
    request, digest = asked["exact"]["request"], asked["digest"]
    assert (asked["exact"]["fields"], asked["needed"], asked["approved_by"]) == (["name"], 1, [])

    assert guitu.json("identity", "reveal", request, *POLICE, code=6)["code"] == "approvals_missing"
    (waits,) = guitu.json("identity", "requests", *CUSTODIAN)["requests"]
    assert (waits["exact"], waits["digest"], waits["is_own"]) == (asked["exact"], digest, False)
    for language, word in (("zh", "姓名"), ("en", "Name")):
        said = guitu.run("identity", "requests", *CUSTODIAN, language=language).stdout
        assert all(one in said for one in (request, digest, word, person))
    assert guitu.json("erasure", "requests", *CUSTODIAN) == {"requests": [], "next": None}

    approve = ["identity", "approve", request, "--exactly"]
    assert guitu.json(*approve, digest, *POLICE, code=5)["code"] == "own_approval"
    assert guitu.json(*approve, "0" * 64, *CUSTODIAN, code=6)["code"] == "request_changed"
    assert guitu.json(*approve, digest, *CUSTODIAN)["approved_by"][0]["person"] == "officer-7"
    assert [one["kind"] for one in guitu.json("notice", "list", *POLICE)["notices"]] == ["request_approved"]

    shown = guitu.run("identity", "reveal", request, *POLICE, language="zh").stdout
    assert all(one in shown for one in (NAME, "officer-1@gulou-police", request, "收起"))
    assert FORM["id_number"] not in shown
    assert guitu.json("identity", "reveal", request, *POLICE, code=6)["code"] == "request_used"

    again = guitu.json(*ask, *POLICE)["exact"]["request"]
    guitu.run("identity", "decline", again, *CUSTODIAN)
    assert guitu.json("identity", "reveal", again, *POLICE, code=6)["code"] == "request_declined"


def test_the_glass_is_broken_used_and_reviewed(guitu: Guitu, known: tuple[str, str]) -> None:
    case, person = known
    reveal = ["identity", "reveal", "--emergency", case, "--person", person, "--field", "name", "--field", "phones"]
    assert guitu.json(*reveal, *STRANGER, code=4)["code"] == "case_unknown"
    glass = guitu.json("emergency", "open", case, "--reason", "danger_to_life", *STRANGER)
    shown = guitu.json(*reveal, *STRANGER)
    assert (shown["values"], shown["missing"], shown["on"]) == ({"name": NAME}, ["phones"], glass["id"])
    assert glass["id"] in guitu.run("notice", "list", *CUSTODIAN, language="zh").stdout
    assert [one["id"] for one in guitu.json("emergency", "list", *CUSTODIAN)["emergencies"]] == [glass["id"]]
    review = ["emergency", "review", glass["id"], "--outcome", "justified"]
    own = ["--as", "officer-3@gulou-police:custodian"]
    assert guitu.json(*review, *own, code=5)["code"] == "own_review"
    assert "justified" in guitu.run(*review, *CUSTODIAN).stdout
    assert guitu.json(*reveal, *STRANGER, code=4)["code"] == "case_unknown"
    assert "确有必要" in guitu.run("emergency", "list", *STRANGER, language="zh").stdout


def test_a_reveal_is_of_a_request_or_of_an_emergency(guitu: Guitu) -> None:
    for words in ([], ["R-0000", "--emergency", "GT-0000"]):
        assert guitu.json("identity", "reveal", *words, *POLICE, code=2)["code"] == "command_malformed"
