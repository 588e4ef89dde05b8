"""A stroller who does anything at all with a case: mostly what could be right, sometimes what cannot."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from engine.core import commands as cmd
from engine.core.commands import Command, RawValue
from engine.core.definition import Definition
from tests.core.guide import Guide, doors, started_at
from tests.core.supplying import needs_of, plausible
from tests.core.walk import Walk, World, worlds

DRAW = st.data()
CASE = "GT-1"


class Stroll(RuleBasedStateMachine):
    """The machine; a subclass says which world it strolls in."""

    name: str

    def __init__(self) -> None:
        super().__init__()
        self.world: World = worlds()[self.name]
        self.walk = Walk(self.world)

    @property
    def book(self) -> Definition:
        """The definition."""
        return self.world.rules.definition

    @initialize(data=DRAW)
    def open(self, data: st.DataObject) -> None:
        """Begin at any of the doors."""
        self.walk = started_at(self.world, data.draw(st.sampled_from(doors(self.world))))

    def draw(self, data: st.DataObject, among: Any) -> Any:
        """One of these."""
        return data.draw(st.sampled_from(sorted(among)))

    def unit(self, data: st.DataObject) -> str:
        """A unit that took part, mostly; else any of the directory."""
        some = data.draw(st.integers(0, 3)) > 0
        return str(self.draw(data, self.walk.now.units if some else self.world.units.units))

    def track(self, data: st.DataObject) -> str:
        """A track that is held, if any is; else any of the definition."""
        return str(self.draw(data, self.walk.now.held() or self.book.tracks))

    def do(self, command: Command, unit: str) -> None:
        """Do it; a refusal is as good as an answer, since everything is checked either way."""
        self.walk.try_(command, unit)

    def value(self, data: st.DataObject, fact: str) -> RawValue:
        """A value of the right type, or once in a while any text."""
        rule = self.book.facts[fact]
        by_type: dict[str, st.SearchStrategy[Any]] = {
            "bool": st.booleans(), "int": st.integers(0, 60), "date": st.dates().map(str), "text": st.text(min_size=1),
            "code": st.sampled_from(sorted(rule.options) or ["none"]), "person": st.sampled_from(["P-ONE1", "P-TWO2"]),
            "persons": st.lists(st.sampled_from(["P-ONE1", "P-TWO2", "P-BUYER1"])),
        }  # fmt: skip
        found: RawValue = data.draw(st.one_of(by_type[rule.type], st.just("???")))
        return found

    @rule(data=DRAW)
    def move_on(self, data: st.DataObject) -> None:
        """The holder makes a move that begins here, with what it asks for."""
        held = {name: state for name, state in self.walk.now.held().items() if state.status == "open"}
        if not held:
            return
        track = self.draw(data, held)
        moves = self.world.rules.machines[track].moves_from(held[track].step)
        name = self.draw(data, moves)
        needs = needs_of(self.book, moves[name], self.walk.at, self.walk.world.wishes)
        command = cmd.Move(case=CASE, track=track, move=name, facts=needs.facts, documents=tuple(needs.documents))
        self.do(command, held[track].holder or "")

    @rule(data=DRAW)
    def guided(self, data: st.DataObject) -> None:
        """The guide goes on a round, so that the stroll sees more than the beginning."""
        Guide(self.walk).round()

    @rule(data=DRAW)
    def try_any_move(self, data: st.DataObject) -> None:
        """Any move of any track by anybody."""
        track = self.draw(data, self.book.tracks)
        move = self.draw(data, self.book.tracks[track].moves)
        self.do(cmd.Move(case=CASE, track=track, move=move), self.unit(data))

    @precondition(lambda self: self.walk.case is not None and self.walk.now.hand_offs)
    @rule(data=DRAW, answer=st.sampled_from(["accept", "decline", "withdraw"]), right=st.integers(0, 4))
    def answer(self, data: st.DataObject, answer: str, right: int) -> None:
        """Answer a hand-off; mostly as the side whose answer it is."""
        hand_off = self.walk.now.hand_offs[self.draw(data, self.walk.now.hand_offs)]
        commands: dict[str, tuple[Command, str]] = {
            "accept": (cmd.Accept(case=CASE, hand_off=hand_off.id), hand_off.to_unit),
            "decline": (
                cmd.Decline(case=CASE, hand_off=hand_off.id, reason=next(iter(self.book.decline_reasons))),
                hand_off.to_unit,
            ),
            "withdraw": (cmd.Withdraw(case=CASE, hand_off=hand_off.id), hand_off.from_unit),
        }
        command, unit = commands[answer]
        self.do(command, unit if right else self.unit(data))

    @rule(data=DRAW, right=st.integers(0, 3))
    def offer(self, data: st.DataObject, right: int) -> None:
        """Offer a track to a unit of its function, to anybody, or to whom it belongs."""
        track = self.track(data)
        state = self.walk.now.tracks.get(track)
        function = self.book.tracks[track].steps[state.step].responsible if state else None
        able = [name for name, unit in self.world.units.units.items() if function in unit.functions]
        to_unit = self.draw(data, able if right and able else self.world.units.units) if right < 3 else None
        self.do(cmd.Offer(case=CASE, track=track, to_unit=to_unit), (state and state.holder) or self.unit(data))

    @rule(data=DRAW)
    def open_a_track(self, data: st.DataObject) -> None:
        """Open any track on request."""
        self.do(cmd.OpenTrack(case=CASE, track=self.draw(data, self.book.tracks)), self.unit(data))

    @rule(data=DRAW)
    def state_something(self, data: st.DataObject) -> None:
        """State any fact, or file any document, at any track."""
        fact, track = self.draw(data, self.book.facts), self.track(data)
        documents = (self.draw(data, self.book.documents),) if data.draw(st.booleans()) else ()
        facts = {fact: self.value(data, fact)}
        self.do(cmd.Contribute(case=CASE, track=track, facts=facts, documents=documents), self.unit(data))

    @rule(data=DRAW)
    def correct(self, data: st.DataObject) -> None:
        """Correct a fact that is on record, if any is."""
        fact = self.draw(data, self.walk.now.facts or self.book.facts)
        self.do(cmd.Correct(case=CASE, fact=fact, value=self.value(data, fact), reason="misheard"), self.unit(data))

    @rule(data=DRAW)
    def reverse(self, data: st.DataObject) -> None:
        """Reverse the last act on a track."""
        track = self.draw(data, self.walk.now.tracks or self.book.tracks)
        state = self.walk.now.tracks.get(track)
        unit = (state and state.holder) or self.unit(data)
        self.do(cmd.Reverse(case=CASE, track=track, reason="by mistake"), unit)

    @rule(data=DRAW, outcome=st.sampled_from(["done", "declined", "not_applicable"]))
    def settle_a_duty(self, data: st.DataObject, outcome: Any) -> None:
        """Settle any duty as the unit that owes it."""
        name = self.draw(data, self.book.duties)
        unit = self.world.units.resolve(self.book.duties[name].responsible, self.world.area)
        command = cmd.SettleDuty(case=CASE, duty=name, outcome=outcome, reason="as told")
        self.do(command, unit.id if unit else self.unit(data))

    @rule(data=DRAW, given=st.booleans())
    def record_a_consent(self, data: st.DataObject, given: bool) -> None:
        """The victim agrees or not."""
        self.do(cmd.RecordConsent(case=CASE, consent=self.draw(data, self.book.consents), given=given), self.unit(data))

    @rule(data=DRAW, kind=st.integers(0, 6))
    def do_something_else(self, data: st.DataObject, kind: int) -> None:
        """Everything that happens now and then."""
        track, unit = self.track(data), self.unit(data)
        somebody = self.draw(data, self.world.units.units)
        commands: list[Command] = [
            cmd.Assign(case=CASE, track=track, person="bo"),
            cmd.Refer(case=CASE, track=track, to_unit=somebody),
            cmd.DeclineTrack(case=CASE, track=track, reason="not wanted"),
            cmd.Relocate(case=CASE, area=self.draw(data, self.world.units.jurisdictions), reason="moved"),
            cmd.ReviewFlag(case=CASE, event=next(iter(self.walk.now.flags), 1), reason="stands"),
            cmd.OfferTransfer(case=CASE, area=self.world.other_area, to_unit=somebody),
            cmd.Contribute(case=CASE, track=track, note="seen"),
        ]
        self.do(commands[kind], unit)

    @rule(data=DRAW, rarely=st.integers(0, 3))
    def close_or_reopen(self, data: st.DataObject, rarely: int) -> None:
        """End the record, or take it up again."""
        unit = self.unit(data)
        if self.walk.now.status == "closed":
            self.do(cmd.Reopen(case=CASE, track=self.draw(data, self.book.tracks), reason="came back"), unit)
        elif rarely == 0:
            self.do(cmd.Close(case=CASE, outcome=self.draw(data, self.book.closings), reason="over"), unit)

    @rule(data=DRAW)
    def state_what_is_wished(self, data: st.DataObject) -> None:
        """State a fact plausibly, as somebody who may."""
        name = self.draw(data, self.book.facts)
        fact = self.book.facts[name]
        value = plausible(name, fact, self.walk.at, self.walk.world.wishes)
        self.do(cmd.Contribute(case=CASE, track=self.track(data), facts={name: value}), self.unit(data))
