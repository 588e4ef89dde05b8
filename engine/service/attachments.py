"""Attachments of a case: files, encrypted as they come in, judged by their content, listed and copied out.

The file is in its place before its row is committed, through the one door. A process that dies between the two leaves
a file that is on no list and that nobody can open; :func:`sweep` removes it. What is judged is the file as it was
stored, so nobody can show one content and store another, and no plain copy ever touches the disk.

The limits are constants here and not policies: they keep a disk from filling up and decide nothing about a case.
"""

from __future__ import annotations

import hashlib
import io
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.core.commands import Actor, AttachFile
from engine.errors import AttachmentRefused, AttachmentUnknown, CommandMalformed, GuituError, StoreUnavailable
from engine.service.account import Account
from engine.service.by_class import STRICTEST
from engine.service.desk import NOT_REFUSALS, Desk
from engine.service.handle import Answer, handle
from engine.service.refusals import on_record
from engine.service.sight import open_for_reading
from engine.service.stored_files import (
    StoredFile,
    fault_of,
    new_reference,
    place_of,
    remove,
    unlisted,
    whole,
    written,
)
from engine.store.erasures import AttachmentRow
from engine.store.work import Work
from engine.vault.filetypes import kind_of
from engine.vault.keys import CaseKey, Cell, unreadable
from engine.vault.streams import CHUNK_BYTES, Opened, Reader, Writer, decrypt, decrypted, encrypt
from engine.vault.suite import Unopenable

LARGEST = 32 * 2**20
"""The most bytes of one file: many scanned pages, or any photograph; no film."""
LONGEST_NAME = 150
SWEPT_AFTER = 3600.0
"""Seconds after which a file that is on no list counts as left behind; adding one takes far less."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class _Label(msgspec.Struct, frozen=True):
    """What is sealed of a file beside its content."""

    name: str
    kind: str
    size: int

    def __repr__(self) -> str:
        return "<_Label, not shown>"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a case, as whoever may read the case sees it."""

    id: str
    name: str
    kind: str
    size: int
    added_at: datetime
    unit: str
    person: str


def add(
    desk: Desk, case: str, file: Reader, name: str, actor: Actor, *, expected_revision: int | None = None,
    idempotency_key: str | None = None,
) -> Answer:  # fmt: skip
    """Add a file to an open case that the actor's unit takes part in. Its name is sealed, and may tell nobody.

    Raises :class:`AttachmentRefused` for what may not be attached, :class:`IdentifierInText` for a name that holds an
    identifier of the case, :class:`StoreFull`, and what ``handle`` raises; then nothing is kept of the file.
    """
    command = AttachFile(
        case=case, name=name, expected_revision=expected_revision, idempotency_key=idempotency_key
    )  # fmt: skip
    folder = _folder(desk)
    with on_record(desk, command, actor) as account:
        command = replace(command, name=_tidy_name(name))
        with desk.database.reading() as work:  # only to get the key: what comes of it is entered with the command
            key = open_for_reading(desk, case, work, account, "read_timeline", reads=()).key
        kind, stored = _store(folder, key, file, command.name)
    try:
        answer = handle(desk, replace(command, kind=kind), actor, enclosed=stored)
    except NOT_REFUSALS:
        raise  # the row may have been kept all the same: sweeping tells
    except GuituError:
        remove(folder, [stored.id])
        raise
    if answer.attachment != stored.id:  # asked before: the file of the first time is the one on the list
        remove(folder, [stored.id])
    return answer


def listed(desk: Desk, case: str, actor: Actor) -> list[Attachment]:
    """The files of a case, the oldest first. Raises :class:`NotHolder`, :class:`ContentUnreadable`."""
    account = Account("file:list", actor)
    with desk.reading(account) as work:
        key = _opened_for_files(desk, case, work, account)
        return [_shown(row, key) for row in work.attachments_of(case)]


def _opened_for_files(desk: Desk, case: str, work: Work, account: Account) -> CaseKey:
    """The key of a case for whoever may read its files. A file may hold anything: it counts as a free text."""
    seen = open_for_reading(desk, case, work, account, "read_attachment", reads=())
    seen.tell(account, (STRICTEST,))
    return seen.key


def copy_out(desk: Desk, case: str, attachment: str, writer: Writer, actor: Actor) -> Attachment:
    """Write the content of a file of the case, and say which it was.

    Raises what :func:`opened` and its pieces raise: what was written then must be dropped.
    """
    row, key = _on_list(desk, case, attachment, actor)
    shown = _shown(row, key)
    with _opening(case), _stored(_folder(desk), row) as file:
        decrypt(file, writer, key.attachment_key(row.id, row.key_version), _place(row.id))
    return shown


def opened(desk: Desk, case: str, attachment: str, actor: Actor) -> tuple[Attachment, Iterator[bytes]]:
    """A file of the case, and its content piece by piece, each as it was sealed.

    Raises :class:`NotHolder`, :class:`AttachmentUnknown` for a reference the case does not have, and
    :class:`ContentUnreadable` when the stored file is not the one that was added, perhaps only amid the pieces: what
    came before it must be dropped then.
    """
    row, key = _on_list(desk, case, attachment, actor)
    pieces = _pieces(_folder(desk), row, key)
    return _shown(row, key), chain([next(pieces)], pieces)  # what is wrong from the beginning is said before any of it


