"""What the ledger bench found: each figure beside its bare loop, and against the aim where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.figures import AIM_FLAT, Aim
from tests.bench.vault_figures import AIM, Line

PLACES = "give an entry its place"
AIM_PLACES = 5_000
"""Entries a second that get their places, at least."""


@dataclass(frozen=True, slots=True)
class Peak:
    """How many bytes of memory it took at most to verify a bundle of so many entries."""

    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured."""

    lines: Sequence[Line]
    peaks: Sequence[Peak]


def aims(found: Found) -> list[Aim]:
    """Each aim that this run can speak to."""
    return [*_line_aims(found.lines), *_flat_aims(found.peaks)]


def _line_aims(lines: Sequence[Line]) -> Iterator[Aim]:
    for line in lines:
        if line.what == PLACES:
            yield Aim(
                f"entries a second that get their places, {line.database}", f">= {AIM_PLACES}", line.per_second,
                line.per_second >= AIM_PLACES,
            )  # fmt: skip
        elif line.most == AIM:
            yield Aim(f"{line.what}, times the bare loop", f"<= {AIM}", line.times, line.times <= AIM)
        elif line.most is not None:
            taken, most = 1 - 1 / line.times, 1 - 1 / line.most
            yield Aim(f"taken of the moves, {line.database}, {line.what}", f"<= {most:.2f}", taken, taken <= most)


def _flat_aims(peaks: Sequence[Peak]) -> Iterator[Aim]:
    known = [peak for peak in peaks if peak.bytes]
    if len(known) < 2:
        return
    small, large = known[0], known[-1]
    found = large.bytes / small.bytes
    yield Aim(
        f"memory to verify {large.entries:,} entries against {small.entries:,}", f"<= {AIM_FLAT}", found,
        found <= AIM_FLAT,
    )  # fmt: skip


def as_json(found: Found, about: dict[str, Any]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {
        **about,
        "lines": [asdict(line) for line in found.lines],
        "peaks": [asdict(peak) for peak in found.peaks],
        "aims": [asdict(aim) for aim in aims(found)],
    }


def as_text(found: Found, about: dict[str, Any]) -> str:
    """The table, for people."""
    on = about["machine"]
    text = [
        f"{on['cores']} cores (load {on['load_at_start'][0]} at the start), {on['python']}, SQLite {on['sqlite']},"
        f" PostgreSQL {on['postgresql'] or '-'}",
        f"SQLite: {on['sqlite_settings']}. PostgreSQL: {on['postgresql_settings']}",
        f"A log of {about['entries']:,} entries is a bundle of {about['bundle_bytes']:,} bytes",
        "",
        f"{'':46} {'database':10} {'beside':37} {'guitu/s':>9} {'bare/s':>9} {'times':>6} {'quartiles':>13}",
    ]
    text += [
        f"{line.what:46} {line.database:10} {line.than:37} {line.per_second:9,.0f} {line.bare_per_second:9,.0f}"
        f" {line.times:6.2f} {line.low:6.2f}-{line.high:6.2f}"
        for line in found.lines
    ]
    text.append("times: medians of the ratios slice by slice, so not quite the quotients of the rates")
    text += [f"memory to verify {one.entries:,} entries: {one.bytes / 1e6:.1f} MB" for one in found.peaks]
    text += ["", f"{'aim':72} {'wanted':>8} {'found':>9}"]
    text += [f"{aim.aim:72} {aim.wanted:>8} {aim.found:9,.2f}  {'met' if aim.met else 'missed'}" for aim in aims(found)]
    return "\n".join(text)
