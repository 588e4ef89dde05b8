"""The guard of origins: for which hosts this installation answers; a change by cookie comes from its own pages.

A browser sends the cookie along with whatever any site asks of it; a bearer token only its owner can send. So only
requests without a token are held to where they come from.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.bodies import route_path
from api.http.door import COOKIE
from engine.errors import CrossSiteRefused, HostUnknown

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked by machines that know this one by its address."""
_OWN = ("same-origin", "none")


class Origins:
    """ASGI middleware. ``hosts`` are the names this installation answers for; none: for any."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self._hosts = frozenset(one.lower() for one in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. Raises :class:`HostUnknown`, :class:`CrossSiteRefused`."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if self._hosts and route_path(scope) not in PROBES and _name(headers.get("host", "")) not in self._hosts:
                raise HostUnknown("本系统不以此主机名服务", "this installation does not answer for that host")
            is_by_token = headers.get("authorization", "").lower().startswith("bearer ")
            if scope["method"] not in SAFE and not is_by_token and not _is_own(scope, headers):
                raise CrossSiteRefused(
                    "此请求不是从本系统的页面发出，已拒绝；程序请用 Authorization: Bearer",
                    "the request does not come from a page of this installation; programs send Authorization: Bearer",
                )
        await self.app(scope, receive, send)


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _is_own(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of ours, or it is no browser and carries no cookie."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() == f"{scope['scheme']}://{headers.get('host', '').lower()}"
    return f"{COOKIE}=" not in headers.get("cookie", "")
