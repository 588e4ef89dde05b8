"""Plays a scenario through the one door, step by step, and holds it to what it says must happen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.core import commands as cmd
from engine.core.commands import Actor, Command, RawValue
from engine.core.definition import Label
from engine.core.view import CHINA
from engine.definitions.loader import shipped_root
from engine.definitions.scenario import StoryStep, Told, read_scenarios
from engine.errors import GuituError, StoryBroken
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.ending import Record, hold_to_leaves, left_out, off_form, otherwise_refused, unlike
from engine.service.handle import Answer, handle
from engine.service.known import history, load_with_key
from engine.service.read import TimelineLine, happened, replay, show, unit_label
from engine.service.story_people import with_people

BEGINNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""When a story begins if nobody says otherwise: 9 o'clock in China."""
TICK = timedelta(minutes=5)
_RELATIVE = re.compile(r"@(today|[+-][0-9]{1,4}d)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(slots=True)
class StoryClock:
    """The clock of a story: it moves only when the story says so, and a little with every step."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        """The story's present."""
        return self.now

    def advance(self, words: str) -> None:
        """Let time pass: ``+30d``, ``+2h``, ``+10m``."""
        self.now += timedelta(**{_UNITS[words[-1]]: int(words[1:-1])})

    def day(self, words: str) -> str:
        """A day relative to the story's present: ``@today``, ``@-30d``."""
        shift = 0 if words == "@today" else int(words[1:-1])
        return (self.now.astimezone(CHINA).date() + timedelta(days=shift)).isoformat()


@dataclass(frozen=True, slots=True)
class Beat:
    """What came of one step: who acted, what was asked, and the events or the refusal that followed."""

    number: int
    at: datetime
    act: str
    case: str
    unit: Label | None = None
    asked: str = ""
    says: Label | None = None
    outcome: str = "clock"
    events: tuple[TimelineLine, ...] = ()
    refusal: GuituError | None = None


Door = Callable[[Desk, Command, Actor], Answer]
"""Who carries out a command of a story; it raises what :func:`engine.service.handle.handle` raises."""


@dataclass(slots=True)
class Player:
    """Plays one scenario. ``cases`` are the pseudonyms behind the story's own names; ``carry_out`` is the door."""

    desk: Desk
    told: Told
    starts: InitVar[StoryClock | None] = None
    clock: StoryClock = field(init=False)
    cases: dict[str, str] = field(default_factory=dict)
    carry_out: Door = handle

    def __post_init__(self, starts: StoryClock | None) -> None:
        """The story has a clock of its own, and reads the local settings for itself."""
        self.clock = starts or clock_of(self.told)
        self.desk = replace(self.desk, clock=self.clock, _settings={})

    def play(self) -> Iterator[Beat]:
        """Play every step. Raises :class:`StoryBroken` at the first that does not go as the file says."""
        with self._local_settings():
            yield from self._beats()
            self._hold_to_leaves()

    def _beats(self) -> Iterator[Beat]:
        for number, step in enumerate(self.told.scenario.steps, start=1):
            if step.clock is not None:
                self.clock.advance(step.clock)
                self._hold_to_stands(number, step)
                yield Beat(number, self.clock.now, "clock", "", asked=step.clock, says=step.says)
                continue
            self.clock.now += TICK
            yield self._beat(number, step)

    @contextmanager
    def _local_settings(self) -> Iterator[None]:
        """The settings of the story for as long as it is told."""
        scenario = self.told.scenario
        if not scenario.settings:
            yield
            return
        with self.desk.database.reading() as work:
            rules = self.desk.rules_for_area(scenario.area, scenario.definition, work)
            before = dict(self.desk.parameters(rules, work))
        unknown = ", ".join(sorted(set(scenario.settings) - set(before)))
        if unknown:
            raise self._broken(1, f"流程中没有参数 {unknown}", f"no parameter {unknown}")
        self._set(rules.definition.id, scenario.settings)
        try:
            yield
        finally:
            self._set(rules.definition.id, {name: before[name] for name in scenario.settings})

    def _set(self, definition: str, values: Mapping[str, object]) -> None:
        with self.desk.changing(Account("parameter:set", purpose="trial", details={"definition": definition})) as work:
            for name, value in values.items():
                work.set_setting(definition, name, value, set_by="story", set_at=self.clock())
        self.desk.forget()

    def _beat(self, number: int, step: StoryStep) -> Beat:
        assert step.as_ is not None, "the model asks for it"
        member = self.told.scenario.cast[step.as_]
        actor = Actor(member.person, member.unit)
        outcome, answers, refusal = self._try(number, step, actor)
        self._hold_to_it(number, step, outcome, refusal)
        self._hold_to_stands(number, step)
        events = tuple(line for answer in answers for line in happened(self.desk, answer))
        return Beat(
            number, self.clock.now, step.act, self.cases.get(step.case, ""), self._unit(actor.unit), asked(step),
            step.says, outcome, events, refusal,
        )  # fmt: skip

    def _try(self, number: int, step: StoryStep, actor: Actor) -> tuple[str, list[Answer], GuituError | None]:
        if step.asks:
            self._hold_to_asks(number, step, actor)
        self._hold_to_form(number, step)
        try:
            answers = self._act(number, step, actor)
        except StoryBroken:
            raise
        except GuituError as refusal:
            return "refused", [], refusal
        has_moved = any("moved" in answer.happened for answer in answers)
        is_offer = step.act in ("offer", "transfer") or (step.act == "move" and not has_moved)
        return "offered" if is_offer else "done", answers, None

    def _act(self, number: int, step: StoryStep, actor: Actor) -> list[Answer]:
        if step.act != "open" and step.case not in self.cases:
            raise self._broken(number, f"故事中还没有个案“{step.case}”", f"the story has no case '{step.case}' yet")
        if step.review is not None:
            return self._review(step, actor)
        answer = with_people(self.desk, self._command(number, step), actor, self.carry_out)
        if step.act == "open":
            self.cases[step.case] = answer.case
        if answer.successor is not None:
            self.cases[step.successor or f"{step.case}_successor"] = answer.successor
        return [answer]

    def _review(self, step: StoryStep, actor: Actor) -> list[Answer]:
        case = self.cases[step.case]
        flags = show(self.desk, case, actor).case.flags
        reviews = [cmd.ReviewFlag(case=case, event=one, reason=step.reason) for one in flags]
        return [self.carry_out(self.desk, review, actor) for review in reviews]

    def _command(self, number: int, step: StoryStep) -> Command:
        return COMMANDS[step.act](self, number, step, self.cases.get(step.case, ""))

    def facts(self, step: StoryStep) -> dict[str, RawValue]:
        """The facts of a step, with its days put in the story's present."""
        return {name: self.value(value) for name, value in step.facts.items()}

    def value(self, raw: RawValue) -> RawValue:
        """A value as a form would send it."""
        return self.clock.day(raw) if isinstance(raw, str) and _RELATIVE.fullmatch(raw) else raw

    def hand_off(self, number: int, step: StoryStep, track: str) -> str:
        """The open hand-off of a track, or of the whole case (``transfer``)."""
        case = self.cases[step.case]
        assert step.as_ is not None, "the model asks for it"
        member = self.told.scenario.cast[step.as_]
        sheet = show(self.desk, case, Actor(member.person, member.unit))
        for one in sheet.hand_offs:
            if one.track == track or (one.track is None and track == "transfer"):
                return one.id
        raise self._broken(number, f"“{track}”没有待接收的移交", f"'{track}' has no open hand-off")

    def _hold_to_it(self, number: int, step: StoryStep, outcome: str, refusal: GuituError | None) -> None:
        if outcome != step.expect:
            got = f"{outcome}: {refusal.code}: {refusal.en}" if refusal else outcome
            raise self._broken(number, f"应为 {step.expect}，实为 {got}", f"expected {step.expect}, got {got}")
        if refusal is None:
            return
        found = otherwise_refused(step, refusal)
        if found is not None:
            raise self._broken(number, *found)

    def _hold_to_asks(self, number: int, step: StoryStep, actor: Actor) -> None:
        """Send the form empty first: the refusal names what may not be left out."""
        empty = step.model_copy(update={"facts": {}, "documents": [], "asks": []})
        missed = left_out(self._try(number, empty, actor)[2])
        if missed != sorted(step.asks):
            raise self._broken(
                number, f"空表应缺 {sorted(step.asks)}，实缺 {missed}",
                f"the empty form should miss {sorted(step.asks)}, it misses {missed}",
            )  # fmt: skip

    def _hold_to_form(self, number: int, step: StoryStep) -> None:
        """A story that says how it ends fills in at a move only what stands on the form of that move."""
        if step.move and step.facts and step.expect != "refused" and self.told.scenario.leaves:
            off = off_form(step, self.record(self.cases[step.case]).book) if step.case in self.cases else []
            if off:
                raise self._broken(number, f"表单上没有 {off}", f"the form has no {off}")

    def _hold_to_stands(self, number: int, step: StoryStep) -> None:
        if step.stands is not None:
            found = unlike(step.stands, self.record(self.cases[step.case]))
            if found is not None:
                raise self._broken(number, *found)

    def _hold_to_leaves(self) -> None:
        if self.told.scenario.leaves:
            hold_to_leaves(self.told, {name: self.record(case) for name, case in self.cases.items()})

    def record(self, case: str) -> Record:
        """The record of a pseudonym as it stands now, with all that its ending is judged by."""
        with self.desk.database.reading() as work:
            known = load_with_key(self.desk, case, work, for_update=False)
            rules = self.desk.books.pinned(known.case.pin.hash, work)
            events = history(known, work)
            return Record(known.case, events, rules.definition, self.desk.parameters(rules, work), self.clock.now)

    def _broken(self, number: int, zh: str, en: str) -> StoryBroken:
        name, line = self.told.path.name, self.told.line(number)
        act = asked(self.told.scenario.steps[number - 1])
        return StoryBroken(
            f"{name}:{line}：第 {number} 步（{act}）：{zh}", f"{name}:{line}: step {number} ({act}): {en}",
            step=number, line=line, file=name,
        )  # fmt: skip

    def _unit(self, unit: str) -> Label:
        with self.desk.database.reading() as work:
            return unit_label(self.desk.directory(work), unit)


def asked(step: StoryStep) -> str:
    """What a step asks for, in the words of its file."""
    what = getattr(step, step.act)
    name = what if isinstance(what, str) else getattr(what, "name", None) or getattr(what, "track", None)
    return f"{step.act}: {name}" if name else step.act


Maker = Callable[[Player, int, StoryStep, str], Command]


def _open(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.open is not None
    scenario = player.told.scenario
    return cmd.OpenCase(
        case="", scope=step.open.scope, area=step.open.area or scenario.area, definition=scenario.definition,
        facts=player.facts(step), documents=tuple(step.documents),
    )  # fmt: skip


def _move(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.move is not None
    track, _, move = step.move.partition(".")
    return cmd.Move(
        case=case, track=track, move=move, to_unit=step.to, facts=player.facts(step), documents=tuple(step.documents)
    )


def _decline(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.decline is not None
    hand_off = player.hand_off(number, step, step.decline.track)
    return cmd.Decline(case=case, hand_off=hand_off, reason=step.decline.reason, text=step.decline.text)


def _duty(player: Player, number: int, step: StoryStep, case: str) -> Command:
    duty = step.duty
    assert duty is not None
    return cmd.SettleDuty(
        case=case, duty=duty.name, outcome=duty.outcome, evidence=tuple(duty.evidence), reason=step.reason,
        period=duty.period,
    )  # fmt: skip


def _consent(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.consent is not None
    consent = step.consent
    return cmd.RecordConsent(case=case, consent=consent.name, given=consent.given, spoken_by=consent.spoken_by)


def _transfer(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.transfer is not None
    return cmd.OfferTransfer(case=case, area=step.transfer.area, to_unit=step.transfer.to, reason=step.reason)


def _correct(player: Player, number: int, step: StoryStep, case: str) -> Command:
    assert step.correct is not None
    return cmd.Correct(case=case, fact=step.correct.fact, value=player.value(step.correct.value), reason=step.reason)


def _on_track(make: Callable[..., Command], *words: str) -> Maker:
    """A command that names a track and takes some of the step's plain words."""

    def maker(player: Player, number: int, step: StoryStep, case: str) -> Command:
        given: dict[str, Any] = {word: getattr(step, _STEP_WORD.get(word, word)) for word in words}
        if "facts" in given:
            given["facts"] = player.facts(step)
        if "documents" in given:
            given["documents"] = tuple(step.documents)
        return make(case=case, track=getattr(step, step.act), **given)

    return maker


_STEP_WORD = {"to_unit": "to"}
COMMANDS: Mapping[str, Maker] = {
    "open": _open,
    "move": _move,
    "decline": _decline,
    "duty": _duty,
    "consent": _consent,
    "transfer": _transfer,
    "correct": _correct,
    "open_track": _on_track(cmd.OpenTrack, "to_unit", "facts", "documents"),
    "offer": _on_track(cmd.Offer, "to_unit", "reason"),
    "refer": _on_track(cmd.Refer, "to_unit", "reason"),
    "assign": _on_track(cmd.Assign, "person"),
    "contribute": _on_track(cmd.Contribute, "facts", "documents", "note"),
    "decline_track": _on_track(cmd.DeclineTrack, "reason"),
    "reverse": _on_track(cmd.Reverse, "reason"),
    "reopen": _on_track(cmd.Reopen, "reason"),
    "relocate": lambda player, number, step, case: cmd.Relocate(
        case=case, area=step.relocate or "", reason=step.reason
    ),
    "accept": lambda player, number, step, case: cmd.Accept(
        case=case, hand_off=player.hand_off(number, step, step.accept or "")
    ),
    "withdraw": lambda player, number, step, case: cmd.Withdraw(
        case=case, hand_off=player.hand_off(number, step, step.withdraw or ""), reason=step.reason
    ),
    "link": lambda player, number, step, case: cmd.LinkCriminalCase(
        case=case, criminal_case=player.cases[step.link or ""]
    ),
    "close": lambda player, number, step, case: cmd.Close(
        case=case, outcome=step.close or "", reason=step.reason, points_to=player.cases.get(step.to or "")
    ),
}
"""How each act of a story becomes the command that a form would send."""


def clock_of(told: Told) -> StoryClock:
    """A clock that stands where the story begins."""
    begins = told.scenario.begins
    return StoryClock(datetime.combine(begins, BEGINNING.timetz()) if begins else BEGINNING)


def clock_ending_before(told: Told, now: datetime) -> StoryClock:
    """A clock for a story that is over by now, begun at 9 in the morning in China: its cases can be gone on with.

    A story with a day of its own keeps it.
    """
    if told.scenario.begins is not None:
        return clock_of(told)
    begins = (now - duration(told) - timedelta(days=1)).astimezone(CHINA)
    return StoryClock(begins.replace(hour=9, minute=0, second=0, microsecond=0).astimezone(UTC))


def duration(told: Told) -> timedelta:
    """How much time passes in a story."""
    clock = StoryClock()
    for step in told.scenario.steps:
        if step.clock is not None:
            clock.advance(step.clock)
        else:
            clock.now += TICK
    return clock.now - BEGINNING


def stories(root: Path | None = None, definition: str | None = None) -> list[Told]:
    """The scenarios that ship with the definitions. Raises :class:`DefinitionBroken` for a faulty one."""
    return read_scenarios(root or shipped_root(), definition)


def replays_equal(desk: Desk, cases: Mapping[str, str]) -> bool:
    """Whether every case of a story is what its history makes it. Raises :class:`HistoryBroken` if not."""
    return all(replay(desk, case).id == case for case in cases.values())
