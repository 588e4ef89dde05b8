"""What goes wrong, as RFC 9457 problem documents in the caller's language: one form for every error of the REST door.

No document repeats a value that was sent, nor says of an unforeseen error more than a number to ask for it by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.http.bodies import route_path
from api.http.languages import Language, spoken
from api.http.misfits import Misfit, misfits
from api.refusals import as_json, headline
from api.speech import Speech
from engine.errors import (
    GuituError,
    MediaTypeUnknown,
    MethodUnknown,
    RequestInvalid,
    RequestMalformed,
    RequestTooLarge,
    RequestTooSlow,
    RouteUnknown,
    StaleRevision,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""When to come again after a fault of the machine that says nothing about it."""

TITLES: Mapping[int, tuple[str, str]] = {
    400: ("请求无法读取", "The request cannot be read"),
    401: ("未登录", "Not signed in"),
    403: ("不允许", "Not permitted"),
    404: ("没有此项", "Not found"),
    405: ("不支持此方法", "Method not supported"),
    406: ("没有所要求的格式", "No such form"),
    408: ("请求过慢", "The request came too slowly"),
    409: ("与现状不符", "At odds with how things stand"),
    410: ("已删除", "Gone"),
    412: ("已有更新", "Changed meanwhile"),
    413: ("请求过大", "The request is too large"),
    415: ("不接受此格式", "Form not taken"),
    421: ("主机名不符", "Not this host"),
    422: ("不能办理", "Cannot be done as asked"),
    429: ("过于频繁", "Too often"),
    500: ("程序内部错误", "Internal error"),
    503: ("暂不可用", "Not available now"),
    507: ("存储已满", "Storage is full"),
}
"""What each status means, 中文 and English."""

_Text = Annotated[str, Field(max_length=4000)]
_Word = Annotated[str, Field(max_length=200)]


class UnmetCondition(BaseModel):
    """One condition that is not met, with its clause and where it comes from."""

    model_config = ConfigDict(extra="forbid")

    code: _Word
    message: _Text
    clauses: list[_Word] = Field(default=[], max_length=50)
    provenance: _Word
    provenance_label: _Word
    judged: dict[str, Any] = {}


