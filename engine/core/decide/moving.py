"""Moves: from step to step, or an offer when the next step belongs to another function."""

from __future__ import annotations

from collections.abc import Collection

from engine.core import events as ev
from engine.core.case import HandOff, TrackState
from engine.core.commands import Assign, DeclineTrack, Move, Refer, Reverse
from engine.core.decide.draft import Draft, refused
from engine.core.decide.recording import file_documents, record
from engine.core.definition import Definition, Track
from engine.core.definition import Move as MoveRule
from engine.core.directory import Unit
from engine.errors import HandOffImpossible, NothingToChange, Reason, UnitUnknown


def move(draft: Draft, command: Move) -> None:
    """Judge a move and make it, or offer it to the unit of the next step.

    Raises :class:`Refused` with all unmet conditions; :class:`HandOffImpossible` while an offer is open.
    """
    draft.require_open()
    track, state = draft.track(command.track), draft.state(command.track)
    if state.hand_off is not None or state.status == "waiting":
        raise HandOffImpossible(
            f"「{track.title.zh}」正等待接收，请先撤回移交或等待对方答复",
            f"{track.title.en} waits for an answer; withdraw the hand-off first", hand_off=state.hand_off,
        )  # fmt: skip
    rule = draft.machine(command.track).move(state.step, command.move)
    record(draft, command.facts, command.documents, command.track)
    judged = _judge(draft, rule, facts=command.facts)
    receiver = _receiver(draft, track, rule, state, command.to_unit)
    if receiver is None:
        perform(draft, command.track, command.move, judged=judged, holder=_stays_with(track, rule, state))
    else:
        _offer(draft, command, rule, receiver, judged)


def _judge(
    draft: Draft, rule: MoveRule, *, facts: Collection[str] | None = None, sender: HandOff | None = None
) -> dict[str, object]:
    """Guard values of the form and all conditions; one refusal with everything that is missing.

    ``facts`` are those that came with the move; at an acceptance (``None``) they are on record already.
    """
    filled = set(draft.case.facts) if facts is None else {*facts, *_lasting(draft, rule)}
    return draft.judge(rule.requires, also=unfilled(draft.definition, filled, rule), sender=sender)


def _lasting(draft: Draft, rule: MoveRule) -> set[str]:
    """The facts on record that fill the form without being stated anew."""
    return set(draft.case.facts) - {field.fact for field in rule.form if field.fresh}


def unfilled(definition: Definition, filled: Collection[str], rule: MoveRule) -> list[Reason]:
    """A reason for every required field of the move's form that is not filled.

    Which fields a form asks for is ours: the clause is that of the move, the asking is the program's.
    """
    return [
        Reason(
            code="form_incomplete",
            zh=f"未填写「{definition.facts[field.fact].title.zh}」（{field.fact}）",
            en=f"not stated: {definition.facts[field.fact].title.en} ({field.fact})",
            clauses=rule.clauses, provenance="engine", judged={field.fact: None},
        )
        for field in rule.form
        if field.required and field.fact not in filled
    ]  # fmt: skip


def _stays_with(track: Track, rule: MoveRule, state: TrackState) -> str | None:
    return None if track.steps[rule.to].final else state.holder


def _receiver(draft: Draft, track: Track, rule: MoveRule, state: TrackState, to_unit: str | None) -> Unit | None:
    """The other unit that must accept this move, or ``None`` when the holder keeps the track (or it ends)."""
    step = track.steps[rule.to]
    if step.final or step.responsible is None or state.holder is None:
        return None
    directory = draft.context.directory
    holder = directory.current(state.holder)
    if to_unit is not None and directory.same(to_unit, holder.id):
        raise HandOffImpossible("不能移交给本单位自己", "a unit cannot hand off to itself", unit=to_unit)
    if to_unit is None and step.responsible in holder.functions:
        return None
    unit = draft.resolve(step.responsible, to_unit)
    if unit is None:
        raise UnitUnknown(
            f"从地区 {draft.case.area} 逐级向上未找到负责单位（{step.responsible}）",
            f"no unit of function {step.responsible} from area {draft.case.area} upward",
            function=step.responsible, area=draft.case.area,
        )  # fmt: skip
    return unit


def _offer(draft: Draft, command: Move, rule: MoveRule, receiver: Unit, judged: dict[str, object]) -> None:
    present = tuple(name for name in rule.materials if name in draft.case.documents)
    offered = ev.HandOffOffered(
        hand_off=next_hand_off_id(draft), kind="move", from_unit=draft.state(command.track).holder or draft.unit.id,
        to_unit=receiver.id, track=command.track, move=command.move, to_step=rule.to, present=present,
        missing=tuple(name for name in rule.materials if name not in present),
    )  # fmt: skip
    draft.emit(offered, clauses=rule.clauses, judged=judged)


def next_hand_off_id(draft: Draft) -> str:
    """A new hand-off's identifier: the case and the number of the event that offers it."""
    return f"{draft.case_id}/{draft.case.events + 1}"


