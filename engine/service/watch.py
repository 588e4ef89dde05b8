"""What the worker tells the ledger itself: that it is alive, and which streams it had to hold back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import structlog

from engine.errors import GuituError
from engine.ledger.canonical import Value
from engine.ledger.entry import Kind
from engine.service.account import Account
from engine.service.scribe import Scribe
from engine.service.sequencer import Held

BEAT_SECONDS = 60.0


@dataclass(slots=True)
class Watch:
    """Enters what a process that runs for long has to say. What cannot be entered is an alarm, and holds up nothing."""

    scribe: Scribe
    _next_beat: float = field(default=0.0)

    def held(self, one: Held) -> None:
        """Enter that a stream is held back for a hole: somebody may have removed rows."""
        told: dict[str, Value] = {
            "stream": one.stream.hex(),
            "expected": one.expected,
            "found": one.found,
            "why": one.why,
        }
        account = Account("ledger:held", None, Kind.CONTROL, details=told)
        try:
            self.scribe.enter(account)
        except GuituError as fault:
            structlog.get_logger().warning("held_not_entered", code=fault.code)

    def look(self) -> None:
        """Enter a heartbeat when a minute has passed since the last one."""
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + BEAT_SECONDS
        try:
            self.scribe.beat()
        except GuituError as fault:
            structlog.get_logger().warning("no_heartbeat", code=fault.code)
