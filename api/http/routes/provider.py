"""``/api/v1/sign-in/provider``: signing in by the organisation's own identity provider, and whose account is whose."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Path, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import ConfigDict, Field

from api.http.door import Caller, Source, TheDesk
from api.http.problems import problems
from api.http.session_cookie import give, give_session, take_back
from api.http.shapes.plain import Asked, Code, Shown
from engine.service import provider, provider_links
from engine.service.sessions import SignedIn

router = APIRouter(prefix="/sign-in/provider", tags=["sign-in"])

BROWSER = "guitu_provider"
"""The cookie that ties the return to the browser that was sent away."""
_LINKED: dict[str, Any] = {
    "id": "hqzvnbtwkmxr", "issuer": "https://id.example.org", "person": "officer-12", "since": "2026-11-22T02:00:00Z",
    "linked_by": "officer-30@fujian-police", "until": None, "unlinked_by": None,
}  # fmt: skip

LinkId = Annotated[
    str, Path(pattern="^[a-z]{12}$", examples=["hqzvnbtwkmxr"], description="关联代码。 The code of the link.")
]
After = Annotated[
    str | None, Query(pattern="^[a-z]{12}$", description="上一页的 next。 What the page before gave as next.")
]
Kept = Annotated[str, Cookie(alias=BROWSER, max_length=100, description="离开时所留。 What the browser was given.")]


class SentAway(Shown):
    """Where to go to sign in, and until when one must be back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "address": "https://id.example.org/auth?response_type=code&client_id=guitu&scope=openid",
                    "ends_at": "2026-11-22T02:10:00Z",
                }
            ]
        }
    )  # fmt: skip

    address: str
    ends_at: datetime


class SignedInByProvider(Shown):
    """A sign-in that has just begun; ``token`` is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "token": "gts_" + "x" * 43, "sign_in": "0f3a5c7e9b1d2f48", "person": "officer-12",
                    "ends_at": "2026-11-22T14:00:00Z", "idle_ends_at": "2026-11-22T02:30:00Z", "strong_until": None,
                    "means": ["provider"],
                }
            ]
        }
    )  # fmt: skip

    token: str
    sign_in: str
    person: str
    ends_at: datetime
    idle_ends_at: datetime
    strong_until: datetime | None
    means: list[str]


class LinkAsked(Asked):
    """Which account of the provider (its claim ``sub``) is which person enrolled here."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"person": "officer-12", "subject": "7f1d3c52-0b1e-4a53-9f0e-2f3c1d5b6a70"}]}
    )

    person: Code
    subject: Annotated[str, Field(min_length=1, max_length=provider_links.MOST_SUBJECT)]


class LinkShown(Shown):
    """A link. Which account it is cannot be read from it: only a keyed digest is kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINKED]})

    id: str
    issuer: str
    person: str
    since: datetime
    linked_by: str
    until: datetime | None
    unlinked_by: str | None


class LinksShown(Shown):
    """Links in the order of their codes; ``next`` is handed back as ``after`` for those that follow."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LINKED], "next": None}]})

    items: list[LinkShown]
    next: str | None


@router.get(
    "", operation_id="begin_provider_sign_in", summary="Go to the identity provider to sign in",
    response_model=SentAway,
    responses=problems(401, 404, 422) | {303: {"description": "To the provider: a browser that asks for a page."}},
    description=(
        "前往统一身份平台登录：浏览器直接转到该平台，其他调用方得到其地址。\n\n"
        "Sign in by the organisation's identity provider. A browser that asks for a page is sent there; anybody else "
        "gets the address. Only the browser that began it can complete it."
    ),
)  # fmt: skip
def begin(
    request: Request, desk: TheDesk,
    again: Annotated[
        bool, Query(description="在该平台重新验证身份。 Sign in there anew, whatever it remembers.")
    ] = False,
) -> Response:  # fmt: skip
    """Send somebody to the identity provider."""
    away = provider.begin(desk, again=again)
    answer: Response = (
        RedirectResponse(away.address, status_code=303)
        if _wants_page(request)
        else JSONResponse(SentAway(address=away.address, ends_at=away.ends_at).model_dump(mode="json"))
    )
    give(answer, request, BROWSER, away.browser, away.ends_at)
    return _unkept(answer)


