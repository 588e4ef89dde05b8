"""Notices: what a person, or everybody of a role in an area, is to be told. Codes and dates only, no content.

They are written in the commit of what they tell of. Until they are delivered, whoever they are for looks them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.access.model import CaseFile, Who
from engine.access.subjects import Installation
from engine.core.codes import hold_actors
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.marks import mark, read_mark
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import admitted, permit
from engine.store.requests import NoticeRow
from engine.store.work import Work
from engine.vault.pseudonym import new_pseudonym

KINDS: Mapping[str, Label] = {
    "request_asked": Label(zh="有申请待您办理", en="A request waits for your answer"),
    "request_approved": Label(zh="您的申请已获同意", en="Your request is approved"),
    "request_declined": Label(zh="您的申请未获同意", en="Your request was declined"),
    "glass_broken": Label(
        zh="有人紧急调阅个案，须复核", en="Somebody broke the glass over a case: it must be reviewed"
    ),
    "glass_reviewed": Label(zh="您的紧急调阅已复核", en="Your emergency was reviewed"),
    "recovery_asked": Label(
        zh="有人申请恢复一名人员的登录，可中止", en="Somebody asks for the recovery of a sign-in: it can be stopped"
    ),
    "recovery_done": Label(
        zh="一名人员的登录已恢复，须重新登记", en="A sign-in was recovered: second factors are enrolled anew"
    ),
    "provider_linked": Label(
        zh="一名人员可用统一身份账号登录了；如非本人所为请立即告知管理员",
        en="Somebody may sign in by an account of the provider now: tell an administrator at once if it is not hers",
    ),
    "hand_off_offered": Label(zh="有移交待本单位接收", en="A hand-off is offered to your unit"),
    "hand_off_accepted": Label(zh="本单位提出的移交已被接收", en="A hand-off of your unit was accepted"),
    "hand_off_declined": Label(zh="本单位提出的移交被退回", en="A hand-off of your unit was declined"),
    "hand_off_withdrawn": Label(zh="移交给本单位的事项已撤回", en="A hand-off to your unit was withdrawn"),
    "lead_waits": Label(zh="有线索待本单位办理", en="A lead waits for your unit"),
    "webhook_ended": Label(zh="本单位的推送地址已停用", en="A webhook of your unit ended by itself"),
    "webhook_test": Label(zh="推送地址试发", en="A test of a webhook"),
}
"""What a notice may tell; held equal to the table by a test."""
_TOLD_WITH_THE_UNIT = ("caseworker", "unit_supervisor")
"""As what somebody is told what her unit is told."""
PAGE = 50


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: ``about`` is the code of the request or emergency, ``seen_at`` when it was first looked at."""

    id: str
    at: datetime
    kind: str
    title: Label
    case: str | None
    about: str
    seen_at: datetime | None


def told_unit(who: Who) -> str:
    """The unit whose notices are for somebody acting in this role; an empty one for whoever is told none."""
    return who.unit if who.role in _TOLD_WITH_THE_UNIT else ""


def new_code(letter: str) -> str:
    """A random code that says nothing, such as ``R-7K3M-9QXD-04RB``."""
    return f"{letter}-{new_pseudonym().removeprefix('GT-')}"


def tell_person(work: Work, now: datetime, kind: str, person: str, *, case: str, about: str) -> None:
    """Tell a person, in this commit."""
    work.add_notice(NoticeRow(new_code("N"), now, kind, person, None, None, case, about))


def tell_custodians(work: Work, now: datetime, kind: str, file: CaseFile, *, about: str) -> None:
    """Tell the custodians of the case's area and of every area above it, each level apart, in this commit."""
    for area in file.areas:
        work.add_notice(NoticeRow(new_code("N"), now, kind, None, "custodian", area, file.id, about))


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Some notices of a list, the newest first; ``next`` leads to those behind, if there are any."""

    lines: tuple[Notice, ...]
    next: str | None


def tell_unit(work: Work, now: datetime, kind: str, unit: str, *, case: str | None, about: str) -> None:
    """Tell a unit, in this commit, and let its own systems be told that asked for such notices."""
    row = NoticeRow(new_code("N"), now, kind, None, None, None, case, about, to_unit=unit)
    work.add_notice(row)
    work.queue_for_webhooks(row.id, unit, kind, now)


def tell_supervisors(work: Work, now: datetime, kind: str, unit: str, *, about: str) -> str:
    """Tell the supervisors of a unit, in this commit, and give the code of the notice."""
    row = NoticeRow(new_code("N"), now, kind, None, "unit_supervisor", None, None, about, to_unit=unit)
    work.add_notice(row)
    return row.id


def tell_of_sign_in(desk: Desk, work: Work, kind: str, person: str, *, about: str) -> None:
    """Tell an enrolled person what becomes of her sign-in, and the supervisors in the areas of her units."""
    now, directory = desk.clock(), desk.directory(work)
    known = work.member(person)
    assert known is not None, "whoever's sign-in changes is enrolled"
    units = {directory.current(one.unit) for one in known.memberships if one.holds(now)}
    work.add_notice(NoticeRow(new_code("N"), now, kind, person, None, None, None, about))
    for area in sorted({unit.jurisdiction for unit in units}):
        work.add_notice(NoticeRow(new_code("N"), now, kind, None, "unit_supervisor", area, None, about))


def listed(desk: Desk, actor: Actor, *, after: str | None = None) -> NoticePage:
    """What the actor is to be told, as a person and in the role she or he acts in, the newest first.

    From now on what is on the page is seen: each notice keeps when somebody first looked at it. ``after`` is the
    ``next`` of the page before. Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("notice:list", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        now = desk.clock()
        who = admitted(desk, account, work)
        permit(desk, account, who, "read_notices", Installation())
        place = None if after is None else read_mark(after)
        found = work.notices_for(who.person, who.role, who.areas[0], told_unit(who), most=PAGE + 1, after=place)
        rows = found[:PAGE]
        for row in rows:
            if row.seen_at is None:
                work.see_notice(row.id, now)
        for case_id in sorted({row.case_id for row in rows if row.case_id}):
            key = desk.safe.key_for(case_id, work)
            if key is not None:
                account.read(key)
    lines = (Notice(row.id, row.at, row.kind, KINDS[row.kind], row.case_id, row.about, row.seen_at) for row in rows)
    return NoticePage(tuple(lines), mark(rows[-1].at, rows[-1].id) if len(found) > PAGE else None)
