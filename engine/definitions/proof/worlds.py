"""Worlds: one value for everything a set of conditions looks at, and where the tracks stand.

A world is judged with the engine's own conditions; nothing about them is written a second time here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.core.conditions import Condition, Judged
from engine.core.definition import Requirement
from engine.definitions.proof.cuts import ACTOR, TODAY, looks_at, size

UNOPENED, WAITING, STOPPED, KEPT = "", "?", "!", "+"
"""Places that are no steps: never opened; opened, but nobody accepted it yet; declined, or ended by a closing.

``KEPT`` marks a reversal."""

LARGEST_WORLD = 400_000
World = Mapping[str, object]
"""Values by name: ``fact:f``, ``document:d``, ``consent:c``, ``parameter:p``, ``person:t.s``, ``actor``; and of
tracks that are looked at without being explored ``at:t`` and ``reached:t.s``."""


class TooLarge(Exception):
    """A slice or a set of worlds that is too large to explore: never "passed"."""

    def __init__(self, what: str, how_large: int) -> None:
        super().__init__(f"{what}: {how_large}")
        self.what = what
        self.how_large = how_large


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the tracks of a slice stand, and which of the steps that are asked for they have entered.

    ``lasts`` says for each track where a reversal of its last act takes it, and empty where there is nothing to
    reverse; ``KEPT`` before the place when the step it leaves then had been entered before.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    lasts: tuple[str, ...]
    reached: frozenset[tuple[str, str]] = frozenset()

    def place(self, track: str) -> str:
        """The step a track stands at, or one of the places that are no steps."""
        return self.places[self.names.index(track)]

    def last(self, track: str) -> str:
        """Where a reversal takes a track."""
        return self.lasts[self.names.index(track)]

    def put(
        self, track: str, place: str, *, last: str = "", reach: Iterable[str] = (), forget: Iterable[str] = ()
    ) -> Positions:
        """The same with one track elsewhere."""
        index = self.names.index(track)
        places = (*self.places[:index], place, *self.places[index + 1 :])
        lasts = (*self.lasts[:index], last, *self.lasts[index + 1 :])
        kept = self.reached - {(track, step) for step in forget} if forget else self.reached
        return Positions(self.names, places, lasts, kept | {(track, step) for step in reach})

    def __hash__(self) -> int:
        return hash((self.places, self.lasts, self.reached))


NOWHERE = Positions((), (), ())


@dataclass(frozen=True, slots=True)
class WorldView:
    """A world as conditions see it (``engine.core.conditions.View``). ``waited`` days have gone by in it."""

    world: World
    positions: Positions = NOWHERE
    waited: int = 0

    @property
    def today(self) -> date:
        """The day."""
        return TODAY + timedelta(days=self.waited)

    def fact(self, name: str) -> object | None:
        """The fact in this world."""
        return self.world.get(f"fact:{name}")

    def step_of(self, track: str) -> str | None:
        """Where the track stands; ``None`` when it is not open, not accepted or ended early."""
        if track not in self.positions.names:
            outside = self.world.get(f"at:{track}")
            return outside if isinstance(outside, str) else None
        place = self.positions.place(track)
        return None if place in (UNOPENED, WAITING, STOPPED) else place

    def has_reached(self, track: str, step: str) -> bool:
        """Whether the track has entered the step."""
        if track not in self.positions.names:
            return self.world.get(f"reached:{track}.{step}") is True
        return (track, step) in self.positions.reached

    def has_document(self, name: str) -> bool:
        """Whether the document is there."""
        return self.world.get(f"document:{name}") is True

    def has_consent(self, name: str) -> bool | None:
        """The consent in this world."""
        given = self.world.get(f"consent:{name}")
        return given if isinstance(given, bool) else None

    def person_at(self, track: str, step: str) -> str | None:
        """Who entered the step."""
        person = self.world.get(f"person:{track}.{step}")
        return person if isinstance(person, str) else None

    def is_among(self, person: str, persons: Sequence[str]) -> bool | None:
        """By reference alone: the vault can only find *more* persons alike, or leave it undecided."""
        return person in persons

    def parameter(self, name: str) -> object | None:
        """The setting in this world."""
        return self.world.get(f"parameter:{name}")

    @property
    def actor_functions(self) -> frozenset[str]:
        """The functions of the acting unit."""
        functions = self.world.get("actor", frozenset())
        return functions if isinstance(functions, frozenset) else frozenset()

    @property
    def actor_person(self) -> str | None:
        """The acting person."""
        return ACTOR


@dataclass(frozen=True, slots=True)
class Ask:
    """A condition that must hold; behind a ``setting`` only while that is on, as the engine judges it."""

    when: Condition
    setting: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """What it looks at in a world."""
        own = {f"parameter:{self.setting}"} if self.setting else set()
        return frozenset(own | looks_at(self.when))

    def holds(self, view: WorldView) -> bool:
        """Whether it holds, or does not bind. A requirement behind a setting is never relied on where it is off."""
        is_bound = self.setting is None or view.parameter(self.setting) is True
        return not is_bound or self.when.judge(view, Judged()) is True


def asks(requires: Mapping[str, Requirement], *plain: Condition | None) -> tuple[Ask, ...]:
    """All that must hold: requirements, each with its setting, and conditions of their own."""
    own = [Ask(condition) for condition in plain if condition is not None]
    return (*own, *(Ask(one.when, one.setting) for one in requires.values()))


def worlds(
    values: Mapping[str, Sequence[object]], asked: Iterable[Ask], see: Callable[[World], WorldView], what: str
) -> Iterator[World]:
    """Every world of these values in which all that is asked holds, found piece by piece.

    Each condition is judged as soon as everything it looks at has a value, so most worlds are never written out.
    Raises :class:`TooLarge` with the number of all combinations when too many had to be looked at.
    """
    steps: list[tuple[tuple[str, ...], Ask | None]] = []
    known: set[str] = set()
    for ask in sorted(asked, key=lambda one: len(one.names)):
        fresh = tuple(sorted(name for name in ask.names & values.keys() if name not in known))
        known.update(fresh)
        steps.append((fresh, ask))
    steps.append((tuple(sorted(values.keys() - known)), None))
    looked = 0

    def extend(world: dict[str, object], depth: int) -> Iterator[World]:
        nonlocal looked
        if depth == len(steps):
            yield world
            return
        fresh, ask = steps[depth]
        for more in combinations({name: values[name] for name in fresh}):
            looked += 1
            if looked > LARGEST_WORLD:
                raise TooLarge(what, size(values))
            wider = {**world, **more}
            if ask is None or ask.holds(see(wider)):
                yield from extend(wider, depth + 1)

    yield from extend({}, 0)


def combinations(values: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    """Every choice of one value for each name."""
    if not values:
        yield {}
        return
    (name, *rest) = values
    for others in combinations({other: values[other] for other in rest}):
        for value in values[name]:
            yield {name: value, **others}
