"""The unit directory: jurisdictions in a tree (GB/T 2260 codes) and the units that serve them.

Units are renamed and merged while cases are open: a case keeps the identifier it recorded, and
:meth:`Directory.current` follows it to the unit that exists today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from engine.core.codes import shown
from engine.errors import DirectoryBroken, UnitUnknown


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """An administrative area. ``code`` is its GB/T 2260 code, ``parent`` the code above it."""

    code: str
    zh: str
    en: str
    parent: str | None = None
    definition: str | None = None


@dataclass(frozen=True, slots=True)
class UnitName:
    """What a unit is called from a day on."""

    zh: str
    en: str
    since: date


@dataclass(frozen=True, slots=True)
class Unit:
    """An organisation taking part. ``names`` are in order of their day; the last one is in force."""

    id: str
    jurisdiction: str
    functions: frozenset[str]
    names: tuple[UnitName, ...]
    liaison: tuple[str, ...] = ()
    merged_into: str | None = None

    def name(self, on: date | None = None) -> UnitName:
        """The name in force on a day (today's, if no day is given)."""
        if on is None:
            return self.names[-1]
        in_force = [name for name in self.names if name.since <= on]
        return in_force[-1] if in_force else self.names[0]


@dataclass(frozen=True)
class Directory:
    """All jurisdictions and units of an installation.

    Raises :class:`DirectoryBroken` when a code, parent or merger points nowhere or in a circle.
    """

    jurisdictions: Mapping[str, Jurisdiction]
    units: Mapping[str, Unit]
    _serving: dict[tuple[str, str], Unit] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the tree and index the units by area and function."""
        for code in self.jurisdictions:
            self._check_upward(code)
        for unit in self.units.values():
            if unit.jurisdiction not in self.jurisdictions:
                raise _broken(f"单位 {unit.id} 所在地区 {unit.jurisdiction} 不存在", f"unit {unit.id}: no jurisdiction")
            if not unit.names:
                raise _broken(f"单位 {unit.id} 没有名称", f"unit {unit.id} has no name")
            self._check_mergers(unit)
            if unit.merged_into is None:
                for function in unit.functions:
                    self._serving.setdefault((unit.jurisdiction, function), unit)

    def _check_upward(self, code: str) -> None:
        seen: set[str] = set()
        here: str | None = code
        while here is not None:
            if here in seen or here not in self.jurisdictions:
                raise _broken(f"地区 {code} 的上级 {here} 不存在或成环", f"jurisdiction {code}: bad parent {here}")
            seen.add(here)
            here = self.jurisdictions[here].parent

    def _check_mergers(self, unit: Unit) -> None:
        seen = {unit.id}
        here = unit.merged_into
        while here is not None:
            if here in seen or here not in self.units:
                raise _broken(f"单位 {unit.id} 并入的 {here} 不存在或成环", f"unit {unit.id}: bad merger {here}")
            seen.add(here)
            here = self.units[here].merged_into

    def upward(self, code: str) -> Iterator[Jurisdiction]:
        """The area itself, then each area above it."""
        here: str | None = code
        while here is not None:
            area = self.jurisdictions.get(here)
            if area is None:
                told = shown(here)
                raise UnitUnknown(f"没有地区 {told}", f"no area {told}", jurisdiction=told)
            yield area
            here = area.parent

    def resolve(self, function: str, area: str) -> Unit | None:
        """The nearest unit of that function, going up from the area; ``None`` when there is none."""
        for jurisdiction in self.upward(area):
            unit = self._serving.get((jurisdiction.code, function))
            if unit is not None:
                return unit
        return None

    def current(self, unit_id: str) -> Unit:
        """The unit that carries this one's work today: itself, or what it was merged into."""
        unit = self.units.get(unit_id)
        if unit is None:
            told = shown(unit_id)
            raise UnitUnknown(f"没有单位 {told}", f"no unit {told}", unit=told)
        while unit.merged_into is not None:
            unit = self.units[unit.merged_into]
        return unit

    def same(self, one: str, other: str) -> bool:
        """Whether two identifiers mean the same unit today."""
        return self.current(one).id == self.current(other).id

    def lineage(self, unit_id: str) -> list[Unit]:
        """The unit as it exists today and every unit whose work it carries. Raises :class:`UnitUnknown`."""
        today = self.current(unit_id).id
        return [unit for unit in self.units.values() if self.current(unit.id).id == today]

    def definition_for(self, area: str) -> str | None:
        """The definition id of the nearest area that names one."""
        for jurisdiction in self.upward(area):
            if jurisdiction.definition is not None:
                return jurisdiction.definition
        return None


def _broken(zh: str, en: str) -> DirectoryBroken:
    return DirectoryBroken(zh, en)
