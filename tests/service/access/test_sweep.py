"""Who may do what, cell by cell: every act, as every role, by a unit that stands to the case in every way there is.

Nothing is kept: where an act is permitted its transaction is dropped, or the engine refuses it for a reason of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import cast

import pytest

from engine.access.model import ROLES
from engine.core.commands import COMMANDS, Actor
from engine.errors import GuituError
from engine.service import release
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.scribe import Scribe
from engine.store.work import Work
from tests.core.play import START
from tests.service.access.acts import CHANGES, NO_DOOR, Act
from tests.service.access.acts import EVERY as ON_CASES_AND_THE_HOUSE
from tests.service.access.lead_acts import LEADS, with_lead
from tests.service.access.worlds import ANN, GLASS, NOBODY_ACTS, UNITS, World, actor
from tests.signed import signed_in

EVERY: tuple[Act, ...] = (*ON_CASES_AND_THE_HOUSE, *LEADS)
LATER = frozenset({
    "nothing_to_change", "hand_off_impossible", "command_malformed", "erasure_refused", "signer_broken",
    "token_unknown", "link_unknown", "provider_missing", "member_missing",
})  # fmt: skip
"""What the engine says to whoever may: for such a reason, and not for who she is, nothing is done."""


# ── nothing is kept ──


class Dropped(Exception):
    """The act was carried out to its end; then its transaction was dropped."""


class Silent:
    """A scribe that makes up the account of a look or a refusal, and enters it nowhere."""

    now = staticmethod(lambda: START)

    def enter(self, account: Account) -> None:
        """Make it up. Raises what making it up raises."""
        assert list(account.parts())


class Rehearsing(Desk):
    """A desk at which everything is judged and written, and nothing kept."""

    @contextmanager
    def writing(self, account: Account) -> Iterator[Work]:
        """One writing transaction that is dropped. Raises :class:`Dropped` where the act was done."""
        with self.database.writing() as work:
            yield work
            if account.outcome != "refused":
                raise Dropped


def rehearsing(world: World) -> World:
    """The world with a desk that keeps nothing."""
    desk = Rehearsing(**{one.name: getattr(world.desk, one.name) for one in fields(world.desk)})
    return replace(world, desk=replace(desk, scribe=cast("Scribe", Silent())))


@pytest.fixture
def rehearsal(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give the world with a desk that keeps nothing, and definitions that count as checked."""
    monkeypatch.setattr(release, "_checked", lambda library, *_: library.get("play").definition)
    return rehearsing(with_lead(world))


def came_of(act: Act, world: World, by: Actor) -> str:
    """What came of it."""
    try:
        act.do(world, by)
    except Dropped:
        return "done"
    except GuituError as refusal:
        return "done" if refusal.code in LATER else refusal.code
    return "done"


def check(world: World, acts: Iterable[Act], cells: Iterable[tuple[str, str]]) -> Counter[str]:
    """Hold every act to what is expected of these cells, each a role and how its unit stands."""
    found, wrong = Counter[str](), []
    places = list(cells)
    for number, act in enumerate(acts):
        for role, stands in places:
            expected, got = act.expected(role, stands), came_of(act, world, actor(role, stands))
            found[got] += 1
            if expected != got:
                wrong.append(f"{number} {act.action} by {role}, {stands}: expected {expected}, got {got}")
    assert not wrong, "\n".join(wrong)
    return found


def some(world: World) -> tuple[Act, ...]:
    """Every act; on PostgreSQL, which answers as the other does and takes longer, every third."""
    return EVERY if world.database.kind == "sqlite" else EVERY[::3]


def test_a_caseworker_of_every_unit(rehearsal: World) -> None:
    acts = some(rehearsal)
    found = check(rehearsal, acts, [("caseworker", stands) for stands in (*UNITS, GLASS)])
    assert min(found["done"], found["case_unknown"], found["not_holder"]) > len(acts)


def test_every_role_of_the_unit_that_holds_the_case(rehearsal: World) -> None:
    acts = some(rehearsal)
    found = check(rehearsal, acts, [(role, "own") for role in ROLES if role != "caseworker"])
    assert min(found["done"], found["case_unknown"], found["not_permitted"]) > len(acts)


def test_whoever_may_not_act_at_all_may_do_nothing(rehearsal: World) -> None:
    wrong = []
    for number, act in enumerate(some(rehearsal)):
        for why, (person, code) in NOBODY_ACTS.items():
            got = came_of(act, rehearsal, signed_in(person, UNITS["own"]))
            if got != code:
                wrong.append(f"{number} {act.action}, {why}: {got}")
        got = came_of(act, rehearsal, Actor(ANN.person, ANN.unit))
        if got != "not_signed_in":
            wrong.append(f"{number} {act.action}, not signed in: {got}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_every_role_of_every_unit(rehearsal: World, role: str) -> None:
    check(rehearsal, EVERY, [(role, stands) for stands in UNITS])


def test_every_action_is_swept(world: World) -> None:
    swept = {act.action for act in EVERY}
    shown = {action for action in world.desk.gate.actions if action.startswith("disclose_")}
    assert world.desk.gate.actions - swept - shown == NO_DOOR.keys()
    assert {act.action for act in CHANGES} == COMMANDS.keys()
