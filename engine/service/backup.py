"""Backups: what an installation recorded, in a folder that can be checked and put back; never its keys.

A backup is made under a temporary name beside its place and renamed when it is complete. It is restored under temporary
names too, the database last: a world that was restored half has no database.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal, cast

from engine.core.definition import Label
from engine.errors import BackupBroken, BackupRefused, GuituError
from engine.ledger.entry import Kind
from engine.service.account import Account
from engine.service.backup_folder import (
    ATTACHMENTS,
    DATA,
    KEYS,
    MANIFEST,
    PARTIAL,
    Manifest,
    Note,
    copied,
    faults,
    files_in,
    make_empty,
    noted,
    on_disk,
    read_manifest,
    settle,
    write_manifest,
)
from engine.store import backup as store

_OWNER_ONLY_FOLDER = 0o700
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Place:
    """An installation: its folder, its database, and where PostgreSQL's programs are (``None``: on the ``PATH``)."""

    home: Path
    url: str
    tools: Path | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One line about a backup. ``bad`` says too what could not be checked; ``left`` what nobody asked to check."""

    name: str
    state: Literal["ok", "bad", "left"]
    said: Label


def account() -> Account:
    """That somebody takes everything there is, to be entered before it is taken."""
    return Account("backup:create", None, Kind.CONTROL)


def create(place: Place, target: Path, now: datetime) -> Manifest:
    """Write a backup of the installation into a new or empty folder, while others work with it.

    Raises :class:`BackupRefused` when it may not lie there, or a program of PostgreSQL is missing, too old or may not
    read all; what :func:`engine.store.backup.take` raises; :class:`StoreFull`. Nothing is left behind then.
    """
    target = target.absolute()
    with on_disk(), ExitStack() as stack:
        _refuse_place(place.home, target)
        partial = stack.enter_context(_partial(target.parent, target.name))
        make_empty(partial / DATA)
        taken = store.take(place.url, partial / DATA, place.tools)
        settle(partial / DATA)
        # After the database: what it refers to was there before.
        files = {DATA: noted(partial / DATA), **_copy_attachments(place.home, partial)}
        manifest = _manifest(taken, files, now).sealed()
        write_manifest(partial, manifest)
        settle(partial)
        os.rename(partial, target)  # takes the place of an empty folder, of no other
        settle(target.parent)
    return manifest


def _manifest(taken: store.Taken, files: dict[str, Note], now: datetime) -> Manifest:
    return Manifest(
        format="guitu-backup", version=1, kind=cast("Literal['sqlite', 'postgresql']", taken.kind),
        schema=taken.held.schema, made_at=now.astimezone(UTC), program=version("guitu"), server=taken.server,
        tool=taken.tool, roles=taken.roles, cases=taken.held.cases, events=taken.held.events, files=files,
    )  # fmt: skip


def _refuse_place(home: Path, target: Path) -> None:
    for name in (KEYS, ATTACHMENTS):
        if target.resolve().is_relative_to((home / name).resolve()):
            raise BackupRefused(
                f"备份不得放在 {home / name} 之内", f"a backup is never put inside {home / name}; choose another folder"
            )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupRefused(
            f"{target} 已存在且不是空文件夹，未作改动",
            f"{target} exists and is not an empty folder; nothing was changed",
        )
    if not target.parent.is_dir():
        raise BackupRefused(
            f"{target.parent} 不存在；请先建立或挂载", f"{target.parent} does not exist; make or mount it first"
        )


def _copy_attachments(home: Path, into: Path) -> dict[str, Note]:
    source = home / ATTACHMENTS
    if not source.is_dir():
        return {}
    keys = {_identity(path) for path in (home / KEYS).rglob("*") if path.is_file()}
    found = {}
    (into / ATTACHMENTS).mkdir(_OWNER_ONLY_FOLDER)
    for name, path in files_in(source):
        if _identity(path) in keys:
            raise BackupRefused(f"{path} 是密钥文件，不得备份", f"{path} is a key file, which no backup may hold")
        try:
            found[f"{ATTACHMENTS}/{name}"] = _copied_below(path, into, f"{ATTACHMENTS}/{name}")
        except FileNotFoundError:  # destroyed while we copied: it shall not come back
            continue
    return found


def _copied_below(source: Path, root: Path, name: str) -> Note:
    *folders, last = Path(name).parts
    for folder in folders:
        root /= folder
        root.mkdir(_OWNER_ONLY_FOLDER, exist_ok=True)  # one by one: the mode holds for none that is made in passing
    return copied(source, root / last)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def verify(folder: Path, tools: Path | None = None, scratch: str | None = None) -> list[Checked]:
    """Hold a backup against its manifest, and restore it in a temporary place; nothing of a fault is raised.

    A dump of PostgreSQL is restored only into ``scratch``, the URL of an empty database, which is emptied again.
    """
    lines: list[Checked] = []
    with _told(lines, "manifest"):
        manifest = read_manifest(folder)
        lines.append(_line("manifest", f"格式与摘要相符，制作于 {_when(manifest)}", f"as made at {_when(manifest)}"))
        with _told(lines, "files"):
            lines.append(_verify_files(folder, manifest))
            with _told(lines, "data"):
                lines.extend(_verify_data(folder, manifest, tools, scratch))
    if all(line.name != "restored" for line in lines):
        lines.append(Checked("restored", "bad", Label(zh="未作恢复检验", en="NOT restored anywhere")))
    told = Label(zh="密钥不在备份中，加密内容未解密", en="no key is in a backup: what is sealed was not opened")
    return [*lines, Checked("keys", "left", told)]


@contextmanager
def _told(lines: list[Checked], name: str) -> Iterator[None]:
    """Make a line of what goes wrong, about the first thing that has none yet."""
    try:
        with on_disk():
            yield
    except GuituError as error:
        taken = {line.name for line in lines}
        first = next(one for one in (name, "restored") if one not in taken)
        lines.append(Checked(first, "bad", Label(zh=error.zh, en=error.en)))


def passed(lines: list[Checked]) -> bool:
    """Whether all that was to be checked was checked, and is as it should be."""
    return all(line.state != "bad" for line in lines)


def is_restorable(lines: list[Checked]) -> bool:
    """Whether the backup passed and was really restored somewhere."""
    return passed(lines) and any(line.name == "restored" and line.state == "ok" for line in lines)


def _verify_files(folder: Path, manifest: Manifest) -> Checked:
    broken = faults(folder, manifest)
    if broken:
        shown = "; ".join(broken[:_MOST_SHOWN])
        raise BackupBroken(f"{len(broken)} 个文件不符：{shown}", f"{len(broken)} files are not as noted: {shown}")
    many = len(manifest.files)
    return _line("files", f"{many} 个文件的大小和哈希均相符", f"size and hash as noted, of {many} files")


def _verify_data(folder: Path, manifest: Manifest, tools: Path | None, scratch: str | None) -> Iterator[Checked]:
    if manifest.kind == "postgresql":
        yield from _verify_dump(folder / DATA, manifest, tools, scratch)
        return
    _refuse_newer(manifest)
    with tempfile.TemporaryDirectory(prefix="guitu-verify-") as place:
        copy = Path(place) / DATA
        if copied(folder / DATA, copy) != manifest.files[DATA]:
            raise _not_as_noted()
        held = store.look_into(copy)
    yield _line("data", "数据库完整性检查通过", "the database passes its integrity check")
    _compare(held, manifest)
    yield _restored(manifest)


def _verify_dump(dump: Path, manifest: Manifest, tools: Path | None, scratch: str | None) -> Iterator[Checked]:
    things = store.read_through(dump, manifest.tool, tools)
    yield _line("data", f"转储可读到末尾，共 {things} 项", f"the dump can be read to its end, {things} things")
    if scratch is None:
        zh = "未作恢复检验；以 --full URL 指明一个空的数据库即可"
        yield Checked(
            "restored", "left", Label(zh=zh, en="NOT restored anywhere; --full URL of an empty database does")
        )
        return
    _refuse_newer(manifest)
    if store.kind_of(scratch) != manifest.kind:
        raise _other_kind(manifest)
    store.restore_dump(dump, scratch, _taken(manifest), tools)
    try:
        _compare(store.look_at(scratch), manifest)
    finally:
        store.clear(scratch)
    yield _restored(manifest)


def _restored(manifest: Manifest) -> Checked:
    cases, events = manifest.cases, manifest.events
    return _line(
        "restored", f"已在临时位置恢复：{manifest.schema}，{cases} 个案件，{events} 条记录",
        f"restored in a temporary place: {manifest.schema}, {cases} cases, {events} events",
    )  # fmt: skip


def _line(name: str, zh: str, en: str) -> Checked:
    return Checked(name, "ok", Label(zh=zh, en=en))


def restore(place: Place, folder: Path) -> Manifest:
    """Put a backup back into an empty installation; its keys may lie there already.

    Raises :class:`BackupBroken` when the backup is not as its manifest says, :class:`BackupRefused` when the home or
    the database is not empty, the database is of the other kind, or the schema is of a newer program. Whatever is
    raised, the database holds nothing.
    """
    with on_disk(), ExitStack() as stack:
        manifest = read_manifest(folder)
        _refuse_unfit(place, manifest)
        if faults(folder, manifest):
            raise _not_as_noted()
        place.home.mkdir(_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        partial = stack.enter_context(_partial(place.home, "restore"))
        for name, note in manifest.files.items():
            if name != DATA and _copied_below(folder / name, partial, name) != note:
                raise _not_as_noted()
        if manifest.kind == "sqlite":
            _restore_sqlite(place, folder, manifest, partial)
        else:
            _restore_dump(place, folder, manifest, partial)
    return manifest


def needs_upgrade(manifest: Manifest) -> bool:
    """Whether what was restored has to be brought to the schema of this program before it can be worked with."""
    return not store.is_newest(manifest.schema)


def _restore_sqlite(place: Place, folder: Path, manifest: Manifest, partial: Path) -> None:
    file = store.file_at(place.url).absolute()
    with _partial(file.parent, file.name) as beside:
        if copied(folder / DATA, beside / DATA) != manifest.files[DATA]:
            raise _not_as_noted()
        _compare(store.look_into(beside / DATA), manifest)
        with _attachments_placed(place.home, partial):
            os.link(beside / DATA, file)  # unlike a rename, it never takes the place of another file
            (beside / DATA).unlink()
            settle(file.parent)


def _restore_dump(place: Place, folder: Path, manifest: Manifest, partial: Path) -> None:
    store.read_through(folder / DATA, manifest.tool, place.tools)
    with _attachments_placed(place.home, partial):
        store.restore_dump(folder / DATA, place.url, _taken(manifest), place.tools)
        with ExitStack() as stack:
            stack.callback(store.clear, place.url)
            _compare(store.look_at(place.url), manifest)
            stack.pop_all()


@contextmanager
def _attachments_placed(home: Path, partial: Path) -> Iterator[None]:
    """The attachments under their own name; taken away again when the database does not follow."""
    if not (partial / ATTACHMENTS).is_dir():
        yield
        return
    placed = home / ATTACHMENTS
    os.rename(partial / ATTACHMENTS, placed)
    settle(home)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, placed, ignore_errors=True)
        yield
        stack.pop_all()


def _refuse_unfit(place: Place, manifest: Manifest) -> None:
    if store.kind_of(place.url) != manifest.kind:
        raise _other_kind(manifest)
    _refuse_newer(manifest)
    found = list(place.home.iterdir()) if place.home.exists() else []
    in_the_way = sorted(
        path.name for path in found if path.name != KEYS and not (path.name == ATTACHMENTS and _is_empty(path))
    )
    if in_the_way:
        listed = ", ".join(in_the_way[:_MOST_SHOWN])
        raise BackupRefused(
            f"{place.home} 不是空的（{listed}），未作改动；只能恢复到空的文件夹，其中仅可有 {KEYS}",
            f"{place.home} is not empty ({listed}), nothing was changed; it may hold {KEYS} and nothing else",
        )
    store.refuse_unless_empty(place.url)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _refuse_newer(manifest: Manifest) -> None:
    if not store.is_known(manifest.schema):
        raise BackupRefused(
            f"备份的数据库结构 {manifest.schema} 新于本程序，请用制作该备份的版本 {manifest.program} 或更新版本",
            f"the schema of the backup, {manifest.schema}, is newer than this program; use version {manifest.program}"
            " that made it, or a newer one",
        )


def _compare(held: store.Held, manifest: Manifest) -> None:
    if held != store.Held(manifest.schema, manifest.cases, manifest.events):
        raise BackupBroken(
            "恢复出的数据库与清单所记的结构、案件数或记录数不符",
            "what was restored has another schema, or other numbers of cases and events, than the manifest says",
        )


def _taken(manifest: Manifest) -> store.Taken:
    held = store.Held(manifest.schema, manifest.cases, manifest.events)
    return store.Taken(manifest.kind, held, manifest.server, manifest.tool, manifest.roles)


def _other_kind(manifest: Manifest) -> GuituError:
    return BackupRefused(
        f"备份来自 {manifest.kind}，目标数据库是另一种，未作改动",
        f"the backup is of {manifest.kind}, the database is of the other kind; nothing was changed",
    )


def _not_as_noted() -> GuituError:
    return BackupBroken(
        f"备份的文件与 {MANIFEST} 不符，未作改动；详见 guitu backup verify",
        f"files of the backup are not as {MANIFEST} says, nothing was changed: see guitu backup verify",
    )


def _when(manifest: Manifest) -> str:
    return manifest.made_at.isoformat(timespec="seconds")


@contextmanager
def _partial(parent: Path, name: str) -> Iterator[Path]:
    """A folder of our own beside the place something will have; whatever is still in it at the end goes."""
    folder = parent / f".{name}.{secrets.token_hex(4)}{PARTIAL}"
    folder.mkdir(_OWNER_ONLY_FOLDER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