class FieldError(BaseModel):
    """What is wrong with one field: where it stands (a JSON pointer in the body, else its name) and what is right."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(alias="in", max_length=10)]
    field: _Word
    detail: _Text


class Problem(BaseModel):
    """An error as RFC 9457 has it. ``title`` and ``detail`` are in the caller's language, ``code`` is stable."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "type": "urn:guitu:problem:conditions_unmet", "title": "Cannot be done as asked", "status": 422,
                "detail": "conditions not met (1)", "code": "conditions_unmet",
                "instance": "urn:guitu:request:0f3a5c7e9b1d2f48",
                "reasons": [{
                    "code": "comparison_before_placement", "message": "DNA comparison is not finished",
                    "clauses": ["CN-2015-11"], "provenance": "printed", "provenance_label": "printed",
                    "judged": {"comparison.done": False},
                }],
            }]
        },
    )  # fmt: skip

    type: _Word
    title: _Word
    status: Annotated[int, Field(ge=400, le=599)]
    detail: _Text
    code: _Word
    instance: _Word
    reasons: list[UnmetCondition] = Field(default=[], max_length=500)
    findings: list[_Text] = Field(default=[], max_length=500)
    policies: list[_Word] = Field(default=[], max_length=100)
    revision: int | None = None
    errors: list[FieldError] = Field(default=[], max_length=500)
    details: dict[str, Any] = {}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares about its errors, for ``responses``: the problem document under each of these statuses.

    What every route may answer (400, 406, 500, 503) need not be named.
    """
    return {
        status: {"model": Problem, "description": TITLES[status][1], "content": {MEDIA_TYPE: {}}}
        for status in sorted({*statuses, *EVERYWHERE})
    }


EVERYWHERE = (400, 406, 500, 503)


def answer(
    error: GuituError, language: Language, request_id: str, *, is_conditional: bool = False
) -> JSONResponse:  # fmt: skip
    """The problem document of an error. ``is_conditional``: the caller said which revision it looked at."""
    status = 412 if is_conditional and isinstance(error, StaleRevision) else error.http
    document = _document(error, status, language, request_id)
    headers = {"Content-Language": "zh-Hans" if language == "zh" else "en", "Vary": "Accept-Language"}
    headers |= _more_headers(error, status)
    return JSONResponse(document, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _document(error: GuituError, status: int, language: Language, request_id: str) -> dict[str, Any]:
    speech = Speech(language)
    zh, en = TITLES[status]
    told = as_json(speech, error)
    details = dict(error.details) if status < 500 else {}
    more: dict[str, object] = {
        "reasons": told["reasons"],
        "findings": told["findings"] if status < 500 else [],
        "policies": details.pop("policies", []),
        "revision": details.pop("current", None),
        "errors": _misfits(details.pop("errors", None), language),
        "details": _shown(told["details"], details),
    }
    return {
        "type": f"urn:guitu:problem:{error.code}", "title": speech.pick(zh, en), "status": status,
        "detail": headline(speech, error), "code": error.code, "instance": f"urn:guitu:request:{request_id}",
        **{name: value for name, value in more.items() if value not in (None, [], {})},
    }  # fmt: skip


def _misfits(found: object, language: Language) -> list[dict[str, str]]:
    return [one.as_json(language) for one in found if isinstance(one, Misfit)] if isinstance(found, list) else []


def _shown(plain: object, left: Mapping[str, object]) -> dict[str, object]:
    """Of the details as JSON holds them, those that no member of the document tells already."""
    assert isinstance(plain, dict)
    return {name: value for name, value in plain.items() if name in left}


def _more_headers(error: GuituError, status: int) -> dict[str, str]:
    """What the status asks for: how to sign in, when to come again, which methods there are."""
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="guitu"'}
    if status in (429, 503):
        after = error.details.get("retry_after", RETRY_SECONDS)
        return {"Retry-After": str(after)}
    if status in (408, 413):  # what else comes of that body is not waited for
        return {"Connection": "close"}
    if status == 405:
        return {"Allow": ", ".join(_words(error.details.get("allowed")))}
    return {}


def _words(found: object) -> Sequence[str]:
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


# ── what the application calls ──


def request_id_of(request: Request) -> str:
    """The number under which the log tells of a request: 16 hex digits."""
    return str(request.state.request_id)


async def tell_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an error of the house."""
    assert isinstance(error, GuituError)
    return answer(error, spoken(request.headers), request_id_of(request), is_conditional="if-match" in request.headers)


async def tell_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that is not of its form: each field, and what would be right."""
    assert isinstance(error, RequestValidationError)
    return await tell_error(request, invalid(misfits(error.errors())))


def invalid(found: Sequence[Misfit]) -> RequestInvalid:
    """The error of a request in which these fields are not of their form."""
    places = "one place" if len(found) == 1 else f"{len(found)} places"
    return RequestInvalid(
        f"请求有 {len(found)} 处不符合格式，见 errors",
        f"the request is not of its form in {places}, see errors",
        errors=list(found),
    )


async def tell_status(request: Request, error: Exception) -> JSONResponse:
    """Answer what the application itself refuses: no such route, no such method, a body that broke off."""
    assert isinstance(error, HTTPException)
    return await tell_error(request, refusal_of(error.status_code, _methods_at(request)))


def _methods_at(request: Request) -> list[str]:
    """The methods of every route at the address asked: the router names only those of the first."""
    path = route_path(request.scope)
    found = (one for one in iter_route_contexts(request.app.routes) if compile_path(one.path or "")[0].fullmatch(path))
    return sorted({method for one in found for method in one.methods or ()})


_OF_STATUS: Mapping[int, Callable[[], GuituError]] = {
    404: lambda: RouteUnknown("没有此资源", "there is no such resource"),
    408: lambda: RequestTooSlow("请求内容传输中断，未办理", "the body stopped coming; nothing was done"),
    413: lambda: RequestTooLarge("请求内容过大", "the body is too large"),
    415: lambda: MediaTypeUnknown("此处不接受这种格式", "a body of that form is not taken here"),
}


def refusal_of(status: int, methods: Sequence[str] = ()) -> GuituError:
    """The error of a bare status; ``methods``: of a 405, which ones there are."""
    if status == 405:
        listed = ", ".join(methods)
        return MethodUnknown(f"此资源只支持：{listed}", f"this resource knows only: {listed}", allowed=list(methods))
    if status in _OF_STATUS:
        return _OF_STATUS[status]()
    return RequestMalformed("请求无法读取", "the request cannot be read")
