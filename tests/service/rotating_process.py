"""A process that rotates keys and may kill itself with SIGKILL: reads tasks as JSON lines, see ``victim_process.py``.

A task says: the database, what to rotate (nothing: whatever stopped), the key file of a rotation of the root key,
and at which act to die: a number counts the batches written, not yet committed; ``saved`` is the key file's first
writing, ``left`` its last.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.service.rotation import Rotation
from engine.service.safe import Safe
from engine.store.rotations import RotationRows
from engine.vault.roots import RootKeys
from tests.keys import KeyFile
from tests.service.desks import play_desk


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
    at = task.get("at")
    file = KeyFile(Path(task["keys"])) if "keys" in task else None
    with play_desk(task["url"], since=datetime.fromisoformat(task["since"]), known=True) as desk:
        if file is not None:
            desk.safe = Safe(file.opened, desk.clock)
        _put_a_knife(at if isinstance(at, int) else 0)

        def save(roots: RootKeys) -> None:
            assert file is not None
            file.save(roots)
            if at == ("left" if len(roots.keys) == 1 else "saved"):
                os.kill(os.getpid(), signal.SIGKILL)

        rotation = Rotation(desk, save, settle=lambda: None, batch=1)
        list(rotation.run(task["kind"], task["jurisdiction"]) if "kind" in task else rotation.resume())


def _put_a_knife(at: int) -> None:
    go_on, batches = RotationRows.go_on, []

    def knife(self: RotationRows, *words: object) -> None:
        go_on(self, *words)  # type: ignore[arg-type]
        batches.append(words)
        if len(batches) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    RotationRows.go_on = knife  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main()
