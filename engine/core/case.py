"""A case as it stands, and how events change it. Nothing here decides; it only follows what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from engine.core import events as ev
from engine.core.commands import Role
from engine.core.definition import Scope
from engine.core.events import FactValue, HandOffKind, Pin, Recorded
from engine.errors import HistoryBroken

TrackStatus = Literal["waiting", "open", "done", "declined", "ended"]


@dataclass(frozen=True, slots=True)
class StatedFact:
    """A fact with its source: the event that stated it and the unit that did."""

    value: FactValue
    event: int
    unit: str


@dataclass(frozen=True, slots=True)
class Visit:
    """The last entry of a track into a step, and the guard values it rested on."""

    event: int
    unit: str
    person: str
    rested_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HandOff:
    """An open hand-off."""

    id: str
    kind: HandOffKind
    from_unit: str
    to_unit: str
    offered_at: datetime
    offered_by: str
    track: str | None = None
    move: str | None = None
    to_step: str | None = None
    area: str | None = None
    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastAct:
    """What a reversal would undo: where the track stood before, and the hand-off an acceptance used up."""

    event: int
    step: str
    holder: str
    visit: Visit | None = None
    hand_off: HandOff | None = None


@dataclass(frozen=True, slots=True)
class TrackState:
    """Where one track stands. ``holder`` is the responsible unit while the track is not at its end."""

    step: str
    status: TrackStatus
    holder: str | None
    entered_at: datetime
    hand_off: str | None = None
    assignee: str | None = None
    visits: Mapping[str, Visit] = field(default_factory=dict)
    last: LastAct | None = None

    @property
    def is_held(self) -> bool:
        """Whether somebody is responsible for it now."""
        return self.status in ("open", "waiting")


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The last word on a consent."""

    given: bool
    spoken_by: str
    event: int


@dataclass(frozen=True, slots=True)
class DutyState:
    """How a duty was settled, last."""

    outcome: str
    event: int
    unit: str


@dataclass(frozen=True, slots=True)
class Referral:
    """A unit brought in."""

    track: str
    to_unit: str


@dataclass(frozen=True, slots=True)
class PersonState:
    """Somebody the case knows: as what, and which kinds of identifier the vault has; never who."""

    role: Role
    holds: tuple[str, ...]
    event: int


@dataclass(frozen=True, slots=True)
class Case:
    """A record as it stands after its events. ``revision`` is raised once per command."""

    id: str
    scope: Scope
    jurisdiction: str
    area: str
    pin: Pin
    opened_at: datetime
    changed_at: datetime
    events: int
    revision: int = 0
    status: Literal["open", "closed"] = "open"
    outcome: str | None = None
    facts: Mapping[str, StatedFact] = field(default_factory=dict)
    documents: Mapping[str, int] = field(default_factory=dict)
    consents: Mapping[str, ConsentState] = field(default_factory=dict)
    persons: Mapping[str, PersonState] = field(default_factory=dict)
    tracks: Mapping[str, TrackState] = field(default_factory=dict)
    duties: Mapping[str, DutyState] = field(default_factory=dict)
    hand_offs: Mapping[str, HandOff] = field(default_factory=dict)
    referrals: Mapping[str, Referral] = field(default_factory=dict)
    flags: Mapping[int, str] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    predecessor: str | None = None
    points_to: str | None = None
    criminal_case: str | None = None

    def held(self) -> dict[str, TrackState]:
        """The tracks somebody is responsible for now."""
        return {name: track for name, track in self.tracks.items() if track.is_held}

    def resting_on(self, *names: str, only_held: bool = False) -> tuple[int, ...]:
        """The numbers of the entries into steps that were judged on one of these guard values."""
        wanted = set(names)
        tracks = self.held() if only_held else self.tracks
        return tuple(
            sorted(
                visit.event
                for track in tracks.values()
                for visit in track.visits.values()
                if not wanted.isdisjoint(visit.rested_on)
            )
        )


