"""Commands and looks as requests of HTTP, and a connection that sends them one after the other."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self

from api.http.routes import case_acts, hand_offs
from api.http.routes.commanded import Act as Row
from api.http.shapes.commands import CONDITIONS
from engine.core.commands import Command

PREFIX = "/api/v1"
_ROWS: Mapping[type[Command], Row] = {row.command: row for row in reversed((*case_acts.ACTS, *hand_offs.ACTS))}
"""Where each command is sent to: the first address of its kind."""
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)
_TAG = re.compile(rb'\r\netag: "([0-9]+)"', re.IGNORECASE)
HEAD_ENDS = b"\r\n\r\n"
_PIECE = 65_536
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, the revision that its ETag names, and the body."""

    status: int
    revision: int | None
    body: bytes

    @property
    def code(self) -> str:
        """What a refusal is called."""
        try:
            return str(json.loads(self.body)["code"])
        except (ValueError, KeyError, TypeError):
            return "unreadable"


def request(method: str, path: str, token: str, body: Any = None, more: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a request to the REST door, on a connection that is kept."""
    sent = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {token}", **(more or {})}
    if sent:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(sent))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + HEAD_ENDS + sent


def command_request(command: Command, token: str, expected: int | None) -> bytes:
    """A command as the request that asks for it, under its idempotency key, at the revision looked at."""
    row = _ROWS[type(command)]
    places = {name: getattr(command, name) for name in row.places if name != "number"}
    if row.numbered is not None:
        places["number"] = getattr(command, row.numbered).rpartition("/")[2]
    left = {
        one.name: getattr(command, one.name)
        for one in fields(command)
        if one.name not in row.said_elsewhere | CONDITIONS and _is_said(command, one)
    }
    more = {"Idempotency-Key": command.idempotency_key or ""} | (
        {} if expected is None else {"If-Match": f'"{expected}"'}
    )
    has_body = any(one.name not in row.said_elsewhere | CONDITIONS for one in fields(command))
    path = f"{PREFIX}/cases/{{case}}{row.path}".format_map(places)
    return request(row.method, path, token, left if has_body else None, more)


def _is_said(command: Command, one: Any) -> bool:
    """Whether a field says more than its default."""
    value = getattr(command, one.name)
    return bool(value) if one.default is MISSING and one.default_factory is not MISSING else value != one.default


def length_of(head: bytes) -> int:
    """How long the body after this head is."""
    found = _LENGTH.search(head)
    return int(found[1]) if found is not None else 0


def reply_of(head: bytes, body: bytes) -> Reply:
    """Read an answer."""
    tag = _TAG.search(head)
    return Reply(int(head[9:12]), int(tag[1]) if tag is not None else None, body)


class Connection:
    """One connection that is kept, on which one waits for every answer."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._socket.close()

    def ask(self, sent: bytes) -> Reply:
        """Send a request and wait for the answer."""
        self._socket.sendall(sent)
        found = bytearray()
        while (ends := found.find(HEAD_ENDS)) < 0:
            found += self._more()
        head, rest = bytes(found[:ends]), found[ends + len(HEAD_ENDS) :]
        while len(rest) < length_of(head):
            rest += self._more()
        return reply_of(head, bytes(rest))

    def _more(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionError("the server hung up")
        return piece
