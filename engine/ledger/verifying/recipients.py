"""To whom streams are sealed: to every auditor that the ledger itself announced, and to nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from engine.ledger.canonical import Value, time_of
from engine.ledger.verifying.report import Check, Place

GRACE = timedelta(seconds=60)
"""So long after a change a process may still open a stream for those who were the auditors before it."""


@dataclass(slots=True)
class _Pending:
    """An opening for other auditors than those known; a change in its own stream may explain it."""

    place: Place
    ids: frozenset[bytes]
    known: frozenset[bytes]
    is_blind: bool


class Recipients:
    """Follows who the auditors are."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._now: frozenset[bytes] = frozenset()
        self._until: dict[frozenset[bytes], str] = {}
        self._pending: dict[bytes, _Pending] = {}
        self._is_blind = False

    def opened(self, stream: bytes, ids: frozenset[bytes], at: str | None, place: Place) -> None:
        """Take an opening; ``at`` is None when it did not open."""
        if ids == self._now or self._is_soon(ids, at):
            self._check.checked += 1
        else:
            self._pending[stream] = _Pending(place, ids, self._now, self._is_blind)

    def changed(self, stream: bytes, act: str, key_id: Value, at: str) -> bool:
        """Take a change of the auditors, told in this stream; False when it names no key."""
        if type(key_id) is not str or len(key_id) != 64 or not set(key_id) <= set("0123456789abcdef"):
            return False
        own = frozenset({bytes.fromhex(key_id)})
        after = self._now | own if act == "auditor:add" else self._now - own
        if after != self._now:
            self._until[self._now] = at
            self._now = after
        pending = self._pending.get(stream)
        if pending is not None and pending.ids == after:
            del self._pending[stream]
            self._check.checked += 1
        return True

    def missed(self, stream: bytes) -> None:
        """Take an entry that may have told of a change and did not open: from here on nobody can say who they are."""
        self._is_blind = True
        if stream in self._pending:
            self._pending[stream].is_blind = True

    def finish(self, is_complete: bool) -> None:
        """Say what nothing explained."""
        self._check.counts["auditors"] = len(self._now)
        for one in self._pending.values():
            word = "recipient smuggled in" if one.ids - one.known else "recipient left out"
            odd = ", ".join(sorted(each.hex()[:16] for each in one.ids ^ one.known))
            if one.is_blind or not is_complete:
                self._check.gap("recipients unknown", one.place, odd)
            else:
                self._check.fault(word, one.place, odd)

    def _is_soon(self, ids: frozenset[bytes], at: str | None) -> bool:
        """Whether these were the auditors until just before."""
        until = self._until.get(ids)
        return until is not None and at is not None and time_of(at, "at") - time_of(until, "at") <= GRACE
