"""A guide who leads a case to its archive through any definition, by looking at the definition alone.

It accepts what is offered, takes every track the shortest way to an end, lets units that may state a fact be referred
and state it, does duties, waits where days must pass, and closes. It never marks anything not applicable.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from engine.core import commands as cmd
from engine.core import duties
from engine.core.commands import RawValue
from engine.core.definition import Move, Track
from tests.core.play import START
from tests.core.supplying import NOTHING, Needs, merged, needs_of, wanted
from tests.core.walk import Walk, World

MOST_ROUNDS = 60


@dataclass
class Guide:
    """Leads one walk."""

    walk: Walk
    used: Counter[tuple[str, str]] = field(default_factory=Counter)
    stuck: dict[str, str] = field(default_factory=dict)

    def lead(self, outcome: str = "archive") -> bool:
        """Go on until the case is closed that way; ``False`` when nothing can be done any more."""
        for _ in range(MOST_ROUNDS):
            if self._close(outcome):
                return True
            before = self.walk.now.events
            self.round()
            if self.walk.now.events == before:
                return False
        return False

    def where(self) -> str:
        """Where the walk came to a stand, and what was said there."""
        held = {name: (state.step, state.status) for name, state in self.walk.now.held().items()}
        return f"{held} {self.stuck}"

    def round(self) -> None:
        """Let everybody do once what they can do now."""
        for hand_off in list(self.walk.now.hand_offs.values()):
            refusal = self.walk.try_(cmd.Accept(case="GT-1", hand_off=hand_off.id), hand_off.to_unit)
            if refusal is not None:
                self.stuck[hand_off.id] = str(refusal)
        for name, state in list(self.walk.now.held().items()):
            if state.status == "open" and state.hand_off is None:
                self._advance(name)
        self._do_duties()

    def _advance(self, name: str) -> None:
        """Make the first move that is possible, those that lead to an end soonest before the others."""
        track, step = self.walk.world.rules.definition.tracks[name], self.walk.now.tracks[name].step
        moves = self.walk.world.rules.machines[name].moves_from(step)
        distance = distances(track)
        ranked = sorted(moves, key=lambda move: (self.used[name, move], distance[moves[move].to], move))
        for move in ranked:
            if not self._is_against_wishes(moves[move]) and self._make(name, move, moves[move]):
                self.used[name, move] += 1
                return

    def _is_against_wishes(self, move: Move) -> bool:
        wishes = self.walk.world.wishes
        return any(name in wishes and wishes[name] != value for name, value in move.sets.items())

    def _make(self, track: str, name: str, move: Move) -> bool:
        world, case = self.walk.world, self.walk.now
        needs = needs_of(world.rules.definition, move, self.walk.at, world.wishes)
        holder = case.tracks[track].holder
        assert holder is not None
        needs = merged(needs, Needs(self._settled(needs.facts), set(), {}))
        if not self._can_supply(needs):
            return False
        facts = self._leave_to_others(track, holder, needs.facts)
        self._consents(holder, needs)
        self.walk.at += timedelta(days=needs.days)
        command = cmd.Move(
            case="GT-1",
            track=track,
            move=name,
            facts=facts,
            documents=tuple(sorted({*needs.documents, *move.materials})),
        )
        refusal = self.walk.try_(command, holder)
        if refusal is not None:
            self.stuck[f"{track}.{name}"] = str(refusal)
        return refusal is None

    def _settled(self, facts: dict[str, RawValue]) -> dict[str, RawValue]:
        """What is on record and may not be stated anew stays as it is."""
        book, stated = self.walk.world.rules.definition, self.walk.now.facts
        return {
            name: stated[name].value
            for name in facts
            if name in stated and not book.facts[name].changes
        }  # fmt: skip

    def _can_supply(self, needs: Needs) -> bool:
        return all(value != "" for value in needs.facts.values())

    def _leave_to_others(self, track: str, holder: str, facts: dict[str, RawValue]) -> dict[str, RawValue]:
        """Let the units that alone may state a fact state it; what the holder may state is left."""
        world = self.walk.world
        functions = world.units.current(holder).functions
        own = {}
        for name, value in facts.items():
            stated_by = world.rules.definition.facts[name].stated_by
            stated = self.walk.now.facts.get(name)
            if not stated_by or not functions.isdisjoint(stated_by):
                own[name] = value
            elif stated is None or stated.value != value:
                self._let_state(track, holder, name, value)
        return own

    def _let_state(self, track: str, holder: str, name: str, value: RawValue) -> None:
        world = self.walk.world
        for function in world.rules.definition.facts[name].stated_by:
            unit = world.units.resolve(function, self.walk.now.area)
            if unit is not None:
                self.walk.try_(cmd.Refer(case="GT-1", track=track, to_unit=unit.id), holder)
                self.walk.try_(cmd.Contribute(case="GT-1", track=track, facts={name: value}), unit.id)
                return

    def _consents(self, holder: str, needs: Needs) -> None:
        for consent, given in needs.consents.items():
            self.walk.try_(cmd.RecordConsent(case="GT-1", consent=consent, given=given), holder)

    def _do_duties(self) -> None:
        book, case = self.walk.world.rules.definition, self.walk.now
        for name, duty in book.duties_of(case.scope).items():
            unit = self.walk.world.units.resolve(duty.responsible, case.area)
            if unit is None or duties.standing(name, duty, self.walk.draft().view()) != "open":
                continue
            if not duties.is_arisen(duty, self.walk.draft().view()):
                continue
            if duty.settled_by is not None and case.held():
                continue  # it may yet settle itself
            refusal = self.walk.try_(cmd.SettleDuty(case="GT-1", duty=name, outcome="done"), unit.id)
            if refusal is not None:
                self.stuck[name] = str(refusal)

    def _close(self, outcome: str) -> bool:
        way = self.walk.world.rules.definition.closings[outcome]
        if self.walk.now.held():
            return False
        units = self.walk.world.units
        for unit in self.walk.now.units:
            if units.current(unit).functions.isdisjoint(way.by):
                continue
            refusal = self.walk.try_(cmd.Close(case="GT-1", outcome=outcome), unit)
            if refusal is None:
                return True
            self.stuck[f"close.{unit}"] = str(refusal)
        return False


def distances(track: Track) -> dict[str, int]:
    """How many moves each step is from an end; a hundred where there is no way."""
    found = {name: 0 if step.final else 100 for name, step in track.steps.items()}
    for _ in track.steps:
        for move in track.moves.values():
            for source in move.source:
                found[source] = min(found[source], found[move.to] + 1)
    return found


def started_at(world: World, door: str) -> Walk:
    """A walk that begins with what opens one of the tracks, and goes on wishing for it."""
    book = world.rules.definition
    when = book.tracks[door].opens.when
    needs = NOTHING if when is None else wanted(book, when, START, world.wishes, is_so=True)
    walk = Walk(replace(world, wishes={**world.wishes, **needs.facts}))
    facts: dict[str, RawValue] = {"victim.is_child": True, **needs.facts}
    facts.pop("victim.rescued", None)  # that is for the rescue to find
    if "victim.suspected_trafficked" in book.facts:
        facts["victim.suspected_trafficked"] = True
    opener = world.units.resolve("police", world.area)
    assert opener is not None
    walk.open(opener.id, facts)
    for consent, given in needs.consents.items():
        walk.act(cmd.RecordConsent(case="GT-1", consent=consent, given=given), opener.id)
    return walk


def doors(world: World) -> list[str]:
    """The tracks that a victim's case may begin with."""
    tracks = world.rules.definition.tracks_of("victim")
    return [name for name, track in tracks.items() if track.opens.when is not None]
