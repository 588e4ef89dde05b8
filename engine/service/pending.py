"""Requests that wait: those somebody asked for, and those she may answer, page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from engine.access.model import CaseFile, Circumstances, Who
from engine.core.codes import hold_actors
from engine.core.commands import Actor
from engine.core.marks import mark, read_mark
from engine.errors import CaseErased, CommandMalformed, RequestChanged
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.known import load_with_key
from engine.service.participation import case_file
from engine.service.permission import admitted
from engine.service.requests import (
    APPROVING,
    KINDS,
    NEEDED,
    Exact,
    InHand,
    approvals_of,
    as_custodian,
    exact_words,
)
from engine.store.requests import RequestRow, Sought
from engine.store.work import Work

PAGE = 50
_AT_ONCE = 200
"""So many rows are read at a time, to be asked about one by one."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits, as whoever asked for it or may answer it sees it.

    ``exact`` is ``None`` when the row is not what was asked for any more: then nobody can answer or use it.
    """

    request: str
    exact: Exact | None
    digest: str
    needed: int
    approved_by: tuple[Actor, ...]
    is_own: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PendingPage:
    """Some of the requests that wait, the next to expire first; ``next`` leads to those behind, if there are any."""

    lines: tuple[Pending, ...]
    next: str | None


def listed(desk: Desk, actor: Actor, kinds: Collection[str], *, after: str | None = None) -> PendingPage:
    """The open requests of these kinds that the actor asked for or may answer.

    ``after`` is the ``next`` of the page before. Raises :class:`CommandMalformed` for a kind that is none.
    """
    if not set(kinds) <= set(KINDS):
        known = ", ".join(KINDS)
        raise CommandMalformed(
            f"没有这种申请；有：{known}", f"no such kind of request; there are: {known}", field="kind"
        )
    account = Account("request:list", as_custodian(actor), details={"kinds": ",".join(sorted(kinds))})
    with desk.reading(account) as work:
        hold_actors(actor)
        now = desk.clock()
        who = admitted(desk, account, work, "custodian")
        place = None if after is None else read_mark(after)
        found = list(islice(_seen(desk, who, kinds, (now, place), work, account), PAGE + 1))
        lines = tuple(found[:PAGE])
        return PendingPage(lines, mark(lines[-1].expires_at, lines[-1].request) if len(found) > PAGE else None)


def _seen(  # noqa: PLR0917 - a question, and all that it is asked on
    desk: Desk, who: Who, kinds: Collection[str], since: tuple[datetime, tuple[datetime, str] | None], work: Work,
    account: Account,
) -> Iterator[Pending]:  # fmt: skip
    """Yield the requests that somebody may see, one after the other; those nobody lets her see are not opened."""
    now, place = since
    sought = Sought(who.person, answerable_area(desk, who, {APPROVING[kind] for kind in kinds}))
    while rows := work.open_requests(now, sought, _AT_ONCE, place):
        for row in rows:
            shown = _pending(desk, row, who, work, account) if _is_seen(desk, row, kinds, who, now, work) else None
            if shown is not None:
                yield shown
        place = rows[-1].expires_at, rows[-1].id


def answerable_area(desk: Desk, who: Who, actions: Collection[str]) -> str | None:
    """The area at and below which the policies may let somebody do one of these about what another asked for.

    It only spares reading what would be refused one by one: of a case in her very own area she is asked first.
    """
    probe = CaseFile("probe", who.areas, "victim", "open", {}, {}, {})
    given = Circumstances(asked_by="somebody-else")
    allowed = any(desk.gate.decide(who, action, probe, given).allowed for action in actions)
    return who.areas[0] if allowed else None


def _is_seen(  # noqa: PLR0917 - a question, and all that it is asked on
    desk: Desk, row: RequestRow, kinds: Collection[str], who: Who, now: datetime, work: Work
) -> bool:
    if row.kind not in kinds or row.person == who.person:
        return row.kind in kinds
    file = case_file(desk, row.case_id, work, now)
    given = Circumstances(asked_by=row.person)
    return file is not None and desk.gate.decide(who, APPROVING[row.kind], file, given).allowed


def _pending(desk: Desk, row: RequestRow, who: Who, work: Work, account: Account) -> Pending | None:
    try:
        known = load_with_key(desk, row.case_id, work, for_update=False, classes=())
    except CaseErased:
        return None
    known.tell(account)
    is_own, needed = row.person == who.person, NEEDED[row.kind]
    try:
        found = InHand(row, exact_words(row, known.key), known, approvals_of(row, known.key, work))
    except RequestChanged:
        return Pending(row.id, None, row.digest, needed, (), is_own, row.expires_at)
    return Pending(row.id, found.exact, row.digest, needed, found.approvers, is_own, row.expires_at)
