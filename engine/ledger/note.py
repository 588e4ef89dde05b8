"""Signed notes and checkpoints, as C2SP signed-note, tlog-checkpoint and tlog-cosignature write them.

A checkpoint is a text of three lines, an empty line, and a line for each signature, all in UTF-8::

    <origin: the name of the log>
    <how many leaves, in decimal>
    <base64 of the root>

    — <name of the key> <base64 of the key id and the signature>

A key id is the first 4 bytes of SHA-256 of the name, 0x0A, a byte for the type, and the 32-byte public key. Type 0x01
signs the text with Ed25519. Type 0x04 is the cosignature of a witness: 8 bytes with the seconds since 1970, and
an Ed25519 signature of ``cosignature/v1``, ``time <seconds>`` and the text, each of the first two on a line.

A public key is written ``<name>+<key id in hex>+<base64 of the type and the key>``.

What is read must be what would be written, byte for byte. Lines after the root, which C2SP allows and advises
against, are refused: nobody could audit them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engine.ledger.tree import EMPTY_ROOT, HASH_BYTES, MOST_LEAVES

MOST_BYTES = 256 * 1024
MOST_SIGNATURES = 32
"""Twice what C2SP asks every verifier to accept."""

_ID_BYTES = 4
_PUBLIC_BYTES = 32
_TIME_BYTES = 8
_LATEST = 2**63 - 1
_DASH = "— "
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)

Fault = Literal[
    "text", "signature line", "repeated signature", "size", "origin", "root", "key", "signature", "unsigned"
]


class BadNote(Exception):
    """A note, a checkpoint or a key is not written as it must be, or not signed; ``what`` names the part.

    ``signature``: one of a known key does not hold, and then the whole note is not to be trusted. ``unsigned``: no
    known key signed. The other words say which part is malformed. Whoever knows what was to be read tells people.
    """

    def __init__(self, what: Fault) -> None:
        super().__init__(what)
        self.what = what


class KeyType(IntEnum):
    """What a key signs: the text itself, or a cosignature with a time."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key, known by name. Raises :class:`BadNote` for a name that cannot stand in a line, or no 32 bytes."""

    name: str
    public: bytes
    type: KeyType = KeyType.ED25519

    def __post_init__(self) -> None:
        if not _is_name(self.name) or len(self.public) != _PUBLIC_BYTES:
            raise BadNote("key")

    @classmethod
    def from_text(cls, written: str) -> Self:
        """Read what :meth:`to_text` wrote. Raises :class:`BadNote`."""
        name, _, rest = written.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _decoded(encoded, "key")
        if len(key) != 1 + _PUBLIC_BYTES or key[0] not in set(KeyType):
            raise BadNote("key")
        read = cls(name, key[1:], KeyType(key[0]))
        if read.id.hex() != key_id:
            raise BadNote("key")
        return read

    def to_text(self) -> str:
        """The key as people pass it on."""
        return f"{self.name}+{self.id.hex()}+{_encoded(bytes([self.type]) + self.public)}"

    @property
    def id(self) -> bytes:
        """The 4 bytes that tell keys of one name apart; no fingerprint, anybody can make another key with them."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: who signed, by name and key id, and the bytes that follow."""

    name: str
    key_id: bytes
    blob: bytes

    def to_text(self) -> str:
        """The line, with its line feed."""
        return f"{_DASH}{self.name} {_encoded(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds: whose, and for a cosignature the second since 1970 it was made."""

    key: VerifierKey
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A text, ended by a line feed, and the signatures below it. Nothing in it is to be believed before ``verify``."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """Read a note; whether it is signed is another question. Raises :class:`BadNote`."""
        if len(written) > MOST_BYTES:
            raise BadNote("text")
        try:
            whole = written.decode("utf-8")
        except UnicodeDecodeError:
            raise BadNote("text") from None
        # The last empty line parts the two, for a text may hold empty lines.
        text, gap, below = whole.rpartition("\n\n")
        if not text or not gap or any(character < " " and character != "\n" for character in whole):
            raise BadNote("text")
        if not below.endswith("\n"):
            raise BadNote("signature line")
        lines = below[:-1].split("\n")
        if len(lines) > MOST_SIGNATURES:
            raise BadNote("signature line")
        signatures = tuple(_read_signature(line) for line in lines)
        if len({(each.name, each.key_id) for each in signatures}) != len(signatures):
            raise BadNote("repeated signature")
        return cls(f"{text}\n", signatures)

    def to_bytes(self) -> bytes:
        """The note, as :meth:`from_bytes` reads it."""
        return (self.text + "\n" + "".join(each.to_text() for each in self.signatures)).encode()

    def verify(self, keys: Iterable[VerifierKey]) -> list[Signed]:
        """The signatures of known keys, in the order of their lines; those of others are passed over.

        Raises :class:`BadNote`: ``signature`` if one of a known key does not hold, ``unsigned`` if there is none,
        ``key`` if two of the known keys cannot be told apart. How many are enough is for the caller to say.
        """
        known: dict[tuple[str, bytes], VerifierKey] = {}
        for key in keys:
            if known.setdefault((key.name, key.id), key) != key:
                raise BadNote("key")
        found = [
            _verified(self.text, each, known[each.name, each.key_id])
            for each in self.signatures
            if (each.name, each.key_id) in known
        ]
        if not found:
            raise BadNote("unsigned")
        return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of a log: its size and root. Raises :class:`BadNote` for one that cannot be written.

    The origin is also a name of a key, without spaces and ``+``, which C2SP recommends and the ledger asks for.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.origin):
            raise BadNote("origin")
        if not 0 <= self.size <= MOST_LEAVES:
            raise BadNote("size")
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise BadNote("root")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the text of a note. Raises :class:`BadNote`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise BadNote("text")
        origin, size, root, _ = lines
        if not _DECIMAL.fullmatch(size):
            raise BadNote("size")
        return cls(origin, int(size), _decoded(root, "root"))

    def to_text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{_encoded(self.root)}\n"


class SignerKey:
    """A private key that signs notes under a name, in memory only. Raises :class:`BadNote` for a wrong name."""

    __slots__ = ("_key", "public")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifierKey(name, key.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """The line below this text. Raises :class:`BadNote` for what is no text of a note."""
        if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
            raise BadNote("text")
        return Signature(self.public.name, self.public.id, self._key.sign(text.encode()))


def open_checkpoint(
    written: bytes, log: VerifierKey, others: Sequence[VerifierKey] = ()
) -> tuple[Checkpoint, list[Signed]]:
    """The checkpoint that the log's key signed, and every signature of a known key below it, witnesses' too.

    Raises :class:`BadNote`: ``unsigned`` without the log's own signature, however many others signed, and ``origin``
    when the log signed for another name than its own.
    """
    note = Note.from_bytes(written)
    signed = note.verify([log, *others])
    if all(each.key != log for each in signed):
        raise BadNote("unsigned")
    checkpoint = Checkpoint.from_text(note.text)
    if checkpoint.origin != log.name:
        raise BadNote("origin")
    return checkpoint, signed


def _verified(text: str, signature: Signature, key: VerifierKey) -> Signed:
    if key.type is KeyType.ED25519:
        _check(key, signature.blob, text)
        return Signed(key)
    seconds = int.from_bytes(signature.blob[:_TIME_BYTES])
    if seconds > _LATEST:
        raise BadNote("signature")
    _check(key, signature.blob[_TIME_BYTES:], f"cosignature/v1\ntime {seconds}\n{text}")
    return Signed(key, seconds)


def _check(key: VerifierKey, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        raise BadNote("signature") from None


def _read_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise BadNote("signature line")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = _decoded(encoded, "signature line")
    if not _is_name(name) or len(blob) <= _ID_BYTES:
        raise BadNote("signature line")
    return Signature(name, blob[:_ID_BYTES], blob[_ID_BYTES:])


def _is_name(name: str) -> bool:
    """Whether this can be the name of a key: printable in UTF-8, without spaces and plus signs."""
    return bool(name) and name.isprintable() and not any(each.isspace() or each == "+" for each in name)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(text: str, what: Fault) -> bytes:
    """Base64 in the one way of writing it: some decoders ignore other characters, or bits left over at the end."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(what) from None
    if _encoded(raw) != text:
        raise BadNote(what)
    return raw
