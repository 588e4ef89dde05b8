"""The sheet a decision is written on: the case, who acts, when, and the events decided so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.case import Case, HandOff, TrackState, evolve
from engine.core.commands import Actor
from engine.core.conditions import Judged
from engine.core.definition import Definition, Requirement, Track
from engine.core.directory import Directory, Unit
from engine.core.events import Event, Recorded
from engine.core.machine import Rules, TrackMachine
from engine.core.view import CaseView, Identities, judge_all
from engine.errors import CaseClosed, HandOffImpossible, NothingToChange, Reason, Refused, UnitUnknown


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may rest on besides the case. ``now`` was read once, at the desk.

    ``identities`` is what the vault answers (``None``: persons are compared by reference).
    ``other`` and ``successor`` belong to the second record that a transfer begins: the rules of the jurisdiction
    it goes to, and the pseudonym chosen for it.
    """

    actor: Actor
    now: datetime
    rules: Rules
    directory: Directory
    parameters: Mapping[str, object]
    other: Rules | None = None
    other_parameters: Mapping[str, object] = field(default_factory=dict)
    successor: str | None = None
    identities: Identities | None = None


@dataclass(frozen=True, slots=True)
class Spawned:
    """A second record that the same command began."""

    case: Case
    events: tuple[Recorded, ...]


@dataclass(slots=True)
class Draft:
    """A decision in the making. Nothing outside sees it before it is whole; a refusal throws it away."""

    context: Context
    case_id: str
    before: Case | None
    after: Case | None = None
    events: list[Recorded] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    spawned: Spawned | None = None

    def __post_init__(self) -> None:
        """Begin where the case stands."""
        self.after = self.before

    @property
    def case(self) -> Case:
        """The case as it would stand after the events decided so far."""
        assert self.after is not None, "the case is opened by the first event"
        return self.after

    @property
    def definition(self) -> Definition:
        """The definition the case is pinned to."""
        return self.context.rules.definition

    @property
    def unit(self) -> Unit:
        """The acting unit as it exists today."""
        return self.context.directory.current(self.context.actor.unit)

    def emit(
        self, event: Event, *, clauses: tuple[str, ...] = (), judged: Mapping[str, object] | None = None
    ) -> Recorded:
        """Add an event, stamped with who and when, and let the case follow it."""
        recorded = Recorded(
            number=1 if self.after is None else self.after.events + 1,
            at=self.context.now,
            unit=self.context.actor.unit,
            person=self.context.actor.person,
            event=event,
            clauses=clauses or self._standing_on(event),
            judged=dict(judged or {}),
        )
        self.after = evolve(self.after, (recorded,), case_id=self.case_id)
        self.events.append(recorded)
        return recorded

    def _standing_on(self, event: Event) -> tuple[str, ...]:
        """The clauses of the step an event belongs to, for events that no clause of their own asks for."""
        if self.after is None:
            return ()
        hand_off = self.after.hand_offs.get(getattr(event, "hand_off", None) or "")
        name = getattr(event, "track", None) or (hand_off.track if hand_off else None)
        state = self.after.tracks.get(name) if name else None
        return self.definition.tracks[name].steps[state.step].clauses if name and state else ()

    def touch(self, *names: str) -> None:
        """Note what changed (``fact:f``, ``track:t`` …), so that tracks waiting for it can open."""
        self.changed.update(names)

    def view(self, *, unit: str | None = None, person: str | None = None) -> CaseView:
        """The case as conditions see it; by default with the acting unit and person."""
        actor_unit = self.context.directory.current(unit) if unit else self.unit
        return CaseView(
            self.case, self.context.now, self.context.parameters, actor_unit.functions,
            person or self.context.actor.person, self.context.identities,
        )  # fmt: skip

    def track(self, name: str) -> Track:
        """The definition of a track of this record. Raises :class:`NothingToChange` for a name it has not."""
        track = self.definition.tracks.get(name)
        if track is None or track.scope != self.case.scope:
            known = ", ".join(self.definition.tracks_of(self.case.scope))
            raise NothingToChange(
                f"流程中没有办理线 {name}；有：{known}", f"no track {name}; there are: {known}", track=name
            )
        return track

    def machine(self, name: str) -> TrackMachine:
        """The compiled track."""
        return self.context.rules.machines[name]

    def state(self, name: str) -> TrackState:
        """Where an open track stands. Raises :class:`NothingToChange` when it is not open."""
        track = self.track(name)
        state = self.case.tracks.get(name)
        if state is None or not state.is_held:
            raise NothingToChange(f"「{track.title.zh}」未在办理中", f"{track.title.en} is not open", track=name)
        return state

    def hand_off(self, hand_off_id: str) -> HandOff:
        """An open hand-off. Raises :class:`HandOffImpossible` when it is not open (any more)."""
        hand_off = self.case.hand_offs.get(hand_off_id)
        if hand_off is None:
            raise HandOffImpossible(
                f"移交 {hand_off_id} 不在待接收状态：可能已接收、退回、撤回，或从未提出",
                f"hand-off {hand_off_id} is not open: accepted, declined or withdrawn already, or never made",
                hand_off=hand_off_id,
            )
        return hand_off

    def judge(
        self, requirements: Mapping[str, Requirement], *, also: Sequence[Reason] = (), sender: HandOff | None = None
    ) -> dict[str, object]:
        """The guard values of these requirements. Raises :class:`Refused` with *all* that are unmet.

        ``also`` adds reasons found elsewhere; ``sender`` judges as the one who made the offer, not who accepts it.
        """
        judged = Judged()
        view = self.view(unit=sender.from_unit, person=sender.offered_by) if sender else self.view()
        unmet = [*also, *judge_all(requirements, view, judged)]
        if unmet:
            raise refused(*unmet)
        return judged.values

    def resolve(self, function: str, to_unit: str | None = None) -> Unit | None:
        """The unit to ask: the named one, if it has the function, else the nearest going up from the case's area."""
        if to_unit is None:
            return self.context.directory.resolve(function, self.case.area)
        unit = self.context.directory.current(to_unit)
        if function not in unit.functions:
            raise UnitUnknown(
                f"{unit.name().zh}没有该职能（{function}）",
                f"{unit.name().en} has no function {function}",
                unit=unit.id,
            )
        return unit

    def require_open(self) -> None:
        """Raise :class:`CaseClosed` unless the case is open."""
        if self.case.status == "closed":
            raise CaseClosed("个案已结案；如需继续，请先重新办理", "the case is closed; reopen it first")


def refused(*reasons: Reason) -> Refused:
    """The refusal that carries these reasons."""
    listed_zh = "；".join(reason.zh for reason in reasons)
    listed_en = "; ".join(reason.en for reason in reasons)
    return Refused(f"前置条件未满足：{listed_zh}", f"conditions not met: {listed_en}", reasons=reasons)