def perform(
    draft: Draft, track: str, name: str, *, judged: dict[str, object], holder: str | None, hand_off: str | None = None
) -> None:
    """Make a move that nothing refuses any more, with the effects its definition gives it."""
    state = draft.state(track)
    machine = draft.machine(track)
    rule = machine.move(state.step, name)
    to_step = machine.advance(state.step, name)
    draft.emit(ev.Moved(track, name, state.step, to_step, holder, hand_off), clauses=rule.clauses, judged=judged)
    draft.touch(f"track:{track}")
    effects = {fact: value for fact, value in rule.sets.items() if not _already(draft, fact, value)}
    if effects:
        draft.emit(ev.FactsRecorded(effects, track), clauses=rule.clauses)
        draft.touch(*(f"fact:{fact}" for fact in effects))
    file_documents(draft, rule.records, track)


def _already(draft: Draft, fact: str, value: object) -> bool:
    stated = draft.case.facts.get(fact)
    return stated is not None and stated.value == value


def accept_move(draft: Draft, hand_off: HandOff) -> None:
    """The receiver accepts: the conditions are judged again, as they stand now, then the move is made."""
    assert hand_off.track is not None
    assert hand_off.move is not None
    state = draft.state(hand_off.track)
    rule = draft.machine(hand_off.track).move(state.step, hand_off.move)
    judged = _judge(draft, rule, sender=hand_off)
    draft.emit(ev.HandOffAccepted(hand_off.id), clauses=rule.clauses, judged=judged)
    perform(draft, hand_off.track, hand_off.move, judged=judged, holder=hand_off.to_unit, hand_off=hand_off.id)


def reverse(draft: Draft, command: Reverse) -> None:
    """Undo the last move or acceptance of a track; what rested on it elsewhere is flagged."""
    draft.require_open()
    track = draft.track(command.track)
    state = draft.case.tracks.get(command.track)
    if state is None or state.last is None:
        raise NothingToChange(f"「{track.title.zh}」没有可撤销的动作", f"{track.title.en}: nothing to reverse")
    if state.hand_off is not None:
        raise HandOffImpossible("请先撤回尚未答复的移交", "withdraw the open hand-off first", hand_off=state.hand_off)
    if not command.reason.strip():
        raise refused(Reason(code="reason_missing", zh="撤销须说明理由", en="a reversal needs a reason"))
    names = (f"track:{command.track}", f"reached:{command.track}")
    flagged = tuple(number for number in draft.case.resting_on(*names) if number > state.last.event)
    draft.emit(ev.MoveReversed(command.track, state.last.event, command.reason, flagged))
    draft.touch(f"track:{command.track}")


def assign(draft: Draft, command: Assign) -> None:
    """Give a track to a person inside the unit that holds it."""
    draft.require_open()
    if draft.state(command.track).assignee == command.person:
        raise NothingToChange("已如此指派", "it is assigned so already")
    draft.emit(ev.PersonAssigned(command.track, command.person))


def refer(draft: Draft, command: Refer) -> None:
    """Bring a unit in, or end a referral; responsibility stays where it is."""
    draft.require_open()
    if command.ends is not None:
        if command.ends not in draft.case.referrals:
            raise NothingToChange(f"没有转介 {command.ends}", f"no referral {command.ends}")
        draft.emit(ev.ReferralEnded(command.ends))
        return
    state = draft.state(command.track)
    if command.to_unit is None:
        raise UnitUnknown("请指明转介给哪个单位", "say which unit to refer to")
    unit = draft.context.directory.current(command.to_unit)
    if state.holder is not None and draft.context.directory.same(unit.id, state.holder):
        raise NothingToChange("该单位本就负责此环节", "that unit is responsible for this step already")
    referral = f"{draft.case_id}/{draft.case.events + 1}"
    draft.emit(ev.UnitReferred(referral, command.track, unit.id, command.reason))


def decline_track(draft: Draft, command: DeclineTrack) -> None:
    """The victim declines a whole track; duties it would have settled count as declined."""
    draft.require_open()
    track, state = draft.track(command.track), draft.state(command.track)
    if not track.declinable:
        raise refused(
            Reason(
                code="not_declinable", zh=f"「{track.title.zh}」不属于受害人可谢绝的事项",
                en=f"{track.title.en} is not for the victim to decline", clauses=track.clauses,
            )
        )  # fmt: skip
    if state.hand_off is not None:
        draft.emit(ev.HandOffWithdrawn(state.hand_off, "declined_by_victim"))
    draft.emit(ev.TrackDeclined(command.track, command.reason), clauses=track.clauses)
    draft.touch(f"track:{command.track}")
    for name, duty in draft.definition.duties_of(draft.case.scope).items():
        settled_by = duty.settled_by
        if duty.declinable and settled_by is not None and getattr(settled_by, "track", None) == command.track:
            draft.emit(ev.DutySettled(name, "declined", reason=command.reason), clauses=duty.clauses)
