"""A bundle: the whole ledger up to one checkpoint in one file, with what an auditor needs to verify it away from here.

It begins with ``guitu/audit-bundle/v1`` and a line feed. Sections follow, ``u8 type | u64 size (big-endian) |
content``, in ascending order of their types:

| type | how many | content |
|---|---|---|
| 1 info | one | canonical JSON {v: 1, origin, exported_at, waiting, after, held: [{stream, expected, found}]} |
| 2 checkpoint | one | the signed note |
| 3 timestamp | any | u32 size of a note, the note, a TimeStampResp (RFC 3161) over SHA-256 of the note |
| 4 certificate | any | the bytes of a certificate of erasure |
| 5 entries | any | u64 index of the first, then (u32 size, entry) for 1 to 1,024 entries; contiguous, from 0 |
| 255 end | one | SHA-256 of every byte before this section |

What stands in the info is told by whoever exported it, and proved by nothing: ``waiting`` entries had no place in the
log yet, ``after`` entries came after the checkpoint, ``held`` streams had a hole. The checksum at the end finds
accidents; a forger computes it anew.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Literal

from engine.ledger import entry, note
from engine.ledger.canonical import Value, encode

MAGIC = b"guitu/audit-bundle/v1\n"
MOST_ENTRIES = 1_024
"""In one section."""
_HEAD = struct.Struct(">BQ")
_FIRST = struct.Struct(">Q")
_SIZE = struct.Struct(">I")
_CHECKSUM_BYTES = 32
_MOST_TOKEN = 64 * 1024


class Type(IntEnum):
    """What a section holds."""

    INFO = 1
    CHECKPOINT = 2
    TIMESTAMP = 3
    CERTIFICATE = 4
    ENTRIES = 5
    END = 255


MOST_BYTES: Mapping[Type, int] = {
    Type.INFO: 16 * 1024 * 1024,
    Type.CHECKPOINT: note.MOST_BYTES,
    Type.TIMESTAMP: _SIZE.size + note.MOST_BYTES + _MOST_TOKEN,
    Type.CERTIFICATE: 1024 * 1024,
    Type.ENTRIES: _FIRST.size + MOST_ENTRIES * (_SIZE.size + entry.MOST_BYTES),
    Type.END: _CHECKSUM_BYTES,
}
"""So long a section of each type may be: a reader holds one section at a time."""
_ONCE = (Type.INFO, Type.CHECKPOINT)

What = Literal["cut short", "not a bundle", "order", "size", "checksum"]


class Damaged(Exception):
    """A file is no whole bundle: from byte ``at`` on it is not what it should be. What was read before may be used.

    ``cut short``: it ends there. ``not a bundle``: it begins otherwise. ``order``: no such section, or not there.
    ``size``: a section has a length it cannot have, or parts that do not fill it. ``checksum``: everything is there,
    and something was changed after the export.
    """

    def __init__(self, at: int, what: What) -> None:
        super().__init__(f"{what}, at byte {at}")
        self.at = at
        self.what: What = what


@dataclass(frozen=True, slots=True)
class Section:
    """One section, and at which byte of the bundle it begins; entries are in ``page``, numbered from ``first`` on."""

    type: Type
    content: bytes
    at: int
    first: int = 0
    page: Sequence[bytes] = ()

    def timestamp(self) -> tuple[bytes, bytes]:
        """The note and the answer of the authority. Raises :class:`Damaged`."""
        start = _SIZE.size
        end = start + int.from_bytes(self.content[:start])
        if len(self.content) < end or len(self.content) < start:
            raise Damaged(self.at, "size")
        return self.content[start:end], self.content[end:]


class BundleWriter:
    """Writes a bundle through ``write``, section by section. Raises :class:`ValueError` for one that is out of turn."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._hash = sha256()
        self._last = 0
        self._next = 0
        self._put(MAGIC)

    def info(self, told: Mapping[str, Value]) -> None:
        """What the exporter says about the log beyond the checkpoint. Raises ``NotCanonical``."""
        self._section(Type.INFO, encode(told))

    def checkpoint(self, signed: bytes) -> None:
        """The signed note that everything is held to."""
        self._section(Type.CHECKPOINT, signed)

    def timestamp(self, signed: bytes, token: bytes) -> None:
        """An authority's answer, with the note it is over."""
        self._section(Type.TIMESTAMP, _SIZE.pack(len(signed)) + signed + token)

    def certificate(self, body: bytes) -> None:
        """A certificate of erasure, as it is kept."""
        self._section(Type.CERTIFICATE, body)

    def entries(self, first: int, page: Sequence[bytes]) -> None:
        """Entries in the order of the log; ``first`` is the index of the first."""
        if first != self._next or not 0 < len(page) <= MOST_ENTRIES:
            raise ValueError(f"entries from {self._next} on, at most {MOST_ENTRIES}")
        self._next += len(page)
        self._section(Type.ENTRIES, _FIRST.pack(first) + b"".join(_SIZE.pack(len(one)) + one for one in page))

    def end(self) -> None:
        """The checksum: the bundle is whole."""
        self._section(Type.END, self._hash.digest())

    def _section(self, kind: Type, content: bytes) -> None:
        if not _may_follow(self._last, kind) or len(content) > MOST_BYTES[kind]:
            raise ValueError(f"no section {kind.name} of {len(content)} bytes after {self._last}")
        self._last = kind
        self._put(_HEAD.pack(kind, len(content)))
        self._put(content)

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._write(data)


