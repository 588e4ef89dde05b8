"""Asking for a secret: a file descriptor or the terminal, never an argument that others could see."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from api.speech import Speech
from engine.errors import CommandMalformed

PassphraseFd = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", help="Read the passphrase from this file descriptor, one line."),
]
_MOST_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Secret:
    """What is asked for: how it is called, and the option that says from where to read it instead."""

    zh: str
    en: str
    option: str


PASSPHRASE = Secret("密钥口令", "passphrase of the key", "--passphrase-fd")


def passphrase(speech: Speech, descriptor: int | None, *, again: bool = False) -> str:
    """One line from the descriptor if there is one, else what is typed. Raises :class:`CommandMalformed`."""
    return secret(speech, descriptor, PASSPHRASE, again=again)


def secret(speech: Speech, descriptor: int | None, asked: Secret, *, again: bool = False) -> str:
    """One line from the descriptor if there is one, else what is typed, unseen. Raises :class:`CommandMalformed`."""
    if descriptor is not None:
        return _line(descriptor, asked)
    if not sys.stdin.isatty():
        raise CommandMalformed(
            f"没有终端可输入{asked.zh}；请用 {asked.option}",
            f"no terminal to ask for the {asked.en} on; use {asked.option}",
        )
    words = speech.pick(asked.zh, asked.en[0].upper() + asked.en[1:])
    return str(typer.prompt(words, hide_input=True, confirmation_prompt=again, err=True))


def _line(descriptor: int, asked: Secret) -> str:
    """One line of UTF-8 from a file descriptor, which is not read beyond its end."""
    try:
        found = os.read(descriptor, _MOST_BYTES)
        while found and b"\n" not in found and len(found) < _MOST_BYTES and (more := os.read(descriptor, _MOST_BYTES)):
            found += more
        return found.partition(b"\n")[0].decode()
    except (OSError, UnicodeDecodeError):
        raise CommandMalformed(
            f"无法从文件描述符 {descriptor} 读取{asked.zh}",
            f"no {asked.en} can be read from file descriptor {descriptor}",
        ) from None
