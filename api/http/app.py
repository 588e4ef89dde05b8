"""The REST door as one application: its rooms, its guards and its error page."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

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
from engine.service.desk import Desk

ROUTERS = (
    sign_in.router, recoveries.router, provider.router, tokens.router, definitions.router, leads.router,
    shared_data.router, cases.router, case_acts.router, hand_offs.router, documents.router, identities.router,
    requests.router, emergencies.router, worklists.router, board.router, notices.router, webhooks.router,
    people.router, directory.router, access.router, audit.router,
)  # fmt: skip


def make_app(desk: Desk) -> FastAPI:
    """The application that serves this desk. Closing the desk is up to whoever made it."""
    app = FastAPI(title="Guitu 归途", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    app.state.desk = desk
    whole = APIRouter(prefix="/api/v1")
    for router in ROUTERS:
        whole.include_router(router)
    app.include_router(whole)
    return app
