"""What a process holds in its memory, as somebody sees it who takes the process whole."""

from __future__ import annotations

import gc
import hmac
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType

from engine.ledger.canonical import NotCanonical
from engine.ledger.entry import HEADER_BYTES, KEY_BYTES, Kind, Unreadable, header_of, unseal
from engine.ledger.streams import _recipients_of

_LEFT_ALONE = (type, ModuleType)
"""What belongs to the program and not to what it holds."""


def secrets_within(*roots: object) -> set[bytes]:
    """Everything of the length of a key that can be reached from here."""
    found: set[bytes] = set()
    known: set[int] = set()
    waiting: list[object] = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in known or isinstance(one, _LEFT_ALONE):
            continue
        known.add(id(one))
        if isinstance(one, bytes | bytearray) and len(one) == KEY_BYTES:
            found.add(bytes(one))
        waiting += one.__closure__ or () if isinstance(one, FunctionType) else gc.get_referents(one)
    return found


def opened_with(secrets: Iterable[bytes], entries: Sequence[bytes]) -> list[int]:
    """The numbers of the entries that one of these opens, taken as the entry's own key or as the chain before it."""
    keys = [key for one in secrets for key in (one, hmac.digest(one, b"mk", "sha256"))]
    return [number for number, entry in enumerate(entries) if any(_opens(entry, key) for key in keys)]


def _opens(entry: bytes, key: bytes) -> bool:
    clear = _recipients_of(entry)[2] if header_of(entry).kind is Kind.STREAM_OPEN else 0
    try:
        unseal(entry, key, clear)
    except Unreadable:
        return False
    except NotCanonical:
        pass
    return len(entry) > HEADER_BYTES


@contextmanager
def working(url: str, auditors: Path, case: str, times: int) -> Iterator[list[bytes]]:
    """Everything that a process can write to in its own memory, after it looked at a case so many times.

    The process is killed at the end. Raises :class:`PermissionError` where nobody may look into another process.
    """
    command = [sys.executable, "-m", "tests.tampering.working_process", url, str(auditors), case, str(times)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None, "it is a pipe"
            assert any(line == "done\n" for line in process.stdout), "it came to its end"
            yield list(_regions(process.pid))
        finally:
            os.kill(process.pid, signal.SIGKILL)


def _regions(process: int) -> Iterator[bytes]:
    folder = Path("/proc") / str(process)
    with (folder / "mem").open("rb", buffering=0) as memory:
        for line in (folder / "maps").read_text(encoding="utf-8").splitlines():
            addresses, rights = line.split()[:2]
            if rights.startswith("rw"):
                first, last = (int(one, 16) for one in addresses.split("-"))
                memory.seek(first)
                yield memory.read(last - first)
