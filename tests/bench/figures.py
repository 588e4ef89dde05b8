"""What the bench found, in figures and against the aims."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from tests.bench.crew import Timed

AIM_SQLITE, AIM_POSTGRES, AIM_NAIVE, AIM_FLAT = 0.35, 0.5, 3.0, 1.3
AIM_WRITERS = {"sqlite": 1, "postgresql": 4}
"""The number of writers at which each database is held against the aims."""

ORDER = ("engine", "limit", "stepwise", "naive", "spiff")
TITLES = {
    "engine": "guitu", "limit": "raw limit", "stepwise": "raw, waiting for each statement",
    "naive": "python-statemachine + SQLModel", "spiff": "SpiffWorkflow",
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was measured: the database, the writers, the cases in stock."""

    database: str
    writers: int
    stock: int


@dataclass(slots=True)
class Figures:
    """All runs, by what ran where, in the order of the repeats."""

    runs: dict[tuple[str, Place], list[Timed]] = field(default_factory=dict)

    def add(self, what: str, place: Place, timed: Timed) -> None:
        """Note a run."""
        self.runs.setdefault((what, place), []).append(timed)

    def rates(self, what: str, place: Place) -> list[float]:
        """Moves per second, slice by slice through all repeats."""
        return [rate for timed in self.runs.get((what, place), []) for rate in timed.rates]

    def ratio(self, one: tuple[str, Place], other: tuple[str, Place]) -> float | None:
        """The median of the ratios of two rates, slice by slice: the two took turns, so the machine's drift cancels."""
        pairs = list(zip(self.rates(*one), self.rates(*other), strict=False))
        return median(a / b for a, b in pairs) if pairs else None

    def places(self, what: str) -> list[Place]:
        """Where something ran."""
        return sorted(place for name, place in self.runs if name == what)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    database: str
    writers: int
    stock: int
    moves_per_second: float
    cpu_ms_per_move: float
    median_ms: float
    p99_ms: float
    of_limit: float | None
    runs: list[float]


@dataclass(frozen=True, slots=True)
class Aim:
    """An aim and what was found: reported, never asserted."""

    aim: str
    wanted: str
    found: float
    met: bool


def lines(figures: Figures) -> list[Line]:
    """The table."""
    return [
        _line(figures, what, place)
        for what, place in sorted(figures.runs, key=lambda key: (key[1], ORDER.index(key[0])))
    ]


def _line(figures: Figures, what: str, place: Place) -> Line:
    runs = figures.runs[what, place]
    latencies = [latency for timed in runs for latency in timed.latencies]
    of_limit = figures.ratio((what, place), ("limit", place))
    return Line(
        what, place.database, place.writers, place.stock, median(timed.per_second for timed in runs),
        median(timed.cpu_ms for timed in runs), 1000 * median(latencies), 1000 * quantiles(latencies, n=100)[-1],
        None if what == "limit" else of_limit, [round(timed.per_second, 1) for timed in runs],
    )  # fmt: skip


def aims(figures: Figures) -> list[Aim]:
    """Each aim that this run can speak to."""
    return [*_limit_aims(figures), *_naive_aims(figures), *_flat_aims(figures)]


def _limit_aims(figures: Figures) -> Iterator[Aim]:
    for place in figures.places("engine"):
        found = figures.ratio(("engine", place), ("limit", place))
        if found is not None and place.writers == AIM_WRITERS[place.database]:
            wanted = AIM_SQLITE if place.database == "sqlite" else AIM_POSTGRES
            yield Aim(f"of the raw limit, {_where(place)}", f">= {wanted}", found, found >= wanted)


def _naive_aims(figures: Figures) -> Iterator[Aim]:
    same = [
        (naive, place)
        for naive in figures.places("naive")
        for place in figures.places("engine")
        if (place.database, place.writers) == (naive.database, naive.writers)
    ]
    for naive, place in same:
        found = figures.ratio(("engine", place), ("naive", naive))
        if found is not None:
            yield Aim(f"times the naive one, {_where(place)}", f">= {AIM_NAIVE}", found, found >= AIM_NAIVE)


