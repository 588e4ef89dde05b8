"""A story's commands through the REST door: each as its request, each answer or problem as the engine's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI

from api.http.routes import case_acts, hand_offs
from api.http.routes.commanded import Act
from api.http.shapes.commands import body_of
from engine.core.commands import Actor, Command, OpenCase, Refer
from engine.errors import GuituError, Reason, all_errors
from engine.service.desk import Desk
from engine.service.handle import Answer
from engine.service.sessions import begin_trial

if TYPE_CHECKING:
    import httpx
    from starlette.testclient import TestClient

CASES = "/api/v1/cases"
ACTS: Mapping[str, Act] = {act.operation: act for act in (*case_acts.ACTS, *hand_offs.ACTS)}
ERRORS: Mapping[str, type[GuituError]] = {error.code: error for error in all_errors()}


def request_of(command: Command) -> tuple[str, str, dict[str, Any] | None]:
    """Method, address and body of the request that asks for a command."""
    if isinstance(command, OpenCase):
        said = {name: getattr(command, name) for name in ("area", "scope", "definition", "facts")}
        return "POST", CASES, said | {"documents": list(command.documents)}
    kind = type(command)
    operation = "end_referral" if isinstance(command, Refer) and command.ends else None
    act = ACTS[operation] if operation else next(one for one in ACTS.values() if one.command is kind)
    places = {name: getattr(command, name) for name in act.places if name != "number"}
    if act.numbered is not None:
        places["number"] = getattr(command, act.numbered).rpartition("/")[2]
    body = body_of(kind, without=act.said_elsewhere, example=act.example)
    said = {name: getattr(command, name) for name in (body.model_fields if body else ())}
    plain = {name: list(one) if isinstance(one, tuple) else one for name, one in said.items()}
    return act.method, f"{CASES}/{{case}}{act.path}".format(**places), plain if body else None


@dataclass
class OverHttp:
    """The door of a story that is an application; it serves whatever desk the story is told at."""

    app: FastAPI
    client: TestClient
    carried: int = 0

    def __post_init__(self) -> None:
        """Whoever calls speaks English, so that a problem says what the engine's error says."""
        self.client.headers["Accept-Language"] = "en"

    def __call__(self, desk: Desk, command: Command, actor: Actor) -> Answer:
        """What a command came to, asked for by somebody who has just signed in."""
        self.app.state.desk = desk
        self.carried += 1
        token = begin_trial(desk, actor.person, actor.unit).token
        method, path, body = request_of(command)
        answer = self.client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        return answer_of(answer)


def answer_of(answer: httpx.Response) -> Answer:
    """The answer of the engine that a response tells; raises the error of the engine that a problem tells."""
    document: dict[str, Any] = answer.json()
    if answer.status_code < 300:
        document.pop("remarks", None)
        return msgspec.convert(document, Answer)
    reasons = tuple(
        Reason(
            one["code"], one["message"], one["message"], tuple(one["clauses"]), one["provenance"], one["judged"]
        )
        for one in document.get("reasons", ())
    )  # fmt: skip
    raise ERRORS[document["code"]](document["detail"], document["detail"], reasons=reasons)
