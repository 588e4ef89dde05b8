"""How far the stories of a definition reach: what they come to, and what they never do.

Steps and moves; refusals, by the requirement that gave the reason, at the move (or closing) where it was asked for;
fields of forms, where a move that was made or offered brings a value for them; sources, the steps a move is made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core import events as ev
from engine.core.definition import Definition, Move, Requirement
from engine.definitions.scenario import StoryStep, Told
from engine.errors import GuituError
from engine.service.desk import Desk
from engine.service.read import events_of, replay
from engine.service.story import Beat, Player


@dataclass(frozen=True, slots=True)
class Share:
    """How often each thing of one kind was reached, in the order of the definition."""

    counts: Mapping[str, int]

    @property
    def reached(self) -> int:
        """How many were reached at least once."""
        return sum(count > 0 for count in self.counts.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """What no story comes to."""
        return tuple(name for name, count in self.counts.items() if not count)

    @property
    def percent(self) -> float:
        """Of a hundred; 100 where there is nothing to reach."""
        return 100 * self.reached / len(self.counts) if self.counts else 100.0

    def as_json(self) -> dict[str, Any]:
        """Figures, and what is missing by name."""
        return {
            "all": len(self.counts), "reached": self.reached, "percent": round(self.percent, 1),
            "missing": list(self.missing), "counts": dict(self.counts),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """The reach of all stories of one definition. ``others`` are refusals that no requirement gave."""

    name: str
    stories: int
    acts: int
    steps: Share
    moves: Share
    refusals: Share
    fields: Share
    sources: Share
    others: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The whole as plain data."""
        return {
            "definition": self.name, "stories": self.stories, "acts": self.acts, "steps": self.steps.as_json(),
            "moves": self.moves.as_json(), "refusals": self.refusals.as_json(), "fields": self.fields.as_json(),
            "sources": self.sources.as_json(), "others": dict(self.others),
        }  # fmt: skip


@dataclass(slots=True)
class Ledger:
    """Counts while stories of one definition are played."""

    book: Definition
    stories: int = 0
    acts: int = 0
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def follow(self, player: Player) -> Iterator[Beat]:
        """Play a story to its end, counting what it reaches."""
        self.stories += 1
        steps = player.told.scenario.steps
        filled: dict[str, list[str]] = {}
        for beat in player.play():
            step = steps[beat.number - 1]
            self.acts += beat.act != "clock"
            if beat.refusal is not None:
                self._refused(player, beat, step, beat.refusal)
            elif step.move is not None:
                filled.setdefault(beat.case, []).extend(f"{step.move}.{fact}" for fact in step.facts)
            yield beat
        for case in player.cases.values():
            self._walked(player.desk, case, filled.get(case, ()))

    def reach(self) -> Reach:
        """What was reached so far."""
        tracks = self.book.tracks.items()
        return Reach(
            name=f"{self.book.id}@{self.book.version}", stories=self.stories, acts=self.acts,
            steps=self._share("step", (f"{name}.{step}" for name, track in tracks for step in track.steps)),
            moves=self._share("move", (f"{name}.{move}" for name, track in tracks for move in track.moves)),
            refusals=self._share("refusal", (f"{place}.{one}" for place, all_ in self._asked() for one in all_)),
            fields=self._share("field", (f"{name}.{one.fact}" for name, rule in self._moves() for one in rule.form)),
            sources=self._share("source", (f"{name} from {at}" for name, rule in self._moves() for at in rule.source)),
            others=dict(sorted(self.others.items())),
        )  # fmt: skip

    def _share(self, kind: str, names: Iterable[str]) -> Share:
        return Share({name: self.seen[kind, name] for name in names})

    def _moves(self) -> Iterator[tuple[str, Move]]:
        for name, track in self.book.tracks.items():
            yield from ((f"{name}.{move}", rule) for move, rule in track.moves.items())

    def _asked(self) -> Iterator[tuple[str, Mapping[str, Requirement]]]:
        """Where requirements stand: at the opening of a track, at its moves, at closings."""
        for name, track in self.book.tracks.items():
            yield f"open.{name}", track.opens.requires
        yield from ((name, rule.requires) for name, rule in self._moves())
        yield from ((f"close.{name}", way.requires) for name, way in self.book.closings.items())

    def _refused(self, player: Player, beat: Beat, step: StoryStep, refusal: GuituError) -> None:
        if not self._is_ours(player, beat.case):
            return
        place = _place(player, beat, step)
        requirements = dict(self._asked()).get(place, {})
        reasons = {reason.code for reason in refusal.reasons}
        self.seen.update(("refusal", f"{place}.{name}") for name in reasons & requirements.keys())
        self.others.update(reasons - requirements.keys() if reasons else [refusal.code])

    def _is_ours(self, player: Player, case: str) -> bool:
        """Whether this definition refused: that of the story before the record is open, then the one it is held to."""
        return not case or replay(player.desk, case).pin.id == self.book.id

    def _walked(self, desk: Desk, case: str, filled: Iterable[str]) -> None:
        events = events_of(desk, case)
        opened = events[0]
        if not isinstance(opened, ev.CaseOpened) or opened.pin.id != self.book.id:
            return
        self.seen.update(("field", name) for name in filled)
        for event in events:
            self.seen.update(_walk(event))


def _walk(event: ev.Event) -> Iterator[tuple[str, str]]:
    match event:
        case ev.CaseOpened():
            yield from (("step", f"{track}.{step}") for track, step in event.carried.items())
        case ev.TrackOpened() | ev.CaseReopened():
            yield "step", f"{event.track}.{event.step}"
        case ev.Moved():
            yield "step", f"{event.track}.{event.to_step}"
            yield "move", f"{event.track}.{event.move}"
            yield "source", f"{event.track}.{event.move} from {event.from_step}"
        case _:
            pass


def _place(player: Player, beat: Beat, step: StoryStep) -> str:
    """Where a refused step was judged; an acceptance is judged as the move that was offered."""
    if step.accept is not None:
        offered = replay(player.desk, beat.case).hand_offs.values()
        return next((f"{one.track}.{one.move}" for one in offered if one.track == step.accept), "")
    if step.close is not None:
        return f"close.{step.close}"
    return f"open.{step.open_track}" if step.open_track is not None else step.move or ""


def reach(desk: Desk, book: Definition, told: Iterable[Told]) -> Reach:
    """Play the stories of a definition and say how far they reach. Raises :class:`StoryBroken`."""
    ledger = Ledger(book)
    for one in told:
        for _beat in ledger.follow(Player(desk, one)):
            pass
    return ledger.reach()
