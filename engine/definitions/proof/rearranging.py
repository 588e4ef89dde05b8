"""Operators on tracks: their steps, their moves, what opens them, and what a move asks for and leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.definition import Definition, Label, Move
from engine.definitions.finding import Where
from engine.definitions.proof.edits import DROPPED, Mutation, another, changed, mutation

Mutations = Iterator[Mutation]
SHORT_CUT = "short_cut"


def _moves(definition: Definition) -> Iterator[tuple[Where, str, Move]]:
    for name, track in definition.tracks.items():
        for key, move in track.moves.items():
            yield ("tracks", name, "moves", key), name, move


def unit_swapped(definition: Definition) -> Mutations:
    """Each step given to the next function of the definition."""
    for name, track in definition.tracks.items():
        for key, step in track.steps.items():
            other = another(definition.units, step.responsible) if step.responsible else None
            if other is not None:
                path = ("tracks", name, "steps", key, "responsible")
                yield mutation("unit_swapped", definition, path, other, f"to {other}")


def partners_dropped(definition: Definition) -> Mutations:
    """Each step without its joint leads, and without its cooperating units."""
    for name, track in definition.tracks.items():
        pairs = ((key, step, side) for key, step in track.steps.items() for side in ("joint_leads", "cooperating"))
        for key, step, side in pairs:
            if getattr(step, side):
                yield mutation("partners_dropped", definition, ("tracks", name, "steps", key, side), DROPPED)


def final_moved(definition: Definition) -> Mutations:
    """Each final step no longer one, the step before it final in its place."""
    for name, track in definition.tracks.items():
        for final in track.finals:
            before = next((move.source[0] for move in track.moves.values() if move.to == final), track.start)
            holder = track.steps[before].responsible
            steps = dict(track.steps)
            steps[final] = steps[final].model_copy(update={"final": False, "responsible": holder})
            steps[before] = steps[before].model_copy(update={"final": True, "responsible": None})
            path: Where = ("tracks", name, "steps")
            yield Mutation("final_moved", (*path, final, "final"), changed(definition, path, steps), f"to {before}")


def target_redirected(definition: Definition) -> Mutations:
    """Each move led to the next step instead, and to each end it does not lead to."""
    for path, name, move in _moves(definition):
        track = definition.tracks[name]
        targets = [another(track.steps, move.to, *move.source), *track.finals]
        for target in dict.fromkeys(one for one in targets if one not in (None, move.to)):
            yield mutation("target_redirected", definition, (*path, "to"), target, f"to {target}")


def short_cut_added(definition: Definition) -> Mutations:
    """A move without conditions added from the start of each track to each of its ends."""
    title = Label(zh="捷径", en="Short cut")
    for name, track in definition.tracks.items():
        for final in track.finals:
            move = Move(title=title, source=(track.start,), to=final, provenance="deployer")
            path = ("tracks", name, "moves", SHORT_CUT)
            yield mutation("short_cut_added", definition, path, move, f"to {final}")


def source_added(definition: Definition) -> Mutations:
    """Each move made possible from one step more."""
    for path, name, move in _moves(definition):
        steps = definition.tracks[name].steps
        other = another((key for key, step in steps.items() if not step.final), *move.source)
        if other is not None:
            yield mutation("source_added", definition, (*path, "source"), (*move.source, other), f"from {other}")


def source_dropped(definition: Definition) -> Mutations:
    """Each move no longer possible from one of its steps."""
    for path, _, move in _moves(definition):
        for index, step in enumerate(move.source if len(move.source) > 1 else ()):
            yield mutation("source_dropped", definition, (*path, "source", index), DROPPED, f"not from {step}")


def move_dropped(definition: Definition) -> Mutations:
    """Each move taken out."""
    for path, _, _ in _moves(definition):
        yield mutation("move_dropped", definition, path, DROPPED)


def form_field_dropped(definition: Definition) -> Mutations:
    """Each field of a form taken out."""
    for path, _, move in _moves(definition):
        for index, field in enumerate(move.form):
            yield mutation("form_field_dropped", definition, (*path, "form", index), DROPPED, field.fact)


def form_field_loosened(definition: Definition) -> Mutations:
    """Each required field made optional; each that must come with the move filled by what was said before."""
    for path, _, move in _moves(definition):
        for index, field in enumerate(move.form):
            here: Where = (*path, "form", index)
            if field.required:
                yield mutation("form_field_loosened", definition, (*here, "required"), False, field.fact)
            if field.fresh:
                yield mutation("form_field_loosened", definition, (*here, "fresh"), False, field.fact)


def effect_dropped(definition: Definition) -> Mutations:
    """Each fact a move writes, each paper it records and each it lists taken out."""
    for path, _, move in _moves(definition):
        for fact in move.sets:
            yield mutation("effect_dropped", definition, (*path, "sets", fact), DROPPED)
        for key in ("records", "materials"):
            for index, paper in enumerate(getattr(move, key)):
                yield mutation("effect_dropped", definition, (*path, key, index), DROPPED, paper)


def track_dropped(definition: Definition) -> Mutations:
    """Each track taken out whole."""
    for name in definition.tracks:
        yield mutation("track_dropped", definition, ("tracks", name), DROPPED)


def opening_changed(definition: Definition) -> Mutations:
    """Each opening without its condition, without or with anybody's request, and again or not again."""
    for name, track in definition.tracks.items():
        path: Where = ("tracks", name, "opens")
        if track.opens.when is not None:
            yield mutation("opening_changed", definition, (*path, "when"), DROPPED, "no condition")
        if track.opens.on_request:
            yield mutation("opening_changed", definition, (*path, "on_request"), DROPPED, "not on request")
        if track.opens.on_request != "any":
            yield mutation("opening_changed", definition, (*path, "on_request"), "any", "on any request")
        yield mutation("opening_changed", definition, (*path, "again"), not track.opens.again)


def start_moved(definition: Definition) -> Mutations:
    """Each track begun at the next step that has a unit."""
    for name, track in definition.tracks.items():
        held = [key for key, step in track.steps.items() if not step.final]
        other = another(held, track.start)
        if other is not None:
            yield mutation("start_moved", definition, ("tracks", name, "start"), other, f"to {other}")


def track_declinable(definition: Definition) -> Mutations:
    """Each track made declinable, or no longer so."""
    for name, track in definition.tracks.items():
        yield mutation("track_declinable", definition, ("tracks", name, "declinable"), not track.declinable)
