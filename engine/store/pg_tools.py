"""``pg_dump`` and ``pg_restore`` as child processes: found, refused when too old, told the connection by environment.

The connection goes to the child in its environment, the password as ``PGPASSWORD``: arguments can be read by everybody
on a machine, the environment by the same user and root only. A password file would be as private, but would stay
behind on a disk when the process is killed. The child gets nothing else of our environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from engine.errors import BackupBroken, BackupRefused, GuituError, StoreFull, StoreUnavailable

_MOST_BYTES_OF_COMPLAINT = 20_000
_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)")
_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "could not extend file")
_MAY_NOT = ("permission denied", "may lack SELECT privilege", "must be owner")


@dataclass(frozen=True, slots=True)
class Tool:
    """One of the two programs: where it lies, and its major version."""

    path: str
    major: int


def find(name: str, folder: Path | None) -> Tool:
    """Find a program in the folder of ``GUITU_PG_BIN``, without one on the ``PATH``.

    Raises :class:`BackupRefused` when it is not there or does not tell its version.
    """
    path = shutil.which(name) if folder is None else shutil.which(name, path=str(folder))
    if path is None:
        raise BackupRefused(
            f"找不到 {name}；请安装 PostgreSQL 客户端程序，或以 GUITU_PG_BIN 指明其所在文件夹",
            f"{name} was not found; install the client programs of PostgreSQL, or name their folder in GUITU_PG_BIN",
            tool=name,
        )
    try:
        told = subprocess.run([path, "--version"], capture_output=True, check=False, env=_environment({})).stdout
    except OSError:
        told = b""
    version = _VERSION.search(told)
    if version is None:
        raise BackupRefused(
            f"{path} 无法运行，或未报告版本", f"{path} cannot be run, or does not tell its version", tool=name
        )
    return Tool(path, int(version.group(1)))


def refuse_older(tool: Tool, than: int, zh: str, en: str) -> None:
    """Raise :class:`BackupRefused` when the program is older than a server or another program."""
    if tool.major < than:
        raise BackupRefused(
            f"{tool.path} 为 {tool.major} 版，低于{zh}的 {than} 版；请以 GUITU_PG_BIN 指明 {than} 版或更新的程序",
            f"{tool.path} is version {tool.major}, older than {en} ({than}); name newer ones in GUITU_PG_BIN",
            tool=tool.path,
        )


def dump_command(tool: Tool, snapshot: str, into: Path) -> list[str]:
    """The arguments that dump the state of an exported snapshot; nothing in them says where or as whom."""
    return [
        tool.path, "--format=custom", "--no-password", "--no-publications", "--no-subscriptions",
        "--enable-row-security",  # the owner is held to it too; what it sees is said in the environment
        f"--snapshot={snapshot}", f"--file={into}",
    ]  # fmt: skip


def restore_command(tool: Tool, dump: Path, database: str) -> list[str]:
    """The arguments that restore a dump wholly or not at all; they name the database, not where or as whom."""
    return [
        tool.path, "--exit-on-error", "--single-transaction", "--no-owner", "--no-password",
        f"--dbname={make_conninfo(dbname=database)}", str(dump),
    ]  # fmt: skip


def run(command: list[str], connection: psycopg.Connection[Any] | None = None) -> str:
    """Run a program, on the connection's database if one is given, and return what it printed.

    Raises :class:`BackupBroken` when it cannot read the dump, :class:`BackupRefused` when the role may not,
    :class:`StoreFull`, :class:`StoreUnavailable`. What it complained of is not passed on: it may quote rows.
    """
    told = {} if connection is None else _connection_of(connection)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env=_environment(told)
        )
    except OSError as error:
        raise _unavailable(command, error.errno or 0) from None
    if done.returncode != 0:
        complaint = done.stderr[:_MOST_BYTES_OF_COMPLAINT].decode("utf-8", "replace")
        raise _fault(command, complaint, done.returncode, is_reading=connection is None)
    return done.stdout.decode("utf-8", "replace")


def _connection_of(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What the connection was made with, under the names that PostgreSQL's own programs read, with sight of all."""
    told = {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.envvar is not None and option.val is not None
    }
    return {**told, "PGOPTIONS": f"{told.get('PGOPTIONS', '')} -c guitu.sight=house".strip()}


def _environment(told: Mapping[str, str]) -> dict[str, str]:
    # English complaints, so that they can be told apart; the home folder for ~/.postgresql.
    return {"PATH": os.defpath, "HOME": str(Path.home()), "LC_ALL": "C", **told}


def _fault(command: list[str], complaint: str, status: int, *, is_reading: bool) -> GuituError:
    if any(words in complaint for words in _FULL):
        return StoreFull(
            "磁盘已满，未完成；请腾出空间后重试", "the disk is full, not completed; free some space and try again"
        )
    if any(words in complaint for words in _MAY_NOT):
        return BackupRefused(
            "数据库账号权限不足；请以数据库所有者的账号运行（与 guitu db upgrade 相同）",
            "the role of the database may not do this; run it as the owner of the database, as for guitu db upgrade",
            fault=status,
        )
    if is_reading and status > 0:  # below zero it was killed, which says nothing of the dump
        return BackupBroken(
            "备份中的数据库转储无法读取", "the dump of the database in the backup cannot be read", fault=status
        )
    return _unavailable(command, status)


def _unavailable(command: list[str], status: int) -> StoreUnavailable:
    name = Path(command[0]).name
    return StoreUnavailable(
        f"{name} 未能完成（退出码 {status}），未保留任何结果",
        f"{name} did not complete (exit status {status}); nothing of it was kept",
        fault=status,
    )
