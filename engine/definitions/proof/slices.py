"""Slices: the tracks an invariant depends on, explored on all their reachable positions.

A slice leaves every other track out, which can only add behaviour: what conditions ask of a track outside is free to
be true or false. In each position any combination of facts, papers, consents and settings is tried, as if everything
could change between any two acts; that too only adds behaviour. So what holds on all acts of a slice holds in the
whole definition. Nothing a command can do is left out: see :data:`Kind`, and ``docs/proofs.md`` for each.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from engine.core.conditions import Condition, FactKnown, Judged, TrackAt, TrackReached
from engine.core.definition import Definition, Move, Track
from engine.definitions.proof.cuts import Actors, Values, domains, parts
from engine.definitions.proof.worlds import (
    KEPT,
    STOPPED,
    UNOPENED,
    WAITING,
    Ask,
    Positions,
    TooLarge,
    World,
    WorldView,
    asks,
    worlds,
)

LARGEST_SLICE = 100_000
Kind = Literal["moved", "opened", "asked", "accepted", "reversed", "declined", "closed", "reopened"]
"""A move; a track that opens by itself, or on request; its acceptance; a reversal of the last act; a track the victim
declines; a closing that ends what is open; a closed record taken up again on a track."""


@dataclass(frozen=True, slots=True)
class Act:
    """One way from position to position. ``track`` is empty for a closing, ``move`` for everything but a move."""

    kind: Kind
    track: str
    before: Positions
    after: Positions
    move: str = ""

    @property
    def what(self) -> tuple[str, ...]:
        """The act's name: two acts of one name are judged on the same conditions."""
        return (self.kind, self.track, self.before.place(self.track) if self.move else "", self.move)


@dataclass(frozen=True, slots=True)
class Question:
    """What must hold for an act, and who acts: the functions the acting unit has at least, in each possible case."""

    asked: tuple[Ask, ...]
    actors: Actors


def tracks_seen(conditions: Iterable[Condition | None]) -> set[str]:
    """The tracks that conditions look at."""
    found = parts(condition for condition in conditions if condition is not None)
    return {part.track for part in found if isinstance(part, TrackAt | TrackReached)}


def conditions_of(track: Track) -> list[Condition]:
    """Every condition of a track: of its opening and of its moves, and that the forms of its moves are filled."""
    found = [] if track.opens.when is None else [track.opens.when]
    found += [one.when for one in track.opens.requires.values()]
    return found + [ask.when for move in track.moves.values() for ask in asked_of(move)]


def asked_of(move: Move) -> tuple[Ask, ...]:
    """What is asked of a move: its requirements, and every required field of its form."""
    filled = (FactKnown(fact=field.fact, known=True) for field in move.form if field.required)
    return asks(move.requires, *filled)


