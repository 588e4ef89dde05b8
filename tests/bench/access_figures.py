"""What the access bench found: each figure beside its bare loop, shares of a move, and the aims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.access_moves import WHOLE, Share
from tests.bench.figures import Aim
from tests.bench.vault_figures import Line


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured."""

    lines: Sequence[Line]
    shares: Sequence[Share]


def aims(found: Found) -> list[Aim]:
    """Each aim that this run can speak to."""
    return [*_line_aims(found.lines), *_share_aims(found.shares)]


def _line_aims(lines: Sequence[Line]) -> Iterator[Aim]:
    for line in lines:
        if line.most is not None:
            name = f"{line.what}, {line.database}, times {line.than}"
            yield Aim(name, f"<= {line.most}", line.times, line.times <= line.most)


def _share_aims(shares: Sequence[Share]) -> Iterator[Aim]:
    for share in shares:
        if share.most is not None:
            name = f"ms of CPU that access adds to a move, {share.database}"
            yield Aim(name, f"<= {share.most}", share.ms, share.ms <= share.most)


def as_json(found: Found, about: dict[str, Any]) -> dict[str, Any]:
    """Everything, for a machine."""
    return {
        **about,
        "lines": [asdict(line) for line in found.lines],
        "shares": [asdict(share) for share in found.shares],
        "aims": [asdict(aim) for aim in aims(found)],
    }


def as_text(found: Found, about: dict[str, Any]) -> str:
    """The table, for people."""
    on = about["machine"]
    text = [
        f"{on['cores']} cores (load {on['load_at_start'][0]} at the start), {on['python']}, SQLite {on['sqlite']},"
        f" PostgreSQL {on['postgresql'] or '-'}",
        f"SQLite: {on['sqlite_settings']}. PostgreSQL: {on['postgresql_settings']}",
        "; ".join(f"{kind}: {cases:,} cases, {about['parts'] * cases:,} participations"
                  for kind, cases in about["cases"].items()),
        "",
        f"{'':40} {'database':10} {'beside':36} {'guitu ms':>9} {'bare ms':>9} {'times':>6} {'quartiles':>13}",
    ]  # fmt: skip
    text += [
        f"{line.what:40} {line.database:10} {line.than:36} {1000 / line.per_second:9,.3f}"
        f" {1000 / line.bare_per_second:9,.3f} {line.times:6.2f} {line.low:6.2f}-{line.high:6.2f}"
        for line in found.lines
    ]
    text.append("times: medians of the ratios slice by slice, so not quite the quotients of the times")
    whole = {share.database: share.ms for share in found.shares if share.what == WHOLE}
    text += ["", f"{'of a move, by one writer':44} {'database':10} {'CPU ms':>7} {'quartiles':>13} {'of all':>6}"]
    text += [
        f"{share.what:44} {share.database:10} {share.ms:7.3f} {share.low:6.3f}-{share.high:6.3f}"
        f" {share.ms / whole[share.database]:6.2f}"
        for share in found.shares
    ]
    text += ["", f"{'aim':88} {'wanted':>8} {'found':>6}"]
    text += [f"{aim.aim:88} {aim.wanted:>8} {aim.found:6.2f}  {'met' if aim.met else 'missed'}" for aim in aims(found)]
    return "\n".join(text)
