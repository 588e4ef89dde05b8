"""Looking at leads: one of them, those of a unit, petitions as their supervisors see them, and a receipt.

A receipt says how far a lead has come, and nothing of what it says; so does the list of petitions. Whom a lead names is
shown apart, to the unit that accepted it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from engine.access.subjects import Installation
from engine.core.codes import hold_actors, hold_code
from engine.core.commands import Actor, snake
from engine.core.definition import Label
from engine.core.directory import Directory
from engine.core.leads import Lead, LeadEvent
from engine.core.view import CHINA
from engine.service import lead_file
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.lead_file import AtLead, Named, at_the_lead
from engine.service.lead_rules import Basis, Duty, LeadRules, documents_of, of_documents
from engine.service.leads import duties_for
from engine.service.lists import narrowed
from engine.service.participation import ended_after
from engine.service.permission import admitted, permit
from engine.service.read import unit_label
from engine.store.leads import LeadRow
from engine.store.work import Work

PAGE = 50
STATUSES = {
    "received": Label(zh="已收到", en="Received"),
    "accepted": Label(zh="已受理", en="Accepted"),
    "passed_on": Label(zh="已移送", en="Passed on"),
    "closed": Label(zh="已办结", en="Closed"),
}
LEAD_KINDS = {
    "report": Label(zh="报告", en="Report"),
    "tip": Label(zh="举报", en="Tip"),
    "petition": Label(zh="信访事项", en="Petition"),
}
Whose = Literal["turn", "past"]
"""Leads whose turn a unit has, or all that ever came to it."""


@dataclass(frozen=True, slots=True)
class NamedSheet:
    """Whom a lead names, as much as is known of each, and how its reporter can be asked."""

    persons: tuple[Mapping[str, object], ...]
    contact: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened to a lead."""

    number: int
    at: datetime
    person: str
    unit: str
    kind: str
    event: LeadEvent


@dataclass(frozen=True, slots=True)
class LeadSheet:
    """A lead as a unit sees it that it came to: what it says, what happened, and which clauses are about it.

    ``named`` is whom it names and how its reporter can be asked, where that was asked for and is shown.
    """

    lead: Lead
    history: tuple[HistoryLine, ...]
    duties: tuple[Duty, ...]
    rewards: tuple[Basis, ...]
    has_named: bool
    named: NamedSheet | None = None


@dataclass(frozen=True, slots=True)
class ReceiptSheet:
    """How far a lead has come."""

    lead: str
    status: str
    title: Label
    reported_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A lead on a list. What it says it is about is not told where its key is destroyed, nor to supervisors."""

    lead: str
    kind: str
    area: str
    status: str
    title: Label
    turn: str | None
    turn_name: Label | None
    reported_at: datetime
    changed_at: datetime
    days: int
    case: str | None = None
    category: str | None = None
    urgency: str | None = None
    concerns_minor: bool | None = None


@dataclass(frozen=True, slots=True)
class LeadLines:
    """A page of a list; ``next`` leads to the lines behind it, and is nothing at the end."""

    lines: tuple[LeadLine, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReportingRules:
    """What the documents of an area print of leads. What is printed nowhere is a local setting, and stands not here."""

    documents: tuple[str, ...]
    duties: tuple[Duty, ...]
    passing: tuple[Basis, ...]
    rewards: tuple[Basis, ...]
    petitions: tuple[Basis, ...]
    first_turn: str


def show(desk: Desk, rules: LeadRules, lead: str, actor: Actor, *, with_names: bool = False) -> LeadSheet:
    """A lead; ``with_names`` also whom it names.

    Raises :class:`LeadUnknown`, :class:`NotPermitted`, :class:`LeadErased`.
    """
    account = Account("lead:show", actor, details={"names": with_names})
    with desk.reading(account) as work:
        hold_actors(actor)
        action = "see_lead_names" if with_names else "see_lead"
        found = at_the_lead(desk, lead, action, work, account)
        _narrow(desk, found, work)
        opened, key = found.opened(desk, work)
        _, history = lead_file.opened(found.row, key, work)
        lead_file.tell(account, opened, key)
        named = _named(lead_file.named_in(lead, key, work)) if with_names else None
        documents = documents_of(desk, found.units, opened.area)
        lines = (
            HistoryLine(one.number, one.at, one.person, one.unit, snake(type(one.event)), one.event) for one in history
        )
        return LeadSheet(
            opened, tuple(lines), duties_for(rules, documents, opened.category, concerns_minor=opened.concerns_minor),
            of_documents(rules.rewards, documents), work.lead_named(lead) is not None, named,
        )  # fmt: skip


def receipt(desk: Desk, lead: str, actor: Actor) -> ReceiptSheet:
    """How far a lead has come, for whoever reported it. Raises :class:`LeadUnknown`, :class:`NotPermitted`."""
    account = Account("lead:show", actor, details={"receipt": True})
    with desk.reading(account) as work:
        hold_actors(actor)
        found = at_the_lead(desk, lead, "read_receipt", work, account, "reporter", knows_by="read_receipt")
        row = found.row
    return ReceiptSheet(row.id, row.status, STATUSES[row.status], row.reported_at, row.changed_at)


def listed(desk: Desk, actor: Actor, *, whose: Whose = "turn", after: str | None = None) -> LeadLines:
    """The leads of the actor's unit, the newest first; ``after`` is the ``next`` of the page before.

    Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("lead:list", actor, details={"whose": whose})
    with desk.reading(account) as work:
        hold_actors(actor)
        who = admitted(desk, account, work)
        permit(desk, account, who, "list_leads", Installation())
        units = desk.directory(work)
        page = work.leads_of(narrowed(desk, who, units, work), after, PAGE, past=whose == "past")
        lines = tuple(_line(desk, row, units, _lead(desk, row, work)) for row in page.lines)
        account.details["leads"] = len(lines)
    return LeadLines(lines, page.next)


