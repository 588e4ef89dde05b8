"""Streams: the writer can append and cannot read what it appended; auditors can read all of it.

A stream begins with a random chain key of 32 bytes, sealed with HPKE (RFC 9180, base mode) to every auditor. Each
attempt to write takes the next message key and moves the chain on; the chain before it is overwritten, so nothing that
is left in the writer opens what it wrote::

    message key = HMAC(chain, "mk")        next chain = HMAC(chain, "ck")        (HMAC-SHA-256, RFC 2104)

``key_index`` counts attempts, ``stream_seq`` counts what was committed: an attempt that was rolled back leaves a hole
in the one and none in the other, and a hole in ``stream_seq`` is a missing entry. The opening entry is attempt 0 and
entry 0. Between its header and its ciphertext stands in the clear, and is authenticated with it::

    32 bytes HMAC(chain, "guitu/ledger-chain-commitment/v1") | u8 n | n * (u8 kem | 32 bytes key id | u16 size | sealed)

in the order of key ids. The commitment sees to it that all auditors got the same chain. ``sealed`` is the encapsulated
key and the ciphertext of the chain key; ``info`` is :func:`engine.ledger.entry.bound` of ``ledger-chain``, the header,
the commitment, all key ids, and the id of this one. The key id is SHA-256 over ``ledger-auditor`` and the public key.

| kem | public key | private key |
|---|---|---|
| 1: X25519 | 32 bytes | 32 bytes |
| 2: ML-KEM-768 with X25519 | 1184 + 32 bytes | seed of 64 + 32 bytes |

both with HKDF-SHA256 and AES-256-GCM. A stream belongs to one database session of one process: it is not copied, and
after a fork whoever has it gives it up. What Python and the library copied of a key before it is overwritten is beyond
our reach.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from engine.ledger.canonical import Value
from engine.ledger.entry import (
    HEADER_BYTES,
    KEY_BYTES,
    Header,
    Kind,
    Opened,
    Subject,
    Unreadable,
    bound,
    header_of,
    seal,
    unseal,
)

MOST_ENTRIES = 4096
"""The opening among them, and the closing, for which the last place is kept."""
MOST_ATTEMPTS = 65_536
"""A bound on what a reader has to go through to come to a key."""
LONGEST = timedelta(hours=1)

_X25519, _HYBRID = 1, 2
_SUITES = {
    _X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    _HYBRID: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
_SEALED_BYTES = {_X25519: 32 + KEY_BYTES + 16, _HYBRID: 1088 + 32 + KEY_BYTES + 16}
_ID_BYTES = 32
_OPENING = struct.Struct(">32sB")
_RECIPIENT = struct.Struct(">B32sH")


class StreamClosed(Exception):
    """Nothing may be written here now; ``why`` says what to do.

    ``full``, ``old``: only the closing entry still fits; open the next stream. ``ended``: closed or given up.
    ``unopened``: nobody said yet that the opening is committed. ``closing``: the closing entry is pending.
    ``nothing``: nothing is pending.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class OutOfOrder(Exception):
    """A genuine entry that is not the next one; ``why`` says in what way. The reader stands where it stood.

    ``gap``: entries from ``expected`` up to ``found`` are missing. ``repeated``: this place is taken already.
    ``behind``: its key was passed; moved, or shown twice (this alone is said of the header, which nobody can check any
    more). ``closed``: it follows the closing entry.
    """

    def __init__(self, why: str, expected: int, found: int) -> None:
        super().__init__(f"{why}: expected {expected}, found {found}")
        self.why = why
        self.expected = expected
        self.found = found


