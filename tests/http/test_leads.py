"""Leads and shared data through the REST door."""

from __future__ import annotations

from typing import Any

import pytest

from engine.service import lead_rules
from tests.core.play import READY
from tests.http.conftest import Site, problem
from tests.service import lead_play
from tests.service.desks import opened

REPORT: dict[str, Any] = {
    "kind": "tip", "area": "900101", "category": "school", "urgency": "soon", "concerns_minor": True,
    "seen": "a child nobody knows", "persons": [lead_play.PERSON], "contact": "gate 3",
}  # fmt: skip
REPORTER, POLICE, CIVIL = "reporter-1@health:reporter", "ann@police-a", "cy@civil-a"


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the routes the rules of the play."""
    for place in ("api.http.routes.leads.lead_rules", "api.http.shapes.leads.lead_rules"):
        monkeypatch.setattr(place, lambda: lead_play.RULES)
    monkeypatch.setattr("api.http.routes.shared_data.sharing_rules", lambda: lead_play.SHARING)


def test_a_lead_goes_its_way_from_report_to_end(site: Site) -> None:
    reporter, police, civil = site.as_(REPORTER), site.as_(POLICE), site.as_(CIVIL)
    made = reporter.post("/api/v1/leads", json=REPORT, headers={"Idempotency-Key": "today-1"})
    assert made.status_code == 201, made.text
    receipt = made.json()
    lead = receipt["lead"]
    assert [one["clause"] for one in receipt["duties"]] == ["八"]
    again = reporter.post("/api/v1/leads", json=REPORT, headers={"Idempotency-Key": "today-1"}).json()
    assert (again["lead"], again["repeated"]) == (lead, True)
    assert reporter.get(made.headers["Location"]).json()["status"] == "received"

    seen = police.get(f"/api/v1/leads/{lead}")
    assert (seen.headers["ETag"], seen.json()["seen"], seen.json()["named"]) == ('"1"', REPORT["seen"], None)
    url = f"/api/v1/leads/{lead}"
    assert [one["lead"] for one in police.get("/api/v1/leads").json()["items"]] == [lead]
    problem(police.get(url, params={"names": True}), 403, "not_permitted")
    passed = police.post(f"{url}/passing", json={"to_unit": "civil-a", "reason": "theirs"}, headers={"If-Match": '"1"'})
    assert (passed.status_code, passed.headers["ETag"], passed.json()["turn"]) == (200, '"2"', "civil-a")
    back = civil.post(f"{url}/passing", json={"to_unit": "police-a", "reason": "a crime"})
    assert back.json()["status"] == "passed_on"

    body = {"open_case": {"facts": {"victim.is_child": True}}}
    accepted = police.post(f"{url}/acceptance", json=body)
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted"), accepted.text
    case = accepted.json()["case"]
    assert police.get(f"/api/v1/cases/{case}").status_code == 200
    named = police.get(url, params={"names": True}).json()["named"]
    assert (named["persons"][0]["name"], named["contact"]) == (lead_play.PERSON["name"], "gate 3")
    reward = police.post(f"{url}/reward", json={"granted": True, "reason": "it helped", "amount": 300})
    assert [one["clause"] for one in reward.json()["basis"]] == ["九"]
    ended = police.post(f"{url}/closing", json={"reason": "case_opened"})
    assert (ended.json()["turn"], ended.json()["case"]) == (None, case)
    kinds = [one["kind"] for one in police.get(url).json()["history"]]
    assert kinds == [
        "lead_reported", "lead_passed", "lead_passed", "lead_accepted", "lead_linked", "reward_decided", "lead_closed",
    ]  # fmt: skip
    assert reporter.get(f"/api/v1/receipts/{lead}").json()["title"]["zh"] == "已办结"


def test_refusals(site: Site) -> None:
    reporter, police = site.as_(REPORTER), site.as_(POLICE)
    problem(site.anybody.post("/api/v1/leads", json=REPORT), 401, "not_signed_in")
    problem(reporter.post("/api/v1/leads", json={**REPORT, "rumour": 1}), 422, "request_invalid")
    problem(reporter.post("/api/v1/leads", json={**REPORT, "urgency": "x"}), 422, "command_malformed")
    told = reporter.post("/api/v1/leads", json={**REPORT, "seen": lead_play.PERSON["name"]})
    problem(told, 422, "identifier_in_text")
    assert lead_play.PERSON["name"] not in told.text
    lead = reporter.post("/api/v1/leads", json={**REPORT, "kind": "report"}).json()["lead"]
    unknown = problem(site.as_("bo@police-b").get(f"/api/v1/leads/{lead}"), 404, "lead_unknown")
    missing = problem(site.as_("bo@police-b").get("/api/v1/leads/L-0000-0000-0000"), 404, "lead_unknown")
    assert str(unknown["detail"]).replace(lead, "L") == str(missing["detail"]).replace("L-0000-0000-0000", "L")
    problem(reporter.get(f"/api/v1/leads/{lead}"), 404, "lead_unknown")
    problem(police.get(f"/api/v1/receipts/{lead}"), 404, "lead_unknown")
    problem(reporter.get("/api/v1/leads"), 403, "not_permitted")
    stale = police.post(f"/api/v1/leads/{lead}/acceptance", json={}, headers={"If-Match": '"7"'})
    assert stale.status_code in (409, 412)
    police.post(f"/api/v1/leads/{lead}/acceptance", json={})
    url = f"/api/v1/leads/{lead}/reward"
    found = problem(police.post(url, json={"granted": True, "reason": "x"}), 409, "lead_impossible")
    assert [one["code"] for one in found["reasons"]] == ["no_tip"]  # type: ignore[attr-defined]


def test_what_an_area_prints(site: Site) -> None:
    found = site.as_(REPORTER).get("/api/v1/reporting-rules", params={"area": "900101"}).json()
    assert [(one["clause"], one["provenance"]) for one in found["duties"]] == [("八", "printed")]
    assert [(one["clause"], one["provenance"]) for one in found["petitions"]] == [(None, "deployer")]
    assert set(found["categories"]) == set(lead_rules.lead_rules().categories)


def test_data_are_shared_listed_and_received(site: Site) -> None:
    police, other = site.as_(POLICE), site.as_("di@civil-b")
    case = opened(site.desk, **READY)
    url = f"/api/v1/cases/{case}/shared-data"
    body = {"ground": "play_minors", "classes": ["family"], "to_unit": "civil-b", "purpose": "who the child is"}
    made = police.post(url, json=body)
    assert made.status_code == 201, made.text
    assert made.json()["contents"]["facts"] == {"family": {"search.result": "not_found"}}
    assert police.get(url).json()["items"] == [made.json()]
    assert other.get("/api/v1/shared-data").json()["items"] == [made.json()]
    problem(other.get(url), 404, "case_unknown")
    problem(police.post(url, json={**body, "ground": "no_such"}), 422, "not_printed")
    found = problem(police.post(url, json={**body, "to_unit": "justice", "classes": ["placement"]}), 422, "not_printed")
    assert {one["code"] for one in found["reasons"]} == {"other_unit", "other_class"}  # type: ignore[attr-defined]
