"""The keys of auditors as they are kept and passed on: a private key in a file, a public key on a line.

A file is a canonical object (:mod:`engine.ledger.canonical`) on one line, ended by a line feed; bytes are lower-case
hex in it::

    {"check", "file": "guitu/auditor-key", "id", "kdf", "kem", "name", "nonce", "private", "v": 1}

``kem`` is 1 (X25519) or 2 (ML-KEM-768 with X25519) and says how long the private key is; ``id`` is the key id, of 32
bytes; ``name`` is a code of its owner. Without a passphrase ``check``, ``kdf`` and ``nonce`` are null and ``private``
is the key itself. With one, ``kdf`` is ``{"iterations", "lanes", "memory_kib", "name": "argon2id", "salt"}``; Argon2id
(RFC 9106) makes 32 bytes of the passphrase in UTF-8, and HMAC-SHA-256 makes of these two more values:

- the key of AES-256-GCM, over :func:`engine.ledger.entry.bound` of ``auditor-file-key``. With ``nonce`` (12 bytes) it
  made ``private`` (ciphertext and tag). What it is bound to is the object itself without ``check`` and ``private``.
- ``check``, over ``bound`` of ``auditor-file-check``. It tells a wrong passphrase from a changed file; AES-GCM alone
  does not, for one ciphertext can be made to open under two keys.

A public key is written ``guitu-auditor+<name>+<first 16 digits of its key id>+<base64 of it>``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from engine.ledger.canonical import NotCanonical, Value, decode, encode
from engine.ledger.entry import bound
from engine.ledger.streams import Auditor, AuditorKey

X25519_BYTES, HYBRID_BYTES = 32, 96
"""Of a private key, by its ``kem``."""
SALT_BYTES, NONCE_BYTES = 16, 12
MOST_BYTES = 4096
"""Of a file; one that this module writes has fewer than 1,024."""
_FILE = "guitu/auditor-key"
_SCHEME = "guitu-auditor"
_SHOWN_DIGITS = 16
_PRIVATE_BYTES = {1: X25519_BYTES, 2: HYBRID_BYTES}
_FIELDS = frozenset({"check", "file", "id", "kdf", "kem", "name", "nonce", "private", "v"})
_COSTS = ("iterations", "lanes", "memory_kib")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_MOST_MEMORY = 1 << 20
_MOST_WORK = 1 << 22
"""KiB filled in all passes: some seconds. A file that asks for more was not written here."""

Why = Literal["form", "passphrase", "passphrase needed"]


class BadKeyFile(Exception):
    """A key does not come out of its file; it repeats nothing of what is there.

    ``form``: cut, changed, or no such file. ``passphrase``: the wrong one, or one for a file that is not closed by any;
    or somebody changed how it is stretched. ``passphrase needed``: the file is closed by one.
    """

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Cost:
    """What it costs to try a passphrase (Argon2id); the default is the second choice of RFC 9106, section 4."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 65_536

    def is_bearable(self) -> bool:
        """Whether it may be spent: judged before anything is, for a file may be anybody's."""
        return (
            0 < self.memory_kib <= _MOST_MEMORY
            and 0 < self.iterations <= _MOST_WORK // self.memory_kib
            and 0 < self.lanes <= self.memory_kib // 8
        )


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public key of an auditor, with a code for its owner. Raises :class:`ValueError` for what is neither."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise ValueError("the name of an auditor is a code")
        Auditor(self.public)

    @classmethod
    def from_text(cls, line: str) -> Self:
        """Read what :meth:`to_text` wrote. Raises :class:`ValueError`."""
        scheme, _, rest = line.partition("+")
        name, _, rest = rest.partition("+")
        encoded = rest.partition("+")[2]
        try:
            read = cls(name, base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise ValueError("not the base64 of a public key") from None
        if scheme != _SCHEME or read.to_text() != line:
            raise ValueError("not the line of an auditor's public key")
        return read

    def to_text(self) -> str:
        """The key as people pass it on."""
        return f"{_SCHEME}+{self.name}+{self.id.hex()[:_SHOWN_DIGITS]}+{base64.b64encode(self.public).decode()}"

    @property
    def id(self) -> bytes:
        """The 32 bytes by which entries name the key."""
        return self.auditor.id

    @property
    def auditor(self) -> Auditor:
        """The key as streams are sealed to it."""
        return Auditor(self.public)


def is_name(name: str) -> bool:
    """Whether this can be the name of an auditor: a code of at most 64 characters, without plus signs and spaces."""
    return _NAME.fullmatch(name) is not None


def write_key(
    private: bytes, name: str, passphrase: str | None, salt: bytes, nonce: bytes, *, cost: Cost | None = None
) -> bytes:
    """The file of a private key (32 or 96 bytes), closed by a passphrase unless that is None.

    ``salt`` (16 bytes) and ``nonce`` (12 bytes) come fresh from the randomness of the operating system. Raises
    :class:`ValueError` for a key, name, salt, nonce or cost that is none, and for an empty passphrase.
    """
    kem = next((kem for kem, size in _PRIVATE_BYTES.items() if size == len(private)), 0)
    spent = cost or Cost()
    if not kem or not is_name(name) or passphrase == "":
        raise ValueError("a key, the code of its owner, and a passphrase or none")
    if (len(salt), len(nonce)) != (SALT_BYTES, NONCE_BYTES) or not spent.is_bearable():
        raise ValueError(f"a salt of {SALT_BYTES} bytes, a nonce of {NONCE_BYTES}, and a bearable cost")
    known = AuditorKey(private).auditor.id.hex()
    body: dict[str, Value] = {
        "file": _FILE, "id": known, "kdf": None, "kem": kem, "name": name, "nonce": None, "v": 1,
    }  # fmt: skip
    if passphrase is None:
        return encode({**body, "check": None, "private": private.hex()}) + b"\n"
    costs = {one: getattr(spent, one) for one in _COSTS}
    body |= {"kdf": {"name": "argon2id", "salt": salt.hex(), **costs}, "nonce": nonce.hex()}
    key, check = _stretched(passphrase, salt, spent)
    sealed = AESGCM(key).encrypt(nonce, private, encode(body))
    return encode({**body, "check": check.hex(), "private": sealed.hex()}) + b"\n"


def needs_passphrase(data: bytes) -> bool:
    """Whether a file is closed by a passphrase. Raises :class:`BadKeyFile` (``form``)."""
    return _body(data)["kdf"] is not None


def read_key(data: bytes, passphrase: str | None) -> AuditorKey:
    """The private key in a file. Raises :class:`BadKeyFile`."""
    body = _body(data)
    if body["kdf"] is not None and passphrase is None:
        raise BadKeyFile("passphrase needed")
    if body["kdf"] is None and passphrase is not None:
        raise BadKeyFile("passphrase")
    private = _bytes(body["private"]) if passphrase is None else _opened(body, passphrase)
    if len(private) != _PRIVATE_BYTES[_number(body["kem"])]:
        raise BadKeyFile("form")
    try:
        key = AuditorKey(private)
    except ValueError:
        raise BadKeyFile("form") from None
    if key.auditor.id != _bytes(body["id"]):
        raise BadKeyFile("form")
    return key


def _body(data: bytes) -> dict[str, Value]:
    """What is written in a file, of its form as far as everybody can see."""
    if len(data) > MOST_BYTES or not data.endswith(b"\n"):
        raise BadKeyFile("form")
    try:
        body = decode(data[:-1])
    except NotCanonical:
        raise BadKeyFile("form") from None
    closed = [body.get(one) is not None for one in ("check", "kdf", "nonce")]
    name, version = body.get("name"), body.get("v")
    if set(body) != _FIELDS or body["file"] != _FILE or type(version) is not int or version != 1:
        raise BadKeyFile("form")
    if not isinstance(name, str) or not is_name(name) or any(closed) != all(closed):
        raise BadKeyFile("form")
    if _number(body["kem"]) not in _PRIVATE_BYTES:
        raise BadKeyFile("form")
    return body


def _opened(body: Mapping[str, Value], passphrase: str) -> bytes:
    kdf = body["kdf"]
    if not isinstance(kdf, dict) or set(kdf) != {"name", "salt", *_COSTS} or kdf["name"] != "argon2id":
        raise BadKeyFile("form")
    cost = Cost(*(_number(kdf[one]) for one in _COSTS))
    salt, nonce, check = _bytes(kdf["salt"]), _bytes(body["nonce"]), _bytes(body["check"])
    if not cost.is_bearable() or (len(salt), len(nonce)) != (SALT_BYTES, NONCE_BYTES):
        raise BadKeyFile("form")
    key, expected = _stretched(passphrase, salt, cost)
    if not hmac.compare_digest(check, expected):
        raise BadKeyFile("passphrase")
    belongs_to = encode({name: value for name, value in body.items() if name not in ("check", "private")})
    try:
        return AESGCM(key).decrypt(nonce, _bytes(body["private"]), belongs_to)
    except InvalidTag:
        raise BadKeyFile("form") from None


def _stretched(passphrase: str, salt: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """The key that closes a file, and what says that it is the right one."""
    stretch = Argon2id(
        salt=salt, length=32, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    )  # fmt: skip
    made = stretch.derive(passphrase.encode("utf-8", "surrogateescape"))
    key, check = (hmac.digest(made, bound(f"auditor-file-{one}"), sha256) for one in ("key", "check"))
    return key, check


def _number(value: Value) -> int:
    if type(value) is not int:
        raise BadKeyFile("form")
    return value


def _bytes(value: Value) -> bytes:
    """Bytes in the one way of writing them: lower-case hex without spaces."""
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raise BadKeyFile("form") from None
    if found.hex() != value:
        raise BadKeyFile("form")
    return found
