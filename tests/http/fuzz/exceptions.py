"""Which check of schemathesis is switched off for which operation, and why it cannot hold there."""

from __future__ import annotations

SWITCHED_OFF: tuple[tuple[str, tuple[str, ...], str], ...] = ()
"""The check, the operations by their names, and the reason."""

LEFT_OUT: dict[str, str] = {
    "release_definition": "compiles and proves a whole definition each time, for many seconds",
}
"""Operations that are not asked, and why."""
