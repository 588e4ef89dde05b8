"""Of a case that somebody is not to know of the same is said as of one that is not there: word for word, everywhere.

Also of one that was erased. How long it takes to say it is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import CaseErased, CaseUnknown, GuituError
from engine.service import identities, lists, read
from engine.service.handle import handle
from engine.service.story_people import invented
from tests.service.access.acts import ASKING, CASEWORK, CHANGES, COMMAND, LOOK, LOOKS, SEEING, USING, Act
from tests.service.access.test_sweep import Dropped, rehearsing
from tests.service.access.worlds import ANN, CARER, GLASS, UNITS, World, actor

ABSENT = "GT-9999"
Told = tuple[object, ...]


def told(act: Act, world: World, by: Actor) -> Told:
    """Everything that somebody is told, the code of the case put aside."""
    try:
        act.do(world, by)
    except Dropped:
        return ("done",)
    except GuituError as error:
        words = (error.zh, error.en, repr(error.details), repr(error.reasons), str(error))
        told_words = tuple(one.replace(world.case, "CASE") for one in words)
        return (type(error), error.code, error.http, error.exit_code, *told_words)
    return ("shown",)


def strangers(act: Act) -> Iterator[tuple[str, str]]:
    """Yield those who may not see the case and to whom the act is not permitted, by role and how their unit stands."""
    everybody = [("caseworker", stands) for stands in UNITS]
    everybody += [(role, "own") for role in ("custodian", "auditor", "reader")]
    for role, stands in everybody:
        sees = role in CASEWORK and stands in SEEING
        if not sees and act.expected(role, stands) == "case_unknown":
            yield role, stands


ABOUT_THE_CASE = tuple(act for act in (*CHANGES, *LOOKS, *ASKING, *USING) if act.kind in (COMMAND, LOOK))


@pytest.fixture
def rehearsal(world: World) -> World:
    """Give the world with a desk that keeps nothing."""
    return rehearsing(world)


def test_a_case_one_may_not_know_of_an_absent_and_an_erased_one_are_the_same(rehearsal: World) -> None:
    absent, erased = replace(rehearsal, case=ABSENT), replace(rehearsal, case=rehearsal.erased)
    compared = 0
    for act in ABOUT_THE_CASE:
        for role, stands in strangers(act):
            by = actor(role, stands)
            said = told(act, rehearsal, by)
            assert said[0] is CaseUnknown, (act.action, role, stands, said)
            assert said == told(act, absent, by), (act.action, role, stands)
            assert said == told(act, erased, by), (act.action, role, stands)
            compared += 1
    assert compared > 130


def test_that_a_case_was_erased_is_told_to_whoever_took_part_lately(rehearsal: World) -> None:
    erased = replace(rehearsal, case=rehearsal.erased)
    for act in ABOUT_THE_CASE:
        if act.expected("caseworker", "own") in ("done", "not_holder"):
            assert told(act, erased, ANN)[0] is CaseErased, act.action


def test_a_broken_glass_over_one_case_tells_nothing_of_others(rehearsal: World) -> None:
    by = actor("caseworker", GLASS)
    for act in ABOUT_THE_CASE:
        if act.glass and act.action != "break_glass":  # that one she may, over any case
            absent, other = (told(act, replace(rehearsal, case=case), by) for case in (ABSENT, rehearsal.criminal))
            assert absent == other, act.action
            assert absent[0] is CaseUnknown


def test_a_criminal_case_that_one_may_not_see_cannot_be_linked_nor_told_from_none(rehearsal: World) -> None:
    said = []
    for code in (rehearsal.foreign, ABSENT):
        with pytest.raises(CaseUnknown) as refused:
            handle(rehearsal.desk, cmd.LinkCriminalCase(case=rehearsal.case, criminal_case=code), ANN)
        error = refused.value
        assert error.details == {"case": code}
        said.append((error.zh.replace(code, ""), error.en.replace(code, "")))
    assert said[0] == said[1]


def test_who_may_open_no_case_learns_nothing_of_the_codes_that_are_taken(rehearsal: World) -> None:
    said = []
    for code in (rehearsal.case, ABSENT):
        opening = cmd.OpenCase(case=code, area="900101", facts={"victim.is_child": True})
        with pytest.raises(GuituError) as refused:
            handle(rehearsal.desk, opening, actor("reader", "elsewhere"))
        said.append(refused.value.code)
    assert said[0] == said[1]


# ── lists, counts and searches ──


def test_a_list_and_a_count_hold_what_one_may_see_and_nothing_else(world: World) -> None:
    there = (world.case, world.criminal, world.foreign, world.erased)
    for stands in UNITS:
        by = actor("caseworker", stands)
        seen = {case for case in there if _sees(world, case, by)}
        pages = [lists.cases_of(world.desk, by, ended=ended) for ended in (False, True)]
        assert {line.id for page in pages for line in page.lines} == seen, stands
        counted = lists.count(world.desk, by)
        assert [counted.current, counted.ended] == [len(page.lines) for page in pages]
        waiting = lists.worklist(world.desk, by)
        named = {line.case for line in waiting.held} | {line.case for line in (*waiting.offered, *waiting.awaiting)}
        assert named <= seen, stands
    assert _sees(world, world.case, ANN)


def _sees(world: World, case: str, by: Actor) -> bool:
    """Whether somebody may see a case, or know that it was erased."""
    try:
        read.show(world.desk, case, by)
    except CaseUnknown:
        return False
    except CaseErased:
        return True
    return True


def test_whoever_may_not_search_hears_the_same_of_a_known_and_an_unknown_person(rehearsal: World) -> None:
    for role, stands in (("service", "own"), ("reader", "own"), ("caseworker", "lead"), ("caseworker", "elsewhere")):
        said = set()
        for person in (CARER, "P-NEVER-SEEN"):
            form = msgspec.to_builtins(invented(person))
            with pytest.raises(GuituError) as refused:
                identities.search(rehearsal.desk, "900101", form, actor(role, stands))
            said.add((refused.value.code, refused.value.zh, refused.value.en, repr(refused.value.details)))
        assert len(said) == 1, (role, stands)
