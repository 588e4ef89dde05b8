"""The processes that serve the REST door: one that ends is replaced, all end together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.context import ForkProcess

import structlog

from api.serving import Serving, serve_here
from api.worker_commands import Told, told_by_signals
from engine.errors import GuituError, ServingStopped

STOP_SECONDS = 30.0
"""In which every process must have ended; a request may take 20 of them to finish."""
EARLY_SECONDS = 5.0
"""A process that ends sooner than that after it began would only do so again."""


def run(serving: Serving, workers: int) -> None:
    """Serve in so many processes until told to stop. Raises :class:`ServingStopped`."""
    if workers == 1:
        serve_here(serving)
        return
    with told_by_signals() as told:
        Team(serving).keep(workers, told)


class Team:
    """Several processes that listen at one socket.

    They are made by a fork: a passphrase that was typed goes on in memory, in no argument and no environment.
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._make = multiprocessing.get_context("fork").Process
        self._begun: dict[ForkProcess, float] = {}

    def keep(self, many: int, told: Told) -> None:
        """Keep so many at work until told to stop. Raises :class:`ServingStopped` when one ends as soon as it began."""
        try:
            for _ in range(many):
                self._begin()
            while not told.wait(0.5):
                self._replace()
        finally:
            self._stop()

    def _begin(self) -> None:
        made = self._make(target=_serve, args=(self._serving, os.getpid()))
        made.start()
        self._begun[made] = time.monotonic()

    def _replace(self) -> None:
        for one, begun in list(self._begun.items()):
            if one.is_alive():
                continue
            del self._begun[one]
            if time.monotonic() - begun < EARLY_SECONDS:
                raise ServingStopped(
                    "服务进程启动后随即退出，已停止；原因见日志",
                    "a process ended as soon as it began; the log says why",
                )
            structlog.get_logger().warning("server_replaced", code=str(one.exitcode))
            self._begin()

    def _stop(self) -> None:
        for one in self._begun:
            one.terminate()
        until = time.monotonic() + STOP_SECONDS
        for one in self._begun:
            one.join(max(0.0, until - time.monotonic()))
            if one.is_alive():
                one.kill()


def _serve(serving: Serving, parent: int) -> None:
    """A process of its own: what the parent does about signals is not this one's."""
    signal.set_wakeup_fd(-1)
    try:
        serve_here(serving, parent)
    except GuituError as error:
        structlog.get_logger().error("server_ended", code=error.code)
        sys.exit(error.exit_code)
