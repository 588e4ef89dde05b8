"""What a command asks of the policies: which action, about what, and who stands where in it. Pure.

The rule is in the policies; here only the relations are looked up: who holds the track, the two sides of the hand-off,
who owes the duty. Fails closed: a command this page does not know is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.access.gate import NOTHING_ELSE, Gate
from engine.access.model import CaseFile, Circumstances, Verdict, Who
from engine.access.subjects import Closing, Duty, HandOff, Opening, Record, Subject, Track
from engine.core import commands as cmd
from engine.core.case import Case, TrackState
from engine.core.definition import Definition
from engine.core.directory import Directory


def authorise(  # noqa: PLR0917 - a command, and all that it is judged by
    gate: Gate, command: cmd.Command, who: Who, case: Case | None, file: CaseFile | None, book: Definition,
    units: Directory, given: Circumstances = NOTHING_ELSE,
) -> Verdict:  # fmt: skip
    """What the policies say to a command. ``case`` and ``file`` are ``None`` for a case that is to be opened."""
    found = asked(command, who, case, file, book, units)
    if found is None:
        return Verdict(False, fault=f"nobody may {cmd.snake(type(command))}: it is not known here")
    action, subject = found
    return gate.decide(who, action, subject, given)


def asked(  # noqa: PLR0917 - a command, and all that its relations are looked up in
    command: cmd.Command, who: Who, case: Case | None, file: CaseFile | None, book: Definition, units: Directory
) -> tuple[str, Subject] | None:
    """Which action about what a command is; ``None`` for one that is not known, or of a case that is not at hand.

    Raises :class:`UnitUnknown` when the case names a unit that the directory does not have.
    """
    action = cmd.snake(type(command))
    if isinstance(command, cmd.OpenCase):
        return None if case else (action, Opening(command.area, command.scope))
    look = _SUBJECTS.get(type(command))
    if look is None or case is None or file is None:
        return None
    return action, look(_Asked(command, case, file, book, units))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command, and all that its relations are looked up in."""

    command: Any
    case: Case
    file: CaseFile
    book: Definition
    units: Directory

    @property
    def state(self) -> TrackState | None:
        """Where the track of the command stands."""
        return self.case.tracks.get(self.command.track)

    def today(self, units: Iterable[str | None]) -> frozenset[str]:
        """These units as they exist today."""
        return frozenset(self.units.current(one).id for one in units if one is not None)

    def serving(self, functions: Iterable[str]) -> frozenset[str]:
        """The units that the directory finds for these functions from the area of the case."""
        found = (self.units.resolve(function, self.case.area) for function in functions)
        return frozenset(one.id for one in found if one is not None)

    def contributors(self, track: str) -> frozenset[str]:
        """The units that lead jointly, cooperate, or were referred to, where a track stands."""
        found = self.today(one.to_unit for one in self.case.referrals.values() if one.track == track)
        state, rule = self.case.tracks.get(track), self.book.tracks.get(track)
        if state is None or rule is None or not state.is_held:
            return found
        step = rule.steps[state.step]
        return found | self.serving((*step.joint_leads, *step.cooperating))

    def at_work(self) -> frozenset[str]:
        """The units that were ever responsible, and those that contribute to an open step as it stands."""
        return self.file.ever.union(*(self.contributors(track) for track in self.case.held()))


def _new_track(asked: _Asked) -> Track:
    there = asked.state is not None
    return Track(asked.file, asked.command.track, is_there=there, at_work=asked.at_work())


def _held_track(asked: _Asked) -> Track:
    state = asked.state
    if state is None or not state.is_held:
        return Track(asked.file, asked.command.track, is_there=False)
    return Track(asked.file, asked.command.track, is_there=True, holder=asked.today((state.holder,)))


def _track_contributed_to(asked: _Asked) -> Track:
    return replace(_held_track(asked), contributors=asked.contributors(asked.command.track))


def _track_reversed(asked: _Asked) -> Track:
    state, name = asked.state, asked.command.track
    if state is None or state.last is None:
        return Track(asked.file, name, is_there=False)
    made_by = state.visits[state.step].unit if state.step in state.visits else state.last.holder
    return Track(asked.file, name, is_there=True, last_actor=asked.today((state.holder or made_by, made_by)))


def _hand_off(asked: _Asked) -> HandOff:
    name = asked.command.hand_off
    found = asked.case.hand_offs.get(name)
    if found is None:
        return HandOff(asked.file, name, is_there=False)
    return HandOff(asked.file, name, True, asked.today((found.from_unit,)), asked.today((found.to_unit,)))


def _duty(asked: _Asked) -> Duty:
    name = asked.command.duty
    rule = asked.book.duties.get(name)
    if rule is None:
        return Duty(asked.file, name, is_there=False)
    took_part = (asked.units.current(one) for one in asked.case.units)
    owed_by = frozenset(one.id for one in took_part if rule.responsible in one.functions)
    return Duty(asked.file, name, True, owed_by | asked.serving((rule.responsible,)))


def _closing(asked: _Asked) -> Closing:
    name = asked.command.outcome
    way = asked.book.closings.get(name)
    return Closing(asked.file, name, way is not None, frozenset(way.by if way else ()))


def _record(asked: _Asked) -> Record:
    holders = tuple(state.holder for state in asked.case.held().values())
    return Record(asked.file, asked.today(holders or asked.case.units))


def _record_added_to(asked: _Asked) -> Record:
    return replace(_record(asked), at_work=asked.at_work())


_SUBJECTS: Mapping[type[cmd.Command], Callable[[_Asked], Subject]] = {
    cmd.OpenTrack: _new_track,
    cmd.Move: _held_track, cmd.Offer: _held_track, cmd.Assign: _held_track, cmd.Refer: _held_track,
    cmd.DeclineTrack: _held_track, cmd.Contribute: _track_contributed_to, cmd.Reverse: _track_reversed,
    cmd.Accept: _hand_off, cmd.Decline: _hand_off, cmd.Withdraw: _hand_off,
    cmd.SettleDuty: _duty, cmd.Close: _closing,
    cmd.AttachFile: _record_added_to, cmd.RecordIdentity: _record_added_to,
    cmd.Reopen: _record, cmd.RecordConsent: _record, cmd.Correct: _record, cmd.ReviewFlag: _record,
    cmd.LinkCriminalCase: _record, cmd.OfferTransfer: _record, cmd.Relocate: _record,
}  # fmt: skip
"""What each command on a case that exists is about. One that stands not here is refused."""
