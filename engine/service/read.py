"""Looking: a case, its moves and why they are blocked, its timeline, what waits for a unit, replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from engine.access.judging import why_not
from engine.access.model import Verdict, Who
from engine.core.case import Case, HandOff, evolve
from engine.core.commands import Actor
from engine.core.decide.draft import Context, Draft
from engine.core.definition import Definition, Duty, Label
from engine.core.directory import Directory
from engine.core.duties import Standing, standing
from engine.core.events import Event, FactCorrected, Recorded
from engine.core.explain import Option, holding, options, requestable
from engine.core.machine import Rules, looked_at
from engine.core.view import CHINA
from engine.errors import HistoryBroken, Reason
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.handle import Answer
from engine.service.known import Known, history, load_with_key, read_classes
from engine.service.persons import Persons
from engine.service.sight import Seen, look_up, open_for_reading
from engine.service.words import said
from engine.store.work import Work


@dataclass(frozen=True, slots=True)
class TrackLine:
    """One track of a case as people read it. ``due`` is the parameter that sets its time, if any."""

    name: str
    title: Label
    step: str
    step_title: Label
    status: str
    holder: str | None
    holder_name: Label | None
    assignee: str | None
    entered_at: datetime
    hand_off: str | None
    joint_leads: tuple[str, ...]
    cooperating: tuple[str, ...]
    printed_responsible: tuple[str, ...]
    clauses: tuple[str, ...]
    provenance: str


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One duty of a case and how it stands."""

    name: str
    title: Label
    standing: Standing | Literal["withheld"]
    responsible: str
    clauses: tuple[str, ...]
    provenance: str


@dataclass(frozen=True, slots=True)
class FactLine:
    """One stated fact, with the labels a person reads."""

    name: str
    title: Label
    value: object
    shown: Label
    field_class: str
    event: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field class that somebody is not shown, and why."""

    field_class: str
    why: Label
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseSheet:
    """A case as a unit that takes part may see it: ``case`` holds the facts of the classes it may see, no others."""

    case: Case
    definition: str
    title: Label
    area: Label
    tracks: tuple[TrackLine, ...]
    duties: tuple[DutyLine, ...]
    facts: tuple[FactLine, ...]
    hand_offs: tuple[HandOff, ...]
    unit_names: Mapping[str, Label]
    withheld: tuple[Withheld, ...] = ()
    is_preview: bool = False


@dataclass(frozen=True, slots=True)
class MoveSheet:
    """What could be done now, what could be opened, and what keeps the case from closing, at this revision."""

    revision: int
    options: tuple[Option, ...]
    requestable: tuple[str, ...]
    holding: tuple[Reason, ...]
    titles: Mapping[str, Label]


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One event as people read it."""

    recorded: Recorded
    unit_name: Label
    said: Label


def show(desk: Desk, case_id: str, actor: Actor) -> CaseSheet:
    """The case, or a preview of it for a unit that is only asked to take a step.

    Raises :class:`CaseUnknown`, :class:`NotHolder`.
    """
    account = Account("case:show", actor)
    with desk.reading(account) as work:
        seen = look_up(desk, case_id, work, account)
        standings = _standings(desk, seen, work)
    case, rules, directory = seen.case, seen.rules, seen.directory
    if seen.reading == "preview":
        case, standings = _previewed(case, seen.who, directory), ()
    sheet = _sheet(case, rules, directory, standings)
    withheld = tuple(_withheld(desk, name, seen.disclosed[name]) for name in sorted(seen.withheld))
    return replace(sheet, withheld=withheld, is_preview=seen.reading == "preview")


def _withheld(desk: Desk, name: str, verdict: Verdict) -> Withheld:
    zh, en = why_not(desk.gate, verdict)
    return Withheld(name, Label(zh=zh, en=en), verdict.policies)


def _previewed(case: Case, who: Who, directory: Directory) -> Case:
    """What the receiver of an offer sees before answering: the step, the papers, basic facts, and nobody."""
    asked = {one.id: one for one in case.hand_offs.values() if directory.same(one.to_unit, who.unit)}
    tracks = {one.track for one in asked.values()}
    return replace(
        case,
        tracks={name: state for name, state in case.tracks.items() if name in tracks},
        hand_offs=asked, documents={}, consents={}, duties={}, referrals={}, flags={}, units=(), criminal_case=None,
        persons={},
    )  # fmt: skip


