"""A process that uses a request to see an identity, and may be killed before the identity opens.

Reads tasks as ``victim_process.py`` does. Where a task says ``dies``, the child kills itself with SIGKILL when the
identity is about to be opened: after the commit that entered the disclosure. It ends with ``0`` when the identity was
shown, with ``3`` when it was refused.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.commands import Actor
from engine.errors import RequestUsed
from engine.service import reidentify
from engine.service.log import configure
from engine.service.persons import Persons
from tests.service.asking import REQUESTS
from tests.service.desks import play_desk

REFUSED, FAULT = 3, 4


def main() -> None:
    """Serve tasks until the input ends."""
    configure("ERROR")
    for line in sys.stdin:
        children = [_fork(task) for task in json.loads(line)]
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(ends), flush=True)


def _fork(task: Mapping[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    end = FAULT
    try:
        end = _reveal(task)
    except BaseException:
        traceback.print_exc()
    os._exit(end)


def _reveal(task: Mapping[str, Any]) -> int:
    if task.get("dies"):
        Persons.opened = _die  # type: ignore[assignment, method-assign]
    with play_desk(task["url"], 500, since=datetime.fromisoformat(task["since"]), known=True) as desk:
        try:
            reidentify.reveal(desk, REQUESTS, task["request"], Actor(task["person"], task["unit"]))
        except RequestUsed:
            return REFUSED
    return 0


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
