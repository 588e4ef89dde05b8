"""Posting a notice to a unit's system: to the very address that was judged, within ten seconds, reading no answer.

Whatever the other side does, the house learns one code from it: the status, or why there was none.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from engine.service.webhook_addresses import Address, Networks
from engine.service.webhook_secrets import Signed

SECONDS = 10.0
"""All of it, from looking up the name to the head of the answer; looking up itself ends when the system's own does."""
MOST_READ = 1024
"""Bytes taken from the line at once: so much of an answer's body may come along with its head, and is dropped."""
_POOL = httpx.Limits(max_connections=1, max_keepalive_connections=0)

Resolve = Callable[[str, int], Iterable[Address]]


def resolved(host: str, port: int) -> list[Address]:
    """The addresses a name means now. Raises :class:`OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(where[0]).partition("%")[0]) for *_, where in found))


@dataclass(frozen=True, slots=True)
class Post:
    """Posts to webhooks. ``networks`` are those the operator listed, ``resolve`` looks names up."""

    networks: Networks
    is_trial: bool
    resolve: Resolve = resolved
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context
    seconds: float = SECONDS

    def __call__(self, url: str, signed: Signed) -> str:
        """The status of the answer, or ``address``, ``timeout``, ``connection`` or ``answer``: what went wrong."""
        line = _Line(self, time.monotonic() + self.seconds)
        try:
            with (
                httpx.Client(transport=line, trust_env=False, follow_redirects=False, timeout=self.seconds) as client,
                client.stream("POST", url, content=signed.body, headers=signed.headers) as answer,
            ):
                return str(answer.status_code)
        except httpx.TimeoutException:
            return "timeout"
        except httpx.NetworkError:
            return "address" if line.judged.is_refused else "connection"
        except (httpx.HTTPError, httpx.InvalidURL):
            return "answer"


class _Line(httpx.HTTPTransport):
    """A way out that looks names up itself and ends in time."""

    def __init__(self, post: Post, until: float) -> None:
        trust = post.trust()
        super().__init__(verify=trust, trust_env=False, limits=_POOL)
        self.judged = _Judged(post, until)
        self._pool = httpcore.ConnectionPool(
            ssl_context=trust, max_connections=1, max_keepalive_connections=0, http1=True, http2=False,
            network_backend=self.judged,
        )  # fmt: skip


@dataclass
class _Judged(httpcore.NetworkBackend):
    """Connects to addresses that may be sent to, and to no others."""

    post: Post
    until: float
    is_refused: bool = False
    plain: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to an address of the name. Raises :class:`httpcore.ConnectError`, and a time-out."""
        try:
            found = list(self.post.resolve(host, port))
        except (OSError, UnicodeError, ValueError):
            found = []
        if not found:
            raise httpcore.ConnectError("no address")
        # One that may not be sent to among them is enough: nobody who means well has it there.
        if not all(self.post.networks.permits(one, host, is_trial=self.post.is_trial) for one in found):
            self.is_refused = True
            raise httpcore.ConnectError("address refused")
        for one in found[:-1]:
            try:
                return self._connected(one, port)
            except httpcore.ConnectError:
                continue  # the next one may be reached
        return self._connected(found[-1], port)

    def _connected(self, address: Address, port: int) -> httpcore.NetworkStream:
        return _Ending(self.plain.connect_tcp(str(address), port, _left(self.until)), self.until)


@dataclass
class _Ending(httpcore.NetworkStream):
    """A connection whose every act ends when all of it must have ended, however slowly the other side goes on."""

    inner: httpcore.NetworkStream
    until: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read a little."""
        return self.inner.read(min(max_bytes, MOST_READ), _left(self.until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self.inner.write(buffer, _left(self.until))

    def close(self) -> None:
        """Hang up."""
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Go on under TLS, with the name that was asked for."""
        return _Ending(self.inner.start_tls(ssl_context, server_hostname, _left(self.until)), self.until)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self.inner.get_extra_info(info)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("too late")
    return left
