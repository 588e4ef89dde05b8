"""What a move costs by HTTP and in process: CPU of the served process, and of this one, slice by slice in turn.

Both walk cases of their own in one database, by the same script, with idempotency keys and the revision looked at. By
HTTP there are besides: the request parsed, the sign-in found, the body checked, the answer written, the log of the
request. A PostgreSQL server works in processes of its own, whose CPU is in neither.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles

from engine.core.commands import Actor, Command
from engine.service.desk import Desk
from engine.service.handle import handle
from tests.bench.acts import Act
from tests.bench.crew import Move
from tests.bench.driven import words
from tests.bench.http_home import Case, opened_cases
from tests.bench.http_requests import Connection, command_request
from tests.bench.http_serve import Served
from tests.bench.procedure import BENCH

MOST_TIMES = 2.0
"""A move by HTTP may take so many times the CPU of a move in process."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of a move in milliseconds, by HTTP and in process; ``times`` is the median ratio of the slices."""

    database: str
    moves: int
    http_ms: float
    own_ms: float
    times: float
    low: float
    high: float


def cost_of_moves(
    desk: Desk, kind: str, at: Served, tokens: dict[str, str], *, cases: int, slices: int
) -> Cost:  # fmt: skip
    """Walk so many cases in each way."""
    with Connection(at.port) as connection:
        for move in by_http(connection, tokens, opened_cases(desk, 1)):
            move()  # what is loaded once is loaded now
        ours: list[Move] = [
            partial(handle, desk, command, actor) for _, command, actor in _script(opened_cases(desk, cases))
        ]
        theirs = by_http(connection, tokens, opened_cases(desk, cases))
        gc.collect()
        spent: list[tuple[float, float]] = []
        for turn in range(slices):
            part = slice(len(ours) * turn // slices, len(ours) * (turn + 1) // slices)
            both: list[tuple[list[Move], Callable[[], float]]] = [
                (theirs[part], at.cpu_seconds), (ours[part], time.process_time),
            ]  # fmt: skip
            order = both if turn % 2 == 0 else both[::-1]
            found = [_each(moves, clock) for moves, clock in order]
            spent.append((found[0], found[1]) if turn % 2 == 0 else (found[1], found[0]))
    times = [http / own for http, own in spent]
    low, _, high = quantiles(times, n=4)
    return Cost(
        kind, len(ours), 1000 * median(http for http, _ in spent), 1000 * median(own for _, own in spent),
        median(times), low, high,
    )  # fmt: skip


def by_http(connection: Connection, tokens: dict[str, str], cases: Sequence[Case]) -> list[Move]:
    """The moves that walk these cases, sent over this connection. A refusal raises ``RuntimeError``."""

    def sent(request: bytes) -> None:
        reply = connection.ask(request)
        if reply.status >= 300:
            raise RuntimeError(f"{request!r} was answered {reply.status} {reply.body!r}")

    return [
        partial(sent, command_request(command, tokens[actor.unit], act.command.expected_revision))
        for act, command, actor in _script(cases)
    ]


def _script(cases: Sequence[Case]) -> list[tuple[Act, Command, Actor]]:
    """Every act of the script on each of these cases in turn."""
    return [
        (act, *words(number, act, case.code, case.area))
        for number, act in enumerate(BENCH.script, len(BENCH.opening))
        for case in cases
    ]


def _each(moves: Sequence[Move], clock: Callable[[], float]) -> float:
    """Seconds of CPU of a move."""
    before = clock()
    for move in moves:
        move()
    return (clock() - before) / len(moves)
