"""Requests that others approve, holds, emergencies, worklists, the board, notices and the ledger, through REST."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from api.http.app import PREFIX
from engine.core import commands as cmd
from engine.ledger.bundle import Type, sections
from engine.service import emergency, lists, notices, pending
from engine.service.desk import Desk
from tests.core.play import READY
from tests.http.conftest import Site, problem
from tests.service.desks import ask, identify, opened
from tests.service.ledger_export.exporting import signed, signer_of

if TYPE_CHECKING:
    import httpx

POLICE, OTHER_COUNTY = "officer-1@police-a:caseworker", "officer-9@police-b:caseworker"
CUSTODIANS = ("officer-2@civil-a:custodian", "officer-3@police-a:custodian")
AUDITOR = "officer-4@justice:auditor"
GIRL = "P-GIRL"


def got(site: Site, who: str, path: str, status: int = 200) -> dict[str, Any]:
    """What somebody is shown."""
    return read(site.as_(who).get(f"{PREFIX}{path}"), status)


def did(site: Site, who: str, path: str, body: object = None, status: int = 200) -> dict[str, Any]:
    """What came of an act of somebody."""
    return read(site.as_(who).post(f"{PREFIX}{path}", json=body), status)


def read(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The document of an answer."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def case(site: Site) -> str:
    """Give a case with a victim whose identity is sealed."""
    made = opened(site.desk)
    identify(site.desk, made, GIRL, "victim")
    return made


def asked(site: Site, case: str, *fields: str) -> dict[str, Any]:
    """A request to see fields of the girl's identity."""
    body = {"case": case, "person": GIRL, "fields": fields or ("name", "id_number"), "reason": "notify_family"}
    return did(site, POLICE, "/requests/reveals", body, 201)


# ── identities ──


def test_what_a_custodian_approves_is_shown_once_to_the_asker_and_kept_by_no_cache(site: Site, case: str) -> None:
    made = asked(site, case)
    assert (made["exact"]["asked_by"], made["exact"]["person"]) == ({"person": "officer-1", "unit": "police-a"}, GIRL)
    (waits,) = got(site, CUSTODIANS[0], "/requests?kind=reveal")["items"]
    assert (waits["exact"], waits["digest"], waits["is_own"]) == (made["exact"], made["digest"], False)
    assert got(site, CUSTODIANS[0], "/requests?kind=erase")["items"] == []
    assert got(site, OTHER_COUNTY, "/requests")["items"] == []
    at = f"/requests/{made['request']}"
    early = site.as_(POLICE).post(f"{PREFIX}{at}/reveal")
    problem(early, 409, "approvals_missing")
    problem(site.as_(CUSTODIANS[0]).post(f"{PREFIX}{at}/approve", json={"digest": 64 * "0"}), 409, "request_changed")
    approved = did(site, CUSTODIANS[0], f"{at}/approve", {"digest": made["digest"]})
    assert approved["approved_by"] == [{"person": "officer-2", "unit": "civil-a"}]
    shown = site.as_(POLICE).post(f"{PREFIX}{at}/reveal")
    assert shown.headers["cache-control"] == "no-store"
    document = read(shown, 200)
    assert set(document["values"]) == {"name", "id_number"}
    assert (document["person"], document["on"]) == (GIRL, made["request"])
    problem(site.as_(POLICE).post(f"{PREFIX}{at}/reveal"), 409, "request_used")


def test_a_request_that_is_declined_is_over_and_nobody_answers_her_own(site: Site, case: str) -> None:
    made = asked(site, case, "name")
    at = f"/requests/{made['request']}"
    own = site.as_("officer-1@police-a:custodian").post(f"{PREFIX}{at}/approve", json={"digest": made["digest"]})
    problem(own, 403, "own_approval")
    assert did(site, CUSTODIANS[1], f"{at}/decline") == {"request": made["request"], "state": "declined"}
    problem(site.as_(POLICE).post(f"{PREFIX}{at}/reveal"), 409, "request_declined")
    assert [one["kind"] for one in got(site, POLICE, "/notices")["items"]] == ["request_declined"]
    problem(site.as_(POLICE).post(f"{PREFIX}/requests/R-0000/decline"), 404, "request_unknown")
    problem(
        site.as_(OTHER_COUNTY).post(
            f"{PREFIX}/requests/reveals",
            json={"case": case, "person": GIRL, "fields": ["name"], "reason": "notify_family"},
        ),
        404,
        "case_unknown",
    )


