"""One request of an operation of the description, as somebody, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response

from tests.http.sweep.operations import PLACES, ROWS, Row
from tests.http.sweep.worlds import Cell, Furnished
from tests.service.access.test_sweep import Dropped

METHODS = ("get", "post", "put", "patch", "delete")
DROPPED = "x-dropped"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the description: its name, how and where it is called, and with which body."""

    name: str
    method: str
    path: str
    kinds: tuple[str, ...]
    asks_who: bool


def operations_of(app: FastAPI) -> dict[str, Operation]:
    """Every operation of the description, by name."""
    return {
        said["operationId"]: Operation(
            said["operationId"], method, path, tuple(said.get("requestBody", {}).get("content", {})),
            bool(said.get("security")),
        )
        for path, item in app.openapi()["paths"].items()
        for method, said in item.items()
        if method in METHODS
    }  # fmt: skip


@dataclass
class Door:
    """The application in a world, and whoever calls it."""

    client: httpx.AsyncClient
    loop: asyncio.AbstractEventLoop
    operations: Mapping[str, Operation]

    def call(self, name: str, world: Furnished, cell: Cell | None, **more: str) -> httpx.Response:
        """Call an operation as its row says, as somebody, or as nobody in particular; with more headers."""
        return self.send(name, ROWS[name], world, None if cell is None else world.bearer(cell), **more)

    def send(self, name: str, row: Row, world: Furnished, bearer: str | None, **more: str) -> httpx.Response:
        """Call an operation as this row says, with this token."""
        one = self.operations[name]
        headers = {"Accept-Language": "en", **more}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        places = {place: fill(world) for place, fill in {**PLACES, **row.places}.items() if f"{{{place}}}" in one.path}
        content = row.raw
        if content is not None:
            headers |= {"Content-Type": one.kinds[0], "Content-Disposition": 'attachment; filename="page.txt"'}
        elif one.kinds:
            content = json.dumps(row.body_in(world)).encode()
            headers["Content-Type"] = "application/json"
        query = {key: word.format(case=world.case) for key, word in row.query.items()}
        asked = self.client.request(
            one.method.upper(), one.path.format(**places), params=query, content=content, headers=headers
        )
        return self.loop.run_until_complete(asked)


def came_of(answer: httpx.Response) -> str:
    """``done``, or the code of the refusal."""
    if answer.status_code < 400:
        return "done"
    code: Any = answer.json()["code"]
    return str(code)


def was_dropped(_: Request, __: Exception) -> Response:
    """The answer to an act that was carried out to its end, and then dropped."""
    return Response(headers={DROPPED: "1"})


@contextmanager
def open_door(app: FastAPI) -> Iterator[Door]:
    """The application, which for this while knows of acts that were dropped; called without a thread for the caller."""
    app.exception_handlers[Dropped] = was_dropped
    app.middleware_stack = None  # built anew, with that
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://testserver"
    )
    try:
        with asyncio.Runner() as runner:
            yield Door(client, runner.get_loop(), operations_of(app))
            runner.run(client.aclose())
    finally:
        del app.exception_handlers[Dropped]
        app.middleware_stack = None
