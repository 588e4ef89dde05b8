"""Hand-offs: a protocol of two. Responsibility moves when the receiver accepts, never before."""

from __future__ import annotations

from engine.core import events as ev
from engine.core.case import HandOff
from engine.core.commands import Accept, Decline, Offer, OfferTransfer, Withdraw
from engine.core.decide.closing import close_for_transfer
from engine.core.decide.draft import Draft
from engine.core.decide.moving import accept_move, next_hand_off_id
from engine.core.decide.opening import begin_successor
from engine.errors import CommandMalformed, HandOffImpossible, UnitUnknown


def offer(draft: Draft, command: Offer) -> None:
    """Offer a waiting track again, or the step a track stands at to another unit of the same function."""
    draft.require_open()
    track, state = draft.track(command.track), draft.state(command.track)
    if state.hand_off is not None:
        raise HandOffImpossible(
            "已有一份移交等待答复，请先撤回", "an offer is open already; withdraw it first", hand_off=state.hand_off
        )
    holder = state.holder or draft.unit.id
    is_waiting = state.status == "waiting"
    if not is_waiting and command.to_unit is None:
        raise UnitUnknown("请指明移交给哪个单位", "say which unit to offer it to")
    function = track.steps[state.step].responsible
    assert function is not None, "a held track stands at a step with a responsible function"
    unit = draft.resolve(function, command.to_unit)
    if unit is None:
        raise UnitUnknown(f"未找到负责单位（{function}）", f"no unit of function {function}", function=function)
    if draft.context.directory.same(unit.id, holder):
        raise HandOffImpossible("不能移交给本单位自己", "a unit cannot hand off to itself", unit=unit.id)
    draft.emit(
        ev.HandOffOffered(
            hand_off=next_hand_off_id(draft), kind="track" if is_waiting else "unit", from_unit=holder,
            to_unit=unit.id, track=command.track, to_step=state.step, reason=command.reason,
        ),
        clauses=track.steps[state.step].clauses,
    )  # fmt: skip


def offer_transfer(draft: Draft, command: OfferTransfer) -> None:
    """Offer the whole case to a unit elsewhere; the sender holds on until it is accepted."""
    draft.require_open()
    if draft.case.scope != "victim":
        raise CommandMalformed("只有受害人个案可以跨地区移交", "only a victim's case can be transferred")
    if any(hand_off.kind == "transfer" for hand_off in draft.case.hand_offs.values()):
        raise HandOffImpossible("已有一份跨地区移交等待答复", "a transfer is offered already")
    directory = draft.context.directory
    here, there = directory.definition_for(draft.case.area), directory.definition_for(command.area)
    unit = directory.current(command.to_unit)
    if there is None or there == here:
        raise HandOffImpossible(
            "目的地与本案适用同一流程：请逐条办理线移交给当地同职能单位",
            "the same definition applies there: offer each track to the unit of the same function instead",
            area=command.area,
        )
    if directory.same(unit.id, draft.unit.id):
        raise HandOffImpossible("不能移交给本单位自己", "a unit cannot hand off to itself", unit=unit.id)
    draft.emit(
        ev.HandOffOffered(
            hand_off=next_hand_off_id(draft), kind="transfer", from_unit=draft.unit.id, to_unit=unit.id,
            area=command.area, reason=command.reason,
        )
    )  # fmt: skip


def accept(draft: Draft, command: Accept) -> None:
    """Accept: the conditions are judged again, and only then responsibility moves.

    A hand-off that is overdue is still open and can still be accepted.
    """
    draft.require_open()
    hand_off = draft.hand_off(command.hand_off)
    match hand_off.kind:
        case "move":
            accept_move(draft, hand_off)
        case "track":
            _accept_track(draft, hand_off)
        case "unit":
            assert hand_off.track is not None
            draft.emit(ev.HandOffAccepted(hand_off.id))
            draft.emit(ev.HolderChanged(hand_off.track, hand_off.to_unit, hand_off.id))
        case "transfer":
            _accept_transfer(draft, hand_off)


def _accept_track(draft: Draft, hand_off: HandOff) -> None:
    assert hand_off.track is not None
    track = draft.track(hand_off.track)
    judged = draft.judge(track.opens.requires, sender=hand_off)
    draft.emit(ev.HandOffAccepted(hand_off.id), clauses=track.clauses, judged=judged)
    draft.touch(f"track:{hand_off.track}")


def _accept_transfer(draft: Draft, hand_off: HandOff) -> None:
    successor = draft.context.successor
    assert hand_off.area is not None, "a transfer names the area it goes to"
    assert successor is not None, "the desk chooses the successor's pseudonym"
    draft.emit(ev.HandOffAccepted(hand_off.id))
    draft.spawned = begin_successor(draft, hand_off.area, successor)
    close_for_transfer(draft, successor)


def decline(draft: Draft, command: Decline) -> None:
    """Decline with a reason; the sender was responsible all along and stays so."""
    draft.require_open()
    hand_off = draft.hand_off(command.hand_off)
    reasons = draft.definition.decline_reasons
    if command.reason not in reasons:
        known = "、".join(f"{code}（{label.zh}）" for code, label in reasons.items())
        # What was sent instead is not repeated: people write reasons where a code belongs.
        raise CommandMalformed(f"退回须选择理由：{known}", f"declining needs a reason code: {', '.join(reasons)}")
    draft.emit(ev.HandOffDeclined(hand_off.id, command.reason, command.text))


def withdraw(draft: Draft, command: Withdraw) -> None:
    """Take back an offer nobody answered."""
    draft.require_open()
    draft.emit(ev.HandOffWithdrawn(draft.hand_off(command.hand_off).id, command.reason))
