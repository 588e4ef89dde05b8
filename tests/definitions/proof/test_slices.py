"""What the engine can come to is among what a slice explores: random walks of the real engine against the proof."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.core import commands as cmd
from engine.core.conditions import TrackReached
from engine.core.definition import Definition
from engine.core.machine import compile_rules
from engine.core.view import CaseView, default_parameters
from engine.definitions.proof import slices
from engine.definitions.proof.slices import Slice, cone
from engine.definitions.proof.worlds import STOPPED, UNOPENED, WAITING, TooLarge
from engine.errors import GuituError
from tests.core.play import PLAY, READY, Game
from tests.definitions.proof.small import PAIR, changed, play

UNITS = ["police-a", "police-b", "civil-a", "justice", "health"]
Explored = set[tuple[tuple[str, ...], frozenset[tuple[str, str]]]]


def whole(book: Definition) -> tuple[Slice, tuple[TrackReached, ...]]:
    """All tracks of a victim's record in one slice that remembers every step."""
    names = tuple(book.tracks_of("victim"))
    every = tuple(TrackReached(track=name, reached=tuple(book.tracks[name].steps)) for name in names)
    return Slice(book, names, watched=every), every


def place(game: Game, name: str) -> str:
    state = game.now.tracks.get(name)
    if state is None:
        return UNOPENED
    return {"waiting": WAITING, "declined": STOPPED, "ended": STOPPED}.get(state.status, state.step)


def stand(game: Game, part: Slice) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """Where a case stands, in the words of the proof."""
    view = CaseView(game.now, game.at, game.parameters)
    steps = ((name, step) for name in part.names for step in part.definition.tracks[name].steps)
    reached = frozenset((name, step) for name, step in steps if view.has_reached(name, step))
    return tuple(place(game, name) for name in part.names), reached


class Walker:
    """Does anything at all, in the name of anybody."""

    def __init__(self, book: Definition, seed: int) -> None:
        self.chance = random.Random(seed)
        self.game = Game(rules=compile_rules(book), parameters=default_parameters(book))
        self.book = book
        self.game.open()

    def command(self) -> cmd.Command:
        chance, case = self.chance, "GT-1"
        track = chance.choice(list(self.book.tracks_of("victim")))
        offers = list(self.game.now.hand_offs) or ["GT-1/0"]
        makers: list[Callable[[], cmd.Command]] = [
            lambda: cmd.Move(
                case=case, track=track, move=chance.choice(list(self.book.tracks[track].moves)),
                facts=chance.choice([{}, READY, {"search.result": "found"}, {"stay.since": "2026-01-01"}]),
                documents=("report",) if chance.random() < 0.3 else (),
            ),
            lambda: cmd.Accept(case=case, hand_off=chance.choice(offers)),
            lambda: cmd.Accept(case=case, hand_off=chance.choice(offers)),
            lambda: cmd.Decline(case=case, hand_off=chance.choice(offers), reason="not_ours"),
            lambda: cmd.Withdraw(case=case, hand_off=chance.choice(offers), reason="x"),
            lambda: cmd.OpenTrack(case=case, track=track),
            lambda: cmd.DeclineTrack(case=case, track=track, reason="x"),
            lambda: cmd.Reverse(case=case, track=track, reason="x"),
            lambda: cmd.Offer(case=case, track=track),
            lambda: cmd.Close(case=case, outcome=chance.choice(["archive", "death"])),
            lambda: cmd.Reopen(case=case, track=track, reason="x"),
            lambda: cmd.SettleDuty(case=case, duty="comfort", outcome="done"),
            lambda: cmd.RecordConsent(case=case, consent="return", given=chance.random() < 0.7, spoken_by="victim"),
            lambda: cmd.Correct(case=case, fact="victim.is_child", value=chance.random() < 0.5, reason="x"),
        ]  # fmt: skip
        often = [9, 6, 6, 1, 1, 3, 1, 1, 1, 1, 2, 1, 1, 0.2]
        return chance.choices(makers, often)[0]()

    def step(self) -> bool:
        try:
            command = self.command()
            offer = self.game.now.hand_offs.get(getattr(command, "hand_off", ""))
            unit = offer.to_unit if offer else self.chance.choice(UNITS)
            self.game.act(command, unit, self.chance.choice(["ann", "bo"]))
        except GuituError:
            return False
        if self.chance.random() < 0.1:
            self.game.at += timedelta(days=40)
        return True


@pytest.mark.parametrize("book", [changed(PLAY), changed(PAIR)], ids=["play", "pair"])
def test_whatever_the_engine_comes_to_was_explored(book: Definition) -> None:
    part, _ = whole(book)
    explored: Explored = {(here.places, here.reached) for here in part.reach()}
    met: Explored = set()
    for seed in range(40):
        walker = Walker(book, seed)
        for _ in range(120):
            if walker.step():
                met.add(stand(walker.game, part))
                assert stand(walker.game, part) in explored, walker.game.now.tracks
    kinds = {where for places, _ in met for where in places}
    assert {WAITING, STOPPED, UNOPENED} <= kinds
    assert len(met) > 20


def test_a_slice_of_fewer_tracks_explores_no_less() -> None:
    book = changed(PAIR)
    both, _ = whole(book)
    alone = Slice(book, ("two",))
    seen = {here.place("two") for here in both.reach()}
    assert seen <= {here.place("two") for here in alone.reach()}


def test_the_cone_of_a_track_holds_what_it_looks_at() -> None:
    assert cone(changed(PAIR), ["one"]) == ("one", "two")
    assert cone(play(), ["archive"]) == ("rescue", "archive")


def test_a_reversal_takes_back_what_was_reached() -> None:
    """The archive may be kept after the settlement it rests on was taken back; the engine flags it for review."""
    part = Slice(play(), ("rescue", "archive"), after_closing=False)
    kept = [act for act in part.explore() if act.move == "keep" and ("rescue", "settled") not in act.before.reached]
    assert kept
    assert "reversed" in [act.kind for act in part.way_to(kept[0].before)]


def test_what_is_behind_a_local_setting_is_not_relied_on() -> None:
    part = Slice(play(), ("rescue",))
    note = next(act for act in part.explore() if act.move == "note_it")
    allowed = list(part.allowing(note))
    assert any(world["parameter:strict"] is False and world["document:report"] is False for world in allowed)
    assert not any(world["parameter:strict"] is True and world["document:report"] is False for world in allowed)


def test_too_large_says_which_slice_and_how_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "LARGEST_SLICE", 3)
    with pytest.raises(TooLarge) as large:
        Slice(changed(PAIR), ("one", "two")).reach()
    assert large.value.what == "one/two"
    assert large.value.how_large > 3
