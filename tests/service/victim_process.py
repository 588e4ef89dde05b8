"""A process to be killed: reads tasks as JSON lines, and does each in a child of its own.

The child opens a desk on the database of the task and carries out its commands; where the task names a step, the
child kills itself there with SIGKILL, where it names seconds, the alarm ends it in the midst of anything. One
line is answered per line of tasks: how each child ended, as ``waitpid`` says (``-9``: killed, ``0``: all done, ``3``:
refused, anything else: a fault). Forks before any database is open.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.commands import COMMANDS, Actor
from engine.errors import GuituError
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.known import load
from engine.service.log import configure
from tests.service.desks import play_desk

REFUSED = 3
FAULT = 4
UNITS = ("police-a", "civil-a", "justice", "health", "police-b", "civil-b")
_LEGITIMATE = {
    "not_holder", "conditions_unmet", "move_impossible", "hand_off_impossible", "case_closed", "nothing_to_change",
    "stale_revision", "unit_unknown",
}  # fmt: skip
_TO_OTHERS = _LEGITIMATE | {"case_unknown"}
"""What a unit may be told that was never responsible, when what was offered to it is taken back."""


def main() -> None:
    """Serve tasks until the input ends."""
    configure("ERROR")  # to standard error: the standard output holds answers
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
        end = _do(task)
    except BaseException:
        traceback.print_exc()
    os._exit(end)


def _do(task: Mapping[str, Any]) -> int:
    since = datetime.fromisoformat(task["since"])
    with play_desk(task["url"], task.get("first", 1), since=since, known=True) as desk:
        if "writes" in task:
            return _write_at_random(desk, task)
        _put_a_knife(desk, task.get("step"))
        signal.setitimer(signal.ITIMER_REAL, task.get("seconds", 0))  # nobody handles SIGALRM: it ends the process
        return _carry_out(desk, task)


def _put_a_knife(desk: Desk, at: int | None) -> None:
    def knife(step: int) -> None:
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    desk.probe = knife


def _carry_out(desk: Desk, task: Mapping[str, Any]) -> int:
    command = COMMANDS[task["command"]](**task["words"])
    try:
        for _ in range(task.get("times", 1)):
            handle(desk, command, Actor(task["person"], task["unit"]))
    except GuituError:
        return REFUSED
    return 0


def _write_at_random(desk: Desk, task: Mapping[str, Any]) -> int:
    """Many commands on the same few cases as other writers; only errors that say who was faster are right."""
    desk.clock = lambda: datetime.now(UTC)
    chance = random.Random(task["writes"])
    for _ in range(task["times"]):
        with desk.database.reading() as work:
            case = load(desk, chance.choice(task["cases"]), work, for_update=False)
        command, unit = _some_command(case, chance)
        try:
            handle(desk, command, Actor("ann", unit))
        except GuituError as error:
            if error.code not in (_LEGITIMATE if unit in case.units else _TO_OTHERS):
                raise
    return 0


def _some_command(case: Case, chance: random.Random) -> tuple[cmd.Command, str]:
    """Mostly what the unit may do as the case stands now, which another writer may change meanwhile."""
    holder = case.tracks["rescue"].holder or "police-a"
    result = "found" if case.facts["search.result"].value == "not_found" else "not_found"
    found: list[tuple[cmd.Command, str]] = [
        (cmd.Move(case=case.id, track="rescue", move=chance.choice(("place", "note_it", "send_back"))), holder),
        (cmd.Move(case=case.id, track="rescue", move="note_it", expected_revision=case.revision), holder),
        (cmd.Correct(case=case.id, fact="search.result", value=result, reason="misheard"), "police-a"),
        (cmd.OpenTrack(case=case.id, track="aid"), "civil-a"),
        (cmd.Move(case=case.id, track="aid", move="give"), "justice"),
        (cmd.Reverse(case=case.id, track=chance.choice(("rescue", "aid")), reason="by mistake"), holder),
        (cmd.Offer(case=case.id, track="rescue", to_unit=chance.choice(UNITS)), holder),
    ]
    for hand_off in case.hand_offs.values():
        found += [(cmd.Accept(case=case.id, hand_off=hand_off.id), hand_off.to_unit)] * 3
        found.append((cmd.Withdraw(case=case.id, hand_off=hand_off.id), hand_off.from_unit))
        found.append((cmd.Decline(case=case.id, hand_off=hand_off.id, reason="not_ours"), hand_off.to_unit))
    return chance.choice(found)


if __name__ == "__main__":
    main()
