"""Every operation of the description, as every role, by a unit that stands to the case in every way there is.

What is expected is what the engine's own sweep expects of the same act (:mod:`tests.service.access.acts`). Nothing is
kept: what is permitted is carried out to its end, and then dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import httpx
import pytest

from engine.access.model import ROLES
from tests.http.sweep.calling import DROPPED, Door, came_of
from tests.http.sweep.operations import APART, NOT_FOR_PROGRAMS, ROWS
from tests.http.sweep.rules import http_of
from tests.http.sweep.worlds import EVERYONE, PROGRAM, SOME, Cell, Furnished
from tests.service.access.test_sweep import LATER
from tests.service.access.worlds import ANN, NOBODY_ACTS, UNITS

LATER_HERE = LATER | {"passkey_missing", "enrolment_refused", "recovery_impossible", "provider_missing"}
"""What is said to whoever may, for a reason of its own."""
BARRED = frozenset({"purpose_not_granted", "strong_sign_in_needed"})


def told(name: str, cell: Cell, answer: httpx.Response) -> str:
    """What came of a request, in the words of the engine's sweep; the status is held to the code."""
    code = came_of(answer)
    if code == "done":
        return code
    assert answer.status_code == http_of(code), (name, cell, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    return "done" if code in LATER_HERE else code


def expected(name: str, cell: Cell) -> frozenset[str]:
    """What may come of it."""
    if cell[0] == PROGRAM and name in NOT_FOR_PROGRAMS:
        return BARRED
    return frozenset({ROWS[name].act.expected(*cell)})


def sweep(door: Door, world: Furnished, cells: Iterable[Cell]) -> Counter[str]:
    """Hold every operation to what is expected of these callers; how many answers had which status."""
    found, wrong = Counter[str](), []
    for name in ROWS:
        for cell in cells:
            answer = door.call(name, world, cell)
            wanted, got = expected(name, cell), told(name, cell, answer)
            found["dropped" if DROPPED in answer.headers else str(answer.status_code)] += 1
            if got not in wanted:
                wrong.append(f"{name} by {cell}: expected {sorted(wanted)}, got {answer.status_code} {answer.text}")
    assert not wrong, "\n".join(wrong)
    return found


def test_some(door: Door, rehearsal: Furnished) -> None:
    import time
    t=time.process_time(), time.time()
    found = sweep(door, rehearsal, SOME)
    print(found, time.process_time()-t[0], time.time()-t[1])
