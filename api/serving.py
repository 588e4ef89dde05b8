"""One process that serves the REST door, from the opening of its desk to the last answer."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from api.http.app import Manner, make_app
from api.http.wire import BoundedProtocol
from engine import bootstrap
from engine.bootstrap import Library, Settings
from engine.service.desk import Desk
from engine.service.watch import Watch

GRACE_SECONDS = 20
"""In which requests that are at work may finish after a process was told to stop."""
KEEP_ALIVE_SECONDS = 5
LOOK_SECONDS = 2.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Serving:
    """What each process serves, where, and how. ``most_connections`` is for one process."""

    settings: Settings
    books: Library
    passphrase: Callable[[], str] | None
    listening: socket.socket
    hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    root_path: str
    most_connections: int
    metrics_folder: Path | None = None


class _Server(uvicorn.Server):
    """A server that can be told to stop before it runs, and that leaves the process in order afterwards."""

    def stop(self, sig: int, _: FrameType | None = None) -> None:
        """Finish what is at work, and end."""
        self.should_exit = True


class _ToLog(logging.Handler):
    """What libraries have to say goes into the log as the kind of thing it is: their words may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell where it comes from, and which kind of error it is about."""
        error = record.exc_info[0] if record.exc_info else None
        kind = record.levelname.lower() if error is None else error.__name__
        structlog.get_logger().warning("library", kind=kind, where=f"{record.name}:{record.lineno}")


def serve_here(serving: Serving, parent: int | None = None) -> None:
    """Serve until told to stop (SIGTERM, SIGINT), or until ``parent`` is no more; then leave the desk in order."""
    stopped: list[int] = []
    for one in SIGNALS:  # what comes before the server runs must not be lost, nor end this process half-way
        signal.signal(one, lambda sig, _: stopped.append(sig))
    logging.basicConfig(handlers=[_ToLog()], level=logging.WARNING, force=True)
    desk = bootstrap.desk(serving.settings, books=serving.books, passphrase=serving.passphrase)
    try:
        server = _server(serving, desk)
        for one in SIGNALS:
            signal.signal(one, server.stop)
        server.should_exit = bool(stopped)
        over = threading.Event()
        watching = threading.Thread(target=_watch, args=(Watch(desk.scribe), over, server, parent), daemon=True)
        watching.start()
        server.run(sockets=[serving.listening])
        over.set()
        watching.join(LOOK_SECONDS)
    finally:
        bootstrap.close(desk)


def _server(serving: Serving, desk: Desk) -> _Server:
    manner = Manner(
        hosts=serving.hosts, trusted_proxies=serving.trusted_proxies, shows_metrics=serving.settings.shows_metrics,
        metrics_folder=serving.metrics_folder, root_path=serving.root_path,
    )  # fmt: skip
    return _Server(
        uvicorn.Config(
            make_app(desk, manner),
            http=BoundedProtocol,
            loop="uvloop",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            root_path=serving.root_path,
            limit_concurrency=serving.most_connections,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def _watch(watch: Watch, over: threading.Event, server: _Server, parent: int | None) -> None:
    """Enter a heartbeat once a minute, as any process does that writes the ledger; stop with the parent."""
    while not over.wait(LOOK_SECONDS):
        watch.look()
        if parent is not None and os.getppid() != parent:
            server.should_exit = True