def evolve(case: Case | None, recorded: Iterable[Recorded], *, case_id: str = "") -> Case:
    """The case after these events. ``case_id`` names the new case when ``case`` is ``None``.

    Raises :class:`HistoryBroken` when the events do not continue the case.
    """
    for item in recorded:
        expected = 1 if case is None else case.events + 1
        if item.number != expected:
            raise HistoryBroken(
                f"办理事件编号不连续：应为 {expected}，实为 {item.number}",
                f"events do not continue: expected number {expected}, got {item.number}",
            )
        if isinstance(item.event, ev.CaseOpened):
            case = _opened(case_id, item, item.event)
        else:
            if case is None:
                raise HistoryBroken("第一条事件不是立案", "the first event does not open a case")
            changed = _APPLY[type(item.event)](case, item, item.event)
            case = replace(case, events=item.number, changed_at=item.at, **changed)
    if case is None:
        raise HistoryBroken("没有任何事件", "no events")
    return case


def _opened(case_id: str, item: Recorded, event: ev.CaseOpened) -> Case:
    visit = Visit(item.number, item.unit, item.person)
    tracks = {
        name: TrackState(step=step, status="done", holder=None, entered_at=item.at, visits={step: visit})
        for name, step in event.carried.items()
    }
    return Case(
        id=case_id, scope=event.scope, jurisdiction=event.jurisdiction, area=event.area, pin=event.pin,
        opened_at=item.at, changed_at=item.at, events=item.number, tracks=tracks, units=(item.unit,),
        predecessor=event.predecessor,
    )  # fmt: skip


Changes = dict[str, Any]


def _with_track(case: Case, name: str, track: TrackState) -> Changes:
    changes: Changes = {"tracks": {**case.tracks, name: track}}
    if track.holder is not None and track.holder not in case.units:
        changes["units"] = (*case.units, track.holder)
    return changes


def _without(mapping: Mapping[Any, Any], *keys: object) -> dict[Any, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}


def _facts(case: Case, item: Recorded, event: ev.FactsRecorded) -> Changes:
    stated = {name: StatedFact(value, item.number, item.unit) for name, value in event.facts.items()}
    return {"facts": {**case.facts, **stated}}


def _documents(case: Case, item: Recorded, event: ev.DocumentsFiled) -> Changes:
    return {"documents": {**case.documents, **dict.fromkeys(event.documents, item.number)}}


def _told(case: Case, item: Recorded, event: ev.NoteAdded | ev.FileAttached) -> Changes:
    return {}  # the history alone tells it


def _identity(case: Case, item: Recorded, event: ev.IdentityRecorded) -> Changes:
    persons = {**case.persons, event.person: PersonState(event.role, event.holds, item.number)}
    return {"persons": persons, "flags": {**case.flags, **dict.fromkeys(event.flagged, f"identity:{event.person}")}}


def _consent(case: Case, item: Recorded, event: ev.ConsentRecorded) -> Changes:
    consents = {**case.consents, event.consent: ConsentState(event.given, event.spoken_by, item.number)}
    flags = {**case.flags, **{number: f"consent:{event.consent}" for number in event.flagged}}
    return {"consents": consents, "flags": flags}


def _track_opened(case: Case, item: Recorded, event: ev.TrackOpened) -> Changes:
    before = case.tracks.get(event.track)
    visit = Visit(item.number, item.unit, item.person, tuple(item.judged))
    visits = {**(before.visits if before else {}), event.step: visit}
    status: TrackStatus = "waiting" if event.waiting else "open"
    track = TrackState(step=event.step, status=status, holder=event.holder, entered_at=item.at, visits=visits)
    return _with_track(case, event.track, track)


