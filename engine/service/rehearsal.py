"""Scenarios played in memory: the same words, commands, door-keeper and decisions, without a database.

For asking hundreds of times whether a story still goes as told, under rules that were changed on purpose. What a
database adds (transactions, idempotency keys, the record of refusals) is not here; ``tests/journeys`` play every story
through the one door.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from engine.access.gate import Gate
from engine.access.judging import at_her_word, judge, on_paper, unknown
from engine.access.participation import PartRow, parts_of
from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.commands import Accept, Actor, Command, LinkCriminalCase, OpenCase
from engine.core.decide import Decision, decide
from engine.core.decide.draft import Context
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.core.events import Event, Recorded
from engine.core.machine import Rules, compile_rules
from engine.core.view import CHINA, default_parameters
from engine.definitions.scenario import StoryStep, Told
from engine.errors import CaseUnknown, CommandMalformed, DefinitionUnknown, GuituError, Reason, StoryBroken
from engine.service.desk import shipped_gate
from engine.service.ending import Record
from engine.service.handle import Answer
from engine.service.story import TICK, Player, clock_of

Heard = tuple[object, ...]
"""What can be noticed of one step: its events and their clauses, or its refusal."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The rules by definition, and the unit directory, that stories are rehearsed with."""

    rules: Mapping[str, Rules]
    directory: Directory
    gate: Gate = field(default_factory=shipped_gate)

    @staticmethod
    def of(definitions: Iterable[Definition], directory: Directory) -> Stage:
        """Compile what is needed; a definition's name stands for its hash."""
        return Stage({one.id: compile_rules(one, one.id) for one in definitions}, directory)

    def with_changed(self, definition: Definition) -> Stage:
        """The same with one definition changed."""
        return replace(self, rules={**self.rules, definition.id: compile_rules(definition, definition.id)})


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a story went: what was noticed, what it touched (``tracks.x``, ``close`` …), and where it broke."""

    heard: tuple[Heard, ...]
    touched: frozenset[str]
    broken: str | None = None


@dataclass(slots=True)
class Notes:
    """What is noted while a story is played."""

    heard: list[Heard] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


class Rehearsal(Player):
    """Plays one scenario on a stage; no desk is needed."""

    def __init__(self, stage: Stage, told: Told) -> None:
        """Begin with no case at all."""
        self.told = told
        self.clock = clock_of(told)
        self.cases = {}
        self.stage = stage
        self.records: dict[str, Case] = {}
        self.histories: dict[str, list[Recorded]] = {}
        self.parts: dict[str, frozenset[PartRow]] = {}
        self.notes = Notes()
        self._numbers = count(1)

    def rehearse(self) -> Rehearsed:
        """Play it all. A story that breaks says where; so does one that the rules cannot be carried out in."""
        broken = None
        try:
            for number, step in enumerate(self.told.scenario.steps, start=1):
                self._rehearse_step(number, step)
            self._hold_to_leaves()
        except (StoryBroken, AssertionError, KeyError) as error:
            broken = f"{type(error).__name__}: {error}" if not isinstance(error, StoryBroken) else error.en
        for case in self.records.values():
            self.notes.touched |= {f"tracks.{name}" for name in case.tracks} | {f"facts.{name}" for name in case.facts}
            if self.told.scenario.leaves:  # how a record ends speaks of every duty, also of those that never arose
                duties = self.stage.rules[case.pin.hash].definition.duties_of(case.scope)
                self.notes.touched |= {f"duties.{name}" for name in duties}
        return Rehearsed(tuple(self.notes.heard), frozenset(self.notes.touched), broken)

    def _rehearse_step(self, number: int, step: StoryStep) -> None:
        if step.clock is not None:
            self.clock.advance(step.clock)
            self._hold_to_stands(number, step)
            return
        self.clock.now += TICK
        assert step.as_ is not None, "the model asks for it"
        member = self.told.scenario.cast[step.as_]
        outcome, _, refusal = self._try(number, step, Actor(member.person, member.unit))
        self.notes.touched |= _touched(step)
        if refusal is not None:
            reasons = tuple(_heard_reason(reason) for reason in refusal.reasons)
            self.notes.heard.append((number, refusal.code, refusal.en, *reasons))
        self._hold_to_it(number, step, outcome, refusal)
        self._hold_to_stands(number, step)

    # ── in place of the desk ──

    def _act(self, number: int, step: StoryStep, actor: Actor) -> list[Answer]:
        if step.act != "open" and step.case not in self.cases:
            raise self._broken(number, f"故事中还没有个案“{step.case}”", f"the story has no case '{step.case}' yet")
        if step.review is not None:
            case = self._read(self.cases[step.case], actor)
            return [
                self._carry_out(cmd.ReviewFlag(case=case.id, event=one, reason=step.reason), actor)
                for one in case.flags
            ]
        answer = self._carry_out(self._command(number, step), actor)
        if step.act == "open":
            self.cases[step.case] = answer.case
        if answer.successor is not None:
            self.cases[step.successor or f"{step.case}_successor"] = answer.successor
        return [answer]

    def hand_off(self, number: int, step: StoryStep, track: str) -> str:
        """The open hand-off of a track, or of the whole case (``transfer``)."""
        assert step.as_ is not None, "the model asks for it"
        member = self.told.scenario.cast[step.as_]
        case = self._read(self.cases[step.case], Actor(member.person, member.unit))
        for one in case.hand_offs.values():
            if one.track == track or (one.track is None and track == "transfer"):
                return one.id
        raise self._broken(number, f"“{track}”没有待接收的移交", f"'{track}' has no open hand-off")

    def record(self, case: str) -> Record:
        """The record of a name as it stands now, with all that its ending is judged by."""
        found = self.records[case]
        rules = self.stage.rules[found.pin.hash]
        return Record(found, self.histories[case], rules.definition, self._parameters(rules), self.clock.now)

    def _read(self, name: str, actor: Actor) -> Case:
        case = self.records[name]
        book, units = self.stage.rules[case.pin.hash].definition, self.stage.directory
        file = on_paper(case, book, units, self.parts[name])
        if not self.stage.gate.decide(at_her_word(actor, self.stage.directory), "see_case", file).allowed:
            raise unknown(case.id)
        return case

    def _carry_out(self, command: Command, actor: Actor) -> Answer:
        case, rules = None, None
        if isinstance(command, OpenCase):
            command = replace(command, case=f"C{next(self._numbers)}")
            rules = self._rules_for(command.area, command.definition)
        else:
            case = self.records.get(command.case)
            if case is None:
                raise CaseUnknown(f"没有个案 {command.case}", f"no case {command.case}", case=command.case)
            rules = self.stage.rules[case.pin.hash]
        if isinstance(command, LinkCriminalCase) and self.records[command.criminal_case].scope != "criminal_case":
            raise CommandMalformed("不是刑事案件记录", "not a criminal case", case=command.criminal_case)
        context = self._context(command, case, rules, actor)
        self._authorise(command, actor, case, rules.definition)
        return self._saved(decide(command, case, context))

    def _authorise(self, command: Command, actor: Actor, case: Case | None, book: Definition) -> None:
        units, gate = self.stage.directory, self.stage.gate
        file = None if case is None else on_paper(case, book, units, self.parts[case.id])
        refusal = judge(gate, command, at_her_word(actor, units), case, file, book, units).refusal
        if refusal is not None:
            raise refusal

    def _context(self, command: Command, case: Case | None, rules: Rules, actor: Actor) -> Context:
        hand_off = case.hand_offs.get(command.hand_off) if isinstance(command, Accept) and case else None
        other = None
        if hand_off is not None and hand_off.kind == "transfer" and hand_off.area is not None:
            other = self._rules_for(hand_off.area, None)
        return Context(
            actor=actor, now=self.clock.now, rules=rules, directory=self.stage.directory,
            parameters=self._parameters(rules), other=other, other_parameters=self._parameters(other) if other else {},
            successor=f"C{next(self._numbers)}" if other else None,
        )  # fmt: skip

    def _rules_for(self, area: str, definition: str | None) -> Rules:
        name = definition or self.stage.directory.definition_for(area) or ""
        rules = self.stage.rules.get(name)
        until = rules.definition.effective.until if rules else None
        if rules is None or (until is not None and self.clock.now.astimezone(CHINA).date() > until):
            raise DefinitionUnknown(f"没有现行的流程定义 {name}", f"no definition {name} is in force", definition=name)
        return rules

    def _parameters(self, rules: Rules) -> dict[str, object]:
        scenario = self.told.scenario
        own = scenario.settings if rules.definition.id == scenario.definition else {}
        return {**default_parameters(rules.definition), **own}

    def _saved(self, decision: Decision) -> Answer:
        spawned = decision.spawned.case if decision.spawned else None
        self._keep(decision.case, decision.events)
        if decision.spawned is not None:
            self._keep(decision.spawned.case, decision.spawned.events)
        self.notes.heard.append(tuple((_heard_event(one.event), one.clauses) for one in decision.events))
        kinds = tuple(recorded.kind for recorded in decision.events)
        return Answer(decision.case.id, 0, kinds, successor=spawned.id if spawned else None)

    def _keep(self, case: Case, events: Iterable[Recorded]) -> None:
        self.records[case.id] = replace(case, revision=case.revision + 1)
        book = self.stage.rules[case.pin.hash].definition
        self.parts[case.id] = self.parts.get(case.id, frozenset()) | parts_of(case, book, self.stage.directory)
        self.histories.setdefault(case.id, []).extend(events)


def _heard_event(event: Event) -> str:
    return repr(event)


def _heard_reason(reason: Reason) -> Heard:
    return reason.code, reason.en, reason.clauses, reason.provenance


def _touched(step: StoryStep) -> set[str]:
    """What a step asks for, by the path of what it asks of a definition."""
    named = {f"facts.{name}" for name in step.facts}
    match step.act:
        case "move":
            track, _, move = (step.move or "").partition(".")
            named.add(f"tracks.{track}.moves.{move}")
        case "duty":
            named.add(f"duties.{step.duty.name if step.duty else ''}")
        case "correct":
            named.add(f"facts.{step.correct.fact if step.correct else ''}")
        case "close" | "decline_track":
            named.add("close")
        case "accept" if step.accept == "transfer":
            named.add("close")
        case _:
            pass
    return named


def rehearse(stage: Stage, told: Told) -> Rehearsed:
    """Play one story in memory, whatever comes of it."""
    try:
        return Rehearsal(stage, told).rehearse()
    except GuituError as error:
        return Rehearsed((), frozenset(), f"{error.code}: {error.en}")
