"""Every policy counts: with it taken away some row of ``policies/tests`` is decided the other way."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cache
from itertools import islice, product

import pytest

from engine.access.gate import Gate
from engine.access.standings import STANDINGS, WITHOUT_CASE, Situation, kinds, words_also
from tests.access.policy_tables import Question, Row, gate, tables

MOST = 12
"""So many situations of a row are tried at most for each of its actions."""


def shorn(policy: str) -> Gate:
    """What :meth:`Gate.without` gives, without reading every policy anew."""
    found = copy(gate())
    found.policies = tuple(one for one in found.policies if one.id != policy)
    found._slices = {}
    return found


@cache
def kind_of(action: str) -> str:
    """The type of what an action is about."""
    return next(kind for kind, actions in kinds(gate()).items() if action in actions)


def situations(row: Row, action: str) -> Iterator[Question]:
    """What a row speaks of for one of its actions, in order: first the same of each of its people."""
    kind = kind_of(action)
    standings = STANDINGS[:1] if kind in WITHOUT_CASE else STANDINGS
    words = [also for also in words_also(kind) if also in row.also]
    people = sorted(row.people, key=str)
    for stands, unit, purpose, also, (role, held) in product(
        standings, sorted(row.units), sorted(row.purposes), words, people
    ):
        asked = (Situation(role, unit, *stands, purpose, also, held), kind, action)
        if row.covers(asked):
            yield asked


def some(row: Row, most: int) -> list[Question]:
    """The first of them, for each action."""
    return [asked for action in sorted(row.actions) for asked in islice(situations(row, action), most)]


def noticed_by(policy: str) -> Row | None:
    """The first row that names a policy and is decided the other way without it."""
    without = shorn(policy)
    for row in (row for row in tables() if policy in row.policies):
        for one, kind, action in some(row, MOST):
            verdict = without.decide(one.who(), action, one.about(kind, without.classes), one.given())
            if verdict.fault is None and verdict.allowed != row.is_allowed:
                return row
    return None


def test_a_row_notices_the_removal_of_every_policy() -> None:
    noticed = {one.id: noticed_by(one.id) for one in gate().policies}
    for policy, row in noticed.items():
        print(f"{policy}: {row.place if row else 'nobody notices'}")
    assert [policy for policy, row in noticed.items() if row is None] == []


def test_every_policy_decides_some_row_and_every_row_names_policies_that_exist() -> None:
    named = {policy for row in tables() for policy in row.policies}
    assert named == {one.id for one in gate().policies}


@pytest.mark.parametrize("policy", ["need-health", "only-basic-before-accepting"])
def test_a_policy_is_taken_away_as_the_gate_does_it(policy: str) -> None:
    without = gate().without(policy)
    for row in [row for row in tables() if policy in row.policies][:4]:
        for one, kind, action in some(row, 5)[:10]:
            asked = (one.who(), action, one.about(kind, gate().classes), one.given())
            assert shorn(policy).decide(*asked) == without.decide(*asked)
