"""Files encrypted as streams: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM, 64 KiB at a time.

::

    u8 format = 1 | u8 suite = 1 | 7 bytes nonce prefix | chunks of ciphertext, each followed by its tag

A chunk is sealed under the nonce ``prefix | u32 number of the chunk (big-endian) | u8 1 for the last one, else 0``, and
with the header and the place of the file authenticated. So a stream that was cut, extended, or whose chunks were
swapped, doubled or left out fails at the first chunk that does not stand where it was sealed. Every chunk but the last
is full; an empty file is one empty chunk.

One key seals one stream: the prefix is random, and too short to tell many streams of one key apart.
"""

from __future__ import annotations

import io
import secrets
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.vault.suite import Unopenable, bound

CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
MOST_CHUNKS = 2**32
"""What the counter in the nonce can count: 256 TiB."""

_FORMAT = 1
_SUITE = 1
_HEADER = struct.Struct(">BB7s")
_NONCE = struct.Struct(">7sIB")
_SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
HEADER_BYTES = _HEADER.size


class Reader(Protocol):
    """What bytes are read from; it may give fewer than it was asked for, and gives none at the end only."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes."""


class Writer(Protocol):
    """What bytes are written to, all of them at once."""

    def write(self, data: bytes, /) -> Any:
        """Take these bytes."""


class _Chunks:
    """Seals and opens the chunks of one stream."""

    def __init__(self, key: bytes, header: bytes, place: bytes) -> None:
        self._aead = AESGCM(key)
        form, suite, self._prefix = _HEADER.unpack(header)
        if (form, suite) != (_FORMAT, _SUITE):
            raise Unopenable("format")
        self._with = bound("stream", header, place)

    def seal(self, number: int, plain: bytes, *, is_last: bool) -> bytes:
        if number >= MOST_CHUNKS:
            raise OverflowError("a stream has no more than 2**32 chunks")
        return self._aead.encrypt(self._nonce(number, is_last), plain, self._with)

    def unseal(self, number: int, sealed: bytes, *, is_last: bool) -> bytes:
        if number >= MOST_CHUNKS or len(sealed) < TAG_BYTES:
            raise Unopenable("format")
        try:
            return self._aead.decrypt(self._nonce(number, is_last), sealed, self._with)
        except InvalidTag:
            raise Unopenable("changed") from None

    def _nonce(self, number: int, is_last: bool) -> bytes:
        return _NONCE.pack(self._prefix, number, is_last)


def encrypt(reader: Reader, writer: Writer, key: bytes, place: bytes) -> None:
    """Seal everything a reader gives, for one place, under a key that seals nothing else.

    Raises :class:`OverflowError` when the stream is longer than its counter; what was written then is no stream.
    """
    header = _HEADER.pack(_FORMAT, _SUITE, secrets.token_bytes(7))
    chunks = _Chunks(key, header, place)
    writer.write(header)
    for number, plain, is_last in _pieces(reader, CHUNK_BYTES):
        writer.write(chunks.seal(number, plain, is_last=is_last))


def decrypt(reader: Reader, writer: Writer, key: bytes, place: bytes) -> int:
    """Give out what :func:`encrypt` sealed for this place, and say how many bytes it was.

    Raises :class:`Unopenable` at the first wrong chunk. What was given out before it is as it was sealed, but not the
    whole: whoever needs the whole must drop it.
    """
    size = 0
    for plain in decrypted(reader, key, place):
        writer.write(plain)
        size += len(plain)
    return size


def decrypted(reader: Reader, key: bytes, place: bytes) -> Iterator[bytes]:
    """Yield the chunks of what :func:`encrypt` sealed for this place, each once it is authenticated.

    Raises what :func:`decrypt` raises.
    """
    header = _filled(reader, HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise Unopenable("format")
    chunks = _Chunks(key, header, place)
    for number, sealed, is_last in _pieces(reader, _SEALED_CHUNK):
        yield chunks.unseal(number, sealed, is_last=is_last)


def _pieces(reader: Reader, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Yield pieces of one size with their numbers, and whether each is the last: known once nothing follows it."""
    number, piece = 0, _filled(reader, size)
    while following := _filled(reader, size):
        yield number, piece, False
        number, piece = number + 1, following
    yield number, piece, True


def _filled(reader: Reader, size: int) -> bytes:
    """Read until there are that many bytes, or nothing is left."""
    found = reader.read(size)
    if not found or len(found) == size:
        return found
    pieces, missing = [found], size - len(found)
    while missing and (more := reader.read(missing)):
        pieces.append(more)
        missing -= len(more)
    return b"".join(pieces)


class Opened(io.RawIOBase):
    """What :func:`encrypt` sealed, to be read from any place in it, a chunk at a time.

    Each chunk is authenticated before it is given out, and the last one as the last; chunks nobody reads are not.
    Raises :class:`Unopenable`. The file stays open when this is closed.
    """

    def __init__(self, file: BinaryIO, key: bytes, place: bytes) -> None:
        self._file = file
        body = file.seek(0, io.SEEK_END) - HEADER_BYTES
        file.seek(0)
        self._last = max(body - 1, 0) // _SEALED_CHUNK
        # Only an empty file has an empty chunk: one at the end of another would never be read, so never be noticed.
        if body - self._last * _SEALED_CHUNK < TAG_BYTES + (self._last > 0):
            raise Unopenable("format")
        self._chunks = _Chunks(key, file.read(HEADER_BYTES), place)
        self.size = body - (self._last + 1) * TAG_BYTES
        self._at = 0
        self._kept: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place of the plain file, see :meth:`io.IOBase.seek`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer with what is left of one chunk, see :meth:`io.RawIOBase.readinto`."""
        number, skip = divmod(self._at, CHUNK_BYTES)
        if self._at >= self.size:
            return 0
        plain = self._chunk(number)[skip : skip + len(buffer)]
        buffer[: len(plain)] = plain
        self._at += len(plain)
        return len(plain)

    def _chunk(self, number: int) -> bytes:
        if self._kept[0] != number:
            self._file.seek(HEADER_BYTES + number * _SEALED_CHUNK)
            sealed = self._file.read(_SEALED_CHUNK)
            self._kept = number, self._chunks.unseal(number, sealed, is_last=number == self._last)
        return self._kept[1]
