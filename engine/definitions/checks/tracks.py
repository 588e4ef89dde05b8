"""Each track as a graph: every step can be reached, and from every step a final one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from engine.core.definition import Move, Track
from engine.definitions.checks.context import Context
from engine.definitions.finding import Where


def check_tracks(context: Context) -> None:
    """Steps, moves and opening of every track."""
    for name, track in context.definition.tracks.items():
        here: Where = ("tracks", name)
        _check_opening(context, track, here)
        _check_holders(context, track, here)
        _check_ambiguous(context, track, here)
        if _all_steps_known(context, track, here):
            _check_reachable(context, track, here)
            _check_finals(context, track, here)


def _check_opening(context: Context, track: Track, here: Where) -> None:
    """Something must open a track."""
    if track.opens.when is None and not track.opens.on_request:
        wrong = ("此环节永远不会开启。", "This track can never open.")
        right = ("请在opens里写when或on_request。", "Write `when` or `on_request` under `opens`.")
        context.wrong((*here, "opens"), "never_opens", wrong, right)


def _check_holders(context: Context, track: Track, here: Where) -> None:
    """Every step that is not final has a responsible function, a final one has none."""
    for name, step in track.steps.items():
        path: Where = (*here, "steps", name)
        if step.final and step.responsible is not None:
            wrong = ("终点步骤不应有责任单位。", "A final step has no responsible unit.")
            right = ("请删去by，或删去final: true。", "Remove `by`, or remove `final: true`.")
            context.wrong((*path, "by"), "final_with_unit", wrong, right)
        if not step.final and step.responsible is None:
            wrong = ("步骤没有责任单位。", "The step has no responsible unit.")
            right = ("请写by: 职能，或final: true。", "Write `by: <function>`, or `final: true`.")
            context.wrong(path, "step_without_unit", wrong, right)


def _check_ambiguous(context: Context, track: Track, here: Where) -> None:
    """Two moves that differ in nothing but their name cannot be told apart."""
    for (first, one), (second, other) in combinations(track.moves.items(), 2):
        if _same(one, other):
            wrong = (f"动作“{second}”与“{first}”没有区别。", f"Move `{second}` differs in nothing from `{first}`.")
            right = (
                "请合并，或写出不同的form、sets、records或requires。",
                "Make them one, or let form, sets, records or requires differ.",
            )
            context.wrong((*here, "moves", second), "ambiguous_move", wrong, right)


def _same(one: Move, other: Move) -> bool:
    """Whether two moves leave a common step for the same one with the same words and the same effect."""

    def words(move: Move) -> tuple[object, ...]:
        judged = sorted((item.when.model_dump_json(), item.setting or "") for item in move.requires.values())
        return move.to, move.form, move.materials, judged, sorted(move.sets.items()), sorted(move.records)

    return not set(one.source).isdisjoint(other.source) and words(one) == words(other)


def _all_steps_known(context: Context, track: Track, here: Where) -> bool:
    """Whether ``start``, ``from`` and ``to`` name steps of this track."""
    what = ("步骤", "step")
    known = [context.known(track.start, track.steps, (*here, "start"), "unknown_step", what)]
    for name, move in track.moves.items():
        path: Where = (*here, "moves", name)
        known.append(context.known(move.to, track.steps, (*path, "to"), "unknown_step", what))
        for index, step in enumerate(move.source):
            known.append(context.known(step, track.steps, (*path, "from", index), "unknown_step", what))
    return all(known)


def _check_reachable(context: Context, track: Track, here: Where) -> None:
    """Every step can be reached from the start, and a final step from every step."""
    ways = _ways(track)
    reached = _closure([track.start], ways)
    backwards: dict[str, set[str]] = {name: set() for name in track.steps}
    for step, targets in ways.items():
        for target in targets:
            backwards[target].add(step)
    ending = _closure(track.finals, backwards)
    for name in track.steps:
        if name not in reached:
            wrong = (f"从起点“{track.start}”到不了此步骤。", f"This step cannot be reached from `{track.start}`.")
            right = (f"请加一个to: {name}的动作，或删去它。", f"Add a move with `to: {name}`, or remove the step.")
            context.wrong((*here, "steps", name), "unreachable_step", wrong, right)
        elif name not in ending:
            wrong = ("从此步骤走不到任何终点。", "From this step no final step can be reached.")
            right = _to_final(name, track.finals)
            context.wrong((*here, "steps", name), "dead_end", wrong, right)


def _to_final(step: str, finals: tuple[str, ...]) -> tuple[str, str]:
    """How to give a step a way to an end."""
    if not finals:
        return "请给一个步骤写final: true。", "Mark a step with `final: true`."
    listed = ", ".join(finals)
    return (
        f"请加从“{step}”通向终点（{listed}）的动作。",
        f"Add moves that lead from `{step}` to a final step ({listed}).",
    )


def _ways(track: Track) -> dict[str, set[str]]:
    """Where one move leads from each step."""
    ways: dict[str, set[str]] = {name: set() for name in track.steps}
    for move in track.moves.values():
        for step in move.source:
            ways[step].add(move.to)
    return ways


def _closure(begin: Iterable[str], ways: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything that can be reached."""
    found = set(begin)
    edge = list(found)
    while edge:
        fresh = set(ways[edge.pop()]) - found
        found |= fresh
        edge.extend(fresh)
    return found


def _check_finals(context: Context, track: Track, here: Where) -> None:
    """No move leaves a final step."""
    for name, move in track.moves.items():
        for index, step in enumerate(move.source):
            if track.steps[step].final:
                wrong = (f"“{step}”是终点，动作不能从它出发。", f"`{step}` is final; no move may leave it.")
                right = ("请从from里删去它，或删去final: true。", "Take it out of `from`, or remove `final: true`.")
                context.wrong((*here, "moves", name, "from", index), "final_with_moves", wrong, right)
