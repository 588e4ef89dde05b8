"""A list holds the very cases that may be seen one by one, and no other: of every unit, role and case of worlds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from engine.access.gate import Gate
from engine.access.listing import parts_that_see
from engine.access.model import PARTS, ROLES, CaseFile, Who
from engine.service.desk import Desk, kept
from engine.service.participation import case_file, ended_after
from engine.store.case_pages import CasePage
from engine.store.work import Work
from tests.access.random_worlds import NOW, World, draw, write
from tests.service.desks import play_desk

PAGE = 7
"""So small that every list has several pages, and some end with a full one."""
ALL = 1_000_000


@pytest.fixture(scope="module")
def gate() -> Gate:
    """Give the policies as they ship."""
    return Gate.opened()


@contextmanager
def drawn(url: str, seed: int, cases: int) -> Iterator[tuple[Desk, World]]:
    """A desk in a world drawn by chance."""
    world, rows = draw(Random(seed), cases)
    with play_desk(url) as desk:
        with kept(desk.database) as work:
            work.save_directory(world.units)
        desk.forget()
        write(desk.database, rows)
        yield desk, world


def persons(world: World, *, every_role: bool) -> Iterator[Who]:
    """Somebody in every unit; in every role, or as a caseworker and in one other role each."""
    for place, unit in enumerate(world.today()):
        areas = tuple(area.code for area in world.units.upward(unit.jurisdiction))
        others = ROLES if every_role else ("caseworker", ROLES[place % len(ROLES)])
        for role in dict.fromkeys(others):
            yield Who(f"officer-{place}", unit.id, unit.functions, areas, role, frozenset({role}))


def pages(work: Work, who: Who, world: World, parts: frozenset[str], *, ended: bool) -> list[str]:
    """The codes of one list, page after page; in order and each once."""
    units, places, after = world.lineage(who.unit), list[str](), None
    while True:
        page: CasePage = work.case_page(units, parts, ended_after(NOW), after, PAGE, ended=ended)
        places += [line.id for line in page.lines]
        assert len(page.lines) <= PAGE
        if page.next is None:
            break
        assert len(page.lines) == PAGE
        after = page.next
    assert len(set(places)) == len(places)
    assert work.count_of(units, parts, ended_after(NOW), ALL, ended=ended) == len(places)
    assert work.count_of(units, parts, ended_after(NOW), 2, ended=ended) == min(len(places), 3)
    return places


def compare(gate: Gate, desk: Desk, world: World, *, every_role: bool) -> tuple[int, int]:
    """Compare lists and decisions; returns how many decisions there were, and how many allowed."""
    decided = allowed = 0
    with desk.database.reading() as work:
        files = [file for case in world.cases if (file := case_file(desk, case, work, NOW)) is not None]
        assert len(files) == len(world.cases)
        for who in persons(world, every_role=every_role):
            seen = {file.id for file in files if _may_see(gate, who, file)}
            parts: frozenset[str] = parts_that_see(gate, who)
            now, before = (pages(work, who, world, parts, ended=ended) for ended in (False, True))
            assert set(now).isdisjoint(before)
            assert {*now, *before} == seen, who
            decided, allowed = decided + len(files), allowed + len(seen)
    print(f"\n{decided} decisions compared with the lists, {allowed} allowed, 0 differences")  # one would have failed
    return decided, allowed


def _may_see(gate: Gate, who: Who, file: CaseFile) -> bool:
    verdict = gate.decide(who, "see_case", file)
    assert verdict.fault is None, verdict.fault
    return verdict.allowed


def test_lists_equal_decisions(database_url: str, gate: Gate) -> None:
    with drawn(database_url, 11, 70) as (desk, world):
        decided, allowed = compare(gate, desk, world, every_role=False)
    assert decided > 2_500
    assert decided / 50 < allowed < decided / 2


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_lists_equal_decisions_in_many_worlds(database_url: str, gate: Gate, seed: int) -> None:
    with drawn(database_url, seed, 100) as (desk, world):
        decided, allowed = compare(gate, desk, world, every_role=True)
    assert decided > 15_000  # in eight worlds more than a hundred thousand
    assert decided / 100 < allowed < decided / 2


@pytest.mark.parametrize("parts", [(), ("responsible",), ("receiving",), ("cooperating", "referred"), PARTS])
def test_a_list_by_part_holds_the_cases_in_which_that_part_counts(database_url: str, parts: tuple[str, ...]) -> None:
    with drawn(database_url, 5, 60) as (desk, world), desk.database.reading() as work:
        found = 0
        for who in persons(world, every_role=False):
            listed = [*pages(work, who, world, frozenset(parts), ended=False)]
            listed += pages(work, who, world, frozenset(parts), ended=True)
            files = (case_file(desk, case, work, NOW) for case in world.cases)
            wanted = {
                file.id for file in files
                if file is not None and any(who.unit in file.parts.get(part, ()) for part in parts)
            }  # fmt: skip
            assert set(listed) == wanted
            found += len(wanted)
    assert bool(found) == bool(parts)
