"""A command of the engine as a route: one table row says its address and its words, the rest follows from the command.

The fields of a command that stand in its address are not said again in its body; the conditions come as headers.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from api.http.door import Caller, Conditions, On, TheDesk, etag
from api.http.problems import problems
from api.http.shapes.answers import AnswerShown, answer_shown
from api.http.shapes.commands import body_of
from api.http.shapes.plain import LARGEST_NUMBER, LONGEST_CODE, Asked
from engine.core.commands import Actor, Command, snake
from engine.errors import GuituError
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.read import moves

CaseCode = Annotated[
    str,
    Path(max_length=LONGEST_CODE, description="个案代号。 The pseudonym of the case.", examples=["GT-7K3M-9QXD-04RB"]),
]
Name = Annotated[
    str, Path(max_length=LONGEST_CODE, description="流程定义中的名称。 A name of the definition.", examples=["rescue"])
]
Number = Annotated[
    int, Path(ge=1, le=LARGEST_NUMBER, description="个案内的编号。 Its number in the case.", examples=[12])
]
_PLACES: Mapping[str, Any] = {"case": CaseCode, "track": Name, "duty": Name, "event": Number, "number": Number}
_PLACE = re.compile(r"\{([a-z_]+)\}")
_AT_ODDS = 409
_HEADERS = {
    "ETag": {
        "description": "个案的版本。 The revision of the case, for If-Match and If-None-Match.",
        "schema": {"type": "string", "examples": ['"8"']},
    },
    "Location": {
        "description": "新立之处。 Where what came to be is found.",
        "schema": {"type": "string", "examples": ["/api/v1/cases/GT-7K3M-9QXD-04RB"]},
    },
}
REFUSALS = (400, 401, 403, 404, 409, 410, 412, 415, 422, 503)
"""With which a command may be refused."""


@dataclass(frozen=True, slots=True)
class Act:
    """A command at an address below ``/cases/{case}``, with the words that describe it.

    ``numbered`` is the field that the case and the ``number`` of the address make up; ``without`` are fields that are
    not for this address.
    """

    command: type[Command]
    path: str
    summary: str
    zh: str
    en: str
    example: Mapping[str, Any] = field(default_factory=dict)
    method: str = "POST"
    status: int = 200
    numbered: str | None = None
    without: tuple[str, ...] = ()
    name: str = ""

    @property
    def operation(self) -> str:
        """The operation of the description: the name of the command, if it has no other."""
        return self.name or snake(self.command)

    @property
    def places(self) -> tuple[str, ...]:
        """What stands in the address, in its order."""
        return tuple(_PLACE.findall(f"/{{case}}{self.path}"))

    @property
    def said_elsewhere(self) -> frozenset[str]:
        """The fields of the command that its body does not hold."""
        numbered = () if self.numbered is None else (self.numbered,)
        return frozenset((*self.places, *numbered, *self.without))

    def command_of(self, places: Mapping[str, Any], said: Mapping[str, Any], **conditions: Any) -> Command:
        """The command that an address and a body ask for."""
        given = {
            **places,
            **{name: tuple(one) if _is_listed(self.command, name) else one for name, one in said.items()},
        }
        if self.numbered is not None:
            given[self.numbered] = f"{places['case']}/{given.pop('number')}"
        return self.command(**given, **conditions)


def _is_listed(kind: type[Command], name: str) -> bool:
    return next(str(one.type) for one in fields(kind) if one.name == name).startswith("tuple")


def answers(status: int, *headers: str, refused: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    """What a route declares: with which of our headers it answers, and with which problems."""
    return {status: {"headers": {name: _HEADERS[name] for name in headers}}, **problems(*refused)}


def add_acts(router: APIRouter, acts: Sequence[Act]) -> None:
    """Add a route for each act to a router whose prefix is that of the cases."""
    for act in acts:
        router.add_api_route(
            f"/{{case}}{act.path}", _route(act), methods=[act.method], status_code=act.status,
            operation_id=act.operation, name=act.operation, summary=act.summary, description=f"{act.zh}\n\n{act.en}",
            response_model=AnswerShown, responses=answers(act.status, "ETag", refused=REFUSALS),
        )  # fmt: skip


def _route(act: Act) -> Callable[..., AnswerShown]:
    """The function behind an address, with the parameters that the act has."""
    body = body_of(act.command, without=act.said_elsewhere, example=act.example)

    def carry(
        desk: Desk, actor: Actor, on: Conditions, request: Request, response: Response, **given: Any
    ) -> AnswerShown:  # fmt: skip
        said: Asked | None = given.pop("body", None)
        command = act.command_of(
            given, {} if said is None else said.model_dump(exclude_unset=True),
            expected_revision=on.expected_revision, idempotency_key=on.idempotency_key,
        )  # fmt: skip
        return carried_out(desk, command, actor, request, response)

    carry.__signature__ = _signature(act, body)  # type: ignore[attr-defined]
    return carry


def _signature(act: Act, body: type[Asked] | None) -> inspect.Signature:
    given: dict[str, Any] = {name: _PLACES[name] for name in act.places}
    given |= {"desk": TheDesk, "actor": Caller, "on": On, "request": Request, "response": Response}
    if body is not None:
        given["body"] = Annotated[body, Body()]
    return inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=one) for name, one in given.items()]
    )


def carried_out(desk: Desk, command: Command, actor: Actor, request: Request, response: Response) -> AnswerShown:
    """Carry out a command and say what it came to. Raises what ``handle`` raises."""
    with telling_how_it_stands(desk, command.case, actor):
        answer = handle(desk, command, actor)
    response.headers["ETag"] = etag(answer.revision)
    if answer.successor is not None:
        response.headers["Location"] = place_of(request, "show_case", case=answer.successor)
    return answer_shown(answer)


def place_of(request: Request, operation: str, **places: str) -> str:
    """The address of a resource, as the caller reaches it."""
    return request.url_for(operation, **places).path


@contextmanager
def telling_how_it_stands(desk: Desk, case: str, actor: Actor) -> Iterator[None]:
    """Let a refusal that is at odds with how the case stands say how it stands now, to whoever may see that.

    It is a look like any other, and entered as one.
    """
    try:
        yield
    except GuituError as refusal:
        if refusal.http == _AT_ODDS:
            refusal.details.update(_how_it_stands(desk, case, actor))
        raise


def _how_it_stands(desk: Desk, case: str, actor: Actor) -> dict[str, object]:
    try:
        sheet = moves(desk, case, actor)
    except GuituError:  # whoever may not look is told of the refusal alone
        return {}
    return {"current": sheet.revision, "moves": [f"{one.track}.{one.move}" for one in sheet.options if one.is_open]}
