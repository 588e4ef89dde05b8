"""The ledger of a world for trial: an auditor and a signer whose keys lie open in its folder, and somebody who forges.

Nothing in such a world is worth keeping; in earnest each of these keys lies with somebody else.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from engine.core.commands import Actor
from engine.ledger.bundle import Type, sections
from engine.service import auditors, signer
from engine.service.scribe import Scribe
from engine.service.signer import Signed, Signer
from engine.service.trial import DEMO_OFFICES
from engine.store.database import Database

WHO = Actor("trial-auditor-1", DEMO_OFFICES[0], "audit")


@dataclass(frozen=True, slots=True)
class TrialLedger:
    """Where the keys of one world lie: of its auditor and of its signer, in ``folder``."""

    folder: Path

    @property
    def auditor_key(self) -> Path:
        """The private key of the auditor."""
        return self.folder / "auditor.key"

    @property
    def signer(self) -> Path:
        """The signer's folder."""
        return self.folder / "signer"

    def found(self, listed: auditors.Auditors, scribe: Scribe) -> None:
        """Make an auditor, and seal the ledger to her from its first entry on."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = auditors.make_key(self.auditor_key, "trial-auditor-1", None)
        auditors.add(listed, scribe, line, WHO)

    def sign(self, database: Database, scribe: Scribe) -> tuple[str, Signed]:
        """Make the signer, and sign the ledger as it stands; give the signer's public key too."""
        key = signer.begin(self.signer, database, None)
        return key, Signer(self.signer, database, scribe.clock).sign()


def forged(bundle: bytes) -> tuple[bytes, int]:
    """A bundle in which one byte of one entry is another, and the checksum right again; and which entry it is."""
    *_, last = (one for one in sections(io.BytesIO(bundle).read) if one.type is Type.ENTRIES)
    number = len(last.page) // 2
    start = last.at + _HEAD_BYTES + _FIRST_BYTES + sum(_SIZE_BYTES + len(one) for one in last.page[:number])
    place = start + _SIZE_BYTES + len(last.page[number]) // 2
    changed = bytearray(bundle[: -hashlib.sha256().digest_size])
    changed[place] ^= 1
    checksum = hashlib.sha256(changed[:-_HEAD_BYTES]).digest()
    return bytes(changed) + checksum, last.first + number


_HEAD_BYTES, _FIRST_BYTES, _SIZE_BYTES = 9, 8, 4
"""Before a section, before the entries in it, and before each of them."""
