"""The one door for changes: the straight way of one request, step by step.

The numbers are those of ``docs/life-of-a-hand-off.md``. Whatever happens between two of them, the record is
either as it was or as it was decided: one commit, and no file, cache or message before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from engine.access.judging import judge, may_know, unknown
from engine.access.model import NO_CASE, CaseFile, Who
from engine.core import events as ev
from engine.core.case import Case
from engine.core.codes import hold_codes
from engine.core.commands import (
    Accept,
    Actor,
    AttachFile,
    Command,
    LinkCriminalCase,
    OpenCase,
    RecordIdentity,
    SettleDuty,
    snake,
)
from engine.core.decide import Decision, decide
from engine.core.decide.draft import Context, Spawned
from engine.core.directory import Directory
from engine.core.machine import Rules
from engine.core.view import CHINA
from engine.errors import CaseErased, CommandMalformed, GuituError, KeyReused, StaleRevision
from engine.service.account import Account
from engine.service.desk import NOT_REFUSALS, Desk
from engine.service.filing import file_case
from engine.service.known import Known, load_with_key
from engine.service.log import log
from engine.service.participation import case_file
from engine.service.permission import admitted, note
from engine.service.persons import Enclosed, Persons, person_digest
from engine.service.refusals import account_of, put_on_record
from engine.service.safe import erased
from engine.service.sight import disclosed_reasons
from engine.service.stored_files import StoredFile, put_on_list
from engine.service.texts import free_texts
from engine.store.work import Work
from engine.vault.identity import Identity
from engine.vault.keys import CaseKey
from engine.vault.pseudonym import new_reference


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to: the case's new revision, what happened, and what now waits for an answer.

    ``policies`` are those that permitted it.
    """

    case: str
    revision: int
    happened: tuple[str, ...]
    offered: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    successor: str | None = None
    person: str | None = None
    attachment: str | None = None
    repeated: bool = field(default=False, compare=False)
    policies: tuple[str, ...] = field(default=(), compare=False)