# ── the end of a case, and what protects it ──


def test_a_hold_protects_and_ends_with_two_approvals_and_then_the_case_is_erased(site: Site, case: str) -> None:
    held = {"case": case, "reason": "claim"}
    assert did(site, POLICE, "/holds", held, 201) == {**held, "state": "on_hold"}
    _close(site, case)
    ground = {"case": case, "ground": "opened_by_mistake"}
    erasing = _approved(site, did(site, POLICE, "/requests/erasures", ground, 201))
    refused = site.as_(POLICE).post(f"{PREFIX}/requests/{erasing}/erase", json=ground)
    assert [one["code"] for one in problem(refused, 409, "erasure_refused")["reasons"]] == ["legal_hold"]  # type: ignore[attr-defined]
    ending = _approved(site, did(site, POLICE, "/requests/hold-releases", held, 201))
    assert did(site, POLICE, f"/requests/{ending}/release-hold", held)["state"] == "released"
    certificate = did(site, POLICE, f"/requests/{erasing}/erase", ground)
    assert (certificate["case"], certificate["persons"], certificate["case_keys"]) == (case, 1, 1)
    assert certificate["approved_by"] == ["officer-2@civil-a", "officer-3@police-a"]
    problem(site.as_(POLICE).post(f"{PREFIX}/holds", json=held), 410, "case_erased")


def _approved(site: Site, made: dict[str, Any]) -> str:
    for who in CUSTODIANS:
        did(site, who, f"/requests/{made['request']}/approve", {"digest": made["digest"]})
    return str(made["request"])