@router.get(
    "/return", operation_id="complete_provider_sign_in", summary="Come back from the identity provider",
    response_model=SignedInByProvider,
    responses=problems(401, 404, 422) | {303: {"description": "Signed in by cookie: a browser that asks for a page."}},
    description=(
        "从统一身份平台返回：浏览器以 Cookie 登录，其他调用方得到登录令牌。\n\n"
        "Come back from the identity provider, once. A browser that asks for a page is signed in by cookie, anybody "
        "else gets the token. Whatever fails, the answer is the same."
    ),
)  # fmt: skip
def complete(  # noqa: PLR0917 - what the provider sends is what it is
    request: Request, desk: TheDesk, source: Source,
    state: Annotated[str, Query(max_length=100, description="离开时的状态值。 The state it was begun with.")],
    code: Annotated[str | None, Query(max_length=4096, description="授权码。 The authorization code.")] = None,
    iss: Annotated[str | None, Query(max_length=1000, description="平台标识。 Whom the return is from.")] = None,
    error: Annotated[str | None, Query(max_length=200, description="平台的拒绝。 That the provider refused.")] = None,
    browser: Kept = "",
) -> Response:  # fmt: skip
    """Sign in whoever comes back from the identity provider."""
    back = provider.Return(state, code, browser, source, issuer=iss, error=error)
    signed = provider.complete(desk, back)
    if _wants_page(request):
        answer: Response = RedirectResponse(f"{request.scope.get('root_path', '')}/", status_code=303)
        give_session(answer, signed.token, signed.ends_at, comes_from_elsewhere=True)
    else:
        answer = JSONResponse(_signed_in(signed).model_dump(mode="json"))
    take_back(answer, request, BROWSER)
    return _unkept(answer)


@router.post(
    "/links", operation_id="link_provider_account", status_code=201, summary="Link an account of the provider",
    responses=problems(401, 403, 404, 409, 422),
    description=(
        "将统一身份平台的账号关联到已登记的人员；单位和角色仍以本系统为准。\n\n"
        "Let an account of the identity provider be a person enrolled here. Units and roles stay those of this "
        "installation."
    ),
)  # fmt: skip
def link(desk: TheDesk, actor: Caller, asked: LinkAsked) -> LinkShown:
    """Let an account of the provider be a person enrolled here."""
    return _shown(provider_links.link(desk, actor, asked.person, asked.subject))


@router.get(
    "/links", operation_id="list_provider_links", summary="List the linked accounts of the provider",
    responses=problems(401, 403, 422),
    description=(
        "列出统一身份账号关联，已取消的也在内。\n\n"
        "List which persons are linked to accounts of the identity provider, ended links too."
    ),
)  # fmt: skip
def listed(desk: TheDesk, actor: Caller, after: After = None) -> LinksShown:
    """List the links, ended ones too."""
    page = provider_links.linked(desk, actor, after)
    return LinksShown(items=[_shown(one) for one in page.items], next=page.next)


@router.post(
    "/links/{link}/unlink", operation_id="unlink_provider_account", summary="End a link",
    responses=problems(401, 403, 404, 422),
    description=(
        "取消关联，并在各处结束该人员的登录。\n\n"
        "End a link at once, and every sign-in of that person."
    ),
)  # fmt: skip
def unlink(desk: TheDesk, actor: Caller, link: LinkId) -> LinkShown:
    """End a link at once, and every sign-in of that person."""
    return _shown(provider_links.unlink(desk, actor, link))


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "").lower()


def _unkept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _signed_in(one: SignedIn) -> SignedInByProvider:
    return SignedInByProvider(
        token=one.token, sign_in=one.sign_in, person=one.person, ends_at=one.ends_at, idle_ends_at=one.idle_ends_at,
        strong_until=one.strong_until, means=list(one.means),
    )  # fmt: skip


def _shown(one: provider_links.Link) -> LinkShown:
    return LinkShown(
        id=one.id, issuer=one.issuer, person=one.person, since=one.since, linked_by=one.linked_by, until=one.until,
        unlinked_by=one.unlinked_by,
    )  # fmt: skip
