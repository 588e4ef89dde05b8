"""A lead: a report that may begin a case, from its receipt to its end. Pure: state and command to events, or a refusal.

A lead always has exactly one unit whose turn it is, until it is closed. Whoever gets it may accept it, pass it on, or
back, and close it; nothing that happened is taken away. Who may do which of this, the policies say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never, get_args

from engine.core.commands import Actor, snake
from engine.errors import CommandMalformed, LeadImpossible, NothingToChange, Reason

LeadKind = Literal["report", "tip", "petition"]
"""Reported on duty or by whoever noticed; a tip of the public, which may earn a reward; a petition."""
LeadStatus = Literal["received", "passed_on", "accepted", "closed"]
KINDS: tuple[LeadKind, ...] = get_args(LeadKind)
STATUSES: tuple[LeadStatus, ...] = get_args(LeadStatus)


# ── what is asked ──


@dataclass(frozen=True, slots=True)
class ReportLead:
    """Report a lead; ``category`` is as what, ``seen`` what was seen, ``to_unit`` whose turn it is first."""

    lead: str
    kind: LeadKind
    area: str
    category: str
    urgency: str
    concerns_minor: bool
    seen: str
    to_unit: str


@dataclass(frozen=True, slots=True)
class AcceptLead:
    """Take a lead up, with the case it began or belongs to; or name that case later."""

    case: str | None = None


@dataclass(frozen=True, slots=True)
class PassLead:
    """Give a lead to another unit, or back to the one it came from."""

    to_unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class CloseLead:
    """End a lead for a reason of the list; some reasons ask for the case that came of it."""

    reason: str
    text: str = ""
    asks_for_case: bool = False


@dataclass(frozen=True, slots=True)
class DecideReward:
    """Decide whether a tip is rewarded; ``amount`` is in whole yuan, and need not be said."""

    granted: bool
    reason: str
    amount: int | None = None


LeadCommand = AcceptLead | PassLead | CloseLead | DecideReward


# ── what happened ──


@dataclass(frozen=True, slots=True)
class LeadReported:
    """A lead came in, and it is this unit's turn."""

    kind: LeadKind
    area: str
    category: str
    urgency: str
    concerns_minor: bool
    seen: str
    to_unit: str


@dataclass(frozen=True, slots=True)
class LeadAccepted:
    """The unit whose turn it is took the lead up."""

    case: str | None = None


@dataclass(frozen=True, slots=True)
class LeadLinked:
    """The lead belongs to this case."""

    case: str


@dataclass(frozen=True, slots=True)
class LeadPassed:
    """It is another unit's turn."""

    to_unit: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeadClosed:
    """Nothing more is done with the lead."""

    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class RewardDecided:
    """Whether the tip is rewarded, decided once."""

    granted: bool
    reason: str
    amount: int | None = None


LeadEvent = LeadReported | LeadAccepted | LeadLinked | LeadPassed | LeadClosed | RewardDecided
EVENTS: Mapping[str, type[LeadEvent]] = {snake(one): one for one in get_args(LeadEvent)}
"""Every event by its name on record."""


