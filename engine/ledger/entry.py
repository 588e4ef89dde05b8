"""One entry of the ledger: what is in the clear, what is sealed, and whom it concerns. All numbers are big-endian.

An entry is a header of 35 bytes, what stands in the clear beside it (only entries that open a stream have that), and
a ciphertext; the whole is at most 16 KiB::

    u8 format = 1 | u8 suite = 1 | u8 kind | 16 bytes stream id | u64 stream_seq | u64 key_index
    [ clear ]
    AES-256-GCM ciphertext and its tag of 16 bytes

Header and clear part are authenticated with the ciphertext. The key is made for one attempt to write and seals once
(:mod:`engine.ledger.streams`), so the nonce is twelve zero bytes: a nonce is there to tell the uses of a key apart, and
one made from the header would tell apart nothing that the key does not. The plaintext, of 256-byte steps::

    u16 total (bytes up to the padding, these two among them) | u16 n | n subject blocks | event | zero bytes

The event is canonical JSON (:mod:`engine.ledger.canonical`). A subject block says whom the entry concerns, under the
salt of 32 bytes that the vault keeps for the case: without the auditor's key nobody sees the block, without the salt
nobody reads it, and nothing in it tells which case it belongs to. It is::

    u16 bytes that follow | 32 bytes check | AES-256-GCM ciphertext and tag

where key = HMAC(salt, "guitu/ledger-subject-key/v1", header, u16 position) seals once, with twelve zero bytes as nonce
and the header as what it belongs to, and check = HMAC(salt, "guitu/ledger-subject-check/v1", header, u16 position) says
whether a salt is the right one (AES-GCM alone does not: one ciphertext can be made to open under two keys). What HMAC
is taken over is written by :func:`bound`. The plaintext, of 64-byte steps, so that its length tells little::

    u16 length | canonical JSON {"case", "field_classes", "person"} | zero bytes
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.ledger.canonical import NotCanonical, Value, decode, encode

FORMAT = 1
SUITE = 1
"""AES-256-GCM, and HMAC with SHA-256."""
KEY_BYTES = 32
STREAM_ID_BYTES = 16
MOST_BYTES = 16 * 1024
STEP_BYTES = 256
SUBJECT_STEP_BYTES = 64
_TAG_BYTES = 16
_CHECK_BYTES = 32
_AROUND_SUBJECT = _CHECK_BYTES + _TAG_BYTES
_NONCE = bytes(12)
_HEADER = struct.Struct(">BBB16sQQ")
HEADER_BYTES = _HEADER.size
_COUNTS = struct.Struct(">HH")
_LENGTH = struct.Struct(">H")


class Kind(IntEnum):
    """What sort of entry it is; readable without a key."""

    EVENT = 1
    STREAM_OPEN = 2
    STREAM_CLOSE = 3
    HEARTBEAT = 4
    KEY_EVENT = 5
    CONTROL = 6


_KINDS = {one.value: one for one in Kind}


class Unreadable(Exception):
    """These bytes do not open here; ``why`` says how far it came.

    ``format``: no entry of this format, or of no length it can have. ``key``: not sealed for this reader, or not under
    this salt. ``changed``: changed, moved, or sealed under another key. ``plain``: it opened, and what was written into
    it is not of the form: the writer did that.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TooLarge(Exception):
    """An entry that would be longer than 16 KiB; ``size`` is what it came to."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes, at most {MOST_BYTES}")
        self.size = size


@dataclass(frozen=True, slots=True)
class Header:
    """What everybody may see of an entry: its kind, its stream, its place there, and which key sealed it."""

    kind: Kind
    stream_id: bytes
    stream_seq: int
    key_index: int

    def packed(self) -> bytes:
        """The 35 bytes of it. Raises :class:`ValueError` for a stream id of another length."""
        if len(self.stream_id) != STREAM_ID_BYTES:
            raise ValueError(f"a stream id has {STREAM_ID_BYTES} bytes")
        return _HEADER.pack(FORMAT, SUITE, self.kind, self.stream_id, self.stream_seq, self.key_index)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an entry concerns: the case, the person in it if there is one, and the classes of fields it was about."""

    case: str
    person: str | None
    field_classes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Opened:
    """What an auditor reads of an entry; ``blocks`` need the salts of their cases (:func:`open_subject`)."""

    header: Header
    event: dict[str, Value]
    blocks: tuple[bytes, ...]


def bound(purpose: str, *parts: bytes) -> bytes:
    """The label ``guitu/<purpose>/v1`` and parts, each with a u32 of its length before it: no two lists are alike."""
    return b"".join(struct.pack(">I", len(part)) + part for part in (f"guitu/{purpose}/v1".encode(), *parts))


def tag(salt: bytes) -> str:
    """What tells the records of one case from those of others inside sealed events: 16 hex digits, HMAC of the salt."""
    _hold_length(salt)
    return hmac.digest(salt, b"guitu/ledger-subject-tag/v1", sha256)[:8].hex()


def header_of(entry: bytes) -> Header:
    """The header of an entry, not yet authenticated. Raises :class:`Unreadable` (``format``)."""
    if not HEADER_BYTES < len(entry) <= MOST_BYTES:
        raise Unreadable("format")
    form, suite, kind, stream_id, stream_seq, key_index = _HEADER.unpack_from(entry)
    known = _KINDS.get(kind)
    if (form, suite) != (FORMAT, SUITE) or known is None:
        raise Unreadable("format")
    return Header(known, stream_id, stream_seq, key_index)


