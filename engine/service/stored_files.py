"""The folder of encrypted files: how one gets there whole or not at all, and how it goes.

A file lies at ``<first two digits of its reference>/<reference>`` and is readable to the account of the engine alone.
Nothing in the folder is readable without a key, and no name of a file or person stands in it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.core.case import Case
from engine.core.commands import Actor
from engine.errors import AttachmentRefused, StoreFull, StoreUnavailable
from engine.store.erasures import AttachmentRow
from engine.store.work import Work

MOST_OF_A_CASE = 200
"""So many files one case may have: a limit of this program, so that a slip of some other program fills no disk."""
REFERENCE = re.compile(r"[0-9a-f]{32}")
_OURS = re.compile(rf"{REFERENCE.pattern}(\.[0-9a-f]{{8}}\.new)?")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies encrypted in the folder and is on no list yet.

    ``size`` is what it takes there, ``sealed`` its name and kind; ``digest`` tells a repeated request and is not kept.
    """

    id: str
    key_version: int
    size: int
    sealed: bytes
    digest: str


def put_on_list(file: StoredFile, case: Case, actor: Actor, work: Work) -> None:
    """Put a file on the list of its case, which was changed by this very act. Raises :class:`AttachmentRefused`."""
    if len(work.attachments_of(case.id)) >= MOST_OF_A_CASE:
        raise AttachmentRefused(
            f"本案附件已达 {MOST_OF_A_CASE} 件上限；请合并后再附",
            f"the case has {MOST_OF_A_CASE} files, which is the most: put several into one",
            most=MOST_OF_A_CASE,
        )
    row = AttachmentRow(
        file.id, case.id, file.key_version, file.size, file.sealed, case.changed_at, actor.unit, actor.person
    )
    work.add_attachment(row)


def new_reference() -> str:
    """A new reference of 32 random digits of hex; it says nothing about the file."""
    return secrets.token_hex(16)


def place_of(folder: Path, reference: str) -> Path:
    """Where the file of that reference lies. Raises :class:`ValueError` for what is no reference."""
    if not REFERENCE.fullmatch(reference):
        raise ValueError("no reference of a stored file")
    return folder / reference[:2] / reference


@contextmanager
def written(folder: Path, reference: str) -> Iterator[BinaryIO]:
    """A new file of the folder to write and read back, see :func:`whole`.

    Raises :class:`StoreFull`, :class:`StoreUnavailable`.
    """
    path = place_of(folder, reference)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with whole(path) as file:
            yield file
        _make_durable(folder)
    except OSError as error:
        raise fault_of(error) from None


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file for our account alone, in its place and on the disk for good once the block ends well.

    When the block raises, or writing raises :class:`OSError`, nothing is left.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with open(unfinished, "x+b", opener=_for_us_alone) as file, ExitStack() as whatever_comes:
        whatever_comes.callback(unfinished.unlink, missing_ok=True)
        yield file
        file.flush()
        os.fsync(file.fileno())
        unfinished.rename(path)
        _make_durable(path.parent)


def remove(folder: Path, references: Iterable[str]) -> int:
    """Remove files, and say how many there were. Raises :class:`StoreUnavailable`."""
    paths = [place_of(folder, one) for one in references if REFERENCE.fullmatch(one)]
    there = [path for path in paths if path.exists()]
    try:
        for path in there:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise fault_of(error) from None
    return len(there)


def unlisted(folder: Path, before: float) -> list[Path]:
    """Our files that were last written before a moment (seconds since 1970); what else lies there is not ours."""
    found = []
    for path in folder.glob("??/*"):
        try:
            is_old = path.stat().st_mtime < before
        except FileNotFoundError:  # somebody was faster
            continue
        if is_old and _OURS.fullmatch(path.name) and path.parent.name == path.name[:2]:
            found.append(path)
    return found


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _make_durable(folder: Path) -> None:
    """The name of a file is on the disk once its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def fault_of(error: OSError) -> StoreFull | StoreUnavailable:
    """What an error of the folder means, in the words of the house."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(
            "存放附件的磁盘已满，未存入；请腾出空间后重试",
            "the disk of the attachments is full, the file was not stored; free some space and try again",
        )
    code = errno.errorcode.get(error.errno or 0, "OSError")
    return StoreUnavailable(
        f"附件文件夹无法使用（{code}）；请检查其位置和权限",
        f"the folder of attachments cannot be used ({code}); look at its place and rights",
        fault=code,
    )
