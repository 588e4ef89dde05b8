"""HPKE written down a second time from RFC 9180 and the X-Wing draft, so that what we seal is opened by other means."""

from __future__ import annotations

import hmac
import struct
from hashlib import sha3_256, sha256

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

X25519_KEM, XWING_KEM = 0x0020, 0x647A
AES_128, AES_256 = 0x0001, 0x0002


def bound(*parts: bytes) -> bytes:
    """Parts with their lengths before them."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def chain_by_hand(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """What was sealed with AES-256-GCM to a private key of 32 or 96 bytes."""
    if len(private) == 32:
        return opened(X25519_KEM, AES_256, dhkem(private, sealed[:32]), sealed[32:], info)
    return opened(XWING_KEM, AES_256, xwing(private, sealed[:1120]), sealed[1120:], info)


def dhkem(private: bytes, enc: bytes) -> bytes:
    """DHKEM(X25519, HKDF-SHA256), section 4.1."""
    key = X25519PrivateKey.from_private_bytes(private)
    suite = b"KEM" + struct.pack(">H", X25519_KEM)
    shared = key.exchange(X25519PublicKey.from_public_bytes(enc))
    extracted = extract(suite, b"", b"eae_prk", shared)
    return expand(suite, extracted, b"shared_secret", enc + key.public_key().public_bytes_raw(), 32)


def xwing(private: bytes, enc: bytes) -> bytes:
    """X-Wing, with the two private keys side by side instead of drawn from one seed."""
    long, short = MLKEM768PrivateKey.from_seed_bytes(private[:64]), X25519PrivateKey.from_private_bytes(private[64:])
    shared = short.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    parts = long.decapsulate(enc[:1088]), shared, enc[1088:], short.public_key().public_bytes_raw(), b"\\.//^\\"
    return sha3_256(b"".join(parts)).digest()


def opened(kem: int, aead: int, shared: bytes, cipher: bytes, info: bytes, *, aad: bytes = b"") -> bytes:
    """Base mode with HKDF-SHA256, section 5.1, the first message."""
    suite = b"HPKE" + struct.pack(">HHH", kem, 0x0001, aead)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    secret = extract(suite, shared, b"secret", b"")
    key = expand(suite, secret, b"key", context, 16 if aead == AES_128 else 32)
    return AESGCM(key).decrypt(expand(suite, secret, b"base_nonce", context, 12), cipher, aad)


def extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    """LabeledExtract, section 4."""
    return hmac.digest(salt, b"HPKE-v1" + suite + label + secret, sha256)


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """LabeledExpand, section 4; one block is enough here."""
    message = struct.pack(">H", size) + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, message + b"\x01", sha256)[:size]
