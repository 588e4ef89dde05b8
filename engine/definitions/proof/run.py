"""All proofs of a library, one after another, telling before each what is looked at next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.definition import Label
from engine.definitions.loader import Library
from engine.definitions.proof.invariants import Invariant
from engine.definitions.proof.prove import Result, prove
from engine.definitions.proof.soundness import Flaw, Soundness, clusters, examine


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked at next: the ``done``-th of ``all`` pieces of work."""

    definition: str
    what: Label
    done: int
    all: int


def proofs(library: Library, invariants: Mapping[str, Invariant]) -> Iterator[Looking | Soundness | Result]:
    """Every proof of every definition, the results between the announcements."""
    work = {book.name: len(clusters(book.definition)) + len(invariants) for book in library.definitions}
    done, every = 0, sum(work.values())
    for book in library.definitions:
        for step in examine(book.definition):
            if isinstance(step, Soundness):
                yield step
                continue
            titles = [book.definition.tracks[name].title for name in step]
            zh, en = "、".join(one.zh for one in titles), ", ".join(one.en for one in titles)
            yield Looking(book.name, Label(zh=f"能否办结：{zh}", en=f"can it end: {en}"), done, every)
            done += 1
        for name, invariant in invariants.items():
            title = Label(zh=f"{name} {invariant.title.zh}", en=f"{name} {invariant.title.en}")
            yield Looking(book.name, title, done, every)
            done += 1
            yield prove(name, invariant, book.definition)


def totals(soundness: list[Soundness], results: list[Result]) -> dict[str, Any]:
    """How many of each status, and how much was looked at."""
    found = [cluster for one in soundness for cluster in one.clusters]
    return {
        "invariants": dict(sorted(Counter(result.status for result in results).items())),
        "flaws": sum(len(one.flaws) for one in soundness),
        "remarks": sum(len(one.remarks) for one in soundness),
        "mutants": sum(result.mutants for result in results),
        "positions": sum(one.positions for one in found) + sum(one.positions for one in results),
        "worlds": sum(one.worlds for one in found) + sum(one.worlds for one in results),
        "seconds": round(sum(one.seconds for one in soundness) + sum(one.seconds for one in results), 2),
    }


def lines_of(flaw: Flaw) -> list[Label]:
    """A flaw or remark, and the way to it, line by line."""
    return [Label(zh=f"{flaw.where}：{flaw.said.zh}", en=f"{flaw.where}: {flaw.said.en}"), *flaw.path]
