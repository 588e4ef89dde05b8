"""Timestamps of checkpoints by an authority outside (RFC 3161), asked over HTTP or by files carried there and back.

The authority sees 32 bytes, the digest of a signed note, and when it was asked.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn

from engine.errors import CommandMalformed, SignerRefused
from engine.ledger.timestamps import MOST_BYTES, BadTimestamp, Request, digest, request, stated, verified
from engine.service.desk import kept
from engine.store.database import Database
from engine.store.ledger import CheckpointRow

SECONDS = 20.0
"""How long an authority may take for each step of an answer."""

_FAULTS = {
    "form": ("不是 RFC 3161 时间戳应答", "it is no answer as RFC 3161 writes it"),
    "not granted": ("时间戳机构未予签发", "the authority did not grant it"),
    "another note": ("不是对本账任何检查点的时间戳", "it is not over a checkpoint of this ledger"),
    "another request": ("答的是另一次请求", "it answers another request"),
    "roots": ("根证书文件不可用", "the root certificates cannot be used"),
    "not proved": ("不能由所给根证书证明", "the root certificates do not prove it"),
}


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the address that was named is the one that is asked."""

    def redirect_request(self, *_: Any) -> None:
        """Answer that there is nothing to follow."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority at an HTTP or HTTPS address, and the root certificates (PEM) its answers are held against.

    Without any, its answers are kept for auditors who have them. Raises :class:`CommandMalformed` for another address.
    """

    url: str
    roots: tuple[bytes, ...] = ()
    seconds: float = SECONDS

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise CommandMalformed(
                "时间戳机构的地址须以 http:// 或 https:// 开头",
                "the address of an authority begins with http:// or https://",
            )

    def ask(self, query: bytes) -> bytes:
        """The answer to a TimeStampReq, unread, and straight from the address. Raises :class:`SignerRefused`."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())
        asked = urllib.request.Request(self.url, query, {"Content-Type": "application/timestamp-query"})
        try:
            with opener.open(asked, timeout=self.seconds) as answer:
                found: bytes = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            raise _unreachable() from None
        except (OSError, http.client.HTTPException, ValueError):
            raise _unreachable() from None
        return found


def anchor(database: Database, authority: Authority) -> datetime:
    """Have the last checkpoint timestamped, and keep the answer; give the time it states.

    Raises :class:`SignerRefused`: there is no checkpoint, the authority does not answer, its answer is not right, or
    it states a time of which one was kept already.
    """
    row = last_checkpoint(database)
    asked = request(row.note)
    return _keep(database, row, authority.ask(asked.der), authority.roots, asked)


def query(database: Database) -> bytes:
    """The question about the last checkpoint, to be carried to an authority. Raises :class:`SignerRefused`."""
    return request(last_checkpoint(database).note).der


def take(database: Database, response: bytes, roots: Sequence[bytes] = ()) -> datetime:
    """Keep an answer that was carried here, for the checkpoint it is over; give the time it states.

    Raises :class:`SignerRefused` for an answer that is over none, or of a second of which one was kept already.
    """
    with database.reading() as work:
        rows = work.checkpoints()
    try:
        over = digest(response)
    except BadTimestamp as bad:
        _refuse(bad)
    row = next((one for one in reversed(rows) if sha256(one.note).digest() == over), None)
    if row is None:
        _refuse(BadTimestamp("another note"))
    return _keep(database, row, response, roots, None)


def last_checkpoint(database: Database) -> CheckpointRow:
    """The last checkpoint. Raises :class:`SignerRefused` when nothing was signed yet."""
    with database.reading() as work:
        row = work.last_checkpoint()
    if row is None:
        raise SignerRefused("尚未签署任何检查点", "no checkpoint was signed yet", why="no checkpoint")
    return row


def _keep(
    database: Database, row: CheckpointRow, response: bytes, roots: Sequence[bytes], asked: Request | None
) -> datetime:
    try:
        at = verified(response, row.note, roots, asked) if roots else stated(response, row.note, asked)
    except BadTimestamp as bad:
        _refuse(bad)
    with kept(database) as work:
        if any((one.size, one.made_at) == (row.size, at) for one in work.timestamps()):
            raise SignerRefused(
                "这一检查点在该时刻的时间戳已经收入",
                "a timestamp of this checkpoint and this time was kept already",
                why="repeated",
            )
        work.add_timestamp(row.size, at, response)
    return at


def _refuse(bad: BadTimestamp) -> NoReturn:
    zh, en = _FAULTS[bad.why]
    raise SignerRefused(f"时间戳未收入：{zh}", f"the timestamp was not kept: {en}", why=bad.why)


def _unreachable() -> SignerRefused:
    return SignerRefused("时间戳机构没有应答", "the authority did not answer as it should", why="authority")
