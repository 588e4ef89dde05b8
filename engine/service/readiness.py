"""Whether a process that serves can do its work now, and how much waits; codes and figures only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import GuituError
from engine.service.desk import Desk


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing that work stands on: ``fault`` is the code of what is wrong with it, ``None`` for nothing."""

    name: str
    fault: str | None


def standings(desk: Desk) -> tuple[Standing, ...]:
    """What work stands on, looked at now."""
    return tuple(Standing(name, _fault_of(ask)) for name, ask in _asked(desk).items())


def hold_ready(desk: Desk) -> None:
    """Raise the first error of what work stands on: before a process begins to serve."""
    for ask in _asked(desk).values():
        ask()


def _asked(desk: Desk) -> dict[str, Callable[[], object]]:
    """The database with its role and schema; the keys, opened for this; whom the ledger is sealed to."""
    return {
        "database": desk.database.look_around, "keys": lambda: _open_keys(desk), "ledger": desk.scribe.auditors,
    }  # fmt: skip


def entries_waiting(desk: Desk) -> int:
    """How many entries of the ledger wait for their place. Raises what reading raises."""
    with desk.database.reading() as work:
        return work.outbox_waiting()[0]


def _open_keys(desk: Desk) -> None:
    with desk.database.reading() as work:
        desk.safe.ring(work)


def _fault_of(ask: Callable[[], object]) -> str | None:
    try:
        ask()
    except GuituError as error:
        return error.code
    return None
