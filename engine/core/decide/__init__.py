"""Decide: command + case + definition + now -> events, or a refusal with all its reasons.

Pure. Authorisation has been judged before (``engine.access``); this room judges what the law asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.decide import closing, handing, moving, opening, recording
from engine.core.decide.draft import Context, Draft, Spawned
from engine.core.events import Recorded
from engine.errors import CaseUnknown, ClockBehind

CLOCK_SLACK = timedelta(seconds=2)
"""Clocks of several nodes differ a little: within this slack an event takes the time of the one before it."""

_DECIDERS: Mapping[type[cmd.Command], Callable[[Draft, Any], None]] = {
    cmd.OpenCase: opening.open_case, cmd.OpenTrack: opening.open_track, cmd.Move: moving.move,
    cmd.Offer: handing.offer, cmd.OfferTransfer: handing.offer_transfer, cmd.Accept: handing.accept,
    cmd.Decline: handing.decline, cmd.Withdraw: handing.withdraw, cmd.Refer: moving.refer,
    cmd.Assign: moving.assign, cmd.Contribute: recording.contribute, cmd.RecordConsent: recording.record_consent,
    cmd.AttachFile: recording.attach_file, cmd.RecordIdentity: recording.record_identity,
    cmd.SettleDuty: recording.settle_duty, cmd.DeclineTrack: moving.decline_track, cmd.Correct: recording.correct,
    cmd.ReviewFlag: recording.review_flag, cmd.Reverse: moving.reverse,
    cmd.LinkCriminalCase: recording.link_criminal_case,
    cmd.Relocate: recording.relocate, cmd.Close: closing.close, cmd.Reopen: closing.reopen,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: the events, the case as it stands after them, and a second record if one began."""

    case: Case
    events: tuple[Recorded, ...]
    spawned: Spawned | None = None


def decide(command: cmd.Command, case: Case | None, context: Context) -> Decision:
    """Decide one command.

    ``case`` is ``None`` for :class:`OpenCase` only. Raises the errors of ``engine.errors``; a refusal carries all
    unmet conditions. Nothing is changed by a refusal, since nothing is changed here at all.
    """
    if case is None and not isinstance(command, cmd.OpenCase):
        shown = cmd.shown_code(command.case)
        raise CaseUnknown(f"没有个案 {shown}", f"no case {shown}", case=shown)
    draft = Draft(_with_steady_clock(context, case), command.case, case)
    _DECIDERS[type(command)](draft, command)
    recording.hold_guards(draft)
    if draft.case.status == "open":
        opening.open_due_tracks(draft)
    return Decision(draft.case, tuple(draft.events), draft.spawned)


def _with_steady_clock(context: Context, case: Case | None) -> Context:
    if case is None or context.now >= case.changed_at:
        return context
    behind = case.changed_at - context.now
    if behind > CLOCK_SLACK:
        raise ClockBehind(
            f"本机时钟比个案最近一次办理时间慢 {behind.total_seconds():.0f} 秒，请先校准时钟",
            f"this machine's clock is {behind.total_seconds():.0f} s behind the case's last event; set it right first",
            seconds=behind.total_seconds(),
        )
    return replace(context, now=case.changed_at)
