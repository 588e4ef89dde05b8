"""The unit directory, kept whole: replaced in one go, loaded in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Table, bindparam, delete, func, literal_column, or_, select, update

from engine.core.directory import Directory, Jurisdiction, Unit, UnitName
from engine.errors import DirectoryBroken, GuituError, HistoryBroken
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Row, Wire

_AREA = TABLES["jurisdiction"]
_UNIT = TABLES["unit"]
_FUNCTION = TABLES["unit_function"]
_NAME = TABLES["unit_name"]
_LIAISON = TABLES["unit_liaison"]
_STAMP = TABLES["directory_stamp"]
_CASE = TABLES["case_record"]
_EVENT = TABLES["case_event"]
_CASE_UNIT = TABLES["case_unit"]
_HAND_OFF = TABLES["hand_off"]
_APPROVER = TABLES["definition_approver"]
_MEMBERSHIP = TABLES["membership"]

_IN_ORDER = (_AREA, _UNIT, _FUNCTION, _NAME, _LIAISON)  # each refers to earlier ones only
_EMPTY = {table.name: Statement(delete(table)) for table in _IN_ORDER}
_FILL = {table.name: insert_into(table) for table in _IN_ORDER}
_ALL = {
    "jurisdiction": Statement(select(*_AREA.c).order_by(_AREA.c.code)),
    "unit": Statement(select(*_UNIT.c).order_by(_UNIT.c.position)),
    "unit_function": Statement(select(*_FUNCTION.c)),
    "unit_name": Statement(select(*_NAME.c).order_by(_NAME.c.unit, _NAME.c.since)),
    "unit_liaison": Statement(select(*_LIAISON.c).order_by(_LIAISON.c.unit, _LIAISON.c.position)),
}
_RAISE_STAMP = Statement(update(_STAMP).values(stamp=_STAMP.c.stamp + 1))
_READ_STAMP = Statement(select(_STAMP.c.stamp))


def _any_row(table: Table, *columns: str) -> Statement:
    """Ask whether some row holds a value in one of these columns."""
    holds = or_(*(table.c[name] == bindparam("value") for name in columns))
    return Statement(
        select(func.count()).where(select(literal_column("1")).select_from(table).where(holds).exists()), "value"
    )


_AREA_IN_USE = (_any_row(_CASE, "jurisdiction", "area"),)
_UNIT_IN_USE = (
    _any_row(_CASE_UNIT, "unit"),
    _any_row(_HAND_OFF, "to_unit", "from_unit"),
    _any_row(_EVENT, "unit"),
    _any_row(_APPROVER, "office"),
    _any_row(_MEMBERSHIP, "unit"),
)


class DirectoryRows:
    """The part of a unit of work that keeps the unit directory."""

    wire: Wire

    def save_directory(self, directory: Directory) -> None:
        """Replace the directory and raise its stamp.

        Raises :class:`DirectoryBroken` when a unit or area that a case, an approver or a role refers to would
        vanish (merge it or keep it), or when a unit has two names from one day on.
        """
        self.wire.write(_RAISE_STAMP)  # the row also keeps a second writer waiting
        old = self.load_directory()
        self._refuse_vanished(old.jurisdictions.keys() - directory.jurisdictions.keys(), _AREA_IN_USE)
        self._refuse_vanished(old.units.keys() - directory.units.keys(), _UNIT_IN_USE)
        try:
            for table in reversed(_IN_ORDER):
                self.wire.write(_EMPTY[table.name])
            for name, rows in _rows_of(directory):
                self.wire.write_many(_FILL[name], rows)
        except HistoryBroken as broken:
            raise _broken(broken) from None

    def load_directory(self) -> Directory:
        """The directory as it was saved; empty when none ever was."""
        rows = {name: self.wire.rows(statement) for name, statement in _ALL.items()}
        functions = _grouped(rows["unit_function"])
        names = _grouped(rows["unit_name"])
        liaison = _grouped(rows["unit_liaison"])
        return Directory(
            jurisdictions={
                code: Jurisdiction(code, zh, en, parent, definition)
                for code, parent, zh, en, definition in rows["jurisdiction"]
            },
            units={
                unit: Unit(
                    id=unit, jurisdiction=area, merged_into=merged_into,
                    functions=frozenset(function for (function,) in functions.get(unit, ())),
                    names=tuple(UnitName(zh, en, since) for since, zh, en in names.get(unit, ())),
                    liaison=tuple(officer for officer, _ in liaison.get(unit, ())),
                )
                for unit, _, area, merged_into in rows["unit"]
            },
        )  # fmt: skip

    def directory_stamp(self) -> int:
        """A number that is raised whenever the directory changes: cheap to ask before each command."""
        found = self.wire.row(_READ_STAMP)
        return 0 if found is None else int(found[0])

    def _refuse_vanished(self, missing: Iterable[str], uses: Iterable[Statement]) -> None:
        kept = [name for name in sorted(missing) if any(_is_used(self.wire, use, name) for use in uses)]
        if kept:
            raise DirectoryBroken(
                f"案件、流程审定人或在册人员仍引用 {'、'.join(kept)}，不得从名录中删除",
                f"cases, approvers or people refer to {', '.join(kept)}: these may not vanish from the directory",
                kept=kept,
            )


def _is_used(wire: Wire, use: Statement, name: str) -> bool:
    found = wire.row(use, (name,))
    return found is not None and bool(found[0])


def _rows_of(directory: Directory) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Yield the rows of each table, those referred to before those that refer."""
    areas = sorted(directory.jurisdictions.values(), key=lambda area: len(list(directory.upward(area.code))))
    yield "jurisdiction", [(area.code, area.parent, area.zh, area.en, area.definition) for area in areas]
    units = list(directory.units.values())
    ranked = sorted(enumerate(units), key=lambda ranked: _mergers(directory, ranked[1]))
    yield "unit", [(unit.id, place, unit.jurisdiction, unit.merged_into) for place, unit in ranked]
    yield "unit_function", [(unit.id, function) for unit in units for function in sorted(unit.functions)]
    yield "unit_name", [(unit.id, name.since, name.zh, name.en) for unit in units for name in unit.names]
    yield (
        "unit_liaison",
        [(unit.id, officer, place) for unit in units for place, officer in enumerate(unit.liaison)],
    )


def _mergers(directory: Directory, unit: Unit) -> int:
    """Count the mergers between a unit and the one that exists today."""
    count = 0
    while unit.merged_into is not None:
        unit = directory.units[unit.merged_into]
        count += 1
    return count


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for unit, *rest in rows:
        grouped.setdefault(unit, []).append(tuple(rest))
    return grouped


def _broken(cause: GuituError) -> DirectoryBroken:
    return DirectoryBroken(
        "名录自相矛盾：同一单位在同一日期有两个名称，或联络人重复",
        "the directory contradicts itself: a unit has two names from one day on, or a liaison officer twice",
        rule=cause.details.get("rule"),
    )
