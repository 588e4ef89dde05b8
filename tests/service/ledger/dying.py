"""How a process of the kill tests dies at a certain write: by SIGKILL, as a power cut would have it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from engine.store.wires import Wire


def die_at_write(at: int | None) -> None:
    """From here on count writes to the database, and die before this one; a commit counts as two, before and after."""
    numbers = count(1)

    def knife() -> None:
        if next(numbers) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(act: Callable[..., Any]) -> Callable[..., Any]:
        def cut(*words: Any) -> Any:
            knife()
            return act(*words)

        return cut

    keep = Wire.keep

    def keep_and_die(self: Wire) -> None:
        knife()
        keep(self)
        knife()

    Wire.write = before(Wire.write)  # type: ignore[method-assign]
    Wire.write_many = before(Wire.write_many)  # type: ignore[method-assign]
    Wire.keep = keep_and_die  # type: ignore[method-assign]
