"""``/api/v1/sign-in`` and ``/api/v1/sign-ins``: signing in and out, and showing a second factor again."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.door import Source, TheDesk, Token
from api.http.problems import problems
from api.http.routes import factors
from api.http.routes.factors import Herself
from api.http.session_cookie import forget_session, give_session
from api.http.shapes.sign_in import (
    EndedShown,
    HalfShown,
    PasskeyOptions,
    PasswordShownIn,
    ProofShown,
    ProofShownIn,
    SecondFactorShownIn,
    SignedInShown,
    SignInsShown,
    TicketShownIn,
    begun_shown,
    half_shown,
    signed_in_shown,
)
from engine.service import sessions, sign_in
from engine.service.sessions import SignedIn
from engine.service.sign_in import Half

router = APIRouter(tags=["sign-in"])
router.include_router(factors.router)


@router.post(
    "/sign-in", operation_id="sign_in", summary="Show a password", responses=problems(401, 422, 429),
    description="出示密码。已登记第二验证方式的须再出示；尚未登记的，登录后只可登记。失败原因一律不说明。\n\n"
    "Show a password. Whoever has a second factor is asked for it next; whoever has none is signed in to enrol one. "
    "Whatever was wrong, the answer is the same.",
)  # fmt: skip
def begin(desk: TheDesk, source: Source, body: PasswordShownIn, response: Response) -> SignedInShown | HalfShown:
    """Show a password."""
    begun = sign_in.begin(desk, body.person, body.password, source=source)
    return half_shown(begun) if isinstance(begun, Half) else _given(response, begun, by_cookie=body.cookie)


@router.post(
    "/sign-in/second-factor", operation_id="show_second_factor", summary="Show the second factor after the password",
    responses=problems(401, 422, 429),
    description="在密码之后出示第二验证方式（验证码或通行密钥），完成登录。\n\n"
    "Show a code or a passkey after the password, and be signed in.",
)  # fmt: skip
def finish(desk: TheDesk, source: Source, body: SecondFactorShownIn, response: Response) -> SignedInShown:
    """Show the second factor."""
    begun = sign_in.finish(desk, body.half, code=body.code, passkey=body.passkey, source=source)
    return _given(response, begun, by_cookie=body.cookie)


@router.post(
    "/sign-in/ticket", operation_id="sign_in_with_ticket", summary="Sign in with a one-time ticket",
    responses=problems(401, 422, 429),
    description="用一次性登录凭证登录，以设定密码、登记第二验证方式。凭证只能用一次。\n\n"
    "Sign in with a ticket that an administrator handed over, to set a password and enrol a second factor. It is good "
    "once.",
)  # fmt: skip
def with_ticket(desk: TheDesk, source: Source, body: TicketShownIn, response: Response) -> SignedInShown:
    """Sign in with a ticket."""
    return _given(response, sign_in.with_ticket(desk, body.ticket, source=source), by_cookie=body.cookie)


@router.post(
    "/sign-in/proof/options", operation_id="ask_proof_options", summary="Ask what to show a passkey with again",
    responses=problems(401, 409),
    description="再次出示通行密钥之前，取得浏览器所需的参数。\n\n"
    "What a browser needs to show a passkey again; for a code nothing need be asked before.",
)  # fmt: skip
def proof_options(desk: TheDesk, herself: Herself) -> PasskeyOptions:
    """Tell the browser how to show a passkey again."""
    return PasskeyOptions(options=sign_in.ask_again(desk, herself))


@router.post(
    "/sign-in/proof", operation_id="show_proof", summary="Show the second factor again",
    responses=problems(401, 403, 422, 429),
    description="再次出示第二验证方式，其后一段时间内可办理须从严验证的事项。\n\n"
    "Show the second factor again; for a while it then counts for what asks for it lately.",
)  # fmt: skip
def prove(desk: TheDesk, source: Source, herself: Herself, body: ProofShownIn) -> ProofShown:
    """Show the second factor again."""
    until = sign_in.prove(desk, herself, code=body.code, passkey=body.passkey, source=source)
    return ProofShown(strong_until=until)


@router.delete(
    "/sign-in", operation_id="sign_out", status_code=204, summary="Sign out", responses=problems(401),
    description="退出登录：此令牌即时失效。\n\nSign out: this token is of no use from now on.",
)  # fmt: skip
def end(desk: TheDesk, token: Token, response: Response) -> None:
    """Sign out."""
    sessions.end(desk, token)
    forget_session(response)


@router.delete(
    "/sign-ins", operation_id="sign_out_everywhere", summary="Sign out everywhere", responses=problems(401),
    description="在所有地方退出登录，本次登录也结束。\n\nEnd every sign-in of one's own, this one too.",
)  # fmt: skip
def end_all(desk: TheDesk, herself: Herself, response: Response) -> EndedShown:
    """Sign out everywhere."""
    ended = sessions.end_all(desk, herself)
    forget_session(response)
    return EndedShown(ended=ended)


@router.get(
    "/sign-ins", operation_id="list_sign_ins", summary="One's own sign-ins", responses=problems(401),
    description="本人的登录记录，新的在前。\n\nOne's own sign-ins, those that ended too, the newest first.",
)  # fmt: skip
def listed(desk: TheDesk, herself: Herself) -> SignInsShown:
    """List one's own sign-ins."""
    return SignInsShown(items=[begun_shown(one) for one in sessions.listed(desk, herself)])


def _given(response: Response, begun: SignedIn, *, by_cookie: bool) -> SignedInShown:
    """The sign-in as it is answered: its token in the document, or in a cookie that no script can read."""
    if by_cookie:
        give_session(response, begun.token, begun.ends_at)
    return signed_in_shown(begun, by_cookie=by_cookie)
