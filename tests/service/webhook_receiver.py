"""A unit's own system to test at: a real receiver on this machine, verifying with the library of the specification."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

HUGE = 4 * 2**20


@dataclass
class Receiver:
    """What it was sent, and how it answers: with a status, or ``slow`` or ``huge`` or ``elsewhere``."""

    answers: list[int | str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    written: int = 0
    hold: threading.Event = field(default_factory=threading.Event)
    server: ThreadingHTTPServer = field(init=False)
    _known: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def take(self, body: bytes, headers: dict[str, str]) -> int | str:
        """Verify, refuse what came before, and say how to answer."""
        with self._lock:
            self.raw.append(body)
            self.headers.append(headers)
            answer = self.answers.pop(0) if self.answers else 204
            if answer != 204:
                return answer
            try:
                told = Webhook(self.secrets[-1]).verify(body, headers)
            except WebhookVerificationError as error:
                self.refused[str(error)] += 1
                return 400
            if headers["webhook-id"] in self._known:
                self.refused["replayed"] += 1
                return 409
            self._known.add(headers["webhook-id"])
            self.accepted.append(told)
            return 204


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = self.receiver.take(body, {name.lower(): value for name, value in self.headers.items()})
        try:
            self._answer(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, answer: int | str) -> None:
        if answer == "slow":
            self._drip()
        elif answer == "huge":
            self._pour()
        elif answer == "elsewhere":
            self.send_response(302)
            self.send_header("location", self.receiver.url)
            self.send_header("content-length", "0")
            self.end_headers()
        elif answer == "hang":
            self.receiver.hold.wait(20)
            self.close_connection = True
        else:
            self.send_response(int(answer))
            self.send_header("content-length", "0")
            self.end_headers()

    def _drip(self) -> None:
        """A head that never ends: one letter, and soon the next."""
        self.wfile.write(b"HTTP/1.1 204 No Content\r\nx-slow: ")
        while not self.receiver.hold.is_set():
            self.wfile.write(b"a")
            time.sleep(0.02)
        self.close_connection = True

    def _pour(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(HUGE))
        self.end_headers()
        for _ in range(HUGE // 4096):
            self.wfile.write(b"x" * 4096)
            self.receiver.written += 4096

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    made = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": made})
    made.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.server.daemon_threads = True
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.hold.set()
        made.server.shutdown()
        made.server.server_close()
        thread.join(5)