def cone(definition: Definition, names: Iterable[str]) -> tuple[str, ...]:
    """The tracks, everything their conditions look at, and so on until nothing is added."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += tracks_seen(conditions_of(definition.tracks[name]))
    return tuple(name for name in definition.tracks if name in found)


def question(definition: Definition, act: Act) -> Question | None:
    """What the engine judges before this act; ``None`` when it judges nothing."""
    if act.kind not in ("moved", "opened", "asked", "accepted"):
        return None
    track = definition.tracks[act.track]
    if act.kind == "moved":
        holder = track.steps[act.before.place(act.track)].responsible
        return Question(asked_of(track.moves[act.move]), (frozenset({holder} if holder else ()),))
    on_request = track.opens.on_request
    anybody: Actors = (frozenset(),)
    if act.kind == "asked" and on_request != "any":
        return Question(asks(track.opens.requires), tuple(frozenset({one}) for one in on_request))
    when = track.opens.when if act.kind == "opened" else None
    return Question(asks(track.opens.requires, when), anybody)


@dataclass
class Slice:
    """Some tracks of a definition. ``watched`` are conditions outside them whose memory of steps is needed too.

    Without ``after_closing`` a record ends with its first closing, and none begins as the successor of another.
    """

    definition: Definition
    names: tuple[str, ...]
    watched: tuple[Condition, ...] = ()
    after_closing: bool = True
    came: dict[Positions, Act | None] = field(default_factory=dict)
    remembered: frozenset[tuple[str, str]] = frozenset()
    _enabled: dict[tuple[object, ...], bool] = field(default_factory=dict)
    _questions: dict[tuple[str, ...], tuple[Question | None, list[Condition]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note which entries into steps must be remembered."""
        own = (condition for name in self.names for condition in conditions_of(self.definition.tracks[name]))
        seen = (part for part in parts([*self.watched, *own]) if isinstance(part, TrackReached))
        asked = {(part.track, step) for part in seen for step in part.reached}
        self.remembered = frozenset(place for place in asked if place[0] in self.names)

    def starts(self) -> Iterator[Positions]:
        """No track is open; or those that came to an end in the record before this one are ended."""
        nothing = Positions(self.names, (UNOPENED,) * len(self.names), ("",) * len(self.names))
        yield nothing
        if not self.after_closing:
            return
        ends = [(UNOPENED, *(track.finals if track.scope == "victim" else ())) for track in self._tracks().values()]
        for places in itertools.islice(itertools.product(*ends), 1, None):
            carried = nothing
            for name, place in zip(self.names, places, strict=True):
                carried = carried.put(name, place, reach=self._noted(name, place)) if place else carried
            yield carried

    def _tracks(self) -> dict[str, Track]:
        return {name: self.definition.tracks[name] for name in self.names}

    def explore(self) -> Iterator[Act]:
        """Every act in every reachable position, breadth first. Raises :class:`TooLarge`."""
        self.came.clear()
        for start in self.starts():
            if start not in self.came:
                self.came[start] = None
                yield from self._explore_from(start)

    def _explore_from(self, start: Positions) -> Iterator[Act]:
        waiting = deque([start])
        while waiting:
            for act in self.acts(waiting.popleft()):
                yield act
                if act.after not in self.came:
                    self.came[act.after] = act
                    waiting.append(act.after)
            if len(self.came) > LARGEST_SLICE:
                raise TooLarge("/".join(self.names), len(self.came))

    def reach(self) -> list[Positions]:
        """All reachable positions."""
        for _ in self.explore():
            pass
        return list(self.came)

    def way_to(self, there: Positions) -> list[Act]:
        """How a position was first reached."""
        way: list[Act] = []
        act = self.came[there]
        while act is not None:
            way.append(act)
            act = self.came[act.before]
        return way[::-1]

    # ── what can happen ──

    def acts(self, here: Positions) -> Iterator[Act]:
        """Everything that can happen in a position."""
        for name, track in self._tracks().items():
            yield from self._moves(name, track, here)
            yield from self._openings(name, track, here)
            yield from self._taken_back(name, here)
            if track.declinable and self._is_held(name, here):
                yield Act("declined", name, here, self._stopped(name, here))
        if self.after_closing:
            yield from self._closing(here)

    def _moves(self, name: str, track: Track, here: Positions) -> Iterator[Act]:
        step = here.place(name)
        for move_name, move in track.moves.items():
            if step in move.source:
                act = Act("moved", name, here, self._moved(here, name, step, move.to), move_name)
                if self.is_enabled(act):
                    yield act

    def _openings(self, name: str, track: Track, here: Positions) -> Iterator[Act]:
        place = here.place(name)
        entered = self._entered(here, name, track.start)
        kinds: list[Kind] = ["opened"] if track.opens.when is not None and place == UNOPENED else []
        is_over = place == STOPPED or place in track.finals
        if track.opens.on_request and (place == UNOPENED or (is_over and track.opens.again)):
            kinds.append("asked")
        for kind in kinds:
            act = Act(kind, name, here, entered)
            if self.is_enabled(act):
                yield act
                yield Act(kind, name, here, self._waiting(name, track, here))
        accepted = Act("accepted", name, here, self._entered(here, name, track.start, last=WAITING))
        if place == WAITING and self.is_enabled(accepted):
            yield accepted

    def _taken_back(self, name: str, here: Positions) -> Iterator[Act]:
        """The last act undone; the entry is forgotten, or an earlier one of the same step remains."""
        last = here.last(name)
        if not last:
            return
        place = last.removeprefix(KEPT)
        forget = () if last.startswith(KEPT) else (here.place(name),)
        yield Act("reversed", name, here, here.put(name, place, forget=forget))

    def _closing(self, here: Positions) -> Iterator[Act]:
        """A closing ends all that is held; a closed record is taken up again on any track, and nothing is judged."""
        held = [name for name in self.names if self._is_held(name, here)]
        if held:
            closed = here
            for name in held:
                closed = self._stopped(name, closed)
            yield Act("closed", "", here, closed)
            return
        for name, track in self._tracks().items():
            yield Act("reopened", name, here, self._entered(here, name, track.start))

    def _is_held(self, name: str, here: Positions) -> bool:
        place = here.place(name)
        if place in (UNOPENED, STOPPED):
            return False
        return place == WAITING or not self.definition.tracks[name].steps[place].final

    def is_over(self, here: Positions) -> bool:
        """Whether nobody holds any track of the slice."""
        return not any(self._is_held(name, here) for name in self.names)

    def _noted(self, name: str, step: str) -> tuple[str, ...]:
        return (step,) if (name, step) in self.remembered else ()

    def _entered(self, here: Positions, name: str, step: str, last: str = "") -> Positions:
        return here.put(name, step, last=last, reach=self._noted(name, step))

    def _moved(self, here: Positions, name: str, step: str, to: str) -> Positions:
        """After a move. A reversal of an act that stayed takes the track nowhere."""
        kept = KEPT if (name, to) in here.reached else ""
        return self._entered(here, name, to, last="" if step == to else kept + step)

    def _waiting(self, name: str, track: Track, here: Positions) -> Positions:
        """Opened, and not accepted: the start step does not count as entered, not even from an earlier time."""
        return here.put(name, WAITING, forget=(track.start,))

    def _stopped(self, name: str, here: Positions) -> Positions:
        """Ended early; a start step that nobody had accepted counts as entered from now on, as the engine has it."""
        start = self.definition.tracks[name].start
        return here.put(name, STOPPED, reach=self._noted(name, start) if here.place(name) == WAITING else ())

    # ── in which worlds ──

    def is_enabled(self, act: Act) -> bool:
        """Whether some world allows the act."""
        key = (act.what, self.signature(act))
        if key not in self._enabled:
            self._enabled[key] = any(True for _ in self.allowing(act))
        return self._enabled[key]

    def asked(self, act: Act) -> Question | None:
        """What the engine judges before the act."""
        return self._asked(act)[0]

    def _asked(self, act: Act) -> tuple[Question | None, list[Condition]]:
        """The same, and those parts of it that look at tracks inside the slice."""
        if act.what not in self._questions:
            found = question(self.definition, act)
            own = parts(ask.when for ask in found.asked) if found else []
            inside: list[Condition] = [
                part for part in own if isinstance(part, TrackAt | TrackReached) and part.track in self.names
            ]
            self._questions[act.what] = (found, inside)
        return self._questions[act.what]

    def _is_inside(self, part: Condition) -> bool:
        return isinstance(part, TrackAt | TrackReached) and part.track in self.names

    def signature(self, act: Act, also: tuple[Condition, ...] = ()) -> tuple[bool, ...]:
        """What of the positions the act is judged on: where this is equal, the same worlds allow it."""
        own = self._asked(act)[1]
        if not own and not also:
            return ()
        view = WorldView({}, act.before)
        more = [part for part in parts(also) if self._is_inside(part)]
        return tuple(bool(part.judge(view, Judged())) for part in (*own, *more))

    def values(self, found: Question, also: Iterable[Condition] = ()) -> Values:
        """The values of everything the question looks at, and what else must be told apart."""
        conditions = [*(ask.when for ask in found.asked), *also]
        settings = [ask.setting for ask in found.asked if ask.setting is not None]
        return domains(self.definition, conditions, settings=settings, inside=self.names, actors=found.actors)

    def allowing(self, act: Act, also: tuple[Condition, ...] = ()) -> Iterator[World]:
        """Every world in which the engine lets the act happen. Raises :class:`TooLarge`."""
        found = self.asked(act)
        if found is None:
            yield {}
            return
        what = f"{act.kind} {act.track} {act.move} ({'/'.join(self.names)})"
        yield from worlds(self.values(found, also), found.asked, lambda world: WorldView(world, act.before), what)
