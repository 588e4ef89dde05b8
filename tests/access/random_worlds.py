"""Worlds drawn by chance: areas, units that merged, cases, and who takes part in them since when and until when.

They are written by SQL, without the engine: what the engine makes of them is what is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from engine.core.directory import Directory, Jurisdiction, Unit
from engine.service.participation import ended_after
from engine.store.database import Database
from engine.store.participation_tables import PARTS
from engine.store.statements import insert_into
from engine.store.tables import TABLES
from tests.core.play import RULES, directory, unit

NOW = datetime.fromisoformat("2026-06-01T09:00:00+00:00")
_FUNCTIONS = ("police", "civil_affairs", "justice", "health")
_TICK = timedelta(microseconds=1)
_ENDS = (_TICK, timedelta(days=1), timedelta(days=100), timedelta(days=400), timedelta(0), -_TICK)
"""How long before now something ended; the last two from the beginning of the window: just not in it, just in it."""
_STEPS = (("rescue", "searching"), ("rescue", "placed"), ("aid", "applied"), ("archive", "writing"), ("", ""))

Row = tuple[Any, ...]


@dataclass(frozen=True)
class World:
    """What was drawn."""

    units: Directory
    cases: tuple[str, ...]

    def today(self) -> list[Unit]:
        """The units that exist today."""
        return [one for one in self.units.units.values() if one.merged_into is None]

    def lineage(self, unit_id: str) -> list[str]:
        """A unit and those whose work it carries."""
        return [one.id for one in self.units.lineage(unit_id)]


def draw(random: Random, cases: int, units: int = 24) -> tuple[World, dict[str, list[Row]]]:
    """A world, and its rows by table."""
    drawn = _directory(random, units)
    names = [f"GT-{number:05d}" for number in range(cases)]
    rows: dict[str, list[Row]] = {"case_record": [], "participation": [], "case_unit": []}
    for name in names:
        rows["case_record"].append(_case(random, name, list(drawn.jurisdictions)))
        parts = _parts(random, name, list(drawn.units))
        rows["participation"] += parts
        rows["case_unit"] += _rolled_up(name, parts)
    return World(drawn, tuple(names)), rows


def write(store: Database, rows: dict[str, list[Row]]) -> None:
    """Write a world into a fresh database."""
    with store.writing() as work:
        work.pin_definition(RULES.hash, "play", "1", b"{}", NOW)
        for table, found in rows.items():
            work.wire.write_many(insert_into(TABLES[table]), found)
        work.commit()


def _directory(random: Random, count: int) -> Directory:
    """The play directory, a city with two counties, and more units, some of which were merged into others."""
    known = directory()
    more = {
        "900200": Jurisdiction("900200", "丙市", "city C", "900000"),
        "900201": Jurisdiction("900201", "丁县", "county D", "900200"),
        "900202": Jurisdiction("900202", "戊县", "county E", "900200"),
    }
    areas = {**known.jurisdictions, **more}
    units = dict(known.units)
    for number in range(count):
        kept = [one for one in units if units[one].merged_into is None]
        into = random.choice(kept) if number % 3 == 0 else None
        functions = random.sample(_FUNCTIONS, random.randint(1, 2))
        units[f"unit-{number}"] = unit(f"unit-{number}", random.choice(list(areas)), *functions, merged_into=into)
    return Directory(areas, units)


def _case(random: Random, name: str, areas: Sequence[str]) -> Row:
    status = random.choice(("open", "open", "closed"))
    outcome = "archive" if status == "closed" else None
    opened = NOW - timedelta(days=random.randint(1, 900))
    return (
        name, "victim", "900000", random.choice(areas), "play", "1", RULES.hash, 1, status, outcome, opened, opened,
        1, None, None, None, b"", 1,
    )  # fmt: skip


def _parts(random: Random, name: str, units: Sequence[str]) -> list[Row]:
    """Some parts in a case; of nobody among them, as where the directory found no unit."""
    found: dict[Row, Row] = {}
    for _ in range(random.randint(0, 7)):
        part, (track, step) = random.choice(PARTS), random.choice(_STEPS)
        nobody = ("",) if part in ("joint_lead", "cooperating") else ()
        key = (name, random.choice((*units, *nobody)), part, track, step, random.choice(("", "health")))
        until = None if part == "receiving" or random.random() < 0.3 else _end(random)
        since = (until or NOW) - timedelta(days=random.randint(0, 300))
        found[key] = (*key, "900101", since, until)
    return list(found.values())


def _end(random: Random) -> datetime:
    ago = random.choice(_ENDS)
    return ended_after(NOW) - ago if ago in _ENDS[-2:] else NOW - ago


def _rolled_up(name: str, parts: Sequence[Row]) -> list[Row]:
    rows = []
    for of_unit in sorted({part[1] for part in parts} - {""}):
        own = [part for part in parts if part[1] == of_unit]
        ends = [part[8] for part in own]
        until = None if None in ends else max(ends)
        rows.append((name, of_unit, max(part[7] for part in own), until, any(part[2] == "responsible" for part in own)))
    return rows
