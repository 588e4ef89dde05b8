"""What every route may ask for: the desk, who asks, in which language, and on which conditions.

What is read off the request alone is a coroutine, though it waits for nothing: a plain function would be sent to a
worker thread and back, one trip for each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from api.http.languages import Language, spoken
from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.errors import NotSignedIn, RequestMalformed
from engine.service import sessions, tokens
from engine.service.actors import read_purpose, read_role
from engine.service.desk import Desk

COOKIE = "guitu_session"
SERVICE = "gtk_"
"""How the tokens of registered services begin."""
_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_KeyText = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Za-z0-9._-]{1,64}$", "maxLength": 64})]
_TagText = Annotated[str, Field(json_schema_extra={"pattern": r'^(\*|(W/)?"[0-9]{1,9}")$', "maxLength": 13})]
"""Their forms as the description tells them; what is wrong with one is said here, not by Pydantic."""

bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer",
    description="A sign-in of a person (gts_…), or the token of a registered service (gtk_…).",
)  # fmt: skip
cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="cookie",
    description="A sign-in of a person, in a browser; a change then needs an Origin of this installation.",
)  # fmt: skip


async def desk_of(request: Request) -> Desk:
    """The desk of this process."""
    found = request.app.state.desk
    assert isinstance(found, Desk), "the app is made with a desk"
    return found


TheDesk = Annotated[Desk, Depends(desk_of)]


async def language_of(request: Request) -> Language:
    """The language the caller reads: of those it accepts the one it likes best that is spoken here, else Chinese."""
    return spoken(request.headers)


Spoken = Annotated[Language, Depends(language_of)]


async def source_of(request: Request) -> str:
    """The address of the caller as text, empty on a socket of this machine; behind a trusted proxy the one it tells."""
    return request.client.host if request.client is not None else ""


Source = Annotated[str, Depends(source_of)]


async def token_of(
    request: Request,
    by_header: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None,
    by_cookie: Annotated[str | None, Security(cookie)] = None,
) -> str:
    """The token that the caller presents; whoever sends ``Authorization`` is known by that alone.

    Raises :class:`NotSignedIn`.
    """
    is_by_cookie = "authorization" not in request.headers
    found = by_cookie if is_by_cookie else by_header.credentials if by_header is not None else None
    if not found:
        raise NotSignedIn("请先登录", "sign in first")
    return found


Token = Annotated[str, Depends(token_of)]

ActingAs = Annotated[
    str | None,
    Header(
        alias="Guitu-Acting-As", max_length=130, examples=["gulou-police:caseworker"],
        description="For which unit, and as what: UNIT or UNIT:ROLE. Needed by who holds roles in several units.",
    ),
]  # fmt: skip
ForPurpose = Annotated[
    str | None,
    Header(
        alias="Guitu-Purpose", max_length=64, examples=["case_handling"],
        description="For which purpose; case_handling if none is stated. A service states one its token is bound to.",
    ),
]  # fmt: skip


def caller(
    request: Request, desk: TheDesk, token: Token, acting_as: ActingAs = None, purpose: ForPurpose = None
) -> Actor:  # fmt: skip
    """Who asks: a person who signed in, or a registered service, for one unit, as what and for which purpose.

    Raises :class:`NotSignedIn`, :class:`CommandMalformed` for headers that are not of their form, and what
    :func:`engine.service.sessions.present` and :func:`engine.service.tokens.present` raise.
    """
    unit, role = read_acting_as(acting_as)
    stated = read_purpose(purpose) if purpose else None
    if token.startswith(SERVICE):
        found = tokens.present(desk, token, purpose=stated)
        if unit is not None and unit != found.unit:
            raise RequestMalformed(
                "服务只能代表其登记的单位", "a service acts for the unit it is registered for, and no other",
                place="header Guitu-Acting-As",
            )  # fmt: skip
    else:
        found = sessions.present(desk, token, unit=unit, role=role, purpose=stated or "case_handling")
    request.state.unit = found.unit
    return found


Caller = Annotated[Actor, Depends(caller)]


def read_acting_as(words: str | None) -> tuple[str | None, str | None]:
    """``UNIT`` or ``UNIT:ROLE`` as unit and role. Raises :class:`CommandMalformed`, which repeats no words."""
    if not words:
        return None, None
    unit, colon, role = words.partition(":")
    return hold_code("Guitu-Acting-As", unit), read_role(role) if colon else None


@dataclass(frozen=True, slots=True)
class Conditions:
    """On which conditions a change is asked for: the revision looked at (``If-Match``), and a key to repeat it by."""

    expected_revision: int | None
    idempotency_key: str | None


async def conditions(
    if_match: Annotated[
        _TagText | None,
        Header(max_length=200, examples=['"7"'], description='The ETag that was looked at, such as "7"; * for any.'),
    ] = None,
    idempotency_key: Annotated[
        _KeyText | None,
        Header(
            max_length=200, examples=["offer-2026-11-21-17"],
            description="1 to 64 of A-Z a-z 0-9 . _ - : a request repeated with the same key gets the first answer.",
        ),
    ] = None,
) -> Conditions:  # fmt: skip
    """Read the two headers. Raises :class:`RequestMalformed`."""
    if idempotency_key is not None and _KEY.fullmatch(idempotency_key) is None:
        raise RequestMalformed(
            "Idempotency-Key 应为 1 至 64 个字母、数字或 . _ -", "Idempotency-Key is 1 to 64 of A-Z a-z 0-9 . _ -",
            place="header Idempotency-Key",
        )  # fmt: skip
    return Conditions(_revision(if_match), idempotency_key)


On = Annotated[Conditions, Depends(conditions)]


def _revision(if_match: str | None) -> int | None:
    """The revision an ``If-Match`` names; none for ``*``. Of a list nobody would know which one was looked at."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise RequestMalformed(
            'If-Match 应为您看到的一个版本，例如 "7"', 'If-Match is the one ETag you looked at, such as "7"',
            place="header If-Match",
        )  # fmt: skip
    return int(found[1])


def etag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'
