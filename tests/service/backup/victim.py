"""A process that makes or restores a backup and comes to no good: full disk, killed."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from engine.errors import GuituError
from engine.service import backup
from tests.service.backup.worlds import NOW

MOST_BYTES = 20_000
MOST_STEPS = 200
_STEPS = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "subprocess.Popen"}


def main() -> None:
    """Do what the first argument says; the others are home, URL, folder of the programs, and the backup."""
    how, home, url, tools, folder = sys.argv[1:]
    place = backup.Place(Path(home), url, Path(tools) if tools else None)
    acts = {"with_a_full_disk": _with_a_full_disk, "creating": _killed_creating, "restoring": _killed_restoring}
    acts[how](place, Path(folder))


def _killed_creating(place: backup.Place, folder: Path) -> None:
    """Make backups beside this folder, each child killed one step later than the one before."""

    def act(step: int) -> None:
        backup.create(place, folder.with_name(f"{folder.name}-{step}"), NOW)

    _killed_at_every_step(folder.parent, act)


def _killed_restoring(place: backup.Place, folder: Path) -> None:
    """Restore a backup of SQLite into homes below this home, each child killed one step later."""

    def act(step: int) -> None:
        home = place.home / str(step)
        backup.restore(backup.Place(home, f"sqlite:///{home / 'guitu.db'}"), folder)

    _killed_at_every_step(place.home, act)


def _with_a_full_disk(place: backup.Place, target: Path) -> None:
    """Print the error that is told when no file may become large."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, resource.RLIM_INFINITY))
    try:
        backup.create(place, target, NOW)
    except GuituError as error:
        print(type(error).__name__)


def _killed_at_every_step(touched: Path, act: Callable[[int], None]) -> None:
    """Print at which step a child was not killed any more, because it was done."""
    for step in range(1, MOST_STEPS):
        child = os.fork()
        if child == 0:
            _put_a_knife(step, touched)
            act(step)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            print(step)
            return


def _put_a_knife(step: int, folder: Path) -> None:
    """Kill this process when it touches anything in this folder for the n-th time, before anything is done."""
    left = step

    def knife(event: str, words: tuple[object, ...]) -> None:
        nonlocal left
        if event not in _STEPS or str(folder) not in str(words):
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(knife)


if __name__ == "__main__":
    main()
