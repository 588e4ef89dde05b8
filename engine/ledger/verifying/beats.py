"""Heartbeats: each tells how far every stream had come, so what never got a place in the log is missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from engine.ledger.canonical import Value, time_of
from engine.ledger.verifying.report import Check, Place


class Beats:
    """Collects the positions that were stated, and holds the log to them at its end."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._stated: dict[bytes, tuple[int, Place]] = {}
        self._last: str | None = None
        self._longest = timedelta(0)

    def beat(self, streams: Value, at: str, place: Place) -> None:
        """Take the list of a heartbeat, of its form."""
        self._check.count("heartbeats")
        assert isinstance(streams, list), "it was held to its form"
        for one in streams:
            self.position(one, place)
        if self._last is not None:
            self._longest = max(self._longest, time_of(at, "at") - time_of(self._last, "at"))
        self._last = at

    def position(self, one: Value, place: Place) -> None:
        """Take one position, of a heartbeat or of the stream before an opening."""
        assert isinstance(one, dict), "it was held to its form"
        stream, position = bytes.fromhex(str(one["stream"])), one["position"]
        assert isinstance(position, int), "it was held to its form"
        self._check.count("positions")
        if stream not in self._stated or self._stated[stream][0] < position:
            self._stated[stream] = position, place

    def finish(self, reached: Callable[[bytes], int], is_complete: bool) -> None:
        """Hold the log to what was stated; a bundle that is cut short may have had the rest."""
        for stream, (position, place) in self._stated.items():
            found = reached(stream)
            if found >= position:
                self._check.checked += 1
                continue
            detail = f"{stream.hex()[:8]}: {found} < {position}"
            if is_complete:
                self._check.fault("position not reached", place, detail)
            else:
                self._check.gap("position not reached yet", place, detail)
        if self._last is not None:
            self._check.counts["longest_pause_seconds"] = int(self._longest.total_seconds())
