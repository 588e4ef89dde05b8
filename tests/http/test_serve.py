"""``guitu serve`` as real processes: ready, asked, told to stop in the middle of a request."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api import serving, serving_processes
from api.http.wire import MOST_HEAD_BYTES
from api.serve_command import _hold_address
from api.serving_processes import Team
from engine.errors import CommandMalformed, ServingStopped
from engine.service.log import ALLOWED
from tests.api.conftest import PASSPHRASE, Guitu, passphrase_file
from tests.http.served import LONGEST, served_here, world_at


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of a world for trial with keys and a ledger."""
    return world_at(tmp_path_factory.mktemp("served") / "world")


SLOW = "POST /api/v1/cases HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
TOO_LARGE = (
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + "a" * 200_000,
    "GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + "a" * MOST_HEAD_BYTES + "\r\n\r\n",
)
HOSTILE = (
    "nonsense\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
)


def test_two_processes_answer_count_together_and_finish_what_they_are_at(home: Path) -> None:
    with (
        served_here(home, "--workers", "2") as served,
        httpx.Client(base_url=served.address, timeout=LONGEST) as asking,
    ):
        assert asking.get("/healthz").json() == {"status": "ok"}
        assert asking.get("/readyz").json() == {"status": "ok"}
        assert len(served.processes()) == 3
        assert PASSPHRASE.encode() not in b"".join(served.processes())
        assert asking.get("/api/v1/cases").status_code == 401
        assert asking.get("/api/v1/cases", headers={"Host": "elsewhere.example"}).status_code == 421
        for _ in range(20):
            assert served.said_to("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") == "200"
        figures = asking.get("/metrics").text
        assert 'guitu_requests_total{method="GET",route="/healthz",status="200"} 21.0' in figures
        assert re.search(r"^guitu_ledger_waiting \d+\.0$", figures, re.MULTILINE)
        assert [served.said_to(one) for one in TOO_LARGE] == ["431"] * len(TOO_LARGE)
        assert [served.said_to(one) for one in HOSTILE] == ["400"] * len(HOSTILE)
        with closing(served.begin(SLOW + '{"a": ')) as begun:
            time.sleep(0.3)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            begun.sendall(b'"b"}  ')
            answer = begun.recv(65_536).decode()
        assert answer.startswith("HTTP/1.1 401")
        assert "application/problem+json" in answer
        assert served.process.wait(LONGEST) == 0
        _hold_log(served.log, requests=26)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", served.port), timeout=1)


def _hold_log(log: Path, requests: int) -> None:
    """Every line is of the allow-list, and every request that could be read has one."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(line.keys() <= ALLOWED for line in lines)
    assert sum(line["event"] == "request" for line in lines) == requests
    assert {line["event"] for line in lines if line["level"] != "info"} <= {"library"}, lines


def test_a_socket_of_this_machine_serves_too_and_goes_with_the_process(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "s"
    options = ("--uds", str(place), "--root-path", "/guitu", "--behind-proxy")
    with served_here(home, *options) as served:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(place)), base_url="http://localhost", timeout=LONGEST
        ) as asking:
            assert place.stat().st_mode & 0o777 == 0o660
            told = asking.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
            assert told.json() == {"status": "ok"}
            assert "Strict-Transport-Security" in told.headers
            assert asking.get("/metrics").status_code == 403
            assert 'data-url="/guitu/api/v1/openapi.json"' in asking.get("/docs").text
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(LONGEST) == 0
    assert not place.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_beyond_this_machine_it_listens_behind_a_proxy_only(host: str) -> None:
    with pytest.raises(CommandMalformed):
        _hold_address(host, None, False)
    _hold_address(host, None, True)
    for near in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        _hold_address(near, None, False)


def test_what_is_not_ready_does_not_begin_to_serve(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "passphrase"
    wrong.write_text("another passphrase\n")
    wrong.chmod(0o600)
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(wrong))
    assert "passphrase_wrong" in Guitu(home).run("serve", "--port", "0", code=10).stderr
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(home)))
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        told = Guitu(home).run("serve", "--port", str(taken.getsockname()[1]), code=2)
    assert "cannot listen there" in told.stderr


class _Gone:
    """A process that ends when it is told, or at once."""

    exitcode = 1

    def __init__(self, is_alive: bool) -> None:
        self._is_alive = is_alive
        self.calls: list[str] = []

    def is_alive(self) -> bool:
        return self._is_alive

    def start(self) -> None:
        self.calls.append("start")

    def terminate(self) -> None:
        self.calls.append("terminate")
        self._is_alive = False

    def join(self, timeout: float) -> None:
        self.calls.append("join")


class _Soon:
    """Is told to stop after so many looks."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    def wait(self, timeout: float) -> bool:
        self._looks -= 1
        return self._looks < 0


def _team(monkeypatch: pytest.MonkeyPatch, alive: list[bool]) -> tuple[Team, list[_Gone]]:
    made: list[_Gone] = []
    team = Team(None)  # type: ignore[arg-type]  # what is served does not matter here

    def make(**_: Any) -> _Gone:
        made.append(_Gone(alive.pop(0)))
        return made[-1]

    monkeypatch.setattr(team, "_make", make)
    return team, made


def test_a_process_that_ends_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_processes, "EARLY_SECONDS", 0.0)
    team, made = _team(monkeypatch, [True, False, True])
    team.keep(2, _Soon(3))  # type: ignore[arg-type]
    assert [one.calls for one in made] == [["start", "terminate", "join"], ["start"], ["start", "terminate", "join"]]


def test_a_process_that_ends_at_once_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    team, made = _team(monkeypatch, [True, False])
    with pytest.raises(ServingStopped):
        team.keep(2, _Soon(3))  # type: ignore[arg-type]
    assert made[0].calls == ["start", "terminate", "join"]


def test_a_process_enters_heartbeats_and_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LOOK_SECONDS", 0.001)
    looks: list[int] = []
    over = threading.Event()
    server = SimpleNamespace(should_exit=False)

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            over.set()

    serving._watch(SimpleNamespace(look=look), over, server, os.getppid())  # type: ignore[arg-type]
    assert (len(looks), server.should_exit) == (3, False)
    over.clear()
    looks.clear()
    serving._watch(SimpleNamespace(look=look), over, server, -1)  # type: ignore[arg-type]
    assert server.should_exit