def _offered(case: Case, item: Recorded, event: ev.HandOffOffered) -> Changes:
    hand_off = HandOff(
        id=event.hand_off, kind=event.kind, from_unit=event.from_unit, to_unit=event.to_unit, offered_at=item.at,
        offered_by=item.person, track=event.track, move=event.move, to_step=event.to_step, area=event.area,
        present=event.present, missing=event.missing,
    )  # fmt: skip
    changes: Changes = {"hand_offs": {**case.hand_offs, event.hand_off: hand_off}}
    if event.track is not None:
        track = replace(case.tracks[event.track], hand_off=event.hand_off)
        changes["tracks"] = {**case.tracks, event.track: track}
    return changes


def _accepted(case: Case, item: Recorded, event: ev.HandOffAccepted) -> Changes:
    hand_off = case.hand_offs[event.hand_off]
    changes: Changes = {"hand_offs": _without(case.hand_offs, event.hand_off)}
    if hand_off.track is None:
        return changes
    track = case.tracks[hand_off.track]
    if hand_off.kind == "track":
        last = LastAct(item.number, track.step, track.holder or hand_off.from_unit, hand_off=hand_off)
        track = replace(track, status="open", holder=hand_off.to_unit, hand_off=None, last=last, entered_at=item.at)
        return {**changes, **_with_track(case, hand_off.track, track)}
    # The Moved or HolderChanged that follows moves the track; it finds the used hand-off here.
    last = LastAct(item.number, track.step, track.holder or hand_off.from_unit, hand_off=hand_off)
    changes["tracks"] = {**case.tracks, hand_off.track: replace(track, hand_off=None, last=last)}
    return changes


def _released(case: Case, item: Recorded, event: ev.HandOffDeclined | ev.HandOffWithdrawn) -> Changes:
    hand_off = case.hand_offs[event.hand_off]
    changes: Changes = {"hand_offs": _without(case.hand_offs, event.hand_off)}
    if hand_off.track is not None:
        changes["tracks"] = {**case.tracks, hand_off.track: replace(case.tracks[hand_off.track], hand_off=None)}
    return changes


def _moved(case: Case, item: Recorded, event: ev.Moved) -> Changes:
    track = case.tracks[event.track]
    used = track.last.hand_off if event.hand_off and track.last else None
    last = LastAct(item.number, event.from_step, track.holder or "", track.visits.get(event.to_step), used)
    visit = Visit(item.number, item.unit, item.person, tuple(item.judged))
    moved = TrackState(
        step=event.to_step, status="done" if event.holder is None else "open", holder=event.holder,
        entered_at=item.at if event.to_step != event.from_step else track.entered_at,
        assignee=track.assignee if event.holder == track.holder else None,
        visits={**track.visits, event.to_step: visit}, last=last,
    )  # fmt: skip
    return {**_with_track(case, event.track, moved), **_left(case, track)}


def _left(case: Case, track: TrackState) -> Changes:
    """A step that rested on a withdrawn consent needs no review once the track has left it."""
    visit = track.visits.get(track.step)
    if visit is None or not case.flags.get(visit.event, "").startswith("consent:"):
        return {}
    return {"flags": _without(case.flags, visit.event)}


def _holder_changed(case: Case, item: Recorded, event: ev.HolderChanged) -> Changes:
    track = case.tracks[event.track]
    used = track.last.hand_off if track.last else None
    last = LastAct(item.number, track.step, track.holder or "", track.visits.get(track.step), used)
    return _with_track(case, event.track, replace(track, holder=event.holder, assignee=None, last=last))


def _reversed(case: Case, item: Recorded, event: ev.MoveReversed) -> Changes:
    track = case.tracks[event.track]
    if track.last is None:
        raise HistoryBroken("没有可撤销的动作", "nothing to reverse")
    last = track.last
    visits = dict(track.visits)
    if track.step != last.step or last.visit is not None:
        visits.pop(track.step, None)
        if last.visit is not None:
            visits[track.step] = last.visit
    hand_off = last.hand_off
    waiting = hand_off is not None and hand_off.kind == "track"
    restored = replace(
        track, step=last.step, status="waiting" if waiting else "open", holder=last.holder, visits=visits, last=None,
        hand_off=hand_off.id if hand_off else None, assignee=None, entered_at=item.at,
    )  # fmt: skip
    flags = {**_without(case.flags, event.event), **{number: f"event:{event.event}" for number in event.flagged}}
    changes = {**_with_track(case, event.track, restored), "flags": flags}
    if hand_off is not None:
        changes["hand_offs"] = {**case.hand_offs, hand_off.id: hand_off}
    return changes


