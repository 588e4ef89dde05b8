"""What the vault bench found: each figure beside its bare loop, and against the aim where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from tests.bench.crew import Job, Timed
from tests.bench.figures import Aim

AIM = 3.0
"""What sealing, opening and finding by one token may cost at most, in times of the bare loop."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two jobs that are compared: the engine's own and a bare one; ``most`` is the aim."""

    what: str
    own: str
    than: str
    bare: str
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs that take turns, and what of them is compared. ``each`` is how many things one call does."""

    jobs: Mapping[str, Job]
    pairs: Sequence[Pair]
    each: float = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; ``times`` is the median over the slices, ``low`` and ``high`` their quartiles."""

    what: str
    database: str
    than: str
    per_second: float
    bare_per_second: float
    times: float
    low: float
    high: float
    most: float | None


def lines(group: Group, database: str, found: Mapping[str, Timed]) -> Iterator[Line]:
    """What a group of jobs came to. The two of a pair took turns, slice by slice, so the machine's drift cancels."""
    for pair in group.pairs:
        own, bare = found[pair.own], found[pair.bare]
        times = [other / one for one, other in zip(own.rates, bare.rates, strict=True)]
        low, _, high = quantiles(times, n=4)
        yield Line(
            pair.what, database, pair.than, median(own.rates) * group.each, median(bare.rates) * group.each,
            median(times), low, high, pair.most,
        )  # fmt: skip


def aims(found: Sequence[Line]) -> list[Aim]:
    """Each aim that this run can speak to."""
    return [
        Aim(_titled(line), f"<= {line.most}", line.times, line.times <= line.most)
        for line in found
        if line.most is not None
    ]


def _titled(line: Line) -> str:
    return line.what if line.database == "-" else f"{line.what}, {line.database}"


def as_json(found: Sequence[Line], about: dict[str, Any]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {**about, "lines": [asdict(line) for line in found], "aims": [asdict(aim) for aim in aims(found)]}


def as_text(found: Sequence[Line], about: dict[str, Any]) -> str:
    """The table, for people."""
    on = about["machine"]
    text = [
        f"{on['cores']} cores (load {on['load_at_start'][0]} at the start), {on['python']}, SQLite {on['sqlite']},"
        f" PostgreSQL {on['postgresql'] or '-'}",
        f"SQLite: {on['sqlite_settings']}. PostgreSQL: {on['postgresql_settings']}",
        f"{about['cases']:,} cases, {about['identities']:,} identities and {about['real']:,} real ones;"
        f" a record of {about['record_bytes']:,} bytes ({about['record']})",
        "",
        f"{'':36} {'database':10} {'beside':30} {'guitu/s':>9} {'bare/s':>9} {'times':>6} {'quartiles':>13}",
    ]
    text += [
        f"{line.what:36} {line.database:10} {line.than:30} {line.per_second:9,.0f} {line.bare_per_second:9,.0f}"
        f" {line.times:6.2f} {line.low:6.2f}-{line.high:6.2f}"
        for line in found
    ]
    text.append("times the bare loop: medians of the ratios slice by slice, so not quite the quotients of the rates")
    text += ["", f"{'aim':50} {'wanted':>8} {'found':>6}"]
    text += [f"{aim.aim:50} {aim.wanted:>8} {aim.found:6.2f}  {'met' if aim.met else 'missed'}" for aim in aims(found)]
    return "\n".join(text)