class Auditor:
    """The public key of an auditor, of 32 bytes (X25519) or 1216 (ML-KEM-768 and X25519).

    Raises :class:`ValueError` for bytes that are no public key.
    """

    __slots__ = ("_key", "id", "kem")

    def __init__(self, public: bytes) -> None:
        self._key: X25519PublicKey | MLKEM768X25519PublicKey
        short = X25519PublicKey.from_public_bytes(public[-32:])
        if len(public) == 32:
            self.kem, self._key = _X25519, short
        else:
            self.kem = _HYBRID
            self._key = MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(public[:-32]), short)
        self.id = sha256(bound("ledger-auditor", public)).digest()

    def seal(self, chain: bytes, info: bytes) -> bytes:
        """The chain key for this auditor alone, in this place alone."""
        return _SUITES[self.kem].encrypt(chain, self._key, info)


class AuditorKey:
    """The private key of an auditor, of 32 bytes (X25519) or 96 (the seed of ML-KEM-768, and X25519).

    Raises :class:`ValueError` for bytes that are no private key.
    """

    __slots__ = ("_key", "auditor", "public")

    def __init__(self, private: bytes) -> None:
        self._key: X25519PrivateKey | MLKEM768X25519PrivateKey
        short = X25519PrivateKey.from_private_bytes(private[-32:])
        self.public = short.public_key().public_bytes_raw()
        if len(private) == 32:
            self._key = short
        else:
            long = MLKEM768PrivateKey.from_seed_bytes(private[:-32])
            self._key = MLKEM768X25519PrivateKey(long, short)
            self.public = long.public_key().public_bytes_raw() + self.public
        self.auditor = Auditor(self.public)

    def unseal(self, sealed: bytes, info: bytes) -> bytes:
        """The chain key that was sealed for this auditor in this place. Raises :class:`Unreadable`."""
        try:
            return _SUITES[self.auditor.kem].decrypt(sealed, self._key, info)
        except InvalidTag:
            raise Unreadable("changed") from None


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry that was written and of which nobody knows yet whether it is committed."""

    header: Header
    entry: bytes


class _Chain:
    """The ratchet: each key is given out once, and the chain behind it is overwritten."""

    __slots__ = ("_chain", "next_index")

    def __init__(self, chain: bytes | bytearray, next_index: int = 0) -> None:
        if len(chain) != KEY_BYTES:
            raise ValueError(f"a chain key has {KEY_BYTES} bytes")
        self._chain = bytearray(chain)
        self.next_index = next_index

    def commitment(self) -> bytes:
        return hmac.digest(self._chain, b"guitu/ledger-chain-commitment/v1", sha256)

    def message_key(self) -> bytes:
        key = hmac.digest(self._chain, b"mk", sha256)
        self._chain[:] = hmac.digest(self._chain, b"ck", sha256)
        self.next_index += 1
        return key

    def copy(self) -> _Chain:
        return _Chain(self._chain, self.next_index)

    def wipe(self) -> None:
        self._chain[:] = bytes(KEY_BYTES)


class Stream:
    """The writing end. ``opening`` is its first attempt; it has to be committed before anything else is written.

    What is attempted after that and lies in one transaction is pending together. When the transaction is over, say how
    it ended: :meth:`confirm` or :meth:`roll_back`, or :meth:`abandon` when nobody knows.
    """

    __slots__ = ("_chain", "_ended", "_next_seq", "_opened_at", "_pending", "opening", "stream_id")

    def __init__(
        self, stream_id: bytes, chain: bytes, auditors: Sequence[Auditor], event: Mapping[str, Value], now: datetime
    ) -> None:
        """Open a stream to these auditors; ``event`` says why, and what became of the one before.

        ``stream_id`` (16 bytes) and ``chain`` (32 bytes) come fresh from the randomness of the operating system, and
        the caller keeps no chain. Raises :class:`ValueError` without auditors or with one of them twice,
        :class:`engine.ledger.entry.TooLarge` for too many, :class:`engine.ledger.canonical.NotCanonical` for an event.
        """
        recipients = sorted(auditors, key=lambda one: one.id)
        if not recipients or len({one.id for one in recipients}) < len(recipients) or len(recipients) > 255:
            raise ValueError("a stream is sealed to at least one auditor, and to each of them once")
        self.stream_id = stream_id
        self._chain = _Chain(chain)
        self._ended = False
        self._next_seq = 0
        self._opened_at = now
        header = Header(Kind.STREAM_OPEN, stream_id, 0, 0)
        clear = _sealed_to(recipients, chain, header.packed(), self._chain.commitment())
        self.opening = Pending(header, seal(header, event, (), self._chain.message_key(), clear))
        self._pending = [self.opening]

    @property
    def committed(self) -> int:
        """How many entries of it are certainly committed: the position that a heartbeat or the next opening tells."""
        return self._next_seq

    def is_spent(self, now: datetime) -> bool:
        """Whether the next stream is due: by number, by age, or because the clock went back behind the opening."""
        return self._is_full() or not self._opened_at <= now < self._opened_at + LONGEST

    def attempt(
        self,
        event: Mapping[str, Value],
        subjects: Sequence[tuple[Subject, bytes]],
        now: datetime,
        kind: Kind = Kind.EVENT,
    ) -> Pending:
        """The next entry of the transaction, sealed; each subject comes with the salt of its case.

        Its key is used up whatever happens. Raises :class:`StreamClosed`; :class:`engine.ledger.entry.TooLarge` and
        :class:`engine.ledger.canonical.NotCanonical`, after which this attempt is not pending.
        """
        self._hold_open(kind, now)
        header = Header(kind, self.stream_id, self._next_seq + len(self._pending), self._chain.next_index)
        pending = Pending(header, seal(header, event, subjects, self._chain.message_key()))
        self._pending.append(pending)
        return pending

    def confirm(self) -> None:
        """The transaction with everything that is pending is certainly committed. Raises :class:`StreamClosed`."""
        pending = self._settle()
        self._next_seq += len(pending)
        if pending[-1].header.kind is Kind.STREAM_CLOSE:
            self.abandon()

    def roll_back(self) -> None:
        """The transaction with what is pending is certainly rolled back. Raises :class:`StreamClosed`."""
        if self._settle()[0] is self.opening:
            self.abandon()

    def abandon(self) -> None:
        """Give the stream up: its key is overwritten. To be done when nobody knows whether a commit came through."""
        self._ended = True
        self._pending = []
        self._chain.wipe()

    def __reduce_ex__(self, _: object) -> NoReturn:
        """Neither copied nor pickled: two writers with one chain would seal twice under one key."""
        raise TypeError("a stream is not copied")

    def _settle(self) -> list[Pending]:
        if self._ended:
            raise StreamClosed("ended")
        if not self._pending:
            raise StreamClosed("nothing")
        pending, self._pending = self._pending, []
        return pending

    def _hold_open(self, kind: Kind, now: datetime) -> None:
        if kind is Kind.STREAM_OPEN:
            raise ValueError("a stream is opened once")
        if self._ended:
            raise StreamClosed("ended")
        if self._pending and self._pending[0] is self.opening:
            raise StreamClosed("unopened")
        if self._pending and self._pending[-1].header.kind is Kind.STREAM_CLOSE:
            raise StreamClosed("closing")
        if kind is not Kind.STREAM_CLOSE and self.is_spent(now):
            raise StreamClosed("full" if self._is_full() else "old")
        if self._chain.next_index >= MOST_ATTEMPTS:
            raise StreamClosed("ended")

    def _is_full(self) -> bool:
        return self._next_seq + len(self._pending) >= MOST_ENTRIES - 1 or self._chain.next_index >= MOST_ATTEMPTS - 1


class Reader:
    """The reading end: with an auditor's key and the opening entry, the entries of one stream in their order."""

    __slots__ = ("_chain", "closed", "next_seq", "opening")

    def __init__(self, opening: bytes, key: AuditorKey) -> None:
        """Open a stream. Raises :class:`Unreadable` (``key``: not sealed to this auditor) and ``NotCanonical``."""
        header = header_of(opening)
        if header.kind is not Kind.STREAM_OPEN or header.stream_seq or header.key_index:
            raise Unreadable("format")
        commitment, recipients, clear_bytes = _recipients_of(opening)
        kem, sealed = recipients.get(key.auditor.id, (0, b""))
        if kem != key.auditor.kem:
            raise Unreadable("key")
        info = _info(opening[:HEADER_BYTES], commitment, list(recipients), key.auditor.id)
        self._chain = _Chain(key.unseal(sealed, info))
        if not hmac.compare_digest(commitment, self._chain.commitment()):
            raise Unreadable("changed")
        self.opening = unseal(opening, self._chain.message_key(), clear_bytes)
        self.next_seq = 1
        self.closed = False

    def read(self, entry: bytes, over_gap: bool = False) -> Opened:
        """The next entry; with ``over_gap`` also one after entries that are missing, which can never be read then.

        Raises :class:`Unreadable`, :class:`OutOfOrder` and ``NotCanonical``, and stands where it stood.
        """
        header = header_of(entry)
        if header.kind is Kind.STREAM_OPEN or header.key_index >= MOST_ATTEMPTS:
            raise Unreadable("format")
        if header.stream_id != self.opening.header.stream_id:
            raise Unreadable("key")
        if header.key_index < self._chain.next_index:
            raise OutOfOrder("behind", self._chain.next_index, header.key_index)
        ahead = self._chain.copy()
        while ahead.next_index < header.key_index:
            ahead.message_key()
        opened = unseal(entry, ahead.message_key())
        self._hold_order(header.stream_seq, over_gap)
        self._chain = ahead
        self.next_seq = header.stream_seq + 1
        self.closed = header.kind is Kind.STREAM_CLOSE
        return opened

    def _hold_order(self, found: int, over_gap: bool) -> None:
        if self.closed:
            raise OutOfOrder("closed", self.next_seq, found)
        if found < self.next_seq:
            raise OutOfOrder("repeated", self.next_seq, found)
        if found > self.next_seq and not over_gap:
            raise OutOfOrder("gap", self.next_seq, found)


