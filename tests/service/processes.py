"""Other processes that work on the database of a test: started once, asked over a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Gives every task to a child process of its own, see ``victim_process.py`` and ``rotating_process.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *tasks: Mapping[str, Any]) -> list[int]:
        """How the children ended that did these tasks at the same time, in the words of ``waitpid``."""
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write(json.dumps(tasks) + "\n")
        asked.flush()
        ends: list[int] = json.loads(answered.readline())
        return ends


@contextmanager
def started(module: str = "victim_process") -> Iterator[Processes]:
    """Processes that are ready for tasks of this module."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.service.{module}"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield Processes(process)
        assert process.stdin is not None
        process.stdin.close()
