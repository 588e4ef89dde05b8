"""``/api/v1/sign-in/password`` and ``/api/v1/sign-in/factors``: how one signs in oneself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.http.door import TheDesk, Token
from api.http.problems import problems
from api.http.shapes.plain import LONGEST_CODE
from api.http.shapes.sign_in import (
    FactorShown,
    FactorsShown,
    PasskeyConfirmed,
    PasskeyMade,
    PasswordSet,
    TotpConfirmed,
    TotpMade,
    factor_shown,
)
from engine.core.commands import Actor
from engine.service import second_factors, sessions

router = APIRouter(prefix="/sign-in")

FactorCode = Annotated[
    str,
    Path(max_length=LONGEST_CODE, description="第二验证方式代号。 Which second factor.", examples=["5f2c9a1e7b3d4068"]),
]
_CHANGING = problems(401, 403, 404, 409, 422)


def herself(desk: TheDesk, token: Token) -> Actor:
    """Whoever is signed in, perhaps only to enrol. Raises :class:`NotSignedIn`."""
    return sessions.present_enrolling(desk, token)


Herself = Annotated[Actor, Depends(herself)]


@router.put(
    "/password", operation_id="set_password", status_code=204, summary="Set one's password", responses=_CHANGING,
    description="设定本人密码；本人其他登录随即结束。已登记第二验证方式的，须近期再次出示。\n\n"
    "Set one's password; one's other sign-ins end. Whoever has a second factor shows it again first.",
)  # fmt: skip
def set_password(desk: TheDesk, person: Herself, body: PasswordSet) -> None:
    """Set one's password."""
    second_factors.set_password(desk, person, body.password)


@router.get(
    "/factors", operation_id="list_factors", summary="One's second factors", responses=problems(401),
    description="本人的第二验证方式。\n\nOne's own second factors.",
)  # fmt: skip
def listed(desk: TheDesk, person: Herself) -> FactorsShown:
    """List one's second factors."""
    return FactorsShown(items=[factor_shown(one) for one in second_factors.listed(desk, person)])


@router.post(
    "/factors/totp", operation_id="begin_totp", status_code=201, summary="Begin to enrol an authenticator",
    responses=_CHANGING,
    description="登记验证器（TOTP）第一步：取得密钥，仅显示一次。\n\n"
    "First call: the secret of the authenticator, shown this once. It counts when a code of it was shown.",
)  # fmt: skip
def begin_totp(desk: TheDesk, person: Herself) -> TotpMade:
    """Begin to enrol an authenticator."""
    made = second_factors.begin_totp(desk, person)
    return TotpMade(factor=made.factor, secret=made.secret, address=made.address)


@router.put(
    "/factors/totp/{factor}", operation_id="confirm_totp", summary="Confirm an authenticator by a code of it",
    responses=_CHANGING,
    description="登记验证器（TOTP）第二步：出示一个验证码。\n\nSecond call: show a code of it.",
)  # fmt: skip
def confirm_totp(desk: TheDesk, person: Herself, factor: FactorCode, body: TotpConfirmed) -> FactorShown:
    """Confirm an authenticator."""
    return factor_shown(second_factors.confirm_totp(desk, person, factor, body.code))


@router.post(
    "/factors/passkeys", operation_id="begin_passkey", status_code=201, summary="Begin to enrol a passkey",
    responses=_CHANGING,
    description="登记通行密钥第一步：取得浏览器所需的参数。\n\nFirst call: what the browser needs to make a passkey.",
)  # fmt: skip
def begin_passkey(desk: TheDesk, person: Herself) -> PasskeyMade:
    """Begin to enrol a passkey."""
    made = second_factors.begin_passkey(desk, person)
    return PasskeyMade(factor=made.factor, options=made.options)


@router.put(
    "/factors/passkeys/{factor}", operation_id="confirm_passkey", summary="Confirm a passkey by what the browser made",
    responses=_CHANGING,
    description="登记通行密钥第二步：提交浏览器生成的答复。\n\nSecond call: what the browser answered.",
)  # fmt: skip
def confirm_passkey(desk: TheDesk, person: Herself, factor: FactorCode, body: PasskeyConfirmed) -> FactorShown:
    """Confirm a passkey."""
    return factor_shown(second_factors.confirm_passkey(desk, person, factor, body.passkey))


@router.delete(
    "/factors/{factor}", operation_id="remove_factor", status_code=204, summary="Remove a second factor",
    responses=_CHANGING,
    description="移除本人的一种第二验证方式；最后一种不能移除。\n\n"
    "Remove one of one's second factors; the last one stays.",
)  # fmt: skip
def remove(desk: TheDesk, person: Herself, factor: FactorCode) -> None:
    """Remove a second factor."""
    second_factors.remove(desk, person, factor)
