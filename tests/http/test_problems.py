"""Problem documents: one form for every error, in the caller's language, and nothing that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from api.http.problems import TITLES, Problem, answer
from engine.errors import all_errors
from tests.http.conftest import Site, problem
from tests.http.echoes import CANARY, Client, door

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture(scope="module")
def caller() -> Iterator[Client]:
    """Give a caller of routes that go wrong."""
    with door() as client:
        yield client


def test_what_is_not_there_is_a_problem_like_any_other(site: Site) -> None:
    problem(site.anybody.get("/api/v1/nothing"), 404, "route_unknown")
    problem(site.anybody.get("/nothing"), 404, "route_unknown")
    told = site.anybody.post("/healthz")
    problem(told, 405, "method_unknown")
    assert told.headers["Allow"] == "GET"


def test_whoever_has_not_signed_in_is_told_how(site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer gts_none"}, {"Cookie": "guitu_session=gts_none"}):
        told = site.anybody.get("/api/v1/cases", headers=headers)
        document = problem(told, 401, "not_signed_in")
        assert told.headers["WWW-Authenticate"].startswith("Bearer ")
        assert "none" not in str(document)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.code)
def test_every_error_of_the_house_has_a_document_in_both_languages(error: Any) -> None:
    assert error.http in TITLES
    raised = error("中文", "English")
    for language, words in (("zh", "中文"), ("en", "English")):
        told = answer(raised, language, "0" * 16)  # type: ignore[arg-type]
        document = Problem.model_validate_json(bytes(told.body))
        assert (document.status, document.detail, document.code) == (error.http, words, error.code)
        assert told.headers["Content-Language"].startswith(language)


def test_the_language_is_the_one_the_caller_likes_best(caller: Client) -> None:
    liked = {
        "": "zh", "en": "en", "zh": "zh", "EN-gb": "en", "fr": "zh", "fr,en;q=0.8": "en", "en;q=0.5, zh;q=0.9": "zh",
        "en;q=0": "zh", "en;q=nan": "zh", "en;q=x": "zh", "zh-Hans-CN,zh;q=0.9,en;q=0.8": "zh",
    }  # fmt: skip
    for stated, spoken in liked.items():
        told = caller.get("/api/v1/echo/a", headers={"Accept-Language": stated})
        assert told.json()["language"] == spoken, stated
        wrong = caller.get("/api/v1/nothing", headers={"Accept-Language": stated})
        assert wrong.headers["Content-Language"] == {"zh": "zh-Hans", "en": "en"}[spoken]
        assert wrong.headers["Vary"] == "Accept-Language"


def test_all_unmet_conditions_are_told_with_clause_and_provenance(caller: Client) -> None:
    document = problem(caller.delete("/api/v1/echo/refused", headers=ENGLISH), 422, "conditions_unmet")
    assert document["reasons"] == [{
        "code": "not_yet", "message": "not yet", "clauses": ["CN-1"], "provenance": "printed",
        "provenance_label": "printed", "judged": {"parameter:days": 30, "done": False},
    }]  # fmt: skip


def test_a_stale_revision_is_412_when_the_caller_said_which_one_it_looked_at(caller: Client) -> None:
    assert problem(caller.delete("/api/v1/echo/stale"), 409, "stale_revision")["revision"] == 9
    problem(caller.delete("/api/v1/echo/stale", headers={"If-Match": '"7"'}), 412, "stale_revision")


def test_whoever_shall_come_again_is_told_when(caller: Client) -> None:
    told = caller.delete("/api/v1/echo/throttled")
    problem(told, 429, "sign_in_throttled")
    assert told.headers["Retry-After"] == "17"
    told = caller.delete("/api/v1/echo/store")
    document = problem(told, 503, "store_unavailable")
    assert told.headers["Retry-After"] == "5"
    assert CANARY not in str(document)


def test_of_what_nobody_foresaw_the_caller_gets_a_number_and_the_log_a_place(caller: Client) -> None:
    with structlog.testing.capture_logs() as lines:
        told = caller.delete("/api/v1/echo/unforeseen", headers=ENGLISH)
    document = problem(told, 500, "internal_error")
    number = told.headers["Guitu-Request-Id"]
    assert number in str(document["detail"])
    assert document.keys() == {"type", "title", "status", "detail", "code", "instance"}
    (line,) = [one for one in lines if one["event"] == "unforeseen"]
    assert (line["request"], line["kind"]) == (number, "ZeroDivisionError")
    assert "tests/http/echoes.py:" in line["where"]
    assert "/tests/" not in line["where"]
    assert CANARY not in told.text + str(lines)
    assert "ZeroDivision" not in told.text


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({}, "/words", "is required"),
    ({"words": 1}, "/words", "must be text"),
    ({"words": CANARY, CANARY: 1}, "/?", "there is no such field: leave it out"),
    ({"words": CANARY, "extra": 1}, "/extra", "there is no such field: leave it out"),
    ({"words": CANARY, "many": [1, -1]}, "/many/1", "must be 0 or more"),
    ({"words": CANARY, "many": [1, CANARY]}, "/many/1", "must be a whole number"),
    ({"words": CANARY, "many": [1, 2, 3, 4]}, "/many", "must have at most 3 items"),
    ({"words": CANARY, "many": CANARY}, "/many", "must be an array"),
    ({"words": CANARY, "kind": CANARY}, "/kind", "must be one of: 'one' or 'two'"),
    ({"words": CANARY, "more": []}, "/more", "must be an object"),
)


@pytest.mark.parametrize(
    ("body", "field", "detail"), WRONG, ids=lambda one: str(one)[:20] if isinstance(one, str) else ""
)
def test_a_field_that_is_not_of_its_form_is_named_and_never_repeated(
    caller: Client, body: dict[str, Any], field: str, detail: str
) -> None:  # fmt: skip
    told = caller.post("/api/v1/echo/a", json=body, headers=ENGLISH)
    document = problem(told, 422, "request_invalid")
    assert document["errors"] == [{"in": "body", "field": field, "detail": detail}]
    in_chinese = caller.post("/api/v1/echo/a", json=body)
    assert CANARY not in told.text + in_chinese.text
    assert in_chinese.json()["errors"][0]["detail"] != detail
    assert " or " not in in_chinese.json()["errors"][0]["detail"]


def test_parameters_and_headers_are_named_too(caller: Client) -> None:
    document = problem(caller.get("/api/v1/echo/a?limit=x", headers=ENGLISH), 422, "request_invalid")
    assert document["errors"] == [{"in": "query", "field": "limit", "detail": "must be a whole number"}]


def test_conditions_are_read_strictly(caller: Client) -> None:
    right = {'"7"': 7, 'W/"7"': 7, "*": None, ' "7" ': 7}
    for stated, revision in right.items():
        told = caller.post("/api/v1/echo/a", json={"words": "a"}, headers={"If-Match": stated})
        assert (told.status_code, told.json()["revision"]) == (200, revision)
    for stated in ("7", '"7", "8"', '"x"', '"-1"', '"7', "", '"9999999999"'):
        told = caller.post("/api/v1/echo/a", json={"words": "a"}, headers={"If-Match": stated})
        problem(told, 400, "request_malformed")
    key = caller.post("/api/v1/echo/a", json={"words": "a"}, headers={"Idempotency-Key": "a.B-9_" + "x" * 58})
    assert key.json()["key"] == "a.B-9_" + "x" * 58
    for stated in ("", "x" * 65, "a b", "a/b", '"a"'):
        told = caller.post("/api/v1/echo/a", json={"words": "a"}, headers={"Idempotency-Key": stated})
        problem(told, 400, "request_malformed")
