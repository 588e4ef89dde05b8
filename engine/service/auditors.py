"""The auditors of an installation: whom its ledger is sealed to, and how their keys are made.

The list lies in a file beside the root keys, apart from the database: who can write the database cannot add a reader.
Every change of it stands in the ledger first, sealed to those who read from then on.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core.codes import hold_actors, hold_code, is_code
from engine.core.commands import Actor
from engine.errors import CommandMalformed, KeyFileDamaged, LedgerNotFounded, NothingToChange
from engine.ledger.auditor_file import (
    HYBRID_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    X25519_BYTES,
    Cost,
    PublicKey,
    is_name,
    write_key,
)
from engine.ledger.entry import Kind
from engine.ledger.streams import Auditor, AuditorKey
from engine.service import keyfile
from engine.service.account import Account
from engine.service.scribe import Scribe
from engine.vault.roots import LEAST_PASSPHRASE

MOST = 12
"""So many auditors one stream is sealed to at most: its opening is an entry, and an entry has at most 16 KiB."""
LEAST_SHOWN = 8
"""So many digits of a key id name it at least."""
_FORMAT = 1
_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Listed:
    """An auditor on the list, and since when."""

    key: PublicKey
    added_at: datetime

    @property
    def kind(self) -> str:
        """``hybrid`` (ML-KEM-768 with X25519) or ``x25519``."""
        return "x25519" if len(self.key.public) == X25519_BYTES else "hybrid"


_Mark = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    """The list as it was read, and what told that version of the file from others."""

    mark: _Mark | None
    listed: tuple[Listed, ...]
    keys: tuple[Auditor, ...]


class Auditors:
    """The list in one file. It is looked at on every call, and read again when it is another one than before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: _Read | None = None

    def keys(self) -> tuple[Auditor, ...]:
        """Whom the ledger is sealed to now: the same tuple while the file is the same.

        Raises :class:`LedgerNotFounded` when there is nobody, and what :meth:`listed` raises.
        """
        found = self._found().keys
        if not found:
            raise LedgerNotFounded(
                "尚无审计人，审计账无法记录，系统不办理任何事项；请执行 guitu audit keygen 和 guitu audit auditor add",
                "no auditor is known, so nothing can be entered into the ledger and nothing is done: run guitu audit "
                "keygen and guitu audit auditor add",
            )
        return found

    def listed(self) -> tuple[Listed, ...]:
        """Everybody on the list, by name; none when there is no file.

        Raises :class:`KeyFileDamaged` for a file that is no such list, and :class:`CommandMalformed` for one that
        cannot be read or that others may read.
        """
        return self._found().listed

    def _found(self) -> _Read:
        # The mark is taken before the content: when the file is replaced in between, the next call reads it again.
        mark = self._mark()
        known = self._read
        if known is None or known.mark != mark:
            known = self._read = self._read_anew(mark)
        return known

    def _mark(self) -> _Mark | None:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CommandMalformed(f"{self.path} 无法读取", f"{self.path} cannot be read: {error.strerror}") from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read_anew(self, mark: _Mark | None) -> _Read:
        if mark is None:
            return _Read(None, (), ())
        listed = _listed(keyfile.read_private(self.path))
        return _Read(mark, listed, tuple(one.key.auditor for one in listed))

    def write(self, listed: Sequence[Listed]) -> None:
        """Replace the list, whole or not at all; the file is the owner's alone (mode 0600)."""
        lines = [{"added_at": one.added_at.isoformat(), "key": one.key.to_text()} for one in listed]
        content = json.dumps({"guitu_auditors": _FORMAT, "auditors": lines}, indent=1) + "\n"
        keyfile.replace(self.path, content.encode())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes the list until the block ends; reading goes on."""
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            for left in self.path.parent.glob(f".{self.path.name}.*"):  # of a process that was killed while it wrote
                left.unlink()
            yield
        finally:
            os.close(folder)


def add(auditors: Auditors, scribe: Scribe, line: str, actor: Actor) -> Listed:
    """Seal the ledger to one more auditor from now on; ``line`` is a public key as ``guitu audit keygen`` prints it.

    It is entered first, in a stream that the new one reads too. When the file cannot be written after that, the ledger
    tells of a change that is not in force: do it again. Raises :class:`CommandMalformed`, :class:`NothingToChange` for
    a key that is on the list, and what entering raises.
    """
    hold_actors(actor)
    key = _key_of(line)
    with auditors.alone():
        before = auditors.listed()
        if any(one.key.id == key.id for one in before):
            raise NothingToChange("此密钥已在审计人之列", "this key is on the list of auditors already")
        if len(before) >= MOST:
            raise CommandMalformed(f"审计人至多 {MOST} 名", f"there are at most {MOST} auditors")
        added = Listed(key, scribe.now())
        after = sorted((*before, added), key=lambda one: (one.key.name, one.key.id))
        _announce(scribe, "auditor:add", key, after, actor)
        auditors.write(after)
    return added


def remove(auditors: Auditors, scribe: Scribe, which: str, actor: Actor) -> Listed:
    """Seal the ledger to this auditor no more, named by name or by the first digits of the key id.

    What was sealed to the key before stays readable with it. Raises :class:`CommandMalformed` when nobody or more than
    one key is named so, :class:`NothingToChange` for the last auditor, and what entering raises.
    """
    hold_actors(actor)
    with auditors.alone():
        before = auditors.listed()
        found = [one for one in before if _is_named(one.key, which)]
        if len(found) != 1:
            raise CommandMalformed(
                f"须恰好指明一名审计人（名称，或密钥编号的前 {LEAST_SHOWN} 位以上）；指到 {len(found)} 名",
                f"name exactly one auditor (by name, or {LEAST_SHOWN} or more digits of the key id); "
                f"this names {len(found)}",
            )
        if len(before) == 1:
            raise NothingToChange(
                "不能移除最后一名审计人：没有人能读的审计账不再记录",
                "the last auditor cannot be removed: a ledger that nobody reads is written no more",
            )
        (gone,) = found
        after = [one for one in before if one is not gone]
        _announce(scribe, "auditor:remove", gone.key, after, actor)
        auditors.write(after)
    return gone


def looked_at(auditors: Auditors, scribe: Scribe, actor: Actor) -> tuple[Listed, ...]:
    """Who is on the list, once that somebody looked is entered. An empty list is entered nowhere: nobody reads yet.

    Raises what entering raises.
    """
    hold_actors(actor)
    listed = auditors.listed()
    if listed:
        scribe.enter(Account("auditor:list", actor, purpose="audit"))
    return listed


def make_key(path: Path, name: str, passphrase: str | None, *, is_hybrid: bool = True, cost: Cost | None = None) -> str:
    """Make the key of an auditor and its file (mode 0600); give the public key as people pass it on.

    The file is open without a passphrase. Raises :class:`CommandMalformed` when the file exists or cannot be written,
    for a name that is no code, and for too short a passphrase.
    """
    if passphrase is not None and len(passphrase) < LEAST_PASSPHRASE:
        raise CommandMalformed(
            f"口令至少 {LEAST_PASSPHRASE} 个字符", f"a passphrase has at least {LEAST_PASSPHRASE} characters"
        )
    if not is_name(hold_code("--name", name)):
        raise CommandMalformed("--name 不能含 + / :", "--name has no + / :")
    private = secrets.token_bytes(HYBRID_BYTES if is_hybrid else X25519_BYTES)
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    keyfile.write_new(path, write_key(private, name, passphrase, salt, nonce, cost=cost))
    return PublicKey(name, AuditorKey(private).public).to_text()


def _announce(scribe: Scribe, act: str, key: PublicKey, after: Sequence[Listed], actor: Actor) -> None:
    account = Account(
        act, actor, Kind.KEY_EVENT, "administration", details={"auditor": key.id.hex(), "name": key.name}
    )  # fmt: skip
    scribe.announce(tuple(one.key.auditor for one in after), account)


def _key_of(line: str) -> PublicKey:
    try:
        key = PublicKey.from_text(line.strip())
    except ValueError:
        key = None
    if key is None or not is_code(key.name):
        raise CommandMalformed(
            "公钥应写成 guitu-auditor+名称+…+… ，即 guitu audit keygen 打印的内容",
            "a public key is written guitu-auditor+NAME+…+…, as guitu audit keygen prints it",
        )
    return key


def _is_named(key: PublicKey, which: str) -> bool:
    return key.name == which or (len(which) >= LEAST_SHOWN and key.id.hex().startswith(which))


def _listed(content: bytes) -> tuple[Listed, ...]:
    try:
        body: dict[str, Any] = json.loads(content)
        if body["guitu_auditors"] != _FORMAT:
            raise _damaged()
        return tuple(
            Listed(PublicKey.from_text(one["key"]), datetime.fromisoformat(one["added_at"])) for one in body["auditors"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged() from None


def _damaged() -> KeyFileDamaged:
    return KeyFileDamaged(
        "审计人名单文件已损坏或被改动；请用另存的副本",
        "the list of auditors is damaged or was changed; use the copy that was kept",
    )