def sections(read: Callable[[int], bytes]) -> Iterator[Section]:
    """Yield the sections of a bundle, but for the end, one at a time.

    ``read`` gives at most so many bytes, and none at the end of the file. Raises :class:`Damaged` when it comes to
    where the bundle is not whole.
    """
    source = _Source(read)
    if (found := source.take(len(MAGIC), may_end=True)) != MAGIC:
        raise Damaged(0, "cut short" if MAGIC.startswith(found) else "not a bundle")
    last, following = 0, 0
    while last != Type.END:
        checksum, at = source.hash.digest(), source.at
        number, size = _HEAD.unpack(source.take(_HEAD.size))
        if not _may_follow(last, number):
            raise Damaged(at, "order")
        kind, last = Type(number), number
        if size > MOST_BYTES[kind]:
            raise Damaged(at, "size")
        content = source.take(size)
        if kind is Type.END:
            _hold_end(content, checksum, at, source)
        elif kind is Type.ENTRIES:
            section = _page(content, at, following)
            following += len(section.page)
            yield section
        else:
            yield Section(kind, content, at)


class _Source:
    """Reads exactly so many bytes, and hashes them."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.at = 0
        self.hash = sha256()

    def take(self, size: int, may_end: bool = False) -> bytes:
        parts, missing = [], size
        while missing and (part := self._read(missing)):
            parts.append(part)
            missing -= len(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self.hash.update(data)
        self.at += len(data)
        if missing and not may_end:
            raise Damaged(self.at, "cut short")
        return data


def _may_follow(last: int, number: int) -> bool:
    """Whether a section of this type may stand after one of the type ``last``; 0 stands for the beginning."""
    if number not in set(Type) or number < last or (number == last and number in _ONCE):
        return False
    return not any(last < one < number for one in _ONCE)


def _page(content: bytes, section_at: int, following: int) -> Section:
    """A section of entries, of which the first must be this one. Raises :class:`Damaged`."""
    at, found = _FIRST.size, []
    while at < len(content):
        start = at + _SIZE.size
        at = start + int.from_bytes(content[at:start])
        found.append(content[start:at])
    if at != len(content) or not 0 < len(found) <= MOST_ENTRIES:
        raise Damaged(section_at, "size")
    if _FIRST.unpack_from(content)[0] != following:
        raise Damaged(section_at, "order")
    return Section(Type.ENTRIES, b"", section_at, following, found)


def _hold_end(content: bytes, checksum: bytes, at: int, source: _Source) -> None:
    if len(content) != _CHECKSUM_BYTES:
        raise Damaged(at, "size")
    if source.take(1, may_end=True):
        raise Damaged(source.at - 1, "order")
    if not hmac.compare_digest(content, checksum):
        raise Damaged(at, "checksum")
