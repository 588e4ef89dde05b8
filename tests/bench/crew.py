"""Writers in processes of their own, started together and timed together.

A job is prepared first (connections opened, cases opened, rows made ready) and only then timed. Writers are
forked: whoever starts them holds no database connection open.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

Move = Callable[[], object]
Job = Callable[[int], AbstractContextManager[list[Move]]]
"""Given the number of the writer: a context that gives the moves to make, each a call that commits once."""

START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Timed:
    """What a crew did: moves, wall time from the first start to the last end, CPU of the writer processes."""

    moves: int
    seconds: float
    cpu_seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Moves per second, of all writers together."""
        return self.moves / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU (user and system) per move, of the writers alone."""
        return 1000 * self.cpu_seconds / self.moves


@dataclass(frozen=True, slots=True)
class _Said:
    started: float
    ended: float
    cpu: float
    latencies: tuple[float, ...]


def crew(writers: int, job: Job) -> Timed:
    """Let so many writers do the job at the same time. Raises ``RuntimeError`` when one of them fails."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(writers)
    hired = []
    sys.stdout.flush()
    sys.stderr.flush()
    for number in range(writers):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(number, job, barrier, theirs))
        process.start()
        theirs.close()
        hired.append((process, ours))
    said = [_heard(ours) for _, ours in hired]
    for process, _ in hired:
        process.join()
    failed = [one for one in said if isinstance(one, str)]
    if failed:
        raise RuntimeError(f"a writer failed:\n{failed[0]}")
    good = [one for one in said if isinstance(one, _Said)]
    latencies = tuple(latency for one in good for latency in one.latencies)
    wall = max(one.ended for one in good) - min(one.started for one in good)
    return Timed(len(latencies), wall, sum(one.cpu for one in good), latencies)


def _heard(end: Connection) -> _Said | str:
    try:
        said: _Said | str = end.recv()
    except EOFError:
        return "a writer process died without a word"
    return said


def _work(number: int, job: Job, barrier: Barrier, end: Connection) -> None:
    said: _Said | str
    try:
        with job(number) as moves:
            gc.collect()
            barrier.wait(START_SECONDS)
            said = _timed(moves)
    except BaseException:  # whatever it was, the one who waits must hear of it
        barrier.abort()
        said = traceback.format_exc()
    end.send(said)
    end.close()


def _timed(moves: list[Move]) -> _Said:
    clock, latencies = time.perf_counter, []
    cpu = _cpu()
    started = before = clock()
    for move in moves:
        move()
        after = clock()
        latencies.append(after - before)
        before = after
    return _Said(started, before, _cpu() - cpu, tuple(latencies))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
