"""Looking at cases through the REST door: lists, one case, its timeline and moves; and what is not shown of it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from api.http.shapes.timeline import SAID
from engine.core.events import EVENTS
from engine.service import lists
from tests.http.conftest import Site, problem
from tests.service.desks import opened

if TYPE_CHECKING:
    import httpx
    import pytest

POLICE, JUSTICE, ELSEWHERE = "officer-1@police-a", "officer-3@justice", "officer-5@police-n"
CASES = "/api/v1/cases"
ABSENT = "GT-9999"
LOOKS = ("", "/timeline", "/moves", "/moves?explain=true", "/replay", "/hand-offs", "/files")


def _got(standing: Site, path: str, who: str = POLICE) -> dict[str, Any]:
    answer = standing.as_(who).get(f"{CASES}{path}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_case_is_shown_with_its_labels_in_both_languages(standing: Site) -> None:
    case = opened(standing.desk, **{"search.result": "not_found"})
    shown = _got(standing, f"/{case}")
    assert (shown["case"], shown["revision"], shown["status"], shown["is_preview"]) == (case, 1, "open", False)
    assert shown["area"] == {"code": "900101", "name": {"zh": "甲县", "en": "county A"}}
    (track,) = shown["tracks"]
    assert (track["track"], track["step"]["code"], track["responsible"]["code"]) == ("rescue", "searching", "police-a")
    assert track["title"] == {"zh": "rescue（中）", "en": "rescue"}
    facts = {one["fact"]: (one["value"], one["shown"]["en"], one["field_class"]) for one in shown["facts"]}
    assert facts["victim.is_child"] == (True, "yes", "basic")
    assert shown["opened_at"].endswith("Z")


def test_whoever_has_the_case_as_it_is_gets_304_and_the_look_is_no_other(standing: Site) -> None:
    case = opened(standing.desk)
    first = standing.as_(POLICE).get(f"{CASES}/{case}")
    assert first.headers["etag"] == '"1"'
    for known, status in (('"1"', 304), ('W/"1"', 304), ('"0", "1"', 304), ('"2"', 200)):
        again = standing.as_(POLICE).get(f"{CASES}/{case}", headers={"If-None-Match": known})
        assert (again.status_code, again.headers["etag"], bool(again.content)) == (status, '"1"', status == 200)
    problem(standing.as_(ELSEWHERE).get(f"{CASES}/{case}", headers={"If-None-Match": '"1"'}), 404, "case_unknown")


def test_timeline_moves_and_replay(standing: Site) -> None:
    case = opened(standing.desk)
    events = _got(standing, f"/{case}/timeline")["items"]
    assert [one["kind"] for one in events][:2] == ["case_opened", "facts_recorded"]
    assert events[1]["details"] == {"track": None, "facts": {"victim.is_child": True}}
    assert all(one["said"]["zh"] and one["said"]["en"] for one in events)
    brief, whole = (_got(standing, f"/{case}/moves{asked}") for asked in ("", "?explain=true"))
    assert all(one["is_open"] for one in brief["moves"])
    assert brief["blocked"] == whole["blocked"] == len(whole["moves"]) - len(brief["moves"]) > 0
    assert all(one["is_open"] or one["reasons"] or one["is_unit_missing"] for one in whole["moves"])
    assert (brief["holding"], brief["holding_count"]) == (None, len(whole["holding"]))
    assert {one["code"] for one in whole["requestable"]} == {"aid"}
    assert _got(standing, f"/{case}/replay") == {"case": case, "events": len(events), "is_equal": True}


def test_of_every_kind_of_event_it_is_known_what_is_said() -> None:
    for kind, event in EVENTS.items():
        told = {one.name for one in fields(event)} - ({"pin"} if kind == "case_opened" else set())
        assert set(SAID[kind]) == told, kind
    assert set(SAID) == set(EVENTS)


def test_lists_come_in_pages_that_lead_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    cases = [opened(site.desk) for _ in range(3)]
    first = _got(site, "")
    second = _got(site, f"?after={first['next']}")
    assert [one["case"] for one in (*first["items"], *second["items"])] == cases[::-1]
    assert second["next"] is None
    assert first["items"][0]["definition"] == "play@1"
    assert _got(site, "?status=closed")["items"] == _got(site, "?ended=true")["items"] == []
    assert _got(site, "/count") == {"current": 3, "ended": 0, "most_counted": lists.MOST_COUNTED}
    problem(site.as_(POLICE).get(f"{CASES}?after=nowhere"), 422, "command_malformed")


def test_another_unit_hears_of_a_case_the_very_words_it_hears_of_none(standing: Site) -> None:
    case = opened(standing.desk)
    stranger = standing.as_(ELSEWHERE)
    acts = [
        (f"/tracks/rescue{path}", body)
        for path, body in (("/contributions", {"note": "x"}), ("/reversal", {"reason": "x"}))
    ]
    asked = [("GET", path, None) for path in LOOKS] + [("POST", path, body) for path, body in acts]
    asked += [("POST", "/hand-offs/1/acceptance", None), ("POST", "/criminal-case", {"criminal_case": case})]
    for method, path, body in asked:
        said = [_words(stranger.request(method, f"{CASES}/{one}{path}", json=body), one) for one in (case, ABSENT)]
        assert said[0] == said[1], path
        assert said[0][0] == 404
    explained = [stranger.get(f"/api/v1/access?action=see_case&case={one}") for one in (case, ABSENT)]
    assert _words(explained[0], case) == _words(explained[1], ABSENT)


def _words(answer: httpx.Response, case: str) -> tuple[object, ...]:
    """All that an answer says, but for the code that was asked about and the number of the request."""
    document = answer.json() | {"instance": ""}
    kept = {name: value for name, value in answer.headers.items() if name != "guitu-request-id"}
    return answer.status_code, str(document).replace(case, "CASE"), str(kept).replace(case, "CASE")


def test_classes_that_are_withheld_are_named_and_not_shown(standing: Site) -> None:
    case = opened(standing.desk, note="nobody else reads this")
    shown = {who: _got(standing, f"/{case}", who) for who in (POLICE, JUSTICE)}
    assert shown[POLICE]["withheld"] == []
    withheld = {one["field_class"]: one for one in shown[JUSTICE]["withheld"]}
    assert "free_text" in withheld
    assert all(one["why"]["zh"] and one["why"]["en"] for one in withheld.values())
    assert {one["field_class"] for one in shown[JUSTICE]["facts"]}.isdisjoint(withheld)
    told = (
        str(shown[JUSTICE])
        + str(_got(standing, f"/{case}/timeline", JUSTICE))
        + str(_got(standing, f"/{case}/moves", JUSTICE))
    )
    assert "nobody else reads this" not in told
    assert "nobody else reads this" in str(shown[POLICE])


def test_a_unit_that_is_only_asked_sees_a_preview(standing: Site) -> None:
    case = opened(standing.desk)
    standing.as_(POLICE).post(f"{CASES}/{case}/tracks/rescue/offers", json={"to_unit": "police-b"})
    shown = _got(standing, f"/{case}", "officer-4@police-b")
    assert shown["is_preview"] is True
    assert (shown["units"], shown["persons"], shown["documents"]) == ([], [], [])
    assert [one["to_unit"]["code"] for one in shown["hand_offs"]] == ["police-b"]
    problem(standing.as_("officer-4@police-b").get(f"{CASES}/{case}/timeline"), 403, "not_permitted")


def test_why_something_is_permitted_is_explained(standing: Site) -> None:
    case = opened(standing.desk)
    own = standing.as_(POLICE).get(f"/api/v1/access?action=see_case&case={case}").json()
    assert (own["person"], own["unit"], own["is_allowed"], own["takes_part_as"]) == (
        "officer-1", "police-a", True, ["responsible"],
    )  # fmt: skip
    assert all(one["title"]["zh"] and one["policy"] for one in own["policies"])
    about = standing.as_(POLICE).get(f"/api/v1/access?action=move&case={case}&on=rescue&about=officer-9@civil-a")
    problem(about, 403, "not_permitted")
    problem(standing.as_(POLICE).get("/api/v1/access?action=fly"), 422, "command_malformed")


def test_codes_that_are_none_are_not_found_and_not_repeated(standing: Site) -> None:
    for words in ("%E7%8E%8B", "13800138000", "GT-%00", "a" * 64, "..%2f", "%ED%A0%80"):
        answer = standing.as_(POLICE).get(f"{CASES}/{words}")
        assert answer.status_code in (400, 404), (words, answer.text)
        assert "王" not in answer.text
        assert "13800138000" not in answer.text
