"""``guitu worker``: the process beside the daily work that gives the entries of the ledger their places."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from api.options import Json
from api.speech import Speech
from api.world import World
from engine.service.sequencer import Held, run, sequence_all
from engine.service.watch import Watch

_WHY = {
    "gap": ("缺少中间的记录", "entries in between are missing"),
    "repeated": ("该序号已有记录", "that number is taken in the log"),
    "form": ("记录与其登记不符", "the entry is not what its row says"),
    "closed": ("该流早已结束", "the stream ended before"),
}


class Told:
    """Whether the process was told to stop (SIGTERM, SIGINT); what it is at meanwhile is finished."""

    def __init__(self, told: int) -> None:
        self._told = told

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds at most, and say whether to stop."""
        return bool(select.select([self._told], [], [], timeout)[0])


@contextmanager
def told_by_signals() -> Iterator[Told]:
    """Signals are noted, and break nothing off, until the block ends."""
    told, noted = os.pipe()
    os.set_blocking(noted, False)
    fd = signal.set_wakeup_fd(noted)
    before = {one: signal.signal(one, _note) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield Told(told)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(fd)
        os.close(told)
        os.close(noted)


def _note(*_: object) -> None:
    """The pipe knows already."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker")(worker)


def worker(
    ctx: typer.Context, *,
    once: Annotated[bool, typer.Option("--once", help="Do what waits now, say what was done, and end.")] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.01, help="How often to look while entries come.")
    ] = 0.1,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Give the entries of the ledger their places, until told to stop (SIGTERM, Ctrl-C). One process is enough."""
    world = World.of(ctx)
    database = world.desk.database
    if not once:
        with told_by_signals() as told:
            run(database, every, told, Watch(world.desk.scribe))
        return
    done = sequence_all(database)
    if world.speech.as_json:
        held = [{"stream": one.stream.hex(), "expected": one.expected, "found": one.found, "why": one.why}
                for one in done.held]  # fmt: skip
        world.speech.give({"sequenced": done.count, "held": held})
        return
    world.speech.say(world.speech.pick(f"已编入 {done.count} 条", f"{done.count} entries have their places now"))
    for one in done.held:
        _complain(world.speech, one)


def _complain(speech: Speech, held: Held) -> None:
    zh, en = _WHY[held.why]
    stream = held.stream.hex()
    speech.complain(
        speech.pick(
            f"记录流 {stream} 暂不编入：{zh}（应为 {held.expected}，现为 {held.found}）",
            f"stream {stream} is held back: {en} (expected {held.expected}, found {held.found})",
        )
    )
