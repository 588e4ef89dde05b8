"""What the HTTP bench found: moves by HTTP beside moves in process, crowds beside a bare route, and the aims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from tests.bench.figures import Aim
from tests.bench.http_crowd import ACTS, LOOKS, Tally
from tests.bench.http_moves import MOST_TIMES, Cost
from tests.bench.http_strangers import Told


@dataclass(frozen=True, slots=True)
class Load:
    """What a crowd met: answers a second, how long they took, what went wrong, and whose CPU it was.

    Times are milliseconds; ``server_cores`` and ``client_cores`` are CPU seconds a second. ``bare_per_second`` is what
    the same clients got of a bare route, served in the same way.
    """

    database: str
    workers: int
    clients: int
    seconds: float
    per_second: float
    looks_p50: float
    looks_p99: float
    acts: int
    acts_p50: float
    acts_p99: float
    server_cores: float
    client_cores: float
    bare_per_second: float
    bare_client_cores: float
    errors: dict[str, int] = field(default_factory=dict)


def load_of(
    database: str, workers: int, *, clients: int, tally: Tally, server_seconds: float, bare: Tally
) -> Load:  # fmt: skip
    """The figures of a crowd, and of the one that asked for the bare route."""
    looks, acts = (_ms(tally.latencies[kind]) for kind in (LOOKS, ACTS))
    return Load(
        database, workers, clients, tally.seconds, tally.answered / tally.seconds, *looks,
        len(tally.latencies[ACTS]), *acts, server_seconds / tally.seconds, tally.cpu_seconds / tally.seconds,
        bare.answered / bare.seconds, bare.cpu_seconds / bare.seconds, dict(tally.errors + bare.errors),
    )  # fmt: skip


def _ms(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds; of fewer than two there is none."""
    if len(seconds) < 2:
        return float("nan"), float("nan")
    return 1000 * median(seconds), 1000 * quantiles(seconds, n=100, method="inclusive")[-1]


@dataclass(slots=True)
class Found:
    """Everything that was measured."""

    costs: list[Cost] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


def aims(found: Found) -> Iterator[Aim]:
    """Each aim that this run can speak to."""
    for cost in found.costs:
        name = f"CPU of a move by HTTP, {cost.database}, times the move in process"
        yield Aim(name, f"<= {MOST_TIMES}", cost.times, cost.times <= MOST_TIMES)
    for load in found.loads:
        wrong = sum(load.errors.values())
        where = f"{load.database}, {_workers(load)}"
        yield Aim(f"errors met by {load.clients} clients, {where}", "0", wrong, wrong == 0)


def _workers(load: Load) -> str:
    return f"{load.workers} process{'es' if load.workers > 1 else ''}"


def as_json(found: Found, about: dict[str, Any]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {**about, **asdict(found), "aims": [asdict(aim) for aim in aims(found)]}


def as_text(found: Found, about: dict[str, Any]) -> str:
    """The tables, for people."""
    on = about["machine"]
    text = [
        f"{on['cores']} cores (load {on['load_at_start'][0]} at the start), {on['python']}, SQLite {on['sqlite']},"
        f" PostgreSQL {on['postgresql'] or '-'}",
        f"SQLite: {on['sqlite_settings']}. PostgreSQL: {on['postgresql_settings']}",
        *_cost_lines(found.costs), *_load_lines(found.loads), *_told_lines(found.told),
        "", f"{'aim':72} {'wanted':>8} {'found':>6}",
    ]  # fmt: skip
    text += [f"{aim.aim:72} {aim.wanted:>8} {aim.found:6.2f}  {'met' if aim.met else 'missed'}" for aim in aims(found)]
    return "\n".join(text)


def _cost_lines(costs: Sequence[Cost]) -> Iterator[str]:
    yield ""
    yield f"{'CPU of a move':16} {'moves':>6} {'HTTP ms':>8} {'own ms':>8} {'times':>6} {'quartiles':>11}"
    for cost in costs:
        yield (
            f"{cost.database:16} {cost.moves:6} {cost.http_ms:8.2f} {cost.own_ms:8.2f} {cost.times:6.2f}"
            f" {cost.low:5.2f}-{cost.high:5.2f}"
        )


def _load_lines(loads: Sequence[Load]) -> Iterator[str]:
    yield ""
    yield (
        f"{'many at once':11} {'processes':>9} {'clients':>7} {'per s':>6} {'look p50':>8} {'p99 ms':>7} {'acts':>6}"
        f" {'act p50':>8} {'p99 ms':>7} {'errors':>6} {'server':>6} {'client':>6} {'bare/s':>7} {'client':>6}"
    )
    for load in loads:
        yield (
            f"{load.database:11} {load.workers:9} {load.clients:7} {load.per_second:6.1f} {load.looks_p50:8.0f}"
            f" {load.looks_p99:7.0f} {load.acts:6} {load.acts_p50:8.0f} {load.acts_p99:7.0f}"
            f" {sum(load.errors.values()):6} {load.server_cores:6.2f} {load.client_cores:6.2f}"
            f" {load.bare_per_second:7,.0f} {load.bare_client_cores:6.2f}"
        )
        if load.errors:
            yield "  " + ", ".join(f"{count} x {what}" for what, count in sorted(load.errors.items()))
    yield "server, client: CPU seconds a second of these processes; the second client is that of the bare route"


def _told_lines(told: Sequence[Told]) -> Iterator[str]:
    yield ""
    yield (
        f"{'404, ms':11} {'pairs':>6} {'none such':>9} {'not yours':>9} {'difference':>10} {'quartiles':>15}"
        f" {'95 % sure':>15}"
    )
    for one in told:
        yield (
            f"{one.database:11} {one.pairs:6} {one.none_such_ms:9.2f} {one.not_yours_ms:9.2f} {one.difference_ms:10.3f}"
            f" {one.low:7.3f}-{one.high:7.3f} {one.sure_low:7.3f}-{one.sure_high:7.3f}"
        )
