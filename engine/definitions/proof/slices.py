"""Slices: the tracks an invariant depends on, explored on all their reachable positions.

A slice leaves every other track out, which can only add behaviour: whatever the tracks outside could forbid is
allowed. So what holds on all positions of a slice holds in the whole definition (safety). In each position any
combination of facts is tried, as if facts could change between any two moves; that too only adds behaviour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.core.conditions import Condition, Judged, TrackAt, TrackReached, walk
from engine.core.definition import Definition, Move, Requirement, Track
from engine.definitions.proof.worlds import Positions, WorldView, domains, size, worlds

LARGEST_SLICE = 200_000
LARGEST_WORLD = 200_000


class TooLarge(Exception):
    """A slice or a set of worlds that is too large to explore: never "passed"."""

    def __init__(self, what: str, how_large: int) -> None:
        super().__init__(f"{what}: {how_large}")
        self.what = what
        self.how_large = how_large


@dataclass(frozen=True, slots=True)
class Act:
    """One way from position to position: a track opens, or a move is made."""

    track: str
    move: str | None
    before: Positions
    after: Positions


def tracks_seen(conditions: Iterable[Condition]) -> set[str]:
    """The tracks that conditions look at."""
    parts = (part for condition in conditions for part in walk(condition))
    return {part.track for part in parts if isinstance(part, TrackAt | TrackReached)}


def steps_seen(conditions: Iterable[Condition]) -> set[tuple[str, str]]:
    """The steps whose having been reached conditions ask for."""
    parts = (part for condition in conditions for part in walk(condition))
    return {(part.track, step) for part in parts if isinstance(part, TrackReached) for step in part.reached}


def binding(requires: dict[str, Requirement]) -> tuple[list[Requirement], list[str]]:
    """The requirements, and the local settings some of them wait for."""
    return list(requires.values()), [one.setting for one in requires.values() if one.setting is not None]


@dataclass
class Slice:
    """Some tracks of a definition, with everything their conditions ask of each other."""

    definition: Definition
    names: tuple[str, ...]
    watched: tuple[Condition, ...] = ()
    _possible: dict[tuple[str, str | None, tuple[bool, ...]], bool] = field(default_factory=dict)
    _remembered: frozenset[tuple[str, str]] = frozenset()

    def __post_init__(self) -> None:
        """Note which entries into steps must be remembered."""
        every = [*self.watched, *(condition for name in self.names for condition in self._conditions(name))]
        self._remembered = frozenset(place for place in steps_seen(every) if place[0] in self.names)

    def _conditions(self, name: str) -> Iterator[Condition]:
        track = self.definition.tracks[name]
        if track.opens.when is not None:
            yield track.opens.when
        for requirement in track.opens.requires.values():
            yield requirement.when
        for move in track.moves.values():
            yield from (requirement.when for requirement in move.requires.values())

    def start(self) -> Positions:
        """No track is open."""
        return Positions(dict.fromkeys(self.names))

    def explore(self) -> Iterator[Act]:
        """Every act in every reachable position, breadth first. Raises :class:`TooLarge`."""
        first = self.start()
        seen = {_key(first)}
        waiting = deque([first])
        while waiting:
            here = waiting.popleft()
            for act in self.acts(here):
                yield act
                key = _key(act.after)
                if key not in seen:
                    seen.add(key)
                    waiting.append(act.after)
            if len(seen) > LARGEST_SLICE:
                raise TooLarge("/".join(self.names), len(seen))

    def acts(self, here: Positions) -> Iterator[Act]:
        """What can happen in a position."""
        for name in self.names:
            track = self.definition.tracks[name]
            step = here.at[name]
            if step is None or (track.opens.again and step in track.finals):
                if self._opens(name, track, here):
                    yield Act(name, None, here, self._enter(here, name, track.start))
            if step is None:
                continue
            for move_name, move in track.moves.items():
                if step in move.source and self._can(name, move_name, move, step, here):
                    yield Act(name, move_name, here, self._enter(here, name, move.to))

    def _enter(self, here: Positions, name: str, step: str) -> Positions:
        place = (name, step)
        reached = here.reached | {place} if place in self._remembered else here.reached
        return Positions({**here.at, name: step}, reached)

    def _opens(self, name: str, track: Track, here: Positions) -> bool:
        if track.opens.on_request:
            return True
        when = track.opens.when
        return when is not None and self._holds_somewhere(name, None, [when], {}, here, frozenset())

    def _can(self, name: str, move_name: str, move: Move, step: str, here: Positions) -> bool:
        functions = frozenset({self.definition.tracks[name].steps[step].responsible or ""})
        conditions = [requirement.when for requirement in move.requires.values()]
        return self._holds_somewhere(name, f"{step}.{move_name}", conditions, move.requires, here, functions)

    def _holds_somewhere(
        self, name: str, what: str | None, conditions: list[Condition], requires: dict[str, Requirement],
        here: Positions, functions: frozenset[str],
    ) -> bool:  # fmt: skip
        outside = tracks_seen(conditions) - set(self.names)
        if outside:
            return True  # tracks outside the slice may stand anywhere
        signature = self._signature(conditions, here)
        key = (name, what, signature)
        known = self._possible.get(key)
        if known is None:
            known = any(True for _ in self.allowing(conditions, requires, here, functions))
            self._possible[key] = known
        return known

    def _signature(self, conditions: list[Condition], here: Positions) -> tuple[bool, ...]:
        view = WorldView({}, here)
        parts = (part for condition in conditions for part in walk(condition))
        return tuple(bool(part.judge(view, Judged())) for part in parts if isinstance(part, TrackAt | TrackReached))

    def allowing(
        self, conditions: list[Condition], requires: dict[str, Requirement], here: Positions,
        functions: frozenset[str], also: Iterable[Condition] = (),
    ) -> Iterator[WorldView]:  # fmt: skip
        """Every world in which all binding requirements hold (an opening's plain condition too).

        ``also`` are conditions whose values must be told apart as well. Raises :class:`TooLarge`.
        """
        needed, settings = binding(requires)
        bound = {requirement.when for requirement in needed}
        plain = [condition for condition in conditions if condition not in bound]
        values = domains(self.definition, [*conditions, *also], settings)
        if size(values) > LARGEST_WORLD:
            raise TooLarge("worlds of " + "/".join(self.names), size(values))
        defaults = {name: parameter.default for name, parameter in self.definition.parameters.items()}
        for world in worlds(values):
            view = WorldView(world, here, functions, defaults=defaults)
            if all(condition.judge(view, Judged()) is True for condition in plain) and _met(needed, view):
                yield view


def _met(requirements: list[Requirement], view: WorldView) -> bool:
    return all(
        (one.setting is not None and view.parameter(one.setting) is not True) or one.when.judge(view, Judged()) is True
        for one in requirements
    )


def _key(positions: Positions) -> tuple[object, ...]:
    return (tuple(positions.at.values()), positions.reached)
