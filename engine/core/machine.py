"""A definition made ready to decide by: one flat ``transitions`` machine per track.

The only module that imports ``transitions``. Machines are built without model, callbacks, conditions or
automatic transitions; a move is fired on a throw-away position, so nothing is retained and threads may share
the machines. Everything that may refuse a move runs before it and gives reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from transitions import Machine, MachineError

from engine.core.conditions import (
    Condition,
    ConsentGiven,
    DocumentPresent,
    Elapsed,
    FactAtLeast,
    FactBefore,
    FactIn,
    FactIs,
    FactKnown,
    FactNotAmong,
    TrackAt,
    TrackReached,
    walk,
)  # fmt: skip
from engine.core.definition import Definition, Move, Requirement, Scope, Track
from engine.errors import DefinitionBroken, MoveImpossible

CASE_OPENED = "case:opened"
"""What every opening condition looks at besides its own names: the beginning of the record."""


class _Position:
    """Where a track stands, for the length of one move."""

    __slots__ = ("state",)

    def __init__(self, step: str) -> None:
        self.state = step


class TrackMachine:
    """One track, compiled. Holds no position of its own."""

    def __init__(self, name: str, track: Track) -> None:
        """Compile the track. Raises :class:`DefinitionBroken` for a step that does not exist."""
        self.name = name
        self.track = track
        self._moves: dict[tuple[str, str], Move] = {}
        transitions: list[dict[str, object]] = []
        for move_name, move in track.moves.items():
            if move.to not in track.steps or not set(move.source) <= set(track.steps):
                raise DefinitionBroken(
                    f"{name}.{move_name} 指向不存在的环节", f"{name}.{move_name} names a step that does not exist"
                )
            transitions.append({"trigger": move_name, "source": list(move.source), "dest": move.to})
            for source in move.source:
                self._moves[source, move_name] = move
        self._machine = Machine(
            model=None, states=list(track.steps), initial=track.start, transitions=transitions,
            auto_transitions=False, queued=False, send_event=True, ignore_invalid_triggers=False,
        )  # fmt: skip

    def moves_from(self, step: str) -> dict[str, Move]:
        """The moves that leave this step, by name."""
        return {name: move for (source, name), move in self._moves.items() if source == step}

    def move(self, step: str, name: str) -> Move:
        """The move of that name from that step. Raises :class:`MoveImpossible` that lists what is possible."""
        move = self._moves.get((step, name))
        if move is not None:
            return move
        possible = sorted(self.moves_from(step))
        title = self.track.steps[step].title
        raise MoveImpossible(
            f"「{self.track.title.zh}」现处于「{title.zh}」，没有动作 {name}；可用：{'、'.join(possible) or '无'}",
            f"{self.track.title.en} stands at {title.en}: no move {name}; possible: {', '.join(possible) or 'none'}",
            track=self.name, step=step, move=name, possible=possible,
        )  # fmt: skip

    def advance(self, step: str, name: str) -> str:
        """The step that the move leads to, as the machine says."""
        self.move(step, name)
        position = _Position(step)
        try:
            self._machine.events[name].trigger(position)
        except MachineError as error:  # pragma: no cover - move() has refused it before
            raise MoveImpossible(f"动作 {name} 无法执行", f"move {name} is not possible") from error
        return position.state


@dataclass(frozen=True, slots=True)
class Rules:
    """A definition, its hash, its compiled machines, which tracks a change may open, and what guards a fact.

    ``guards`` are the requirements of a prohibition that compare a person with others (a carer with the buyer
    family), by the fact that names the person: they hold for that fact however it comes on record.
    """

    definition: Definition
    hash: str
    machines: Mapping[str, TrackMachine]
    opened_by: Mapping[Scope, Mapping[str, tuple[str, ...]]]
    guards: Mapping[str, Mapping[str, Requirement]]

    def may_open(self, scope: Scope, names: Iterable[str]) -> list[str]:
        """The tracks of that scope whose opening condition looks at one of these names, in their order."""
        index = self.opened_by[scope]
        wanted = {track for name in names for track in index.get(name, ())}
        return [track for track in self.definition.tracks if track in wanted]


def compile_rules(definition: Definition, digest: str | None = None) -> Rules:
    """Compile a definition. ``digest`` saves hashing it again."""
    machines = {name: TrackMachine(name, track) for name, track in definition.tracks.items()}
    index: dict[Scope, dict[str, tuple[str, ...]]] = {"victim": {}, "criminal_case": {}, "office": {}}
    for name, track in definition.tracks.items():
        if track.opens.when is not None:
            of_scope = index[track.scope]
            asked = [track.opens.when, *(requirement.when for requirement in track.opens.requires.values())]
            for seen in sorted({CASE_OPENED, *(name for one in asked for name in looked_at(one))}):
                of_scope[seen] = (*of_scope.get(seen, ()), name)
    return Rules(definition, digest or definition.digest(), machines, index, _guards(definition))


def _guards(definition: Definition) -> dict[str, dict[str, Requirement]]:
    guards: dict[str, dict[str, Requirement]] = {}
    moves = [move for track in definition.tracks.values() for move in track.moves.values()]
    for name, requirement in (item for move in moves for item in move.requires.items()):
        for fact in _compared_persons(requirement):
            guards.setdefault(fact, {}).setdefault(name, requirement)
    return guards


def _compared_persons(requirement: Requirement) -> set[str]:
    """The facts whose person a requirement of a prohibition compares; alternatives (``any``) are no guard."""
    if requirement.prohibition is None:
        return set()
    return {requirement.when.fact} if isinstance(requirement.when, FactNotAmong) else set()


def looked_at(condition: Condition) -> set[str]:
    """The names of what a condition looks at: ``fact:f``, ``track:t``, ``document:d``, ``consent:c``."""
    names: set[str] = set()
    for part in walk(condition):
        match part:
            case FactBefore():
                names |= {f"fact:{part.fact}", f"fact:{part.before}"}
            case FactNotAmong():
                names |= {f"fact:{part.fact}", f"fact:{part.not_among}"}
            case FactIs() | FactIn() | FactAtLeast() | FactKnown():
                names.add(f"fact:{part.fact}")
            case Elapsed():
                names.add(f"fact:{part.since}")
            case TrackAt() | TrackReached():
                names.add(f"track:{part.track}")
            case DocumentPresent():
                names.add(f"document:{part.document}")
            case ConsentGiven():
                names.add(f"consent:{part.consent}")
            case _:
                pass
    return names
