"""The sheet of who may do what, of the policies that ship: drawn anew, and held to the one that is checked in."""

from __future__ import annotations

import csv
import importlib.resources
import io
from pathlib import Path

from engine.access.gate import Gate
from engine.access.matrix import FILE, sheet

MARK = "\ufeff"
"""What tells a spreadsheet that a file is UTF-8."""


def drawn(folder: Path | None = None) -> str:
    """The sheet as the policies of a folder make it (none: those that ship). Raises :class:`PoliciesBroken`."""
    return sheet(Gate.opened(folder))


def rows(folder: Path | None = None) -> list[dict[str, str]]:
    """The same, a row each, by the names of its columns. Raises :class:`PoliciesBroken`."""
    return list(csv.DictReader(io.StringIO(drawn(folder))))


def is_current(folder: Path | None = None) -> bool:
    """Whether the sheet beside the policies is what they make. Raises :class:`PoliciesBroken`."""
    place = _place(folder)
    return place.is_file() and place.read_text(encoding="utf-8-sig") == drawn(folder)


def write(folder: Path | None = None) -> Path:
    """Write the sheet beside the policies; returns where. Raises :class:`PoliciesBroken`."""
    place = _place(folder)
    place.write_text(MARK + drawn(folder), encoding="utf-8", newline="\n")
    return place


def _place(folder: Path | None) -> Path:
    return (folder or Path(str(importlib.resources.files("policies")))) / FILE
