"""A process that sequences and is killed with SIGKILL: reads tasks as JSON lines, see ``victim_process.py``.

A task says the database, and either at which write to die (``at``: 1 is before the first, and so on; the commit counts
as two, before and after), or how many seconds after it began to be killed in the midst of anything (``seconds``).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any

from engine.service.log import configure
from engine.service.sequencer import run, sequence
from engine.store.database import Database
from tests.service.ledger.dying import die_at_write


def main() -> None:
    """Do each task in a child of its own, until the input ends."""
    configure("ERROR")  # to standard error: the standard output holds answers
    for line in sys.stdin:
        print(json.dumps([_end_of(task) for task in json.loads(line)]), flush=True)


def _end_of(task: Mapping[str, Any]) -> int:
    begun, begins = os.pipe()
    child = os.fork()
    if child:
        os.close(begins)
        if "seconds" in task and os.read(begun, 1):
            time.sleep(task["seconds"])
            os.kill(child, signal.SIGKILL)
        os.close(begun)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        _do(task, begins)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _do(task: Mapping[str, Any], begins: int) -> None:
    with Database.open(task["url"]) as database:
        if "at" not in task:
            os.write(begins, b"!")
            run(database, 0.001, threading.Event())
        die_at_write(task["at"])
        sequence(database)


if __name__ == "__main__":
    main()
