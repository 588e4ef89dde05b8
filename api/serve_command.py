"""``guitu serve``: the REST door, in one process or several."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.options import Json
from api.world import World
from engine import bootstrap
from engine.errors import CommandMalformed
from engine.service.readiness import hold_ready

if TYPE_CHECKING:
    from api.serving import Serving

BACKLOG = 512
MOST_CONNECTIONS = 500
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SOCKET_MODE = 0o660
_FIGURES = "PROMETHEUS_MULTIPROC_DIR"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context, *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 for any that is free.")
    ] = 8321,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, max=64, help="How many processes answer.")
    ] = 1,
    uds: Annotated[
        Path | None, typer.Option("--uds", metavar="PATH", help="Listen on this socket of the machine instead.")
    ] = None,
    root_path: Annotated[
        str, typer.Option("--root-path", metavar="PATH", help="Below which path a proxy serves it, e.g. /guitu.")
    ] = "",
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front speaks TLS: other addresses may be listened at.")
    ] = False,
    most_connections: Annotated[
        int, typer.Option("--limit-concurrency", metavar="N", min=1, help="Connections of one process at once.")
    ] = MOST_CONNECTIONS,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Serve the REST door until told to stop (SIGTERM, Ctrl-C); what is at work then is finished first.

    Keep `guitu worker` running beside it: that one gives the entries of the ledger their places.
    """
    world = World.of(ctx)
    _hold_address(host, uds, behind_proxy)
    with _listening(host, port, uds) as listening, tempfile.TemporaryDirectory(prefix="guitu-figures-") as folder:
        if workers > 1:
            os.environ[_FIGURES] = folder  # read by the library of the figures when it is first imported
        serving = _serving(world, listening, root_path=root_path, most=most_connections)
        known_host = uds is None and not behind_proxy and not serving.hosts
        serving = replace(
            serving, hosts=LOOPBACK if known_host else serving.hosts,
            trusted_proxies=(*serving.trusted_proxies, *(("unix",) if uds is not None and behind_proxy else ())),
            metrics_folder=Path(folder) if workers > 1 else None,
        )  # fmt: skip
        _say(world, listening, workers)
        sys.stdout.flush()
        from api.serving_processes import run

        run(serving, workers)


def _hold_address(host: str, uds: Path | None, behind_proxy: bool) -> None:
    """This door speaks no TLS: beyond this machine only a proxy may carry what it says."""
    if uds is not None or behind_proxy or host == "localhost":
        return
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise CommandMalformed(
            "本程序不加密传输，只应在本机地址上监听；前面有加密代理时请加 --behind-proxy",
            "this program speaks no TLS, so it listens at this machine only; with a TLS proxy in front, --behind-proxy",
        )


def _serving(world: World, listening: socket.socket, *, root_path: str, most: int) -> Serving:
    """What each process serves, after a look at whether it could: the keys are asked for here, once."""
    settings = bootstrap.settings(home=world.home, database=world.database, language=world.language)
    ask = world.passphrase if settings.passphrase_file is None else None
    tried = bootstrap.desk(settings, books=world.library, passphrase=ask)
    try:
        hold_ready(tried)
    finally:
        bootstrap.close(tried)
    from api.serving import Serving  # the web stack, which no other command waits for

    return Serving(
        settings, world.library, ask, listening, settings.hosts, settings.trusted_proxies,
        root_path.rstrip("/"), most,
    )  # fmt: skip


def _say(world: World, listening: socket.socket, workers: int) -> None:
    """Say where it listens."""
    found, speech = listening.getsockname(), world.speech
    place = found if isinstance(found, str) else f"http://{_bracketed(found[0])}:{found[1]}"
    if speech.as_json:
        speech.give({"address": place, "processes": workers})
    else:
        speech.say(
            speech.pick(f"正在 {place} 提供服务（{workers} 个进程）", f"serving at {place} ({workers} processes)")
        )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# ── where ──


@contextmanager
def _listening(host: str, port: int, uds: Path | None) -> Iterator[socket.socket]:
    """A socket that listens, until the block ends. Raises :class:`CommandMalformed` when it cannot."""
    try:
        made = _unix(uds) if uds is not None else _inet(host, port)
    except OSError as error:
        raise CommandMalformed(
            f"无法在该地址监听：{os.strerror(error.errno or 0)}",
            f"cannot listen there: {os.strerror(error.errno or 0)}",
        ) from None
    try:
        yield made
    finally:
        made.close()
        if uds is not None:
            uds.unlink(missing_ok=True)


def _inet(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def _unix(path: Path) -> socket.socket:
    """A socket of this machine, for its owner and group only; one that a dead process left behind is replaced."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _is_answered(path):
        path.unlink()
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(_SOCKET_MODE)
    made.listen(BACKLOG)
    return made


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(str(path)) == 0
