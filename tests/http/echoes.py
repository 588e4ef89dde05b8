"""An application with the real guards and routes of no matter: what a request comes to before anything is done."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.http import app as door_app
from api.http.app import Manner, make_app
from api.http.door import On, Source, Spoken
from engine.errors import Reason, Refused, SignInThrottled, StaleRevision, StoreUnavailable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another client, which is not needed here
    from starlette.testclient import TestClient


class Client(TestClient):
    """Calls an application, and is given its answers."""


CANARY = "钟离渡鹤"
router = APIRouter(prefix="/echo", tags=["health"])


class Words(BaseModel):
    """What is sent to be sent back."""

    model_config = ConfigDict(extra="forbid")

    words: Annotated[str, Field(max_length=400_000)]
    many: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=3)] = []
    kind: Literal["one", "two"] = "one"
    more: dict[str, Any] = {}


@router.post("/{name}")
def echo(name: str, body: Words, on: On) -> dict[str, Any]:
    """What was sent."""
    return {"name": name, "words": body.words, "revision": on.expected_revision, "key": on.idempotency_key}


@router.get("/{name}")
def told(name: str, request: Request, spoken: Spoken, source: Source, limit: int = 3) -> dict[str, Any]:
    """How the caller looks from here."""
    return {"name": name, "language": spoken, "source": source, "scheme": request.url.scheme, "limit": limit}


@router.put("/{name}/content", openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}})
async def upload(name: str, request: Request) -> dict[str, Any]:
    """How much was sent."""
    return {"name": name, "size": sum([len(piece) async for piece in request.stream()])}


@router.get("/{name}/content", responses={200: {"content": {"application/pdf": {}}}})
def content(name: str) -> dict[str, Any]:
    """Something that says it is no JSON."""
    return {"name": name}


@router.delete("/{name}")
def break_it(name: str) -> None:
    """What goes wrong in the way its name says."""
    reason = Reason("not_yet", "尚未", "not yet", ("CN-1",), "printed", {"parameter:days": 30, "done": False})
    errors: dict[str, Exception] = {
        "unforeseen": ZeroDivisionError(CANARY),
        "stale": StaleRevision("已更新", "changed", current=9, expected=7),
        "refused": Refused("未满足", "unmet", reasons=(reason,)),
        "throttled": SignInThrottled("过于频繁", "too often", retry_after=17),
        "store": StoreUnavailable("不可用", "not available", fault=CANARY),
    }
    raise errors[name]


@contextmanager
def door(manner: Manner | None = None, **how: Any) -> Iterator[Client]:
    """A caller of such an application. ``how`` is how the caller looks, as a ``TestClient`` takes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door_app, "ROUTERS", (router,))
        made = make_app(None, manner)  # type: ignore[arg-type]  # none of these routes asks for a desk
    with Client(made, raise_server_exceptions=False, **how) as client:
        yield client