def seal(
    header: Header,
    event: Mapping[str, Value],
    subjects: Sequence[tuple[Subject, bytes]],
    key: bytes,
    clear: bytes = b"",
) -> bytes:
    """An entry, sealed under a key that never sealed before and never will again; each subject with its case's salt.

    Raises :class:`TooLarge`, :class:`NotCanonical`, and :class:`ValueError` for a key or salt of another length.
    """
    _hold_length(key)
    head = header.packed()
    if len(subjects) * (_AROUND_SUBJECT + SUBJECT_STEP_BYTES) > MOST_BYTES:
        raise TooLarge(len(subjects) * (_AROUND_SUBJECT + SUBJECT_STEP_BYTES))
    blocks = [_block(head, position, subject, salt) for position, (subject, salt) in enumerate(subjects)]
    content = b"".join(blocks) + encode(event)
    total = _COUNTS.size + len(content)
    size = len(head) + len(clear) + _stepped(total, STEP_BYTES) + _TAG_BYTES
    if size > MOST_BYTES:
        raise TooLarge(size)
    plain = _padded(_COUNTS.pack(total, len(blocks)) + content, STEP_BYTES)
    return head + clear + AESGCM(key).encrypt(_NONCE, plain, head + clear)


def unseal(entry: bytes, key: bytes, clear_bytes: int = 0) -> Opened:
    """What :func:`seal` sealed under this key; so many bytes after the header are in the clear.

    Raises :class:`Unreadable`, and :class:`NotCanonical` for an event that opened and is not in its one form.
    """
    _hold_length(key)
    header = header_of(entry)
    start = HEADER_BYTES + clear_bytes
    if (len(entry) - start - _TAG_BYTES) % STEP_BYTES or len(entry) - start <= _TAG_BYTES:
        raise Unreadable("format")
    try:
        plain = AESGCM(key).decrypt(_NONCE, entry[start:], entry[:start])
    except InvalidTag:
        raise Unreadable("changed") from None
    total, count = _COUNTS.unpack_from(plain)
    if not _COUNTS.size <= total <= len(plain) or plain != _padded(plain[:total], STEP_BYTES):
        raise Unreadable("plain")
    blocks, event = _split(plain[_COUNTS.size : total], count)
    return Opened(header, decode(event), blocks)


def open_subject(opened: Opened, position: int, salt: bytes) -> Subject:
    """Whom the block at this position (from 0) concerns.

    Raises :class:`Unreadable` (``key``: another case's salt), and :class:`ValueError` for a salt of another length.
    """
    _hold_length(salt)
    head, block = opened.header.packed(), opened.blocks[position]
    if not hmac.compare_digest(block[:_CHECK_BYTES], _made(salt, "check", head, position)):
        raise Unreadable("key")
    try:
        plain = AESGCM(_made(salt, "key", head, position)).decrypt(_NONCE, block[_CHECK_BYTES:], head)
    except InvalidTag:
        raise Unreadable("changed") from None
    return _subject_of(plain)


def _subject_of(plain: bytes) -> Subject:
    """Read back and written again: whatever is not exactly what would be written is refused."""
    end = _LENGTH.size + _LENGTH.unpack_from(plain)[0]
    try:
        words = decode(plain[_LENGTH.size : end])
    except NotCanonical:
        raise Unreadable("plain") from None
    case, person, classes = words.get("case"), words.get("person"), words.get("field_classes")
    if type(case) is not str or type(classes) is not list or not (person is None or type(person) is str):
        raise Unreadable("plain")
    subject = Subject(case, person, frozenset(one for one in classes if type(one) is str))
    if _plain_of(subject) != plain:
        raise Unreadable("plain")
    return subject


def _plain_of(subject: Subject) -> bytes:
    classes: list[Value] = [*sorted(subject.field_classes)]
    words = encode({"case": subject.case, "field_classes": classes, "person": subject.person})
    if len(words) > MOST_BYTES:
        raise TooLarge(len(words))
    return _padded(_LENGTH.pack(len(words)) + words, SUBJECT_STEP_BYTES)


def _block(head: bytes, position: int, subject: Subject, salt: bytes) -> bytes:
    _hold_length(salt)
    sealed = AESGCM(_made(salt, "key", head, position)).encrypt(_NONCE, _plain_of(subject), head)
    block = _made(salt, "check", head, position) + sealed
    return _LENGTH.pack(len(block)) + block


def _split(content: bytes, count: int) -> tuple[tuple[bytes, ...], bytes]:
    """The blocks, each of a length a block can have, and the event after them."""
    blocks, at = [], 0
    for _ in range(count):
        start = at + _LENGTH.size
        size = int.from_bytes(content[at:start])
        at = start + size
        if at > len(content) or size <= _AROUND_SUBJECT or (size - _AROUND_SUBJECT) % SUBJECT_STEP_BYTES:
            raise Unreadable("plain")
        blocks.append(content[start:at])
    return tuple(blocks), content[at:]


def _made(salt: bytes, purpose: str, head: bytes, position: int) -> bytes:
    return hmac.digest(salt, bound(f"ledger-subject-{purpose}", head, _LENGTH.pack(position)), sha256)


def _padded(content: bytes, step: int) -> bytes:
    return content.ljust(_stepped(len(content), step), b"\0")


def _stepped(size: int, step: int) -> int:
    return -(-size // step) * step


def _hold_length(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key or salt has {KEY_BYTES} bytes")
