"""What an auditor brings along, beside the bundle. Everything may be missing; what rests on it is unchecked then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.ledger.exports import Digests, Salts
from engine.ledger.note import VerifierKey
from engine.ledger.streams import AuditorKey

Stamped = Callable[[bytes, bytes, Sequence[bytes]], datetime | str]
"""Of an authority's answer, the note and root certificates (PEM): the time, or the word of ``BadTimestamp``."""


def stamped(response: bytes, note: bytes, roots: Sequence[bytes]) -> datetime | str:
    """See :mod:`engine.ledger.timestamps`, which is asked for only where there are timestamps to verify."""
    from engine.ledger.timestamps import BadTimestamp, verified

    try:
        return verified(response, note, roots)
    except BadTimestamp as bad:
        return bad.why


@dataclass(frozen=True, slots=True)
class Brought:
    """Public keys of log and witnesses, private keys of auditors, files from the vault, and the rest of what there is.

    ``remembered`` is the checkpoint of last time, ``is_first`` says that there was none. ``roots`` are certificates of
    authorities for timestamps.
    """

    log_key: VerifierKey | None = None
    witnesses: Sequence[VerifierKey] = ()
    remembered: bytes | None = None
    is_first: bool = False
    keys: Sequence[AuditorKey] = ()
    salts: Salts | None = None
    digests: Digests | None = None
    roots: Sequence[bytes] = ()
    stamped: Stamped = stamped
