"""A process that works on cases and is killed with SIGKILL: reads tasks as JSON lines, see ``victim_process.py``.

A task says the database, the cases, and at which moment to die: at which write (``at``: 1 is before the first, and so
on; a commit counts as two, before and after), at which of the ten steps of the first command (``step``), or how many
seconds after it began to work (``seconds``: then it works on until it is killed, with a thread for each case). With
none of them it does its work once. ``fork`` says to fork in the midst of it, and both go on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import Refused
from engine.service import read
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.log import configure
from engine.store.database import Database
from tests.service.desks import play_desk
from tests.service.ledger.dying import die_at_write

ANN = Actor("ann", "police-a")


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
    _ending(lambda: _do(task, begins))
    return 0


def _ending(act: Callable[[], None]) -> None:
    """Do something, and end this process."""
    try:
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _do(task: Mapping[str, Any], begins: int) -> None:
    since = datetime.fromisoformat(task["since"])
    with play_desk(task["url"], task["first"], since=since, known=True) as desk:
        desk.clock = lambda: datetime.now(UTC)
        if "fork" in task:
            _work_on_both_sides_of_a_fork(desk, task["url"])
        elif "seconds" in task:
            os.write(begins, b"!")
            _work_until_killed(desk, task["cases"])
        else:
            die_at_write(task.get("at"))
            desk.probe = _knife_at(task.get("step"))
            for case in task["cases"]:
                work_on(desk, case, 0)
            desk.scribe.close()


def work_on(desk: Desk, case: str, number: int) -> None:
    """A change, a look, a change that asks for the same again, a refusal, and a heartbeat."""
    note = cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key=f"{os.getpid()}-{case}-{number}")
    handle(desk, note, ANN)
    read.show(desk, case, ANN)
    handle(desk, note, ANN)
    with suppress(Refused):
        handle(desk, cmd.Move(case=case, track="rescue", move="place"), ANN)
    desk.scribe.beat()


def _work_until_killed(desk: Desk, cases: list[str]) -> None:
    def go_on(case: str) -> None:
        for number in count():
            work_on(desk, case, number)

    threads = [threading.Thread(target=go_on, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work_on_both_sides_of_a_fork(desk: Desk, url: str) -> None:
    def enter(who: str, times: int = 1) -> None:
        for _ in range(times):
            desk.scribe.enter(Account("case:list", Actor(who, "police-a")))

    enter("before")
    child = os.fork()
    if not child:
        desk.scribe.database = Database.open(url)  # a connection is nothing that two processes share
        _ending(lambda: enter("child", 3))
    enter("parent")
    assert os.waitpid(child, 0)[1] == 0
    enter("parent")
    desk.scribe.close()


def _knife_at(at: int | None) -> Callable[[int], None]:
    def knife(step: int) -> None:
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return knife


if __name__ == "__main__":
    main()
