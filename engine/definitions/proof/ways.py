"""Ways onward: what people can still bring about from a position, whatever the world is like.

Slices say what may happen at worst; this says what can be done at best, and must never claim too much. In a world the
facts that do not change and the local settings are as they are; people can state facts that change, file papers, let
days go by, open tracks on request and accept what is offered to them. They cannot take a paper back, make a fact
unknown again, or act with functions that the unit of the step does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.core.conditions import Condition
from engine.core.definition import Definition
from engine.definitions.proof.cuts import Values, compares, domains, parts, size
from engine.definitions.proof.slices import Act, Kind, Slice, conditions_of
from engine.definitions.proof.worlds import Ask, Positions, TooLarge, World, WorldView, asks, combinations, worlds

LARGEST_FIXED = 20_000
LONG = 100_000
"""Days to wait: longer than any period."""

Onward = frozenset[Kind]
MOVES: Onward = frozenset({"moved", "accepted"})
MOVES_AND_OPENINGS: Onward = frozenset({"moved", "accepted", "opened", "asked"})


@dataclass
class Ways:
    """The ways onward inside one slice. ``more`` are conditions outside its tracks that matter (of a closing).

    ``refusing`` lets the victim refuse every consent: what is found then rests on nobody's consent. A setting that
    only switches requirements on is on: what can be done then can be done while it is off as well. (``settings_on``
    false asks the other way round, for what can be done in the easiest of worlds.)
    """

    part: Slice
    more: tuple[Ask, ...] = ()
    refusing: bool = False
    settings_on: bool = True
    values: Values = field(default_factory=dict)
    fixed: Values = field(default_factory=dict)
    _known: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Cut everything the slice looks at once, for all acts together."""
        definition, names = self.part.definition, self.part.names
        conditions = [one for name in names for one in conditions_of(definition.tracks[name])]
        conditions += [ask.when for ask in self.more]
        settings = set(self._settings())
        self.values = domains(definition, conditions, settings=settings, inside=names)
        compared = {name for part in parts(conditions) for name in compares(part)}
        for name in self.values.keys() - compared:
            self.values[name] = self._uncompared(name, settings)
        fixed = {name for name in self.values if name in compared and is_fixed(definition, name)}
        self.fixed = {name: _stated(self.values[name]) for name in self.values if name in fixed}
        if size(self.fixed) > LARGEST_FIXED:
            raise TooLarge("/".join(names), size(self.fixed))

    def _uncompared(self, name: str, settings: set[str]) -> list[object]:
        """Values of what only switches requirements on, or only has to be waited for."""
        kind, _, rest = name.partition(":")
        if kind != "parameter":
            return self.values[name]
        return [self.settings_on] if rest in settings else [self.part.definition.parameters[rest].default]

    def _settings(self) -> Iterator[str]:
        for name in self.part.names:
            track = self.part.definition.tracks[name]
            for requires in (track.opens.requires, *(move.requires for move in track.moves.values())):
                yield from (one.setting for one in requires.values() if one.setting is not None)
        yield from (ask.setting for ask in self.more if ask.setting is not None)

    def worlds(self) -> Iterator[World]:
        """Every world: the facts that do not change, and the settings."""
        yield from combinations(self.fixed)

    def can(self, act: Act, world: World) -> bool:
        """Whether people can bring the act about in this world, whatever is on record already."""
        found = self.part.asked(act)
        if found is None:
            return True
        actors = list(found.actors) or [frozenset()]
        return self._holds((act.what, self.part.signature(act)), found.asked, act.before, world, actors)

    def holds(self, name: str, asked: tuple[Ask, ...], here: Positions, world: World) -> bool:
        """Whether people can make all of this true while the tracks stand here."""
        return self._holds((name, here), asked, here, world, [frozenset()])

    def _holds(
        self, key: tuple[object, ...], asked: tuple[Ask, ...], here: Positions, world: World,
        actors: Sequence[frozenset[str]],
    ) -> bool:  # fmt: skip
        looked = sorted({name for ask in asked for name in ask.names})
        key = (*key, *(world[name] for name in looked if name in world))
        if key not in self._known:
            values = {name: self._free(name, world) for name in looked if name in self.values}
            if "actor" in values:
                values["actor"] = list(actors)
            found = worlds(values, asked, lambda one: WorldView(one, here, LONG), "/".join(self.part.names))
            self._known[key] = any(True for _ in found)
        return self._known[key]

    def may(self, act: Act, world: World) -> bool:
        """Whether the act can happen in this world at some time, before or after things are put on record."""
        found = self.part.asked(act)
        assert found is not None, "moves and openings are judged"
        looked = sorted({name for ask in found.asked for name in ask.names} & self.values.keys())
        key = ("may", act.what, self.part.signature(act), *(world[name] for name in looked if name in world))
        if key not in self._known:
            values = {name: self._some_time(name, world) for name in looked}
            if "actor" in values:
                values["actor"] = list(found.actors)
            some = worlds(values, found.asked, lambda one: WorldView(one, act.before), "/".join(self.part.names))
            self._known[key] = any(True for _ in some)
        return self._known[key]

    def _some_time(self, name: str, world: World) -> list[object]:
        if name not in world or name in self._set_by_moves():
            return self.values[name]
        return [world[name]] if name.startswith("parameter:") else [None, world[name]]

    def _set_by_moves(self) -> set[str]:
        """Facts that moves set: though they do not change, a move may change them."""
        moves = (move for track in self.part.definition.tracks.values() for move in track.moves.values())
        return {f"fact:{name}" for move in moves for name in move.sets}

    def _free(self, name: str, world: World) -> list[object]:
        if name in world:
            return [world[name]]
        if name.startswith("document:"):
            return [True]
        if self.refusing and name.startswith("consent:"):
            return [False]
        return _stated(self.values[name])

    def graph(self) -> Graph:
        """What can happen at all, drawn once; a last act that could be reversed makes no difference to what follows."""
        if self._graph is None:
            self._graph = Graph()
            self._graph.number(next(self.part.starts()))
            for act in self.part.explore():
                self._graph.add(act, (act.what, self.part.signature(act)))
        return self._graph

    def doing(self, onward: Onward, world: World) -> tuple[bool, ...]:
        """For each kind of act that differs, whether people can bring it about in this world."""
        return tuple(act.kind in onward and self.can(act, world) for act in self.graph().ones)

    def come_to(self, world: World) -> set[int]:
        """The positions a record can come to in this world, whatever anybody does, while no fact is corrected."""
        graph = self.graph()
        return graph.from_start([self.part.asked(act) is None or self.may(act, world) for act in graph.ones])

    _graph: Graph | None = None


