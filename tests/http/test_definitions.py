"""Rule books, their release and local settings, through REST."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from api.http.app import PREFIX, make_app
from api.http.shelf import Shelf
from engine.vault.signing import SigningKey, written
from tests.http.conftest import Site, problem
from tests.service.ledger.opening import Book
from tests.service.town import ANN, CY, Town, founded

HEAD = "officer-30@police-a:administrator"
APPROVER = "ann@police-a:definition_approver"
READER = "officer-9@civil-n:reader"


@pytest.fixture
def open_town(town: Town) -> Iterator[Site]:
    """Give the REST door over a town with a small library of candidates."""
    with ExitStack() as stack:
        made = Site(town.desk, make_app(town.desk), stack)
        made.app.state.shelf = Shelf(town.library, town.root)
        yield made


@pytest.fixture
def town(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give an installation with a small library, nothing released."""
    with founded(database_url, tmp_path_factory.mktemp("workflows")) as found:
        yield found


def got(site: Site, path: str, who: str = READER) -> dict[str, Any]:
    """What somebody is shown."""
    answer = site.as_(who).get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_definition_is_released_on_two_approvals_and_listed_so(town: Town, open_town: Site) -> None:
    (line,) = got(open_town, "/definitions")["items"]
    assert (line["id"], line["version"], line["status"], line["hash"]) == ("tiny", "2020.1", "candidate", town.hash())
    at = f"{PREFIX}/definitions/tiny@2020.1/release"
    refused = problem(open_town.as_(APPROVER).post(at), 409, "release_refused")
    assert [one["code"] for one in refused["reasons"]] == ["approvals_missing"]  # type: ignore[attr-defined]
    problem(open_town.as_(HEAD).post(at), 403, "not_permitted")
    for who in (ANN, CY):
        town.approve(who)
    made = open_town.as_(APPROVER).post(at)
    assert made.status_code == 200, made.text
    assert {one["office"] for one in made.json()["approvals"]} == {"police-a", "civil-a"}
    assert made.json()["hash"] == town.hash()
    assert got(open_town, "/definitions/tiny")["status"] == "released"
    problem(open_town.as_(APPROVER).post(at), 409, "nothing_to_change")
    problem(open_town.as_(APPROVER).post(f"{PREFIX}/definitions/tiny/release"), 422, "command_malformed")


def test_a_definition_is_read_whole_with_units_clauses_and_provenance(town: Town, open_town: Site) -> None:
    shown = got(open_town, "/definitions/tiny@2020.1")
    book = town.library.get("tiny").definition
    assert {one["code"] for one in shown["tracks"]} == set(book.tracks)
    for track in shown["tracks"]:
        own = book.tracks[track["code"]]
        assert (track["title"], track["scope"]) == (own.title.model_dump(), own.scope)
        assert [one["code"] for one in track["steps"]] == list(own.steps)
        assert [one["code"] for one in track["moves"]] == list(own.moves)
        assert track["basis"]["clauses"] == list(own.clauses)
        for step in track["steps"]:
            printed = own.steps[step["code"]]
            assert step["basis"]["provenance"] == printed.provenance
            responsible = step["units"]["responsible"]
            assert (responsible and responsible["code"]) == printed.responsible
    assert {one["code"] for one in shown["units"]} == set(book.units)
    assert all(one["name"]["zh"] for one in shown["units"])
    assert {one["code"] for one in shown["periods"]} == set(book.parameters)
    table = got(open_town, "/definitions/tiny/coverage")
    assert (table["definition"], table["hash"]) == ("tiny@2020.1", town.hash())
    assert sum(table["counts"][ring] for ring in ("core", "second", "outer")) == len(table["rows"])
    problem(open_town.as_(READER).get(f"{PREFIX}/definitions/nowhere"), 404, "definition_unknown")
    problem(open_town.anybody.get(f"{PREFIX}/definitions"), 401, "not_signed_in")


def test_a_local_setting_is_set_by_an_administrator_and_told_as_one(town: Town, open_town: Site) -> None:
    path = "/definitions/tiny/parameters"
    lines = got(open_town, path, HEAD)["items"]
    days = next(one for one in lines if one["type"] == "days")
    assert (days["value"], days["is_set"], days["source"]) == (days["default"], False, "deployer")
    at = f"{PREFIX}{path}/{days['code']}"
    made = open_town.as_(HEAD).put(at, json={"value": 77})
    assert (made.status_code, made.json()["value"], made.json()["is_set"]) == (200, 77, True), made.text
    assert next(one for one in got(open_town, path, HEAD)["items"] if one["code"] == days["code"])["value"] == 77
    problem(open_town.as_(HEAD).put(at, json={"value": -1}), 422, "command_malformed")
    problem(open_town.as_(HEAD).put(at, json={"value": 1.5}), 422, "request_invalid")
    problem(open_town.as_(HEAD).put(f"{PREFIX}{path}/no_such", json={"value": 1}), 422, "command_malformed")
    problem(open_town.as_(READER).put(at, json={"value": 1}), 403, "not_permitted")
    problem(open_town.as_(READER).get(f"{PREFIX}{path}"), 403, "not_permitted")


def test_keys_of_approvers_are_registered_listed_and_revoked(town: Town, open_town: Site) -> None:
    key = written(SigningKey.fresh().public)
    body = {"person": "officer-5", "office": "justice", "public_key": key}
    made = open_town.as_(HEAD).post(f"{PREFIX}/approvers", json=body)
    assert (made.status_code, made.json()["public_key"]) == (201, key), made.text
    problem(open_town.as_(HEAD).post(f"{PREFIX}/approvers", json=body), 409, "nothing_to_change")
    revoked = open_town.as_(HEAD).post(f"{PREFIX}/approvers/{made.json()['fingerprint'][:16]}/revoke")
    assert revoked.json()["revoked_by"] == "officer-30@police-a"
    listed = got(open_town, "/approvers", HEAD)["items"]
    assert [one["person"] for one in listed if one["revoked_at"]] == ["officer-5"]
    problem(open_town.as_(READER).get(f"{PREFIX}/approvers"), 403, "not_permitted")


def test_who_reads_a_definition_is_entered(town: Town, open_town: Site) -> None:
    reader = open_town.as_(READER)
    book = Book.at(town.desk)
    assert reader.get(f"{PREFIX}/definitions/tiny@2020.1").status_code == 200
    told = book.only()
    assert (told.act, told.event["outcome"], told.event["actor"]) == ("definition:show", "done", "officer-9")
