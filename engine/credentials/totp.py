"""One-time codes as the second factor (RFC 6238): six digits, every 30 seconds, as every authenticator makes them.

A code counts in its own time step and in the one before and after; no step is taken twice or gone back behind, so a
code that somebody saw being typed is of no use.
"""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from datetime import datetime

import pyotp

SECONDS = 30
STEPS_OFF = 1
_SECRET_BYTES = 20
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
ISSUER = "Guitu"


def new_secret() -> bytes:
    """Make the secret of an authenticator: 160 bits, as long as its hash."""
    return secrets.token_bytes(_SECRET_BYTES)


def spelled(secret: bytes) -> str:
    """The secret as somebody types it into an authenticator."""
    return base64.b32encode(secret).decode("ascii")


def address(secret: bytes, person: str) -> str:
    """The ``otpauth://`` address that an authenticator reads from a square code."""
    return _codes(secret).provisioning_uri(name=person, issuer_name=ISSUER)


def step_of(now: datetime) -> int:
    """The time step of an instant."""
    return int(now.timestamp()) // SECONDS


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step."""
    return _codes(secret).generate_otp(step)


def accepted(secret: bytes, code: str, now: datetime, last_step: int | None) -> int | None:
    """The time step whose code this is, later than the one taken last; ``None`` when it is of none that counts."""
    typed = unicodedata.normalize("NFKC", code).replace(" ", "")
    if _CODE.fullmatch(typed) is None:
        return None
    here = step_of(now)
    found = None
    for step in range(max(0, here - STEPS_OFF), here + STEPS_OFF + 1):  # all of them, so that time tells nothing
        if secrets.compare_digest(code_at(secret, step), typed) and (last_step is None or step > last_step):
            found = step
    return found


def _codes(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(spelled(secret), digits=6, interval=SECONDS)
