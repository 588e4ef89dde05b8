"""What a story leaves behind: how a record stands, and whether that, and each refusal, is what the story's file says.

Pure: the player through the one door and the rehearsal in memory both ask here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from engine.core import events as ev
from engine.core.case import Case, TrackState, evolve
from engine.core.definition import Definition, Duty
from engine.core.duties import is_arisen, standing
from engine.core.events import FactValue, Recorded
from engine.core.view import CHINA, CaseView
from engine.definitions.scenario import DutyStands, Ending, StoryStep, Told, TrackStands
from engine.errors import GuituError, StoryBroken

KINDS = ("tracks", "duties", "papers", "facts")
"""What an ending says besides how the record was closed."""
Shown = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Record:
    """A record at one moment of its story, with its history and the rules and local settings it is held to."""

    case: Case
    events: Sequence[Recorded]
    book: Definition
    parameters: Mapping[str, object]
    now: datetime

    @property
    def today(self) -> date:
        """The story's present day, in China."""
        return self.now.astimezone(CHINA).date()

    def view(self) -> CaseView:
        """The record as conditions see it."""
        return CaseView(self.case, self.now, self.parameters)

    def due(self, since: date | None, parameter: str | None) -> str | None:
        """The day until which something that began then is due, counted from today.

        ``None`` if it has no time; in a closed record nothing is due.
        """
        days = None if parameter is None else self.parameters.get(parameter)
        if since is None or not isinstance(days, int) or self.case.status == "closed":
            return None
        return f"@{(since + timedelta(days=days) - self.today).days:+d}d"


def ending_of(record: Record) -> Ending:
    """How the record stands, whole."""
    return Ending(
        closed=record.case.outcome,
        tracks={name: _track(record, name, state) for name, state in record.case.tracks.items()},
        duties=dict(_duties(record)),
        papers=sorted(record.case.documents),
        facts=_written_by_moves(record),
    )


def _track(record: Record, name: str, state: TrackState) -> str | TrackStands:
    if state.status == "done":
        return state.step
    step = record.book.tracks[name].steps[state.step]
    since = _day(state.entered_at) if state.status == "open" else None
    missing = sorted(one for item in record.case.hand_offs.values() if item.track == name for one in item.missing)
    words = {"at": state.step, "is": state.status, "due": record.due(since, step.due), "lacks": missing or None}
    return TrackStands.model_validate(words)


def _duties(record: Record) -> Iterator[tuple[str, Any]]:
    """The duties that have arisen. A track may settle one that never arose: no story tells of that one."""
    view = record.view()
    for name, duty in record.book.duties_of(record.case.scope).items():
        how = standing(name, duty, view)
        if name not in record.case.duties and not is_arisen(duty, view):
            continue
        due = record.due(_arose(record, duty), duty.due) if how == "open" and duty.due is not None else None
        yield name, how if due is None else DutyStands.model_validate({"is": how, "due": due})


def _arose(record: Record, duty: Duty) -> date | None:
    """The day since which the record has shown that the duty arose."""
    since: date | None = None
    case: Case | None = None
    for item in record.events:
        case = evolve(case, (item,), case_id=record.case.id)
        if not is_arisen(duty, CaseView(case, item.at, record.parameters)):
            since = None
        elif since is None:
            since = _day(item.at)
    return since


def _written_by_moves(record: Record) -> dict[str, FactValue]:
    """The facts on record that the effects of a move wrote; they follow the move in the same act."""
    written = {
        item.number
        for before, item in zip(record.events, record.events[1:], strict=False)
        if isinstance(item.event, ev.FactsRecorded) and isinstance(before.event, ev.Moved) and item.at == before.at
    }
    return {name: fact.value for name, fact in sorted(record.case.facts.items()) if fact.event in written}


