"""``guitu worker``: the process beside the daily work. It gives the entries of the ledger their places and delivers."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from api.options import Json
from api.speech import Speech
from api.world import World
from engine.service.desk import Desk
from engine.service.outgoing import Rounds, sweep_own
from engine.service.sequencer import Held, Stop, run, sequence_all
from engine.service.watch import Watch
from engine.service.webhook_delivery import Delivered, deliver_due

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


@dataclass(frozen=True, slots=True)
class Either:
    """Says to stop when told to, and when what goes on beside has ended by itself: that is a fault, and ends both."""

    told: Stop
    beside: Future[None]

    def wait(self, timeout: float) -> bool:
        """Wait so many seconds at most, and say whether to stop."""
        return self.told.wait(timeout) or self.beside.done()


@contextmanager
def delivering(desk: Desk, told: Stop) -> Iterator[Stop]:
    """Deliver beside whatever the block does, until it ends; then raise what went wrong there."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        going_on = beside.submit(Rounds(desk).run, over)
        try:
            yield Either(told, going_on)
        finally:
            over.set()
            going_on.result()


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
    """Give the entries of the ledger their places and deliver notices, until told to stop (SIGTERM, Ctrl-C).

    One process is enough, and several do no harm.
    """
    world = World.of(ctx)
    database = world.desk.database
    if not once:
        with told_by_signals() as told, delivering(world.desk, told) as stop:
            run(database, every, stop, Watch(world.desk.scribe))
        return
    done = sequence_all(database)
    sent = deliver_due(world.desk)
    swept = sweep_own(world.desk)
    if world.speech.as_json:
        held = [{"stream": one.stream.hex(), "expected": one.expected, "found": one.found, "why": one.why}
                for one in done.held]  # fmt: skip
        world.speech.give({
            "sequenced": done.count, "held": held, "delivered": sent.delivered, "failed": sent.failed, "swept": swept,
        })  # fmt: skip
        return
    world.speech.say(world.speech.pick(f"已编入 {done.count} 条", f"{done.count} entries have their places now"))
    _say_sent(world.speech, sent)
    for one in done.held:
        _complain(world.speech, one)


def _say_sent(speech: Speech, sent: Delivered) -> None:
    if sent.delivered:
        speech.say(speech.pick(f"已推送 {sent.delivered} 条通知", f"{sent.delivered} notices were delivered"))
    if sent.failed:
        speech.complain(
            speech.pick(
                f"{sent.failed} 条通知未能送达，将再次推送（guitu webhook list）",
                f"{sent.failed} notices did not arrive and are sent again later (guitu webhook list)",
            )
        )


def _complain(speech: Speech, held: Held) -> None:
    zh, en = _WHY[held.why]
    stream = held.stream.hex()
    speech.complain(
        speech.pick(
            f"记录流 {stream} 暂不编入：{zh}（应为 {held.expected}，现为 {held.found}）",
            f"stream {stream} is held back: {en} (expected {held.expected}, found {held.found})",
        )
    )
