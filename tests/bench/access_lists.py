"""Lists of the access bench: their SQL beside bare queries for the same rows, and whole lists in two stocks.

The bare query goes by the index to the very rows of the page, as the owner of the server, whom row security lets pass;
it does not ask who counts as what. Both run inside a transaction that was begun before the clock starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import cycle, islice
from typing import Any

import psycopg

from engine.access.listing import parts_listed
from engine.access.model import Part
from engine.core.commands import Actor
from engine.service.admission import admit
from engine.service.desk import Desk
from engine.service.lists import PAGE, cases_of, worklist
from engine.service.participation import ended_after
from engine.store.case_pages import CasePage
from engine.store.database import engine_for
from engine.store.lists import CaseLine, TrackLine
from engine.store.work import Work
from tests.bench.access_stock import ORIGINALS
from tests.bench.crew import Move
from tests.bench.driven import bench_desk
from tests.bench.procedure import BENCH, COUNTIES, unit_of
from tests.bench.vault_figures import AIM, Group, Pair
from tests.bench.vault_stock import Stock
from tests.postgres import SUPERUSER

MOST_GROWTH = 1.5
"""What a list may cost in the large stock, in times of the small one."""
UNITS = tuple(unit_of(function, area) for area in COUNTIES for function in ("police", "civil_affairs"))
"""Whose lists are read, in turn."""

_LINE = ", ".join(f"c.{name}" for name in CaseLine.__dataclass_fields__)
_TRACK = ", ".join(
    "c.definition_hash" if name == "definition_hash" else f"t.{name}" for name in TrackLine.__dataclass_fields__
)
_PAGE = (
    f"SELECT {_LINE} FROM case_unit AS u JOIN case_record AS c ON c.id = u.case_id"
    " WHERE u.unit = ? AND u.until IS NULL{}"
    f" ORDER BY u.since DESC, u.case_id DESC LIMIT {PAGE + 1}"
)
_FIRST, _LATER = _PAGE.format(""), _PAGE.format(" AND (u.since, u.case_id) < (?, ?)")
_HELD = (
    f"SELECT {_TRACK} FROM track_position AS t JOIN case_record AS c ON c.id = t.case_id"
    f" WHERE t.holder = ? ORDER BY t.entered_at, t.case_id, t.track LIMIT {PAGE + 1}"
)
_SINCE = "SELECT since FROM case_unit WHERE unit = ? AND case_id = ?"
_APART, _PLACES = 500, 20
"""Pages in the middle begin so many cases apart, at so many places (in a small stock closer together)."""


def pages_group(stock: Stock, count: int) -> Group:
    """The SQL of a page: the first one, one in the middle of the list, and one of the worklist."""
    return Group(
        {
            "first": partial(_paging, stock, count), "bare first": partial(_selecting, stock, count, _FIRST),
            "later": partial(_paging_on, stock, count), "bare later": partial(_selecting_on, stock, count),
            "held": partial(_holding, stock, count), "bare held": partial(_selecting, stock, count, _HELD),
        },
        (
            Pair("a page of cases, its SQL", "first", "the same rows by the index", "bare first", AIM),
            Pair("a page of cases in the middle, its SQL", "later", "the same rows by the index", "bare later", AIM),
            Pair("a page of tracks held, its SQL", "held", "the same rows by the index", "bare held", AIM),
        ),
    )  # fmt: skip


def lists_group(small: Stock, large: Stock, count: int) -> Group:
    """Whole lists, decided, sealed keys opened, entered in the ledger: in the large stock beside the small one."""
    reads: dict[str, Callable[[Desk, Actor], object]] = {"case list": cases_of, "worklist": worklist}
    beside = f"the same, {len(small.cases) + ORIGINALS:,} cases"
    return Group(
        {
            f"{name}, {size}": partial(_listing, stock, count, read)
            for name, read in reads.items()
            for size, stock in (("small", small), ("large", large))
        },
        tuple(
            Pair(f"a whole {name}", f"{name}, large", beside, f"{name}, small", MOST_GROWTH) for name in reads
        ),
    )  # fmt: skip


def caseworker(unit: str) -> Actor:
    """Somebody who works in a unit."""
    return Actor("officer-12", unit)


@contextmanager
def _listing(stock: Stock, count: int, read: Callable[[Desk, Actor], object], number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as desk:
        for unit in UNITS:  # and now its directory and its rules are known
            read(desk, caseworker(unit))
        yield [partial(read, desk, caseworker(unit)) for unit in islice(cycle(UNITS), count)]


@dataclass(frozen=True, slots=True)
class _Reader:
    """A unit of work that was narrowed to one unit, and the parts by which a case gets on its caseworker's list."""

    work: Work
    parts: frozenset[Part]
    since: datetime

    def page(self, after: str | None = None) -> CasePage:
        """A page of the unit's cases."""
        return self.work.case_page([UNITS[0]], self.parts, self.since, after, PAGE)

    def held(self) -> list[TrackLine]:
        """A page of the tracks it holds."""
        return self.work.held_by(UNITS[0], PAGE + 1)

    def places(self) -> list[tuple[str, str]]:
        """Marks of pages down the list, each with the case before the page."""
        every = self.work.count_of([UNITS[0]], self.parts, self.since, _APART * _PLACES)
        step, mark, found = max(1, min(_APART, every // (_PLACES + 1))), None, []
        for _ in range(_PLACES):
            page = self.work.case_page([UNITS[0]], self.parts, self.since, mark, step)
            mark = page.next
            if mark is not None:
                found.append((mark, page.lines[-1].id))
        return found


@contextmanager
def _reading(stock: Stock) -> Iterator[_Reader]:
    with bench_desk(BENCH, stock.url) as desk, desk.database.reading() as work:
        who = admit(desk, caseworker(UNITS[0]), work)
        since = ended_after(desk.clock())
        work.narrow([UNITS[0]], since)
        yield _Reader(work, parts_listed(desk.gate, who), since)


@contextmanager
def _paging(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    with _reading(stock) as reader:
        yield [reader.page] * count


@contextmanager
def _paging_on(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    with _reading(stock) as reader:
        yield [partial(reader.page, mark) for mark, _ in islice(cycle(reader.places()), count)]


@contextmanager
def _holding(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    with _reading(stock) as reader:
        yield [reader.held] * count


@contextmanager
def _selecting(stock: Stock, count: int, sql: str, number: int) -> Iterator[list[Move]]:
    with asking(stock) as ask:
        yield [partial(ask, sql, (UNITS[0],))] * count


@contextmanager
def _selecting_on(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    with _reading(stock) as reader:
        cases = [case for _, case in reader.places()]
    with asking(stock) as ask:
        places = [(ask(_SINCE, (UNITS[0], case))[0][0], case) for case in cases]
        yield [partial(ask, _LATER, (UNITS[0], *place)) for place in islice(cycle(places), count)]


Ask = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
"""Sends a statement with ``?`` for its values to the driver, and gives the rows."""


@contextmanager
def asking(stock: Stock) -> Iterator[Ask]:
    """One connection with the engine's settings, in a transaction; on PostgreSQL nothing is hidden from it."""
    engine = engine_for(stock.url if stock.server is None else stock.server.url(stock.database, SUPERUSER))
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    if isinstance(connection, psycopg.Connection):
        cursor: Any = connection.cursor(binary=True)
        forms = {sql: sql.replace("?", "%s") for sql in (_FIRST, _LATER, _HELD, _SINCE)}
    else:
        assert connection is not None
        cursor, forms = connection.cursor(), {}

    def ask(sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = cursor.execute(forms.get(sql, sql), values).fetchall()
        return rows

    cursor.execute("BEGIN")
    yield ask
    cursor.execute("ROLLBACK")
    pooled.close()
    engine.dispose()
