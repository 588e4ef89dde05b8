"""Private keys of definition approvers, each in a file of its own that a passphrase closes; never in a database."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import CommandMalformed
from engine.vault.signing import SigningKey, written

_OWNER_ONLY = 0o600
_OTHERS = 0o077
_MOST_BYTES = 10_000


def make(path: Path, passphrase: str) -> tuple[str, str]:
    """Make a key and its file (mode 0600); give the public key as people pass it on, and its fingerprint.

    Raises :class:`CommandMalformed` when the file exists, cannot be written, or the passphrase is too short.
    """
    key = SigningKey.fresh()
    sealed = key.sealed(passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise CommandMalformed(
            f"{path} 已存在，未作改动", f"{path} exists and was not touched; choose another file"
        ) from None
    except OSError as error:
        raise CommandMalformed(f"{path} 无法写入", f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    return written(key.public), key.fingerprint


def read(path: Path, passphrase: str) -> SigningKey:
    """The key in a file. Raises :class:`CommandMalformed`, also for a file that others may read."""
    try:
        with path.open("rb") as file:
            is_open_to_others = os.name == "posix" and bool(os.fstat(file.fileno()).st_mode & _OTHERS)
            pem = file.read(_MOST_BYTES)
    except OSError as error:
        raise CommandMalformed(f"{path} 无法读取", f"{path} cannot be read: {error.strerror}") from None
    if is_open_to_others:
        raise CommandMalformed(
            f"{path} 他人可读，不予使用；请先 chmod 600", f"others may read {path}: it is not used; chmod 600 it first"
        )
    return SigningKey.opened(pem, passphrase)
