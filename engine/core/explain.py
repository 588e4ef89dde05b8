"""What could be done now, and what stands in the way: every move of every open track, judged but not made."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.case import TrackState
from engine.core.conditions import Judged
from engine.core.decide.closing import holding_reasons
from engine.core.decide.draft import Draft
from engine.core.decide.moving import unfilled
from engine.core.definition import Label, Move, Track
from engine.core.view import judge_all
from engine.errors import Reason


@dataclass(frozen=True, slots=True)
class Option:
    """One move from where a track stands. ``to_unit`` is who would be asked to accept it, if anybody."""

    track: str
    move: str
    title: Label
    to_step: str
    to_title: Label
    clauses: tuple[str, ...]
    provenance: str
    to_unit: str | None
    unit_missing: bool
    reasons: tuple[Reason, ...]

    @property
    def is_open(self) -> bool:
        """Whether nothing stands in its way."""
        return not self.reasons and not self.unit_missing


def options(draft: Draft) -> list[Option]:
    """Every move that leaves a step some unit holds, open or blocked, with *all* reasons."""
    found = []
    for name, state in draft.case.held().items():
        if state.status != "open":
            continue
        for move_name, move in draft.machine(name).moves_from(state.step).items():
            found.append(_option(draft, name, state, move_name, move))
    return found


def _option(draft: Draft, name: str, state: TrackState, move_name: str, move: Move) -> Option:
    track = draft.track(name)
    reasons = [*unfilled(draft.definition, draft.case.facts, move), *judge_all(move.requires, draft.view(), Judged())]
    to_unit, unit_missing = _asked(draft, track, move, state)
    return Option(
        track=name, move=move_name, title=move.title, to_step=move.to, to_title=track.steps[move.to].title,
        clauses=move.clauses, provenance=move.provenance, to_unit=to_unit, unit_missing=unit_missing,
        reasons=tuple(reasons),
    )  # fmt: skip


def _asked(draft: Draft, track: Track, move: Move, state: TrackState) -> tuple[str | None, bool]:
    function = track.steps[move.to].responsible
    if function is None or state.holder is None:
        return None, False
    if function in draft.context.directory.current(state.holder).functions:
        return None, False
    unit = draft.context.directory.resolve(function, draft.case.area)
    return (None, True) if unit is None else (unit.id, False)


def requestable(draft: Draft) -> list[str]:
    """The tracks that could be opened on request now."""
    return [
        name
        for name, track in draft.definition.tracks_of(draft.case.scope).items()
        if track.opens.on_request and (name not in draft.case.tracks or _may_again(draft, name, track))
    ]


def _may_again(draft: Draft, name: str, track: Track) -> bool:
    return track.opens.again and not draft.case.tracks[name].is_held


def holding(draft: Draft) -> list[Reason]:
    """Everything that keeps the record from closing in good order."""
    return list(holding_reasons(draft))
