"""Showing who somebody is: on a request that a custodian approved, or behind a broken glass; entered before it opens.

Two transactions: the first uses the request up and enters the disclosure, and is committed; the second opens the
identity. If the second fails, the use is spent: what may have been seen is on record, never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from engine.access.model import Who
from engine.core.codes import hold_actors, hold_code
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.errors import CommandMalformed, GuituError, NotPermitted, RevealFailed
from engine.service import requests
from engine.service.account import Account
from engine.service.at_the_case import at_the_case
from engine.service.circumstances import circumstances, file_at, glass_of
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key
from engine.service.permission import admitted, permit
from engine.service.persons import Persons
from engine.service.proof import hold_proof
from engine.service.request_rules import RequestRules
from engine.store.work import Work
from engine.vault.identity import Identity

FIELDS: Mapping[str, Label] = {
    "name": Label(zh="姓名", en="Name"),
    "other_names": Label(zh="其他姓名", en="Other names"),
    "id_number": Label(zh="公民身份号码", en="Citizen identity number"),
    "born_on": Label(zh="出生日期", en="Date of birth"),
    "sex": Label(zh="性别", en="Sex"),
    "phones": Label(zh="电话", en="Phones"),
    "address": Label(zh="住址", en="Address"),
    "papers": Label(zh="证件", en="Papers"),
}
"""What may be asked for, one by one; held equal to the fields of an identity by a test."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Of whom what is to be seen: a case, the reference of a person of it, and fields of :data:`FIELDS`."""

    case: str
    person: str
    fields: tuple[str, ...]

    def held(self) -> tuple[str, ...]:
        """The fields, in their order. Raises :class:`CommandMalformed` for none, and for one that is none of them."""
        hold_code("person", self.person)
        chosen = tuple(name for name in FIELDS if name in self.fields)
        if not chosen or set(self.fields) - set(FIELDS):
            listed = ", ".join(FIELDS)
            raise CommandMalformed(f"请逐项写明要看的项目：{listed}", f"name the fields to be seen, of: {listed}")
        return chosen


@dataclass(frozen=True, slots=True)
class Revealed:
    """What was shown of somebody: the approved fields only, with who saw them, when, on what, and for how long.

    ``values`` is what JSON can hold of each field that the identity has; it is kept out of ``repr``. ``missing`` were
    approved, and nobody has recorded them. ``on`` is the request or the emergency.
    """

    case: str
    person: str
    values: Mapping[str, object] = field(repr=False)
    missing: tuple[str, ...]
    viewer: str
    unit: str
    at: datetime
    put_away_by: datetime
    on: str


@dataclass(frozen=True, slots=True)
class _Look:
    """A disclosure that is committed and entered: what of whom may be opened now, by whom, on what."""

    case: str
    person: str
    fields: tuple[str, ...]
    who: Who
    at: datetime
    on: str


