"""The one access rule of this release: whoever acts on a step belongs to the unit that holds it.

Joint leads, cooperating units and units that were referred to may contribute to a step, never complete it.
A merged unit is its successor. Fails closed: a command this page does not know is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.definition import Definition
from engine.core.directory import Directory, Unit
from engine.errors import NotHolder

Reading = Literal["whole", "preview"]
POLICY = "unit-holds-the-step"
"""Name of the rule, as a refusal cites it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command to be judged, and all it is judged by."""

    command: Any
    unit: Unit
    case: Case
    book: Definition
    units: Directory

    @property
    def holds(self) -> bool:
        """Whether the unit holds the track of the command; a track nobody holds is for the decision to explain."""
        state = self.case.tracks.get(self.command.track)
        return state is None or not state.is_held or self.holds_track(self.command.track)

    def holds_track(self, track: str) -> bool:
        """Whether the unit holds this track now."""
        holder = self.case.tracks[track].holder
        return holder is not None and self.units.same(holder, self.unit.id)

    @property
    def holds_any(self) -> bool:
        """Whether the unit holds any track now."""
        return any(self.holds_track(track) for track in self.case.held())

    @property
    def tends(self) -> bool:
        """Whether the unit may tend the record as a whole: it holds a track, or did when nobody holds any more."""
        return self.holds_any if self.case.held() else _has_held(self.case, self.unit, self.units)

    def is_side(self, side: str) -> bool:
        """Whether the unit is this side of the hand-off; one that is not open is for the decision to explain."""
        hand_off = self.case.hand_offs.get(self.command.hand_off)
        return hand_off is None or self.units.same(getattr(hand_off, side), self.unit.id)


def authorise(command: cmd.Command, actor: cmd.Actor, case: Case | None, book: Definition, units: Directory) -> None:
    """Return if the actor may ask for this; raise :class:`NotHolder` (or :class:`UnitUnknown`) if not."""
    unit = units.current(actor.unit)
    if case is None:
        return  # who may open a record is printed in the definition, and judged with it
    judge = _RULES.get(type(command))
    allowed = judge is not None and judge(_Asked(command, unit, case, book, units))
    _require(allowed, unit, case, cmd.snake(type(command)))


def reading_of(actor: cmd.Actor, case: Case, book: Definition, units: Directory) -> Reading:
    """How much of the case the actor's unit may see.

    The whole of it while (or after) it takes part; a preview while it is only asked to: what is offered, not
    about whom. Raises :class:`NotHolder` for everybody else.
    """
    unit = units.current(actor.unit)
    if _takes_part(case, unit, book, units):
        return "whole"
    _require(any(units.same(one.to_unit, unit.id) for one in case.hand_offs.values()), unit, case, "read")
    return "preview"


def _require(allowed: bool, unit: Unit, case: Case | None, act: str) -> None:
    if allowed:
        return
    holders = sorted({track.holder for track in case.held().values() if track.holder}) if case else []
    raise NotHolder(
        f"{unit.name().zh}不是该环节的负责单位，不能办理（规则 {POLICY}）",
        f"{unit.name().en} does not hold this step (rule {POLICY})",
        unit=unit.id, act=act, policy=POLICY, holders=holders,
    )  # fmt: skip


def _contributes(case: Case, track: str, unit: Unit, book: Definition, units: Directory) -> bool:
    if any(units.same(one.to_unit, unit.id) and one.track == track for one in case.referrals.values()):
        return True
    state, rule = case.tracks.get(track), book.tracks.get(track)
    if state is None or rule is None or not state.is_held:
        return False
    step = rule.steps[state.step]
    return _serves(case.area, (*step.joint_leads, *step.cooperating), unit, units)


def _serves(area: str, functions: Iterable[str], unit: Unit, units: Directory) -> bool:
    """Whether this is the unit that the directory finds for one of these functions from this area."""
    for function in functions:
        found = units.resolve(function, area) if function in unit.functions else None
        if found is not None and found.id == unit.id:
            return True
    return False


def _owes(asked: _Asked) -> bool:
    duty = asked.book.duties.get(asked.command.duty)
    if duty is None:
        return True  # unknown: the decision names those that exist
    if duty.responsible not in asked.unit.functions:
        return False
    if _has_held(asked.case, asked.unit, asked.units):
        return True
    return _serves(asked.case.area, (duty.responsible,), asked.unit, asked.units)


def _has_held(case: Case, unit: Unit, units: Directory) -> bool:
    return any(units.same(one, unit.id) for one in case.units)


def _made_the_last_act(asked: _Asked) -> bool:
    state = asked.case.tracks.get(asked.command.track)
    if state is None or state.last is None:
        return True
    made_by = state.visits[state.step].unit if state.step in state.visits else state.last.holder
    return any(asked.units.same(one, asked.unit.id) for one in (state.holder or made_by, made_by))


def _may_close(asked: _Asked) -> bool:
    way = asked.book.closings.get(asked.command.outcome)
    if way is None:
        return True
    return _has_held(asked.case, asked.unit, asked.units) and not asked.unit.functions.isdisjoint(way.by)


def _may_contribute(asked: _Asked) -> bool:
    return asked.holds or _contributes(asked.case, asked.command.track, asked.unit, asked.book, asked.units)


def _takes_part(case: Case, unit: Unit, book: Definition, units: Directory) -> bool:
    if _has_held(case, unit, units):
        return True
    return any(_contributes(case, track, unit, book, units) for track in case.held())


_RULES: Mapping[type[cmd.Command], Callable[[_Asked], bool]] = {
    cmd.OpenTrack: lambda asked: _takes_part(asked.case, asked.unit, asked.book, asked.units),
    cmd.Move: lambda asked: asked.holds,
    cmd.Offer: lambda asked: asked.holds,
    cmd.Assign: lambda asked: asked.holds,
    cmd.Refer: lambda asked: asked.holds,
    cmd.DeclineTrack: lambda asked: asked.holds,
    cmd.Contribute: _may_contribute,
    cmd.Accept: lambda asked: asked.is_side("to_unit"),
    cmd.Decline: lambda asked: asked.is_side("to_unit"),
    cmd.Withdraw: lambda asked: asked.is_side("from_unit"),
    cmd.Reverse: _made_the_last_act,
    cmd.SettleDuty: _owes,
    cmd.Close: _may_close,
    cmd.Reopen: lambda asked: _has_held(asked.case, asked.unit, asked.units),
    cmd.AttachFile: lambda asked: _takes_part(asked.case, asked.unit, asked.book, asked.units),
    cmd.RecordIdentity: lambda asked: _takes_part(asked.case, asked.unit, asked.book, asked.units),
    cmd.RecordConsent: lambda asked: asked.tends,
    cmd.Correct: lambda asked: asked.tends,
    cmd.ReviewFlag: lambda asked: asked.tends,
    cmd.LinkCriminalCase: lambda asked: asked.tends,
    cmd.OfferTransfer: lambda asked: asked.tends,
    cmd.Relocate: lambda asked: asked.tends,
}
"""Who may ask for what, on a record that exists. A command that stands not here is refused."""
