"""A process that signs and kills itself with SIGKILL: reads tasks as JSON lines, see ``tests/service/processes.py``.

A task says: the database, the signer's folder, what to do (``sign``, ``rotate``, ``restart``), and at which executed
line of the modules below to die. No line of them is passed over, so there is no step that a sweep does not end at.
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
from types import FrameType
from typing import Any

from engine.ledger import signing
from engine.service import desk, keyfile, signer, signer_folder
from engine.store.database import Database
from tests.service.signer.anew import restart

WATCHED = frozenset(str(module.__file__) for module in (signing, desk, keyfile, signer, signer_folder))


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
    folder = Path(task["folder"])
    with Database.open(task["url"]) as database:
        acts: dict[str, Callable[[], object]] = {
            "sign": signer.Signer(folder, database, lambda: datetime.now(UTC)).sign,
            "rotate": lambda: signer_folder.rotate_key(folder, None),
            "restart": lambda: restart(folder, database, "restored_backup", None),
        }
        _put_a_knife(task["at"])
        acts[task["act"]]()
        sys.settrace(None)


def _put_a_knife(at: int) -> None:
    lines = 0

    def knife(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename not in WATCHED:
            return None
        lines += event == "line"
        if lines == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return knife

    sys.settrace(knife)


if __name__ == "__main__":
    main()
