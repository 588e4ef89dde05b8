"""Closings and reopening."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core import events as ev
from engine.core.commands import Close, Reopen
from engine.core.decide.draft import Draft, refused
from engine.core.definition import Closing
from engine.core.duties import standing
from engine.core.machine import CASE_OPENED
from engine.errors import CommandMalformed, NothingToChange, Reason


def close(draft: Draft, command: Close) -> None:
    """End the record in one of the ways its definition knows. Raises :class:`Refused` with all that holds it."""
    draft.require_open()
    ways = {name: way for name, way in draft.definition.closings.items() if way.scope == draft.case.scope}
    way = ways.get(command.outcome)
    if way is None:
        raise CommandMalformed(
            f"结案方式应为：{'、'.join(ways)}", f"ways to close: {', '.join(ways)}", outcome=command.outcome
        )
    if command.outcome == "transfer":
        raise refused(
            Reason(
                code="transfer_by_hand_off", zh="跨地区结案只能通过对方接收移交实现",
                en="a case closes by transfer only when the other side accepts it",
            )
        )  # fmt: skip
    holding = list(holding_reasons(draft)) if way.needs_duties else []
    judged = draft.judge(way.requires, also=holding)
    _end(draft, command.outcome, way, judged, reason=command.reason, points_to=command.points_to)


def close_for_transfer(draft: Draft, successor: str) -> None:
    """Close after another jurisdiction accepted the case."""
    way = draft.definition.closings["transfer"]
    _end(draft, "transfer", way, draft.judge(way.requires), points_to=successor)


def holding_reasons(draft: Draft) -> Iterator[Reason]:
    """Open tracks, open hand-offs, unsettled duties and unreviewed flags, as reasons with their clauses."""
    for name, state in draft.case.held().items():
        track = draft.definition.tracks[name]
        title = track.steps[state.step].title
        yield Reason(
            code="track_open", zh=f"「{track.title.zh}」尚未办结（现处于「{title.zh}」）",
            en=f"{track.title.en} is not finished (stands at {title.en})", clauses=track.clauses,
            provenance=track.provenance, judged={f"track:{name}": state.step},
        )  # fmt: skip
    for hand_off in draft.case.hand_offs.values():
        if hand_off.kind == "transfer":
            yield Reason(
                code="hand_off_open", zh="有一份跨地区移交等待答复", en="a transfer waits for an answer",
                judged={"hand_off": hand_off.id},
            )  # fmt: skip
    view = draft.view()
    for name, duty in draft.definition.duties_of(draft.case.scope).items():
        # A duty's provenance says where its *unit* comes from; that it stands is printed where it has a clause.
        if draft.case.scope != "office" and standing(name, duty, view) == "open":
            yield Reason(
                code="duty_open", zh=f"职责「{duty.title.zh}」尚未完成、谢绝或说明不适用（{name}）",
                en=f"duty not done, declined or marked not applicable: {duty.title.en} ({name})",
                clauses=duty.clauses, provenance="printed" if duty.basis else duty.provenance,
                judged={f"duty:{name}": "open"},
            )  # fmt: skip
    for number, cause in draft.case.flags.items():
        yield Reason(
            code="flag_open", zh=f"事件 {number} 所依据的内容已被更正，尚未复核",
            en=f"event {number} rests on something that was corrected; review it first", judged={"flag": cause},
        )  # fmt: skip


def _end(
    draft: Draft, outcome: str, way: Closing, judged: dict[str, object], *, reason: str = "",
    points_to: str | None = None,
) -> None:  # fmt: skip
    """Leave nothing open behind: withdraw hand-offs, end tracks, then close."""
    for hand_off in list(draft.case.hand_offs):
        draft.emit(ev.HandOffWithdrawn(hand_off, "case_closed"))
    for name in draft.case.held():
        draft.emit(ev.TrackEnded(name))
    draft.emit(ev.CaseClosed(outcome, reason, points_to), clauses=way.clauses, judged=judged)
    draft.changed.clear()


def reopen(draft: Draft, command: Reopen) -> None:
    """Take a closed record up again on one of its tracks, from the start, held by the unit that reopens it."""
    if draft.case.status == "open":
        raise NothingToChange("个案未结案", "the case is open")
    if draft.case.points_to is not None:
        raise refused(
            Reason(
                code="points_elsewhere", zh=f"本案已并入或移交至 {draft.case.points_to}，请在该案继续",
                en=f"this case points to {draft.case.points_to}; go on there",
            )
        )  # fmt: skip
    if not command.reason.strip():
        raise refused(Reason(code="reason_missing", zh="重新办理须说明理由", en="reopening needs a reason"))
    track = draft.track(command.track)
    step = track.steps[track.start]
    if step.responsible not in draft.unit.functions:
        raise refused(
            Reason(
                code="not_your_track", zh=f"「{track.title.zh}」由职能 {step.responsible} 负责，本单位不能以此重新办理",
                en=f"{track.title.en} belongs to function {step.responsible}; reopen on a track of your own",
            )
        )  # fmt: skip
    judged = draft.judge(track.opens.requires)
    draft.emit(
        ev.CaseReopened(command.track, track.start, draft.unit.id, command.reason),
        clauses=track.clauses, judged=judged,
    )  # fmt: skip
    draft.touch(CASE_OPENED, f"track:{command.track}")  # what the closing cut short goes on where it is still due
