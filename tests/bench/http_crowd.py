"""Many clients at once: each works on a case of its own, four looks to one act, and waits for every answer.

They run in one process apart from the server, on raw sockets, and the CPU of that process is told: a client that is
itself the limit would measure itself. Of the looks a third each are the case, its moves and the worklist of the unit
whose turn it is; of the acts every fourth is a contribution, the others go on with the script of the bench, at the
revision of the last answer and under keys of their own.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from engine.core.commands import Accept, Command, Contribute, Move
from tests.bench.http_home import Case
from tests.bench.http_requests import HEAD_ENDS, PREFIX, Reply, command_request, length_of, reply_of, request
from tests.bench.http_serve import BARE
from tests.bench.procedure import BENCH

LOOKS, ACTS = "looks", "acts"
_ACT_OF = 5
"""Every so manieth request is an act, on the average."""
_CONTRIBUTION_OF = 4
_PATIENCE = 60.0
_NO_ANSWER = "no answer"
_OFFERED = sorted(int(act.command.hand_off) for act in BENCH.script if isinstance(act.command, Accept))
"""The numbers of the hand-offs of the script, in the order in which they are offered; all of them are accepted."""


@dataclass(slots=True)
class Tally:
    """What the clients saw: seconds that each answer took, by kind, and what went wrong."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: dict[str, list[float]] = field(default_factory=lambda: {LOOKS: [], ACTS: []})
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """How many answers came that were no errors."""
        return sum(len(found) for found in self.latencies.values())

    def note(self, kind: str, seconds: float, reply: Reply | None) -> None:
        """Note an answer; ``None`` where none came."""
        if reply is not None and reply.status < 300:
            self.latencies[kind].append(seconds)
        else:
            self.errors[_NO_ANSWER if reply is None else f"{reply.status} {reply.code}"] += 1


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks: a client for each case, with the sign-ins they share by unit; without cases so many ask ``/bare``."""

    port: int
    seconds: float
    clients: int
    cases: Sequence[Case] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)


def asked_by(crowd: Crowd) -> Tally:
    """Let them ask, in a process of their own; whoever calls this holds no connection open."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as apart:
        return apart.submit(_ask_all, crowd).result()


def _ask_all(crowd: Crowd) -> Tally:
    return asyncio.run(_together(crowd))


async def _together(crowd: Crowd) -> Tally:
    tally, started = Tally(), asyncio.Event()
    asking: list[_Worker | _Passer] = (
        [_Worker(case, crowd.tokens, number) for number, case in enumerate(crowd.cases)]
        if crowd.cases
        else [_Passer() for _ in range(crowd.clients)]
    )
    until = _Until(crowd.seconds)
    tasks = [asyncio.ensure_future(_client(one, crowd.port, tally, started, until)) for one in asking]
    await asyncio.sleep(0)
    before, cpu = time.perf_counter(), time.process_time()
    until.begin()
    started.set()
    await asyncio.gather(*tasks)
    tally.seconds, tally.cpu_seconds = time.perf_counter() - before, time.process_time() - cpu
    return tally


class _Until:
    """Until when requests are sent."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = 0.0

    def begin(self) -> None:
        """The time runs from now on."""
        self._at = time.perf_counter() + self._seconds

    @property
    def is_over(self) -> bool:
        """Whether no more are sent."""
        return time.perf_counter() >= self._at


class _Passer:
    """Asks for the bare route, again and again."""

    def next(self) -> tuple[str, bytes]:
        """The next request."""
        return LOOKS, request("GET", BARE, "none")

    def heard(self, reply: Reply) -> None:
        """Nothing follows from it."""


class _Worker:
    """Works on one case. When its script is at an end it only looks."""

    def __init__(self, case: Case, tokens: Mapping[str, str], number: int) -> None:
        self._case, self._tokens = case, tokens
        self._drawn = random.Random(number)
        self._place = self._contributed = 0
        self._revision: int | None = None
        self._asked = ""
        self._offered: list[str] = []
        self._looks = self._looked()

    def next(self) -> tuple[str, bytes]:
        """The next request, and of which kind it is."""
        is_at_end = self._place == len(BENCH.script)
        if self._revision is None or is_at_end or self._drawn.randrange(_ACT_OF):
            self._asked = "look"
            return LOOKS, next(self._looks)
        act = BENCH.script[self._place]
        key = f"{self._case.code}-{len(BENCH.opening) + self._place:03d}"
        command, actor = act.on(self._case.code, self._case.area, key)
        if isinstance(command, Move) and not self._drawn.randrange(_CONTRIBUTION_OF):
            self._asked = "contribution"
            command = Contribute(
                case=self._case.code,
                track=command.track,
                note="联系人已知悉",
                idempotency_key=f"{key}-{self._contributed}",
            )
        else:
            self._asked, command = "act", self._as_numbered(command)
        return ACTS, command_request(command, self._tokens[actor.unit], self._revision)

    def heard(self, reply: Reply) -> None:
        """Go on from an answer that was no error."""
        self._revision = reply.revision or self._revision
        self._place += self._asked == "act"
        self._contributed += self._asked == "contribution"
        if self._asked == "act":
            self._offered += json.loads(reply.body)["offered"]

    def _as_numbered(self, command: Command) -> Command:
        """An acceptance of the hand-off as it is numbered here: contributions count, too."""
        if not isinstance(command, Accept):
            return command
        return replace(command, hand_off=self._offered[_OFFERED.index(int(command.hand_off.rpartition("/")[2]))])

    def _looked(self) -> Iterator[bytes]:
        """The case, its moves, the worklist, and again, as the unit sees them whose turn it is."""
        cases = f"{PREFIX}/cases/{self._case.code}"
        while True:
            for path in (cases, f"{cases}/moves", f"{PREFIX}/worklists/mine"):
                yield request("GET", path, self._tokens[self._unit()])

    def _unit(self) -> str:
        """Whoever makes the next move; a unit that is only asked to take over would see a preview."""
        ahead = (act for act in BENCH.script[self._place :] if isinstance(act.command, Move))
        return next(ahead, BENCH.opening[0]).unit_in(self._case.area)


async def _client(
    who: _Worker | _Passer, port: int, tally: Tally, started: asyncio.Event, until: _Until
) -> None:  # fmt: skip
    """Ask until it is over. A connection that breaks is an error, and made anew."""
    await started.wait()
    while not until.is_over:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            tally.note(LOOKS, 0.0, None)
            await asyncio.sleep(0.1)
            continue
        try:
            await _asking(who, reader, writer, tally, until)
        except (OSError, EOFError, TimeoutError):
            tally.note(LOOKS, 0.0, None)
        finally:
            writer.close()


async def _asking(
    who: _Worker | _Passer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally, until: _Until
) -> None:  # fmt: skip
    """Send and wait, one after the other, on one connection."""
    while not until.is_over:
        kind, sent = who.next()
        before = time.perf_counter()
        writer.write(sent)
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(HEAD_ENDS)
            body = await reader.readexactly(length_of(head))
        reply = reply_of(head, body)
        tally.note(kind, time.perf_counter() - before, reply)
        if reply.status < 300:
            who.heard(reply)
