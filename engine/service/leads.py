"""Leads: reporting one, and what the unit whose turn it is does with it.

Names and numbers go into a part of their own, which is sealed apart; a free text that holds them is refused. Which
clause asks for a report, prints a reward or supervises a petition is told with every answer; where none does, that it
is a local setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from engine.access.judging import may_know
from engine.access.judging import unknown as unknown_case
from engine.access.model import Who
from engine.access.subjects import Installation
from engine.core.codes import hold_actors, hold_code
from engine.core.commands import Actor, OpenCase, RawValue
from engine.core.directory import Directory
from engine.core.leads import (
    KINDS,
    AcceptLead,
    CloseLead,
    DecideReward,
    Lead,
    LeadCommand,
    LeadKind,
    PassLead,
    ReportLead,
    decide,
    evolve,
    report,
)
from engine.errors import CommandMalformed, KeyReused, LeadImpossible, NotPrinted, Reason, UnitUnknown
from engine.service import lead_file, notices
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.handle import Answer, handle
from engine.service.lead_file import AtLead, Named, at_the_lead
from engine.service.lead_rules import Basis, Duty, LeadRules, documents_of, of_documents
from engine.service.participation import case_file
from engine.service.permission import admitted, permit
from engine.store.work import Work
from engine.vault.identity import Remark, read_identity


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody reports: ``persons`` are forms of identities, ``contact`` says how she can be asked.

    ``to_unit`` is the unit responsible for a petition; of anything else whose turn it is first follows from the area.
    """

    kind: LeadKind
    area: str
    category: str
    urgency: str
    concerns_minor: bool
    seen: str
    persons: tuple[Mapping[str, object], ...] = ()
    contact: str = ""
    to_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What whoever reported keeps: the code to ask by, whose turn it is, and the duties that asked for the report.

    Where ``duties`` is empty no document asks for it: it was reported of her own accord. ``remarks`` are what looks odd
    in the forms.
    """

    lead: str
    reported_at: datetime
    to_unit: str
    duties: tuple[Duty, ...]
    remarks: tuple[Remark, ...] = field(default=(), compare=False)
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    """How a lead stands after something was done with it; ``basis`` are the clauses for it, none: a local setting."""

    lead: str
    revision: int
    status: str
    turn: str | None
    case: str | None
    basis: tuple[Basis, ...]
    policies: tuple[str, ...] = field(default=(), compare=False)


# ── reporting ──


def report_lead(desk: Desk, rules: LeadRules, wanted: Report, actor: Actor, *, key: str | None = None) -> Receipt:
    """Report a lead. The same request with the same ``key`` gets the first answer again.

    Raises :class:`CommandMalformed`, :class:`UnitUnknown`, :class:`NotPrinted` for a petition where no document knows
    them, :class:`IdentifierInText`, :class:`KeyReused`, :class:`NotPermitted`.
    """
    account = Account("lead:report", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        _hold_words(rules, wanted)
        read = [read_identity(form, desk.today()) for form in wanted.persons]
        named = Named(tuple(identity for identity, _ in read), wanted.contact)
        who = admitted(desk, account, work, "reporter")
        permit(desk, account, who, "report_lead", Installation())
        earlier = None if key is None else _earlier(desk, rules, (wanted, key), actor, work)
        if earlier is not None:
            account.details["lead"] = earlier.lead
            account.outcome = "repeated"
            return earlier
        lead_file.screen(named, {"seen": wanted.seen})
        units, now = desk.directory(work), desk.clock()
        documents = documents_of(desk, units, wanted.area)
        command = _reporting(rules, wanted, units, documents)
        entries = report(command, Actor(who.person, who.unit), now)
        lead = evolve(None, entries, lead_id=command.lead)
        sealed = lead_file.begin(desk, lead, entries, named if named != Named() else None, work)
        lead_file.tell(account, lead, sealed)
        account.details |= {"kind": lead.kind, "area": lead.area, "to_unit": command.to_unit}
        notices.tell_unit(work, now, "lead_waits", command.to_unit, case=None, about=lead.id)
        if key is not None:
            _keep(desk, (wanted, key), actor, lead, work)
        duties = duties_for(rules, documents, wanted.category, concerns_minor=wanted.concerns_minor)
    remarks = tuple(remark for _, remarks in read for remark in remarks)
    return Receipt(lead.id, now, command.to_unit, duties, remarks)


def duties_for(
    rules: LeadRules, documents: frozenset[str], category: str, *, concerns_minor: bool
) -> tuple[Duty, ...]:  # fmt: skip
    """The duties of these documents that ask somebody of this category for a report."""
    mine = of_documents(rules.duties, documents)
    return tuple(one for one in mine if category in one.categories and (concerns_minor or not one.minors_only))


def _hold_words(rules: LeadRules, wanted: Report) -> None:
    """Raise :class:`CommandMalformed` for a word that is none of the rules, and repeat it only if it is a code."""
    for name, word, known in (
        ("kind", wanted.kind, KINDS), ("category", wanted.category, rules.categories),
        ("urgency", wanted.urgency, rules.urgencies),
    ):  # fmt: skip
        if word not in known:
            listed = ", ".join(known)
            raise CommandMalformed(f"{name} 应为：{listed}", f"{name} is one of: {listed}", field=name)
    hold_code("area", wanted.area)
    if wanted.to_unit is not None:
        hold_code("to_unit", wanted.to_unit)
        if wanted.kind != "petition":
            raise CommandMalformed(
                "只有信访事项可指定责任单位，其他线索按地区交由公安机关",
                "only of a petition the responsible unit is named; anything else goes where its area says",
                field="to_unit",
            )  # fmt: skip


def _reporting(rules: LeadRules, wanted: Report, units: Directory, documents: frozenset[str]) -> ReportLead:
    if wanted.kind == "petition":
        _printed(rules.petitions, documents, "信访事项转办督办", "petitions that are passed on and supervised")
    if wanted.to_unit is not None:
        turn = units.current(wanted.to_unit).id
    else:
        found = units.resolve(rules.first_turn, wanted.area)
        if found is None:
            raise UnitUnknown(
                f"地区 {wanted.area} 及其上级没有 {rules.first_turn} 单位",
                f"no {rules.first_turn} unit serves area {wanted.area}", area=wanted.area,
            )  # fmt: skip
        turn = found.id
    return ReportLead(
        notices.new_code("L"), wanted.kind, wanted.area, wanted.category, wanted.urgency, wanted.concerns_minor,
        wanted.seen, turn,
    )  # fmt: skip


def _printed(rows: list[Basis], documents: frozenset[str], zh: str, en: str) -> tuple[Basis, ...]:
    """The rows of these documents. Raises :class:`NotPrinted` when there is none."""
    found = of_documents(rows, documents)
    if not found:
        raise NotPrinted(
            f"本地区文件没有规定{zh}，本系统也没有作为本地设置开启",
            f"no document of this area prints {en}, and no local setting has switched it on",
            documents=sorted(documents),
        )  # fmt: skip
    return found


def _earlier(
    desk: Desk, rules: LeadRules, asked: tuple[Report, str], actor: Actor, work: Work
) -> Receipt | None:  # fmt: skip
    """The receipt this was answered with before. Raises :class:`KeyReused` for other words under the same key."""
    wanted, key = asked
    house = desk.safe.house(work)
    kept = work.find_answer(actor.unit, house.locator(key.encode()))
    if kept is None:
        return None
    if not house.is_digest(kept.digest, _words(wanted, actor)):
        raise KeyReused("该幂等键已用于另一请求", "this key was used for something else")
    lead, reported_at, to_unit = msgspec.json.decode(kept.answer, type=tuple[str, datetime, str])
    documents = documents_of(desk, desk.directory(work), wanted.area)
    duties = duties_for(rules, documents, wanted.category, concerns_minor=wanted.concerns_minor)
    return Receipt(lead, reported_at, to_unit, duties, repeated=True)


def _keep(desk: Desk, asked: tuple[Report, str], actor: Actor, lead: Lead, work: Work) -> None:
    wanted, key = asked
    house = desk.safe.house(work)
    work.keep_answer(
        actor.unit, house.locator(key.encode()), digest=house.digest(_words(wanted, actor)), case_id=lead.id,
        revision=lead.revision, answer=msgspec.json.encode((lead.id, lead.reported_at, lead.turn)), at=lead.reported_at,
    )  # fmt: skip


def _words(wanted: Report, actor: Actor) -> bytes:
    return msgspec.json.encode(["report_lead", actor.person, wanted])


# ── handling ──


def accept(
    desk: Desk, rules: LeadRules, lead: str, actor: Actor, *, case: str | None = None, expected: int | None = None
) -> Done:  # fmt: skip
    """Take a lead up; with a ``case`` that she may see, the lead belongs to it. Of an accepted lead, name the case.

    Raises :class:`LeadUnknown`, :class:`NotPermitted`, :class:`LeadImpossible`, :class:`NothingToChange`,
    :class:`CaseUnknown`, :class:`StaleRevision`.
    """
    account = Account("lead:accept", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        found = at_the_lead(desk, lead, "accept_lead", work, account, for_update=True)
        if case is not None:
            hold_code("case", case)
            _look_at_case(desk, case, found.who, work, account)
        done = _carry_out(desk, found, AcceptLead(case), expected, work, account)
        basis = of_documents(rules.passing, documents_of(desk, found.units, found.row.area))
    return _done(done, basis, account)


def open_case(
    desk: Desk, rules: LeadRules, lead: str, actor: Actor, facts: Mapping[str, RawValue], *, expected: int | None = None
) -> tuple[Answer, Done]:
    """Open a case where a lead says, and let the lead belong to it; it is accepted first, if it was not.

    Asked again it opens no second one: the code of the lead is the key of the request. Raises what :func:`accept` and
    :func:`handle` raise; what had been done by then stays, and asking again goes on from there.
    """
    account = Account("lead:show", actor)
    with desk.reading(account) as work:
        hold_actors(actor)
        found = at_the_lead(desk, lead, "accept_lead", work, account)
        lead_file.hold_to_revision(found.row, expected)
        if found.row.case_id is not None:
            linked = Reason("case_linked", "该线索已关联个案", "the lead belongs to a case already")
            raise LeadImpossible(linked.zh, linked.en, reasons=(linked,))
    if found.row.status != "accepted":
        accept(desk, rules, lead, actor, expected=expected)
    opening = OpenCase(case="", area=found.row.area, facts=dict(facts), idempotency_key=f"lead:{lead}")
    answer = handle(desk, opening, actor)
    return answer, accept(desk, rules, lead, actor, case=answer.case)


def pass_on(
    desk: Desk, rules: LeadRules, lead: str, actor: Actor, *, to_unit: str, reason: str, expected: int | None = None
) -> Done:
    """Give a lead to another unit, or back; from then on it is that unit's turn.

    Raises :class:`LeadUnknown`, :class:`NotPermitted`, :class:`LeadImpossible`, :class:`UnitUnknown`,
    :class:`IdentifierInText`, :class:`StaleRevision`.
    """
    account = Account("lead:pass", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        hold_code("to_unit", to_unit)
        found = at_the_lead(desk, lead, "pass_lead", work, account, for_update=True)
        to = found.units.current(to_unit).id
        command = PassLead(found.row.turn if to in found.subject.turn and found.row.turn else to, reason)
        done = _carry_out(desk, found, command, expected, work, account, reason=reason)
        account.details["to_unit"] = to
        notices.tell_unit(work, found.now, "lead_waits", to, case=None, about=done.id)
        basis = of_documents(rules.passing, documents_of(desk, found.units, found.row.area))
    return _done(done, basis, account)


def close(
    desk: Desk, rules: LeadRules, lead: str, actor: Actor, *, reason: str, text: str = "", expected: int | None = None
) -> Done:
    """End a lead for a reason of the rules. Raises what :func:`pass_on` raises, :class:`CommandMalformed`."""
    account = Account("lead:close", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        closing = rules.closings.get(reason)
        if closing is None:
            listed = ", ".join(rules.closings)
            raise CommandMalformed(
                f"没有此办结理由；有：{listed}", f"no such reason; there are: {listed}", field="reason"
            )
        found = at_the_lead(desk, lead, "close_lead", work, account, for_update=True)
        account.details["reason"] = reason
        command = CloseLead(reason, text, asks_for_case=closing.asks_for_case)
        done = _carry_out(desk, found, command, expected, work, account, text=text)
    return _done(done, (), account)


def decide_reward(
    desk: Desk, rules: LeadRules, lead: str, actor: Actor, *, granted: bool, reason: str, amount: int | None = None,
    expected: int | None = None,
) -> Done:  # fmt: skip
    """Decide, once, whether a tip is rewarded, where a document prints rewards or a local setting has them.

    Raises what :func:`pass_on` raises, :class:`NotPrinted`.
    """
    account = Account("lead:reward", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        found = at_the_lead(desk, lead, "reward_lead", work, account, for_update=True)
        documents = documents_of(desk, found.units, found.row.area)
        basis = _printed(rules.rewards, documents, "举报奖励", "rewards of tips")
        account.details["granted"] = granted
        command = DecideReward(granted, reason, amount)
        done = _carry_out(desk, found, command, expected, work, account, reason=reason)
    return _done(done, basis, account)


def _carry_out(  # noqa: PLR0917 - a command, and all that it is decided on
    desk: Desk, found: AtLead, command: LeadCommand, expected: int | None, work: Work, account: Account, **texts: str
) -> Lead:
    """Decide a command on a lead and put what happened on record."""
    lead, key = found.opened(desk, work)
    lead_file.hold_to_revision(found.row, expected)
    if texts:
        lead_file.screen(lead_file.named_in(lead.id, key, work), texts)
    entries = decide(lead, command, Actor(found.who.person, found.who.unit), found.now)
    after = evolve(lead, entries)
    lead_file.save(after, entries, key, work)
    lead_file.tell(account, after, key)
    return after


def _look_at_case(desk: Desk, case: str, who: Who, work: Work, account: Account) -> None:
    """Whoever links a case may see it; of another one she learns nothing."""
    file = case_file(desk, case, work, desk.clock())
    key = None if file is None else desk.safe.key_for(case, work)
    if file is None or key is None or not may_know(desk.gate, who, file):
        raise unknown_case(case)
    account.details["case"] = file.id
    account.read(key)


def _done(lead: Lead, basis: tuple[Basis, ...], account: Account) -> Done:
    return Done(lead.id, lead.revision, lead.status, lead.turn, lead.case, basis, account.policies)
