"""Proving invariants, one by one, jurisdiction by jurisdiction; a failure comes with a path in plain words."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from engine.core.conditions import Condition, Judged
from engine.core.definition import Definition, Label
from engine.core.machine import compile_rules
from engine.definitions.proof.invariants import (
    Binding,
    Entering,
    Guarded,
    Invariant,
    NotSilently,
    Opening,
    StatedBy,
    Statement,
    UnitsAreLocal,
)
from engine.definitions.proof.mutation import MutantImpossible, apply
from engine.definitions.proof.slices import Act, Slice, TooLarge, tracks_seen
from engine.definitions.proof.worlds import Positions, WorldView

Status = Literal[
    "proved", "failed", "held_elsewhere", "held_by_engine", "open", "not_a_rule_here", "text_lost", "too_large",
    "no_path", "mutant_survived", "statement_impossible",
]  # fmt: skip
GREEN: frozenset[Status] = frozenset(
    {"proved", "held_elsewhere", "held_by_engine", "open", "not_a_rule_here", "text_lost"}
)


@dataclass(frozen=True, slots=True)
class Result:
    """How one invariant stands in one definition. ``path`` is the counterexample, step by step, in words."""

    invariant: str
    title: Label
    definition: str
    status: Status
    clauses: tuple[str, ...] = ()
    said: Label = field(default_factory=lambda: Label(zh="—", en="-"))
    path: tuple[Label, ...] = ()
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

    def __init__(self, path: tuple[Label, ...]) -> None:
        super().__init__("; ".join(line.en for line in path))
        self.path = path


@dataclass(slots=True)
class Tally:
    """What was looked at."""

    positions: int = 0
    worlds: int = 0
    ways: int = 0


def prove_all(invariants: dict[str, Invariant], definition: Definition) -> Iterator[Result]:
    """Prove every invariant of one definition, in the order of the file."""
    for name, invariant in invariants.items():
        yield prove(name, invariant, definition)


def prove(name: str, invariant: Invariant, definition: Definition) -> Result:
    """Prove one invariant: it must hold on every way, some way must exist, and each named mutant must break it."""
    begun = time.perf_counter()
    binding = invariant.binds.get(definition.id)
    status, said = _without_proof(invariant, binding, definition)
    clauses = binding.clauses if binding else ()
    if status is not None or binding is None:
        return Result(name, invariant.title, definition.id, status or "not_a_rule_here", clauses, said)
    statements = invariant.statement if binding.statement is None else binding.statement
    mutants = invariant.mutants if binding.mutants is None else binding.mutants
    tally = Tally()
    try:
        hold(statements, definition, tally)
        status, path = ("proved" if tally.ways else "no_path"), ()
        survived = [] if status == "no_path" else [one for one in mutants if _survives(one, statements, definition)]
        if status == "proved" and (survived or not mutants):
            status, said = "mutant_survived", _survivors(survived)
    except Broken as broken:
        status, path = "failed", broken.path
    except TooLarge as large:
        status, path, said = "too_large", (), Label(zh=f"切片过大：{large}", en=f"slice too large: {large}")
    except (KeyError, MutantImpossible) as error:
        status, path = "statement_impossible", ()
        said = Label(zh=f"陈述所指不存在：{error}", en=f"the statement names what does not exist: {error}")
    return Result(
        name, invariant.title, definition.id, status, clauses, said, path, tally.positions, tally.worlds, len(mutants),
        time.perf_counter() - begun,
    )  # fmt: skip


def _without_proof(
    invariant: Invariant, binding: Binding | None, definition: Definition
) -> tuple[Status | None, Label]:
    """Where nothing is to be proved: held elsewhere, not a rule of this document, or the text is lost."""
    if binding is None or binding.silent:
        setting = binding.local if binding else None
        if setting is None:
            return "not_a_rule_here", Label(zh="不是本文件的规则", en="not a rule of this document")
        is_on = definition.parameters[setting].default is True
        return "not_a_rule_here", Label(
            zh=f"不是本文件的规则（本地设置：{'开' if is_on else '关'}，{setting}）",
            en=f"not a rule of this document (local setting: {'on' if is_on else 'off'}, {setting})",
        )
    if binding.lost:
        return "text_lost", Label(zh="原文缺失，不等于没有该项职责", en="text lost; that is not 'no duty'")
    if invariant.held is not None:
        status: Status = {"elsewhere": "held_elsewhere", "engine": "held_by_engine", "open": "open"}[invariant.held.how]  # type: ignore[assignment]
        return status, invariant.held.by
    return None, binding.reading or invariant.reading or invariant.printed


def hold(statements: Iterable[Statement], definition: Definition, tally: Tally) -> None:
    """Raise :class:`Broken` with the first counterexample, if there is one."""
    for statement in statements:
        _HOLD[type(statement)](statement, definition, tally)  # type: ignore[operator]


def _entering(statement: Entering, definition: Definition, tally: Tally) -> None:
    names = _cone(definition, statement.entering, statement.only_if)
    part = Slice(definition, names, watched=(statement.only_if,))
    for act in _counted(part, tally):
        is_move = act.move is not None and act.move not in statement.unless
        if act.track == statement.entering and is_move and act.after.at[act.track] in statement.steps:
            _judge_way(part, act, statement.only_if, tally)


def _opening(statement: Opening, definition: Definition, tally: Tally) -> None:
    names = _cone(definition, statement.opening, statement.only_if)
    part = Slice(definition, names, watched=(statement.only_if,))
    for act in _counted(part, tally):
        if act.track == statement.opening and act.move is None:
            _judge_way(part, act, statement.only_if, tally)


def _cone(definition: Definition, track: str, condition: Condition) -> tuple[str, ...]:
    """The track, what the condition looks at, and what their own opening conditions look at."""
    names = {track, *tracks_seen([condition])}
    for name in sorted(names):
        opens = definition.tracks[name].opens
        names |= tracks_seen([opens.when] if opens.when else [])
    return tuple(name for name in definition.tracks if name in names)


def _counted(part: Slice, tally: Tally) -> Iterator[Act]:
    seen: set[object] = set()
    for act in part.explore():
        seen.add((tuple(act.after.at.items()), act.after.reached))
        yield act
    tally.positions += len(seen)


def _judge_way(part: Slice, act: Act, only_if: Condition, tally: Tally) -> None:
    """Every world that allows this act must meet the condition, judged where the act begins."""
    track = part.definition.tracks[act.track]
    if act.move is None:
        when = track.opens.when
        conditions, requires = [when] if when else [], track.opens.requires
        functions: frozenset[str] = frozenset()
    else:
        move = track.moves[act.move]
        conditions, requires = [requirement.when for requirement in move.requires.values()], move.requires
        functions = frozenset({track.steps[act.before.at[act.track] or track.start].responsible or ""})
    tally.ways += 1
    for view in part.allowing(conditions, requires, act.before, functions, also=(only_if,)):
        tally.worlds += 1
        if only_if.judge(view, Judged()) is not True:
            raise Broken(_told(part, act, view))


def _told(part: Slice, act: Act, view: WorldView) -> tuple[Label, ...]:
    """The shortest way to this act, and the world in which it goes wrong."""
    way = _way_to(part, act.before)
    lines = [_line(part.definition, one) for one in (*way, act)]
    values = {name: value for name, value in view.world.items() if value is not None}
    shown = ", ".join(f"{name}={value}" for name, value in values.items()) or "-"
    lines.append(Label(zh=f"此时：{shown}；其余未登记", en=f"with: {shown}; nothing else on record"))
    return tuple(lines)


def _way_to(part: Slice, there: Positions) -> list[Act]:
    came: dict[object, Act] = {}
    for act in part.explore():
        came.setdefault((tuple(act.after.at.items()), act.after.reached), act)
    way: list[Act] = []
    first = part.start()
    while there != first and len(way) < len(came) + 1:
        act = came[tuple(there.at.items()), there.reached]
        way.append(act)
        there = act.before
    return way[::-1]


def _line(definition: Definition, act: Act) -> Label:
    track = definition.tracks[act.track]
    step = track.steps[act.after.at[act.track] or track.start].title
    if act.move is None:
        return Label(zh=f"开启「{track.title.zh}」→ {step.zh}", en=f"{track.title.en} opens -> {step.en}")
    move = track.moves[act.move].title
    return Label(zh=f"「{track.title.zh}」{move.zh} → {step.zh}", en=f"{track.title.en}: {move.en} -> {step.en}")


def _guarded(statement: Guarded, definition: Definition, tally: Tally) -> None:
    guards = compile_rules(definition).guards.get(statement.guarded, {})
    tally.ways += 1
    if not any(one.prohibition == statement.by for one in guards.values()):
        fact = definition.facts[statement.guarded].title
        raise Broken((Label(zh=f"「{fact.zh}」可以不经禁令登记", en=f"{fact.en} can be stated past the ban"),))


def _stated_by(statement: StatedBy, definition: Definition, tally: Tally) -> None:
    fact = definition.facts[statement.stated]
    tally.ways += 1
    if not fact.stated_by or not set(fact.stated_by) <= set(statement.by):
        who = ", ".join(fact.stated_by) or "*"
        raise Broken((Label(zh=f"「{fact.title.zh}」可由 {who} 登记", en=f"{fact.title.en} can be stated by {who}"),))


def _units_local(statement: UnitsAreLocal, definition: Definition, tally: Tally) -> None:
    for track in definition.tracks.values():
        for step in track.steps.values():
            tally.ways += 1
            if not step.final and step.provenance != "deployer":
                raise Broken(
                    (
                        Label(
                            zh=f"「{step.title.zh}」的负责单位未标为本地设置",
                            en=f"{step.title.en}: unit not labelled local",
                        ),
                    )
                )


def _not_silently(statement: NotSilently, definition: Definition, tally: Tally) -> None:
    for name in statement.lost:
        element = definition.tracks.get(name) or definition.duties[name]
        tally.ways += 1
        if element.provenance != "lost":
            raise Broken(
                (Label(zh=f"「{element.title.zh}」未标明原文缺失", en=f"{element.title.en} is not labelled lost"),)
            )


def _survives(mutant: object, statements: Iterable[Statement], definition: Definition) -> bool:
    changed = apply(definition, mutant)  # type: ignore[arg-type]
    try:
        hold(statements, changed, Tally())
    except Broken:
        return False
    return True


def _survivors(survived: list[object]) -> Label:
    named = "; ".join(str(one) for one in survived) or "-"
    if not survived:
        return Label(zh="没有指明会破坏它的变体", en="no mutant is named that breaks it")
    return Label(zh=f"变体未被发现：{named}", en=f"a mutant is not noticed: {named}")


_HOLD = {
    Entering: _entering, Opening: _opening, Guarded: _guarded, StatedBy: _stated_by, UnitsAreLocal: _units_local,
    NotSilently: _not_silently,
}  # fmt: skip
