"""The guard of bodies: of a form that is taken, no larger than may be, in time, and strictly JSON if JSON at all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from email.message import Message as Mail
from urllib.parse import unquote_to_bytes

from fastapi.exceptions import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import strict_json
from engine.errors import MediaTypeUnknown, RequestMalformed, RequestTooLarge, RequestTooSlow
from engine.service.attachments import LARGEST

MOST_BYTES = 2**20
"""Of a JSON document."""
BODY_SECONDS = 30.0
"""In which a JSON document must have come; of an upload, each piece of it."""
ONCE = frozenset({
    "authorization", "content-length", "content-type", "content-encoding", "host", "origin", "if-match",
    "idempotency-key", "guitu-acting-as", "guitu-purpose",
})  # fmt: skip
"""Headers that two readers could read differently if they came twice."""


class Broken(HTTPException):
    """A body too large or too slow, found while a route reads it: FastAPI lets only its own errors pass there."""


def route_path(scope: Scope) -> str:
    """The path of a request below where the application is served."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class Bodies:
    """ASGI middleware: holds a request to what can be read, before anything of it is parsed.

    ``uploads`` are the patterns of the paths that take other bodies than JSON.
    """

    def __init__(self, app: ASGIApp, uploads: Sequence[re.Pattern[str]]) -> None:
        self.app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that may be read. Raises the errors of a request that may not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _hold_line(scope)
        _hold_once(headers)
        if not _has_body(headers):
            await self.app(scope, receive, send)
        elif self._is_upload(scope, headers):
            _hold_size(headers, LARGEST)
            scope["state"]["is_upload"] = True
            await self.app(scope, _counted(receive, LARGEST), send)
        else:
            _hold_json(headers)
            _hold_size(headers, MOST_BYTES)
            body = await _whole(receive)
            if body is not None:
                strict_json.hold(body)
                await self.app(scope, _again(body, receive), send)

    def _is_upload(self, scope: Scope, headers: Headers) -> bool:
        kind = _kind(headers)[0]
        return kind != "application/json" and any(one.fullmatch(route_path(scope)) for one in self._uploads)


def _hold_line(scope: Scope) -> None:
    """Path and query must be UTF-8 without NUL: the record room takes neither, and nobody writes them by mistake."""
    for part, place in ((scope.get("raw_path") or b"", "path"), (scope.get("query_string") or b"", "query")):
        plain = unquote_to_bytes(part)
        try:
            is_text = "\0" not in plain.decode("utf-8")
        except UnicodeDecodeError:
            is_text = False
        if not is_text:
            raise RequestMalformed(
                f"{place} 不是有效的 UTF-8 文字", f"the {place} is no valid UTF-8 text", place=place
            )  # fmt: skip


def _hold_once(headers: Headers) -> None:
    for name in ONCE:
        if len(headers.getlist(name)) > 1:
            raise RequestMalformed(f"请求头 {name} 重复", f"the header {name} comes twice", place=f"header {name}")


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _kind(headers: Headers) -> tuple[str, str]:
    """Media type and character set of a body, in small letters."""
    mail = Mail()
    mail["content-type"] = headers.get("content-type", "")
    return mail.get_content_type() if "content-type" in headers else "", (mail.get_content_charset() or "utf-8")


def _hold_json(headers: Headers) -> None:
    kind, charset = _kind(headers)
    if kind != "application/json" or charset not in ("utf-8", "us-ascii"):
        raise MediaTypeUnknown(
            "请求内容应为 application/json（UTF-8），并注明 Content-Type",
            "the body must be application/json in UTF-8, and Content-Type must say so",
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaTypeUnknown("请求内容不得压缩", "the body must not be compressed (Content-Encoding)")


def _hold_size(headers: Headers, most: int) -> None:
    """Refuse what says itself that it is too large, before it is read."""
    stated = headers.get("content-length", "0")
    if not stated.isascii() or not stated.isdigit() or len(stated) > 18:
        raise RequestMalformed("Content-Length 不是数字", "Content-Length is no number", place="header content-length")
    if int(stated) > most:
        raise _too_large(most)


def _too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"请求内容最多 {most // 2**20} MiB", f"the body may be at most {most // 2**20} MiB", most=most
    )


async def _whole(receive: Receive) -> bytes | None:
    """The whole body, or ``None`` when the caller hung up. Raises what is said of a body too large or too slow."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _gathered(receive)
    except TimeoutError:
        raise RequestTooSlow(
            "请求内容未在 30 秒内传完，未办理", "the body did not come within 30 seconds; nothing was done"
        ) from None


async def _gathered(receive: Receive) -> bytes | None:
    found = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        found += message.get("body", b"")
        if len(found) > MOST_BYTES:
            raise _too_large(MOST_BYTES)
        more = message.get("more_body", False)
    return bytes(found)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, then what comes after it."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return left.pop() if left else await receive()

    return give


def _counted(receive: Receive, most: int) -> Receive:
    """Gives an upload piece by piece, as long as it is not too large and goes on. Raises :class:`Broken`."""
    seen = 0

    async def give() -> Message:
        nonlocal seen
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            raise Broken(408) from None
        seen += len(message.get("body", b""))
        if seen > most:
            raise Broken(413)
        return message

    return give
