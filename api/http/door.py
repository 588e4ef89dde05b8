"""What every route may ask for: the desk, who asks, in which language, and on which conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer

from engine.core.commands import Actor
from engine.service.desk import Desk

Language = Literal["zh", "en"]

bearer = HTTPBearer(auto_error=False, description="A sign-in of a person, or the token of a registered service.")


def desk_of(request: Request) -> Desk:
    """The desk of this process."""
    found = request.app.state.desk
    assert isinstance(found, Desk), "the app is made with a desk"
    return found


TheDesk = Annotated[Desk, Depends(desk_of)]


def language_of(request: Request) -> Language:
    """The language the caller reads: of those it accepts the first we speak, else Chinese."""
    stated = request.headers.get("accept-language", "").lower()
    for part in stated.split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith(("zh", "en")):
            return "zh" if tag.startswith("zh") else "en"
    return "zh"


Spoken = Annotated[Language, Depends(language_of)]


def caller(request: Request, desk: TheDesk) -> Actor:
    """Who asks: a person who signed in, or a registered service, for one unit, as what and for which purpose.

    Raises :class:`NotSignedIn`, and what :func:`engine.service.sessions.present` raises.
    """
    raise NotImplementedError


Caller = Annotated[Actor, Depends(caller)]


@dataclass(frozen=True, slots=True)
class Conditions:
    """On which conditions a change is asked for: the revision looked at (``If-Match``), and a key to repeat it by."""

    expected_revision: int | None
    idempotency_key: str | None


def conditions(
    if_match: Annotated[str | None, Header(description='The ETag that was looked at, such as "7".')] = None,
    idempotency_key: Annotated[
        str | None, Header(description="A request repeated with the same key gets the first answer again.")
    ] = None,
) -> Conditions:
    """Read the two headers. Raises :class:`CommandMalformed`."""
    raise NotImplementedError


On = Annotated[Conditions, Depends(conditions)]
