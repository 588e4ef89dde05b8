"""A case walking through any definition, and what must hold after every step of the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import msgspec

from engine.access.gate import Gate
from engine.access.judging import at_her_word, judge, on_paper
from engine.core import commands as cmd
from engine.core import events as ev
from engine.core.case import Case, evolve
from engine.core.commands import Actor, Command
from engine.core.decide import Decision, decide
from engine.core.decide.draft import Context, Draft
from engine.core.definition import Track
from engine.core.directory import Directory
from engine.core.events import Recorded
from engine.core.machine import Rules, compile_rules
from engine.core.view import default_parameters
from engine.definitions.directory_file import demo_directory, read_directory
from engine.definitions.loader import load_all
from engine.errors import GuituError
from tests.core import play


@cache
def _gate() -> Gate:
    return Gate.opened()


@dataclass(frozen=True, eq=False)
class World:
    """A definition, the units that work by it, where a case begins, and the definition of a neighbour."""

    name: str
    rules: Rules
    units: Directory
    area: str
    other: Rules
    other_area: str
    wishes: dict[str, object] = field(default_factory=dict)


@cache
def worlds() -> dict[str, World]:
    """The procedure to play with, and every definition that ships."""
    shipped = {one.definition.id: compile_rules(one.definition, one.hash) for one in load_all().definitions}
    demo = read_directory(demo_directory())
    wishes: dict[str, object] = {"victim.suspected_trafficked": True, "victim.rescued": True, "lead.disproved": False}
    fujian, anshan = shipped["fujian"], shipped["anshan"]
    return {
        "play": World("play", play.RULES, play.directory(), "900101", play.OTHER, "800000"),
        "fujian": World("fujian", fujian, demo, "350102", anshan, "210302", wishes),
        "anshan": World("anshan", anshan, demo, "210302", fujian, "350102", wishes),
    }


@dataclass
class Walk:
    """A case on its way. Every act is decided as at the desk, and everything that must hold is checked after it."""

    world: World
    case: Case | None = None
    at: datetime = play.START
    history: list[Recorded] = field(default_factory=list)
    people: int = 0
    last: Decision | None = None

    @property
    def now(self) -> Case:
        """The case as it stands."""
        assert self.case is not None, "open it first"
        return self.case

    def context(self, unit: str) -> Context:
        """What a decision rests on; somebody else acts every time."""
        self.people += 1
        world = self.world
        return Context(
            Actor(f"person-{self.people}", unit), self.at, world.rules, world.units,
            default_parameters(world.rules.definition), world.other, default_parameters(world.other.definition),
            "GT-NEXT",
        )  # fmt: skip

    def draft(self) -> Draft:
        """A sheet to look at the case with, as somebody of a unit that took part."""
        return Draft(self.context(self.now.units[0]), self.now.id, self.now)

    def _authorise(self, command: Command, actor: Actor) -> None:
        book, units = self.world.rules.definition, self.world.units
        file = None if self.case is None else on_paper(self.case, book, units)
        refusal = judge(_gate(), command, at_her_word(actor, units), self.case, file, book, units).refusal
        if refusal is not None:
            raise refusal

    def act(self, command: Command, unit: str) -> Decision:
        """Authorise and decide; raises what the desk would raise, with the case exactly as it was."""
        context = self.context(unit)
        before = msgspec.json.encode(self.case)
        try:
            self._authorise(command, context.actor)
            decision = decide(command, self.case, context)
        except GuituError:
            assert msgspec.json.encode(self.case) == before, "a refusal changes nothing"
            raise
        assert msgspec.json.encode(self.case) == before, "a decision is no change yet"
        self._follow(decision)
        self.at += timedelta(hours=7)
        return decision

    def try_(self, command: Command, unit: str) -> GuituError | None:
        """Act; the refusal, if it was one."""
        try:
            self.act(command, unit)
        except GuituError as refusal:
            return refusal
        return None

    def open(self, unit: str, facts: dict[str, cmd.RawValue]) -> Walk:
        """Begin the record."""
        self.act(cmd.OpenCase(case="GT-1", area=self.world.area, facts=facts), unit)
        return self

    def _follow(self, decision: Decision) -> None:
        start = 0 if self.case is None else self.case.events
        assert [item.number for item in decision.events] == list(range(start + 1, start + 1 + len(decision.events)))
        assert decision.events, "a command that is not refused says what happened"
        self.case, self.last = decision.case, decision
        self.history += decision.events
        check_case(self.world, self.case)
        assert evolve(None, self.history, case_id=self.case.id) == self.case, "the history makes the case"
        for item in decision.events:
            _check_clauses(self.world.rules.definition.tracks, item)
        if decision.spawned is not None:
            assert evolve(None, decision.spawned.events, case_id="GT-NEXT") == decision.spawned.case


def check_case(world: World, case: Case) -> None:
    """What holds of every case at any time."""
    for name, state in case.tracks.items():
        step = world.rules.definition.tracks[name].steps[state.step]
        assert state.is_held == (state.holder is not None), f"{name}: exactly one unit is responsible while it is held"
        assert (state.status == "done") == step.final or state.status in ("declined", "ended"), name
        if state.status == "open":
            assert state.holder is not None
            assert step.responsible in world.units.current(state.holder).functions, f"{name} is held by its function"
        if state.holder is not None:
            assert state.holder in case.units
        assert (state.hand_off is None) or case.hand_offs[state.hand_off].track == name
    _check_hand_offs(case)
    if case.status == "closed":
        assert not case.hand_offs, "nothing waits for an answer in a closed case"
        assert not case.held(), "nobody is responsible for anything in a closed case"
    assert (case.status == "closed") == (case.outcome is not None)


def _check_hand_offs(case: Case) -> None:
    tracks = [one.track for one in case.hand_offs.values()]
    assert len(tracks) == len(set(tracks)), "one open hand-off per track, one open transfer"
    for hand_off in case.hand_offs.values():
        assert hand_off.from_unit != hand_off.to_unit
        if hand_off.track is not None:
            state = case.tracks[hand_off.track]
            assert (state.hand_off, state.holder) == (hand_off.id, hand_off.from_unit), "the giver holds on"


def _check_clauses(tracks: dict[str, Track], item: Recorded) -> None:
    """A step of the way says by which clause it was taken, or that the deployer added it."""
    event = item.event
    if isinstance(event, ev.Moved) or (isinstance(event, ev.HandOffOffered) and event.kind == "move"):
        assert event.track is not None
        assert event.move is not None
        rule = tracks[event.track].moves[event.move]
        assert set(item.clauses) >= set(rule.clauses), f"{event.track}.{event.move}"
        assert item.clauses or rule.provenance == "deployer", f"{event.track}.{event.move} has no clause"
    elif isinstance(event, ev.TrackOpened):
        track = tracks[event.track]
        assert item.clauses or track.provenance == "deployer", f"{event.track} has no clause"
