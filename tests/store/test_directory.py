"""The unit directory goes in whole and comes out the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from engine.core.directory import Directory, Jurisdiction, Unit, UnitName
from engine.errors import DirectoryBroken
from engine.store.database import Database
from tests.store.story import POLICE, begin

NAME = UnitName("公安局", "Police", date(2021, 10, 25))
AREAS = {
    "350102": Jurisdiction("350102", "鼓楼区", "Gulou", parent="350100"),
    "350100": Jurisdiction("350100", "福州市", "Fuzhou", parent="350000"),
    "350000": Jurisdiction("350000", "福建省", "Fujian", definition="fujian"),
}
UNITS = {
    "zz-first": Unit("zz-first", "350000", frozenset({"police"}), (NAME,), merged_into="merger"),
    POLICE: Unit(POLICE, "350102", frozenset({"police", "legal_aid"}), (NAME,), ("LO-2", "LO-1")),
    "aa-second": Unit("aa-second", "350102", frozenset({"police"}), (NAME,)),
    "merger": Unit(
        "merger", "350000", frozenset(), (NAME, UnitName("新局", "New", date(2024, 1, 1))), merged_into="aa-second"
    ),
}
DIRECTORY = Directory(AREAS, UNITS)


def _save(store: Database, directory: Directory) -> None:
    with store.writing() as work:
        work.save_directory(directory)
        work.commit()


def test_a_directory_comes_out_as_it_went_in(store: Database) -> None:
    _save(store, DIRECTORY)
    with store.reading() as work:
        found = work.load_directory()
    assert found == DIRECTORY
    assert list(found.units) == list(UNITS)
    assert found.resolve("police", "350102") == UNITS[POLICE]


def test_an_empty_store_has_an_empty_directory(store: Database) -> None:
    with store.reading() as work:
        assert work.load_directory() == Directory({}, {})


def test_the_stamp_is_raised_by_every_change(store: Database) -> None:
    stamps = []
    for _ in range(2):
        with store.reading() as work:
            stamps.append(work.directory_stamp())
        _save(store, DIRECTORY)
    with store.writing() as work:
        work.save_directory(DIRECTORY)  # not kept
    with store.reading() as work:
        stamps.append(work.directory_stamp())
    assert stamps == [stamps[0], stamps[0] + 1, stamps[0] + 2]


def test_what_no_case_refers_to_may_go(store: Database) -> None:
    _save(store, DIRECTORY)
    smaller = Directory({"350000": AREAS["350000"]}, {})
    _save(store, smaller)
    with store.reading() as work:
        assert work.load_directory() == smaller


def test_a_unit_or_area_of_a_case_may_not_vanish(store: Database) -> None:
    _save(store, DIRECTORY)
    begin(store)
    without_unit = Directory(AREAS, {name: unit for name, unit in UNITS.items() if name != POLICE})
    with pytest.raises(DirectoryBroken, match=POLICE):
        _save(store, without_unit)
    with pytest.raises(DirectoryBroken, match="350102"):
        _save(store, Directory({"350000": AREAS["350000"]}, {}))
    renamed = replace(UNITS[POLICE], names=(UnitName("新名", "Renamed", date(2025, 1, 1)),))
    _save(store, Directory(AREAS, {**UNITS, POLICE: renamed}))
    with store.reading() as work:
        assert work.load_directory().units[POLICE] == renamed


def test_a_unit_has_one_name_a_day(store: Database) -> None:
    twice = replace(UNITS[POLICE], names=(NAME, NAME))
    with pytest.raises(DirectoryBroken):
        _save(store, Directory(AREAS, {POLICE: twice}))
    with store.reading() as work:
        assert work.load_directory() == Directory({}, {})
