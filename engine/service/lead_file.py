"""A lead on file: its key, what happened to it, and how it stands; and somebody at a lead, judged before it is opened.

Each lead has a key of its own, sealed under the installation's, of which no version is ever destroyed: a rotation moves
nothing here, and whoever destroys the key of a lead makes all of it unreadable. Whom a lead names, and how its reporter
can be asked, lies in a cell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from engine.access.judging import denied
from engine.access.model import Role, Who
from engine.access.subjects import Lead as LeadSubject
from engine.core.codes import is_code
from engine.core.commands import snake
from engine.core.directory import Directory
from engine.core.leads import EVENTS, Lead, LeadEntry, evolve
from engine.errors import (
    ContentUnreadable,
    HistoryBroken,
    IdentifierInText,
    LeadErased,
    LeadUnknown,
    StaleRevision,
)
from engine.ledger.event import ACTS
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import admitted, note
from engine.store.leads import LeadEventRow, LeadRow
from engine.store.work import Work
from engine.vault.identity import Identity
from engine.vault.keys import CaseKey, Cell
from engine.vault.screening import found_in
from engine.vault.suite import fresh_key


class Named(msgspec.Struct, frozen=True):
    """Whom a lead names, and how its reporter can be asked."""

    persons: tuple[Identity, ...] = ()
    contact: str = ""


class _Sealed(msgspec.Struct, frozen=True):
    """An event as it is sealed: with its envelope, which lies beside it in clear."""

    number: int
    at: datetime
    kind: str
    person: str
    unit: str
    event: msgspec.Raw


# ── writing ──


def begin(desk: Desk, lead: Lead, entries: tuple[LeadEntry, ...], named: Named | None, work: Work) -> CaseKey:
    """Put a new lead on record, sealed under a key of its own."""
    secret = fresh_key()
    key = CaseKey(lead.id, {1: secret})
    wrapped = desk.safe.house(work).seal(secret, _key_cell(lead.id))
    sealed = None if named is None else key.seal(msgspec.json.encode(named), _named_cell(lead.id))
    work.add_lead(_row(lead, entries[-1].at), wrapped, sealed)
    work.add_lead_unit(lead.id, lead.reporting_unit, "reporting", lead.reported_at)
    _add(lead, entries, key, work)
    return key


def save(lead: Lead, entries: tuple[LeadEntry, ...], key: CaseKey, work: Work) -> None:
    """Put on record what happened to a lead, and how it stands after it."""
    work.save_lead(_row(lead, entries[-1].at))
    _add(lead, entries, key, work)


def tell(account: Account, lead: Lead, key: CaseKey) -> None:
    """Tell the ledger how a lead stands now."""
    digest = key.ledger_digest(msgspec.json.encode(lead))
    account.details |= {"lead": lead.id, "revision": lead.revision, "digest": digest}


def _add(lead: Lead, entries: tuple[LeadEntry, ...], key: CaseKey, work: Work) -> None:
    for entry in entries:
        kind = snake(type(entry.event))
        body = _Sealed(
            entry.number, entry.at, kind, entry.person, entry.unit, msgspec.Raw(msgspec.json.encode(entry.event))
        )
        sealed = key.seal(msgspec.json.encode(body), _event_cell(lead.id, entry.number))
        work.add_lead_event(
            LeadEventRow(lead.id, entry.number, entry.at, kind, entry.person, entry.unit, sealed)
        )  # fmt: skip
    for part, units in (("handling", lead.handled_by), ("accepting", lead.accepted_by)):
        for unit in units:
            work.add_lead_unit(lead.id, unit, part, lead.reported_at)


def _row(lead: Lead, changed_at: datetime) -> LeadRow:
    return LeadRow(
        lead.id, lead.kind, lead.area, lead.status, lead.turn, lead.revision, lead.reporter, lead.reporting_unit,
        lead.reported_at, changed_at, lead.case,
    )  # fmt: skip


# ── reading ──


def key_of(desk: Desk, lead: str, work: Work) -> CaseKey | None:
    """The key of a lead; nothing once it was destroyed. Raises :class:`ContentUnreadable`."""
    sealed = work.lead_key(lead)
    return None if sealed is None else CaseKey(lead, {1: desk.safe.house(work).unseal(sealed, _key_cell(lead))})


def opened(row: LeadRow, key: CaseKey, work: Work) -> tuple[Lead, tuple[LeadEntry, ...]]:
    """A lead as its history makes it, and that history.

    Raises :class:`ContentUnreadable`; :class:`HistoryBroken` when what lies beside it in clear says otherwise.
    """
    entries = tuple(_entry(one, key) for one in work.lead_events(row.id))
    try:
        lead = evolve(None, entries, lead_id=row.id)
    except ValueError:
        raise _broken(row.id) from None
    if not entries or _row(lead, entries[-1].at) != row:
        raise _broken(row.id)
    return lead, entries


def _entry(row: LeadEventRow, key: CaseKey) -> LeadEntry:
    plain = key.unseal(row.sealed, _event_cell(row.lead_id, row.number))
    try:
        body = msgspec.json.decode(plain, type=_Sealed)
        event = msgspec.json.decode(body.event, type=EVENTS[body.kind])
    except (msgspec.MsgspecError, KeyError):
        raise _broken(row.lead_id) from None
    if (body.number, body.at, body.kind, body.person, body.unit) != (
        row.number, row.at, row.kind, row.person, row.unit,
    ):  # fmt: skip
        raise _broken(row.lead_id)
    return LeadEntry(body.number, body.at, body.person, body.unit, event)


def named_in(lead: str, key: CaseKey, work: Work) -> Named:
    """Whom a lead names. Raises :class:`ContentUnreadable`."""
    sealed = work.lead_named(lead)
    if sealed is None:
        return Named()
    try:
        return msgspec.json.decode(key.unseal(sealed, _named_cell(lead)), type=Named)
    except msgspec.MsgspecError:
        raise ContentUnreadable(
            f"线索 {lead} 的存储内容无法打开", f"what is stored of lead {lead} does not open"
        ) from None


def screen(named: Named, texts: Mapping[str, str]) -> None:
    """Raise :class:`IdentifierInText` when a free text names somebody who is named in the part for names."""
    found = {name: kinds for name, text in texts.items() if (kinds := found_in(text, named.persons))}
    if found:
        raise IdentifierInText(
            f"文字（{'、'.join(found)}）含有姓名、号码等身份信息；请删去，姓名和号码只写在线索的人员部分，单独封存",
            f"the text ({', '.join(found)}) names somebody: take it out, names and numbers go into the part for "
            "persons only, which is sealed apart",
            fields=sorted(found),
        )  # fmt: skip


# ── somebody at a lead ──


@dataclass(frozen=True, slots=True)
class AtLead:
    """Who acts on which lead, in one transaction; nothing of what it says is opened yet."""

    row: LeadRow
    subject: LeadSubject
    who: Who
    now: datetime
    units: Directory

    def opened(self, desk: Desk, work: Work) -> tuple[Lead, CaseKey]:
        """The lead with its key. Raises :class:`LeadErased`, and what :func:`opened` raises."""
        key = key_of(desk, self.row.id, work)
        if key is None:
            raise LeadErased(
                f"线索 {self.row.id} 已随个案删除：密钥已销毁，任何人都无法再读取",
                f"lead {self.row.id} was erased with its case: its key is destroyed, nobody can read it any more",
                lead=self.row.id,
            )
        return opened(self.row, key, work)[0], key


def at_the_lead(  # noqa: PLR0917 - a lead, and all that somebody is judged by
    desk: Desk, lead: str, action: str, work: Work, account: Account, meant: Role = "caseworker",
    *, knows_by: str = "see_lead", for_update: bool = False,
) -> AtLead:  # fmt: skip
    """The lead for whoever is permitted this action on it; ``knows_by`` is the action by which she may know of it.

    Raises :class:`NotPermitted` for whoever may know of it and not do this, :class:`LeadUnknown` for everybody else.
    """
    who = admitted(desk, account, work, meant)
    row = work.lead(lead, for_update=for_update) if is_code(lead) else None
    units = desk.directory(work)
    if row is None:
        work.lead_units(lead)  # of nothing; but as much is asked as of a lead she may not know of
        raise unknown(lead)
    account.details["lead"] = row.id
    subject = subject_of(row, units, work)
    verdict = desk.gate.decide(who, action, subject)
    note(account, verdict)
    if not verdict.allowed:
        if not desk.gate.decide(replace(who, purpose="case_handling"), knows_by, subject).allowed:
            raise unknown(lead)
        raise denied(desk.gate, who, action, verdict, ACTS[account.act])
    return AtLead(row, subject, who, max(desk.clock(), row.changed_at), units)


def subject_of(row: LeadRow, units: Directory, work: Work) -> LeadSubject:
    """A lead as the policies see it: who has to do with it, as units are today."""
    parts: dict[str, set[str]] = {"reporting": set(), "handling": set(), "accepting": set()}
    for unit, part in work.lead_units(row.id):
        parts[part].add(units.current(unit).id)
    turn = frozenset() if row.turn is None else frozenset((units.current(row.turn).id,))
    return LeadSubject(
        row.id, row.kind, turn=turn, handled_by=frozenset(parts["handling"]), reported_by=row.reporter,
        accepted_by=frozenset(parts["accepting"]), reporting_unit=frozenset(parts["reporting"]),
    )  # fmt: skip


def hold_to_revision(row: LeadRow, expected: int | None) -> None:
    """Raise :class:`StaleRevision` when somebody else acted on the lead since it was looked at."""
    if expected is not None and expected != row.revision:
        raise StaleRevision(
            f"线索已更新到第 {row.revision} 版（您看到的是第 {expected} 版），请重新查看后再办",
            f"the lead is at revision {row.revision}, you looked at {expected}: look again",
            current=row.revision, expected=expected,
        )  # fmt: skip


def unknown(lead: str) -> LeadUnknown:
    """What is said of a lead that does not exist, and of one that somebody is not to know of."""
    told = lead if is_code(lead) else "?"
    return LeadUnknown(f"没有线索 {told}", f"no lead {told}", lead=told)


def _broken(lead: str) -> HistoryBroken:
    return HistoryBroken(f"线索 {lead} 的存储内容与办理记录不符", f"lead {lead} differs from its history", lead=lead)


def _key_cell(lead: str) -> Cell:
    return Cell("lead_key", lead, "sealed", 1)


def _named_cell(lead: str) -> Cell:
    return Cell("lead_named", lead, "sealed", 1)


def _event_cell(lead: str, number: int) -> Cell:
    return Cell("lead_event", f"{lead}/{number}", "sealed", 1)
