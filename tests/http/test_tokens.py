"""Tokens of services and links of accounts through the REST door; and what a service may do with its token there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.credentials.provider import Provider
from engine.service import people
from tests.http.conftest import Site, problem
from tests.signed import signed_in

ADMIN = "root@justice:administrator"
ROOT = signed_in("root", "justice", "administrator")
TOKENS, LINKS = "/api/v1/tokens", "/api/v1/sign-in/provider/links"
SERVICE = "service-1"


@pytest.fixture
def served(site: Site) -> Site:
    """Give the door of a world in which a service of the police is enrolled."""
    people.add(site.desk, SERVICE, ROOT)
    people.grant(site.desk, SERVICE, "police-a", "service", ROOT)
    return site


def asked(site: Site, **more: object) -> dict[str, object]:
    """A request for a token."""
    until = (site.desk.clock() + timedelta(days=30)).isoformat()
    return {"service": SERVICE, "purposes": ["case_handling"], "until": until, **more}


def test_a_service_opens_and_lists_cases_of_its_unit_by_its_token_until_it_is_revoked(served: Site) -> None:
    made = served.as_(ADMIN).post(TOKENS, json=asked(served))
    assert made.status_code == 201, made.text
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    ours = served.anybody.get("/api/v1/cases", headers=bearer)
    assert ours.status_code == 200, ours.text
    other_purpose = served.anybody.get("/api/v1/cases", headers=bearer | {"Guitu-Purpose": "custody"})
    problem(other_purpose, 403, "purpose_not_granted")
    other_unit = served.anybody.get("/api/v1/cases", headers=bearer | {"Guitu-Acting-As": "civil-a"})
    assert other_unit.status_code in (400, 403, 422)
    problem(served.anybody.get(TOKENS, headers=bearer), 403, "not_permitted")
    (listed,) = served.as_(ADMIN).get(TOKENS).json()["items"]
    assert listed["used_at"] is not None
    assert "token" not in listed
    rotated = served.as_(ADMIN).post(f"{TOKENS}/{listed['id']}/rotate", json={"overlap_hours": 0})
    assert rotated.status_code == 200, rotated.text
    problem(served.anybody.get("/api/v1/cases", headers=bearer), 401, "not_signed_in")
    bearer = {"Authorization": f"Bearer {rotated.json()['token']}"}
    assert served.anybody.get("/api/v1/cases", headers=bearer).status_code == 200
    assert served.as_(ADMIN).post(f"{TOKENS}/{listed['id']}/revoke").json()["state"] == "revoked"
    problem(served.anybody.get("/api/v1/cases", headers=bearer), 401, "not_signed_in")


def test_what_is_not_of_its_form_or_not_permitted_is_a_problem(served: Site) -> None:
    admin = served.as_(ADMIN)
    problem(served.anybody.get(TOKENS), 401, "not_signed_in")
    problem(served.as_("ann@police-a:caseworker").post(TOKENS, json=asked(served)), 403, "not_permitted")
    problem(admin.post(TOKENS, json=asked(served, purposes=["custody"])), 422, "command_malformed")
    problem(admin.post(TOKENS, json=asked(served, purposes=[])), 422, "request_invalid")
    problem(admin.post(TOKENS, json=asked(served, until="2026-03-01T00:00:00")), 422, "request_invalid")
    problem(admin.post(TOKENS, json=asked(served, more=1)), 422, "request_invalid")
    problem(admin.post(TOKENS, json=asked(served, service="service-2")), 404, "member_missing")
    problem(admin.post(f"{TOKENS}/{12 * 'a'}/revoke"), 404, "token_unknown")
    problem(admin.post(f"{TOKENS}/gtk_pasted/revoke"), 422, "request_invalid")
    assert admin.get(TOKENS).json() == {"items": [], "next": None}


def test_accounts_are_linked_listed_and_unlinked(served: Site) -> None:
    admin, account = served.as_(ADMIN), {"person": SERVICE, "subject": "an-account"}
    problem(admin.post(LINKS, json=account), 404, "provider_missing")
    served.desk.provider = Provider("https://id.example.org", "guitu", "https://guitu.example.org/return")
    problem(served.as_("ann@police-a:caseworker").post(LINKS, json=account), 403, "not_permitted")
    problem(admin.post(LINKS, json=account | {"person": "nobody-1"}), 404, "member_missing")
    made = admin.post(LINKS, json=account)
    assert made.status_code == 201, made.text
    assert "an-account" not in made.text
    problem(admin.post(LINKS, json=account), 409, "link_taken")
    named = made.json()["id"]
    assert [one["id"] for one in admin.get(LINKS).json()["items"]] == [named]
    assert admin.post(f"{LINKS}/{named}/unlink").json()["unlinked_by"] == "root@justice"
    problem(admin.post(f"{LINKS}/{named}/unlink"), 404, "link_unknown")
