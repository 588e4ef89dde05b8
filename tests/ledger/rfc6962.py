"""The tree as RFC 6962 section 2.1 and RFC 9162 section 2.1 define it, written from their text and nothing else.

Slow on purpose: it shares no code and no idea with what it is held against. Ranges stand for the lists D[a:b].
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256


def entry(index: int) -> bytes:
    """Entry number ``index`` of the tests' log."""
    return f"entry {index}".encode()


def leaf(index: int) -> bytes:
    return sha256(b"\x00" + entry(index)).digest()


def leaves(low: int, high: int) -> list[bytes]:
    return [leaf(index) for index in range(low, high)]


@cache
def mth(low: int, high: int) -> bytes:
    """MTH(D[low:high])."""
    n = high - low
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return leaf(low)
    k = largest_power_of_two_below(n)
    return sha256(b"\x01" + mth(low, low + k) + mth(low + k, high)).digest()


def path(m: int, low: int, high: int) -> list[bytes]:
    """PATH(m, D[low:high])."""
    n = high - low
    if n == 1:
        return []
    k = largest_power_of_two_below(n)
    if m < k:
        return [*path(m, low, low + k), mth(low + k, high)]
    return [*path(m - k, low + k, high), mth(low, low + k)]


def proof(m: int, n: int) -> list[bytes]:
    """PROOF(m, D[0:n])."""
    return subproof(m, 0, n, True)


def subproof(m: int, low: int, high: int, b: bool) -> list[bytes]:
    """SUBPROOF(m, D[low:high], b)."""
    n = high - low
    if m == n:
        return [] if b else [mth(low, high)]
    k = largest_power_of_two_below(n)
    if m <= k:
        return [*subproof(m, low, low + k, b), mth(low + k, high)]
    return [*subproof(m - k, low + k, high, False), mth(low, low + k)]


def largest_power_of_two_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k
