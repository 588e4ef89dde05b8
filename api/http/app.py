"""The REST door as one application: its rooms, its guards and its error page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import compile_path
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.http import description, documentation, health
from api.http.bodies import Bodies
from api.http.guards import ErrorPage, Manners, Patience, Receipt
from api.http.metrics import Metrics
from api.http.origins import Origins
from api.http.problems import tell_error, tell_invalid, tell_status
from api.http.routes import (
    access,
    audit,
    board,
    case_acts,
    cases,
    definitions,
    directory,
    documents,
    emergencies,
    hand_offs,
    identities,
    leads,
    notices,
    people,
    provider,
    recoveries,
    requests,
    shared_data,
    sign_in,
    tokens,
    webhooks,
    worklists,
)
from engine.errors import GuituError
from engine.service.desk import Desk
from engine.service.readiness import entries_waiting

ROUTERS = (
    sign_in.router, recoveries.router, provider.router, tokens.router, definitions.router, leads.router,
    shared_data.router, cases.router, case_acts.router, hand_offs.router, documents.router, identities.router,
    requests.router, emergencies.router, worklists.router, board.router, notices.router, webhooks.router,
    people.router, directory.router, access.router, audit.router,
)  # fmt: skip
PREFIX = "/api/v1"
MOST_AT_ONCE = 8
"""Requests worked on at once in one process: as many as the database keeps connections for."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an application is served: for which hosts, behind which proxies, and to whom its figures are told.

    ``metrics_folder`` is where several processes keep their figures together.
    """

    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    shows_metrics: bool = False
    metrics_folder: Path | None = None
    root_path: str = ""


def make_app(desk: Desk, manner: Manner | None = None) -> FastAPI:
    """The application that serves this desk. Closing the desk is up to whoever made it."""
    served = manner or Manner()
    templates: dict[int, str] = {}
    uploads: list[re.Pattern[str]] = []
    raw: list[re.Pattern[str]] = []
    counters = Metrics(lambda: entries_waiting(app.state.desk), served.metrics_folder)
    app = FastAPI(
        title="Guitu 归途", version="1", openapi_url=None, docs_url=None, redoc_url=None,
        redirect_slashes=False, lifespan=_lifespan, root_path=served.root_path,
        middleware=[
            Middleware(_Reached),
            Middleware(ProxyHeadersMiddleware, trusted_hosts=list(served.trusted_proxies)),
            Middleware(Receipt, templates=templates, counters=counters),
            Middleware(ErrorPage),
            Middleware(Origins, hosts=served.hosts),
            Middleware(Manners, raw=raw),
            Middleware(Bodies, uploads=uploads),
            Middleware(Patience),
        ],
        exception_handlers={
            GuituError: tell_error, RequestValidationError: tell_invalid, HTTPException: tell_status,
        },
    )  # fmt: skip
    app.state.desk, app.state.metrics, app.state.shows_metrics = desk, counters, served.shows_metrics
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(health.router)
    app.include_router(documentation.router)
    for route in iter_route_contexts(app.routes):
        templates[id(route.original_route)] = route.path_format or ""
        pattern = compile_path(route.path or "")[0]
        uploads += [pattern] if any(kind != JSON for kind in _taken(route)) else []
        raw += [pattern] if any(kind != JSON for kind in _given(route)) else []
    app.openapi = lambda: description.described(app)  # type: ignore[method-assign]
    return app


class _Reached:
    """ASGI middleware: whoever calls on a socket of this machine has an address to be trusted by, ``unix``."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and not scope.get("client"):
            scope["client"] = ("unix", 0)
        await self.app(scope, receive, send)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Let no more routes work at once than there are connections: more would only wait at the database."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = MOST_AT_ONCE
    yield


def _taken(route: RouteContext) -> Iterator[str]:
    """The media types of the bodies a route says it takes itself."""
    extra = getattr(route.original_route, "openapi_extra", None) or {}
    yield from extra.get("requestBody", {}).get("content", {})


def _given(route: RouteContext) -> Iterator[str]:
    """The media types a route says it answers with, when it goes well."""
    answers = getattr(route.original_route, "responses", None) or {}
    yield from answers.get(200, {}).get("content", {})