def _flat_aims(figures: Figures) -> Iterator[Aim]:
    for small, large in _pairs(figures):
        found = figures.ratio(("engine", small), ("engine", large))
        if found is not None:
            aim = f"cost per move, {large.stock:,} against {small.stock:,} cases, {_short(small)}"
            yield Aim(aim, f"<= {AIM_FLAT}", found, found <= AIM_FLAT)


def flatness_of_limit(figures: Figures) -> list[dict[str, Any]]:
    """How much the raw limit itself slows down with the cases in stock."""
    return [
        {"database": small.database, "writers": small.writers,
         "found": figures.ratio(("limit", small), ("limit", large))}
        for small, large in _pairs(figures)
    ]  # fmt: skip


def _pairs(figures: Figures) -> Iterator[tuple[Place, Place]]:
    places = figures.places("engine")
    for small in places:
        for large in places:
            same = (small.database, small.writers) == (large.database, large.writers)
            if same and small.stock == min(p.stock for p in places) < large.stock == max(p.stock for p in places):
                yield small, large


def _short(place: Place) -> str:
    return f"{place.database}, {place.writers} writer{'s' if place.writers > 1 else ''}"


def _where(place: Place) -> str:
    return f"{_short(place)}, {place.stock:,} cases"


def machine(postgres: str | None) -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": os.cpu_count(), "load_at_start": [round(load, 2) for load in os.getloadavg()],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version, "postgresql": postgres,
        "sqlite_settings": "journal_mode=WAL synchronous=FULL foreign_keys=ON",
        "postgresql_settings": "fsync=on synchronous_commit=on full_page_writes=on, the rest as shipped; TCP loopback",
    }  # fmt: skip


def as_json(figures: Figures, about: dict[str, Any]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {
        **about,
        "lines": [asdict(line) for line in lines(figures)],
        "aims": [asdict(aim) for aim in aims(figures)],
        "limit_flatness": flatness_of_limit(figures),
    }


def as_text(figures: Figures, about: dict[str, Any]) -> str:
    """The table, for people."""
    on, acts = about["machine"], about["script"]
    text = [
        f"{on['cores']} cores (load {on['load_at_start'][0]} at the start), {on['python']}, SQLite {on['sqlite']},"
        f" PostgreSQL {on['postgresql'] or '-'}",
        f"SQLite: {on['sqlite_settings']}. PostgreSQL: {on['postgresql_settings']}",
        f"A case of {about['procedure']} is {sum(acts.values())} commits on {about['tracks']} tracks:"
        f" {acts['moves']} moves made at once, {acts['offers']} moves that offer a hand-off, {acts['acceptances']}"
        f" acceptances, {acts['others']} other commands. Repeats: {about['repeats']}.",
        f"Per move the engine writes {about['rows_per_move']:.1f} rows with {about['bytes_per_move']:,.0f} bytes.",
        "",
        f"{'':32} {'database':10} {'writers':>7} {'cases':>8} {'moves/s':>8} {'CPU ms':>7} {'p50 ms':>7} {'p99 ms':>7}"
        f" {'of limit':>8}",
    ]
    for line in lines(figures):
        share = "" if line.of_limit is None else f"{line.of_limit:.2f}"
        stock = f"{line.stock:,}" if line.stock else "-"
        text.append(
            f"{TITLES[line.what]:32} {line.database:10} {line.writers:7} {stock:>8} {line.moves_per_second:8,.0f}"
            f" {line.cpu_ms_per_move:7.3f} {line.median_ms:7.2f} {line.p99_ms:7.2f} {share:>8}"
        )
    text.append(
        "of limit, and the aims: medians of the ratios slice by slice, so not quite the quotients of the medians above"
    )
    text += ["", f"{'aim':68} {'wanted':>8} {'found':>6}"]
    text += [
        f"{aim.aim:68} {aim.wanted:>8} {aim.found:6.2f}  {'met' if aim.met else 'missed'}" for aim in aims(figures)
    ]
    for one in flatness_of_limit(figures):
        text.append(f"(the raw limit itself, {one['database']}, {one['writers']} writers: {one['found'] or 0:.2f})")
    return "\n".join(text)
