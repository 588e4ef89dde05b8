"""The sign-in of whoever sits at this terminal: kept in a file that only she may read, for one installation."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import CommandMalformed
from engine.service import keyfile

_FOLDER = 0o700


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """A sign-in as it is kept: its token, whose it is, and for which unit and as what she acts if she says nothing."""

    token: str
    person: str
    unit: str | None = None
    role: str | None = None


def write(path: Path, kept: Kept) -> None:
    """Keep a sign-in, in place of the one before it. Raises :class:`CommandMalformed`."""
    try:
        path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandMalformed(f"{path} 无法写入", f"{path} cannot be written: {error.strerror}") from None
    keyfile.replace(path, f"{json.dumps(asdict(kept))}\n".encode())


def read(path: Path) -> Kept | None:
    """The sign-in that is kept, if any. Raises :class:`CommandMalformed` for a file others may read, or no such file.

    What lies there and is no sign-in is refused as well.
    """
    if not path.exists():
        return None
    try:
        return Kept(**json.loads(keyfile.read_private(path)))
    except (ValueError, TypeError):
        raise CommandMalformed(
            f"{path} 不是登录凭证文件；请重新登录（guitu login）",
            f"{path} holds no sign-in: sign in again (guitu login)",
        ) from None


def forget(path: Path) -> None:
    """Keep no sign-in any more."""
    path.unlink(missing_ok=True)