def moves(desk: Desk, case_id: str, actor: Actor) -> MoveSheet:
    """Every move of every open track, open or blocked, with *all* reasons.

    The conditions are judged on everything the case knows, as a move would be; of what they were judged on, only the
    classes that the unit may see are told.
    """
    account = Account("case:moves", actor)
    with desk.reading(account) as work:
        seen = open_for_reading(desk, case_id, work, account, "read_timeline")
        whole = read_classes(desk, seen.known, None, work).case
        draft = Draft(_context(desk, seen, whole, work), whole.id, whole)
    is_open = whole.status == "open"
    return MoveSheet(
        revision=whole.revision,
        options=tuple(replace(one, reasons=seen.told(one.reasons)) for one in options(draft)) if is_open else (),
        requestable=tuple(requestable(draft)) if is_open else (),
        holding=seen.told(holding(draft)) if is_open else (),
        titles={name: track.title for name, track in seen.rules.definition.tracks.items()},
    )


def timeline(desk: Desk, case_id: str, actor: Actor) -> list[TimelineLine]:
    """The events of the case, in the order they happened, in words; without what is withheld from the actor's unit."""
    account = Account("case:timeline", actor)
    with desk.reading(account) as work:
        seen = open_for_reading(desk, case_id, work, account, "read_timeline", reads=())
        read: set[str] = set()
        events = history(seen.known, work, seen.classes, read=read)
        seen.tell(account, read)
    return _in_words(events, seen.rules, seen.directory)


def happened(desk: Desk, answer: Answer) -> list[TimelineLine]:
    """The events that one command added, in words, for whoever gave it: what she did is entered already."""
    found = _added(desk, answer.case, answer.revision)
    return found if answer.successor is None else [*found, *_added(desk, answer.successor, 1)]


def _added(desk: Desk, case_id: str, revision: int) -> list[TimelineLine]:
    with desk.database.reading() as work:
        known = load_with_key(desk, case_id, work, for_update=False)
        rules, directory = desk.books.pinned(known.case.pin.hash, work), desk.directory(work)
        events = [_own(item) for item in history(known, work, revision=revision)]
    return _in_words(events, rules, directory)


def _own(item: Recorded) -> Recorded:
    """What somebody did, without what others had said before: that may be of a class which is withheld from her."""
    event = replace(item.event, before="") if isinstance(item.event, FactCorrected) else item.event
    return replace(item, judged={}, event=event)


def _in_words(events: list[Recorded], rules: Rules, directory: Directory) -> list[TimelineLine]:
    return [
        TimelineLine(item, unit_label(directory, item.unit), said(item.event, rules.definition, directory))
        for item in events
    ]


def events_of(desk: Desk, case_id: str, actor: Actor | None = None) -> list[Event]:
    """Everything that happened to a case, in order: for the operator, and whoever may read its timeline."""
    account = Account("case:replay", actor)
    with desk.reading(account) as work:
        known = _for_replay(desk, case_id, work, account)
        return [item.event for item in history(known, work)]


def replay(desk: Desk, case_id: str, actor: Actor | None = None) -> Case:
    """The case as its history makes it, for the operator and whoever may read its timeline.

    Raises :class:`HistoryBroken` when the stored case differs.
    """
    account = Account("case:replay", actor)
    with desk.reading(account) as work:
        known = _for_replay(desk, case_id, work, account)
        again = evolve(None, history(known, work), case_id=case_id)
        if again != _without_revision(known.case):
            raise HistoryBroken(f"个案 {case_id} 的存储内容与办理记录不符", f"case {case_id} differs from its history")
    return again


def _for_replay(desk: Desk, case_id: str, work: Work, account: Account) -> Known:
    """The whole case, to be held against its history inside; nothing of it is shown."""
    if account.actor is not None:
        open_for_reading(desk, case_id, work, account, "read_timeline", reads=())
    known = load_with_key(desk, case_id, work, for_update=False)
    known.tell(account)
    return known