def _day(at: datetime) -> date:
    return at.astimezone(CHINA).date()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that stands otherwise than the file says. ``where`` leads to it from the ending."""

    where: tuple[str, ...]
    wanted: str
    came: str


def differences(wanted: Ending, came: Ending, *, partly: bool = False) -> Iterator[Difference]:
    """Everything in which a record stands otherwise than was said; ``partly``: only in what was named."""
    if wanted.closed != came.closed and not (partly and wanted.closed is None):
        yield Difference(("closed",), wanted.closed or "-", came.closed or "-")
    for kind in KINDS:
        said, found = _shown(wanted, kind), _shown(came, kind)
        for name in said if partly else sorted({*said, *found}):
            yield from _difference((kind, name), said.get(name), found.get(name), partly=partly)


def _difference(where: tuple[str, ...], wanted: object, came: object, *, partly: bool) -> Iterator[Difference]:
    if partly and isinstance(wanted, dict):
        came = {key: value for key, value in came.items() if key in wanted} if isinstance(came, dict) else came
    if wanted != came:
        yield Difference(where, _in_words(wanted), _in_words(came))


def _shown(ending: Ending, kind: str) -> Shown:
    """One part of an ending by name, written out: a track by a step alone is done there."""
    if kind == "papers":
        return dict.fromkeys(ending.papers, True)
    if kind == "facts":
        return ending.facts
    if kind == "tracks":
        return {name: _parts(one, lambda step: {"at": step, "is": "done"}) for name, one in ending.tracks.items()}
    return {name: _parts(one, lambda word: {"is": word}) for name, one in ending.duties.items()}


def _parts(one: str | TrackStands | DutyStands, plain: Callable[[str], dict[str, str]]) -> dict[str, str]:
    return plain(one) if isinstance(one, str) else one.model_dump(by_alias=True, exclude_none=True)


def _in_words(value: object) -> str:
    """A part of an ending as a file would write it; ``-`` for what is not there."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_in_words(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def hold_to_leaves(told: Told, records: Mapping[str, Record]) -> None:
    """Hold all records of a story that is over to what it leaves. Raises :class:`StoryBroken` with all differences."""
    leaves = told.scenario.leaves
    found = [
        Difference((name,), "-" if name not in leaves else "a record", "-" if name not in records else "a record")
        for name in sorted(leaves.keys() ^ records.keys())
    ]
    for name in sorted(leaves.keys() & records.keys()):
        for one in differences(leaves[name], ending_of(records[name])):
            found.append(Difference((name, *one.where), one.wanted, one.came))
    if found:
        line = told.tree.place_of(("leaves", *found[0].where)).line
        zh, en = _listed(found)
        raise StoryBroken(
            f"{told.path.name}:{line}：故事结束时：{zh}", f"{told.path.name}:{line}: at the end of the story: {en}",
            step=len(told.scenario.steps), line=line, file=told.path.name,
        )  # fmt: skip


def unlike(stands: Ending, record: Record) -> tuple[str, str] | None:
    """What stands otherwise than was named, in both languages; ``None`` if nothing does."""
    found = list(differences(stands, ending_of(record), partly=True))
    return _listed(found) if found else None


def _listed(found: Iterable[Difference]) -> tuple[str, str]:
    every = [(".".join(one.where), one.wanted, one.came) for one in found]
    return (
        "；".join(f"{where} 应为 {wanted}，实为 {came}" for where, wanted, came in every),
        "; ".join(f"{where}: expected {wanted}, got {came}" for where, wanted, came in every),
    )


def left_out(refusal: GuituError | None) -> list[str]:
    """The fields that a refusal names as not filled in."""
    reasons = refusal.reasons if refusal is not None else ()
    return sorted(field for reason in reasons if reason.code == "form_incomplete" for field in reason.judged)


def off_form(step: StoryStep, book: Definition) -> list[str]:
    """The fields that a move brings and its form has not. A move that does not exist is for the engine to refuse."""
    track, _, move = (step.move or "").partition(".")
    rule = book.tracks[track].moves.get(move) if track in book.tracks else None
    return [] if rule is None else sorted(set(step.facts) - {field.fact for field in rule.form})


def otherwise_refused(step: StoryStep, refusal: GuituError) -> tuple[str, str] | None:
    """In what a refusal is another than the step expects, in both languages; ``None`` if it is the one."""
    code, wanted = step.code or "conditions_unmet", sorted(set(step.reasons))
    if refusal.code != code:
        return f"错误码应为 {code}，实为 {refusal.code}", f"expected code {code}: {refusal}"
    reasons = sorted({reason.code for reason in refusal.reasons})
    if wanted and reasons != wanted:
        return f"理由应为 {wanted}，实为 {reasons}", f"expected reasons {wanted}, got {reasons}"
    clauses = sorted({clause for reason in refusal.reasons for clause in reason.clauses})
    if step.clause is not None and step.clause not in clauses:
        return f"应引条款 {step.clause}，实为 {clauses}", f"expected clause {step.clause}, got {clauses}"
    sources = sorted({reason.provenance for reason in refusal.reasons})
    if step.provenance is not None and step.provenance not in sources:
        return (
            f"理由来源应有 {step.provenance}，实为 {sources}",
            f"expected provenance {step.provenance}, got {sources}",
        )
    return None
