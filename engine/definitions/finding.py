"""What is wrong in a definition, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

Where = tuple[str | int, ...]
"""Where something stands inside a file: keys and list indexes from the top."""

_SHOWN = 8


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """``file:line``, as editors and terminals link it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One mistake: where it stands, a stable ``code``, what is wrong and what would be right.

    ``where`` is the element, e.g. ``tracks.registration.moves.apply``; empty when the file itself is meant.
    """

    file: str
    line: int
    code: str
    where: str
    zh: str
    en: str
    right_zh: str
    right_en: str

    def text(self, language: str = "en") -> str:
        """One line for a person: place, code, what is wrong, what would be right."""
        wrong, right = (self.zh, self.right_zh) if language == "zh" else (self.en, self.right_en)
        where = f" {self.where}:" if self.where else ""
        return f"{self.file}:{self.line}: {self.code}:{where} {wrong} {right}"


@dataclass(slots=True)
class Findings:
    """Collects findings; the same one twice (two definitions using one template) counts once."""

    found: dict[Finding, None] = field(default_factory=dict)

    def add(self, place: Place, code: str, path: Where, wrong: tuple[str, str], right: tuple[str, str]) -> None:
        """Note a mistake; ``wrong`` and ``right`` are (zh, en)."""
        where = ".".join(str(part) for part in path)
        self.found[Finding(place.file, place.line, code, where, *wrong, *right)] = None

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.found)

    def sorted(self) -> list[Finding]:
        """All findings by file and line."""
        return sorted(self.found)


def one_of(word: str, choices: Iterable[str]) -> tuple[str, str]:
    """What would be right instead of ``word``: the nearest choice, else those there are, as (zh, en)."""
    known = sorted(set(choices))
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"是否应为“{near[0]}”？", f"Did you mean `{near[0]}`?"
    if not known:
        return "这里尚未定义任何名称，请先定义。", "Nothing is declared here yet; declare it first."
    if len(known) > _SHOWN:
        known = [*difflib.get_close_matches(word, known, n=_SHOWN, cutoff=0.0), "…"]
    return f"可用：{'、'.join(known)}。", f"Known here: {', '.join(known)}."
