"""The keys of worlds that tests make: the same in every process, and of no use anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.service.safe import Safe
from engine.vault.roots import RootKeys

ROOTS = RootKeys({b"root of a test !": b"not a secret: the key of tests ~"}, b"root of a test !")


def safe(clock: Callable[[], datetime]) -> Safe:
    """A vault over these roots."""
    return Safe(lambda: ROOTS, clock)
