"""Root keys and who holds them. Everything else that is secret is wrapped under a root key, directly or at some remove.

:class:`KeyProvider` is the seam for a hardware module: a root key never has to leave it. The key file is the provider
of an installation without one: a passphrase opens it (Argon2id, RFC 9106).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, Self

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from engine.errors import CommandMalformed, KeyFileDamaged, KeyForeign, KeyMaterialDamaged, PassphraseWrong
from engine.vault.suite import ID_BYTES, KEY_BYTES, Unopenable, bound, fresh_id, fresh_key, unwrap, wrap, wrapped_by

LEAST_PASSPHRASE = 12
"""The fewest characters of a passphrase."""
_FORMAT = 1
_MOST_MEMORY = 1 << 20
_MOST_WORK = 1 << 22
"""KiB filled in all passes: some seconds. A file that asks for more was not written here."""


class KeyProvider(Protocol):
    """Wraps and unwraps the keys of the vault under root keys that it keeps to itself."""

    @property
    def current(self) -> bytes:
        """The id (16 bytes) of the root key that wraps from now on."""

    def wrap(self, key: bytes, belongs_to: bytes) -> bytes:
        """A key, wrapped under the current root key for what it belongs to."""

    def unwrap(self, wrapped: bytes, belongs_to: bytes) -> bytes:
        """The key again. Raises :class:`KeyForeign` for another installation's, :class:`KeyMaterialDamaged`."""


@dataclass(frozen=True, slots=True, repr=False)
class RootKeys:
    """Root keys in memory, by id; all but the current one only unwrap."""

    keys: Mapping[bytes, bytes]
    current: bytes

    @classmethod
    def fresh(cls) -> Self:
        """One new root key."""
        first = fresh_id()
        return cls({first: fresh_key()}, first)

    def with_another(self) -> Self:
        """The same with a new current key: the first step of a rotation."""
        another = fresh_id()
        return replace(self, keys={**self.keys, another: fresh_key()}, current=another)

    def with_current_alone(self) -> Self:
        """The same without the old keys: the last step of a rotation."""
        return replace(self, keys={self.current: self.keys[self.current]})

    def wrap(self, key: bytes, belongs_to: bytes) -> bytes:
        """See :class:`KeyProvider`."""
        return wrap(key, self.keys[self.current], self.current, belongs_to)

    def unwrap(self, wrapped: bytes, belongs_to: bytes) -> bytes:
        """See :class:`KeyProvider`."""
        try:
            root = self.keys.get(wrapped_by(wrapped))
            if root is not None:
                return unwrap(wrapped, root, belongs_to)
        except Unopenable:
            raise KeyMaterialDamaged(
                "数据库中的密钥已损坏或被改动", "a key in the database is damaged, or somebody changed it"
            ) from None
        raise KeyForeign(
            "此密钥文件不属于这个数据库：其中的密钥由另一根密钥封装",
            "this key file is not that of this database: its keys are wrapped under another root key",
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What it costs to try a passphrase (Argon2id); the default is the second choice of RFC 9106, section 4."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 65_536


def write_roots(roots: RootKeys, passphrase: str, now: datetime, cost: Cost | None = None) -> bytes:
    """The key file: JSON in which every root key is wrapped under the passphrase. Raises :class:`CommandMalformed`."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise CommandMalformed(
            f"口令至少 {LEAST_PASSPHRASE} 个字符", f"a passphrase has at least {LEAST_PASSPHRASE} characters"
        )
    spent, salt = cost or Cost(), fresh_id()
    closing = _stretched(passphrase, salt, spent)
    kdf = {"name": "argon2id", "salt": salt.hex(), "iterations": spent.iterations, "lanes": spent.lanes,
           "memory_kib": spent.memory_kib}  # fmt: skip
    kept = {
        name.hex(): wrap(key, closing, salt, _root_belongs(name, kdf)).hex() for name, key in sorted(roots.keys.items())
    }
    body: dict[str, Any] = {
        "guitu_key_file": _FORMAT, "kdf": kdf, "current": roots.current.hex(), "roots": kept,
        "written_at": now.isoformat(timespec="seconds"),
    }  # fmt: skip
    return (json.dumps({**body, "checksum": _checksum(body)}, indent=1) + "\n").encode()


def read_roots(file: bytes, passphrase: str) -> RootKeys:
    """The root keys of a key file. Raises :class:`KeyFileDamaged`, :class:`PassphraseWrong`."""
    body = _body(file)
    try:
        kdf = body["kdf"]
        salt = bytes.fromhex(kdf["salt"])
        cost = Cost(int(kdf["iterations"]), int(kdf["lanes"]), int(kdf["memory_kib"]))
        if kdf["name"] != "argon2id" or not _is_bearable(cost) or len(salt) != ID_BYTES:
            raise _damaged()
        closing = _stretched(passphrase, salt, cost)
        kept = {bytes.fromhex(name): bytes.fromhex(wrapped) for name, wrapped in body["roots"].items()}
        current = bytes.fromhex(body["current"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise _damaged() from None
    keys = {name: _opened(wrapped, closing, _root_belongs(name, kdf)) for name, wrapped in kept.items()}
    if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise _damaged()
    return RootKeys(keys, current)


def _opened(wrapped: bytes, closing: bytes, belongs_to: bytes) -> bytes:
    try:
        return unwrap(wrapped, closing, belongs_to)
    except Unopenable as error:
        if error.why == "key":
            raise PassphraseWrong("口令不对", "wrong passphrase") from None
        raise _damaged() from None


def _is_bearable(cost: Cost) -> bool:
    """Judged before anything is spent: the file may be anybody's."""
    return (
        0 < cost.memory_kib <= _MOST_MEMORY
        and 0 < cost.iterations <= _MOST_WORK // cost.memory_kib
        and 0 < cost.lanes <= cost.memory_kib // 8
    )


def _body(file: bytes) -> dict[str, Any]:
    try:
        body = json.loads(file)
        checksum = body.pop("checksum")
        if body["guitu_key_file"] != _FORMAT or checksum != _checksum(body):
            raise _damaged()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged() from None
    found: dict[str, Any] = body
    return found


def _checksum(body: Mapping[str, Any]) -> str:
    """Tells a damaged file from a wrong passphrase; against a change on purpose stands the wrapping."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _root_belongs(name: bytes, kdf: Mapping[str, Any]) -> bytes:
    return bound("root-key", name, json.dumps(kdf, sort_keys=True).encode())


def _stretched(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    stretch = Argon2id(
        salt=salt, length=KEY_BYTES, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    )
    return stretch.derive(passphrase.encode())


def _damaged() -> KeyFileDamaged:
    return KeyFileDamaged(
        "密钥文件已损坏或不完整；请用另存的副本", "the key file is damaged or cut short; use the copy that was kept"
    )
