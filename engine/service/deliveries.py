"""Deliveries of notices: what is due is leased, tried, and settled; at least once, and never by two at the same time.

Every channel takes its leases here. A lease that runs out, because whoever held it was killed, is anybody's again, and
what its holder says later is not heard.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.store.deliveries import DueRow, SettledRow
from engine.store.work import Work

LEASE = timedelta(seconds=60)
"""How long whoever takes deliveries has for them; six times what a try may last."""
MOST_TOGETHER = 16
"""Deliveries in one batch, tried side by side."""
MOST_FOR_ONE = 4
"""Of these so many to one target: a slow one does not hold up the others."""
_LOOKED_AT = 256
AGAIN_AFTER = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
"""How long after each try that failed the next one comes (the schedule that standardwebhooks.com recommends)."""
_JITTER = 0.1

Chance = Callable[[], float]
"""A number from 0 up to 1."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What somebody took, until when."""

    code: str
    until: datetime
    taken: tuple[DueRow, ...]


def take(work: Work, channel: str, now: datetime) -> Lease:
    """Lease what is due now, at most one batch of it; to be committed before anything is sent."""
    per_target: Counter[str] = Counter()
    taken: list[DueRow] = []
    for due in work.due_deliveries(channel, now, _LOOKED_AT):
        if len(taken) < MOST_TOGETHER and per_target[due.target] < MOST_FOR_ONE:
            per_target[due.target] += 1
            taken.append(due)
    lease = Lease(secrets.token_hex(8), now + LEASE, tuple(taken))
    for due in taken:
        work.lease_delivery(due, lease.code, lease.until)
    return lease


def settle(
    work: Work, lease: Lease, results: Iterable[tuple[DueRow, bool, str]], now: datetime, chance: Chance = random.random
) -> list[tuple[DueRow, bool, str]]:  # fmt: skip
    """Put on record what came of each try: whether it arrived, and a code for it.

    What failed is tried again later, and given up after the last time. Gives what of it was still held under
    the lease; the rest is another one's by now, and nothing is kept of it.
    """
    heard = []
    for due, is_delivered, outcome in results:
        row = _settled(due, is_delivered, outcome, now, chance())
        if work.settle_delivery(due, lease.code, row):
            heard.append((due, is_delivered, outcome))
    return heard


def _settled(due: DueRow, is_delivered: bool, outcome: str, now: datetime, chance: float) -> SettledRow:
    if is_delivered:
        return SettledRow("delivered", now, now, outcome)
    if due.attempts >= len(AGAIN_AFTER):
        return SettledRow("given_up", now, now, outcome)
    return SettledRow("waiting", now + AGAIN_AFTER[due.attempts] * (1 + _JITTER * chance), None, outcome)
