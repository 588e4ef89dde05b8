"""Openings: records, successor records, and tracks that begin by themselves or on request."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core import events as ev
from engine.core.case import Case
from engine.core.commands import OpenCase, OpenTrack
from engine.core.conditions import Judged
from engine.core.decide.draft import Context, Draft, Spawned, refused
from engine.core.decide.moving import next_hand_off_id
from engine.core.decide.recording import record
from engine.core.definition import Definition, Track
from engine.core.events import FactValue, Pin
from engine.core.machine import CASE_OPENED
from engine.core.view import judge_all
from engine.errors import CommandMalformed, NothingToChange, NotHolder, Reason


def open_case(draft: Draft, command: OpenCase) -> None:
    """Begin a record: its facts, then every track that the facts (or nothing) open."""
    definition = draft.definition
    if draft.unit.functions.isdisjoint(definition.openers.get(command.scope, ())):
        who = ", ".join(definition.openers.get(command.scope, ())) or "-"
        raise NotHolder(
            f"可立案的单位职能：{who}", f"functions that may open such a record: {who}", scope=command.scope
        )
    pin = Pin(definition.id, definition.version, draft.context.rules.hash)
    draft.emit(ev.CaseOpened(command.scope, definition.jurisdiction, command.area, pin))
    record(draft, command.facts, command.documents)
    draft.touch(CASE_OPENED)


def begin_successor(draft: Draft, area: str, successor: str) -> Spawned:
    """The linked record in another jurisdiction, under that jurisdiction's definition.

    Facts the other definition declares with the same type go along; tracks that reached an end both
    definitions know stay ended; everything else begins anew where the facts ask for it.
    """
    rules = draft.context.other
    assert rules is not None, "the desk gives the rules of the receiving jurisdiction"
    context = Context(
        actor=draft.context.actor, now=draft.context.now, rules=rules, directory=draft.context.directory,
        parameters=draft.context.other_parameters, identities=draft.context.identities,
    )  # fmt: skip
    child = Draft(context, successor, None)
    facts = _facts_that_go_along(draft.case, draft.definition, rules.definition)
    excluded = _excluded_there(facts, child, context)
    there = rules.definition
    carried = {
        name: state.step
        for name, state in draft.case.tracks.items()
        if state.status == "done"
        and name in there.tracks
        and state.step in there.tracks[name].finals
        and excluded.isdisjoint(_asked_by(there.tracks[name]))
    }
    pin = Pin(there.id, there.version, rules.hash)
    child.emit(ev.CaseOpened("victim", there.jurisdiction, area, pin, predecessor=draft.case_id, carried=carried))
    for person, known in draft.case.persons.items():
        child.emit(ev.IdentityRecorded(person, known.role, known.holds))
    going = {name: value for name, value in facts.items() if name not in excluded}
    if going:
        child.emit(ev.FactsRecorded(going))
    child.touch(CASE_OPENED)
    open_due_tracks(child)
    return Spawned(child.case, tuple(child.events))


def _facts_that_go_along(case: Case, here: Definition, there: Definition) -> dict[str, FactValue]:
    """The facts the other definition knows with the same type, and a value it knows too."""
    facts = {}
    for name, stated in case.facts.items():
        theirs = there.facts.get(name)
        if theirs is None or name not in here.facts or theirs.type != here.facts[name].type:
            continue
        if theirs.type != "code" or stated.value in theirs.options:
            facts[name] = stated.value
    return facts


def _excluded_there(facts: Mapping[str, FactValue], child: Draft, context: Context) -> set[str]:
    """The persons that a hard ban of the receiving jurisdiction does not let come along, as a carer for instance.

    A ban that did not bind here may bind there: then the track that settled on that person begins anew.
    """
    probe = Draft(context, child.case_id, None)
    pin = Pin(context.rules.definition.id, context.rules.definition.version, context.rules.hash)
    probe.emit(ev.CaseOpened("victim", context.rules.definition.jurisdiction, "", pin))
    if facts:
        probe.emit(ev.FactsRecorded(facts))
    view = probe.view()
    guards = context.rules.guards
    return {name for name in facts if name in guards and judge_all(guards[name], view, Judged())}


def _asked_by(track: Track) -> set[str]:
    """The facts that the forms of a track ask for."""
    return {field.fact for move in track.moves.values() for field in move.form}


def open_track(draft: Draft, command: OpenTrack) -> None:
    """Open a track on request."""
    draft.require_open()
    track = draft.track(command.track)
    allowed = track.opens.on_request
    if allowed != "any" and draft.unit.functions.isdisjoint(allowed):
        who = ", ".join(allowed) or "-"
        raise refused(
            Reason(
                code="not_on_request", zh=f"「{track.title.zh}」只能由以下职能提请开启：{who}",
                en=f"{track.title.en} can be opened on request of: {who}", clauses=track.clauses,
            )
        )  # fmt: skip
    state = draft.case.tracks.get(command.track)
    is_over = state is not None and state.status != "ended"  # one that a closing cut short may go on
    if state is not None and (state.is_held or (is_over and not track.opens.again)):
        raise NothingToChange(
            f"「{track.title.zh}」已开启过", f"{track.title.en} was opened already", track=command.track
        )
    record(draft, command.facts, command.documents, command.track)
    judged = draft.judge(track.opens.requires)
    begin_track(draft, command.track, judged, to_unit=command.to_unit)


def open_due_tracks(draft: Draft) -> None:
    """Open every track whose condition has come true through what changed, and what that opens in turn."""
    while draft.changed:
        names = draft.changed
        draft.changed = set()
        for name in draft.context.rules.may_open(draft.case.scope, names):
            _open_if_due(draft, name)


def _open_if_due(draft: Draft, name: str) -> None:
    opens = draft.definition.tracks[name].opens
    state = draft.case.tracks.get(name)
    if opens.when is None or (state is not None and state.status != "ended"):
        return
    view, judged = draft.view(), Judged()
    if opens.when.judge(view, judged) is True and not judge_all(opens.requires, view, judged):
        begin_track(draft, name, judged.values)


def begin_track(draft: Draft, name: str, judged: dict[str, object], *, to_unit: str | None = None) -> None:
    """Begin a track at its start step.

    A unit that has the step's function holds it at once; else the opener holds it, waiting, and it is offered to
    the nearest unit of that function. Where there is none the track waits with the opener, unoffered.
    """
    track = draft.definition.tracks[name]
    step = track.steps[track.start]
    if step.responsible is None:
        raise CommandMalformed(f"办理线 {name} 的起始环节没有负责职能", f"track {name} starts at a step nobody holds")
    asked = draft.resolve(step.responsible, to_unit) if to_unit else None
    opener = draft.unit
    if step.responsible in opener.functions and (asked is None or asked.id == opener.id):
        draft.emit(ev.TrackOpened(name, track.start, opener.id), clauses=track.clauses, judged=judged)
        draft.touch(f"track:{name}")
        return
    draft.emit(ev.TrackOpened(name, track.start, opener.id, waiting=True), clauses=track.clauses, judged=judged)
    unit = asked or draft.resolve(step.responsible)
    if unit is None or unit.id == opener.id:
        return
    draft.emit(
        ev.HandOffOffered(
            hand_off=next_hand_off_id(draft), kind="track", from_unit=opener.id, to_unit=unit.id, track=name,
            to_step=track.start,
        ),
        clauses=track.clauses,
    )  # fmt: skip
