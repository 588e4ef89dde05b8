"""Events in words, in both languages: what the timeline says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.core import events as ev
from engine.core.definition import Definition, Label
from engine.core.directory import Directory
from engine.core.events import Event
from engine.vault.filetypes import TYPES

Phrase = tuple[str, str]


class _Names:
    """The labels of one definition and directory."""

    def __init__(self, book: Definition, directory: Directory) -> None:
        self.book = book
        self.directory = directory

    def track(self, name: str | None) -> Label:
        return self.book.tracks[name].title if name else Label(zh="全案", en="the case")

    def step(self, track: str | None, step: str | None) -> Label:
        return self.book.tracks[track].steps[step].title if track and step else Label(zh="—", en="-")

    def unit(self, unit: str) -> Label:
        name = self.directory.current(unit).name()
        return Label(zh=name.zh, en=name.en)

    def facts(self, names: Mapping[str, object]) -> Label:
        labels = [self.book.facts[name].title for name in names if name in self.book.facts]
        return Label(zh="、".join(one.zh for one in labels) or "—", en=", ".join(one.en for one in labels) or "-")

    def documents(self, names: tuple[str, ...]) -> Label:
        labels = [self.book.documents[name].title for name in names if name in self.book.documents]
        return Label(zh="、".join(one.zh for one in labels) or "—", en=", ".join(one.en for one in labels) or "-")


def said(event: Event, book: Definition, directory: Directory) -> Label:
    """One sentence for an event. Facts are named, their values are not."""
    zh, en = _SAY[type(event)](_Names(book, directory), event)
    return Label(zh=zh, en=en)


def _opened(names: _Names, event: ev.CaseOpened) -> Phrase:
    if event.predecessor:
        return f"接续 {event.predecessor} 立案", f"opened, continuing {event.predecessor}"
    return "立案", "record opened"


def _facts(names: _Names, event: ev.FactsRecorded) -> Phrase:
    facts = names.facts(event.facts)
    return f"登记：{facts.zh}", f"recorded: {facts.en}"


def _documents(names: _Names, event: ev.DocumentsFiled) -> Phrase:
    documents = names.documents(event.documents)
    return f"收入材料：{documents.zh}", f"filed: {documents.en}"


def _note(names: _Names, event: ev.NoteAdded) -> Phrase:
    track = names.track(event.track)
    return f"「{track.zh}」补充说明", f"{track.en}: note added"


def _attached(names: _Names, event: ev.FileAttached) -> Phrase:
    kind = TYPES[event.kind]
    return f"收入附件 {event.attachment}（{kind.zh}）", f"attached {event.attachment} ({kind.en})"


def _identity(names: _Names, event: ev.IdentityRecorded) -> Phrase:
    zh, en = _ROLES[event.role]
    return f"封存身份信息：{zh} {event.person}", f"identity sealed: {en} {event.person}"


_ROLES: Mapping[str, tuple[str, str]] = {
    "victim": ("受害人", "victim"), "relative": ("亲属", "relative"), "carer": ("照料人", "carer"),
    "buyer_family": ("收买家庭成员", "member of the buyer family"), "reporter": ("报告人", "reporter"),
}  # fmt: skip


def _consent(names: _Names, event: ev.ConsentRecorded) -> Phrase:
    title = names.book.consents[event.consent].title
    return (f"{title.zh}：{'同意' if event.given else '不同意或撤回'}", f"{title.en}: {'yes' if event.given else 'no'}")


def _track_opened(names: _Names, event: ev.TrackOpened) -> Phrase:
    track = names.track(event.track)
    waiting = ("，等待负责单位接收", ", waiting for the responsible unit") if event.waiting else ("", "")
    return f"开启「{track.zh}」{waiting[0]}", f"opened {track.en}{waiting[1]}"


def _offered(names: _Names, event: ev.HandOffOffered) -> Phrase:
    unit, track = names.unit(event.to_unit), names.track(event.track)
    step = names.step(event.track, event.to_step)
    missing = names.documents(event.missing)
    tail = (f"，缺：{missing.zh}", f", missing: {missing.en}") if event.missing else ("", "")
    return (
        f"「{track.zh}」向{unit.zh}提出移交（{step.zh}）{tail[0]}",
        f"{track.en}: offered to {unit.en} ({step.en}){tail[1]}",
    )


def _accepted(names: _Names, event: ev.HandOffAccepted) -> Phrase:
    return f"接收移交 {event.hand_off}", f"accepted hand-off {event.hand_off}"


def _declined(names: _Names, event: ev.HandOffDeclined) -> Phrase:
    reason = names.book.decline_reasons[event.reason]
    return f"退回移交 {event.hand_off}：{reason.zh}", f"declined hand-off {event.hand_off}: {reason.en}"


def _withdrawn(names: _Names, event: ev.HandOffWithdrawn) -> Phrase:
    return f"撤回移交 {event.hand_off}", f"withdrew hand-off {event.hand_off}"


def _moved(names: _Names, event: ev.Moved) -> Phrase:
    track, move = names.track(event.track), names.book.tracks[event.track].moves[event.move].title
    step = names.step(event.track, event.to_step)
    return f"「{track.zh}」{move.zh} → {step.zh}", f"{track.en}: {move.en} -> {step.en}"


def _holder(names: _Names, event: ev.HolderChanged) -> Phrase:
    track, unit = names.track(event.track), names.unit(event.holder)
    return f"「{track.zh}」改由{unit.zh}负责", f"{track.en}: now held by {unit.en}"


def _reversed(names: _Names, event: ev.MoveReversed) -> Phrase:
    track = names.track(event.track)
    return f"撤销「{track.zh}」的第 {event.event} 号动作", f"{track.en}: reversed event {event.event}"


def _referred(names: _Names, event: ev.UnitReferred) -> Phrase:
    unit, track = names.unit(event.to_unit), names.track(event.track)
    return f"「{track.zh}」转介{unit.zh}", f"{track.en}: referred to {unit.en}"


def _referral_ended(names: _Names, event: ev.ReferralEnded) -> Phrase:
    return f"转介 {event.referral} 结束", f"referral {event.referral} ended"


def _assigned(names: _Names, event: ev.PersonAssigned) -> Phrase:
    track = names.track(event.track)
    return f"「{track.zh}」指派给 {event.person or '—'}", f"{track.en}: assigned to {event.person or '-'}"


_OUTCOMES = {
    "done": ("已完成", "done"),
    "declined": ("受害人谢绝", "declined by the victim"),
    "not_applicable": ("不适用", "not applicable"),
}


def _duty(names: _Names, event: ev.DutySettled) -> Phrase:
    duty = names.book.duties[event.duty].title
    outcome = _OUTCOMES[event.outcome]
    return f"职责「{duty.zh}」：{outcome[0]}", f"duty {duty.en}: {outcome[1]}"


def _track_declined(names: _Names, event: ev.TrackDeclined) -> Phrase:
    track = names.track(event.track)
    return f"受害人谢绝「{track.zh}」", f"the victim declined {track.en}"


def _track_ended(names: _Names, event: ev.TrackEnded) -> Phrase:
    track = names.track(event.track)
    return f"「{track.zh}」随结案终止", f"{track.en} ended with the case"


def _corrected(names: _Names, event: ev.FactCorrected) -> Phrase:
    fact = names.facts({event.fact: None})
    tail = (
        (f"，{len(event.flagged)} 个动作待复核", f", {len(event.flagged)} moves to review")
        if event.flagged
        else ("", "")
    )
    return f"更正：{fact.zh}{tail[0]}", f"corrected: {fact.en}{tail[1]}"


def _reviewed(names: _Names, event: ev.FlagReviewed) -> Phrase:
    return f"复核事件 {event.event}：维持", f"reviewed event {event.event}: it stands"


def _linked(names: _Names, event: ev.CriminalCaseLinked) -> Phrase:
    return f"关联刑事案件 {event.criminal_case}", f"linked to criminal case {event.criminal_case}"


def _relocated(names: _Names, event: ev.CaseRelocated) -> Phrase:
    area = names.directory.jurisdictions[event.area]
    return f"个案转至{area.zh}", f"the case now belongs to {area.en}"


def _closed(names: _Names, event: ev.CaseClosed) -> Phrase:
    way = names.book.closings[event.outcome].title
    tail = f" → {event.points_to}" if event.points_to else ""
    return f"结案：{way.zh}{tail}", f"closed: {way.en}{tail}"


def _reopened(names: _Names, event: ev.CaseReopened) -> Phrase:
    track = names.track(event.track)
    return f"重新办理：「{track.zh}」", f"reopened: {track.en}"


_SAY: Mapping[type, Callable[[_Names, Any], Phrase]] = {
    ev.CaseOpened: _opened, ev.FactsRecorded: _facts, ev.DocumentsFiled: _documents, ev.NoteAdded: _note,
    ev.FileAttached: _attached, ev.IdentityRecorded: _identity, ev.ConsentRecorded: _consent,
    ev.TrackOpened: _track_opened, ev.HandOffOffered: _offered,
    ev.HandOffAccepted: _accepted, ev.HandOffDeclined: _declined, ev.HandOffWithdrawn: _withdrawn, ev.Moved: _moved,
    ev.HolderChanged: _holder, ev.MoveReversed: _reversed, ev.UnitReferred: _referred,
    ev.ReferralEnded: _referral_ended, ev.PersonAssigned: _assigned, ev.DutySettled: _duty,
    ev.TrackDeclined: _track_declined, ev.TrackEnded: _track_ended, ev.FactCorrected: _corrected,
    ev.FlagReviewed: _reviewed, ev.CriminalCaseLinked: _linked,
    ev.CaseRelocated: _relocated, ev.CaseClosed: _closed, ev.CaseReopened: _reopened,
}  # fmt: skip
