"""The keys of worlds that tests make: the same in every process, and of no use anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.ledger.streams import AuditorKey
from engine.service import keyfile
from engine.service.safe import Safe
from engine.service.scribe import Scribe
from engine.store.database import Database
from engine.vault.roots import Cost, RootKeys, read_roots, write_roots

ROOTS = RootKeys({b"root of a test !": b"not a secret: the key of tests ~"}, b"root of a test !")


AUDITOR = AuditorKey(b"not a secret: an auditor's key ~")
_AUDITORS = (AUDITOR.auditor,)


def scribe(database: Database) -> Scribe:
    """A scribe of the ledger, sealed to one auditor whose key is no secret."""
    return Scribe(database, lambda: _AUDITORS, lambda: datetime.now(UTC))


def safe(clock: Callable[[], datetime]) -> Safe:
    """A vault over these roots."""
    return Safe(lambda: ROOTS, clock)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file whose passphrase costs nothing to try."""

    path: Path

    def opened(self) -> RootKeys:
        """The root keys in it."""
        return read_roots(self.path.read_bytes(), "a passphrase of tests")

    def save(self, roots: RootKeys) -> None:
        """Write it anew."""
        made_at = datetime(2026, 1, 5, tzinfo=UTC)
        keyfile.replace(self.path, write_roots(roots, "a passphrase of tests", made_at, Cost(1, 1, 8)))
