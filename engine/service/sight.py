"""Sight: a case as somebody may see it. The policies are asked first, on who takes part; then it is read, and no more.

What is withheld is not read. Whoever may not see a case learns no more than of one that does not exist; that she asked
is entered all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from engine.access.gate import Gate
from engine.access.judging import denied, may_know, unknown
from engine.access.model import NO_CASE, CaseFile, Circumstances, Verdict, Who
from engine.core.case import Case, HandOff
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.core.machine import Rules
from engine.errors import GuituError, Reason
from engine.ledger.event import ACTS
from engine.service.account import Account
from engine.service.by_class import class_of_document, class_of_judged
from engine.service.circumstances import circumstances
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key, read_classes
from engine.service.participation import case_file, ended_after
from engine.service.permission import admitted, note, permit
from engine.store.work import Work
from engine.vault.keys import CaseKey

Reading = Literal["whole", "preview"]
"""How much somebody sees of a case: a preview while her unit is only asked to take a step."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A case as it was loaded for somebody: with the classes she may see, and what the policies say to every class."""

    case: Case
    known: Known
    rules: Rules
    directory: Directory
    who: Who
    file: CaseFile
    given: Circumstances
    reading: Reading
    disclosed: Mapping[str, Verdict]

    def may_see(self, field_class: str) -> bool:
        """Whether a class is disclosed; one that no policy knows is not."""
        verdict = self.disclosed.get(field_class)
        return verdict is not None and verdict.allowed

    @property
    def key(self) -> CaseKey:
        """The key the case is sealed under."""
        return self.known.key

    @property
    def withheld(self) -> frozenset[str]:
        """The classes the case holds something of that she does not see."""
        return self.known.withheld

    @property
    def classes(self) -> frozenset[str]:
        """The classes that are disclosed."""
        return frozenset(name for name, one in self.disclosed.items() if one.allowed)

    def tell(self, account: Account, classes: Iterable[str]) -> None:
        """Tell the ledger of classes that were read beside what the case knows, and which policies disclose them."""
        shown = sorted(set(classes))
        account.read(self.key, classes=shown)
        for name in shown:
            note(account, self.disclosed[name])

    def told(self, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
        """Reasons without the values that are of a class which is withheld."""
        return without_values(reasons, self.rules.definition, self.classes)

    @property
    def hidden_facts(self) -> frozenset[str]:
        """The facts of the definition whose class is withheld."""
        facts = self.rules.definition.facts
        return frozenset(name for name, fact in facts.items() if not self.may_see(fact.field_class))


def look_up(
    desk: Desk, case_id: str, work: Work, account: Account, reads: Collection[str] | None = None
) -> Seen:  # fmt: skip
    """The case for whoever the account names. Raises :class:`CaseUnknown` also where she may not see it.

    ``reads`` are the classes that are wanted of what the case knows (``None``: all); of them the disclosed are read.
    """
    who = admitted(desk, account, work)
    now = desk.clock()
    file = case_file(desk, case_id, work, now)
    given = circumstances(desk, who, case_id, work, now)
    actions = ("see_case", "read_timeline", *(f"disclose_{name}" for name in desk.gate.classes))
    verdicts = desk.gate.judged(who, actions, file or NO_CASE, given)
    if file is None or not verdicts["see_case"].allowed:
        raise refused(desk, case_id, file, (who, given), "see_case", verdicts["see_case"], work, account)
    note(account, verdicts["see_case"])
    disclosed = {name: verdicts[f"disclose_{name}"] for name in desk.gate.classes}
    reading: Reading = "whole" if verdicts["read_timeline"].allowed else "preview"
    directory = desk.directory(work)
    if not given.has_glass:  # the second wall knows units only, and a glass is one person's
        work.narrow(sorted(one.id for one in directory.lineage(who.unit)), ended_after(now))
    known = load_with_key(desk, case_id, work, for_update=False, classes=())
    wanted = disclosed if reads is None else reads
    known = read_classes(desk, known, {name for name in wanted if disclosed[name].allowed}, work)
    known.tell(account, known.classes)
    for name in sorted(known.classes):
        note(account, disclosed[name])
    rules = desk.books.pinned(known.case.pin.hash, work)
    account.definition = rules.hash
    seen = Seen(known.case, known, rules, directory, who, file, given, reading, disclosed)
    return replace(seen, case=_without_hidden(seen))


def open_for_reading(
    desk: Desk, case_id: str, work: Work, account: Account, action: str, *, reads: Collection[str] | None = None
) -> Seen:  # fmt: skip
    """The case for somebody who does this with it. Raises :class:`NotPermitted` for whoever may only see it."""
    seen = look_up(desk, case_id, work, account, reads)
    permit(desk, account, seen.who, action, seen.file, seen.given)
    return seen


def refused(  # noqa: PLR0917 - a refusal, and all that it is decided on
    desk: Desk, case_id: str, file: CaseFile | None, asked: tuple[Who, Circumstances], action: str, verdict: Verdict,
    work: Work, account: Account,
) -> GuituError:  # fmt: skip
    """What is said to whoever may not: :class:`NotPermitted`, or :class:`CaseUnknown` if she is not to know of it.

    Where there is no case as much is asked, of record room and policies, as of one that is not hers.
    """
    who, given = asked
    if file is not None:
        note(account, verdict)
    tell_of(desk, case_id, work, account)
    knows = may_know(desk.gate, who, file or NO_CASE, given)
    if file is None or not knows:
        return unknown(case_id)
    return denied(desk.gate, who, action, verdict, ACTS[account.act])


def tell_of(desk: Desk, case_id: str, work: Work, account: Account) -> None:
    """Tell the ledger whom somebody asked about, though she sees nothing."""
    key = desk.safe.key_for(case_id, work)
    if key is not None:
        account.read(key)


def _without_hidden(seen: Seen) -> Case:
    """The case without the papers of others' offers that are of a withheld class: they lie with its structure."""
    book = seen.rules.definition
    hand_offs = {
        name: replace(one, present=_papers(one.present, book, seen), missing=_papers(one.missing, book, seen))
        for name, one in seen.case.hand_offs.items()
        if not _is_answering(one, seen)
    }
    return replace(seen.case, hand_offs={**seen.case.hand_offs, **hand_offs})


def _papers(names: tuple[str, ...], book: Definition, seen: Seen) -> tuple[str, ...]:
    return tuple(name for name in names if seen.may_see(class_of_document(book, name)))


def _is_answering(offer: HandOff, seen: Seen) -> bool:
    """Whether it is hers to answer, or was hers to offer: for that she must know what comes with it, and what lacks."""
    return any(seen.directory.same(unit, seen.who.unit) for unit in (offer.from_unit, offer.to_unit))


def disclosed_reasons(
    gate: Gate, who: Who, file: CaseFile, book: Definition, reasons: tuple[Reason, ...]
) -> tuple[Reason, ...]:  # fmt: skip
    """The reasons of a refusal as they may be told to this person: what she may not see, she does not hear in them."""
    if not any(one.judged for one in reasons):
        return reasons
    classes = {name for name, verdict in gate.disclosed(who, file).items() if verdict.allowed}
    return without_values(reasons, book, classes)


def without_values(reasons: Iterable[Reason], book: Definition, classes: Collection[str]) -> tuple[Reason, ...]:
    """Reasons with what they were judged on only as far as it is of these classes, or of none."""
    found = []
    for one in reasons:
        of_class = {name: class_of_judged(book, name) for name in one.judged}
        shown = {
            name: value for name, value in one.judged.items() if of_class[name] is None or of_class[name] in classes
        }
        found.append(replace(one, judged=shown))
    return tuple(found)
