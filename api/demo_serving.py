"""The demo world served at this machine until Ctrl-C, with the worker beside it."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from api.serve_command import BACKLOG, LOOPBACK, MOST_CONNECTIONS
from api.worker_commands import delivering
from api.world import World
from engine.service.desk import Desk
from engine.service.sequencer import run
from engine.service.watch import Watch

HOST = "127.0.0.1"
PORT = 8321
NEARBY = 20
"""So many ports after the one wished for are tried before any that is free is taken."""
LOOK_SECONDS = 0.5


def listening(port: int) -> socket.socket:
    """A socket that listens at this port, or at the next that is free; 0 for any."""
    for wished in (*range(port, port + NEARBY), 0):
        try:
            return socket.create_server((HOST, wished), backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("the machine always has a port")


def address(port: int) -> str:
    """Where the world is reached."""
    return f"http://{HOST}:{port}"


def serve(world: World, at: socket.socket) -> None:
    """Serve the world at this socket until told to stop (Ctrl-C, SIGTERM)."""
    from api.serving import Serving, serve_here  # the web stack, which no other command waits for

    place = address(at.getsockname()[1])
    world.close()
    with _working(world.desk):
        world.speech.say()
        world.speech.say(
            world.speech.pick(
                f"正在 {place} 提供服务（接口说明：{place}/docs），按 Ctrl-C 停止",
                f"serving at {place} (what it knows: {place}/docs) until Ctrl-C",
            ),
            style="bold",
        )
        sys.stdout.flush()
        serve_here(Serving(world.settings, world.library, None, at, LOOPBACK, (), "", MOST_CONNECTIONS))


@contextmanager
def _working(desk: Desk) -> Iterator[None]:
    """What ``guitu worker`` does, for as long as the block goes on: the ledger gets its places, notices go out."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        working = beside.submit(_work, desk, over)
        try:
            yield
        finally:
            over.set()
            working.result()


def _work(desk: Desk, over: threading.Event) -> None:
    with delivering(desk, over) as stop:
        run(desk.database, LOOK_SECONDS, stop, Watch(desk.scribe))
