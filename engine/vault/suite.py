"""Suite 1 of the safe: AES-256-GCM, HMAC and HKDF with SHA-256 (NIST SP 800-38D, RFC 2104, RFC 5869).

One key has one purpose: whatever is sealed is sealed under a key derived for it by the label ``guitu/<purpose>/v1``.

A wrapped key of 32 bytes is 110 bytes::

    u8 format = 1 | u8 suite = 1 | 16 bytes id of the wrapping key | 12 bytes nonce | 32 bytes commitment | ciphertext

and a sealed cell::

    u8 format = 1 | u8 suite = 1 | u32 version of the case key (big-endian) | 12 bytes nonce | ciphertext

What stands before the ciphertext, and what the bytes belong to, is authenticated with it. AES-GCM alone does not
commit to its key (two keys may open one ciphertext), so a wrapped key carries a commitment to the key that wrapped it.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

KEY_BYTES = 32
ID_BYTES = 16
_FORMAT = 1
_SUITE = 1
_NONCE_BYTES = 12
_WRAPPED = struct.Struct(">BB16s12s32s")
_CELL = struct.Struct(">BBI12s")


class Unopenable(Exception):
    """These bytes do not open with this key in this place; ``why`` is ``format``, ``key`` or ``changed``.

    It never leaves the safe: whoever knows what was to be opened raises an error of ``engine.errors`` instead.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def fresh_key() -> bytes:
    """A new key of 32 bytes, from the randomness of the operating system."""
    return secrets.token_bytes(KEY_BYTES)


def fresh_id() -> bytes:
    """A new key id of 16 bytes."""
    return secrets.token_bytes(ID_BYTES)


def derive(key: bytes, purpose: str) -> bytes:
    """The 32-byte key for one purpose, from a key that is already uniform (HKDF-Expand alone, RFC 5869 section 3.3)."""
    return HKDFExpand(SHA256(), KEY_BYTES, _label(purpose)).derive(key)


def derive_from_both(key: bytes, other: bytes, purpose: str) -> bytes:
    """The 32-byte key that neither of the two keys gives alone (HKDF, RFC 5869, the other one as salt)."""
    return HKDF(SHA256(), KEY_BYTES, other, _label(purpose)).derive(key)


def mac(key: bytes, purpose: str, *parts: bytes) -> bytes:
    """HMAC-SHA-256 over a label and parts, each with its length before it: no two lists of parts share their bytes."""
    return hmac.digest(key, bound(purpose, *parts), sha256)


def bound(purpose: str, *parts: bytes) -> bytes:
    """A label and parts as one unambiguous string of bytes."""
    return b"".join(struct.pack(">I", len(part)) + part for part in (_label(purpose), *parts))


def wrap(key: bytes, wrapping: bytes, wrapping_id: bytes, belongs_to: bytes) -> bytes:
    """A key, sealed under another one and committed to it; it opens only for what it belongs to."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = _WRAPPED.pack(_FORMAT, _SUITE, wrapping_id, nonce, _commitment(wrapping, wrapping_id, nonce))
    return head + AESGCM(derive(wrapping, "wrap")).encrypt(nonce, key, bound("wrapped-key", head, belongs_to))


def wrapped_by(wrapped: bytes) -> bytes:
    """The id of the key that wrapped. Raises :class:`Unopenable`."""
    return _head_of_wrapped(wrapped)[0]


def unwrap(wrapped: bytes, wrapping: bytes, belongs_to: bytes) -> bytes:
    """The key that :func:`wrap` sealed. Raises :class:`Unopenable`: ``key`` when another key wrapped it."""
    wrapping_id, nonce, commitment = _head_of_wrapped(wrapped)
    if not hmac.compare_digest(commitment, _commitment(wrapping, wrapping_id, nonce)):
        raise Unopenable("key")
    head, body = wrapped[: _WRAPPED.size], wrapped[_WRAPPED.size :]
    try:
        return AESGCM(derive(wrapping, "wrap")).decrypt(nonce, body, bound("wrapped-key", head, belongs_to))
    except InvalidTag:
        raise Unopenable("changed") from None


class Cipher:
    """Seals and opens cells under one key and one version of it."""

    __slots__ = ("_aead", "version")

    def __init__(self, key: bytes, version: int) -> None:
        self._aead = AESGCM(key)
        self.version = version

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """The bytes of a cell, for this place only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _CELL.pack(_FORMAT, _SUITE, self.version, nonce)
        return head + self._aead.encrypt(nonce, plain, head + place)

    def unseal(self, stored: bytes, place: bytes) -> bytes:
        """What :meth:`seal` sealed for this place. Raises :class:`Unopenable`."""
        version, nonce = _head_of_cell(stored)
        if version != self.version:
            raise Unopenable("key")
        try:
            return self._aead.decrypt(nonce, stored[_CELL.size :], stored[: _CELL.size] + place)
        except InvalidTag:
            raise Unopenable("changed") from None


def version_of(stored: bytes) -> int:
    """The version of the case key that sealed a cell. Raises :class:`Unopenable`."""
    return _head_of_cell(stored)[0]


def _label(purpose: str) -> bytes:
    return f"guitu/{purpose}/v1".encode()


def _commitment(wrapping: bytes, wrapping_id: bytes, nonce: bytes) -> bytes:
    return mac(wrapping, "commitment", wrapping_id, nonce)


def _head_of_wrapped(wrapped: bytes) -> tuple[bytes, bytes, bytes]:
    if len(wrapped) <= _WRAPPED.size:
        raise Unopenable("format")
    form, suite, wrapping_id, nonce, commitment = _WRAPPED.unpack_from(wrapped)
    if (form, suite) != (_FORMAT, _SUITE):
        raise Unopenable("format")
    return wrapping_id, nonce, commitment


def _head_of_cell(stored: bytes) -> tuple[int, bytes]:
    if len(stored) < _CELL.size:
        raise Unopenable("format")
    form, suite, version, nonce = _CELL.unpack_from(stored)
    if (form, suite) != (_FORMAT, _SUITE):
        raise Unopenable("format")
    return version, nonce
