"""Every command of the engine through the REST door: once each, repeated, out of order, and at odds with the case."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
import pytest

from api.http.app import ROUTERS
from api.http.routes import case_acts, hand_offs
from api.http.shapes.answers import AnswerShown
from api.http.shapes.commands import CONDITIONS, body_of
from engine.core import commands as cmd
from engine.service.handle import Answer
from engine.service.story_people import invented
from tests.http.conftest import Site, problem

if TYPE_CHECKING:
    import httpx

POLICE, CIVIL, JUSTICE = "officer-1@police-a", "officer-2@civil-a", "officer-3@justice"
NEXT_COUNTY, NEXT_PROVINCE = "officer-4@police-b", "officer-5@police-n"
CHILD = {"area": "900101", "facts": {"victim.is_child": True}}
OPEN_AT_FIRST = ["rescue.note_it"]
BORN = {"name": "虚构甲", "born_on": "1904-05-06"}


class Journey:
    """A case on its way, as those who handle it send it on."""

    def __init__(self, standing: Site) -> None:
        self.site = standing
        self.case = self.asked(POLICE, "POST", "", CHILD, status=201)["case"]

    def asked(self, who: str, method: str, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        """What somebody is answered at an address below that of the cases; below that of the case, if there is one."""
        at = f"/api/v1/cases/{self.case}{path}" if hasattr(self, "case") else f"/api/v1/cases{path}"
        answer = self.site.as_(who).request(method, at, json=body)
        assert answer.status_code == status, answer.text
        document: dict[str, Any] = answer.json()
        if status < 300 and method != "GET":
            assert answer.headers["etag"] == f'"{document["revision"]}"'
        return document

    def did(self, who: str, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        """What a command came to."""
        return self.asked(who, "POST", path, body, status=status)

    def offered(self, who: str, path: str, body: Any = None, *, status: int = 200) -> str:
        """Where the one hand-off is answered that a command offered."""
        (hand_off,) = self.did(who, path, body, status=status)["offered"]
        case, _, number = hand_off.rpartition("/")
        assert case == self.case
        return f"/hand-offs/{number}"

    def somebody(self, role: str) -> str:
        """The reference of an invented person of the case."""
        made = self.did(
            POLICE, "/identities", {"role": role, "identity": msgspec.to_builtins(invented(role))}, status=201
        )
        return str(made["person"])


def test_every_command_has_a_route_of_its_name() -> None:
    operations = {route.operation_id for router in ROUTERS for route in router.routes if hasattr(route, "operation_id")}
    assert sorted(set(cmd.COMMANDS) - operations) == []


@pytest.mark.parametrize("act", [*case_acts.ACTS, *hand_offs.ACTS], ids=lambda act: act.operation)
def test_address_and_body_say_all_that_a_command_can(act: Any) -> None:
    body = body_of(act.command, without=act.said_elsewhere, example=act.example)
    said = {*act.places, *act.without, *([act.numbered] if act.numbered else []), *(body.model_fields if body else ())}
    assert {one.name for one in fields(act.command)} - CONDITIONS == said - {"number"}
    if body is not None:
        hints, values = get_type_hints(act.command), get_type_hints(body)
        null = {name for name in body.model_fields if type(None) in get_args(values[name])}
        assert null - {"value"} == {name for name in body.model_fields if type(None) in get_args(hints[name])} - {
            "value"
        }
    if body is not None:
        command = act.command_of(
            dict.fromkeys(act.places, 1) | {"case": "GT-1"}, body.model_validate(act.example).model_dump()
        )
        assert isinstance(command, act.command)


def test_a_case_goes_its_way_from_unit_to_unit(standing: Site) -> None:
    on = Journey(standing)
    people = {"carer": on.somebody("carer"), "buyers": [on.somebody("buyer_family")]}
    facts = {"search.result": "not_found", **people}
    rescue = "/tracks/rescue"
    told = on.did(POLICE, f"{rescue}/contributions", {"facts": facts, "documents": ["report"], "note": "read"})
    assert told["happened"] == ["facts_recorded", "documents_filed", "note_added"]
    assert told["policies"]
    assert on.did(POLICE, "/consents", {"consent": "return", "given": True})["happened"] == ["consent_recorded"]
    on.did(POLICE, "/duties/comfort", {"outcome": "done", "evidence": ["report"]})
    on.asked(POLICE, "PUT", f"{rescue}/assignment", {"person": "officer-12"})
    on.did(POLICE, f"{rescue}/referrals", {"to_unit": "health", "reason": "a look"})
    (referral,) = on.asked(POLICE, "GET", "")["referrals"]
    assert on.did(POLICE, f"{rescue}/referrals/{referral['number']}/end")["happened"] == ["referral_ended"]
    offer = on.offered(POLICE, f"{rescue}/offers", {"to_unit": "police-b"})
    assert on.did(POLICE, f"{offer}/withdrawal", {})["happened"] == ["hand_off_withdrawn"]
    offer = on.offered(POLICE, f"{rescue}/moves", {"move": "place"})
    on.did(CIVIL, f"{offer}/declination", {"reason": "papers_missing", "text": "unsigned"})
    offer = on.offered(POLICE, f"{rescue}/moves", {"move": "place", "to_unit": "civil-a"})
    assert [one["number"] for one in on.asked(CIVIL, "GET", "/hand-offs")["items"]] == [int(offer.rpartition("/")[2])]
    assert on.did(CIVIL, f"{offer}/acceptance")["happened"] == ["hand_off_accepted", "moved"]
    on.did(CIVIL, f"{rescue}/reversal", {"reason": "too early"})
    assert on.asked(POLICE, "GET", "/replay")["is_equal"] is True


def test_a_case_ends_and_is_taken_up_again_and_goes_elsewhere(standing: Site) -> None:
    on = Journey(standing)
    offer = on.offered(POLICE, "/tracks", {"track": "aid"}, status=201)
    on.did(JUSTICE, f"{offer}/acceptance")
    assert on.did(JUSTICE, "/tracks/aid/refusal", {"reason": "not wished"})["happened"][0] == "track_declined"
    on.did(POLICE, "/consents", {"consent": "return", "given": True})
    on.did(POLICE, "/tracks/rescue/moves", {"move": "ask_wish"})
    on.did(POLICE, "/consents", {"consent": "return", "given": False})
    (flag,) = on.asked(POLICE, "GET", "")["flags"]
    on.did(POLICE, f"/flags/{flag['event']}/review", {"reason": "it stands"})
    on.did(POLICE, "/corrections", {"fact": "victim.is_child", "value": False, "reason": "older"})
    crime = {"area": "900101", "scope": "criminal_case", "facts": {"crime.solved": False}}
    linked = standing.as_(POLICE).post("/api/v1/cases", json=crime).json()["case"]
    assert on.did(POLICE, "/criminal-case", {"criminal_case": linked})["happened"] == ["criminal_case_linked"]
    on.did(POLICE, "/relocation", {"area": "900102", "reason": "lives there"})
    on.did(POLICE, "/tracks/rescue/contributions", {"documents": ["report"]})
    on.did(POLICE, "/closing", {"outcome": "death"})
    on.did(POLICE, "/reopening", {"track": "rescue", "reason": "a mistake"})
    offer = on.offered(POLICE, "/transfers", {"area": "800000", "to_unit": "police-n"})
    answer = standing.as_(NEXT_PROVINCE).post(f"/api/v1/cases/{on.case}{offer}/acceptance")
    successor = answer.json()["successor"]
    assert answer.headers["location"] == f"/api/v1/cases/{successor}"
    there = standing.as_(NEXT_PROVINCE).get(answer.headers["location"]).json()
    assert (there["case"], there["predecessor"], there["definition"]["id"]) == (successor, on.case, "other")


# ── again, too late, at odds ──


def _contribute(standing: Site, case: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    at = f"/api/v1/cases/{case}/tracks/rescue/contributions"
    return standing.as_(POLICE).post(at, json={"note": "looked at"}, headers=named)


def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(standing: Site) -> None:
    case = Journey(standing).case
    first = _contribute(standing, case, idempotency_key="once")
    _contribute(standing, case)
    again = _contribute(standing, case, idempotency_key="once")
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    given = set(first.json()) - {"repeated", "policies"}
    assert {name: again.json()[name] for name in given} == {name: first.json()[name] for name in given}
    assert again.headers["etag"] == first.headers["etag"] == '"2"'
    assert standing.as_(POLICE).get(f"/api/v1/cases/{case}").headers["etag"] == '"3"'
    other = standing.as_(POLICE).post(
        f"/api/v1/cases/{case}/tracks/rescue/contributions", json={"note": "else"}, headers={"Idempotency-Key": "once"}
    )
    problem(other, 422, "idempotency_key_reused")


def test_opening_is_repeated_by_its_key_too(standing: Site) -> None:
    keyed = {"Idempotency-Key": "open-1"}
    for body in (CHILD, CHILD | {"identity": BORN}):
        said = [standing.as_(POLICE).post("/api/v1/cases", json=body, headers=keyed) for _ in range(2)]
        assert [one.status_code for one in said] == [201, 201], said[1].text
        assert said[0].json()["case"] == said[1].json()["case"]
        assert said[0].json()["person"] == said[1].json()["person"]
        assert said[1].json()["repeated"] is True
        keyed = {"Idempotency-Key": "open-2"}


def test_requests_that_come_in_another_order_are_refused_with_what_is_now(standing: Site) -> None:
    case = Journey(standing).case
    late = _contribute(standing, case, if_match='"1"')
    assert late.status_code == 200
    refused = problem(_contribute(standing, case, if_match='"1"'), 412, "stale_revision")
    assert refused["revision"] == 2
    assert refused["details"] == {"expected": 1, "moves": OPEN_AT_FIRST}
    assert _contribute(standing, case, if_match="*").status_code == 200


def test_what_is_at_odds_with_the_case_says_how_it_stands_to_those_who_may_see_it(standing: Site) -> None:
    on = Journey(standing)
    impossible = f"/api/v1/cases/{on.case}/tracks/rescue/moves"
    told = problem(standing.as_(POLICE).post(impossible, json={"move": "settle"}), 409, "move_impossible")
    assert told["revision"] == 1
    assert told["details"]["moves"] == OPEN_AT_FIRST  # type: ignore[index]
    offer = on.offered(POLICE, "/tracks/rescue/offers", {"to_unit": "police-b"})
    on.did(POLICE, "/tracks/rescue/contributions", {"note": "meanwhile"})
    answers = f"/api/v1/cases/{on.case}{offer}"
    late = standing.as_(NEXT_COUNTY).post(f"{answers}/acceptance", headers={"If-Match": '"1"'})
    told = problem(late, 412, "stale_revision")
    assert told["revision"] == 3, "that much the refusal itself says"
    assert told["details"] == {"expected": 1}, "a unit that is only asked to take a step sees no moves"


def test_unmet_conditions_come_all_at_once_with_their_clauses(standing: Site) -> None:
    case = Journey(standing).case
    moving = standing.as_(POLICE).post(f"/api/v1/cases/{case}/tracks/rescue/moves", json={"move": "place"})
    reasons = problem(moving, 422, "conditions_unmet")["reasons"]
    assert isinstance(reasons, list)
    assert len(reasons) > 1
    assert all(one["provenance"] for one in reasons)
    assert {clause for one in reasons for clause in one["clauses"]} >= {"play 第3条"}


MISFITS: tuple[tuple[str, Any], ...] = (
    ("/tracks/rescue/moves", {"move": "place", "unheard": 1}), ("/tracks/rescue/moves", {}),
    ("/tracks/rescue/moves", {"move": "place", "facts": {"search.result": 1.5}}),
    ("/tracks/rescue/moves", {"move": "place", "facts": {"search.result": 2**53}}),
    ("/consents", {"consent": "return", "given": "yes"}), ("/duties/comfort", {"outcome": "forgotten"}),
    ("/tracks/rescue/contributions", {"note": "x" * 4001}), ("/tracks/rescue/moves", None), ("/closing", []),
)  # fmt: skip


def test_a_whole_case_is_offered_to_a_unit_that_is_named(standing: Site) -> None:
    answer = standing.as_(POLICE).post(
        f"/api/v1/cases/{Journey(standing).case}/transfers", json={"area": "800000", "to_unit": None, "reason": "home"}
    )
    problem(answer, 422, "request_invalid")
    assert [one["field"] for one in answer.json()["errors"]] == ["/to_unit"]


def test_bodies_that_are_not_of_their_form_do_nothing(standing: Site) -> None:
    case = Journey(standing).case
    for path, body in MISFITS:
        answer = standing.as_(POLICE).post(f"/api/v1/cases/{case}{path}", json=body)
        assert answer.status_code in (400, 415, 422), (path, body)
    assert standing.as_(POLICE).get(f"/api/v1/cases/{case}").headers["etag"] == '"1"'


def test_an_answer_holds_what_the_engine_says() -> None:
    assert set(AnswerShown.model_fields) == {one.name for one in fields(Answer)}
