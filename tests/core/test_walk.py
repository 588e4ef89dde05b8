"""Any definition can be walked: by a guide to its archive from every door, and by a stroller anywhere, unharmed.

What must hold after each step stands in ``tests/core/walk.py``.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.core import events as ev
from tests.core.guide import Guide, doors, started_at
from tests.core.strolling import Stroll
from tests.core.walk import Walk, World, worlds

NAMES = ["play", "fujian", "anshan"]


@pytest.fixture(params=NAMES)
def world(request: pytest.FixtureRequest) -> World:
    """Give each definition in turn."""
    return worlds()[request.param]


def led(world: World, door: str) -> Walk:
    """A walk that the guide led from a door to the archive."""
    walk = started_at(world, door)
    guide = Guide(walk)
    assert guide.lead(), f"{world.name} from {door}: {guide.where()}"
    return walk


def test_from_every_door_a_case_reaches_its_archive_with_nothing_marked_not_applicable(world: World) -> None:
    for door in doors(world):
        walk = led(world, door)
        assert (walk.now.status, walk.now.outcome) == ("closed", "archive")
        settled = [item.event for item in walk.history if isinstance(item.event, ev.DutySettled)]
        assert {event.outcome for event in settled} <= {"done"}
        assert not any(isinstance(item.event, ev.TrackEnded | ev.TrackDeclined) for item in walk.history)


def test_every_track_that_opens_by_itself_is_walked_to_an_end_from_some_door(world: World) -> None:
    walks = [led(world, door) for door in doors(world)]
    ended = {name for walk in walks for name, state in walk.now.tracks.items() if state.status == "done"}
    assert set(doors(world)) <= ended


def test_every_hand_off_the_guide_meets_is_offered_and_then_accepted(world: World) -> None:
    walk = led(world, doors(world)[0])
    offered = {item.event.hand_off for item in walk.history if isinstance(item.event, ev.HandOffOffered)}
    accepted = {item.event.hand_off for item in walk.history if isinstance(item.event, ev.HandOffAccepted)}
    assert offered
    assert accepted == offered


def stroll(name: str, *, examples: int, steps: int) -> None:
    """Let a stroller go about in a world."""
    machine = type(f"Stroll_{name}", (Stroll,), {"name": name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_whatever_anybody_does_the_case_stays_sound(name: str) -> None:
    stroll(name, examples=60 if name == "play" else 20, steps=50)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_whatever_anybody_does_for_a_long_time_the_case_stays_sound(name: str) -> None:
    stroll(name, examples=500 if name == "play" else 150, steps=80)
