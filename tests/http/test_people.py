"""People and the directory of units, through REST: what the engine decides is answered as it is, roles included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest

from api.http.app import PREFIX
from api.http.shapes.people import RoleName
from engine.access.model import ROLES
from engine.core.commands import Actor
from engine.service import enrolled, installation, people
from tests.http.conftest import Site, problem

HEAD = "officer-30@police-a:administrator"


def did(site: Site, path: str, body: object = None, status: int = 200, who: str = HEAD) -> dict[str, Any]:
    """What came of an act of an administrator."""
    answer = site.as_(who).post(f"{PREFIX}{path}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def got(site: Site, path: str, who: str = HEAD) -> dict[str, Any]:
    """What somebody is shown."""
    answer = site.as_(who).get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def staffed(site: Site) -> Site:
    """Give a site with an administrator, and two officers of a unit."""
    people.init_first(site.desk, Actor("officer-30", "police-a"))
    for person in ("officer-31", "officer-32"):
        did(site, "/people", {"person": person}, 201)
    did(site, "/people/officer-31/roles", {"unit": "police-a", "role": "caseworker"}, 201)
    return site


def test_the_roles_of_the_documents_are_those_of_the_engine() -> None:
    assert get_args(RoleName) == ROLES


def test_somebody_is_enrolled_stood_in_for_moved_and_let_go(staffed: Site) -> None:
    until = (staffed.desk.clock() + timedelta(days=30)).isoformat()
    body = {"deputy": "officer-32", "unit": "police-a", "until": until}
    (stands_in,) = did(staffed, "/people/officer-31/deputies", body, 201)["items"]
    assert (stands_in["person"], stands_in["deputy_for"], stands_in["state"]) == ("officer-32", "officer-31", "now")
    moved = did(staffed, "/people/officer-31/move", {"unit": "police-a", "to_unit": "civil-a"})
    assert [(one["unit"], one["state"]) for one in moved["roles"]] == [("police-a", "over"), ("civil-a", "now")]
    (ended,) = did(staffed, "/people/officer-31/roles/end", {"unit": "civil-a", "role": "caseworker"})["items"]
    assert (ended["unit"], ended["state"], ended["ended_by"]) == ("civil-a", "over", "officer-30@police-a")
    assert did(staffed, "/people/officer-32/deactivate")["items"] == [], "what she stood in for ended with the move"
    gone = next(one for one in got(staffed, "/people")["items"] if one["person"] == "officer-32")
    assert gone["deactivated_by"] == "officer-30@police-a"


def test_a_role_for_a_time_is_given_in_instants_with_an_offset(staffed: Site) -> None:
    since, until = (staffed.desk.clock() + timedelta(days=days) for days in (1, 2))
    body = {"unit": "civil-a", "role": "reader", "since": since.isoformat(), "until": until.isoformat()}
    made = did(staffed, "/people/officer-32/roles", body, 201)
    assert [(one["role"], one["state"]) for one in made["roles"]] == [("reader", "ahead")]
    for wrong in ("2030-01-01", "2030-01-01T00:00:00", "soon"):
        answer = staffed.as_(HEAD).post(f"{PREFIX}/people/officer-32/roles", json={**body, "until": wrong})
        problem(answer, 422, "request_invalid")
    answer = staffed.as_(HEAD).post(f"{PREFIX}/people/officer-32/roles", json={**body, "role": "king"})
    problem(answer, 422, "request_invalid")


def test_what_the_engine_refuses_is_refused_in_its_words(staffed: Site) -> None:
    for path, body, status, code in (
        ("/people", {"person": "officer-31"}, 409, "nothing_to_change"),
        ("/people", {"person": "甲某"}, 422, "command_malformed"),
        ("/people/officer-30/roles", {"unit": "civil-a", "role": "reader"}, 403, "self_grant"),
        ("/people/officer-99/roles", {"unit": "civil-a", "role": "reader"}, 404, "member_missing"),
        ("/people/officer-31/roles", {"unit": "nowhere", "role": "reader"}, 422, "unit_unknown"),
        ("/people/officer-31/roles", {"unit": "police-a", "role": "administrator"}, 409, "roles_conflict"),
        ("/people/officer-30/deactivate", None, 409, "last_administrator"),
    ):
        answer = staffed.as_(HEAD).post(f"{PREFIX}{path}", json=body)
        document = answer.json()
        assert (document["code"], answer.status_code) == (code, status), document
    answer = staffed.as_("officer-31@police-a:caseworker").post(f"{PREFIX}/people", json={"person": "officer-40"})
    problem(answer, 403, "not_permitted")
    problem(staffed.anybody.get(f"{PREFIX}/people"), 401, "not_signed_in")


def test_people_come_in_pages_and_a_supervisor_sees_her_own_unit(
    staffed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolled, "PAGE", 2)
    first = got(staffed, "/people")
    rest = got(staffed, f"/people?after={first['next']}")
    listed = [one["person"] for page in (first, rest) for one in page["items"]]
    assert (listed, rest["next"]) == (["officer-30", "officer-31", "officer-32"], None)
    did(staffed, "/people/officer-32/roles", {"unit": "civil-a", "role": "unit_supervisor"}, 201)
    head = "officer-32@civil-a:unit_supervisor"
    assert [one["person"] for one in got(staffed, "/people", head)["items"]] == ["officer-32"]
    problem(staffed.as_(head).get(f"{PREFIX}/people?unit=police-a"), 403, "not_permitted")


def test_the_directory_comes_in_pages_or_as_it_serves_an_area(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "UNITS_ON_A_PAGE", 3)
    who, path, found = "officer-1@civil-n:reader", "/directory/units", []
    page = got(site, path, who)
    found += page["items"]
    while page["next"] is not None:
        page = got(site, f"{path}?after={page['next']}", who)
        found += page["items"]
    codes = [one["unit"]["code"] for one in found]
    assert codes == sorted(codes)
    assert len(codes) == 8
    here = got(site, f"{path}?area=900101", who)["items"]
    assert {one["area"]["code"] for one in here} == {"900101", "900000"}
    assert here[0]["unit"]["name"] == {"zh": "civil-a（中）", "en": "civil-a"}
    problem(site.as_(who).get(f"{PREFIX}{path}?area=123456"), 422, "unit_unknown")
