"""Writers in processes of their own, started together and timed together.

What is to be compared runs in the same processes, a slice of one job, then a slice of the next, in turn: a disk or
a neighbour that is slow for a second is slow for all of them. Jobs are prepared first (connections opened, cases
opened, rows made ready) and only then timed. Writers are forked: whoever starts them holds no connection open.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import TypeVar

Move = Callable[[], object]
Job = Callable[[int], AbstractContextManager[list[Move]]]
"""Given the number of the writer: a context that gives the moves to make, each a call that commits once."""

Name = TypeVar("Name")
START_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Timed:
    """What a crew did: moves, wall time from first start to last end of each slice, CPU of the writer processes."""

    seconds: float
    cpu_seconds: float
    latencies: tuple[float, ...]
    rates: tuple[float, ...]
    """Moves per second, slice by slice."""

    @property
    def moves(self) -> int:
        """How many moves were made."""
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        """Moves per second, of all writers together."""
        return self.moves / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU (user and system) per move, of the writers alone."""
        return 1000 * self.cpu_seconds / self.moves


@dataclass(frozen=True, slots=True)
class _Slice:
    started: float
    ended: float
    cpu: float
    latencies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Where the writers wait for each other before a slice."""

    barrier: Barrier
    settle: Callable[[], object] | None
    is_first: bool

    def wait(self) -> None:
        """Go on when everybody is here and what the slice before left is settled."""
        if self.settle is not None:
            self.barrier.wait(START_SECONDS)
            if self.is_first:
                self.settle()
        self.barrier.wait(START_SECONDS)


def crew(
    writers: int, jobs: Mapping[Name, Job], slices: int, settle: Callable[[], object] | None = None
) -> dict[Name, Timed]:  # fmt: skip
    """Let so many writers do these jobs at the same time. Raises ``RuntimeError`` when one of them fails.

    ``settle`` is called before each slice, in one of their processes, when the slice before it is over everywhere.
    """
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(writers)
    hired = []
    sys.stdout.flush()
    sys.stderr.flush()
    for number in range(writers):
        ours, theirs = context.Pipe(duplex=False)
        meet = _Meeting(barrier, settle, number == 0)
        process = context.Process(target=_work, args=(number, list(jobs.values()), slices, meet, theirs))
        process.start()
        theirs.close()
        hired.append((process, ours))
    heard = [_heard(ours) for _, ours in hired]
    for process, _ in hired:
        process.join()
    for said in heard:
        if isinstance(said, str):
            raise RuntimeError(f"a writer failed:\n{said}")
    good = [said for said in heard if not isinstance(said, str)]
    return {name: _together([said[place] for said in good]) for place, name in enumerate(jobs)}


def _together(writers: list[list[_Slice]]) -> Timed:
    """What the writers did on one job: its slices follow each other, with other jobs in between."""
    at_once = list(zip(*writers, strict=True))
    walls = [max(one.ended for one in slices) - min(one.started for one in slices) for slices in at_once]
    counts = [sum(len(one.latencies) for one in slices) for slices in at_once]
    return Timed(
        sum(walls),
        sum(one.cpu for slices in at_once for one in slices),
        tuple(latency for slices in at_once for one in slices for latency in one.latencies),
        tuple(count / wall for count, wall in zip(counts, walls, strict=True)),
    )


def _heard(end: Connection) -> list[list[_Slice]] | str:
    try:
        said: list[list[_Slice]] | str = end.recv()
    except EOFError:
        return "a writer process died without a word"
    return said


def _work(number: int, jobs: list[Job], slices: int, meet: _Meeting, end: Connection) -> None:
    said: list[list[_Slice]] | str
    try:
        with ExitStack() as stack:
            todo = [stack.enter_context(job(number)) for job in jobs]
            gc.collect()
            gc.freeze()  # what was made ready is not the engine's to sweep
            said = _in_turn(todo, slices, meet)
    except BaseException:  # whatever it was, the one who waits must hear of it
        meet.barrier.abort()
        said = traceback.format_exc()
    end.send(said)
    end.close()


def _in_turn(todo: list[list[Move]], slices: int, meet: _Meeting) -> list[list[_Slice]]:
    """A slice of each job, then the next slice of each, every other time in the other order."""
    done: list[list[_Slice]] = [[] for _ in todo]
    for turn in range(slices):
        order = range(len(todo)) if turn % 2 == 0 else reversed(range(len(todo)))
        for job in order:
            moves = todo[job]
            part = moves[len(moves) * turn // slices : len(moves) * (turn + 1) // slices]
            meet.wait()
            done[job].append(_timed(part))
    return done


def _timed(moves: list[Move]) -> _Slice:
    clock, latencies = time.perf_counter, []
    cpu = _cpu()
    started = before = clock()
    for move in moves:
        move()
        after = clock()
        latencies.append(after - before)
        before = after
    return _Slice(started, before, _cpu() - cpu, tuple(latencies))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
