"""The stock of the access bench: many cases as the lists see them, each with four participations and a key of its own.

Pseudonyms, instants and keys are made one by one; the rest is copied inside the database from a case that was walked
through the engine. What no list opens is short and stands for itself: sealed content, and the events of a copy.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.service.desk import kept
from engine.service.trial import mark_trial
from engine.store import migrate
from engine.vault.keys import new_case_key
from engine.vault.pseudonym import new_pseudonym
from tests.bench.driven import bench_desk, save_directory
from tests.bench.procedure import BENCH, COUNTIES, PROVINCE
from tests.bench.sealed import columns_of
from tests.bench.stock import ids, walk_originals
from tests.bench.vault_stock import Connection, Stock, bulk
from tests.postgres import OWNER, PostgresServer

ORIGINALS = len(COUNTIES)
"""Cases that the engine walked, one in every county; what they offer waits for an answer, in every stock alike."""
CONTENT = 600
"""Bytes of sealed content of a copy."""
_YEARS = timedelta(days=730)
_TO_AN_END = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Part:
    """A unit of the case's county takes part in a step, or did: for a month."""

    function: str
    part: str
    track: str
    step: str
    is_found: bool = False
    is_over: bool = False


PARTS = (
    Part("police", "responsible", "rescue", "located"),
    Part("civil_affairs", "responsible", "placement", "assessing"),
    Part("justice", "cooperating", "rescue", "located", is_found=True),
    Part("health", "responsible", "medical", "admitted", is_over=True),
)
"""Who takes part in every copy. Those who go on and are responsible hold their track."""


def make(kind: str, cases: int, url: str, server: PostgresServer | None = None, database: str = "") -> Stock:
    """Make and fill a database; on PostgreSQL it is there already and empty."""
    owner = url if server is None else server.url(database, OWNER)
    migrate.upgrade(owner)
    mark_trial(owner)
    save_directory(BENCH, url)
    walk_originals(BENCH, url, ORIGINALS)
    original = ids(url)[0]
    stock = Stock(kind, url, tuple(sorted(new_pseudonym() for _ in range(cases - ORIGINALS))), {}, server, database)
    with bench_desk(BENCH, url) as desk, kept(desk.database) as work:
        under = desk.safe.sealing_key("case", PROVINCE, work)
    with bulk(stock) as connection:
        connection.execute(f"CREATE TEMPORARY TABLE copied (new text, area text, since {_INSTANT[kind]}, until text)")
        _put(stock, connection, "copied", _drawn(stock))
        _copy_cases(stock, connection, original)
        for part in PARTS:
            _add_part(connection, part, _INSTANT[kind])
        keys = (new_case_key(under, case)[1] for case in stock.cases)
        _put(stock, connection, "case_key", ((row.case_id, row.version, row.vault_key, row.wrapped) for row in keys))
    os.sync()  # what the filling left to write would be waited for by the first who commits
    return stock


_INSTANT = {"sqlite": "text", "postgresql": "timestamptz"}


def _drawn(stock: Stock) -> Iterator[tuple[str, str, str, str]]:
    """Each copy with its county, since when its units take part, and when the one whose step is over ended."""
    drawn, now = random.Random(len(stock.cases)), datetime.now(UTC)
    for place, case in enumerate(stock.cases):
        since = now - _YEARS * drawn.random() - _TO_AN_END
        begun, ended = (one.isoformat(timespec="microseconds") for one in (since, since + _TO_AN_END))
        yield case, COUNTIES[place % len(COUNTIES)], begun, ended


def _put(stock: Stock, connection: Connection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    if stock.server is None:
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows)
        return
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _copy_cases(stock: Stock, connection: Connection, original: str) -> None:
    others = {
        "id": "new", "area": "copied.area", "opened_at": "since", "changed_at": "since",
        "content": f"substr(o.content, 1, {CONTENT})",
    }  # fmt: skip
    columns = ", ".join(others.get(name, f"o.{name}") for name in columns_of("case_record"))
    mark = "?" if stock.server is None else "%s"
    connection.execute(
        f"INSERT INTO case_record SELECT {columns} FROM copied CROSS JOIN case_record AS o WHERE o.id = {mark}",
        (original,),
    )


def _add_part(connection: Connection, part: Part, instant: str) -> None:
    """A participation in every copy, what it comes to for the unit, and the track it holds."""
    unit = f"'{part.function}-' || area"
    until = f"CAST(until AS {instant})" if part.is_over else f"CAST(NULL AS {instant})"
    found = (f"'{part.function}'", "area") if part.is_found else ("''", "''")
    is_holder = "true" if part.part == "responsible" else "false"
    step = f"'{part.track}', '{part.step}'"
    connection.execute(
        "INSERT INTO participation (case_id, unit, part, track, step, function, area, since, until)"
        f" SELECT new, {unit}, '{part.part}', {step}, {', '.join(found)}, since, {until} FROM copied"
    )
    connection.execute(
        "INSERT INTO case_unit (case_id, unit, since, until, is_holder)"
        f" SELECT new, {unit}, since, {until}, {is_holder} FROM copied"
    )
    if part.part == "responsible" and not part.is_over:
        connection.execute(
            "INSERT INTO track_position (case_id, track, step, status, holder, entered_at)"
            f" SELECT new, {step}, 'open', {unit}, since FROM copied"
        )
