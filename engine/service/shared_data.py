"""Data of a case shared with another unit, where a clause of its document prints that data are shared.

What goes over is what the unit that shares sees of the classes it names, without identities and references to persons;
what chapter 90 of the policies forbids the receiver does not. It is put on record as it was, sealed under the key of
the case: erasing the case takes it away from everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from engine.access.judging import denied
from engine.access.model import CaseFile, Who
from engine.access.subjects import Installation, Record
from engine.core.codes import hold_actors, hold_code
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.directory import Directory, Unit
from engine.core.events import FactValue
from engine.errors import CommandMalformed, HistoryBroken, NothingToChange, NotPrinted, Reason
from engine.ledger.event import ACTS
from engine.service import notices
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.lead_rules import NEVER_SHARED, Ground, SharingRules
from engine.service.permission import admitted, permit
from engine.service.persons import Persons
from engine.service.read import unit_label
from engine.service.sight import Seen, open_for_reading
from engine.store.shares import SharedRow
from engine.store.work import Work
from engine.vault.keys import CaseKey, Cell

PAGE = 50
_PERSONS = ("person", "persons")
"""Types of facts that point to somebody; no such fact is shared."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What somebody wants to share: on which ground of the rules, which classes, with whom, and what for."""

    ground: str
    classes: tuple[str, ...]
    to_unit: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What was shared, as it was: the clause (``None``: a local setting), what for, and the facts by their class."""

    ground: str
    document: str
    clause: str | None
    provenance: str
    purpose: str
    facts: dict[str, dict[str, FactValue]]


@dataclass(frozen=True, slots=True)
class Shared:
    """That data were shared; ``contents`` is ``None`` where the case was erased since.

    ``withheld`` are the classes of it that whoever looks may not see of the case; their facts are left out.
    """

    id: str
    case: str
    at: datetime
    person: str
    from_unit: str
    from_name: Label
    to_unit: str
    to_name: Label
    contents: Contents | None
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedLines:
    """A page of what was shared; ``next`` leads to the lines behind it, and is nothing at the end."""

    lines: tuple[Shared, ...]
    next: str | None


# ── sharing ──


def share(desk: Desk, rules: SharingRules, case: str, wanted: Sharing, actor: Actor) -> Shared:
    """Share data of a case with another unit.

    Raises :class:`CaseUnknown`, :class:`NotPermitted`; :class:`NotPrinted` with all reasons where no clause of the
    case's document prints it for these units and classes; :class:`NothingToChange` where there is nothing of these
    classes; :class:`IdentifierInText`, :class:`UnitUnknown`, :class:`CommandMalformed`.
    """
    account = Account("data:share", actor)
    with desk.changing(account) as work:
        _hold_words(wanted, actor, desk.gate.classes)
        seen = open_for_reading(desk, case, work, account, "see_case", reads=frozenset(wanted.classes))
        permit(desk, account, seen.who, "share_data", _record(seen), seen.given)
        receiver = seen.directory.current(wanted.to_unit)
        ground = _ground(rules, wanted, seen, receiver)
        _hold_disclosed(desk, wanted, seen, receiver, account)
        Persons(desk.safe, work).screen(seen.case, seen.key, {"purpose": wanted.purpose})
        contents = Contents(
            wanted.ground, ground.document, ground.clause, ground.provenance, wanted.purpose, _facts(wanted, seen)
        )
        if not any(contents.facts.values()):
            raise NothingToChange(
                "个案在这些类别中没有可共享的内容", "the case holds nothing of these classes to share"
            )
        row = _put_on_record(desk, seen, receiver, contents, work)
        seen.tell(account, wanted.classes)
        account.details |= {
            "share": row.id, "to_unit": receiver.id, "ground": wanted.ground,
            "digest": seen.key.ledger_digest(msgspec.json.encode(contents)),
        }  # fmt: skip
    return _shared(row, contents, seen.directory)


def _hold_words(wanted: Sharing, actor: Actor, classes: Collection[str]) -> None:
    hold_actors(actor)
    hold_code("ground", wanted.ground)
    hold_code("to_unit", wanted.to_unit)
    for name in wanted.classes:
        if hold_code("classes", name) not in classes:
            raise CommandMalformed("classes 中有不存在的信息类别", "classes names a field class that does not exist")
    if not wanted.classes or not wanted.purpose.strip():
        raise CommandMalformed("请写明共享的类别和用途", "say which classes are shared, and what for")


def _record(seen: Seen) -> Record:
    holders = [state.holder for state in seen.case.held().values() if state.holder]
    units = holders or seen.case.units
    return Record(seen.file, frozenset(seen.directory.current(unit).id for unit in units))


def _ground(rules: SharingRules, wanted: Sharing, seen: Seen, receiver: Unit) -> Ground:
    """The ground that was named, if it is one for this case, these units and classes. Raises :class:`NotPrinted`."""
    documents = {source.id for source in seen.rules.definition.sources}
    known = {name: one for name, one in rules.grounds.items() if one.document in documents}
    ground = known.get(wanted.ground)
    if ground is None:
        listed = ", ".join(known)
        raise NotPrinted(
            f"本案所依文件没有这样的信息共享条款{f'；有：{listed}' if known else ''}",
            f"no such clause on sharing in the document of this case{f'; there are: {listed}' if known else ''}",
            documents=sorted(documents), grounds=list(known),
        )  # fmt: skip
    sides = (seen.directory.current(seen.who.unit), receiver)
    reasons = [*_other_units(ground, sides), *_other_classes(ground, wanted)]
    if sides[0].id == receiver.id:
        reasons.append(Reason("same_unit", "不能向本单位共享", "nothing is shared with one's own unit"))
    if reasons:
        raise NotPrinted(
            "；".join(one.zh for one in reasons), "; ".join(one.en for one in reasons), reasons=tuple(reasons)
        )
    return ground


def _other_units(ground: Ground, sides: tuple[Unit, ...]) -> list[Reason]:
    clauses = (ground.clause,) if ground.clause else ()
    return [
        Reason(
            "other_unit", f"该条款没有列出{unit.name().zh}", f"the clause does not name {unit.name().en}",
            clauses, ground.provenance,
        )
        for unit in sides
        if ground.between and unit.functions.isdisjoint(ground.between)
    ]  # fmt: skip


def _other_classes(ground: Ground, wanted: Sharing) -> list[Reason]:
    clauses = (ground.clause,) if ground.clause else ()
    return [
        Reason(
            "other_class", f"该条款不涉及 {name} 类信息", f"the clause is not about data of the class {name}",
            clauses, ground.provenance,
        )
        for name in wanted.classes
        if name not in ground.classes
    ]  # fmt: skip


def _hold_disclosed(desk: Desk, wanted: Sharing, seen: Seen, receiver: Unit, account: Account) -> None:
    """Raise :class:`NotPermitted` for a class that she does not see, or that nobody may disclose to the receiver."""
    there = Who(
        "receiver", receiver.id, receiver.functions,
        tuple(area.code for area in seen.directory.upward(receiver.jurisdiction)), "caseworker",
        frozenset(("caseworker",)),
    )  # fmt: skip
    plain = CaseFile(seen.file.id, seen.file.areas, seen.file.scope, seen.file.status, {}, {}, {})
    for name in wanted.classes:
        action = f"disclose_{name}"
        if not seen.may_see(name):
            raise denied(desk.gate, seen.who, action, seen.disclosed[name], ACTS[account.act])
        verdict = desk.gate.decide(there, action, plain)
        if verdict.policies and not verdict.allowed:  # nothing permits it to a stranger; a ban is another matter
            raise denied(desk.gate, there, action, verdict, ACTS[account.act])


def _facts(wanted: Sharing, seen: Seen) -> dict[str, dict[str, FactValue]]:
    """The facts of these classes, by class, without those that point to somebody."""
    book = seen.rules.definition.facts
    found: dict[str, dict[str, FactValue]] = {name: {} for name in wanted.classes if name != NEVER_SHARED}
    for name, stated in seen.case.facts.items():
        fact = book.get(name)
        if fact is not None and fact.field_class in found and fact.type not in _PERSONS:
            found[fact.field_class][name] = stated.value
    return found


def _put_on_record(desk: Desk, seen: Seen, receiver: Unit, contents: Contents, work: Work) -> SharedRow:
    share_id = notices.new_code("D")
    sealed = seen.key.seal(msgspec.json.encode(contents), _cell(share_id))
    row = SharedRow(share_id, seen.case.id, desk.clock(), seen.who.person, seen.who.unit, receiver.id, sealed)
    work.add_share(row)
    return row


# ── looking ──


def listed(desk: Desk, case: str, actor: Actor, *, after: str | None = None) -> SharedLines:
    """What of a case was shared, the newest first; the facts of classes that whoever looks may see.

    Raises :class:`CaseUnknown`, :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("data:list", actor)
    with desk.reading(account) as work:
        hold_actors(actor)
        seen = open_for_reading(desk, case, work, account, "list_shares", reads=())
        page = work.shares_of(seen.case.id, after, PAGE)
        lines = tuple(
            _cut(_shared(row, _contents(row, seen.key), seen.directory), seen.may_see) for row in page.lines
        )  # fmt: skip
        seen.tell(account, {name for line in lines if line.contents for name in line.contents.facts})
    return SharedLines(lines, page.next)


