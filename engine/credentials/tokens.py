"""Opaque tokens: chance that says nothing, shown once and kept as SHA-256 only.

A token has 256 bits of chance, so its digest needs neither salt nor cost: there is nothing to try out. What a token is
for stands before it: a sign-in must not be taken for a ticket, nor either for the other.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Literal

Kind = Literal["gts", "gth", "gti"]
"""``gts``: a sign-in, ``gth``: a half one (the password was right), ``gti``: a one-time ticket."""
_BYTES = 32
_LETTERS = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_token(kind: Kind) -> str:
    """Make a token such as ``gts_…``, with 43 url-safe characters of chance behind the underscore."""
    return f"{kind}_{secrets.token_urlsafe(_BYTES)}"


def digest_of(token: str, kind: Kind) -> str | None:
    """The digest that a token of this kind is found by, 64 digits of hex; ``None`` for words that are none."""
    stated, _, letters = token.partition("_")
    if stated != kind or _LETTERS.fullmatch(letters) is None:
        return None
    return hashlib.sha256(token.encode("ascii")).hexdigest()