def _on_list(desk: Desk, case: str, attachment: str, actor: Actor) -> tuple[AttachmentRow, CaseKey]:
    """A file on the list of a case, and the key of the case; that it is read is entered."""
    _folder(desk)
    account = Account("file:read", actor)
    with desk.reading(account) as work:
        key = _opened_for_files(desk, case, work, account)
        row = next((row for row in work.attachments_of(case) if row.id == attachment), None)
        if row is None:
            raise AttachmentUnknown(
                f"个案 {case} 没有这一附件；请用 guitu case attachments 查看",
                f"case {case} has no such attachment; guitu case attachments lists them",
            )
        account.details["attachment"] = row.id
    return row, key


def _pieces(folder: Path, row: AttachmentRow, key: CaseKey) -> Iterator[bytes]:
    with _opening(row.case_id), _stored(folder, row) as file:
        yield from decrypted(file, key.attachment_key(row.id, row.key_version), _place(row.id))


def copy_to(desk: Desk, case: str, attachment: str, path: Path, actor: Actor) -> Attachment:
    """Copy a file of the case into a new file, whole or not at all. Raises what :func:`copy_out` raises."""
    try:
        if path.exists():
            raise CommandMalformed("目标文件已存在", "the file to write exists already")
        with whole(path) as file:
            return copy_out(desk, case, attachment, file, actor)
    except OSError:
        raise CommandMalformed("目标文件无法写入", "the file to write cannot be written there") from None


def sweep(desk: Desk) -> int:
    """Remove files that no case lists and that were left behind an hour ago or earlier; say how many.

    A folder belongs to one database: what another one lists would be removed.
    """
    folder = _folder(desk)
    old = unlisted(folder, time.time() - SWEPT_AFTER)
    with desk.database.reading() as work:  # read after the folder: a file is in its place before its row is
        known = work.attachment_ids()
    left_behind = [path for path in old if path.name not in known]
    for path in left_behind:
        path.unlink(missing_ok=True)
    return len(left_behind)


def destroy(folder: Path, ids: Iterable[str]) -> int:
    """Remove the files of an erased case, whose keys are gone already; say how many there were."""
    return remove(folder, ids)


def _folder(desk: Desk) -> Path:
    if desk.attachments is None:
        raise StoreUnavailable("没有设置附件文件夹", "this desk has no folder of attachments")
    return desk.attachments


# ── storing ──


class _Measured:
    """A reader that measures what it gives, and stops at the largest size or when its own fails.

    It raises :class:`AttachmentRefused`.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        try:
            piece = self._reader.read(size)
        except OSError:  # not to be taken for a fault of our own disk
            raise AttachmentRefused("文件读取中断", "the file cannot be read to its end") from None
        self.size += len(piece)
        if self.size > LARGEST:
            most = LARGEST // 2**20
            raise AttachmentRefused(
                f"文件超过 {most} MiB；请压缩图片或分成几个文件",
                f"the file is larger than {most} MiB: make it smaller, or several",
                most=LARGEST,
            )
        self.digest.update(piece)
        return piece


def _store(folder: Path, key: CaseKey, file: Reader, name: str) -> tuple[str, StoredFile]:
    """Encrypt a file into its place, once its kind may be attached, and say which kind that is."""
    reference = new_reference()
    secret, place = key.attachment_key(reference, key.version), _place(reference)
    measured = _Measured(file)
    with written(folder, reference) as stored:
        encrypt(measured, stored, secret, place)
        taken = stored.tell()
        with _opening(key.case_id), io.BufferedReader(Opened(stored, secret, place), CHUNK_BYTES) as again:
            kind = kind_of(again, name)
        stored.seek(0, io.SEEK_END)
    label = msgspec.json.encode(_Label(name, kind, measured.size))
    sealed = key.seal(label, _label_cell(reference))
    return kind, StoredFile(reference, key.version, taken, sealed, measured.digest.hexdigest())


def _tidy_name(name: str) -> str:
    """The name of a file without its folders, in NFC. Raises :class:`AttachmentRefused`, repeating nothing."""
    tidy = unicodedata.normalize("NFC", name).strip()
    stem = tidy.rpartition(".")[0]
    if not stem.strip(". ") or len(tidy) > LONGEST_NAME or set("/\\") & set(tidy):
        raise AttachmentRefused(
            f"文件名须含扩展名、不含路径，不超过 {LONGEST_NAME} 个字符",
            f"a file name has an ending, no folders, and no more than {LONGEST_NAME} characters",
        )
    if any(unicodedata.category(letter) in _HIDDEN for letter in tidy):
        raise AttachmentRefused("文件名含不可见字符", "there are invisible characters in the name of the file")
    return tidy


# ── opening ──


def _shown(row: AttachmentRow, key: CaseKey) -> Attachment:
    try:
        label = msgspec.json.decode(key.unseal(row.sealed, _label_cell(row.id)), type=_Label)
    except msgspec.MsgspecError:
        raise unreadable(row.case_id) from None
    return Attachment(row.id, label.name, label.kind, label.size, row.added_at, row.unit, row.person)


@contextmanager
def _opening(case_id: str) -> Iterator[None]:
    """A stored file that does not open is content of the case that cannot be read."""
    try:
        yield
    except Unopenable:
        raise unreadable(case_id) from None


def _stored(folder: Path, row: AttachmentRow) -> BinaryIO:
    try:
        return place_of(folder, row.id).open("rb")
    except FileNotFoundError:
        raise unreadable(row.case_id) from None
    except OSError as error:
        raise fault_of(error) from None


def _place(reference: str) -> bytes:
    return Cell("attachment", reference, "file", 1).bound()


def _label_cell(reference: str) -> Cell:
    return Cell("attachment", reference, "sealed", 1)
