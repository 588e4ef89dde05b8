"""The parser of requests, with bounds it has not of itself: how large a request's head is, and how long it takes."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 32 * 1024
"""Of the line and the headers of a request."""
HEAD_SECONDS = 10.0
"""In which a request must have told its headers, and a connection its first request."""
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)  # fmt: skip


class HeadTooLarge(Exception):
    """Told to the parser, and to nobody else."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is too large, or comes too slowly."""

    _head_bytes = 0
    _is_in_head = True
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection begins: its first request is due."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended."""
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Its headers are there."""
        self._stop_timer()
        self._is_in_head = False
        self._head_bytes = sum(len(name) + len(value) + 4 for name, value in self.headers) + len(self.url)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse()
            raise HeadTooLarge  # so that the parser goes no further
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Parse what came. What has no end of its headers yet is counted, since the parser would keep it all."""
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse()

    def send_400_response(self, msg: str) -> None:
        """Say that a request cannot be read, unless the caller was told already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _expect_head(self) -> None:
        self._stop_timer()
        self._is_in_head, self._head_bytes = True, 0
        self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _give_up(self) -> None:
        self.transport.close()
