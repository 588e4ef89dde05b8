"""Leads, played by themselves: what may follow what, and that a lead is never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.core.commands import Actor
from engine.core.leads import (
    EVENTS,
    KINDS,
    AcceptLead,
    CloseLead,
    DecideReward,
    Lead,
    LeadClosed,
    LeadCommand,
    LeadEntry,
    LeadLinked,
    LeadReported,
    PassLead,
    ReportLead,
    RewardDecided,
    decide,
    evolve,
    report,
)
from engine.errors import CommandMalformed, LeadImpossible, NothingToChange

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SCHOOL, POLICE = Actor("reporter-1", "school"), Actor("officer-1", "police-a")
UNITS = ("police-a", "police-b", "civil-a")
REPORT = ReportLead("L-1", "tip", "900101", "public", "soon", True, "a child nobody knows", "police-a")


def reported(**words: object) -> Lead:
    """A lead that has just come in."""
    return evolve(None, report(replace(REPORT, **words), SCHOOL, START), lead_id="L-1")  # type: ignore[arg-type]


def after(lead: Lead, *commands: LeadCommand) -> Lead:
    """The lead after these, one after the other."""
    for command in commands:
        lead = evolve(lead, decide(lead, command, POLICE, START))
    return lead


def refused(lead: Lead, command: LeadCommand) -> set[str]:
    """The codes of all reasons for which a command is refused."""
    with pytest.raises(LeadImpossible) as caught:
        decide(lead, command, POLICE, START)
    return {reason.code for reason in caught.value.reasons}


def test_a_lead_begins_at_the_unit_it_was_reported_to() -> None:
    lead = reported()
    assert (lead.status, lead.turn, lead.handled_by, lead.accepted_by) == ("received", "police-a", ("police-a",), ())
    assert (lead.reporter, lead.reporting_unit, lead.reported_at, lead.revision) == ("reporter-1", "school", START, 1)


def test_whoever_says_nothing_reports_nothing() -> None:
    with pytest.raises(CommandMalformed):
        report(replace(REPORT, seen=" "), SCHOOL, START)


def test_a_lead_is_accepted_passed_on_passed_back_and_closed() -> None:
    lead = after(reported(), PassLead("civil-a", "no police matter"))
    assert (lead.status, lead.turn) == ("passed_on", "civil-a")
    lead = after(lead, PassLead("police-a", "it is one"), AcceptLead())
    assert (lead.status, lead.turn, lead.handled_by) == ("accepted", "police-a", ("police-a", "civil-a"))
    lead = after(lead, CloseLead("no_ground", "looked into"))
    assert (lead.status, lead.turn, lead.closed) == ("closed", None, LeadClosed("no_ground", "looked into"))


def test_a_lead_that_was_accepted_may_be_passed_on_and_accepted_again() -> None:
    lead = after(reported(), AcceptLead("GT-1"), PassLead("police-b", "it happened there"), AcceptLead())
    assert (lead.status, lead.turn, lead.accepted_by, lead.case) == (
        "accepted", "police-b", ("police-a", "police-b"), "GT-1",
    )  # fmt: skip


def test_the_case_may_be_named_later_and_only_one() -> None:
    lead = after(reported(), AcceptLead())
    (linked,) = decide(lead, AcceptLead("GT-1"), POLICE, START)
    assert linked.event == LeadLinked("GT-1")
    lead = evolve(lead, (linked,))
    assert refused(lead, AcceptLead("GT-2")) == {"case_linked"}
    for again in (AcceptLead(), AcceptLead("GT-1")):
        with pytest.raises(NothingToChange):
            decide(lead, again, POLICE, START)


def test_nothing_is_done_with_a_closed_lead_but_its_reward() -> None:
    lead = after(reported(), AcceptLead(), CloseLead("no_ground"))
    for command in (AcceptLead(), PassLead("civil-a", "why not"), CloseLead("no_ground")):
        assert refused(lead, command) == {"lead_closed"}
    assert after(lead, DecideReward(True, "it helped", 500)).reward == RewardDecided(True, "it helped", 500)


def test_a_refusal_gives_all_reasons() -> None:
    lead = after(reported(), AcceptLead(), CloseLead("no_ground"))
    assert refused(lead, PassLead("civil-a", " ")) == {"lead_closed", "reason_missing"}
    assert refused(reported(), PassLead("police-a", "")) == {"same_unit", "reason_missing"}
    assert refused(reported(), CloseLead("case_opened", asks_for_case=True)) == {"case_missing"}
    odd = DecideReward(False, "", 0)
    assert refused(reported(kind="report"), odd) == {"no_tip", "not_accepted", "reason_missing", "odd_amount"}


def test_a_reward_is_decided_once_and_no_has_no_amount() -> None:
    lead = after(reported(), AcceptLead())
    assert refused(lead, DecideReward(False, "of no use", 10)) == {"odd_amount"}
    lead = after(lead, DecideReward(False, "of no use"))
    assert refused(lead, DecideReward(True, "after all")) == {"reward_decided"}


def test_closing_for_a_case_asks_for_the_case() -> None:
    lead = after(reported(), AcceptLead("GT-1"), CloseLead("case_opened", asks_for_case=True))
    assert lead.status == "closed"


@pytest.mark.parametrize("order", [(2,), (1, 3), (1, 1)])
def test_a_history_with_a_hole_or_in_another_order_is_none(order: tuple[int, ...]) -> None:
    begun = LeadReported("tip", "900101", "public", "soon", True, "seen", "police-a")
    entries = [LeadEntry(number, START, "p", "u", begun) for number in order]
    with pytest.raises(ValueError, match=r"begins|follow|once"):
        evolve(None, entries)
    with pytest.raises(ValueError, match="nothing"):
        evolve(None, ())


class Walk(RuleBasedStateMachine):
    """Anybody does anything with a lead; what is refused changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[LeadEntry] = []
        self.at = START

    @property
    def lead(self) -> Lead:
        return evolve(None, self.history, lead_id="L-1")

    @initialize(kind=st.sampled_from(KINDS), unit=st.sampled_from(UNITS))
    def begin(self, kind: str, unit: str) -> None:
        self.history += report(replace(REPORT, kind=kind, to_unit=unit), SCHOOL, self.at)  # type: ignore[arg-type]

    def _try(self, command: LeadCommand) -> None:
        before = self.lead
        self.at += timedelta(hours=1)
        try:
            happened = decide(before, command, POLICE, self.at)
        except (LeadImpossible, NothingToChange):
            assert self.lead == before
            return
        self.history += happened
        assert self.lead.revision == before.revision + 1
        assert set(before.handled_by) <= set(self.lead.handled_by)
        assert before.status != "closed" or isinstance(command, DecideReward)

    @rule(case=st.sampled_from((None, "GT-1", "GT-2")))
    def accept(self, case: str | None) -> None:
        self._try(AcceptLead(case))

    @rule(unit=st.sampled_from(UNITS), reason=st.sampled_from(("", "theirs")))
    def pass_on(self, unit: str, reason: str) -> None:
        self._try(PassLead(unit, reason))

    @rule(granted=st.booleans(), amount=st.sampled_from((None, 0, 100)))
    def reward(self, granted: bool, amount: int | None) -> None:
        self._try(DecideReward(granted, "because", amount))

    @precondition(lambda self: len(self.history) > 3)
    @rule(asks=st.booleans())
    def close(self, asks: bool) -> None:
        self._try(CloseLead("case_opened" if asks else "no_ground", asks_for_case=asks))

    @invariant()
    def one_unit_has_its_turn_until_it_is_closed(self) -> None:
        if not self.history:
            return
        lead = self.lead
        assert (lead.turn is None) == (lead.status == "closed")
        assert lead.turn is None or lead.turn in lead.handled_by
        assert set(lead.accepted_by) <= set(lead.handled_by)
        assert (lead.status == "accepted") <= (lead.turn in lead.accepted_by)
        assert lead.reward is None or (lead.kind == "tip" and lead.accepted_by)

    @invariant()
    def its_events_alone_make_it(self) -> None:
        if not self.history:
            return
        again = [
            replace(one, event=msgspec.json.decode(msgspec.json.encode(one.event), type=type(one.event)))
            for one in self.history
        ]
        assert evolve(None, again, lead_id="L-1") == self.lead
        assert {type(one.event) for one in self.history} <= set(EVENTS.values())


def test_whatever_anybody_does_a_lead_is_never_lost() -> None:
    run_state_machine_as_test(
        Walk, settings=settings(max_examples=40, stateful_step_count=20, deadline=None, database=None)
    )  # fmt: skip