def _without_revision(case: Case) -> Case:
    return replace(case, revision=0)


def _context(desk: Desk, seen: Seen, case: Case, work: Work) -> Context:
    """What conditions are judged with; of persons they hear ages, yes, no or not known."""
    now = desk.clock()
    actor = Actor(seen.who.person, seen.who.unit, seen.who.purpose)
    return Context(
        actor=actor, now=now, rules=seen.rules, directory=seen.directory, parameters=desk.parameters(seen.rules, work),
        identities=Persons(desk.safe, work).answers(case, seen.key, now.astimezone(CHINA).date(), None),
    )  # fmt: skip


def _standings(desk: Desk, seen: Seen, work: Work) -> tuple[DutyLine, ...]:
    """How every duty stands, judged on what is disclosed; of one that hangs on what is withheld it is not said."""
    case, book = seen.case, seen.rules.definition
    hidden = seen.hidden_facts if seen.withheld else frozenset()
    view = Draft(_context(desk, seen, case, work), case.id, case).view()
    found = []
    for name, duty in book.duties_of(case.scope).items():
        is_hidden = name not in case.duties and not hidden.isdisjoint(_looks_at(duty))
        stands: Standing | Literal["withheld"] = "withheld" if is_hidden else standing(name, duty, view)
        found.append(DutyLine(name, duty.title, stands, duty.responsible, duty.clauses, duty.provenance))
    return tuple(found)


def _looks_at(duty: Duty) -> frozenset[str]:
    """The facts that say whether a duty has arisen, and whether it is settled."""
    names = {name for one in (duty.arises, duty.settled_by) if one is not None for name in looked_at(one)}
    return frozenset(name.removeprefix("fact:") for name in names)


def unit_label(directory: Directory, unit: str) -> Label:
    """The name of a unit today."""
    name = directory.current(unit).name()
    return Label(zh=name.zh, en=name.en)


def _sheet(case: Case, rules: Rules, directory: Directory, duties: tuple[DutyLine, ...]) -> CaseSheet:
    book = rules.definition
    area = directory.jurisdictions[case.area]
    units = {*case.units, *(unit for one in case.hand_offs.values() for unit in (one.from_unit, one.to_unit))}
    return CaseSheet(
        case=case,
        definition=f"{book.id}@{book.version}",
        title=book.title,
        area=Label(zh=area.zh, en=area.en),
        tracks=tuple(_track_line(name, case, book, directory) for name in case.tracks),
        duties=duties,
        facts=tuple(_fact_line(name, case, book) for name in case.facts),
        hand_offs=tuple(case.hand_offs.values()),
        unit_names={unit: unit_label(directory, unit) for unit in units},
    )


def _track_line(name: str, case: Case, book: Definition, directory: Directory) -> TrackLine:
    state, track = case.tracks[name], book.tracks[name]
    step = track.steps[state.step]
    return TrackLine(
        name=name, title=track.title, step=state.step, step_title=step.title, status=state.status,
        holder=state.holder, holder_name=unit_label(directory, state.holder) if state.holder else None,
        assignee=state.assignee, entered_at=state.entered_at, hand_off=state.hand_off, joint_leads=step.joint_leads,
        cooperating=step.cooperating, printed_responsible=step.printed_responsible, clauses=step.clauses,
        provenance=step.provenance,
    )  # fmt: skip


def _fact_line(name: str, case: Case, book: Definition) -> FactLine:
    stated, fact = case.facts[name], book.facts[name]
    return FactLine(
        name, fact.title, stated.value, shown_value(fact.options, stated.value), fact.field_class, stated.event
    )


def shown_value(options: Mapping[str, Label], value: object) -> Label:
    """A fact's value as people read it."""
    if isinstance(value, bool):
        return Label(zh="是", en="yes") if value else Label(zh="否", en="no")
    if isinstance(value, str) and value in options:
        return options[value]
    if isinstance(value, list):
        return Label(zh="、".join(value) or "（无）", en=", ".join(value) or "(none)")
    return Label(zh=str(value), en=str(value))
