"""Proving invariants, one by one, jurisdiction by jurisdiction; a failure comes with a path in plain words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.conditions import Condition, Judged
from engine.core.definition import Definition, Duty, Label, Step
from engine.core.machine import compile_rules
from engine.definitions.proof.invariants import (
    Binding,
    Entering,
    Guarded,
    Invariant,
    Mutant,
    NotSilently,
    Opening,
    StatedBy,
    Statement,
    UnitsAreLocal,
)
from engine.definitions.proof.mutation import MutantImpossible, apply
from engine.definitions.proof.slices import Act, Slice, cone, tracks_seen
from engine.definitions.proof.telling import told_act, told_world
from engine.definitions.proof.worlds import TooLarge, WorldView
from engine.errors import DefinitionBroken

Status = Literal[
    "proved", "failed", "held_elsewhere", "held_by_engine", "open", "not_a_rule_here", "text_lost", "too_large",
    "no_path", "mutant_survived", "statement_impossible",
]  # fmt: skip
GREEN: frozenset[Status] = frozenset(
    {"proved", "held_elsewhere", "held_by_engine", "open", "not_a_rule_here", "text_lost"}
)
_HELD: dict[str, Status] = {"elsewhere": "held_elsewhere", "engine": "held_by_engine", "open": "open"}


@dataclass(frozen=True, slots=True)
class Result:
    """How one invariant stands in one definition. ``path`` is the counterexample, step by step, in words.

    ``positions`` and ``worlds`` were looked at, in slices of these ``tracks``; ``mutants`` were tried and noticed.
    """

    invariant: str
    title: Label
    definition: str
    status: Status
    clauses: tuple[str, ...] = ()
    said: Label = field(default_factory=lambda: Label(zh="—", en="-"))
    path: tuple[Label, ...] = ()
    tracks: tuple[str, ...] = ()
    positions: int = 0
    worlds: int = 0
    mutants: int = 0
    seconds: float = 0.0

    @property
    def is_green(self) -> bool:
        """Whether it keeps no definition from being released."""
        return self.status in GREEN


class Broken(Exception):
    """A counterexample."""

    def __init__(self, *path: Label) -> None:
        super().__init__("; ".join(line.en for line in path))
        self.path = path


class NoPath(Exception):
    """A statement about something that never happens: it would hold for the wrong reason."""


@dataclass(slots=True)
class Tally:
    """What was looked at, in one definition."""

    positions: int = 0
    worlds: int = 0
    tracks: dict[str, None] = field(default_factory=dict)
    explored: dict[object, tuple[Slice, list[Act]]] = field(default_factory=dict)

    def slice_of(self, definition: Definition, track: str, only_if: Condition) -> tuple[Slice, Iterable[Act]]:
        """The slice of a statement and all its acts; statements that need the same one share it."""
        part = Slice(definition, cone(definition, {track, *tracks_seen([only_if])}), watched=(only_if,))
        key = (definition.id, part.names, part.remembered)
        return self.explored[key] if key in self.explored else (part, self._explore(key, part))

    def _explore(self, key: object, part: Slice) -> Iterator[Act]:
        acts: list[Act] = []
        for act in part.explore():
            acts.append(act)
            yield act
        self.explored[key] = (part, acts)
        self.positions += len(part.came)
        self.tracks.update(dict.fromkeys(part.names))


def prove_all(invariants: dict[str, Invariant], definition: Definition) -> Iterator[Result]:
    """Prove every invariant of one definition, in the order of the file."""
    for name, invariant in invariants.items():
        yield prove(name, invariant, definition)


def prove(name: str, invariant: Invariant, definition: Definition) -> Result:
    """Prove one invariant: it must hold on every way, some way must exist, and each named mutant must break it."""
    begun = time.perf_counter()
    binding = invariant.binds.get(definition.id)
    clauses = binding.clauses if binding else ()
    tally = Tally()
    path: tuple[Label, ...] = ()
    tried = 0
    try:
        status, said = _without_proof(invariant, binding, definition)
        if status is None and binding is not None:
            statements = invariant.statement if binding.statement is None else binding.statement
            mutants = invariant.mutants if binding.mutants is None else binding.mutants
            hold(statements, definition, tally)
            survivor = next((one for one in mutants if survives(one, statements, definition)), None)
            tried = len(mutants)
            if not statements or not mutants or survivor is not None:
                status, said = "mutant_survived", _unbroken(survivor)
    except Broken as broken:
        status, path = "failed", broken.path
    except (TooLarge, NoPath, KeyError, MutantImpossible, DefinitionBroken) as error:
        status, said = _impossible(error)
    return Result(
        name, invariant.title, definition.id, status or "proved", clauses, said, path, tuple(tally.tracks),
        tally.positions, tally.worlds, tried, round(time.perf_counter() - begun, 4),
    )  # fmt: skip


def _impossible(error: Exception) -> tuple[Status, Label]:
    """Why nothing was proved."""
    if isinstance(error, TooLarge):
        return "too_large", Label(
            zh=f"切片过大，未证明：{error}", en=f"slice too large to explore, nothing is proved: {error}"
        )
    if isinstance(error, NoPath):
        return "no_path", Label(zh=f"所述情形从不发生：{error}", en=f"what is stated never happens: {error}")
    return "statement_impossible", Label(zh=f"陈述所指不存在：{error}", en=f"names what does not exist: {error}")


def _without_proof(
    invariant: Invariant, binding: Binding | None, definition: Definition
) -> tuple[Status | None, Label]:
    """Where nothing is to be proved: held elsewhere, not a rule of this document, or the text is lost."""
    if binding is None or binding.silent:
        return "not_a_rule_here", _silent(binding.local if binding else None, definition)
    if binding.lost:
        return "text_lost", Label(zh="原文缺失，不等于没有该项职责", en="text lost; that is not 'no duty'")
    if invariant.held is not None:
        return _HELD[invariant.held.how], invariant.held.by
    return None, binding.reading or invariant.reading or invariant.printed


def _silent(setting: str | None, definition: Definition) -> Label:
    if setting is None:
        return Label(zh="不是本文件的规则", en="not a rule of this document")
    is_on = definition.parameters[setting].default is True
    return Label(
        zh=f"不是本文件的规则（本地设置：{'开' if is_on else '关'}，{setting}）",
        en=f"not a rule of this document (local setting: {'on' if is_on else 'off'}, {setting})",
    )


def hold(statements: Iterable[Statement], definition: Definition, tally: Tally) -> None:
    """Raise :class:`Broken` with the first counterexample, if there is one; :class:`NoPath`, :class:`TooLarge`."""
    for statement in statements:
        _HOLD[type(statement)](statement, definition, tally)


def survives(mutant: Mutant, statements: Iterable[Statement], definition: Definition) -> bool:
    """Whether a changed definition still keeps every statement, so that the proof does not notice the change."""
    changed = apply(definition, mutant)
    touched = [one for one in statements if not _is_untouched(one, definition, changed)]
    try:
        hold(sorted(touched, key=lambda one: isinstance(one, Guarded)), changed, Tally())
    except (Broken, NoPath):
        return False
    return True


def _is_untouched(statement: Statement, before: Definition, after: Definition) -> bool:
    """Whether nothing that a statement about ways rests on was changed: it holds as it held before."""
    same_words = (before.facts, before.parameters) == (after.facts, after.parameters)
    if not isinstance(statement, Entering | Opening) or not same_words:
        return False
    track = statement.entering if isinstance(statement, Entering) else statement.opening
    names = {track, *tracks_seen([statement.only_if])}
    return all(before.tracks[name] == after.tracks.get(name) for name in cone(before, names))


def _unbroken(survivor: Mutant | None) -> Label:
    if survivor is None:
        return Label(zh="没有指明会破坏它的变体", en="no mutant is named that breaks it")
    named = survivor.remove or survivor.replace
    return Label(zh=f"变体未被发现：{named}", en=f"a mutant is not noticed: {named}")


# ── statements about ways ──


def _entering(statement: Entering, definition: Definition, tally: Tally) -> None:
    track = definition.tracks[statement.entering]
    missing = [step for step in statement.steps if step not in track.steps]
    missing += [move for move in statement.unless if move not in track.moves]
    if missing:
        raise KeyError(f"{statement.entering}.{missing[0]}")

    def is_meant(act: Act) -> bool:
        if act.track != statement.entering or act.after.place(act.track) not in statement.steps:
            return False
        return act.kind in ("opened", "asked") or (act.kind == "moved" and act.move not in statement.unless)

    ways = _judge_ways(definition, statement.entering, statement.only_if, is_meant, tally)
    for step in statement.steps:
        if step not in ways:
            raise NoPath(f"{statement.entering} → {step}")


def _opening(statement: Opening, definition: Definition, tally: Tally) -> None:
    def is_meant(act: Act) -> bool:
        return act.track == statement.opening and act.kind in ("opened", "asked")

    if not _judge_ways(definition, statement.opening, statement.only_if, is_meant, tally):
        raise NoPath(statement.opening)


def _judge_ways(
    definition: Definition, track: str, only_if: Condition, is_meant: Callable[[Act], bool], tally: Tally
) -> set[str]:
    """Judge every act that is meant, in every world that allows it. Where acts are judged alike, one is judged."""
    part, acts = tally.slice_of(definition, track, only_if)
    ways: set[str] = set()
    judged: set[object] = set()
    for act in acts:
        if not is_meant(act):
            continue
        ways.add(act.after.place(track))
        alike = (act.what, part.signature(act, (only_if,)))
        if alike not in judged:
            judged.add(alike)
            _judge_way(part, act, only_if, tally)
    return ways


def _judge_way(part: Slice, act: Act, only_if: Condition, tally: Tally) -> None:
    """Every world that allows this act must meet the condition, judged where the act is judged."""
    for world in part.allowing(act, (only_if,)):
        tally.worlds += 1
        if only_if.judge(WorldView(world, act.before), Judged()) is not True:
            raise Broken(*told_act(part, act), told_world(part.definition, world))


# ── statements about facts, units and lost pages ──


def _guarded(statement: Guarded, definition: Definition, tally: Tally) -> None:
    fact = definition.facts[statement.guarded].title
    guards = compile_rules(definition, "-").guards.get(statement.guarded, {})
    if not any(_is_guard(one.when, statement) for one in guards.values() if _binds(one, statement)):
        raise Broken(Label(zh=f"「{fact.zh}」可以不经禁令登记", en=f"{fact.en} can be stated past the ban"))


def _binds(requirement: Any, statement: Guarded) -> bool:
    """A guard behind a local setting holds only while that is on: it is not relied on."""
    return requirement.prohibition == statement.by and requirement.setting is None


def _is_guard(when: Condition, statement: Guarded) -> bool:
    return statement.among is None or getattr(when, "not_among", None) == statement.among


def _stated_by(statement: StatedBy, definition: Definition, tally: Tally) -> None:
    fact = definition.facts[statement.stated]
    if not fact.stated_by or not set(fact.stated_by) <= set(statement.by):
        who = ", ".join(fact.stated_by) or "*"
        raise Broken(Label(zh=f"「{fact.title.zh}」可由 {who} 登记", en=f"{fact.title.en} can be stated by {who}"))
    for track in definition.tracks.values():
        for move in track.moves.values():
            setters = {track.steps[source].responsible for source in move.source}
            if statement.stated in move.sets and not setters <= set(statement.by):
                raise Broken(
                    Label(
                        zh=f"「{track.title.zh}」{move.title.zh}会登记「{fact.title.zh}」",
                        en=f"{track.title.en}: {move.title.en} sets {fact.title.en}",
                    )
                )


def _units_local(statement: UnitsAreLocal, definition: Definition, tally: Tally) -> None:
    steps = (step for track in definition.tracks.values() for step in track.steps.values() if not step.final)
    held: list[Step | Duty] = [*steps, *definition.duties.values()]
    if not held:
        raise NoPath("units")
    for one in held:
        if one.provenance != "deployer" or one.printed_responsible:
            raise Broken(
                Label(zh=f"「{one.title.zh}」的负责单位未标为本地设置", en=f"{one.title.en}: unit not labelled local")
            )


def _not_silently(statement: NotSilently, definition: Definition, tally: Tally) -> None:
    for name in statement.lost:
        element = definition.tracks.get(name) or definition.duties[name]
        if element.provenance != "lost":
            raise Broken(
                Label(zh=f"「{element.title.zh}」未标明原文缺失", en=f"{element.title.en} is not labelled lost")
            )


_HOLD: dict[type, Callable[[Any, Definition, Tally], None]] = {
    Entering: _entering, Opening: _opening, Guarded: _guarded, StatedBy: _stated_by, UnitsAreLocal: _units_local,
    NotSilently: _not_silently,
}  # fmt: skip
