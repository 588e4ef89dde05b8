"""The stories come true through the REST door as they do in process: the same events, the same refusals and reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from api.http.app import make_app
from engine import bootstrap
from engine.service import installation
from engine.service.desk import Books, Desk
from engine.service.story import Beat, Player, replays_equal, stories
from engine.service.trial import release_all
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym
from tests.http.cases.carried import OverHttp
from tests.http.conftest import Site
from tests.keys import safe, scribe

STORIES = {told.scenario.scenario: told for told in stories()}
ONE_OF_EACH = ("anshan_legal_aid", "dehong_transferred", "fujian_crime", "lincang_venue", "tianjin_period")
"""A story of each definition, short, and together of most commands."""


@dataclass
class Stage:
    """A demo world, and the REST door to it."""

    desk: Desk
    door: OverHttp


@pytest.fixture(scope="session")
def stage(fresh: Callable[[str], str]) -> Iterator[Stage]:
    """Give a demo world with the shipped definitions released, on each kind of database."""
    books = Books.of(bootstrap.library())
    with Database.open(fresh("stories")) as database:
        desk = Desk(database, books, bootstrap.now, new_pseudonym, safe(bootstrap.now), scribe(database))
        installation.load_demo_directory(desk)
        release_all(desk, (rules.definition for rules in books.rules.values()))
        with ExitStack() as stack:
            site = Site(desk, make_app(desk), stack)
            yield Stage(desk, OverHttp(site.app, site.anybody))


def _told(beats: list[Beat], cases: dict[str, str]) -> list[object]:
    """What happened in a story, the pseudonyms of its cases put aside."""
    said: list[object] = []
    for beat in beats:
        events = [(line.unit_name, line.said, line.recorded) for line in beat.events]
        refusal = beat.refusal and (
            beat.refusal.code,
            [(one.code, one.en, one.clauses, one.provenance, one.judged) for one in beat.refusal.reasons],
        )
        words = repr((beat.number, beat.act, beat.outcome, events, refusal))
        for name, case in cases.items():
            words = words.replace(case, name)
        said.append(words)
    return said


def _compared(stage: Stage, name: str) -> None:
    over, within = (Player(stage.desk, STORIES[name], carry_out=stage.door), Player(stage.desk, STORIES[name]))
    carried = stage.door.carried
    both = [_told(list(player.play()), player.cases) for player in (over, within)]
    assert both[0] == both[1]
    assert stage.door.carried > carried, "it went through the door"
    assert replays_equal(stage.desk, over.cases)


def test_there_is_a_story_of_each_definition() -> None:
    of = [STORIES[name].scenario.definition for name in ONE_OF_EACH]
    assert sorted(of) == sorted({told.scenario.definition for told in STORIES.values()})


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_story_of_each_definition_goes_through_the_rest_door_as_in_process(name: str, stage: Stage) -> None:
    _compared(stage, name)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(STORIES) - set(ONE_OF_EACH)))
def test_every_story_goes_through_the_rest_door_as_in_process(name: str, stage: Stage) -> None:
    _compared(stage, name)
