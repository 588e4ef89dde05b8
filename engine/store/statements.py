"""Core statements, compiled once per dialect to a string that the driver takes as it is.

SQLAlchemy knows both dialects; the driver is quick. So a statement is written once in Core, and what runs a
thousand times a second is only its text and a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ClauseElement, LargeBinary, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from engine.store.instants import Instant

Values = Sequence[Any]
Processor = Callable[[Any], Any]
Places = tuple[tuple[int, Processor], ...]


class Form:
    """A statement in the words of one dialect."""

    __slots__ = ("_constants", "_decode", "_encode", "_order", "sql")

    def __init__(
        self, sql: str, constants: Values, order: tuple[int, ...] | None, encode: Places, decode: Places
    ) -> None:
        self.sql = sql
        self._constants = constants
        self._order = order
        self._encode = encode
        self._decode = decode

    def parameters(self, values: Values) -> Values:
        """The values as the driver takes them."""
        if self._order is not None:
            values = (*values, *self._constants)
            values = [values[place] for place in self._order]
        if not self._encode:
            return values
        ready = list(values)
        for place, process in self._encode:
            ready[place] = process(ready[place])
        return ready

    def row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row as Python means it."""
        if not self._decode:
            return row
        ready = list(row)
        for place, process in self._decode:
            ready[place] = process(ready[place])
        return tuple(ready)


class Statement:
    """A Core statement and the names of its parameters, in the order its callers pass the values.

    ``columns`` are those of an INSERT or UPDATE that take their value from the parameter of the same name.
    ``core`` may be a function of the dialect's name where the two differ.
    """

    __slots__ = ("_columns", "_core", "_forms", "_names")

    def __init__(
        self, core: ClauseElement | Callable[[str], ClauseElement], *names: str, columns: Iterable[str] = ()
    ) -> None:
        self._core = core
        self._names = names
        self._columns = list(columns)
        self._forms: dict[str, Form] = {}

    def form(self, dialect: Dialect) -> Form:
        """The statement compiled for a dialect, from the second time on without work."""
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = self._compiled(dialect)
        return form

    def _compiled(self, dialect: Dialect) -> Form:
        core = self._core if isinstance(self._core, ClauseElement) else self._core(dialect.name)
        compiled = core.compile(dialect=dialect, column_keys=self._columns or None)
        assert isinstance(compiled, SQLCompiler)
        used = list(compiled.positiontup or ())
        if not set(self._names) <= set(used):
            raise ValueError(f"parameters {sorted(set(self._names) - set(used))} are declared, not used")
        constant = {name: bind.value for name, bind in compiled.binds.items() if name not in self._names}
        names = [*self._names, *constant]
        order = None if used == list(self._names) else tuple(names.index(name) for name in used)
        encode = ((i, _on_the_way_in(compiled.binds[name].type, dialect)) for i, name in enumerate(used))
        kept = getattr(core, "selected_columns", ())
        decode = ((i, _on_the_way_out(column.type, dialect)) for i, column in enumerate(kept))
        return Form(compiled.string, tuple(constant.values()), order, _needed(encode), _needed(decode))


def insert_into(table: Table) -> Statement:
    """``INSERT`` of one row, values in the order of the table's columns."""
    names = table.columns.keys()
    return Statement(insert(table).inline(), *names, columns=names)


def upsert_into(table: Table, *changing: str) -> Statement:
    """``INSERT`` of one row or, where its key is taken, ``UPDATE`` of the columns that change (none: leave it)."""
    names = table.columns.keys()
    key = list(table.primary_key.columns)

    def core(kind: str) -> ClauseElement:
        new = sqlite.insert(table) if kind == "sqlite" else postgresql.insert(table)
        if not changing:
            return new.on_conflict_do_nothing(index_elements=key)
        taken = {name: new.excluded[name] for name in changing}
        return new.on_conflict_do_update(index_elements=key, set_=taken)

    return Statement(core, *names, columns=names)


def _on_the_way_in(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    if isinstance(kind, Instant):
        # What SQLAlchemy would call two functions later: most rows hold an instant.
        return partial(kind.process_bind_param, dialect=dialect)
    # Both drivers take bytes as they are; SQLAlchemy would wrap them first.
    return None if isinstance(kind, LargeBinary) else kind.dialect_impl(dialect).bind_processor(dialect)


def _on_the_way_out(kind: TypeEngine[Any], dialect: Dialect) -> Processor | None:
    return None if isinstance(kind, LargeBinary) else kind.dialect_impl(dialect).result_processor(dialect, None)


def _needed(places: Iterable[tuple[int, Processor | None]]) -> Places:
    return tuple((place, process) for place, process in places if process is not None)
