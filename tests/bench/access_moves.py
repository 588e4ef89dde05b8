"""What access adds to a move, in CPU of the process that makes it: timed inside the moves of the moves bench.

Around each function a clock of the thread's CPU is read, so what is waited for is not in it. SQLite works in that
thread, PostgreSQL in a process of its own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

from engine.access.gate import Gate
from engine.access.model import CaseFile, Who
from engine.access.subjects import Track
from engine.service import filing
from engine.service import handle as one_door
from tests.bench.access_decisions import Bare, page
from tests.bench.crew import Move
from tests.bench.driven import bench_desk, walking
from tests.bench.procedure import BENCH

ADMIT, FILE, AUTHORISE, KEEP = (
    "admit who acts", "load who takes part", "decide, and note it", "keep who takes part, in step with the case",
)  # fmt: skip
BEFORE = (ADMIT, FILE, AUTHORISE)
"""What is done before a move is decided; the last one is written with it."""
ADDED, BARE, WHOLE = "all three", "a bare decision, all parsed once", "the whole move"
MOST_ADDED = 0.3
"""Milliseconds of CPU that the three may take of a move."""
_WATCHED = {
    ADMIT: (one_door, "admitted"), FILE: (one_door, "case_file"), AUTHORISE: (one_door, "_authorise"),
    KEEP: (filing, "project"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """What something takes of a move, in milliseconds of CPU: the median over the slices, and their quartiles."""

    what: str
    database: str
    ms: float
    low: float
    high: float
    most: float | None = None


def shares(url: str, database: str, cases: int, slices: int) -> list[Share]:
    """Walk so many cases by one writer, and say where the CPU of a move that access takes goes."""
    spent: list[Mapping[str, float]] = []
    who, file = page()
    with bench_desk(BENCH, url) as desk:
        bare = bare_move(desk.gate, who, file)
        moves = walking(BENCH, desk, 0, cases)
        for turn in range(slices):
            part = moves[len(moves) * turn // slices : len(moves) * (turn + 1) // slices]
            spent.append(_spent(part, bare))
    return [
        _share(name, database, [one[name] for one in spent], MOST_ADDED if name == ADDED else None)
        for name in (*BEFORE, ADDED, BARE, KEEP, WHOLE)
    ]


def bare_move(gate: Gate, who: Who, file: CaseFile) -> Move:
    """One decision on a move by whoever holds the track, everything parsed before."""
    units = frozenset({who.unit})
    track = Track(file, "placement", True, holder=units, last_actor=units)
    bare = Bare(gate, who, track, frozenset({"move"}))
    assert bare.parsed("move")
    assert gate.decide(who, "move", track).allowed
    return partial(bare.parsed, "move")


def _spent(moves: list[Move], bare: Move) -> dict[str, float]:
    """Milliseconds of CPU a move: of what is watched, of all of it, and of as many bare decisions."""
    spent: Counter[str] = Counter()
    with ExitStack() as stack:
        for name, (room, function) in _WATCHED.items():
            watched = _watched(spent, name, getattr(room, function))
            stack.enter_context(patch.object(room, function, watched))
        for move in moves:
            _watched(spent, WHOLE, move)()
    for _ in moves:
        _watched(spent, BARE, bare)()
    found = {name: seconds * 1000 / len(moves) for name, seconds in spent.items()}
    return {**dict.fromkeys(_WATCHED, 0.0), **found, ADDED: sum(found[name] for name in BEFORE)}


def _watched(spent: Counter[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        before = time.thread_time()
        try:
            return function(*given, **named)
        finally:
            spent[name] += time.thread_time() - before  # type: ignore[assignment]

    return watched


def _share(name: str, database: str, ms: list[float], most: float | None) -> Share:
    low, _, high = quantiles(ms, n=4)
    return Share(name, database, median(ms), low, high, most)
