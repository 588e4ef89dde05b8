"""A process that adds an auditor and is killed with SIGKILL: reads tasks as JSON lines, see ``victim_process.py``.

A task says the database, the file of the list, the public key, and at which act to die (``at``: 1 is before the first
one, and so on): every write and commit of the database, and every step by which the file is replaced.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.core.commands import Actor
from engine.service.auditors import Auditors, add
from engine.service.scribe import Scribe
from engine.store.database import Database
from engine.store.wires import Wire


def main() -> None:
    """Do each task in a child of its own, until the input ends."""
    for line in sys.stdin:
        ends = [os.waitstatus_to_exitcode(os.waitpid(_fork(task), 0)[1]) for task in json.loads(line)]
        print(json.dumps(ends), flush=True)


def _fork(task: Mapping[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        _do(task)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _do(task: Mapping[str, Any]) -> None:
    listed = Auditors(Path(task["list"]))
    with Database.open(task["url"]) as database:
        scribe = Scribe(database, listed.keys, lambda: datetime.now(UTC))
        _put_a_knife(task["at"])
        add(listed, scribe, task["line"], Actor("officer-1", "police-a"))


def _put_a_knife(at: int) -> None:
    acts = 0

    def cut(act: Callable[..., Any]) -> Callable[..., Any]:
        def cutting(*words: Any, **named: Any) -> Any:
            nonlocal acts
            acts += 1
            if acts == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*words, **named)

        return cutting

    for owner, name in ((Wire, "write"), (Wire, "keep"), (os, "fsync"), (os, "fdopen"), (Path, "replace")):
        setattr(owner, name, cut(getattr(owner, name)))


if __name__ == "__main__":
    main()