def _referred(case: Case, item: Recorded, event: ev.UnitReferred) -> Changes:
    return {"referrals": {**case.referrals, event.referral: Referral(event.track, event.to_unit)}}


def _referral_ended(case: Case, item: Recorded, event: ev.ReferralEnded) -> Changes:
    return {"referrals": _without(case.referrals, event.referral)}


def _assigned(case: Case, item: Recorded, event: ev.PersonAssigned) -> Changes:
    return {"tracks": {**case.tracks, event.track: replace(case.tracks[event.track], assignee=event.person)}}


def _duty(case: Case, item: Recorded, event: ev.DutySettled) -> Changes:
    return {"duties": {**case.duties, event.duty: DutyState(event.outcome, item.number, item.unit)}}


def _stopped(status: TrackStatus) -> Callable[[Case, Recorded, Any], Changes]:
    def apply(case: Case, item: Recorded, event: ev.TrackDeclined | ev.TrackEnded) -> Changes:
        track = replace(
            case.tracks[event.track], status=status, holder=None, assignee=None, last=None, entered_at=item.at
        )
        return {"tracks": {**case.tracks, event.track: track}}

    return apply


def _corrected(case: Case, item: Recorded, event: ev.FactCorrected) -> Changes:
    stated = StatedFact(event.after, item.number, item.unit)
    flags = {**case.flags, **{number: f"fact:{event.fact}" for number in event.flagged}}
    return {"facts": {**case.facts, event.fact: stated}, "flags": flags}


def _reviewed(case: Case, item: Recorded, event: ev.FlagReviewed) -> Changes:
    return {"flags": _without(case.flags, event.event)}


def _takes(name: str) -> Callable[[Case, Recorded, Any], Changes]:
    return lambda case, item, event: {name: getattr(event, name)}


def _closed(case: Case, item: Recorded, event: ev.CaseClosed) -> Changes:
    return {"status": "closed", "outcome": event.outcome, "points_to": event.points_to}


def _reopened(case: Case, item: Recorded, event: ev.CaseReopened) -> Changes:
    opened = ev.TrackOpened(event.track, event.step, event.holder)
    return {"status": "open", "outcome": None, "points_to": None, **_track_opened(case, item, opened)}


_APPLY: Mapping[type, Callable[[Case, Recorded, Any], Changes]] = {
    ev.FactsRecorded: _facts, ev.DocumentsFiled: _documents, ev.NoteAdded: _told,
    ev.FileAttached: _told, ev.IdentityRecorded: _identity, ev.ConsentRecorded: _consent, ev.TrackOpened: _track_opened,
    ev.HandOffOffered: _offered, ev.HandOffAccepted: _accepted, ev.HandOffDeclined: _released,
    ev.HandOffWithdrawn: _released, ev.Moved: _moved,
    ev.HolderChanged: _holder_changed, ev.MoveReversed: _reversed, ev.UnitReferred: _referred,
    ev.ReferralEnded: _referral_ended, ev.PersonAssigned: _assigned, ev.DutySettled: _duty,
    ev.TrackDeclined: _stopped("declined"), ev.TrackEnded: _stopped("ended"), ev.FactCorrected: _corrected,
    ev.FlagReviewed: _reviewed, ev.CriminalCaseLinked: _takes("criminal_case"), ev.CaseRelocated: _takes("area"),
    ev.CaseClosed: _closed, ev.CaseReopened: _reopened,
}  # fmt: skip
