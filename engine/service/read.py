"""Looking: a case, its moves and why they are blocked, its timeline, what waits for a unit, replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from engine.access.holding import POLICY, Reading, reading_of
from engine.core.case import Case, HandOff, evolve
from engine.core.commands import Actor
from engine.core.decide.draft import Context, Draft
from engine.core.definition import Definition, Label
from engine.core.directory import Directory
from engine.core.duties import Standing, standing
from engine.core.events import Event, Recorded
from engine.core.explain import Option, holding, options, requestable
from engine.core.machine import Rules
from engine.core.view import CHINA
from engine.errors import HistoryBroken, NotHolder, Reason
from engine.service.account import Account
from engine.service.content import read_events
from engine.service.desk import Desk
from engine.service.handle import Answer
from engine.service.known import load_with_key
from engine.service.persons import Persons
from engine.service.words import said
from engine.store.work import Work
from engine.vault.keys import CaseKey

PREVIEWED_CLASS = "basic"
"""The only field class that the receiver of an offer sees before accepting."""


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
    standing: Standing
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
class CaseSheet:
    """A case as a unit that takes part may see it."""

    case: Case
    definition: str
    title: Label
    area: Label
    tracks: tuple[TrackLine, ...]
    duties: tuple[DutyLine, ...]
    facts: tuple[FactLine, ...]
    hand_offs: tuple[HandOff, ...]
    unit_names: Mapping[str, Label]
    is_preview: bool = False


@dataclass(frozen=True, slots=True)
class MoveSheet:
    """What could be done now, what could be opened, and what keeps the case from closing."""

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
    account = Account("case:show", actor, policies=(POLICY,))
    with desk.reading(account) as work:
        seen = _look_up(desk, case_id, actor, work, account)
        context = _context(desk, actor, seen, work)
    case, rules, directory = seen.case, seen.rules, seen.directory
    if seen.reading == "preview":
        case = _previewed(case, actor, rules.definition, directory)
        sheet = _sheet(case, rules, directory, Draft(context, case.id, case))
        return replace(sheet, duties=(), is_preview=True)
    return _sheet(case, rules, directory, Draft(context, case.id, case))


def _previewed(case: Case, actor: Actor, book: Definition, directory: Directory) -> Case:
    """What the receiver of an offer sees before answering: the step, the papers, basic facts, and nobody."""
    asked = {one.id: one for one in case.hand_offs.values() if directory.same(one.to_unit, actor.unit)}
    tracks = {one.track for one in asked.values()}
    return replace(
        case,
        facts={name: fact for name, fact in case.facts.items() if book.facts[name].field_class == PREVIEWED_CLASS},
        tracks={name: state for name, state in case.tracks.items() if name in tracks},
        hand_offs=asked, documents={}, consents={}, duties={}, referrals={}, flags={}, units=(), criminal_case=None,
        persons={},
    )  # fmt: skip


def moves(desk: Desk, case_id: str, actor: Actor) -> MoveSheet:
    """Every move of every open track, open or blocked, with *all* reasons."""
    account = Account("case:moves", actor, policies=(POLICY,))
    with desk.reading(account) as work:
        seen = open_for_reading(desk, case_id, actor, work, account)
        case, rules = seen.case, seen.rules
        draft = Draft(_context(desk, actor, seen, work), case.id, case)
    is_open = case.status == "open"
    return MoveSheet(
        options=tuple(options(draft)) if is_open else (),
        requestable=tuple(requestable(draft)) if is_open else (),
        holding=tuple(holding(draft)) if is_open else (),
        titles={name: track.title for name, track in rules.definition.tracks.items()},
    )


def timeline(desk: Desk, case_id: str, actor: Actor) -> list[TimelineLine]:
    """The events of the case, in the order they happened, in words."""
    account = Account("case:timeline", actor, policies=(POLICY,))
    with desk.reading(account) as work:
        seen = open_for_reading(desk, case_id, actor, work, account)
        events = read_events(work.events_of(case_id), case_id, seen.key)
    return _in_words(events, seen.rules, seen.directory)


def happened(desk: Desk, answer: Answer) -> list[TimelineLine]:
    """The events that one command added, in words, for whoever gave it: what she did is entered already."""
    found = _added(desk, answer.case, answer.revision)
    return found if answer.successor is None else [*found, *_added(desk, answer.successor, 1)]


def _added(desk: Desk, case_id: str, revision: int) -> list[TimelineLine]:
    with desk.database.reading() as work:
        known = load_with_key(desk, case_id, work, for_update=False)
        rules, directory = desk.books.pinned(known.case.pin.hash, work), desk.directory(work)
        rows = [row for row in work.events_of(case_id) if row.revision == revision]
        events = read_events(rows, case_id, known.key)
    return _in_words(events, rules, directory)


def _in_words(events: list[Recorded], rules: Rules, directory: Directory) -> list[TimelineLine]:
    return [
        TimelineLine(item, unit_label(directory, item.unit), said(item.event, rules.definition, directory))
        for item in events
    ]


def events_of(desk: Desk, case_id: str, actor: Actor | None = None) -> list[Event]:
    """Everything that happened to a case, in order."""
    account = Account("case:replay", actor)
    with desk.reading(account) as work:
        known = load_with_key(desk, case_id, work, for_update=False)
        known.tell(account)
        return [item.event for item in read_events(work.events_of(case_id), case_id, known.key)]


def replay(desk: Desk, case_id: str, actor: Actor | None = None) -> Case:
    """The case as its history makes it. Raises :class:`HistoryBroken` when the stored case differs."""
    account = Account("case:replay", actor)
    with desk.reading(account) as work:
        known = load_with_key(desk, case_id, work, for_update=False)
        known.tell(account)
        events = read_events(work.events_of(case_id), case_id, known.key)
        again = evolve(None, events, case_id=case_id)
        if again != _without_revision(known.case):
            raise HistoryBroken(f"个案 {case_id} 的存储内容与办理记录不符", f"case {case_id} differs from its history")
    return again


def _without_revision(case: Case) -> Case:
    return replace(case, revision=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A case as it was loaded for somebody, and how much of it she may see."""

    case: Case
    key: CaseKey
    rules: Rules
    directory: Directory
    reading: Reading


