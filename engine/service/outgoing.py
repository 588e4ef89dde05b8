"""What a worker does beside the ledger: it delivers what is due, and once an hour sweeps the folder of attachments.

A fault of the machine is an alarm and is waited out; it holds up nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from engine.errors import GuituError
from engine.service import attachments
from engine.service.desk import Desk
from engine.service.sequencer import Stop
from engine.service.stored_files import fault_of, place_of
from engine.service.webhook_delivery import Poster, deliver_batch

IDLE = 1.0
"""Seconds between two looks while nothing is due."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries while something is amiss."""
SWEEP_SECONDS = 3600.0


@dataclass(slots=True)
class Rounds:
    """The rounds of one worker. ``post`` sends; the real one if no other is given."""

    desk: Desk
    post: Poster | None = None
    _next_sweep: float = 0.0
    _pause: float = 0.0

    def run(self, stop: Stop) -> None:
        """Go on until told to stop; what is being sent then is finished."""
        while not stop.wait(self._pause):
            self._pause = self._next_pause()

    def _next_pause(self) -> float:
        """One round, and how long to wait after it."""
        try:
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + SWEEP_SECONDS
                sweep_own(self.desk)
            return 0.0 if deliver_batch(self.desk, self.post) else IDLE
        except GuituError as fault:
            structlog.get_logger().warning("deliveries_wait", code=fault.code)
            return min(max(2 * self._pause, IDLE), LONGEST_PAUSE)


def sweep_own(desk: Desk) -> int:
    """Remove files that were left behind in the folder of attachments; say how many.

    Only where a file of this database lies in that folder: a worker that is pointed at another database than the one
    the folder belongs to would remove everything there. Raises what :func:`attachments.sweep` raises, and
    :class:`StoreUnavailable`.
    """
    folder = desk.attachments
    if folder is None:
        return 0
    with desk.database.reading() as work:
        known = work.attachment_ids()
    try:
        is_own = any(place_of(folder, one).exists() for one in known)
        return attachments.sweep(desk) if is_own else 0
    except OSError as error:
        raise fault_of(error) from None
