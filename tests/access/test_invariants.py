"""What holds whatever else does: of situations drawn by chance, every action, role and circumstance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from random import Random
from typing import cast

import pytest

from engine.access.model import ROLES, Circumstances, Role, Verdict
from engine.access.standings import GIVEN, NONE, STANDINGS, UNITS, Situation, kinds, words_also
from engine.access.subjects import Installation
from engine.ledger.event import PURPOSES
from tests.access.policy_tables import HANDLING, gate

OPEN_TO_ALL = {"read_definitions", "read_directory"}
BESIDES: tuple[Role | None, ...] = (None, None, "administrator", "auditor", "service", "custodian", "caseworker")
PURPOSE = ("case_handling",) * 5 + tuple(sorted(PURPOSES))
LOOKING = ("see_", "read_timeline", "read_attachment", "disclose_")
HANDLED_BY_HOLDER = {"move", "offer", "assign", "refer", "decline_track"}
GONE = {
    ("none", NONE),
    ("receiving", "ended_inside"),
    *((case, when) for case, when in STANDINGS if when == "ended_beyond"),
}


@dataclass(frozen=True)
class Asked:
    """A situation and an action; what it is about, and what is asked for besides."""

    one: Situation
    kind: str
    action: str

    @property
    def roles(self) -> set[str]:
        """All roles she holds."""
        return {self.one.role, *([self.one.held] if self.one.held else [])}

    @property
    def has_glass(self) -> bool:
        """Whether she broke the glass."""
        return self.one.given().has_glass

    def is_in(self, group: str) -> bool:
        """Whether the action is of a group of the schema."""
        return self.action in gate().words.groups[group]

    @property
    def looks(self) -> bool:
        """Whether it shows something of a case."""
        return self.kind == "Case" and self.action.startswith(LOOKING)


DENIED: Mapping[str, Callable[[Asked], bool]] = {
    "whoever administers never touches content": lambda it: "administrator" in it.roles and it.is_in("content"),
    "whoever audits never touches content": lambda it: "auditor" in it.roles and it.is_in("content"),
    "programs never touch identities": lambda it: "service" in it.roles and it.is_in("identity"),
    "DNA never leaves the police": lambda it: it.action == "disclose_dna" and it.one.unit != "police",
    "nobody approves what she asked for": lambda it: it.is_in("approve") and it.one.also.startswith("asked"),
    "nothing is approved that nobody asked for": lambda it: it.is_in("approve") and it.one.given().asked_by == "",
    "nobody uses what she approved herself": lambda it: it.is_in("approved") and "_self_" in it.one.also,
    "nobody uses what another asked for": lambda it: (
        it.is_in("approved") and it.one.also.startswith("other") and not it.has_glass
    ),
    "an erasure takes two others": lambda it: (
        it.action in {"erase_case", "release_hold"} and it.one.also != "asked_two_approved"
    ),
    "nobody reviews her own glass": lambda it: it.action == "review_glass" and it.one.also.startswith("asked"),
    "an overdue review blocks the next glass": lambda it: it.action == "break_glass" and it.one.also == "overdue",
    "without a part and a glass nothing is seen": lambda it: (
        it.looks and (it.one.case, it.one.when) in GONE and not it.has_glass
    ),
    "before accepting only the basic class is seen": lambda it: (
        it.looks and it.one.case == "receiving" and not it.has_glass and it.action not in {"see_case", "disclose_basic"}
    ),
    "a class that no step needs is not shown": lambda it: (
        it.is_in("disclose") and it.one.also in GIVEN and not it.has_glass
    ),
    "a custodian elsewhere has no say": lambda it: (
        it.one.role == "custodian" and it.one.unit in {"below", "elsewhere"} and it.kind != "Installation"
    ),
    "a custodian sees no case": lambda it: it.one.role == "custodian" and (it.looks or it.is_in("command")),
    "content is touched for handling only": lambda it: it.is_in("content") and it.one.purpose not in HANDLING,
    "nothing is done for a purpose that is not stated": lambda it: it.one.purpose == "unstated",
    "only its holder moves a track": lambda it: (
        it.action in HANDLED_BY_HOLDER and (it.one.case, it.one.when) != ("responsible", "now")
        and it.one.also != "not_there"
    ),
    "the office of the joint conference sees no case": lambda it: (
        it.one.role == "joint_conference"
        and it.action not in {"count_cases", "list_stalled", "list_petitions", *OPEN_TO_ALL}
    ),
    "readers read procedures": lambda it: it.one.role == "reader" and it.action not in OPEN_TO_ALL,
    "reporters report, look up what they reported, and read procedures": lambda it: (
        it.one.role == "reporter" and it.action not in {"report_lead", "read_receipt", *OPEN_TO_ALL}
    ),
    "nobody sees whom a lead names before her unit accepted it": lambda it: (
        it.action == "see_lead_names" and it.one.also != "her_turn_accepted"
    ),
}  # fmt: skip
"""What is always denied."""


def drawn(random: Random, kind: str) -> Situation:
    """A situation by chance."""
    case, when = random.choice(STANDINGS)
    role, held = random.choice(ROLES), random.choice(BESIDES)
    return Situation(
        role, random.choice(list(UNITS)), case, when, random.choice(PURPOSE), random.choice(words_also(kind)),
        None if held == role else held,
    )  # fmt: skip


def judged(one: Situation, kind: str) -> dict[str, Verdict]:
    """Every action on this type of thing."""
    return gate().judged(one.who(), kinds(gate())[kind], one.about(kind, gate().classes), one.given())


def broken(asked: Asked, verdict: Verdict, seen: Counter[str]) -> list[str]:
    """What is permitted against a rule; counts what each rule was tried on."""
    rules = [name for name, applies in DENIED.items() if applies(asked)]
    seen.update(rules)
    effects = {gate().policy(name).effect for name in verdict.policies}
    wrong = [f"{name}: {asked} {verdict}" for name in rules if verdict.allowed]
    if verdict.fault is not None or effects - {"permit" if verdict.allowed else "forbid"}:
        wrong.append(f"{asked} {verdict}")
    return wrong


def sweep(seed: int, cases: int) -> tuple[int, Counter[str], list[str]]:
    """Judge situations by chance: how many decisions, how often each rule was tried, and what broke one."""
    random, seen, wrong, decisions = Random(seed), Counter[str](), list[str](), 0
    plan = {"Case": cases, "Installation": cases // 8, "Opening": cases // 30}
    for kind in kinds(gate()):
        for _ in range(plan.get(kind, cases // 8)):
            one = drawn(random, kind)
            for action, verdict in judged(one, kind).items():
                wrong += broken(Asked(one, kind, action), verdict, seen)
                decisions += 1
    return decisions, seen, wrong


def test_what_always_holds_holds() -> None:
    decisions, seen, wrong = sweep(20, 750)
    assert wrong[:10] == []
    assert decisions >= 30_000
    assert {name: seen[name] for name in DENIED if seen[name] < 20} == {}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_what_always_holds_holds_in_many_more(seed: int) -> None:
    decisions, _seen, wrong = sweep(seed, 6_000)
    assert wrong[:10] == []
    assert decisions >= 240_000


def test_a_glass_never_beats_what_forbids() -> None:
    random, kept = Random(7), Counter[str]()
    for _ in range(60):
        one = drawn(random, "Case")
        without, broke = (judged(replace(one, also=also), "Case") for also in ("needed", "needed_glass"))
        for action, verdict in without.items():
            forbidden = set(verdict.policies) - {"only-basic-before-accepting"}
            if not verdict.allowed and forbidden:
                assert not broke[action].allowed, (one, action)
                kept.update(forbidden)
            assert broke[action].allowed >= verdict.allowed, (one, action)
    assert len(kept) >= 5


def test_a_second_role_gives_nothing() -> None:
    random, less = Random(8), 0
    for _ in range(80):
        one = drawn(random, "Case")
        alone, both = judged(replace(one, held=None), "Case"), judged(one, "Case")
        assert all(alone[action].allowed >= verdict.allowed for action, verdict in both.items()), one
        less += sum(alone[action].allowed > verdict.allowed for action, verdict in both.items())
    assert less > 0


def test_a_role_or_a_unit_that_nobody_has_is_nothing() -> None:
    who = Situation("caseworker").who()
    acts = kinds(gate())["Installation"]
    for role in ("chief", "", "Caseworker"):
        found = gate().judged(replace(who, role=cast("Role", role), held=frozenset()), acts, Installation())
        assert not any(verdict.allowed for verdict in found.values())
    for role, also in product(("caseworker", "unit_supervisor"), (NONE, "needed")):
        one = Situation(cast("Role", role), also=also)
        nowhere = replace(one.who(), unit="")
        found = gate().judged(nowhere, kinds(gate())["Case"], one.about("Case", gate().classes), Circumstances())
        assert {action for action, verdict in found.items() if verdict.allowed} == {"break_glass"}
