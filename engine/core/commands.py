"""Commands: what somebody asks for. Imperative, frozen, plain words; and who asks.

Every command may carry ``expected_revision`` (the revision of the case its author looked at) and
``idempotency_key`` (a repeated request with the same key gets the first answer again).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from engine.core.definition import Scope

RawValue = bool | int | str | list[str]
Role = Literal["victim", "relative", "carer", "buyer_family", "reporter"]
"""As what a case knows a person whose identity the vault keeps."""
NO_FACTS: Mapping[str, RawValue] = {}


@dataclass(frozen=True, slots=True)
class Proof:
    """That whoever acts has signed in, as the door found it: ``sign_in`` (16 hex digits) tells which sign-in it was.

    ``strong_until`` is until when a second factor shown lately counts. ``purposes``: of a service, which purposes its
    token is bound to; ``None``: of a person, who states her own.
    """

    sign_in: str
    strong_until: datetime | None = None
    purposes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person of a unit, with the purpose he or she states.

    ``role`` is as what; ``None``: as whatever of her or his roles in that unit the act is for. ``proof`` is that she
    signed in; in a world for trial nobody need.
    """

    person: str
    unit: str
    purpose: str = "case_handling"
    role: str | None = None
    proof: Proof | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands."""

    case: str
    expected_revision: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase(Command):
    """Open a record. ``case`` is the new pseudonym, ``area`` the GB/T 2260 code where it begins."""

    scope: Scope = "victim"
    area: str
    definition: str | None = None
    facts: Mapping[str, RawValue] = field(default_factory=dict)
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrack(Command):
    """Open a track on request (legal aid: from any stage)."""

    track: str
    to_unit: str | None = None
    facts: Mapping[str, RawValue] = field(default_factory=dict)
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Command):
    """Make a move. Into a step of another function it offers a hand-off instead of moving."""

    track: str
    move: str
    to_unit: str | None = None
    facts: Mapping[str, RawValue] = field(default_factory=dict)
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Command):
    """Offer the step a track stands at to another unit of the same function, or offer a waiting track again."""

    track: str
    to_unit: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferTransfer(Command):
    """Offer the whole case to a unit in another jurisdiction: acceptance opens a linked successor case."""

    area: str
    to_unit: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachFile(Command):
    """Add a file to the case. Its content never stands in a command: it comes enclosed, encrypted already.

    ``name`` is sealed with it and screened like a free text; ``kind`` is what the content is, ``attachment`` the
    reference it got (empty: not yet).
    """

    name: str
    kind: str = ""
    attachment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIdentity(Command):
    """Seal who a person is, or amend it. The identity itself never stands in a command: it comes enclosed.

    ``person`` is the reference of somebody the case knows already; empty: somebody new. ``holds`` are the kinds of
    identifier enclosed.
    """

    role: Role
    holds: tuple[str, ...]
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocate(Command):
    """The victim now lives in another area of the same jurisdiction: units are looked for from there on."""

    area: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """Accept a hand-off. Accepting a transfer opens the successor case."""

    hand_off: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Command):
    """Decline a hand-off with a reason code of the definition and a text."""

    hand_off: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """Take back a hand-off that is still open."""

    hand_off: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refer(Command):
    """Bring another unit in; responsibility stays. ``ends`` names a referral to end instead."""

    track: str
    to_unit: str | None = None
    reason: str = ""
    ends: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Command):
    """Give a track to a person inside the unit that holds it (``None``: to nobody in particular)."""

    track: str
    person: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribute(Command):
    """Add facts, documents or a note to a track without moving it."""

    track: str
    facts: Mapping[str, RawValue] = field(default_factory=dict)
    documents: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConsent(Command):
    """Consent given (``given``), or refused or withdrawn, and who spoke."""

    consent: str
    given: bool
    spoken_by: Literal["victim", "guardian", "representative"] = "victim"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDuty(Command):
    """A duty is done, was declined by the victim, or is not applicable (with a reason)."""

    duty: str
    outcome: Literal["done", "declined", "not_applicable"]
    evidence: tuple[str, ...] = ()
    reason: str = ""
    period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineTrack(Command):
    """The victim declines what a track offers."""

    track: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct(Command):
    """A recorded fact was wrong: supersede it, with a reason; moves that rested on it are flagged."""

    fact: str
    value: RawValue
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFlag(Command):
    """A flagged move was looked at again and stands."""

    event: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(Command):
    """The last move or acceptance on a track was a mistake: reverse it."""

    track: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCriminalCase(Command):
    """Point to the criminal case this victim belongs to."""

    criminal_case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Command):
    """End the record in one of the ways its definition knows; ``points_to`` for duplicates."""

    outcome: str
    reason: str = ""
    points_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(Command):
    """Take a closed record up again, on one of its tracks."""

    track: str
    reason: str


_CODE = re.compile(r"(?!.*[0-9]{7})[A-Z]{2}-[0-9A-Z-]{1,24}")


def shown_code(case: str) -> str:
    """What may be repeated of a case code that somebody typed: a code, and nothing that could be a name."""
    return case if _CODE.fullmatch(case) else "?"


_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES: dict[type, str] = {}


def snake(cls: type) -> str:
    """``OpenCase`` -> ``open_case``: the name of a command or event in stores, logs and answers."""
    name = _NAMES.get(cls)
    if name is None:
        name = _NAMES[cls] = _CAMEL.sub("_", cls.__name__).lower()
    return name


COMMANDS: Mapping[str, type[Command]] = {snake(cls): cls for cls in Command.__subclasses__()}
