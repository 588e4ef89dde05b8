"""The guards: what cannot be read, is too large, too slow or from elsewhere does not come in; what goes out."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from api.http import bodies, guards
from api.http.app import MOST_AT_ONCE, Manner
from api.http.bodies import MOST_BYTES
from engine.errors import AnswerTooLate, TooBusy
from engine.service.attachments import LARGEST
from engine.store.database import POOL_SIZE
from tests.http.conftest import problem
from tests.http.echoes import CANARY, Client, door

ECHO = "/api/v1/echo/a"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def caller() -> Iterator[Client]:
    """Give a caller of an application with all its guards."""
    with door() as client:
        yield client


def post(caller: Client, body: bytes, **headers: str) -> Any:
    return caller.post(ECHO, content=body, headers={**JSON, **headers})


# ── bodies ──

BAD: dict[str, tuple[bytes, str]] = {
    "cut short": (b'{"words": "a"', "line 1, column 14"),
    "no JSON": (b"words=a", "line 1, column 1"),
    "nothing": (b" ", "line 1, column 2"),
    "a name twice": (b'{"words": "a", "words": "b"}', "/words"),
    "a name twice, below": (b'{"words": "a", "more": {"x": [{"y": 1, "y": 1}]}}', "/more/x/0/y"),
    "a name twice, written otherwise": (b'{"words": "a", "\\u0077ords": "b"}', "/words"),
    "not UTF-8": (b'{"words": "\xff"}', "byte 11"),
    "UTF-16": ('{"words": "a"}'.encode("utf-16"), "byte 0"),
    "an overlong form": (b'{"words": "\xc0\xaf"}', "byte 11"),
    "a surrogate in UTF-8": (b'{"words": "\xed\xa0\x80"}', "byte 11"),
    "a lone surrogate": (b'{"words": "\\ud800"}', "/words"),
    "a lone surrogate in a name": (b'{"words": "a", "more": {"\\udfff": 1}}', "/more/?"),
    "surrogates the wrong way round": (b'{"words": "\\udc00\\ud800"}', "/words"),
    "NUL": (b'{"words": "a\\u0000"}', "/words"),
    "NUL as it is": (b'{"words": "a\x00"}', "line 1, column 13"),
    "NaN": (b'{"words": "a", "many": [NaN]}', "NaN"),
    "Infinity": (b'{"words": "a", "many": [-Infinity]}', "-Infinity"),
    "beyond all numbers": (b'{"words": "a", "many": [1e999]}', "number"),
    "a number without end": (b'{"words": "a", "many": [' + b"9" * 5000 + b"]}", "number"),
    "too deep": (b'{"words": "a", "more": {"x": ' + b"[" * 31 + b"]" * 31 + b"}}", "character 59"),
    "too deep, cut short": (b"[" * 100_000, "character 32"),
    "too deep, objects": (b'{"a":' * 50_000, "character 160"),
    "a byte order mark": (b'\xef\xbb\xbf{"words": "a"}', "line 1, column 1"),
    "two documents": (b'{"words": "a"}{}', "line 1, column 15"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_body_that_is_no_strict_json_is_refused_with_its_place(caller: Client, name: str) -> None:
    body, place = BAD[name]
    told = post(caller, body, **{"Accept-Language": "en"})
    document = problem(told, 400, "request_malformed")
    assert document["details"] == {"place": place}
    in_chinese = str(problem(post(caller, body, **{"Accept-Language": "zh"}), 400, "request_malformed")["detail"])
    assert not any(word in in_chinese for word in ("line", "byte", "character", "number")), in_chinese


def test_a_hostile_text_is_looked_through_once(caller: Client) -> None:
    begun = time.perf_counter()
    problem(post(caller, b'{"words": "' + b'\\"' * 500_000), 400, "request_malformed")
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    "words",
    [
        "㐀𠀀𪜀𫝀𫠠𬺰𰀀𱍐",
        "零\u200b宽\u200d字\ufeff",
        "é e\u0301",
        "👩\u200d🚒",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_whatever_people_write_comes_through_as_it_is(caller: Client, words: str) -> None:
    for body in (json.dumps({"words": words}), json.dumps({"words": words}, ensure_ascii=False)):
        told = post(caller, body.encode())
        assert (told.status_code, told.json()["words"]) == (200, words)


def test_brackets_in_texts_are_no_levels_and_as_many_levels_as_may_be_are_read(caller: Client) -> None:
    assert post(caller, json.dumps({"words": '["[{\\' * 100}).encode()).status_code == 200
    deep = b'{"words": "a", "more": {"x": ' + b"[" * 30 + b"]" * 30 + b"}}"
    assert post(caller, deep).status_code == 200


def test_a_body_larger_than_may_be_is_refused_said_or_not(caller: Client) -> None:
    fits = b'{"words": "' + b"a" * 399_999 + b'"}'
    assert post(caller, fits).status_code == 200
    big = b'{"words": "' + b"a" * MOST_BYTES + b'"}'
    document = problem(post(caller, big), 413, "request_too_large")
    assert document["details"] == {"most": MOST_BYTES}

    def pieces() -> Iterator[bytes]:
        for place in range(0, len(big), 65_536):
            yield big[place : place + 65_536]

    told = caller.post(ECHO, content=pieces(), headers=JSON)
    assert "transfer-encoding" in told.request.headers
    problem(told, 413, "request_too_large")
    assert told.headers["Connection"] == "close"


@pytest.mark.parametrize(
    "kind",
    [
        "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
        "application/json; charset=gb18030", "application/json-seq", "application/problem+json", "json",
    ],
)  # fmt: skip
def test_a_body_of_another_form_is_not_taken(caller: Client, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    problem(caller.post(ECHO, content=b'{"words": "a"}', headers=headers), 415, "media_type_unknown")


def test_a_compressed_body_is_not_taken(caller: Client) -> None:
    problem(post(caller, b"{}", **{"Content-Encoding": "gzip"}), 415, "media_type_unknown")
    assert post(caller, b'{"words": "a"}', **{"Content-Type": "Application/JSON; charset=UTF-8"}).status_code == 200


def test_uploads_are_taken_where_a_route_says_so_up_to_what_a_file_may_be(caller: Client) -> None:
    pdf = {"Content-Type": "application/pdf"}
    told = caller.put(f"{ECHO}/content", content=b"a" * (2 * MOST_BYTES), headers=pdf)
    assert told.json() == {"name": "a", "size": 2 * MOST_BYTES}
    problem(caller.post(ECHO, content=b"a", headers=pdf), 415, "media_type_unknown")
    said = {**pdf, "Content-Length": str(LARGEST + 1)}
    problem(caller.put(f"{ECHO}/content", content=b"a", headers=said), 413, "request_too_large")


def test_an_upload_that_says_no_size_is_counted(caller: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 100)
    told = caller.put(f"{ECHO}/content", content=iter([b"a" * 60, b"a" * 60]), headers={"Content-Type": "image/png"})
    problem(told, 413, "request_too_large")


@pytest.mark.parametrize(
    "path", ["/api/v1/echo/%00", "/api/v1/echo/a%FF", "/api/v1/echo/a?limit=%00", "/api/v1/echo/a?x=%ED%A0%80"]
)
def test_paths_and_queries_are_text(caller: Client, path: str) -> None:
    problem(caller.get(path), 400, "request_malformed")


@pytest.mark.parametrize("name", ["If-Match", "Idempotency-Key", "Authorization", "Guitu-Acting-As", "Content-Type"])
def test_headers_that_come_twice_are_refused(caller: Client, name: str) -> None:
    told = caller.post(ECHO, content=b'{"words": "a"}', headers=[*JSON.items(), (name, "a"), (name, "a")])
    document = problem(told, 400, "request_malformed")
    assert document["details"] == {"place": f"header {name.lower()}"}


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.02)
    sent = asyncio.run(_asked([{"type": "http.request", "body": b"{", "more_body": True}]))
    assert sent[0]["status"] == 408


async def _asked(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an application sends to a caller that says no more than this."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not given:
            await asyncio.sleep(60)
        return given.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    with door() as client:
        scope = {
            "type": "http", "method": "POST", "path": ECHO, "raw_path": ECHO.encode(), "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"10")], "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        await client.app(scope, receive, send)
    return sent


# ── time ──


def test_an_answer_that_takes_too_long_is_given_up_and_what_was_begun_goes_on() -> None:
    done: list[str] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        done.append("all the same")

    async def ask() -> None:
        sent: list[Any] = []
        patient = guards.Patience(slow, seconds=0.01)

        async def send(message: Any) -> None:
            sent.append(message)

        with pytest.raises(AnswerTooLate):
            await patient({"type": "http", "state": {}}, None, send)  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        assert sent == []

    asyncio.run(ask())
    assert done == ["all the same"]


def test_more_requests_than_are_taken_in_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "MOST_WAITING", 1)

    async def ask() -> None:
        gate = asyncio.Event()

        async def waits(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()

        patient = guards.Patience(waits)
        scope: Any = {"type": "http", "state": {}}
        first = asyncio.ensure_future(patient(scope, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await patient(scope, None, None)  # type: ignore[arg-type]
        gate.set()
        await first
        await patient(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(ask())


def test_as_many_work_at_once_as_the_database_keeps_connections_for() -> None:
    assert MOST_AT_ONCE == POOL_SIZE


# ── origins ──

COOKIE = {"Cookie": "guitu_session=gts_x"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (COOKIE, 403),
        ({**COOKIE, "Sec-Fetch-Site": "same-origin"}, 200),
        ({**COOKIE, "Sec-Fetch-Site": "none"}, 200),
        ({**COOKIE, "Sec-Fetch-Site": "same-site"}, 403),
        ({**COOKIE, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**COOKIE, "Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({**COOKIE, "Origin": "http://testserver"}, 200),
        ({**COOKIE, "Origin": "https://testserver"}, 403),
        ({**COOKIE, "Origin": "http://elsewhere"}, 403),
        ({**COOKIE, "Origin": "null"}, 403),
        ({"Origin": "http://elsewhere"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({**COOKIE, "Authorization": "Bearer gts_x", "Origin": "http://elsewhere"}, 200),
        ({**COOKIE, "Authorization": "Basic eDp5", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_change_by_cookie_comes_from_our_own_pages(caller: Client, headers: dict[str, str], status: int) -> None:
    told = post(caller, b'{"words": "a"}', **headers)
    assert told.status_code == status
    if status == 403:
        problem(told, 403, "cross_site_refused")
    assert caller.get(ECHO, headers=headers).status_code == 200


def test_only_hosts_of_this_installation_are_answered_for() -> None:
    with door(Manner(hosts=("guitu.example", "[::1]"))) as caller:
        for host in ("guitu.example", "GUITU.example:8321", "[::1]", "[::1]:8321"):
            assert caller.get(ECHO, headers={"Host": host}).status_code == 200, host
        for host in ("elsewhere.example", "guitu.example.elsewhere", "", "guitu.example@elsewhere"):
            problem(caller.get(ECHO, headers={"Host": host}), 421, "host_unknown")
        assert caller.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


def test_what_a_proxy_says_of_the_caller_is_believed_of_trusted_proxies_only() -> None:
    said = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1", "X-Forwarded-Proto": "https"}
    manner = Manner(trusted_proxies=("192.0.2.0/24",))
    with door(manner, client=("192.0.2.7", 1)) as caller:
        told = caller.get(ECHO, headers=said)
        assert (told.json()["source"], told.json()["scheme"]) == ("203.0.113.9", "https")
        assert "Strict-Transport-Security" in told.headers
    with door(manner, client=("198.51.100.7", 1)) as caller:
        told = caller.get(ECHO, headers=said)
        assert (told.json()["source"], told.json()["scheme"]) == ("198.51.100.7", "http")
        assert "Strict-Transport-Security" not in told.headers
    with door(client=("127.0.0.1", 1)) as caller:
        assert caller.get(ECHO, headers=said).json()["source"] == "127.0.0.1"


def test_whoever_takes_no_json_is_told_so(caller: Client) -> None:
    for accepted in ("text/html", "application/xml;q=1", "image/*"):
        problem(caller.get(ECHO, headers={"Accept": accepted}), 406, "not_acceptable")
    for accepted in ("*/*", "application/*", "text/html, application/json;q=0.1", "application/problem+json"):
        assert caller.get(ECHO, headers={"Accept": accepted}).status_code == 200
    assert caller.get(f"{ECHO}/content", headers={"Accept": "application/pdf"}).status_code == 200


# ── what goes out ──


def test_every_answer_bears_the_headers_that_keep_a_browser_from_doing_anything_with_it(caller: Client) -> None:
    for told in (caller.get(ECHO), caller.get("/api/v1/nothing"), caller.delete("/api/v1/echo/unforeseen"),
                 post(caller, b"{"), caller.get("/healthz")):  # fmt: skip
        assert told.headers["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert told.headers["X-Content-Type-Options"] == "nosniff"
        assert told.headers["Referrer-Policy"] == "no-referrer"
        assert told.headers["Cache-Control"] == "no-store"
        assert told.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert re.fullmatch(r"[0-9a-f]{16}", told.headers["Guitu-Request-Id"])
        assert "server" not in told.headers


def test_the_log_and_the_figures_tell_the_template_of_a_path_and_never_the_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.http.app.entries_waiting", lambda _: 3)
    with structlog.testing.capture_logs() as lines, door(client=("127.0.0.1", 1)) as caller:
        caller.get(f"/api/v1/echo/{CANARY}?limit=1&{CANARY}={CANARY}", headers={"User-Agent": "canary"})
        caller.get(f"/api/v1/{CANARY}/x")
        caller.request("BREW", ECHO)
        figures = caller.get("/metrics").text
    requests = [one for one in lines if one["event"] == "request"]
    assert [(one["route"], one["method"], one["status"]) for one in requests] == [
        ("/api/v1/echo/{name}", "GET", 200), ("none", "GET", 404), ("/api/v1/echo/{name}", "OTHER", 405),
        ("/metrics", "GET", 200),
    ]  # fmt: skip
    assert 'guitu_requests_total{method="GET",route="/api/v1/echo/{name}",status="200"} 1.0' in figures
    assert 'guitu_request_seconds_count{method="OTHER"' in figures
    assert "guitu_ledger_waiting 3.0" in figures
    assert CANARY not in figures + str(lines)
    assert "canary" not in figures + str(lines)


def test_figures_are_told_to_this_machine_unless_they_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http.app.entries_waiting", lambda _: 0)
    with door(client=("192.0.2.7", 1)) as caller:
        problem(caller.get("/metrics"), 403, "only_from_here")
    with door(client=None) as caller:
        problem(caller.get("/metrics"), 403, "only_from_here")
    with door(Manner(shows_metrics=True), client=("192.0.2.7", 1)) as caller:
        assert caller.get("/metrics").headers["Content-Type"].startswith("text/plain")
