"""The cookie by which a browser stays signed in: out of reach of its scripts, and sent to this installation alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import Request, Response

from api.http.door import COOKIE


def give(answer: Response, request: Request, name: str, value: str, ends_at: datetime) -> None:
    """Let the browser keep something for its way to a provider and back; over HTTPS it never sends it in the clear.

    Lax and not strict: it comes back from elsewhere.
    """
    answer.set_cookie(
        name, value, expires=ends_at, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


def take_back(answer: Response, request: Request, name: str) -> None:
    """Let the browser forget it."""
    answer.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https")


def give_session(answer: Response, token: str, ends_at: datetime, *, comes_from_elsewhere: bool = False) -> None:
    """Let the browser keep the token of a sign-in.

    Strict; but Lax for whoever ``comes_from_elsewhere``, from a provider: on the page she is sent on to, a strict one
    would not be sent yet. Changes are held to an Origin of this installation besides.
    """
    same: Literal["lax", "strict"] = "lax" if comes_from_elsewhere else "strict"
    answer.set_cookie(COOKIE, token, expires=ends_at, path="/", httponly=True, secure=True, samesite=same)


def forget_session(answer: Response) -> None:
    """Let a browser forget the token, if it has one."""
    answer.delete_cookie(COOKIE, path="/", httponly=True, secure=True, samesite="strict")
