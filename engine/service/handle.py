"""The one door for changes: the straight way of one request, step by step.

The numbers are those of ``docs/life-of-a-hand-off.md``. Whatever happens between two of them, the record is
either as it was or as it was decided: one commit, and no file, cache or message before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from engine.access.holding import authorise
from engine.core import events as ev
from engine.core.case import Case
from engine.core.commands import Accept, Actor, Command, LinkCriminalCase, OpenCase, shown_code, snake
from engine.core.decide import Decision, decide
from engine.core.decide.draft import Context
from engine.core.events import Recorded
from engine.core.machine import Rules
from engine.errors import (
    CaseUnknown,
    ClockBehind,
    CommandMalformed,
    GuituError,
    KeyReused,
    SchemaBehind,
    StaleRevision,
    StoreFull,
    StoreUnavailable,
)
from engine.service.content import read_case, write_case, write_event
from engine.service.desk import Desk, kept
from engine.service.log import log
from engine.store.work import Work

_NOT_REFUSALS = (ClockBehind, StoreUnavailable, StoreFull, SchemaBehind)
"""Errors of the machine, not answers to the person: nothing was judged, so no refusal is on record."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to: the case's new revision, what happened, and what now waits for an answer."""

    case: str
    revision: int
    happened: tuple[str, ...]
    offered: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    successor: str | None = None
    repeated: bool = field(default=False, compare=False)


def handle(desk: Desk, command: Command, actor: Actor) -> Answer:
    """Carry out a command, or raise one error of ``engine.errors`` with nothing changed.

    A refusal is put on record before it is raised; if that cannot be written, :class:`StoreUnavailable` is raised
    instead. A repeated request with the same idempotency key gets the first answer again.
    """
    desk.probe(1)  # 1: the words are a command, 2: the actor is known; both came through the door
    desk.probe(2)
    now = desk.clock()
    desk.probe(3)
    try:
        with kept(desk.database) as work:
            answer = _carry_out(desk, command, actor, now, work)
    except _NOT_REFUSALS:
        raise
    except GuituError as refusal:
        meanwhile = _answered_meanwhile(desk, command, actor)
        if meanwhile is not None:
            return meanwhile
        _put_refusal_on_record(desk, command, actor, now, refusal)
        raise
    desk.probe(10)
    log("command_done", case=answer.case, command=snake(type(command)), unit=actor.unit, revision=answer.revision)
    return answer


def _carry_out(desk: Desk, command: Command, actor: Actor, now: datetime, work: Work) -> Answer:
    """4 to 9, inside the transaction that is committed when this returns."""
    key = command.idempotency_key
    earlier = None if key is None else _earlier_answer(work, key, command, actor)
    if earlier is not None:
        return earlier
    asked = command
    command, case, rules = _load(desk, command, work)
    if case is not None and case.changed_at > now:
        now = desk.clock()  # somebody changed the case while this request waited its turn
    desk.probe(4)
    context = _context(desk, command, case, rules, work, asked=(actor, now))
    authorise(command, actor, case, rules.definition, context.directory)
    desk.probe(5)
    decision = decide(command, case, context)  # 6: conditions, 7: events, 8: the case after them
    for step in (6, 7, 8):
        desk.probe(step)
    saved = _save(desk, case, decision, context, work)
    answer = _answer(saved, decision)
    if key is not None:
        body = msgspec.json.encode(answer)
        work.keep_answer(
            actor.unit,
            key,
            digest=_digest(asked, actor),
            case_id=saved.id,
            revision=saved.revision,
            answer=body,
            at=now,
        )
    desk.probe(9)
    return answer


def _digest(command: Command, actor: Actor) -> str:
    words = {"command": snake(type(command)), "words": command, "unit": actor.unit, "person": actor.person}
    return hashlib.sha256(msgspec.json.encode(words, order="sorted")).hexdigest()


def _earlier_answer(work: Work, key: str, command: Command, actor: Actor) -> Answer | None:
    found = work.find_answer(actor.unit, key)
    if found is None:
        return None
    if found.digest != _digest(command, actor):
        raise KeyReused("同一幂等键曾用于另一请求", "this idempotency key was used for another request")
    return replace(msgspec.json.decode(found.answer, type=Answer), repeated=True)


def _answered_meanwhile(desk: Desk, command: Command, actor: Actor) -> Answer | None:
    """The answer to the same request sent twice at once: the slower one finds what the faster one was told."""
    if command.idempotency_key is None:
        return None
    with desk.database.reading() as work:
        found = work.find_answer(actor.unit, command.idempotency_key)
        same = found is not None and found.digest == _digest(command, actor)
        return _earlier_answer(work, command.idempotency_key, command, actor) if same else None


