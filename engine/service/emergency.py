"""Emergencies: one person breaks the glass over a case, for a reason and a short time; a custodian reviews it after.

Custodians are told in the commit in which the glass is broken. What a ban forbids, a broken glass does not permit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from engine.access.judging import may_know
from engine.access.model import CaseFile, Circumstances, Who
from engine.core.codes import hold_actors, shown
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.marks import mark, read_mark
from engine.errors import (
    CommandMalformed,
    EmergencyUnknown,
    NothingToChange,
    OwnReview,
    ReviewOverdue,
)
from engine.service import notices
from engine.service.account import Account
from engine.service.at_the_case import at_the_case
from engine.service.circumstances import circumstances
from engine.service.desk import Desk
from engine.service.participation import case_file
from engine.service.pending import answerable_area
from engine.service.permission import admitted, note, permit
from engine.service.request_rules import EmergencyRules
from engine.service.sight import tell_of
from engine.store.requests import EmergencyRow, Sought
from engine.store.work import Work

OUTCOMES = {
    "justified": Label(zh="确有必要", en="It was justified"),
    "not_justified": Label(zh="无必要", en="It was not justified"),
}
"""What a review may find; held equal to the table by a test."""
PAGE = 50
_AT_ONCE = 200
"""So many rows are read at a time, to be asked about one by one."""


@dataclass(frozen=True, slots=True)
class Glass:
    """A broken glass: over which case, by whom, why, until when; and its review."""

    id: str
    case: str
    person: str
    unit: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    review_by: datetime
    outcome: str | None = None
    reviewed_by: str | None = None
    is_overdue: bool = False


# ── acts ──


def break_glass(desk: Desk, rules: EmergencyRules, case_id: str, reason: str, actor: Actor) -> Glass:
    """Break the glass over a case; the custodians of its area are told in the same commit.

    Raises :class:`CommandMalformed` for a reason that is none of the rules, :class:`ReviewOverdue`,
    :class:`NothingToChange` while it is broken already, :class:`NotPermitted`, :class:`CaseUnknown`.
    """
    account = Account("emergency:open", replace(actor, purpose="emergency"))
    with desk.changing(account) as work:
        hold_actors(actor)
        if reason not in rules.reasons:
            listed = ", ".join(rules.reasons)
            raise CommandMalformed(f"没有此紧急理由；有：{listed}", f"no such reason; there are: {listed}")
        who, now = admitted(desk, account, work), desk.clock()
        if circumstances(desk, who, case_id, work, now).is_overdue:  # whatever the case, so before it is looked up
            raise ReviewOverdue(
                "您此前的紧急调阅逾期未复核，请先由身份保管员复核",
                "the review of an earlier emergency of yours is overdue: let a custodian review it first",
            )
        at = at_the_case(desk, case_id, "break_glass", work, account, for_update=True)
        if at.given.has_glass:
            raise NothingToChange("您对该个案的紧急调阅仍在有效期内", "your glass over this case is still broken")
        row = EmergencyRow(
            notices.new_code("E"), case_id, who.person, who.unit, reason, now, now + timedelta(minutes=rules.minutes),
            now + timedelta(hours=rules.review_hours),
        )  # fmt: skip
        work.add_emergency(row)
        notices.tell_custodians(work, now, "glass_broken", at.file, about=row.id)
        account.details |= {"emergency": row.id, "reason": reason}
    return _glass(row, now)


def review(desk: Desk, emergency: str, outcome: str, actor: Actor) -> Glass:
    """Put on record what a custodian found who looked at an emergency; that ends it at once if it still lasts.

    Raises :class:`EmergencyUnknown`, :class:`OwnReview`, :class:`NotPermitted`, :class:`NothingToChange` for one that
    was reviewed, :class:`CommandMalformed`.
    """
    account = Account("emergency:review", replace(actor, purpose="custody"))
    with desk.changing(account) as work:
        hold_actors(actor)
        if outcome not in OUTCOMES:
            listed = ", ".join(OUTCOMES)
            raise CommandMalformed(f"没有此复核结论；有：{listed}", f"no such outcome; there are: {listed}")
        now = desk.clock()
        who = admitted(desk, account, work, "custodian")
        row = work.emergency(emergency)
        place = emergency if row is None else row.case_id
        file = case_file(desk, place, work, now)  # of an erased case too: its review is still owed
        tell_of(desk, place, work, account)
        if row is None or file is None or not _may_know_of(desk, row, who, file, account):
            raise _unknown(emergency)
        account.details |= {"emergency": row.id, "outcome": outcome}
        if who.person == row.person:
            raise OwnReview("不得复核自己的紧急调阅", "nobody reviews an own emergency: another custodian does")
        permit(desk, account, who, "review_glass", file, Circumstances(asked_by=row.person))
        if not work.review_emergency(row.id, outcome, at=now, by=who.person, unit=who.unit):
            raise NothingToChange("该紧急调阅已复核", "it was reviewed already")
        notices.tell_person(work, now, "glass_reviewed", row.person, case=row.case_id, about=row.id)
    return _glass(replace(row, reviewed_at=now, reviewed_by=who.person, reviewed_unit=who.unit, outcome=outcome), now)


def _may_know_of(desk: Desk, row: EmergencyRow, who: Who, file: CaseFile, account: Account) -> bool:
    """Whether she broke it, may review it, or may know of its case."""
    if who.person == row.person:
        return True
    verdict = desk.gate.decide(who, "review_glass", file, Circumstances(asked_by=row.person))
    note(account, verdict)
    return verdict.allowed or may_know(desk.gate, who, file)


def _unknown(emergency: str) -> EmergencyUnknown:
    """What is said of an emergency that does not exist, and of one that somebody is not to know of."""
    told = shown(emergency)
    return EmergencyUnknown(f"没有紧急调阅 {told}", f"no emergency {told}", emergency=told)


@dataclass(frozen=True, slots=True)
class GlassPage:
    """Some emergencies of a list, the newest first; ``next`` leads to those behind, if there are any."""

    lines: tuple[Glass, ...]
    next: str | None


def listed(desk: Desk, actor: Actor, *, after: str | None = None) -> GlassPage:
    """The emergencies that the actor opened or may review. ``after`` is the ``next`` of the page before."""
    account = Account("emergency:list", replace(actor, purpose="custody"))
    with desk.reading(account) as work:
        hold_actors(actor)
        now = desk.clock()
        who = admitted(desk, account, work, "custodian")
        place = None if after is None else read_mark(after)
        found = list(islice(_seen(desk, who, (now, place), work), PAGE + 1))
        rows = found[:PAGE]
        for case_id in sorted({row.case_id for row in rows}):
            key = desk.safe.key_for(case_id, work)
            if key is not None:
                account.read(key)
    goes_on = mark(rows[-1].opened_at, rows[-1].id) if len(found) > PAGE else None
    return GlassPage(tuple(_glass(row, now) for row in rows), goes_on)


def _seen(
    desk: Desk, who: Who, since: tuple[datetime, tuple[datetime, str] | None], work: Work
) -> Iterator[EmergencyRow]:
    now, place = since
    sought = Sought(who.person, answerable_area(desk, who, ("review_glass",)))
    while rows := work.emergencies(sought, _AT_ONCE, place):
        yield from (row for row in rows if _may_see(desk, row, who, now, work))
        place = rows[-1].opened_at, rows[-1].id


def _may_see(desk: Desk, row: EmergencyRow, who: Who, now: datetime, work: Work) -> bool:
    if row.person == who.person:
        return True
    file = case_file(desk, row.case_id, work, now)
    given = Circumstances(asked_by=row.person)
    return file is not None and desk.gate.decide(who, "review_glass", file, given).allowed


def _glass(row: EmergencyRow, now: datetime) -> Glass:
    return Glass(
        row.id, row.case_id, row.person, row.unit, row.reason, row.opened_at, row.ends_at, row.review_by, row.outcome,
        row.reviewed_by, row.reviewed_at is None and now >= row.review_by,
    )  # fmt: skip