@dataclass
class Graph:
    """Positions by number, and acts between them; ``ones`` holds one act of each that are judged alike."""

    here: list[Positions] = field(default_factory=list)
    ones: list[Act] = field(default_factory=list)
    edges: dict[tuple[int, int, int], None] = field(default_factory=dict)
    _numbers: dict[object, int] = field(default_factory=dict)
    _alike: dict[object, int] = field(default_factory=dict)

    def number(self, here: Positions) -> int:
        """The number of a position."""
        key = (here.places, here.reached)
        if key not in self._numbers:
            self._numbers[key] = len(self.here)
            self.here.append(here)
        return self._numbers[key]

    def add(self, act: Act, alike: object) -> None:
        """Draw an act."""
        if alike not in self._alike:
            self._alike[alike] = len(self.ones)
            self.ones.append(act)
        before, after = self.number(act.before), self.number(act.after)
        if before != after or act.kind == "moved":
            self.edges[self._alike[alike], before, after] = None

    def leading_to(self, goals: Iterable[int], doing: Sequence[bool]) -> set[int]:
        """The positions from which people can come to one of the goals."""
        back: dict[int, list[int]] = {}
        for one, before, after in self.edges:
            if doing[one]:
                back.setdefault(after, []).append(before)
        return _closure(goals, back)

    def from_start(self, doing: Sequence[bool]) -> set[int]:
        """The positions that can be come to, beginning where no track is open."""
        ahead: dict[int, list[int]] = {}
        for one, before, after in self.edges:
            if doing[one]:
                ahead.setdefault(before, []).append(after)
        return _closure([0], ahead)

    def made(self, doing: Sequence[bool]) -> set[int]:
        """The acts that can be made, beginning where no track is open."""
        seen = self.from_start(doing)
        return {one for one, before, _ in self.edges if doing[one] and before in seen}


def _closure(begin: Iterable[int], ways: dict[int, list[int]]) -> set[int]:
    found = set(begin)
    waiting = list(found)
    while waiting:
        for other in ways.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def is_fixed(definition: Definition, name: str) -> bool:
    """Whether this stays as it is while a record lives: a setting, or a fact that does not change."""
    kind, _, rest = name.partition(":")
    return kind == "parameter" or (kind == "fact" and not definition.facts[rest].changes)


def _stated(values: Sequence[object]) -> list[object]:
    """Without "not on record": what is not stated can be."""
    return [value for value in values if value is not None]


def tried(ways: Ways, world: World | None) -> set[str]:
    """The moves that can really be made, beginning with an empty record (``track.move``).

    ``None`` instead of a world: facts may be corrected between any two acts.
    """
    graph = ways.graph()
    doing = [act.kind in MOVES_AND_OPENINGS and (world is None or ways.may(act, world)) for act in graph.ones]
    made = (graph.ones[one] for one in graph.made(doing))
    return {f"{act.track}.{act.move}" for act in made if act.kind == "moved"}


def closing_asks(definition: Definition, name: str) -> tuple[Ask, ...]:
    """What a closing asks for."""
    return asks(definition.closings[name].requires)


def conditions_in(asked: Iterable[Ask]) -> list[Condition]:
    """The conditions of what is asked."""
    return [ask.when for ask in asked]
