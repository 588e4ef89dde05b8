"""Small wrong changes of a definition are noticed: a fixed spread here, every one of all definitions in `make long`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine import bootstrap
from engine.core.conditions import All, FactKnown, Not
from engine.core.definition import Label, Requirement
from engine.definitions.proof.catching import Watch
from engine.definitions.proof.edits import DROPPED, Mutation, at, changed, mutation
from engine.definitions.proof.mutants import OPERATORS, mutants, spread
from engine.errors import CommandMalformed, DefinitionBroken
from engine.service.mutants import Court, Outcome, Tally, as_json, chosen, court, invariants, judged, tallied
from engine.service.rehearsal import rehearse
from tests.definitions.mutants.floors import FLOOR_OF_ALL, FLOORS, GROUPS, SPREAD

LIBRARY = bootstrap.library()
FUJIAN = LIBRARY.get("fujian").definition


NOT_THE_BUYERS = ("tracks", "placement", "moves", "place_with_carer", "requires", "carer_not_buyer")
BARRED = Requirement(
    when=FactKnown(fact="intake.route", known=True),
    reason=Label(zh="须先登记来源", en="How the case came in must be on record"),
    provenance="deployer",
)


@pytest.fixture(scope="module")
def judges() -> Court:
    """Give the court of Fujian, its stories played once."""
    return court(LIBRARY, "fujian", invariants(LIBRARY))


def rate(outcomes: list[Outcome]) -> float:
    """Return the kill rate of some outcomes together."""
    together = Tally()
    for one in tallied(outcomes).values():
        together.counts.update(one.counts)
    return together.kill_rate


def shown(outcomes: list[Outcome]) -> str:
    """Return the survivors, one a line."""
    return "\n".join(f"survives: {one.mutant}" for one in outcomes if one.by == "nobody")


def test_every_operator_belongs_to_one_group() -> None:
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(OPERATORS)
    assert set(FLOORS) == set(GROUPS)


def test_every_operator_makes_two_mutants_of_fujian_and_hundreds_together() -> None:
    made = {name: len(list(mutants(FUJIAN, [name]))) for name in OPERATORS}
    assert {name: count for name, count in made.items() if count < SPREAD} == {}
    assert sum(made.values()) > 1000


def test_no_mutant_is_what_it_was_made_of_and_making_it_changes_nothing_else() -> None:
    before = FUJIAN.canonical()
    assert [one.name for one in mutants(FUJIAN) if one.definition == FUJIAN] == []
    assert FUJIAN.canonical() == before


def test_a_spread_is_always_the_same() -> None:
    first, again = ([one.name for one in spread(FUJIAN, 3)] for _ in range(2))
    assert first == again
    assert len(first) == len(set(first))


def test_a_fixed_spread_over_every_operator_is_noticed_as_often_as_measured(judges: Court) -> None:
    outcomes = list(judged(judges, chosen(judges, most=SPREAD)))
    by_group = {group: [one for one in outcomes if one.operator in names] for group, names in GROUPS.items()}
    rates = {group: round(rate(found), 3) for group, found in by_group.items()}
    assert {group: got for group, got in rates.items() if got < FLOORS[group]} == {}, shown(outcomes)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(FLOOR_OF_ALL))
def test_every_mutant_of_a_definition_is_noticed_as_often_as_measured(name: str) -> None:
    own = court(LIBRARY, name, invariants(LIBRARY))
    outcomes = list(judged(own, chosen(own)))
    assert rate(outcomes) >= FLOOR_OF_ALL[name], shown(outcomes)


# ── who notices ──


@pytest.mark.parametrize(
    ("path", "value", "who"),
    [
        (("duties", "psychological_care", "responsible"), "nobody_known", "shape"),
        (("listed", next(iter(FUJIAN.listed))), DROPPED, "coverage"),
        (("facts", "search.result", "stated_by"), DROPPED, "safeguard"),
        ((*NOT_THE_BUYERS, "when"), FactKnown(fact="placement.carer", known=True), "invariant"),
        (("tracks", "legal_aid", "opens", "requires"), {"known": BARRED}, "soundness"),
    ],
)
def test_each_watcher_notices_what_is_its_own(judges: Court, path: tuple[str, ...], value: object, who: str) -> None:
    found = judges.judge(mutation("by_hand", FUJIAN, path, value))
    assert found.by == who, found


def test_a_story_notices_a_condition_that_is_gone(judges: Court) -> None:
    path = ("closings", "death", "requires", "death_documented")
    found = judges.judge(mutation("by_hand", FUJIAN, path, DROPPED))
    assert (found.by, "step" in found.said) == ("story", True)


def test_a_condition_said_twice_changes_nothing_and_its_opposite_does(judges: Court) -> None:
    watch: Watch = judges.watch
    root = ("tracks", "registration", "moves", "apply", "requires", "stayed_long_enough", "when")
    when = at(FUJIAN, root)
    twice = Mutation("by_hand", root, changed(FUJIAN, root, All(all_=(when, when))), "", root)
    turned = Mutation("by_hand", root, changed(FUJIAN, root, Not(not_=when)), "", root)
    assert (watch.changes_nothing(twice), watch.changes_nothing(turned)) == (True, False)


def test_what_is_no_condition_is_never_held_to_change_nothing(judges: Court) -> None:
    assert not judges.watch.changes_nothing(mutation("by_hand", FUJIAN, ("duties", "psychological_care"), DROPPED))


def test_stories_go_in_memory_as_they_are_told(judges: Court) -> None:
    for one in judges.stories:
        went = rehearse(judges.stage, one)
        assert (went.broken, bool(went.heard)) == (None, True), one.scenario.scenario


def test_without_its_table_a_definition_loses_what_rests_on_a_second_entry(judges: Court) -> None:
    loosened = mutation("by_hand", FUJIAN, ("openers", "criminal_case"), ("police", "civil_affairs"))
    alone = replace(judges.watch, table=None)
    assert (judges.watch.notices(loosened) or ("nobody",))[0] == "safeguard"
    assert alone.notices(loosened) is None


def test_a_table_that_cannot_be_read_is_refused_not_passed_over(tmp_path: Path) -> None:
    loaded = LIBRARY.get("fujian")
    (tmp_path / "safeguards").mkdir()
    (tmp_path / "safeguards" / loaded.path.name).write_text("definition: fujian@2021.1\n", encoding="utf-8")
    with pytest.raises(DefinitionBroken, match="table of safeguards"):
        Court.of(LIBRARY, replace(loaded, path=tmp_path / loaded.path.name), {})


# ── what people are told ──


def test_an_operator_that_is_not_there_is_refused_with_those_that_are(judges: Court) -> None:
    with pytest.raises(CommandMalformed, match="requirement_removed"):
        chosen(judges, operator="everything_removed")


def test_a_mutant_without_effect_counts_neither_way() -> None:
    outcomes = [Outcome("x", "o", "m", by) for by in ("shape", "nothing", "nobody")]
    report = as_json("x", outcomes, 1.0)
    assert (report["made"], report["changes_nothing"], report["survived"], report["kill_rate"]) == (3, 1, 1, 0.5)
    assert report["survivors"] == [{"mutant": "m", "seen": False}]


def test_the_command_line_reports_rates_and_survivors() -> None:
    words = ["definitions", "mutants", "fujian", "--operator", "opener_changed", "--most", "1"]
    told = CliRunner().invoke(app, [*words, "--json"])
    assert told.exit_code == 0, told.output
    (report,) = json.loads(told.stdout)
    assert (report["definition"], report["made"], list(report["operators"])) == ("fujian@2021.1", 1, ["opener_changed"])
    plain = CliRunner().invoke(app, ["--language", "en", *words])
    assert "opener_changed" in plain.stdout