def _close(site: Site, case: str) -> None:
    ask(site.desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
    ask(site.desk, cmd.Close(case=case, outcome="death"))


# ── emergencies ──


def test_a_broken_glass_shows_for_a_while_and_is_reviewed_by_somebody_else(site: Site, case: str) -> None:
    broken = did(site, OTHER_COUNTY, "/emergencies", {"case": case, "reason": "danger_to_life"}, 201)
    assert broken["opened_by"] == {"person": "officer-9", "unit": "police-b"}
    shown = site.as_(OTHER_COUNTY).post(
        f"{PREFIX}/emergencies/reveals", json={"case": case, "person": GIRL, "fields": ["name"]}
    )
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert shown.json()["on"] == broken["emergency"]
    for who, seen in ((OTHER_COUNTY, 1), (CUSTODIANS[0], 1), (POLICE, 0)):
        assert len(got(site, who, "/emergencies")["items"]) == seen
    at = f"/emergencies/{broken['emergency']}/review"
    assert did(site, CUSTODIANS[0], at, {"outcome": "justified"})["outcome"]["code"] == "justified"
    problem(site.as_(CUSTODIANS[1]).post(f"{PREFIX}{at}", json={"outcome": "justified"}), 409, "nothing_to_change")
    over = site.as_(OTHER_COUNTY).post(
        f"{PREFIX}/emergencies/reveals", json={"case": case, "person": GIRL, "fields": ["name"]}
    )
    problem(over, 404, "case_unknown")


# ── lists ──


def test_requests_emergencies_and_notices_come_in_pages(site: Site, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pending, emergency, notices):
        monkeypatch.setattr(module, "PAGE", 2)
        monkeypatch.setattr(module, "_AT_ONCE", 1, raising=False)
    made = [asked(site, case, "name")["request"] for _ in range(5)]
    broken = [
        did(site, f"officer-{number}@police-b", "/emergencies", {"case": case, "reason": "danger_to_life"}, 201)
        for number in range(10, 15)
    ]
    for who in (POLICE, CUSTODIANS[0]):
        assert [one["request"] for one in _pages(site, who, "/requests", 3)] == made
    seen = [one["emergency"] for one in _pages(site, CUSTODIANS[0], "/emergencies", 3)]
    assert seen == [one["emergency"] for one in reversed(broken)]
    told = _pages(site, CUSTODIANS[0], "/notices", 5)
    assert [one["about"] for one in told] == [*seen, *reversed(made)]
    assert all(one["seen_at"] is None for one in told)
    assert all(one["seen_at"] is not None for one in _pages(site, CUSTODIANS[0], "/notices", 5))
    problem(site.as_(POLICE).get(f"{PREFIX}/requests?after=nowhere"), 422, "command_malformed")


def _pages(site: Site, who: str, path: str, many: int) -> list[dict[str, Any]]:
    """Everything of a list that comes in so many pages."""
    found: list[dict[str, Any]] = []
    after = ""
    for number in range(many):
        page = got(site, who, f"{path}{after}")
        found += page["items"]
        assert (page["next"] is None) == (number == many - 1), (path, number)
        after = f"?after={page['next']}"
    return found


def test_a_worklist_goes_on_and_stalled_hand_offs_are_told_to_both_sides(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 1)
    first, second = opened(site.desk, **READY), opened(site.desk)
    move = cmd.Move(case=first, track="rescue", move="place", facts={"stay.since": "2025-01-01"})
    (offer,) = ask(site.desk, move).offered
    held = got(site, POLICE, "/worklists/mine")
    assert ([one["case"] for one in held["items"]], held["unit"]["en"]) == ([first], "police-a")
    assert [one["hand_off"] for one in held["awaiting"]] == [offer]
    rest = got(site, POLICE, f"/worklists/mine?after={held['next']}")
    assert ([one["case"] for one in rest["items"]], rest["next"]) == ([second], None)
    assert [one["hand_off"] for one in got(site, "officer-2@civil-a", "/worklists/mine")["offered"]] == [offer]
    _later(site.desk, days=8)
    for who in ("officer-5@civil-a:unit_supervisor", "officer-6@police-a:unit_supervisor",
                "officer-7@justice:joint_conference"):  # fmt: skip
        board = got(site, who, "/board/stalled")
        assert ([one["hand_off"] for one in board["items"]], board["counted_in"]) == ([offer], "calendar_days")
        assert got(site, who, "/board/stalled?days=9")["items"] == []
    problem(site.as_("officer-8@civil-a:caseworker").get(f"{PREFIX}/board/stalled"), 403, "not_permitted")
    problem(site.as_("officer-8@civil-a:caseworker").get(f"{PREFIX}/board/stalled?days=-1"), 422, "request_invalid")


def _later(desk: Desk, **by: int) -> None:
    desk.clock.at += timedelta(**by)  # type: ignore[attr-defined]


# ── the ledger ──


def test_an_auditor_sees_how_the_ledger_stands_and_takes_it_along_and_nobody_else_does(
    site: Site, case: str, tmp_path: Path
) -> None:
    state = got(site, AUDITOR, "/audit/status")
    assert (state["signed"], state["held"]) == (None, [])
    problem(site.as_(AUDITOR).post(f"{PREFIX}/audit/bundles"), 409, "nothing_to_change")  # nothing is signed yet
    size = signed(site.desk, signer_of(site.desk, tmp_path / "signer"))
    bundle = site.as_(AUDITOR).post(f"{PREFIX}/audit/bundles")
    digests = site.as_(AUDITOR).post(f"{PREFIX}/audit/digests")
    salts = site.as_(AUDITOR).post(f"{PREFIX}/audit/salts", json={"cases": [case]})
    for answer in (bundle, digests, salts):
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    kinds = [section.type for section in sections(io.BytesIO(bundle.content).read)]
    assert (kinds[0], kinds[-1]) == (Type.INFO, Type.ENTRIES)
    assert got(site, AUDITOR, "/audit/status")["signed"] == size
    for answer, told in ((digests, {"digest", "person"}), (salts, {"salt"})):
        first, *lines = [json.loads(line) for line in io.BytesIO(answer.content)]
        assert first["v"] == 1
        assert {line["case"] for line in lines} == {case}
        assert all(told <= line.keys() for line in lines)
    problem(site.as_(AUDITOR).post(f"{PREFIX}/audit/salts", json={"cases": ["GT-9999"]}), 404, "case_unknown")
    for path, body in (("bundles", None), ("digests", None), ("salts", {"cases": [case]})):
        problem(site.as_(POLICE).post(f"{PREFIX}/audit/{path}", json=body), 403, "not_permitted")
    problem(site.as_(POLICE).get(f"{PREFIX}/audit/status"), 403, "not_permitted")