def recipients_of(opening: bytes) -> tuple[bytes, ...]:
    """The key ids of the auditors that a stream is sealed to, in their order; not yet authenticated.

    Raises :class:`Unreadable` (``format``).
    """
    return tuple(_recipients_of(opening)[1])


def _sealed_to(recipients: Sequence[Auditor], chain: bytes, head: bytes, commitment: bytes) -> bytes:
    ids = [one.id for one in recipients]
    parts = [_OPENING.pack(commitment, len(recipients))]
    for one in recipients:
        sealed = one.seal(chain, _info(head, commitment, ids, one.id))
        parts += [_RECIPIENT.pack(one.kem, one.id, len(sealed)), sealed]
    return b"".join(parts)


def _recipients_of(opening: bytes) -> tuple[bytes, dict[bytes, tuple[int, bytes]], int]:
    """The commitment, what is sealed to whom, and how many bytes that takes."""
    at = HEADER_BYTES + _OPENING.size
    if len(opening) < at:
        raise Unreadable("format")
    commitment, count = _OPENING.unpack_from(opening, HEADER_BYTES)
    recipients: dict[bytes, tuple[int, bytes]] = {}
    for _ in range(count):
        if len(opening) < at + _RECIPIENT.size:
            raise Unreadable("format")
        kem, name, size = _RECIPIENT.unpack_from(opening, at)
        start = at + _RECIPIENT.size
        at = start + size
        if size != _SEALED_BYTES.get(kem) or at > len(opening):
            raise Unreadable("format")
        recipients[name] = kem, opening[start:at]
    if not recipients or len(recipients) < count or list(recipients) != sorted(recipients):
        raise Unreadable("format")
    return commitment, recipients, at - HEADER_BYTES


def _info(head: bytes, commitment: bytes, ids: Sequence[bytes], own: bytes) -> bytes:
    return bound("ledger-chain", head, commitment, b"".join(ids), own)
