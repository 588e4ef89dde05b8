"""Delivering notices to units' systems: one batch after the other, each entered in the ledger before it leaves.

What leaves are codes: which kind of notice, of which case by its pseudonym. A receiver that is gone, or fails for days,
is sent nothing more, and its supervisors are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from engine.errors import ContentUnreadable, KeyMaterialDamaged
from engine.service import deliveries, notices
from engine.service.account import Account
from engine.service.deliveries import Lease
from engine.service.desk import Desk, kept
from engine.service.webhook_posting import Post
from engine.service.webhook_secrets import Signed, signed, unseal
from engine.store.deliveries import DueRow
from engine.store.requests import NoticeRow
from engine.store.webhooks import CHANNEL
from engine.store.work import Work

FAILING = timedelta(days=5)
"""So long may everything fail before a webhook ends; a local setting of this program."""
GONE = "410"
UNREADABLE = "unreadable"
"""What is on record of a delivery whose webhook or case the vault could not open."""

Poster = Callable[[str, Signed], str]
Result = tuple[DueRow, bool, str]


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many deliveries arrived, and how many failed this time."""

    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A delivery with what is sent, and where; ``None`` when it cannot be told any more."""

    due: DueRow
    url: str
    signed: Signed | None


def deliver_due(desk: Desk, post: Poster | None = None) -> Delivered:
    """Deliver what is due now, and say what came of it.

    Raises what reading and writing raise, and without root keys :class:`KeysMissing` once anything is due.
    """
    delivered = failed = 0
    while True:
        results = deliver_batch(desk, post)
        if not results:
            return Delivered(delivered, failed)
        arrived = sum(1 for _, is_delivered, _ in results if is_delivered)
        delivered, failed = delivered + arrived, failed + len(results) - arrived


def deliver_batch(desk: Desk, post: Poster | None = None) -> list[Result]:
    """Deliver one batch of what is due now, if anything is."""
    with desk.database.reading() as work:
        if not work.is_delivery_due(CHANNEL, desk.clock()):
            return []
        is_trial = work.is_trial()
    try:
        lease, ready = _taken(desk)
    except _OthersAreAtIt:
        return []
    send = post or Post(desk.webhook_networks, is_trial)
    with ThreadPoolExecutor(len(ready)) as together:
        results = list(together.map(lambda one: _tried(one, send), ready))
    _settle(desk, lease, results)
    return results


class _OthersAreAtIt(Exception):
    """Another worker was faster: there is nothing to send, and nothing to enter."""


def _taken(desk: Desk) -> tuple[Lease, list[_Ready]]:
    """Lease a batch, sign it, and enter that it leaves: what cannot be entered is not sent."""
    account = Account("webhook:deliver")
    with desk.changing(account) as work:
        now = desk.clock()
        lease = deliveries.take(work, CHANNEL, now)
        if not lease.taken:
            raise _OthersAreAtIt
        ready = [_ready(desk, due, work, account, now) for due in lease.taken]
        account.details |= {
            "deliveries": len(ready),
            "webhooks": len({one.due.target for one in ready}),
            "again": sum(1 for one in ready if one.due.attempts),
        }
    return lease, ready


def _ready(desk: Desk, due: DueRow, work: Work, account: Account, now: datetime) -> _Ready:
    webhook, notice = work.webhook(due.target), work.notice(due.notice)
    assert webhook is not None, "a delivery is made for a webhook"
    assert notice is not None, "the database holds that it exists"
    house = desk.safe.house(work)
    try:
        known = unseal(webhook.sealed, webhook.id, house)
        key = desk.safe.key_for(notice.case_id, work) if notice.case_id else None
    except (ContentUnreadable, KeyMaterialDamaged):  # it holds up nothing else
        return _Ready(due, "", None)
    if key is not None:
        account.read(key)
    return _Ready(due, known.url, signed(body_of(notice, webhook.unit), notice.id, known, now))


def body_of(notice: NoticeRow, unit: str) -> bytes:
    """What a unit's system is sent of a notice: codes, and when it was written."""
    is_of_hand_off = notice.kind.startswith("hand_off_")
    return msgspec.json.encode({
        "type": f"notice.{notice.kind}",
        "timestamp": notice.at,
        "data": {
            "notice": notice.id, "kind": notice.kind, "case": notice.case_id, "about": notice.about,
            "hand_off": notice.about if is_of_hand_off else None, "unit": unit,
        },
    })  # fmt: skip


def _tried(one: _Ready, send: Poster) -> Result:
    outcome = UNREADABLE if one.signed is None else send(one.url, one.signed)
    return one.due, len(outcome) == 3 and outcome.startswith("2"), outcome


def _settle(desk: Desk, lease: Lease, results: Iterable[Result]) -> None:
    """Put on record what came of a batch, and end the webhooks that are gone."""
    with kept(desk.database) as work:
        now = desk.clock()
        heard = deliveries.settle(work, lease, results, now)
        arrived = {due.target for due, is_delivered, _ in heard if is_delivered}
        for webhook in arrived:
            work.webhook_succeeded(webhook, now)
        for webhook in {due.target for due, _, _ in heard} - arrived:
            work.webhook_failed(webhook, now)
    gone = {due.target for due, _, outcome in heard if outcome == GONE}
    for webhook in sorted(gone):
        _end(desk, webhook, "gone")
    for webhook in sorted({due.target for due, _, _ in heard} - arrived - gone):
        _end_if_failing(desk, webhook)


def _end_if_failing(desk: Desk, webhook: str) -> None:
    with desk.database.reading() as work:
        row = work.webhook(webhook)
    if row is not None and row.failing_since is not None and desk.clock() - row.failing_since >= FAILING:
        _end(desk, webhook, "failing")


def _end(desk: Desk, webhook: str, reason: str) -> None:
    """End a webhook that nobody ended, and tell the supervisors of its unit."""
    with desk.changing(Account("webhook:end", details={"webhook": webhook, "reason": reason})) as work:
        now = desk.clock()
        row = work.webhook(webhook, for_update=True)
        if row is not None and work.end_webhook(webhook, reason, at=now, by=None):
            work.give_up_deliveries(CHANNEL, webhook, now)
            notices.tell_supervisors(
                work, now, "webhook_ended", desk.directory(work).current(row.unit).id, about=webhook
            )
