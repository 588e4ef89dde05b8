"""Throttling of sign-ins: failures slow the next try down, at most by minutes, and never lock anybody out.

Counted is for a person at a source, and for a source as a whole, which may be the address of a whole office; those who
signed in from there lately are counted apart from strangers. So failures elsewhere slow nobody down here. A try is
counted before it is judged: what is tried at once, or cut off half-way, counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from engine.errors import SignInThrottled
from engine.service.desk import Desk
from engine.service.sign_in_rules import SignInRules, shipped
from engine.store.sign_in import FailureRow
from engine.store.work import Work

_MOST_DOUBLED = 20


@dataclass(frozen=True, slots=True)
class Try:
    """One try: whose, keyed digests of where it came from and of what it is counted under, and the wait in seconds.

    ``wait`` of 0: it may be judged; else it was not counted.
    """

    source: str
    pair: str
    whole: str
    wait: int


def take(desk: Desk, work: Work, person: str, source: str) -> Try:
    """Count a try of somebody from there, in a transaction of its own that is kept whatever comes of it.

    The same is asked of the record room for whoever it is, known or not: only keyed digests of the words are kept.
    """
    now, rules, house = desk.clock(), shipped(), desk.safe.house(work)
    place = house.locator(b"sign-in/source\0" + source.encode("utf-8", "surrogatepass"))
    name = person.encode("utf-8", "surrogatepass")
    is_usual = work.is_usual_source(_stored(person), place, now - timedelta(days=rules.usual_source_days))
    pair = house.locator(b"sign-in/pair\0" + place.encode() + b"\0" + name)
    whole = house.locator(b"sign-in/whole\0" + place.encode() + (b"\0usual" if is_usual else b"\0stranger"))
    rows = {key: work.failures(key, now) for key in sorted((pair, whole))}  # in one order: nobody waits in a circle
    now = desk.clock()  # again: whoever was at the rows before this try read the clock before it
    wait = max((row.wait_until - now).total_seconds() for row in rows.values())
    if wait > 0:
        return Try(place, pair, whole, ceil(wait))
    work.count_failures(_counted(rows[pair], now, rules, is_whole=False))
    work.count_failures(_counted(rows[whole], now, rules, is_whole=True))
    return Try(place, pair, whole, 0)


def hold(tried: Try) -> None:
    """Raise :class:`SignInThrottled` for a try that came too early; ``retry_after`` are seconds."""
    if tried.wait:
        raise SignInThrottled(
            f"登录失败次数较多，请 {tried.wait} 秒后再试",
            f"too many sign-ins failed lately: wait {tried.wait} s, then try again",
            retry_after=tried.wait,
        )


def went_well(desk: Desk, work: Work, tried: Try, *, is_whole: bool = True) -> None:
    """Take back what was counted for a try that was none; when a whole sign-in went well, all that failed before."""
    now = desk.clock()
    for key in sorted((tried.pair, tried.whole)):
        row = work.failures(key, now)
        left = 0 if is_whole and key == tried.pair else max(0, row.failures - 1)
        work.count_failures(replace(row, failures=left, wait_until=now))
    if is_whole:
        work.forget_failures(now - timedelta(minutes=shipped().forget_minutes) - timedelta(days=1))


def _counted(row: FailureRow, now: datetime, rules: SignInRules, *, is_whole: bool) -> FailureRow:
    begun, lasts = (row.since, rules.source_minutes) if is_whole else (row.last_at, rules.forget_minutes)
    is_over = now - begun >= timedelta(minutes=lasts)
    failures = 1 if is_over else row.failures + 1
    free = rules.source_failures_free if is_whole else rules.failures_free
    return FailureRow(row.key, failures, now if is_over else row.since, now, now + _delay(failures - free, rules))


def _delay(beyond: int, rules: SignInRules) -> timedelta:
    """How long to wait after so many failures beyond those that are free: 1 s, 2 s, 4 s and so on, up to the most."""
    if beyond <= 0:
        return timedelta()
    return timedelta(seconds=min(rules.most_delay_seconds, 2 ** min(beyond - 1, _MOST_DOUBLED)))


def _stored(person: str) -> str:
    """The words as a question to the record room: what it cannot hold is nobody's code."""
    return person if person.isprintable() and person.isascii() and len(person) <= 64 else ""
