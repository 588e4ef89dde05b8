"""The key file of an installation: made once, opened when something sealed is first needed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import CommandMalformed, KeysMissing
from engine.service import keyfile
from engine.service.account import Account
from engine.service.desk import Desk
from engine.store.work import Work
from engine.vault.roots import Cost, RootKeys, read_roots, write_roots

_FOLDER_MODE = 0o700


def init(path: Path, passphrase: str, now: datetime, *, work: Work | None, cost: Cost | None = None) -> RootKeys:
    """Make the root keys of an installation and their file (mode 0600, in a folder of mode 0700).

    ``work`` looks at the database, if there is one already. Raises :class:`CommandMalformed` when the file exists, when
    the passphrase is too short, or when the database holds keys: then their key file is what is needed, not a new one.
    """
    if work is not None and work.vault_keys():
        raise CommandMalformed(
            "数据库中已有由另一密钥文件封装的密钥：请放回原密钥文件，新建的打不开它们",
            "the database holds keys that another key file wraps: put that file back, a new one cannot open them",
        )
    roots = RootKeys.fresh()
    content = write_roots(roots, passphrase, now, cost)
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    keyfile.write_new(path, content)
    return roots


def init_demo(path: Path, now: datetime) -> Path:
    """Keys of a demo world, and the file beside them that holds their passphrase: nothing in it is worth keeping."""
    chosen = secrets.token_urlsafe(18)
    init(path, chosen, now, work=None)
    beside = path.with_name("passphrase")
    keyfile.write_new(beside, f"{chosen}\n".encode())
    return beside


def opened(path: Path, passphrase_file: Path | None, ask: Callable[[], str] | None) -> RootKeys:
    """The root keys. Raises :class:`KeysMissing`, :class:`PassphraseWrong`, :class:`KeyFileDamaged`."""
    if not path.is_file():
        raise KeysMissing(
            f"没有密钥文件 {path}；新装系统请执行 guitu keys init，否则请放回原文件",
            f"there is no key file {path}; in a new installation run guitu keys init, else put the file back",
        )
    if passphrase_file is not None:
        return read_roots(keyfile.read_private(path), passphrase_in(passphrase_file))
    if ask is None:
        raise KeysMissing(
            "没有口令：请设置 GUITU_PASSPHRASE_FILE", "no passphrase: set GUITU_PASSPHRASE_FILE to a file that holds it"
        )
    return read_roots(keyfile.read_private(path), ask())


def saver(path: Path, passphrase: Callable[[], str], clock: Callable[[], datetime]) -> Callable[[RootKeys], None]:
    """Writes the key file anew, whole or not at all, under the same passphrase."""

    def save(roots: RootKeys) -> None:
        keyfile.replace(path, write_roots(roots, passphrase(), clock()))

    return save


def passphrase_in(path: Path) -> str:
    """The first line of a file that only its owner may read. Raises :class:`CommandMalformed`."""
    try:
        return keyfile.read_private(path).partition(b"\n")[0].decode()
    except UnicodeDecodeError:
        raise CommandMalformed(f"{path} 不是 UTF-8 文字", f"{path} is not UTF-8 text") from None


def listed(desk: Desk) -> list[dict[str, Any]]:
    """What :func:`status` says, entered in the ledger."""
    with desk.reading(Account("keys:status")) as work:
        return status(work)


def status(work: Work) -> list[dict[str, Any]]:
    """Every vault key that ever was, and how many case keys or identities it holds; never a key."""
    rows = work.vault_keys()
    newest = {(row.kind, row.jurisdiction): row.version for row in rows if row.destroyed_at is None}
    counts = {
        "case": work.count_case_keys_under,
        "identity": work.count_persons_under,
        "index": work.count_tokens_under,
    }
    lines = []
    for row in rows:
        is_newest = newest.get((row.kind, row.jurisdiction)) == row.version
        state = "destroyed" if row.destroyed_at is not None else "sealing" if is_newest else "opening"
        holds = counts[row.kind](row.id) if row.kind in counts else None
        lines.append(
            {"id": row.id, "kind": row.kind, "jurisdiction": row.jurisdiction, "version": row.version,
             "made_at": row.made_at.isoformat(), "state": state, "holds": holds}
        )  # fmt: skip
    return lines
