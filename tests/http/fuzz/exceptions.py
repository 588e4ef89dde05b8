"""Which check of schemathesis is switched off for which operation, and why it cannot hold there."""

from __future__ import annotations

SWITCHED_OFF: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "allow_header_conformance", ("begin_totp", "begin_passkey"),
        "a factor may be removed at the same address, by the operation of another path: DELETE is allowed there indeed",
    ),
)  # fmt: skip
"""The check, the operations by their names, and the reason."""

LEFT_OUT: dict[str, str] = {
    "release_definition": "compiles and proves a whole definition each time, for many seconds",
}
"""Operations that are not asked, and why."""