def _load(desk: Desk, command: Command, work: Work) -> tuple[Command, Case | None, Rules]:
    """4: the case with its revision, and the rules it is pinned to (a new record: the rules in force)."""
    if isinstance(command, OpenCase):
        if not command.case:
            command = replace(command, case=desk.new_pseudonym())
        elif work.load_case(command.case, for_update=False) is not None:
            raise CommandMalformed(f"个案代号 {command.case} 已存在", f"case {command.case} exists", case=command.case)
        return command, None, desk.rules_for_area(command.area, command.definition, work)
    case = load(desk, command.case, work, for_update=True)
    if command.expected_revision is not None and command.expected_revision != case.revision:
        raise StaleRevision(
            f"个案已更新到第 {case.revision} 版（您看到的是第 {command.expected_revision} 版），请重新查看后再办",
            f"the case is at revision {case.revision}, you looked at {command.expected_revision}: look again",
            current=case.revision, expected=command.expected_revision,
        )  # fmt: skip
    if isinstance(command, LinkCriminalCase):
        linked = load(desk, command.criminal_case, work, for_update=False)
        if linked.scope != "criminal_case":
            raise CommandMalformed(f"{linked.id} 不是刑事案件记录", f"{linked.id} is not a criminal case")
    return command, case, desk.books.pinned(case.pin.hash, work)


def load(desk: Desk, case_id: str, work: Work, *, for_update: bool) -> Case:
    """The case as stored. Raises :class:`CaseUnknown`."""
    stored = work.load_case(case_id, for_update=for_update)
    if stored is None:
        shown = shown_code(case_id)
        raise CaseUnknown(f"没有个案 {shown}", f"no case {shown}", case=shown)
    return read_case(stored.content, stored.id, stored.revision, desk.content)


def _context(
    desk: Desk, command: Command, case: Case | None, rules: Rules, work: Work, *, asked: tuple[Actor, datetime]
) -> Context:
    actor, now = asked
    other: Rules | None = None
    hand_off = case.hand_offs.get(command.hand_off) if isinstance(command, Accept) and case else None
    if hand_off is not None and hand_off.kind == "transfer" and hand_off.area is not None:
        other = desk.rules_for_area(hand_off.area, None, work)
    return Context(
        actor=actor, now=now, rules=rules, directory=desk.directory(work), parameters=desk.parameters(rules, work),
        other=other, other_parameters=desk.parameters(other, work) if other else {},
        successor=desk.new_pseudonym() if other else None,
    )  # fmt: skip


def _save(desk: Desk, before: Case | None, decision: Decision, context: Context, work: Work) -> Case:
    """9, but for the commit: case (revision + 1), events, positions, hand-offs."""
    if before is None:
        _pin(context.rules, context.now, work)
    if decision.spawned is not None and context.other is not None:
        _pin(context.other, context.now, work)
        _save_one(desk, None, decision.spawned.case, decision.spawned.events, work)
    return _save_one(desk, before, decision.case, decision.events, work)


def _pin(rules: Rules, now: datetime, work: Work) -> None:
    definition = rules.definition
    work.pin_definition(rules.hash, definition.id, definition.version, definition.canonical(), now)


def _save_one(desk: Desk, before: Case | None, after: Case, events: tuple[Recorded, ...], work: Work) -> Case:
    after = replace(after, revision=after.revision + 1)
    bodies = [write_event(recorded, after.id, desk.content) for recorded in events]
    work.save_case(before, after, write_case(after, desk.content), events, bodies)
    return after


def _answer(saved: Case, decision: Decision) -> Answer:
    events = [recorded.event for recorded in decision.events]
    return Answer(
        case=saved.id,
        revision=saved.revision,
        happened=tuple(recorded.kind for recorded in decision.events),
        offered=tuple(event.hand_off for event in events if isinstance(event, ev.HandOffOffered)),
        opened=tuple(event.track for event in events if isinstance(event, ev.TrackOpened)),
        successor=decision.spawned.case.id if decision.spawned else None,
    )


def _put_refusal_on_record(desk: Desk, command: Command, actor: Actor, now: datetime, refusal: GuituError) -> None:
    body = {"reasons": refusal.reasons, "details": _plain(refusal.details)}
    with kept(desk.database) as work:
        work.record_refusal(
            case_id=command.case or None, at=now, command=snake(type(command)), unit=actor.unit, person=actor.person,
            code=refusal.code, body=msgspec.json.encode(body),
        )  # fmt: skip
    log(
        "command_refused",
        case=shown_code(command.case),
        command=snake(type(command)),
        unit=actor.unit,
        code=refusal.code,
    )


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | int | bool | list) else str(value) for name, value in details.items()
    }
