"""Events: what happened. Past tense, frozen, append-only.

Every event is kept in an envelope (:class:`Recorded`) that says who, for which unit, when, by which
clauses and on which guard values it was judged (R-1: an event that cannot say so is not written).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from engine.core.commands import Role, snake
from engine.core.definition import Scope

FactValue = bool | int | str | list[str]
HandOffKind = Literal["move", "track", "unit", "transfer"]


@dataclass(frozen=True, slots=True)
class Pin:
    """The definition a case is held to."""

    id: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A record began. ``carried`` are final steps that a predecessor's tracks had reached."""

    scope: Scope
    jurisdiction: str
    area: str
    pin: Pin
    predecessor: str | None = None
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FactsRecorded:
    """Facts were stated, on a track or on the case."""

    facts: Mapping[str, FactValue]
    track: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentsFiled:
    """Documents came into the case."""

    documents: tuple[str, ...]
    track: str | None = None


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """A unit added a note."""

    track: str
    text: str


@dataclass(frozen=True, slots=True)
class FileAttached:
    """A file came into the case: its kind, and the reference under which it lies encrypted. Its name stands nowhere."""

    attachment: str
    kind: str


@dataclass(frozen=True, slots=True)
class IdentityRecorded:
    """Who somebody is was sealed in the vault, or what is sealed there was amended. The event names nobody.

    ``holds`` are the kinds of identifier the vault now has of the person; ``flagged`` the entries into steps that
    rested on what the vault said before.
    """

    person: str
    role: Role
    holds: tuple[str, ...]
    flagged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """The victim, or who speaks for her or him, agreed, refused or withdrew.

    ``flagged`` are the entries into steps of open tracks that rested on a consent now withdrawn.
    """

    consent: str
    given: bool
    spoken_by: str
    flagged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackOpened:
    """A track began. ``waiting``: held by the opener until the responsible unit accepts."""

    track: str
    step: str
    holder: str
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class HandOffOffered:
    """A unit was asked to take responsibility. Nothing has moved yet."""

    hand_off: str
    kind: HandOffKind
    from_unit: str
    to_unit: str
    track: str | None = None
    move: str | None = None
    to_step: str | None = None
    area: str | None = None
    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HandOffAccepted:
    """The receiver took responsibility."""

    hand_off: str


@dataclass(frozen=True, slots=True)
class HandOffDeclined:
    """The receiver gave it back; the sender was responsible all along."""

    hand_off: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class HandOffWithdrawn:
    """The sender (or the closing of the case) took the offer back."""

    hand_off: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A track went from step to step; ``holder`` is responsible for the new one (``None`` at a final step)."""

    track: str
    move: str
    from_step: str
    to_step: str
    holder: str | None
    hand_off: str | None = None


@dataclass(frozen=True, slots=True)
class HolderChanged:
    """The same step is now held by another unit."""

    track: str
    holder: str
    hand_off: str


@dataclass(frozen=True, slots=True)
class MoveReversed:
    """A mistaken move was undone. ``event`` is the number of the event it reverses."""

    track: str
    event: int
    reason: str
    flagged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitReferred:
    """Another unit was brought in; responsibility stays."""

    referral: str
    track: str
    to_unit: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReferralEnded:
    """A referral is over."""

    referral: str


@dataclass(frozen=True, slots=True)
class PersonAssigned:
    """A person inside the holding unit has the track."""

    track: str
    person: str | None


@dataclass(frozen=True, slots=True)
class DutySettled:
    """A duty was done, declined by the victim, or marked not applicable."""

    duty: str
    outcome: str
    evidence: tuple[str, ...] = ()
    reason: str = ""
    period: str = ""


@dataclass(frozen=True, slots=True)
class TrackDeclined:
    """The victim does not want what the track offers."""

    track: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrackEnded:
    """The closing of the case ended a track before its end."""

    track: str


@dataclass(frozen=True, slots=True)
class FactCorrected:
    """A fact was superseded. ``flagged`` are the numbers of events that rested on the old one."""

    fact: str
    before: FactValue
    after: FactValue
    reason: str
    flagged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagReviewed:
    """A flagged move was looked at again and stands."""

    event: int
    reason: str


@dataclass(frozen=True, slots=True)
class CriminalCaseLinked:
    """The victim's case points to its criminal case."""

    criminal_case: str


@dataclass(frozen=True, slots=True)
class CaseRelocated:
    """The record now belongs to another area of its jurisdiction; whoever holds a step goes on holding it."""

    area: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaseClosed:
    """The record ended; ``points_to`` is the successor or the case this one duplicates."""

    outcome: str
    reason: str = ""
    points_to: str | None = None


@dataclass(frozen=True, slots=True)
class CaseReopened:
    """A closed record was taken up again, on ``track`` from its start, held by ``holder``."""

    track: str
    step: str
    holder: str
    reason: str


Event = (
    CaseOpened | FactsRecorded | DocumentsFiled | NoteAdded | FileAttached | IdentityRecorded | ConsentRecorded
    | TrackOpened | HandOffOffered | HandOffAccepted | HandOffDeclined | HandOffWithdrawn | Moved | HolderChanged
    | MoveReversed | UnitReferred | ReferralEnded | PersonAssigned | DutySettled | TrackDeclined | TrackEnded
    | FactCorrected | FlagReviewed | CriminalCaseLinked | CaseRelocated | CaseClosed | CaseReopened
)  # fmt: skip

EVENTS: Mapping[str, type] = {snake(cls): cls for cls in Event.__args__}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is kept: numbered within its case from 1, with what R-1 asks for.

    ``withheld`` are the field classes it says something of that was not read: facts, papers and guard values of these
    are missing, their texts are empty.
    """

    number: int
    at: datetime
    unit: str
    person: str
    event: Event
    clauses: tuple[str, ...] = ()
    judged: Mapping[str, object] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The event's name, e.g. ``hand_off_offered``."""
        return snake(type(self.event))
