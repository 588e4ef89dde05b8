"""The folder of a backup: its manifest, its files and their hashes; and files copied so that they lie on the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import BackupBroken, BackupRefused, StoreFull

FORMAT = "guitu-backup"
VERSION = 1
DATA, MANIFEST, ATTACHMENTS, KEYS = "data", "manifest.json", "attachments", "keys"
PARTIAL = ".partial"
"""How the name of a folder ends whose backup is not complete."""
_OWNER_ONLY = 0o600
_PIECE = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MOST_BYTES_OF_MANIFEST = 1 << 28


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a manifest says of one file."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a backup holds, from when, and made with what; never a key.

    ``server`` and ``tool`` are major versions of PostgreSQL, ``schema`` is the migration; ``digest`` is the SHA-256 of
    all the rest.
    """

    format: Literal["guitu-backup"]
    version: Literal[1]
    kind: Literal["sqlite", "postgresql"]
    schema: str
    made_at: datetime
    program: str
    server: int
    tool: int
    roles: tuple[str, ...]
    cases: int
    events: int
    files: dict[str, Note]
    digest: str = ""

    def sealed(self) -> Manifest:
        """The same with its digest."""
        body = msgspec.json.encode(msgspec.structs.replace(self, digest=""), order="deterministic")
        return msgspec.structs.replace(self, digest=hashlib.sha256(body).hexdigest())


class _Form(msgspec.Struct):
    """What every manifest says, of whatever version."""

    format: str
    version: int


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into the folder: the last file that is written."""
    text = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2)
    with _new(folder / MANIFEST) as file:
        _write(file, text + b"\n")
        os.fsync(file)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises :class:`BackupBroken` for anything that is no complete backup of our form."""
    if folder.resolve().name.endswith(PARTIAL):
        raise BackupBroken(
            f"{folder} 是中断的备份，不完整", f"{folder} was left by a backup that was broken off; it is not complete"
        )
    try:
        with (folder / MANIFEST).open("rb") as file:
            text = file.read(_MOST_BYTES_OF_MANIFEST)
    except OSError:
        raise BackupBroken(
            f"{folder} 不是备份：没有 {MANIFEST}", f"{folder} is not a backup: no {MANIFEST} in it"
        ) from None
    try:
        form = msgspec.json.decode(text, type=_Form)
        if (form.format, form.version) != (FORMAT, VERSION):
            raise BackupBroken(
                f"备份格式为 {form.format} {form.version}，本程序只读 {FORMAT} {VERSION}",
                f"the backup is of the form {form.format} {form.version}; this program reads {FORMAT} {VERSION}",
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BackupBroken(f"{MANIFEST} 无法读取", f"{MANIFEST} cannot be read") from None
    if manifest != manifest.sealed():
        raise BackupBroken(f"{MANIFEST} 被改动：摘要不符", f"{MANIFEST} was changed: its digest is another")
    strange = [name for name in manifest.files if name != DATA and not name.startswith(f"{ATTACHMENTS}/")]
    if strange or DATA not in manifest.files:
        raise BackupBroken(
            f"{MANIFEST} 所列文件不是备份应有的", f"{MANIFEST} does not list what a backup holds, or lists more",
            files=strange,
        )  # fmt: skip
    return manifest


def faults(folder: Path, manifest: Manifest) -> list[str]:
    """What of the files is not as the manifest says, as ``<name>: <what>``; nothing when all is."""
    there = {name: path for name, path in files_in(folder) if name != MANIFEST}
    found = [f"{name}: missing" for name in manifest.files.keys() - there.keys()]
    found += [f"{name}: not in the manifest" for name in there.keys() - manifest.files.keys()]
    found += [
        f"{name}: {'size' if path.stat().st_size != manifest.files[name].size else 'content'}"
        for name, path in there.items()
        if name in manifest.files and noted(path) != manifest.files[name]
    ]
    return sorted(found)


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder by its relative name, in order.

    Raises :class:`BackupRefused` for a link or a device: what is copied from here shall come from here.
    """
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        for name in sorted([*names, *(one for one in folders if Path(place, one).is_symlink())]):
            path = Path(place, name)
            try:
                is_file = stat.S_ISREG(path.lstat().st_mode)
            except FileNotFoundError:  # destroyed or renamed since it was listed
                continue
            if not is_file:
                raise BackupRefused(f"{path} 不是普通文件", f"{path} is not a plain file")
            yield path.relative_to(folder).as_posix(), path


def noted(path: Path) -> Note:
    """Size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Note(file.tell(), digest)


def copied(source: Path, target: Path) -> Note:
    """Copy a file, onto the disk, readable by its owner only; the target must not exist."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, _new(target) as copy:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            _write(copy, piece)
        os.fsync(copy)
    return Note(size, digest.hexdigest())


def make_empty(path: Path) -> None:
    """Make an empty file, readable by its owner only, for somebody else to write."""
    with _new(path):
        pass


def settle(path: Path) -> None:
    """Have a file, or what a folder lists, lie on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def on_disk() -> Iterator[None]:
    """Say in words of the house what the file system refuses: :class:`StoreFull`, else :class:`BackupRefused`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull(
                "磁盘已满，未完成；请腾出空间后重试", "the disk is full, not completed; free some space and try again"
            ) from None
        place = error.filename or ""
        raise BackupRefused(
            f"文件无法读写：{place}", f"cannot be read or written: {place} ({error.strerror})", fault=error.errno
        ) from None


@contextmanager
def _new(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(descriptor: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _raise(error: OSError) -> None:
    raise error
