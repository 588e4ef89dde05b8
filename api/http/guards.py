"""The outer guards of the REST door: the receipt of each request, its error page, and the time it may take."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import traceback
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.bodies import route_path
from api.http.languages import spoken
from api.http.problems import answer
from engine.errors import AnswerTooLate, GuituError, NotAcceptable, TooBusy, Unforeseen
from engine.service.log import log

MOST_WAITING = 200
"""Requests that one process has taken in and not answered yet; whoever comes then is asked to come again."""
REQUEST_SECONDS = 30.0
"""After which an answer is given up; uploads and downloads take as long as they go on."""
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The content policy of answers for programs: a browser that shows one loads and runs nothing."""
HSTS = "max-age=31536000"
NO_ROUTE = "none"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JSON = re.compile(r"\*/\*|application/(?:\*|json|problem\+json)")
_HOUSE = Path(__file__).resolve().parents[2]


class Counters(Protocol):
    """Counts requests; ``route`` is the template of the path, never the path."""

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""


class Receipt:
    """Outermost ASGI middleware: number, security headers, one log line and one count for each request."""

    def __init__(self, app: ASGIApp, templates: dict[int, str], counters: Counters) -> None:
        self.app = app
        self._templates = templates
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and tell the log that it was answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = number = secrets.token_hex(8)
        begun, status = time.perf_counter(), 0

        async def send_with(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _put_headers(MutableHeaders(scope=message), scope, number)
            await send(message)

        try:
            await self.app(scope, receive, send_with)
        finally:
            self._tell(scope, status, time.perf_counter() - begun)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        """``status`` 0: the caller hung up before there was an answer."""
        route = self._templates.get(id(scope.get("route")), NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._counters.count(route, method, status, seconds)
        unit = scope["state"].get("unit")
        log(
            "request", request=scope["state"]["request_id"], route=route, method=method, status=status,
            milliseconds=round(seconds * 1000), **({"unit": unit} if unit else {}),
        )  # fmt: skip


def _put_headers(headers: MutableHeaders, scope: Scope, number: str) -> None:
    headers["Guitu-Request-Id"] = number
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", NOTHING_RUNS)
    if route_path(scope).startswith("/api/") or "cache-control" not in headers:
        headers["Cache-Control"] = "no-store"
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = HSTS


class ErrorPage:
    """ASGI middleware: whatever is raised inside becomes a problem document; of what nobody foresaw only a number."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or tell what went wrong. After an answer has begun it is broken off."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def noticed(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, noticed)
            return
        except GuituError as error:
            raised: GuituError = error
        except Exception as error:
            raised = _unforeseen(error, scope["state"]["request_id"])
        if not has_begun:
            await tell(raised, scope, receive, send)


def _unforeseen(error: Exception, number: str) -> Unforeseen:
    """The log gets the kind of error and where it was raised; its words may hold anything."""
    structlog.get_logger().error("unforeseen", request=number, kind=type(error).__name__, where=where(error))
    return Unforeseen(
        f"程序内部错误，事件编号 {number}；请将编号告知系统管理员",
        f"internal error, incident {number}: give this number to an administrator",
        incident=number,
    )


def where(error: BaseException) -> str:
    """File and line of the innermost frames of the house and of all, without any path of the machine."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if _is_ours(Path(one.filename))]
    told = dict.fromkeys(f"{'/'.join(Path(one.filename).parts[-3:])}:{one.lineno}" for one in [*own[-1:], *frames[-1:]])
    return " < ".join(told)


def _is_ours(file: Path) -> bool:
    rooms = (_HOUSE / "engine", _HOUSE / "api")
    return any(file.is_relative_to(room) for room in rooms) and file != Path(__file__).resolve()


async def tell(error: GuituError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with an error, from outside the application."""
    response = answer(error, spoken(Headers(scope=scope)), scope["state"]["request_id"])
    await response(scope, receive, send)


class Patience:
    """ASGI middleware: an answer that takes too long is given up; what was begun goes on to its end all the same."""

    def __init__(self, app: ASGIApp, seconds: float = REQUEST_SECONDS) -> None:
        self.app = app
        self._seconds = seconds
        self._taken_in: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in time. Raises :class:`TooBusy`, :class:`AnswerTooLate` (nothing of an answer was sent by then)."""
        if scope["type"] != "http" or scope["state"].get("is_upload"):
            await self.app(scope, receive, send)
            return
        has_begun = is_given_up = False

        async def in_time(message: Message) -> None:
            nonlocal has_begun
            if not is_given_up:
                has_begun = True
                await send(message)

        if len(self._taken_in) >= MOST_WAITING:
            raise TooBusy("系统繁忙，请稍后再试；未办理", "too busy now, try again later; nothing was done")
        task = asyncio.ensure_future(self.app(scope, receive, in_time))
        self._taken_in.add(task)
        task.add_done_callback(self._taken_in.discard)
        await asyncio.wait({task}, timeout=self._seconds)
        if task.done() or has_begun:
            await task
            return
        is_given_up = True
        task.add_done_callback(_forget)
        raise AnswerTooLate(
            "未能及时答复；是否已办理不能确定：请用同一 Idempotency-Key 重试，或先查看现状",
            "no answer in time, and whether it was done is not known: ask again with the same Idempotency-Key, or look",
        )


def _forget(task: asyncio.Future[None]) -> None:
    """Whatever became of it: nobody waits any more. Asked for its error, so that nobody else logs it."""
    if not task.cancelled():
        task.exception()


class Manners:
    """ASGI middleware: says 406 to whoever takes no JSON. ``raw`` are the paths that answer with something else."""

    def __init__(self, app: ASGIApp, raw: Collection[re.Pattern[str]]) -> None:
        self.app = app
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. Raises :class:`NotAcceptable`."""
        if scope["type"] == "http" and route_path(scope).startswith("/api/"):
            accepted = Headers(scope=scope).get("accept", "*/*")
            if not _JSON.search(accepted.lower()) and not any(one.fullmatch(route_path(scope)) for one in self._raw):
                raise NotAcceptable("本接口以 application/json 答复", "answers are application/json")
        await self.app(scope, receive, send)
