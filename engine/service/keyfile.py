"""Key files: of definition approvers, and of the vault's root keys. A passphrase closes each; none is in a database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from engine.errors import CommandMalformed
from engine.vault.signing import SigningKey, written

_OWNER_ONLY = 0o600
_OTHERS = 0o077
_MOST_BYTES = 100_000


def make(path: Path, passphrase: str) -> tuple[str, str]:
    """Make a key and its file (mode 0600); give the public key as people pass it on, and its fingerprint.

    Raises :class:`CommandMalformed` when the file exists, cannot be written, or the passphrase is too short.
    """
    key = SigningKey.fresh()
    write_new(path, key.sealed(passphrase))
    return written(key.public), key.fingerprint


def read(path: Path, passphrase: str) -> SigningKey:
    """The key in a file. Raises :class:`CommandMalformed`, also for a file that others may read."""
    return SigningKey.opened(read_private(path), passphrase)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; it lies on the disk on return. Raises :class:`CommandMalformed`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise CommandMalformed(
            f"{path} 已存在，未作改动", f"{path} exists and was not touched; choose another file"
        ) from None
    except OSError as error:
        raise CommandMalformed(f"{path} 无法写入", f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Put a new version of a private file in place of the old one, whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_new(beside, content)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_private(path: Path) -> bytes:
    """The content of a file that only its owner may read. Raises :class:`CommandMalformed`."""
    try:
        with path.open("rb") as file:
            is_open_to_others = os.name == "posix" and bool(os.fstat(file.fileno()).st_mode & _OTHERS)
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise CommandMalformed(f"{path} 无法读取", f"{path} cannot be read: {error.strerror}") from None
    if is_open_to_others:
        raise CommandMalformed(
            f"{path} 他人可读，不予使用；请先 chmod 600", f"others may read {path}: it is not used; chmod 600 it first"
        )
    return content
