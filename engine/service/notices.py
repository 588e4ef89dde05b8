"""Notices: what a person, or everybody of a role in an area, is to be told. Codes and dates only, no content.

They are written in the commit of what they tell of. Until they are delivered, whoever they are for looks them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.access.model import CaseFile
from engine.access.subjects import Installation
from engine.core.codes import hold_actors
from engine.core.commands import Actor
from engine.core.definition import Label
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
}
"""What a notice may tell; held equal to the table by a test."""
MOST_LISTED = 200


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


def listed(desk: Desk, actor: Actor) -> list[Notice]:
    """What the actor is to be told, as a person and in the role she or he acts in, the newest first.

    From now on it is seen: each notice keeps when somebody first looked at it.
    """
    account = Account("notice:list", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        now = desk.clock()
        who = admitted(desk, account, work)
        permit(desk, account, who, "read_notices", Installation())
        rows = work.notices_for(who.person, who.role, who.areas[0], MOST_LISTED)
        for row in rows:
            if row.seen_at is None:
                work.see_notice(row.id, now)
        for case_id in sorted({row.case_id for row in rows if row.case_id}):
            key = desk.safe.key_for(case_id, work)
            if key is not None:
                account.read(key)
    return [Notice(row.id, row.at, row.kind, KINDS[row.kind], row.case_id, row.about, row.seen_at) for row in rows]
