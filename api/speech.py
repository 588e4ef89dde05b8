"""How the command line speaks: Chinese or English, JSON or text, rich on a terminal and plain everywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Protocol, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
PROVENANCE = {
    "printed": ("原文", "printed"),
    "reading": ("解读", "reading"),
    "deployer": ("本地设置", "local setting"),
    "engine": ("系统要求", "asked by the program"),
    "lost": ("原文缺失", "text lost"),
}


class InTwoLanguages(Protocol):
    """Anything that says itself in Chinese and in English."""

    @property
    def zh(self) -> str:
        """In Chinese."""

    @property
    def en(self) -> str:
        """In English."""


@dataclass(slots=True)
class Speech:
    """Says things to whoever started the command. ``language`` is ``zh`` or ``en``."""

    language: str = "zh"
    as_json: bool = False

    def pick(self, zh: str, en: str) -> str:
        """The one of two texts that is in the reader's language."""
        return zh if self.language == "zh" else en

    def label(self, label: InTwoLanguages | None) -> str:
        """A label in the reader's language; ``-`` for none."""
        return "-" if label is None else self.pick(label.zh, label.en)

    def of(self, label: Mapping[str, str]) -> str:
        """A label that lies in plain data as ``{zh, en}``."""
        return self.pick(label["zh"], label["en"])

    def provenance(self, word: str) -> str:
        """Where a rule comes from: printed, reading, local setting, or text lost."""
        return self.pick(*PROVENANCE.get(word, (word, word)))

    def source(self, clauses: Sequence[str], provenance: str) -> str:
        """Clauses and provenance of a rule, as they stand behind it."""
        comma = self.pick("；", "; ")
        return self.pick("〔{}〕", "[{}]").format(comma.join([*clauses, self.provenance(provenance)]))

    def say(self, text: str = "", style: str = "") -> None:
        """One line to the reader; styled only on a terminal."""
        if is_terminal(sys.stdout):
            Console(file=sys.stdout, soft_wrap=True).print(Text(text, style=style))
        else:
            sys.stdout.write(text + "\n")

    def complain(self, text: str, style: str = "red") -> None:
        """One line to standard error."""
        if is_terminal(sys.stderr):
            Console(file=sys.stderr, soft_wrap=True).print(Text(text, style=style))
        else:
            sys.stderr.write(text + "\n")

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table: drawn on a terminal, aligned columns everywhere else."""
        cells = [[str(cell) for cell in row] for row in rows]
        if is_terminal(sys.stdout):
            drawn = Table(*heads, box=None, pad_edge=False, header_style="bold", show_header=any(heads))
            for row in cells:
                drawn.add_row(*(Text(cell) for cell in row))
            Console(file=sys.stdout).print(drawn)
            return
        widths = [max(cell_len(row[place]) for row in [list(heads), *cells]) for place in range(len(heads))]
        for row in [list(heads), *cells] if any(heads) else cells:
            padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
            sys.stdout.write("  ".join(padded).rstrip() + "\n")

    def give(self, value: object) -> None:
        """The answer as JSON."""
        sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads this stream on a terminal."""
    return stream.isatty()


def in_china(at: datetime) -> str:
    """A moment as people in China read it."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def plain(value: Any) -> Any:
    """What JSON can hold of an answer of the engine."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return [plain(one) for one in (sorted(value) if isinstance(value, frozenset | set) else value)]