def handle(desk: Desk, command: Command, actor: Actor, *, enclosed: Identity | StoredFile | None = None) -> Answer:
    """Carry out a command, or raise one error of ``engine.errors`` with nothing changed.

    A refusal is put on record before it is raised; if that cannot be written, :class:`StoreUnavailable` is raised
    instead. A repeated request with the same idempotency key gets the first answer again. ``enclosed`` is the identity
    that :class:`RecordIdentity` asks to seal, or the file that :class:`AttachFile` puts on the list.
    """
    for step in (1, 2):  # 1: the words are a command, 2: the actor is known; both came through the door
        desk.probe(step)
    now = desk.clock()
    desk.probe(3)
    asked = _Asked(command, actor, now, enclosed, account_of(command, actor))
    try:
        with desk.writing(asked.account) as work:
            answer = _carry_out(desk, asked, work)
    except NOT_REFUSALS:
        raise
    except GuituError as refusal:
        meanwhile = _answered_meanwhile(desk, replace(asked, account=account_of(command, actor)))
        if meanwhile is not None:
            return meanwhile
        put_on_record(desk, command, asked.account, now, refusal)
        raise
    desk.probe(10)
    answer = replace(answer, policies=asked.account.policies)
    log("command_done", case=answer.case, command=snake(type(command)), unit=actor.unit, revision=answer.revision)
    return answer


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it came: the command, who asks, when, and what came enclosed."""

    command: Command
    actor: Actor
    now: datetime
    enclosed: Identity | StoredFile | None
    account: Account

    def with_references(self) -> Command:
        """The command, with references for what came enclosed. Raises :class:`CommandMalformed` if that is amiss."""
        command = self.command
        if not isinstance(self.enclosed, _ENCLOSED.get(type(command), type(None))):
            raise CommandMalformed(
                "登记身份须附身份信息，收入附件须附文件，其他命令不得附带",
                "identities come enclosed with record_identity, files with attach_file, and nothing with any other",
            )
        if isinstance(command, RecordIdentity) and not command.person:
            return replace(command, person=new_reference())
        if isinstance(command, AttachFile) and isinstance(self.enclosed, StoredFile):
            return replace(command, attachment=self.enclosed.id)
        return command

    def identity_for(self, command: Command) -> Enclosed | None:
        """The identity to be sealed, now that its person has a reference."""
        if not isinstance(command, RecordIdentity) or not isinstance(self.enclosed, Identity):
            return None
        return Enclosed(command.person, command.role, self.enclosed)


_ENCLOSED: Mapping[type[Command], type] = {RecordIdentity: Identity, AttachFile: StoredFile}


@dataclass(frozen=True, slots=True)
class _Loaded:
    """4: the command as it will be decided, the case with its key, the rules it is pinned to, and what will be told.

    ``file`` is the case as the policies see it.
    """

    command: Command
    case: Case | None
    key: CaseKey | None
    rules: Rules
    account: Account
    file: CaseFile | None = None
    known: Known | None = None


def _carry_out(desk: Desk, asked: _Asked, work: Work) -> Answer:
    """4 to 9, inside the transaction that is committed when this returns."""
    hold_codes(asked.command, asked.actor)
    who = admitted(desk, asked.account, work)
    key = asked.command.idempotency_key
    earlier = None if key is None else _earlier_answer(desk, work, key, asked)
    if earlier is not None:
        return earlier
    found = _load(desk, asked, who, work)
    command, case, rules = found.command, found.case, found.rules
    enclosed = asked.identity_for(command)
    actor, now = asked.actor, asked.now
    if case is not None and case.changed_at > now:
        now = desk.clock()  # somebody changed the case while this request waited its turn
    desk.probe(4)
    context = _context(desk, found, enclosed, work, asked=(actor, now))
    _authorise(desk, who, found, context.directory)
    _hold_new_code(command, work)
    _hold_to_revision(command, case)
    _look_at_linked(desk, who, found, work, now)
    if case is not None and found.key is not None:
        Persons(desk.safe, work).screen(case, found.key, free_texts(command, rules.definition))
    desk.probe(5)
    try:
        decision = decide(command, case, context)  # 6: conditions, 7: events, 8: the case after them
    except GuituError as refusal:
        if found.file is not None:
            refusal.reasons = disclosed_reasons(desk.gate, who, found.file, rules.definition, refusal.reasons)
        raise
    for step in (6, 7, 8):
        desk.probe(step)
    saved = _save(desk, found, decision, context, work, enclosed=enclosed)
    if isinstance(asked.enclosed, StoredFile):
        put_on_list(asked.enclosed, saved, actor, work)
    asked.account.definition = rules.hash
    answer = _answer(saved, decision)
    if key is not None:
        house = desk.safe.house(work)
        work.keep_answer(
            actor.unit, house.locator(key.encode()), digest=house.digest(_words(asked)), case_id=saved.id,
            revision=saved.revision, answer=msgspec.json.encode(answer), at=now,
        )  # fmt: skip
    desk.probe(9)
    return answer


def _words(asked: _Asked) -> bytes:
    """Everything a request says, in one form; a file by its content, since its reference is new every time."""
    command, actor = asked.command, asked.actor
    enclosed = asked.enclosed.digest if isinstance(asked.enclosed, StoredFile) else asked.enclosed
    words = {"command": snake(type(command)), "words": command, "unit": actor.unit, "person": actor.person,
             "enclosed": enclosed}  # fmt: skip
    return msgspec.json.encode(words, order="sorted")


def _earlier_answer(desk: Desk, work: Work, key: str, asked: _Asked) -> Answer | None:
    found = work.find_answer(asked.actor.unit, desk.safe.house(work).locator(key.encode()))
    if found is None:
        return None
    if work.certificate_of(found.case_id) is not None:
        raise erased(found.case_id)
    if not _is_same(desk, work, found.digest, asked):
        raise KeyReused("同一幂等键曾用于另一请求", "this idempotency key was used for another request")
    asked.account.outcome = "repeated"
    case_key = desk.safe.key_for(found.case_id, work)
    if case_key is not None:
        asked.account.read(case_key)
    return replace(msgspec.json.decode(found.answer, type=Answer), repeated=True)


def _is_same(desk: Desk, work: Work, digest: str, asked: _Asked) -> bool:
    """Whether a digest is that of this request, perhaps under a key of the house made since this process read them."""
    words = _words(asked)
    if desk.safe.house(work).is_digest(digest, words):
        return True
    desk.safe.forget()
    return desk.safe.house(work).is_digest(digest, words)


def _answered_meanwhile(desk: Desk, asked: _Asked) -> Answer | None:
    """The answer to the same request sent twice at once: the slower one finds what the faster one was told.

    Nothing, for whoever may not act any more, or when nothing is left to answer: what was refused stays refused.
    """
    if (key := asked.command.idempotency_key) is None:
        return None
    try:
        with desk.writing(asked.account) as work:  # the key of the house may have to be made again
            admitted(desk, asked.account, work)
            earlier = _earlier_answer(desk, work, key, asked)
            if earlier is None:
                raise _NotAnswered
            return earlier
    except NOT_REFUSALS:
        raise
    except (_NotAnswered, GuituError):
        return None


def was_answered(desk: Desk, command: Command, actor: Actor) -> bool:
    """Whether this very request was answered before, as its idempotency key tells; then it is entered as repeated."""
    return _answered_meanwhile(desk, _Asked(command, actor, desk.clock(), None, account_of(command, actor))) is not None


class _NotAnswered(Exception):
    """Nobody asked the same before: there is nothing to enter."""


def _load(desk: Desk, asked: _Asked, who: Who, work: Work) -> _Loaded:
    """4: the case with its revision, and the rules it is pinned to (a new record: the rules in force)."""
    command, account = asked.with_references(), asked.account
    if isinstance(command, OpenCase):
        if not command.case:
            command = replace(command, case=desk.new_pseudonym())
        return _Loaded(command, None, None, desk.rules_for_area(command.area, command.definition, work), account)
    known = _known(desk, command.case, asked, who, work)
    known.tell(account)
    file = case_file(desk, known.case, work, asked.now)
    rules = desk.books.pinned(known.case.pin.hash, work)
    return _Loaded(command, known.case, known.key, rules, account, file, known)


def _known(desk: Desk, case_id: str, asked: _Asked, who: Who, work: Work) -> Known:
    """The case, locked. For whoever may not know of it nothing is read or locked, be it there or not."""
    file = case_file(desk, case_id, work, asked.now)
    knows = may_know(desk.gate, who, file or NO_CASE)
    # Whoever was responsible once, or owes a duty, may act without taking part: there the case itself is judged.
    if file is None or not (knows or who.unit in file.ever or isinstance(asked.command, SettleDuty)):
        verdict = desk.gate.decide(who, "see_case", file or NO_CASE)
        if file is not None:
            note(asked.account, verdict)
        raise unknown(case_id)
    try:
        return load_with_key(desk, case_id, work, for_update=True)
    except CaseErased:
        if not knows:
            raise unknown(case_id) from None
        raise


def _authorise(desk: Desk, who: Who, found: _Loaded, units: Directory) -> None:
    """5: ask the policies."""
    judgement = judge(desk.gate, found.command, who, found.case, found.file, found.rules.definition, units)
    note(found.account, judgement.verdict)
    if judgement.refusal is not None:
        raise judgement.refusal


def _hold_new_code(command: Command, work: Work) -> None:
    if isinstance(command, OpenCase) and work.head_of(command.case) is not None:
        raise CommandMalformed(f"个案代号 {command.case} 已存在", f"case {command.case} exists", case=command.case)


def _hold_to_revision(command: Command, case: Case | None) -> None:
    if case is None or command.expected_revision is None or command.expected_revision == case.revision:
        return
    raise StaleRevision(
        f"个案已更新到第 {case.revision} 版（您看到的是第 {command.expected_revision} 版），请重新查看后再办",
        f"the case is at revision {case.revision}, you looked at {command.expected_revision}: look again",
        current=case.revision, expected=command.expected_revision,
    )  # fmt: skip


def _look_at_linked(desk: Desk, who: Who, found: _Loaded, work: Work, now: datetime) -> None:
    """Whoever links a criminal case may see it; of another one she learns nothing."""
    command = found.command
    if not isinstance(command, LinkCriminalCase):
        return
    file = case_file(desk, command.criminal_case, work, now)
    if file is None or not desk.gate.decide(who, "see_case", file).allowed:
        raise unknown(command.criminal_case)
    linked = load_with_key(desk, command.criminal_case, work, for_update=False, classes=())
    linked.tell(found.account)
    if linked.case.scope != "criminal_case":
        raise CommandMalformed(f"{linked.case.id} 不是刑事案件记录", f"{linked.case.id} is not a criminal case")


def _context(
    desk: Desk, found: _Loaded, enclosed: Enclosed | None, work: Work, *, asked: tuple[Actor, datetime]
) -> Context:
    command, case, rules = found.command, found.case, found.rules
    actor, now = asked
    today = now.astimezone(CHINA).date()
    other: Rules | None = None
    hand_off = case.hand_offs.get(command.hand_off) if isinstance(command, Accept) and case else None
    if hand_off is not None and hand_off.kind == "transfer" and hand_off.area is not None:
        other = desk.rules_for_area(hand_off.area, None, work)
    return Context(
        actor=actor, now=now, rules=rules, directory=desk.directory(work), parameters=desk.parameters(rules, work),
        other=other, other_parameters=desk.parameters(other, work) if other else {},
        successor=desk.new_pseudonym() if other else None,
        identities=Persons(desk.safe, work).answers(case, found.key, today, enclosed),
    )  # fmt: skip


def _save(
    desk: Desk, found: _Loaded, decision: Decision, context: Context, work: Work, *, enclosed: Enclosed | None
) -> Case:
    """9, but for the commit: case (revision + 1), events, positions, hand-offs, and the persons that changed."""
    persons = Persons(desk.safe, work)
    if found.case is None or found.key is None:
        _pin(context.rules, context.now, work)
        return _begin(desk, decision, context.rules, work, units=context.directory, account=found.account)[0]
    if decision.spawned is not None and context.other is not None:
        _pin(context.other, context.now, work)
        successor, key = _begin(
            desk, decision.spawned, context.other, work, units=context.directory, account=found.account
        )  # fmt: skip
        for person, identity in persons.carry(found.case, found.key, successor, key, context.now).items():
            found.account.changed(key, person=person, digest=person_digest(identity, key))
    saved = file_case(
        found.known, decision, context.rules.definition, found.key, work, units=context.directory, account=found.account
    )
    if enclosed is not None:
        persons.save(saved, found.key, enclosed, context.now)
        digest = person_digest(enclosed.identity, found.key)
        found.account.changed(found.key, person=enclosed.person, classes=("identity",), digest=digest)
    return saved


def _begin(
    desk: Desk, begun: Spawned | Decision, rules: Rules, work: Work, *, units: Directory, account: Account
) -> tuple[Case, CaseKey]:  # fmt: skip
    """Write a new case, and keep the key made for it."""
    key, row = desk.safe.make_case_key(begun.case, work)
    saved = file_case(None, begun, rules.definition, key, work, units=units, account=account)
    work.add_case_key(row)
    return saved, key


def _pin(rules: Rules, now: datetime, work: Work) -> None:
    definition = rules.definition
    work.pin_definition(rules.hash, definition.id, definition.version, definition.canonical(), now)


def _answer(saved: Case, decision: Decision) -> Answer:
    events = [recorded.event for recorded in decision.events]
    return Answer(
        case=saved.id,
        revision=saved.revision,
        happened=tuple(recorded.kind for recorded in decision.events),
        offered=tuple(event.hand_off for event in events if isinstance(event, ev.HandOffOffered)),
        opened=tuple(event.track for event in events if isinstance(event, ev.TrackOpened)),
        successor=decision.spawned.case.id if decision.spawned else None,
        person=next((event.person for event in events if isinstance(event, ev.IdentityRecorded)), None),
        attachment=next((event.attachment for event in events if isinstance(event, ev.FileAttached)), None),
    )
