"""Asking for a passphrase: a file descriptor or the terminal, never an argument that others could see."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from api.speech import Speech
from engine.errors import CommandMalformed

PassphraseFd = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", help="Read the passphrase from this file descriptor, one line."),
]
_MOST_BYTES = 10_000


def passphrase(speech: Speech, descriptor: int | None, *, again: bool = False) -> str:
    """One line from the descriptor if there is one, else what is typed. Raises :class:`CommandMalformed`."""
    if descriptor is not None:
        return _line(descriptor)
    if not sys.stdin.isatty():
        raise CommandMalformed(
            "没有终端可输入口令；请用 --passphrase-fd", "no terminal to ask for the passphrase on; use --passphrase-fd"
        )
    asked = speech.pick("密钥口令", "Passphrase of the key")
    return str(typer.prompt(asked, hide_input=True, confirmation_prompt=again, err=True))


def _line(descriptor: int) -> str:
    """One line of UTF-8 from a file descriptor, which is not read beyond its end."""
    try:
        found = os.read(descriptor, _MOST_BYTES)
        while found and b"\n" not in found and len(found) < _MOST_BYTES and (more := os.read(descriptor, _MOST_BYTES)):
            found += more
        return found.partition(b"\n")[0].decode()
    except (OSError, UnicodeDecodeError):
        raise CommandMalformed(
            f"无法从文件描述符 {descriptor} 读取口令", f"no passphrase can be read from file descriptor {descriptor}"
        ) from None