@dataclass(frozen=True, slots=True)
class LeadEntry:
    """An event with its number (from 1), when it happened, and who did it for which unit."""

    number: int
    at: datetime
    person: str
    unit: str
    event: LeadEvent


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead as it stands: ``turn`` is the unit whose turn it is, nobody's once it is closed.

    ``handled_by`` and ``accepted_by`` are the units it came to and those that took it up, in order. ``revision`` counts
    what happened.
    """

    id: str
    kind: LeadKind
    area: str
    category: str
    urgency: str
    concerns_minor: bool
    seen: str
    reported_at: datetime
    reporter: str
    reporting_unit: str
    status: LeadStatus
    turn: str | None
    handled_by: tuple[str, ...]
    accepted_by: tuple[str, ...] = ()
    case: str | None = None
    reward: RewardDecided | None = None
    closed: LeadClosed | None = None
    revision: int = 1


def report(command: ReportLead, by: Actor, now: datetime) -> tuple[LeadEntry, ...]:
    """What happens when somebody reports. Raises :class:`CommandMalformed` when she says not what she saw."""
    if not command.seen.strip():
        raise CommandMalformed("请写明所见情况", "say what was seen", field="seen")
    event = LeadReported(
        command.kind, command.area, command.category, command.urgency, command.concerns_minor, command.seen,
        command.to_unit,
    )  # fmt: skip
    return (LeadEntry(1, now, by.person, by.unit, event),)


def decide(lead: Lead, command: LeadCommand, by: Actor, now: datetime) -> tuple[LeadEntry, ...]:
    """What happens when somebody asks for this. Raises what :func:`_event` raises."""
    return (LeadEntry(lead.revision + 1, now, by.person, by.unit, _event(lead, command)),)


def _event(lead: Lead, command: LeadCommand) -> LeadEvent:
    """The event. Raises :class:`LeadImpossible` with *all* reasons, :class:`NothingToChange`."""
    match command:
        case AcceptLead():
            return _accepted(lead, command)
        case PassLead():
            _hold(*_is_over(lead), *_without_words(command.reason), *_to_itself(lead, command.to_unit))
            return LeadPassed(command.to_unit, command.reason)
        case CloseLead():
            _hold(*_is_over(lead), *_without_case(lead, command))
            return LeadClosed(command.reason, command.text)
        case DecideReward():
            _hold(*_no_reward(lead), *_without_words(command.reason), *_odd_amount(command))
            return RewardDecided(command.granted, command.reason, command.amount)
        case _:
            assert_never(command)


def _accepted(lead: Lead, command: AcceptLead) -> LeadEvent:
    _hold(*_is_over(lead), *_other_case(lead, command.case))
    if lead.status != "accepted":
        return LeadAccepted(command.case)
    if command.case is None or command.case == lead.case:
        raise NothingToChange("该线索已受理", "the lead is accepted already", lead=lead.id)
    return LeadLinked(command.case)


def evolve(lead: Lead | None, entries: Iterable[LeadEntry], *, lead_id: str = "") -> Lead:
    """The lead after these. Raises :class:`ValueError` for what cannot have happened in this order."""
    for entry in entries:
        lead = _began(entry, lead_id) if lead is None else _after(lead, entry)
    if lead is None:
        raise ValueError("nothing happened")
    return lead


def _began(entry: LeadEntry, lead_id: str) -> Lead:
    event = entry.event
    if not isinstance(event, LeadReported) or entry.number != 1:
        raise ValueError("a lead begins with its report")
    return Lead(
        lead_id, event.kind, event.area, event.category, event.urgency, event.concerns_minor, event.seen, entry.at,
        entry.person, entry.unit, "received", event.to_unit, (event.to_unit,),
    )  # fmt: skip


def _after(lead: Lead, entry: LeadEntry) -> Lead:
    event = entry.event
    if entry.number != lead.revision + 1:
        raise ValueError(f"event {entry.number} does not follow {lead.revision}")
    lead = replace(lead, revision=entry.number)
    match event:
        case LeadAccepted():
            accepted_by = _and(lead.accepted_by, lead.turn)
            return replace(lead, status="accepted", accepted_by=accepted_by, case=event.case or lead.case)
        case LeadLinked():
            return replace(lead, case=event.case)
        case LeadPassed():
            handled_by = _and(lead.handled_by, event.to_unit)
            return replace(lead, status="passed_on", turn=event.to_unit, handled_by=handled_by)
        case LeadClosed():
            return replace(lead, status="closed", turn=None, closed=event)
        case RewardDecided():
            return replace(lead, reward=event)
        case LeadReported():
            raise ValueError("a lead is reported once")
        case _:
            assert_never(event)


def _and(units: tuple[str, ...], unit: str | None) -> tuple[str, ...]:
    return units if unit is None or unit in units else (*units, unit)


# ── why not ──


def _hold(*reasons: Reason) -> None:
    if reasons:
        raise LeadImpossible(
            "；".join(one.zh for one in reasons), "; ".join(one.en for one in reasons), reasons=reasons
        )


def _is_over(lead: Lead) -> Iterable[Reason]:
    if lead.status == "closed":
        yield Reason("lead_closed", "该线索已办结", "the lead is closed")


def _without_words(reason: str) -> Iterable[Reason]:
    if not reason.strip():
        yield Reason("reason_missing", "请写明理由", "say why")


def _to_itself(lead: Lead, to_unit: str) -> Iterable[Reason]:
    if to_unit == lead.turn:
        yield Reason("same_unit", "该线索已在这个单位", "it is that unit's turn already")


def _other_case(lead: Lead, case: str | None) -> Iterable[Reason]:
    if case is not None and lead.case is not None and case != lead.case:
        yield Reason("case_linked", "该线索已关联另一个案", "the lead belongs to another case already")


def _without_case(lead: Lead, command: CloseLead) -> Iterable[Reason]:
    if command.asks_for_case and lead.case is None:
        yield Reason("case_missing", "以此理由办结，须先关联个案", "closing for this reason asks for the case first")


def _no_reward(lead: Lead) -> Iterable[Reason]:
    if lead.kind != "tip":
        yield Reason("no_tip", "只有群众举报可决定奖励", "a reward is decided on for tips only")
    if not lead.accepted_by:
        yield Reason("not_accepted", "该线索尚未受理", "nobody has accepted the lead yet")
    if lead.reward is not None:
        yield Reason("reward_decided", "奖励已决定", "the reward is decided on already")


def _odd_amount(command: DecideReward) -> Iterable[Reason]:
    if command.amount is not None and (not command.granted or command.amount < 1):
        yield Reason("odd_amount", "只有给予奖励时才可写金额，且为正整数", "an amount goes with a yes, and is above 0")
