"""Signatures of definition approvers: Ed25519 (RFC 8032) over a text that anybody can write down again.

What is signed is :meth:`Approval.signed_bytes`, five lines of UTF-8, each ended by one line feed (0x0A)::

    guitu/definition-approval/v1
    <id>@<version>
    <SHA-256 of the flattened definition: 64 digits of lower-case hex>
    <office: the unit the key is registered for>
    <person: as registered with the key>

No line is empty or holds a character that is not printable, so no two approvals share their bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import astuple, dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.errors import CommandMalformed

LABEL = "guitu/definition-approval/v1"
LEAST_PASSPHRASE = 12
"""The fewest characters of a passphrase; the file it closes may be carried about."""
_SCHEME = "ed25519:"
_PUBLIC_BYTES = 32


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approver signs: ``definition`` is ``id@version``, ``hash`` its SHA-256 in hex."""

    definition: str
    hash: str
    office: str
    person: str

    def signed_bytes(self) -> bytes:
        """The bytes a signature is made over. Raises :class:`CommandMalformed` for a field that is no line."""
        for field in astuple(self):
            if not field or not field.isprintable():
                raise CommandMalformed("签名内容须为单行可见文字", "what is signed must be one line of printable text")
        return "".join(f"{line}\n" for line in (LABEL, *astuple(self))).encode()


class SigningKey:
    """A private key, in memory only. It is written nowhere but as :meth:`sealed`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @classmethod
    def fresh(cls) -> Self:
        """A new key, from the randomness of the operating system."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def opened(cls, pem: bytes, passphrase: str) -> Self:
        """The key in a PEM file that a passphrase closes. Raises :class:`CommandMalformed`."""
        try:
            key = load_pem_private_key(pem, passphrase.encode())
        except (ValueError, TypeError):
            raise CommandMalformed(
                "密钥文件无法打开：口令不对，或不是以口令加密的 PEM 私钥",
                "the key file cannot be opened: wrong passphrase, or no PEM private key closed by one",
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise CommandMalformed("密钥须为 Ed25519", "the key must be an Ed25519 key")
        return cls(key)

    def sealed(self, passphrase: str) -> bytes:
        """The key as PEM (PKCS #8), encrypted. Raises :class:`CommandMalformed` for too short a passphrase."""
        if len(passphrase) < LEAST_PASSPHRASE:
            raise CommandMalformed(
                f"口令至少 {LEAST_PASSPHRASE} 个字符", f"a passphrase has at least {LEAST_PASSPHRASE} characters"
            )
        encryption = BestAvailableEncryption(passphrase.encode())
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    def sign(self, approval: Approval) -> bytes:
        """Sign: 64 bytes."""
        return self._key.sign(approval.signed_bytes())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, in hex."""
        return fingerprint(self.public)


def is_signed(public: bytes, approval: Approval, signature: bytes) -> bool:
    """Whether the owner of this public key signed exactly this."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, approval.signed_bytes())
    except (InvalidSignature, ValueError, CommandMalformed):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """SHA-256 of the 32 bytes of a public key, in hex."""
    return hashlib.sha256(public).hexdigest()


def written(public: bytes) -> str:
    """A public key as people pass it on: ``ed25519:`` and base64."""
    return _SCHEME + base64.b64encode(public).decode()


def read_public(words: str) -> bytes:
    """The 32 bytes of a public key. Raises :class:`CommandMalformed`."""
    try:
        public = base64.b64decode(words.strip().removeprefix(_SCHEME), validate=True)
    except (binascii.Error, ValueError):
        public = b""
    if len(public) != _PUBLIC_BYTES or not words.strip().startswith(_SCHEME):
        raise CommandMalformed(
            "公钥应写成 ed25519:… ，即 guitu definitions keygen 打印的内容",
            "a public key is written ed25519:…, as guitu definitions keygen prints it",
        )
    return public
