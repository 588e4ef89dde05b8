"""``guitu serve`` with the procedure of the bench on its shelf, as a process of its own.

Run as ``python -m tests.bench.http_serve real|bare OPTIONS`` it is ``guitu OPTIONS``, two things apart: the
definitions are those of the bench, and with ``bare`` the application is one route that answers a constant, so that it
is served in the very same way.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fastapi import FastAPI

from api import serving
from api.cli import main
from api.http.app import make_app as real_app
from engine import bootstrap
from engine.definitions.loader import Library
from tests.bench.http_home import Home, shelf

ROOT = Path(__file__).resolve().parents[2]
BARE = "/bare"
ANSWER = {"status": "ok", "revision": 7, "items": ["a", "b", "c"]}
STOP_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Served:
    """An application that is served, and the process that was started for it."""

    process: subprocess.Popen[str]
    port: int

    def cpu_seconds(self) -> float:
        """CPU of that process and of those it began, user and system, so far; told in hundredths of a second."""
        first = str(self.process.pid)
        below = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return sum(_cpu_seconds(one) for one in (first, *below))


def _cpu_seconds(process: str) -> float:
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / _TICKS


@contextmanager
def served(home: Home, workers: int = 1, application: str = "real") -> Iterator[Served]:
    """Serve this installation in so many processes until the block ends. ``application`` is ``real`` or ``bare``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUITU_")}
    environment = kept | {
        "GUITU_HOME": str(home.folder), "GUITU_DATABASE_URL": home.url,
        "GUITU_PASSPHRASE_FILE": str(home.passphrase_file),
    }  # fmt: skip
    words = [sys.executable, "-m", "tests.bench.http_serve", application, "serve", "--port", "0"]
    log = home.folder / "served.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [*words, "--workers", str(workers)], cwd=ROOT, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=written,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:([0-9]+)", process.stdout.readline())
        if found is None:
            raise RuntimeError(f"nothing is served:\n{log.read_text()[-2000:]}")
        yield Served(process, int(found[1]))
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _bare_app(*_: Any) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get(BARE)
    def bare() -> dict[str, Any]:
        return ANSWER

    return app


def _library(_: Path | None = None) -> Library:
    return shelf()


def _run(application: str) -> None:
    make_app = _bare_app if application == "bare" else real_app
    with patch.object(bootstrap, "library", _library), patch.object(serving, "make_app", make_app):
        main()


if __name__ == "__main__":
    _run(sys.argv.pop(1))
