"""The secrets of a webhook, and how a notice is signed with them (standardwebhooks.com, symmetric signatures ``v1``).

Address and secrets lie under one seal of the house. While a secret is changed, the one before it signs too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from engine.vault.keys import Cell, HouseKey, unreadable

PREFIX = "whsec_"
BOTH_SIGN = timedelta(hours=24)
"""How long the secret before the last change still signs; a local setting of this program."""
_SECRET_BYTES = 32


class Kept(msgspec.Struct, frozen=True):
    """What is sealed of a webhook: where it leads, its secret, and until when the one before it signs too."""

    url: str
    secret: str
    former: str | None = None
    former_until: datetime | None = None

    def __repr__(self) -> str:
        return "<Kept, not shown>"

    def changed(self, now: datetime) -> Kept:
        """The same address with a new secret. Whoever changes it twice is rid of the first one at once."""
        return Kept(self.url, new_secret(), self.secret, now + BOTH_SIGN)

    def both_until(self, now: datetime) -> datetime | None:
        """Until when two secrets sign, if they do now."""
        until = self.former_until
        return until if until is not None and now < until else None


@dataclass(frozen=True, slots=True)
class Signed:
    """A body and the three headers it is sent with."""

    body: bytes
    headers: dict[str, str]


def new_secret() -> str:
    """A secret in the form its owner sees once: ``whsec_`` and base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def seal(kept: Kept, webhook: str, house: HouseKey) -> bytes:
    """Seal what is kept of a webhook."""
    return house.seal(msgspec.json.encode(kept), _cell(webhook))


def unseal(sealed: bytes, webhook: str, house: HouseKey) -> Kept:
    """What :func:`seal` sealed. Raises :class:`ContentUnreadable`."""
    try:
        return msgspec.json.decode(house.unseal(sealed, _cell(webhook)), type=Kept)
    except msgspec.MsgspecError:
        raise unreadable("-") from None


def signed(body: bytes, message: str, kept: Kept, now: datetime) -> Signed:
    """A body with its headers: ``message`` is the same at every try, the instant is that of this one."""
    at = str(int(now.timestamp()))
    whole = b".".join((message.encode(), at.encode(), body))
    keys = [kept.secret]
    if kept.former is not None and kept.both_until(now) is not None:
        keys.append(kept.former)
    return Signed(body, {
        "content-type": "application/json", "webhook-id": message, "webhook-timestamp": at,
        "webhook-signature": " ".join(_signature(key, whole) for key in keys),
    })  # fmt: skip


def _signature(secret: str, whole: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, whole, hashlib.sha256).digest()).decode()


def _cell(webhook: str) -> Cell:
    return Cell("webhook", webhook, "sealed", 1)