def _look_up(desk: Desk, case_id: str, actor: Actor, work: Work, account: Account) -> Seen:
    known = load_with_key(desk, case_id, work, for_update=False)
    known.tell(account)
    case = known.case
    rules = desk.books.pinned(case.pin.hash, work)
    account.definition = rules.hash
    directory = desk.directory(work)
    reading = reading_of(actor, case, rules.definition, directory)
    account.read(known.key, classes=_classes(case, rules, reading))
    return Seen(case, known.key, rules, directory, reading)


def _classes(case: Case, rules: Rules, reading: Reading) -> set[str]:
    """Of what kinds the data are that are seen."""
    if reading == "preview":
        return {"basic"}
    return {rules.definition.facts[name].field_class for name in case.facts}


def open_for_reading(desk: Desk, case_id: str, actor: Actor, work: Work, account: Account) -> Seen:
    """A case for somebody who may read the whole of it. Raises :class:`NotHolder` for everybody else."""
    seen = _look_up(desk, case_id, actor, work, account)
    if seen.reading != "whole":
        raise NotHolder(
            "接收移交之前只能查看预览", "before accepting the hand-off only its preview can be read", policy=POLICY
        )
    return seen


def _context(desk: Desk, actor: Actor, seen: Seen, work: Work) -> Context:
    now = desk.clock()
    return Context(
        actor=actor, now=now, rules=seen.rules, directory=seen.directory, parameters=desk.parameters(seen.rules, work),
        identities=Persons(desk.safe, work).answers(seen.case, seen.key, now.astimezone(CHINA).date(), None),
    )  # fmt: skip


def unit_label(directory: Directory, unit: str) -> Label:
    """The name of a unit today."""
    name = directory.current(unit).name()
    return Label(zh=name.zh, en=name.en)


def _sheet(case: Case, rules: Rules, directory: Directory, draft: Draft) -> CaseSheet:
    book = rules.definition
    area = directory.jurisdictions[case.area]
    view = draft.view()
    units = {*case.units, *(unit for one in case.hand_offs.values() for unit in (one.from_unit, one.to_unit))}
    return CaseSheet(
        case=case,
        definition=f"{book.id}@{book.version}",
        title=book.title,
        area=Label(zh=area.zh, en=area.en),
        tracks=tuple(_track_line(name, case, book, directory) for name in case.tracks),
        duties=tuple(
            DutyLine(name, duty.title, standing(name, duty, view), duty.responsible, duty.clauses, duty.provenance)
            for name, duty in book.duties_of(case.scope).items()
        ),
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
