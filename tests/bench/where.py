"""Where the time of a move goes: by room, and by function.

By room: the main thread is looked at every millisecond; the time since the last look goes to the innermost frame
of the engine (the libraries it calls count as its own), so that waiting for the disk or the database counts too.
By function: cProfile, whose own cost weighs on small functions; good for ranking, too high in sum.
"""

from __future__ import annotations

import cProfile
import pstats
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.bench.crew import Move

_HOUSE = Path(__file__).resolve().parents[2]
_EVERY_SECONDS = 0.00097
_TOP = 25

ROOMS = (
    ("engine/store/wires.py:keep", "commit: disk or server"),
    ("engine/store/wires.py", "statements: driver and database"),
    ("engine/store/statements.py", "store: values for the driver"),
    ("engine/store/", "store: rows and connections"),
    ("engine/core/decide/", "core: decide"),
    ("engine/core/case.py", "core: evolve"),
    ("engine/core/machine.py", "core: machine (transitions)"),
    ("engine/core/conditions.py", "core: conditions"),
    ("engine/core/view.py", "core: conditions"),
    ("engine/core/", "core: other"),
    ("engine/access/", "access"),
    ("engine/service/content.py", "codec: case and events"),
    ("engine/service/log.py", "log"),
    ("engine/service/persons.py", "vault: persons opened"),
    ("engine/vault/index.py", "vault: persons compared"),
    ("engine/vault/normal.py", "vault: persons compared"),
    ("engine/vault/", "vault: keys, seals, digests"),
    ("engine/service/safe.py", "vault: keys, seals, digests"),
    ("engine/ledger/", "ledger: entries written and sealed"),
    ("engine/service/scribe.py", "ledger: scribe and accounts"),
    ("engine/service/account.py", "ledger: scribe and accounts"),
    ("engine/service/", "desk: keys, answers, the rest"),
    ("engine/", "other"),
)
"""Which part of the engine a frame belongs to; the first that fits."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Microseconds per move: by room (sampled: wall and CPU), and by function (own time, with callees, calls)."""

    moves: int
    wall: float
    cpu: float
    rooms: dict[str, tuple[float, float]]
    functions: list[tuple[str, float, float, float]]


def profiled(moves: list[Move]) -> Profile:
    """Make half of the moves under the sampler, and half under cProfile."""
    middle = len(moves) // 2
    with _sampling() as (wall, cpu):
        for move in moves[:middle]:
            move()
    profiler = cProfile.Profile()
    profiler.enable()
    for move in moves[middle:]:
        move()
    profiler.disable()
    scale = 1e6 / middle
    rooms = {
        room: (scale * seconds, scale * cpu[room]) for room, seconds in sorted(wall.items(), key=lambda item: -item[1])
    }
    return Profile(
        middle, scale * sum(wall.values()), scale * sum(cpu.values()), rooms, _functions(profiler, len(moves) - middle)
    )


@contextmanager
def _sampling() -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """Give the seconds and the seconds of CPU spent in each room, filled until the block ends; main thread only."""
    wall: dict[str, float] = defaultdict(float)
    cpu: dict[str, float] = defaultdict(float)
    last = time.perf_counter(), time.process_time()

    def look(_: int, frame: FrameType | None) -> None:
        nonlocal last
        now, room = (time.perf_counter(), time.process_time()), _room(frame)
        wall[room] += now[0] - last[0]
        cpu[room] += now[1] - last[1]
        last = now

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _EVERY_SECONDS, _EVERY_SECONDS)
    try:
        yield wall, cpu
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _room(frame: FrameType | None) -> str:
    """The room of the innermost frame of the engine, named by the outermost function of that file next to it."""
    while frame is not None:
        here = frame.f_code.co_filename
        if "engine" in here and _short(here).startswith("engine/"):
            while frame.f_back is not None and frame.f_back.f_code.co_filename == here:
                frame = frame.f_back
            place = f"{_short(here)}:{frame.f_code.co_name}"
            return next(room for beginning, room in ROOMS if place.startswith(beginning))
        frame = frame.f_back
    return "other"


def _functions(profiler: cProfile.Profile, moves: int) -> list[tuple[str, float, float, float]]:
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    rows = [
        (_named(*key), 1e6 * own / moves, 1e6 * total / moves, calls / moves)
        for key, (_, calls, own, total, _) in stats.items()
    ]
    return sorted(rows, key=lambda row: -row[1])[:_TOP]


def _named(filename: str, line: int, name: str) -> str:
    return name if filename == "~" else f"{_short(filename)}:{line} {name}"


def _short(filename: str) -> str:
    """A path as people write it: from the house, or from where packages lie."""
    path = Path(filename)
    if path.is_relative_to(_HOUSE) and "site-packages" not in path.parts:
        return path.relative_to(_HOUSE).as_posix()
    return "/".join(path.parts[-2:])


def shown(profile: Profile, title: str, say: Callable[[str], object] = print) -> None:
    """Print a profile."""
    say(f"\n{title}: {profile.wall:.0f} µs per move, {profile.cpu:.0f} of them CPU (sampled, {profile.moves} moves)")
    say("   wall µs   CPU µs  of CPU")
    for room, (wall, cpu) in profile.rooms.items():
        say(f"  {wall:8.1f} {cpu:8.1f}  {cpu / profile.cpu:5.0%}  {room}")
    say("  by function (cProfile, µs per move: own, with callees; calls per move)")
    for name, own, total, calls in profile.functions:
        say(f"  {own:8.1f} {total:8.1f} {calls:6.1f}  {name}")
