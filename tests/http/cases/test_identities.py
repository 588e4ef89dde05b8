"""Identities through the REST door: they go in and are sealed; what comes back are references and never who."""

from __future__ import annotations

import json
from typing import get_args

import msgspec

from api.http.shapes.identity import IdentityAsked, PaperAsked, PaperKind
from engine.service.story_people import invented
from engine.vault.identity import PAPERS, Identity, Paper
from tests.http.conftest import Site, problem
from tests.service.desks import opened

POLICE, CIVIL, ELSEWHERE = "officer-1@police-a", "officer-2@civil-a", "officer-5@police-n"
CASES, SEARCHES = "/api/v1/cases", "/api/v1/identity-searches"
GIRL, BOY = (msgspec.to_builtins(invented(one)) for one in ("P-GIRL", "P-BOY"))


def test_an_identity_is_sealed_amended_and_never_shown(standing: Site) -> None:
    case = opened(standing.desk)
    made = standing.as_(POLICE).post(f"{CASES}/{case}/identities", json={"role": "victim", "identity": GIRL})
    assert made.status_code == 201, made.text
    assert (made.json()["happened"], made.headers["etag"]) == (["identity_recorded"], '"2"')
    differs = {"role": "victim", "person": made.json()["person"], "identity": GIRL | {"born_on": "1930-01-02"}}
    amended = standing.as_(POLICE).post(f"{CASES}/{case}/identities", json=differs)
    assert amended.json()["person"] == made.json()["person"]
    assert {one["code"] for one in amended.json()["remarks"]} == {"birth_date_differs"}
    for path in ("", "/timeline", "/moves?explain=true"):
        told = standing.as_(POLICE).get(f"{CASES}/{case}{path}").text
        assert GIRL["name"] not in told
        assert GIRL["id_number"] not in told


def test_a_faulty_identity_is_told_field_by_field_and_no_value_is_repeated(standing: Site) -> None:
    case = opened(standing.desk)
    faulty = {"id_number": "13800138000123", "papers": [{"kind": "passport", "number": "none"}]}
    told = standing.as_(POLICE).post(f"{CASES}/{case}/identities", json={"role": "victim", "identity": faulty})
    faults = problem(told, 422, "command_malformed")["details"]
    assert isinstance(faults, dict)
    assert faults["faults"] == ["id_number: not_an_id_number", "papers[1]: not_a_paper_number"]
    assert "13800138000123" not in told.text
    for misfit in ({"nickname": "甲"}, {"sex": "f"}, {"papers": [{"kind": "library", "number": "1"}]}, {"name": None}):
        told = standing.as_(POLICE).post(f"{CASES}/{case}/identities", json={"role": "victim", "identity": misfit})
        assert told.status_code == 422
        assert "甲" not in told.text


def test_records_of_the_same_person_are_found_by_a_body_and_never_named(standing: Site) -> None:
    body = {"area": "900101", "facts": {"victim.is_child": True}, "identity": BOY}
    opening = standing.as_(POLICE).post(CASES, json=body)
    assert opening.status_code == 201, opening.text
    first = opening.json()
    assert first["happened"][-1] == "identity_recorded"
    assert opening.headers["location"] == f"{CASES}/{first['case']}"
    assert opening.headers["etag"] == standing.as_(POLICE).get(opening.headers["location"]).headers["etag"] == '"2"'
    found = standing.as_(POLICE).post(SEARCHES, json={"area": "900101", "identity": BOY})
    (match,) = found.json()["items"]
    assert (match["case"], match["person"], match["likeness"]) == (first["case"], first["person"], "same")
    assert BOY["name"] not in found.text
    twice = problem(standing.as_(POLICE).post(CASES, json=body), 409, "duplicate_found")
    assert twice["details"] == {"cases": [first["case"]]}
    despite = standing.as_(POLICE).post(CASES, json=body | {"despite": [first["case"]]})
    assert despite.status_code == 201
    asked = {"area": "900101", "identity": BOY}
    assert {standing.as_(who).post(SEARCHES, json=asked).status_code for who in (CIVIL, ELSEWHERE)} == {403}


def test_the_form_is_that_of_the_vault() -> None:
    assert set(IdentityAsked.model_fields) == set(Identity.__struct_fields__)
    assert set(PaperAsked.model_fields) == set(Paper.__struct_fields__)
    assert set(get_args(PaperKind)) == set(PAPERS)


def test_an_identity_does_not_show_itself() -> None:
    asked = IdentityAsked.model_validate(json.loads(json.dumps(GIRL | {"papers": [{"kind": "other", "number": "A1"}]})))
    assert GIRL["name"] not in repr(asked)
    assert GIRL["id_number"] not in repr(asked)
    assert "A1" not in repr(asked)
