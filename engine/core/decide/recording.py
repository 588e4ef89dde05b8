"""Facts, documents, consents, notes, duties and corrections: what is put on record without a move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.core import events as ev
from engine.core.commands import (
    AttachFile,
    Contribute,
    Correct,
    LinkCriminalCase,
    RawValue,
    RecordConsent,
    RecordIdentity,
    Relocate,
    ReviewFlag,
    SettleDuty,
)
from engine.core.decide.draft import Draft, refused
from engine.core.duties import is_arisen
from engine.core.events import FactValue
from engine.core.facts import is_reference, read_value
from engine.core.view import AGE
from engine.errors import CommandMalformed, NothingToChange, Reason


def record(draft: Draft, facts: Mapping[str, RawValue], documents: Iterable[str], track: str | None = None) -> None:
    """Put facts and documents on record.

    Raises :class:`CommandMalformed` for names or values the definition does not know, :class:`Refused` for facts
    that only another function may state. A fact that already has this value is not recorded again;
    one that does not change with time is not overwritten.
    """
    values = {name: _readable(draft, name, raw) for name, raw in facts.items()}
    _check_stated_by(draft, values)
    stated = draft.case.facts
    fresh = {name: value for name, value in values.items() if name not in stated or stated[name].value != value}
    changed_mind = sorted(name for name in fresh if name in stated and not draft.definition.facts[name].changes)
    if changed_mind:
        raise NothingToChange(
            f"已登记的内容不能覆盖，请用“更正”并说明理由：{'、'.join(changed_mind)}",
            f"already on record; use 'correct' with a reason: {', '.join(changed_mind)}", facts=changed_mind,
        )  # fmt: skip
    if fresh:
        draft.emit(ev.FactsRecorded(fresh, track))
        draft.touch(*(f"fact:{name}" for name in fresh))
    file_documents(draft, documents, track)


def file_documents(draft: Draft, documents: Iterable[str], track: str | None = None) -> None:
    """Put documents on record; those already there are not filed twice."""
    names = tuple(dict.fromkeys(documents))
    unknown = [name for name in names if name not in draft.definition.documents]
    if unknown:
        known = ", ".join(draft.definition.documents)
        raise CommandMalformed(
            f"流程中没有材料 {'、'.join(unknown)}；有：{known}", f"no document {', '.join(unknown)}; there are: {known}"
        )
    fresh = tuple(name for name in names if name not in draft.case.documents)
    if fresh:
        draft.emit(ev.DocumentsFiled(fresh, track))
        draft.touch(*(f"document:{name}" for name in fresh))


def _readable(draft: Draft, name: str, raw: RawValue) -> FactValue:
    fact = draft.definition.facts.get(name)
    if fact is None:
        raise CommandMalformed(f"流程中没有登记项 {name}", f"the definition has no fact {name}", fact=name)
    return read_value(name, fact, raw)


def _check_stated_by(draft: Draft, values: Mapping[str, FactValue]) -> None:
    reasons = []
    for name in values:
        fact = draft.definition.facts[name]
        if fact.stated_by and draft.unit.functions.isdisjoint(fact.stated_by):
            who = ", ".join(fact.stated_by)
            reasons.append(
                Reason(
                    code="not_yours_to_state", zh=f"「{fact.title.zh}」只能由 {who} 登记",
                    en=f"{fact.title.en} can only be stated by: {who}", judged={"fact": name},
                )
            )  # fmt: skip
    if reasons:
        raise refused(*reasons)


def hold_guards(draft: Draft) -> None:
    """Refuse what would put a person on record that a hard ban excludes, by whatever command it comes.

    The move that places a child is judged on its own conditions; this holds the same ban against a carer who is
    stated, or corrected, without that move. What becomes known *about* a person (a longer list of the buyer
    family) is never refused: it flags what rested on the shorter one.
    """
    stated = {name for item in draft.events for name in _facts_in(item.event)}
    guards = draft.context.rules.guards
    for name in sorted(stated & guards.keys()):
        draft.judge(guards[name])


def _facts_in(event: ev.Event) -> tuple[str, ...]:
    match event:
        case ev.FactsRecorded():
            return tuple(event.facts)
        case ev.FactCorrected():
            return (event.fact,)
        case _:
            return ()


def contribute(draft: Draft, command: Contribute) -> None:
    """Add facts, documents or a note to a track without moving it."""
    draft.require_open()
    draft.state(command.track)
    before = len(draft.events)
    record(draft, command.facts, command.documents, command.track)
    if command.note:
        draft.emit(ev.NoteAdded(command.track, command.note))
    if len(draft.events) == before:
        raise NothingToChange("没有新的内容可登记", "nothing new to record")


def attach_file(draft: Draft, command: AttachFile) -> None:
    """A file came into the case; the desk puts what came enclosed on its list in the same transaction."""
    draft.require_open()
    draft.emit(ev.FileAttached(command.attachment, command.kind))


def record_identity(draft: Draft, command: RecordIdentity) -> None:
    """Somebody's identity was sealed or amended; what rested on an earlier answer of the vault is flagged.

    The desk seals what came enclosed in the same transaction.
    """
    draft.require_open()
    if not is_reference(command.person):  # it lies in the record room as it is: a name must not get there
        raise CommandMalformed(
            "身份代号应如 P-7K3M（不得填写姓名）", "a person is named by a reference such as P-7K3M, never by a name"
        )
    known = draft.case.persons.get(command.person)
    if known is not None and known.role != command.role:
        raise CommandMalformed(
            "该身份代号已按另一身份登记", "this reference is on record as another kind of person", person=command.person
        )
    facts = draft.case.facts
    named = [name for name, stated in facts.items() if _names(stated.value, command.person)]
    if command.role == "victim":
        named.append(AGE)
    draft.emit(ev.IdentityRecorded(command.person, command.role, command.holds, draft.case.resting_on(*named)))
    draft.touch(*(f"fact:{name}" for name in named))


def _names(value: FactValue, person: str) -> bool:
    return value == person or (isinstance(value, list) and person in value)


def record_consent(draft: Draft, command: RecordConsent) -> None:
    """Record a consent as given, refused or withdrawn; a withdrawal flags the open steps that rested on it."""
    draft.require_open()
    if command.consent not in draft.definition.consents:
        known = ", ".join(draft.definition.consents)
        raise CommandMalformed(
            f"流程中没有同意事项 {command.consent}；有：{known}", f"no consent {command.consent}; there are: {known}"
        )
    now = draft.case.consents.get(command.consent)
    if now is not None and (now.given, now.spoken_by) == (command.given, command.spoken_by):
        raise NothingToChange("该意愿已如此登记", "the consent already stands so")
    clauses = tuple(basis.clause for basis in draft.definition.consents[command.consent].basis)
    flagged = () if command.given else draft.case.resting_on(f"consent:{command.consent}", only_held=True)
    draft.emit(ev.ConsentRecorded(command.consent, command.given, command.spoken_by, flagged), clauses=clauses)
    draft.touch(f"consent:{command.consent}")


def settle_duty(draft: Draft, command: SettleDuty) -> None:
    """Settle a duty: done, declined by the victim, or not applicable with a reason.

    Office duties may be settled again and again (each period with its evidence).
    """
    draft.require_open()
    duties = draft.definition.duties_of(draft.case.scope)
    duty = duties.get(command.duty)
    if duty is None:
        known = ", ".join(duties)
        raise CommandMalformed(f"没有职责 {command.duty}；有：{known}", f"no duty {command.duty}; there are: {known}")
    if command.outcome == "declined" and not duty.declinable:
        raise _unsettled("not_declinable", "该职责不能由受害人谢绝", "this duty cannot be declined by the victim")
    if command.outcome == "not_applicable" and not command.reason.strip():
        raise _unsettled("reason_missing", "标记“不适用”须说明理由", "'not applicable' needs a reason")
    if command.outcome == "done" and not is_arisen(duty, draft.view()):
        raise _unsettled("not_arisen", "该职责尚未产生", "this duty has not arisen")
    settled = draft.case.duties.get(command.duty)
    if settled is not None and settled.outcome == command.outcome and draft.case.scope != "office":
        raise NothingToChange("该职责已如此登记", "the duty already stands so")
    file_documents(draft, command.evidence)
    draft.emit(
        ev.DutySettled(command.duty, command.outcome, command.evidence, command.reason, command.period),
        clauses=duty.clauses,
    )


def _unsettled(code: str, zh: str, en: str) -> Exception:
    return refused(Reason(code=code, zh=zh, en=en))


def correct(draft: Draft, command: Correct) -> None:
    """Supersede a wrong fact; every entry into a step that rested on it is flagged for review."""
    draft.require_open()
    stated = draft.case.facts.get(command.fact)
    if stated is None:
        raise NothingToChange(f"登记项 {command.fact} 尚未登记", f"fact {command.fact} was never recorded")
    if not command.reason.strip():
        raise refused(Reason(code="reason_missing", zh="更正须说明理由", en="a correction needs a reason"))
    value = _readable(draft, command.fact, command.value)
    if value == stated.value:
        raise NothingToChange("登记的内容与更正相同", "the record already says so")
    _check_stated_by(draft, {command.fact: value})
    flagged = draft.case.resting_on(command.fact)
    draft.emit(ev.FactCorrected(command.fact, stated.value, value, command.reason, flagged))
    draft.touch(f"fact:{command.fact}")


def review_flag(draft: Draft, command: ReviewFlag) -> None:
    """A flagged move was looked at again and stands."""
    draft.require_open()
    if command.event not in draft.case.flags:
        raise NothingToChange(f"事件 {command.event} 没有待复核标记", f"event {command.event} is not flagged")
    if not command.reason.strip():
        raise refused(Reason(code="reason_missing", zh="复核须说明理由", en="a review needs a reason"))
    draft.emit(ev.FlagReviewed(command.event, command.reason))


def link_criminal_case(draft: Draft, command: LinkCriminalCase) -> None:
    """Point to the criminal case; the desk has made sure that it exists."""
    draft.require_open()
    if draft.case.scope != "victim":
        raise CommandMalformed("只有受害人个案可以关联刑事案件", "only a victim's case points to a criminal case")
    if draft.case.criminal_case == command.criminal_case:
        raise NothingToChange("已关联该案件", "already linked")
    draft.emit(ev.CriminalCaseLinked(command.criminal_case))


def relocate(draft: Draft, command: Relocate) -> None:
    """The victim moved within the jurisdiction: from now on units are looked for from the new area upward."""
    draft.require_open()
    directory = draft.context.directory
    if directory.definition_for(command.area) != directory.definition_for(draft.case.area):
        raise CommandMalformed(
            "目的地适用另一流程：请使用跨地区移交",
            "another definition applies there: offer a transfer",
            area=command.area,
        )
    if command.area == draft.case.area:
        raise NothingToChange("个案已在该地区", "the case is in that area already", area=command.area)
    if not command.reason.strip():
        raise refused(Reason(code="reason_missing", zh="变更地区须说明理由", en="a change of area needs a reason"))
    draft.emit(ev.CaseRelocated(command.area, command.reason))