def petitions(desk: Desk, actor: Actor, *, after: str | None = None) -> LeadLines:
    """Petitions of the area of the actor's unit, the newest first: whose turn it is and for how long, and no content.

    Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("lead:list", actor, purpose="supervision", details={"whose": "petitions"})
    with desk.reading(account) as work:
        hold_actors(actor)
        who = admitted(desk, account, work, "joint_conference")
        permit(desk, account, who, "list_petitions", Installation())
        units = desk.directory(work)
        found: list[LeadRow] = []
        page = work.leads_of_kind("petition", after, PAGE)
        found += _in_area(page.lines, who.areas[0], units)
        while len(found) < PAGE and page.next is not None:
            page = work.leads_of_kind("petition", page.next, PAGE - len(found))
            found += _in_area(page.lines, who.areas[0], units)
        lines = tuple(_line(desk, row, units, None) for row in found)
        account.details["leads"] = len(lines)
    return LeadLines(lines, page.next)


def reporting_rules(desk: Desk, rules: LeadRules, area: str, actor: Actor) -> ReportingRules:
    """What the documents of an area print of leads: who must report, to whom, whether tips are rewarded.

    Raises :class:`NotPermitted`, :class:`UnitUnknown`, :class:`CommandMalformed`.
    """
    account = Account("definition:list", actor)
    with desk.reading(account) as work:
        hold_actors(actor)
        hold_code("area", area)
        who = admitted(desk, account, work, "reporter")
        permit(desk, account, who, "read_definitions", Installation())
        documents = documents_of(desk, desk.directory(work), area)
    return ReportingRules(
        tuple(sorted(documents)), of_documents(rules.duties, documents), of_documents(rules.passing, documents),
        of_documents(rules.rewards, documents), of_documents(rules.petitions, documents), rules.first_turn,
    )  # fmt: skip


def _named(named: Named) -> NamedSheet:
    return NamedSheet(tuple(msgspec.to_builtins(one) for one in named.persons), named.contact)


def _narrow(desk: Desk, found: AtLead, work: Work) -> None:
    work.narrow(sorted(one.id for one in found.units.lineage(found.who.unit)), ended_after(found.now))


def _in_area(rows: tuple[LeadRow, ...], area: str, units: Directory) -> Iterator[LeadRow]:
    yield from (row for row in rows if area in {one.code for one in units.upward(row.area)})


def _lead(desk: Desk, row: LeadRow, work: Work) -> Lead | None:
    key = lead_file.key_of(desk, row.id, work)
    return None if key is None else lead_file.opened(row, key, work)[0]


def _line(desk: Desk, row: LeadRow, units: Directory, lead: Lead | None) -> LeadLine:
    days = (desk.today() - row.reported_at.astimezone(CHINA).date()).days
    return LeadLine(
        row.id, row.kind, row.area, row.status, STATUSES[row.status], row.turn,
        None if row.turn is None else unit_label(units, row.turn), row.reported_at, row.changed_at, days,
        *((row.case_id, lead.category, lead.urgency, lead.concerns_minor) if lead is not None else ()),
    )  # fmt: skip
