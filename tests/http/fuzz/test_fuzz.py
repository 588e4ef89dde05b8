"""Schemathesis asks the REST door what its description allows, and what it does not, as four callers.

``make test`` asks little of every operation; ``make long`` asks hundreds of examples, and goes long ways. What the last
long run came to stands in ``docs/fuzz.md``. ``FUZZ_SECONDS`` bounds each phase of each caller of a long run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import schemathesis.checks

from tests.http.fuzz import asking
from tests.http.fuzz.asking import Found, Plan
from tests.http.fuzz.conftest import ADMINISTRATOR, WORKER, World
from tests.http.fuzz.exceptions import LEFT_OUT, SWITCHED_OFF

CALLERS: dict[str, Callable[[World], Callable[[], str] | None]] = {
    "caseworker": lambda world: world.token_of(WORKER),
    "administrator": lambda world: world.token_of(ADMINISTRATOR),
    "service": lambda world: world.service_token(),
    "nobody": lambda world: None,
}
SHORT: dict[str, Plan] = {
    "caseworker": Plan(phases=("fuzzing", "stateful"), examples=1, ways=2, steps=5),
    "administrator": Plan(phases=("fuzzing", "stateful"), examples=1, ways=1, steps=4),
    "service": Plan(phases=("fuzzing",), examples=1),
    "nobody": Plan(phases=("examples",)),
}
REACHED = {"caseworker": 20, "administrator": 10, "service": 5, "nobody": 0}
"""Operations that are done for a caller at the least, in a short run."""
ACTING = {"administrator": ["justice:administrator"]}
"""For whom somebody acts who is not of the police."""
KINDS = ("list_cases", "move", "share_data", "sign_out")
"""A list, a change, words of a person, and a cookie: every form of parameter and of body once."""
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0")) or None
LONG = Plan(examples=300, ways=200, steps=20, seconds=SECONDS, seed=None)
EVERYTHING, WITH_EXAMPLES = 123, 100
"""Operations of the description that are asked, at the least; and those of them that have examples."""


def asked(world: World, caller: str, plan: Plan) -> Found:
    """What came of asking as somebody."""
    known: dict[str, Sequence[str | int]] = {
        **world.known,
        **({"Guitu-Acting-As": ACTING[caller]} if caller in ACTING else {}),
    }
    found = asking.run(asking.schema_of(world.site.app, plan, known, CALLERS[caller](world)))
    print(f"{caller}: {plan.phases} {found.figures()}")
    return found


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_asked_of_any_operation_is_answered_wrongly(world: World, caller: str) -> None:
    found = asked(world, caller, SHORT[caller])
    assert not found.faults, found.words()
    assert len(found.operations) >= (EVERYTHING if "fuzzing" in SHORT[caller].phases else WITH_EXAMPLES)
    assert 500 not in found.statuses
    assert len(found.answered) >= REACHED[caller], sorted(found.answered)


def test_what_the_description_bounds_is_held_at_every_bound(world: World) -> None:
    found = asked(world, "caseworker", Plan(phases=("coverage",), operations=KINDS))
    assert not found.faults, found.words()
    assert {400, 405, 422} <= found.statuses.keys()


def test_a_door_that_answers_wrongly_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.lists.count", lambda *_: 1 / 0)
    found = asked(world, "administrator", Plan(phases=("examples", "fuzzing"), operations=("count_cases",)))
    assert {operation for operation, _ in found.faults} == {"GET /api/v1/cases/count"}


def test_every_check_is_on_and_every_exception_is_of_something(world: World) -> None:
    schema = asking.schema_of(world.site.app, Plan(), world.known, None)
    names = {one.definition.raw["operationId"] for one in map(lambda result: result.ok(), schema.get_all_operations())}
    assert set(LEFT_OUT).isdisjoint(names)
    for check, operations, why in SWITCHED_OFF:
        assert check in schemathesis.checks.CHECKS.get_all_names()
        assert set(operations) <= names
        assert why


@pytest.mark.long
@pytest.mark.parametrize("phases", [("examples", "coverage"), ("fuzzing",), ("stateful",)], ids=" and ".join)
@pytest.mark.parametrize("caller", CALLERS)
def test_hundreds_of_examples_of_every_operation(either_world: World, caller: str, phases: tuple[str, ...]) -> None:
    many = LONG.examples if caller in ("caseworker", "administrator") else 100
    found = asked(either_world, caller, replace(LONG, phases=phases, examples=many))
    assert not found.faults, found.words()
    assert not any(status >= 500 for status in found.statuses)