def received(desk: Desk, actor: Actor, *, after: str | None = None) -> SharedLines:
    """What was shared with the actor's unit, the newest first, whole.

    The transaction is not narrowed to the cases of the unit: it takes part in none of these.
    Raises :class:`NotPermitted`, :class:`CommandMalformed`.
    """
    account = Account("data:list", actor)
    with desk.reading(account) as work:
        hold_actors(actor)
        who = admitted(desk, account, work)
        permit(desk, account, who, "read_shared", Installation())
        units = desk.directory(work)
        page = work.shares_with(sorted(one.id for one in units.lineage(who.unit)), after, PAGE)
        lines = []
        for row in page.lines:
            key = desk.safe.key_for(row.case_id, work)
            contents = None if key is None else _contents(row, key)
            if key is not None and contents is not None:
                account.read(key, classes=contents.facts)
            lines.append(_shared(row, contents, units))
    return SharedLines(tuple(lines), page.next)


def _contents(row: SharedRow, key: CaseKey) -> Contents:
    plain = key.unseal(row.sealed, _cell(row.id))
    try:
        return msgspec.json.decode(plain, type=Contents)
    except msgspec.MsgspecError:
        raise HistoryBroken(
            f"共享记录 {row.id} 的存储内容无法打开", f"what is stored of {row.id} does not open"
        ) from None


def _cut(shared: Shared, may_see: Callable[[str], bool]) -> Shared:
    """Without the facts of classes that are withheld."""
    if shared.contents is None:
        return shared
    withheld = tuple(sorted(name for name in shared.contents.facts if not may_see(name)))
    facts = {name: told for name, told in shared.contents.facts.items() if name not in withheld}
    return replace(shared, contents=replace(shared.contents, facts=facts), withheld=withheld)


def _shared(row: SharedRow, contents: Contents | None, units: Directory) -> Shared:
    return Shared(
        row.id, row.case_id, row.at, row.person, row.from_unit, unit_label(units, row.from_unit), row.to_unit,
        unit_label(units, row.to_unit), contents,
    )  # fmt: skip


def _cell(share_id: str) -> Cell:
    return Cell("shared_data", share_id, "sealed", 1)
