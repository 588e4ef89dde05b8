"""``guitu serve`` for tests: an installation, served by real processes until a block ends."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.conftest import PASSPHRASE, Guitu, found_ledger, make_keys, passphrase_file

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 120.0
"""Seconds in which anything here must have happened."""


@dataclass
class Served:
    """An installation that is served by real processes."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def begin(self, head: str) -> socket.socket:
        """A connection on which a request was begun."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST)
        made.sendall(head.encode())
        return made

    def processes(self) -> list[bytes]:
        """Arguments and environment of the process and of those it began."""
        first = Path(f"/proc/{self.process.pid}")
        below = (first / "task" / first.name / "children").read_text().split()
        return [
            (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
            for place in (first, *(Path("/proc") / one for one in below))
        ]

    def said_to(self, sent: str) -> str:
        """With which status it answers this."""
        with closing(self.begin(sent)) as one:
            return one.recv(12).decode().removeprefix("HTTP/1.1 ")


def world_at(home: Path) -> Path:
    """Make a world for trial here, with keys and a ledger."""
    guitu = Guitu(home)
    make_keys(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(home)))
        guitu.run("db", "upgrade", "--trial")
        found_ledger(guitu)
    return home


@contextmanager
def served_here(home: Path, *words: str, **settings: str) -> Iterator[Served]:
    """Serve this installation with these options and settings, until the block ends; the passphrase is said once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUITU_")} | settings
    log = home / "log"
    program = [sys.executable, "-c", "from api.cli import main; main()", "--home", str(home), "--passphrase-fd", "0"]
    with log.open("w") as written:
        process = subprocess.Popen(
            [*program, "serve", "--port", "0", *words], cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=written,
        )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{PASSPHRASE}\n")
        process.stdin.close()
        line = process.stdout.readline()
        found = re.search(r"(?:http:/)?/[^ ]+", line)
        assert found, (line, log.read_text())
        yield Served(process, found[0], log)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
