"""Where tests, and the processes they start, write: in memory, where this machine has room there.

Every test has databases of its own; on a disk whose writing is rationed, copying them takes longer than testing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3
"""Bytes that must be free."""


def choose() -> None:
    """Let temporary files of this process and of those it starts lie in memory, unless ``TMPDIR`` says where.

    What is compiled is kept, whatever the environment says, so that the hundreds of processes tests start do not
    compile all of it anew.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "TMPDIR" in os.environ or not _has_room():
        return
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


def _has_room() -> bool:
    if not MEMORY.is_dir() or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:  # binaries of PostgreSQL may be put there
        return False
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM
