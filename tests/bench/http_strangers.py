"""How long "there is no such case" takes, beside "there is one, and it is not yours".

Both are answered 404 in the same words. Whoever could tell them apart by the time they take would know which cases
there are. They take turns, in an order drawn anew for every pair, on one connection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import median, quantiles

from engine.vault.pseudonym import new_pseudonym
from tests.bench.http_requests import PREFIX, Connection, request

NOT_FOUND = 404
_WARM = 10


@dataclass(frozen=True, slots=True)
class Told:
    """Milliseconds until the answer came: medians, and the differences of the pairs (not yours, less none such).

    ``sure_low`` and ``sure_high`` hold the median difference of ever so many pairs in 95 of 100 runs.
    """

    database: str
    pairs: int
    none_such_ms: float
    not_yours_ms: float
    difference_ms: float
    low: float
    high: float
    sure_low: float
    sure_high: float


def told_apart(kind: str, port: int, token: str, theirs: Sequence[str], pairs: int) -> Told:
    """Ask so often for a case of somebody else, and for one that does not exist."""
    drawn = random.Random(pairs)
    spent: list[tuple[float, float]] = []
    with Connection(port) as connection:
        for turn in range(-_WARM, pairs):
            two = [new_pseudonym(), theirs[turn % len(theirs)]]
            order = [0, 1] if drawn.randrange(2) else [1, 0]
            found = {place: _asked(connection, two[place], token) for place in order}
            if turn >= 0:
                spent.append((found[0], found[1]))
    differences = sorted(other - none for none, other in spent)
    low, middle, high = quantiles(differences, n=4)
    reach = ceil(0.98 * sqrt(pairs))
    return Told(
        kind, pairs, median(none for none, _ in spent), median(other for _, other in spent), middle, low, high,
        differences[max(0, pairs // 2 - reach)], differences[min(pairs - 1, pairs // 2 + reach)],
    )  # fmt: skip


def _asked(connection: Connection, case: str, token: str) -> float:
    sent = request("GET", f"{PREFIX}/cases/{case}", token)
    before = time.perf_counter()
    reply = connection.ask(sent)
    spent = time.perf_counter() - before
    if reply.status != NOT_FOUND:
        raise RuntimeError(f"a case of somebody else was answered {reply.status}")
    return 1000 * spent