def ask(desk: Desk, rules: RequestRules, sought: Sought, reason: str, actor: Actor) -> requests.Asked:
    """Ask to see fields of the identity of a person of a case, for the actor's purpose and a reason of the rules.

    Raises :class:`CommandMalformed`, :class:`NotPermitted`, :class:`CaseUnknown`.
    """
    account = Account("identity:request", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        fields = sought.held()
        if reason not in rules.reveal_reasons:
            listed = ", ".join(rules.reveal_reasons)
            raise CommandMalformed(f"没有此调阅理由；有：{listed}", f"no such reason; there are: {listed}")
        at = at_the_case(desk, sought.case, "request_identity", work, account)
        _hold_person(at.known, sought.person, work)
        stands = timedelta(hours=rules.valid_hours)
        wish = requests.Wish("reveal", reason, stands, sought.person, fields)
        account.read(at.known.key, person=sought.person)
        return requests.put(at.known, wish, at.who, at.file, now=at.now, work=work, account=account)


def reveal(desk: Desk, rules: RequestRules, request: str, actor: Actor) -> Revealed:
    """Show what an approved request asked for, once.

    Raises :class:`RequestForeign`, :class:`ApprovalsMissing`, :class:`RequestUsed` and what else
    :mod:`engine.service.requests` raises, :class:`NotPermitted`; :class:`RevealFailed` when the request is used up and
    the identity did not open.
    """
    account = Account("identity:reveal", actor)
    with desk.changing(account) as work:
        hold_actors(actor)
        hold_proof(desk, account.act, actor, work)  # before the request is opened, which tells of a case
        now = desk.clock()
        who = admitted(desk, account, work)
        found = requests.take(desk, request, who, work, account)
        exact = found.exact
        requests.hold_own(desk, found, who, work)
        if exact.kind != "reveal":
            raise requests.of_another_kind(found)
        account.actor, who = replace(actor, purpose=exact.purpose), replace(who, purpose=exact.purpose)
        account.purpose = exact.purpose
        account.read(found.key, person=exact.person, classes=("identity",))
        requests.hold_open(found, now)
        requests.hold_approved(found)
        file = file_at(desk, found.known.case, work, now)
        given = found.circumstances(circumstances(desk, who, exact.case, work, now))
        permit(desk, account, who, "reveal_identity", file, given)
        _hold_person(found.known, exact.person, work)
        requests.use(found, who, now, work, account)
    return _opened(desk, rules, _Look(exact.case, exact.person, exact.fields, who, now, exact.request))


def reveal_in_emergency(desk: Desk, rules: RequestRules, sought: Sought, actor: Actor) -> Revealed:
    """Show fields of an identity to somebody who broke the glass over the case, without anybody else.

    Raises :class:`NotPermitted` for everybody who did not, and what :func:`reveal` raises.
    """
    account = Account("identity:reveal", replace(actor, purpose="emergency"))
    with desk.changing(account) as work:
        hold_actors(actor)
        wanted = sought.held()
        at = at_the_case(desk, sought.case, "reveal_identity", work, account)
        account.read(at.known.key, person=sought.person, classes=("identity",))
        glass = glass_of(work, at.who.person, sought.case, at.now)
        if glass is None:
            raise NotPermitted("没有紧急调阅，不能不经申请调阅身份", "without a broken glass it takes a request")
        _hold_person(at.known, sought.person, work)
        account.details |= {"emergency": glass.id}
    return _opened(desk, rules, _Look(sought.case, sought.person, wanted, at.who, at.now, glass.id))


def _hold_person(known: Known, person: str, work: Work) -> None:
    if work.person(known.case.id, person) is None:
        raise CommandMalformed(
            "该个案没有登记此身份代号的身份", "the case has no identity of a person of this reference", field="person"
        )


def _opened(desk: Desk, rules: RequestRules, look: _Look) -> Revealed:
    """Open the identity, now that the disclosure is committed. Raises :class:`RevealFailed`."""
    try:
        with desk.database.reading() as work:
            identity = _identity_of(desk, look, work)
    except GuituError as error:
        raise RevealFailed(
            "调阅已入账，但身份信息未能打开；该申请已用去，请查明原因后另行申请",
            "the disclosure is entered, but the identity did not open; the request is used up: find out why, ask anew",
            on=look.on, why=error.code,
        ) from error  # fmt: skip
    known = msgspec.to_builtins(identity)
    return Revealed(
        case=look.case, person=look.person, values={name: known[name] for name in look.fields if name in known},
        missing=tuple(name for name in look.fields if name not in known), viewer=look.who.person, unit=look.who.unit,
        at=look.at, put_away_by=look.at + timedelta(minutes=rules.shown_minutes), on=look.on,
    )  # fmt: skip


def _identity_of(desk: Desk, look: _Look, work: Work) -> Identity:
    known = load_with_key(desk, look.case, work, for_update=False, classes=())
    row = work.person(look.case, look.person)
    if row is None:
        raise CommandMalformed("身份信息已不存在", "the identity is gone", field="person")
    return Persons(desk.safe, work).opened(row, known.key)
