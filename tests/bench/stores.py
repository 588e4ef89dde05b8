"""The stores the bench works in: one file or database for each kind and stock, thrown away afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.service.trial import mark_trial
from engine.store import migrate
from tests.bench.acts import Procedure
from tests.bench.driven import save_directory
from tests.bench.stock import check_stock, fill_postgres, fill_sqlite, walk_originals
from tests.postgres import APP, OWNER, PostgresServer

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Store:
    """A filled store: its kind and stock, and the URL the engine works with."""

    place: tuple[str, int]
    url: str


class Stores:
    """Makes stores. The server, if one is needed, runs until the stack is closed."""

    def __init__(
        self, procedure: Procedure, folder: Path, stack: ExitStack, databases: Sequence[str], say: Say
    ) -> None:
        self.stocked: dict[tuple[str, int], Store] = {}
        self.others: dict[str, str] = {}
        self.procedure = procedure
        self._folder, self._databases, self._say = folder, databases, say
        # durable: fsync and synchronous_commit as in earnest
        self._server = stack.enter_context(PostgresServer(durable=True)) if "postgresql" in databases else None

    @property
    def postgres_version(self) -> str | None:
        """The release of the server, if there is one."""
        if self._server is None:
            return None
        with self._server.connect() as connection:
            return str(connection.info.parameter_status("server_version"))

    def fill(self, stocks: Sequence[int], originals: int) -> None:
        """Make every store with its cases: each is the one before it, filled up. Both kinds at the same time."""
        with ThreadPoolExecutor() as pool:
            for kind in self._databases:  # the clock of the walk is the machine's: one kind after the other
                self._make(kind, stocks[0], originals)
            for last, stock in zip((None, *stocks), stocks, strict=False):
                list(pool.map(lambda kind, last=last, stock=stock: self._fill(kind, last, stock), self._databases))
        os.sync()  # what the filling left to write would be waited for by the first who commits
        for (kind, stock), store in self.stocked.items():
            checked = check_stock(self.procedure, store.url, stock)
            self._say(f"{kind}: {stock:,} cases in stock, {checked} of them replayed equal")

    def make_others(self) -> None:
        """Make an empty database of each kind for the other versions."""
        from tests.bench import naive, spiff

        for kind in self._databases:
            url, owner = self._url(kind, "others"), self._url(kind, "others", OWNER)
            if self._server is not None and kind == "postgresql":
                self._server.create_database("others")
            naive.create_tables(owner)
            spiff.create_tables(owner)
            self.others[kind] = url if kind == "sqlite" else owner

    def _make(self, kind: str, stock: int, originals: int) -> None:
        name = _name(stock)
        if self._server is not None and kind == "postgresql":
            self._server.create_database(name)
        migrate.upgrade(self._url(kind, name, OWNER))
        mark_trial(self._url(kind, name, OWNER))
        save_directory(self.procedure, self._url(kind, name))
        walk_originals(self.procedure, self._url(kind, name), originals)

    def _fill(self, kind: str, last: int | None, stock: int) -> None:
        name = _name(stock)
        if kind == "sqlite":
            path = self._path(name)
            if last is not None:
                shutil.copyfile(self._path(_name(last)), path)
            fill_sqlite(str(path), stock)
        elif self._server is not None:
            if last is not None:
                self._server.create_database(name, template=_name(last))
            fill_postgres(self._server, name, stock)
        self.stocked[kind, stock] = Store((kind, stock), self._url(kind, name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite"

    def _url(self, kind: str, name: str, role: str = APP) -> str:
        if kind == "sqlite" or self._server is None:
            return f"sqlite:///{self._path(name)}"
        return self._server.url(name, role)


def _name(stock: int) -> str:
    return f"stock_{stock}"
