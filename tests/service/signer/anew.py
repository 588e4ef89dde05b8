"""Signing begun anew on a bare database, without a desk to enter it at."""

from __future__ import annotations

from pathlib import Path

from engine.service.desk import kept
from engine.service.signer import RestartReason, restarting
from engine.store.database import Database


def restart(folder: Path, database: Database, reason: RestartReason, passphrase: str | None) -> dict[str, int | str]:
    """Begin anew, and give what the ledger would be told."""
    with restarting(folder, reason, passphrase) as begun, kept(database) as work:
        return begun.rename(work)
