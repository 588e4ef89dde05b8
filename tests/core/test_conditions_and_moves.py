"""Conditions refuse with all reasons; unknown refuses like false."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from engine.core import commands as cmd
from engine.core.conditions import Condition, Judged
from engine.core.view import CaseView
from engine.errors import ClockBehind, CommandMalformed, MoveImpossible, NothingToChange, Refused
from tests.core.play import READY, START, Game

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in refusal.value.reasons]


def test_a_refusal_names_every_unmet_reason_with_its_clause() -> None:
    game = Game().open()
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    assert codes(refusal) == ["form_incomplete", "parents_first", "no_buyer"]
    assert refusal.value.reasons[1].clauses == ("play 第3条",)
    assert refusal.value.reasons[1].judged == {"search.result": None}


def test_a_refusal_changes_nothing_not_even_the_facts_that_came_with_it() -> None:
    game = Game().open()
    before = game.now
    with pytest.raises(Refused):
        game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts={"search.result": "found"}))
    assert game.now == before


def test_the_buyer_family_is_refused_even_when_everything_else_is_right() -> None:
    game = Game().open()
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts={**READY, "carer": "P-BUYER"}))
    assert codes(refusal) == ["no_buyer"]


def test_an_unrecorded_buyer_family_refuses_too() -> None:
    game = Game().open()
    facts = {name: value for name, value in READY.items() if name != "buyers"}
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts=facts))
    assert codes(refusal) == ["no_buyer"]


def test_a_stay_is_counted_in_days_of_china() -> None:
    game = Game().open()
    game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts={**READY, "stay.since": "2026-01-05"}))
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    game.at = START + timedelta(days=29, hours=14, minutes=59)  # 2026-02-03 23:59 in China: 29 days
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="settle"), "civil-a")
    assert refusal.value.reasons[0].judged["stay.since:days"] == 29
    game.at = START + timedelta(days=29, hours=15)
    game.act(cmd.Move(case="GT-1", track="rescue", move="settle"), "civil-a")
    assert game.now.facts["note"].value == "settled"
    assert "statement" in game.now.documents


def test_every_move_keeps_the_guard_values_it_was_judged_on() -> None:
    game = Game().open(**READY)
    decision = game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    offered = decision.events[-1]
    assert offered.judged == {"search.result": "not_found", "carer": "P-CARER", "buyers": ["P-BUYER"]}
    assert offered.clauses == ("play 第2条",)
    assert (offered.unit, offered.person) == ("police-a", "ann")


def test_a_local_setting_binds_only_while_it_is_on() -> None:
    game = Game().open()
    game.act(cmd.Move(case="GT-1", track="rescue", move="note_it", facts={"note": "x"}))
    game.parameters["strict"] = True
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="note_it"))
    assert refusal.value.reasons[0].provenance == "deployer"


def test_an_impossible_move_names_the_possible_ones() -> None:
    game = Game().open()
    with pytest.raises(MoveImpossible, match="ask_wish, home, note_it, place, report_again"):
        game.act(cmd.Move(case="GT-1", track="rescue", move="settle"))


def test_a_fact_only_police_may_state_is_refused_from_others() -> None:
    game = Game().open()
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Contribute(case="GT-1", track="rescue", facts={"search.result": "found"}), "health")
    assert codes(refusal) == ["not_yours_to_state"]


def test_a_fact_is_corrected_not_overwritten() -> None:
    game = Game().open()
    with pytest.raises(NothingToChange, match="correct"):
        game.act(cmd.Contribute(case="GT-1", track="rescue", facts={"victim.is_child": False}))


def test_a_fact_that_changes_with_the_world_may_be_stated_anew() -> None:
    game = Game().open(**READY)
    game.act(cmd.Contribute(case="GT-1", track="rescue", facts={"search.result": "found"}))
    assert game.now.facts["search.result"].value == "found"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("victim.age_years", "sixteen"), ("victim.age_years", True), ("victim.is_child", "maybe"),
        ("stay.since", "2026-02-30"), ("search.result", "lost"), ("carer", "Some Name"), ("buyers", ["A B"]),
        ("note", ""), ("nothing", 1),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_without_repeating_it(name: str, bad: object) -> None:
    game = Game().open()
    with pytest.raises(CommandMalformed) as error:
        game.act(cmd.Contribute(case="GT-1", track="rescue", facts={name: bad}))  # type: ignore[dict-item]
    assert "Some Name" not in error.value.en + error.value.zh


def test_full_width_digits_are_read() -> None:
    game = Game().open()
    game.act(cmd.Contribute(case="GT-1", track="rescue", facts={"victim.age_years": "１６"}))
    assert game.now.facts["victim.age_years"].value == 16


def test_a_clock_a_little_behind_is_steadied_and_one_far_behind_is_refused() -> None:
    game = Game().open()
    changed_at = game.now.changed_at
    game.at = changed_at - timedelta(seconds=1)
    game.act(cmd.Move(case="GT-1", track="rescue", move="note_it"))
    assert game.now.changed_at == changed_at
    game.at = changed_at - timedelta(minutes=1)
    with pytest.raises(ClockBehind):
        game.act(cmd.Move(case="GT-1", track="rescue", move="note_it"))


def test_unknown_is_neither_true_nor_false() -> None:
    game = Game().open()
    view = CaseView(game.now, START, {})
    known = {"fact": "victim.is_child", "is": True}
    unknown = {"fact": "victim.age_years", "at_least": 16}

    def judge(raw: object) -> bool | None:
        return CONDITION.validate_python(raw).judge(view, Judged())

    assert judge(unknown) is None
    assert judge({"not": unknown}) is None
    assert judge({"any": [known, unknown]}) is True
    assert judge({"any": [{"not": known}, unknown]}) is None
    assert judge({"all": [known, unknown]}) is None
    assert judge({"all": [{"not": known}, unknown]}) is False


@pytest.mark.parametrize(
    "raw", [{}, {"fact": "x"}, {"eval": "1"}, {"fact": "x", "is": 1, "extra": 2}, "x", {"all": []}]
)
def test_there_is_no_other_kind_of_condition(raw: object) -> None:
    with pytest.raises(ValidationError):
        CONDITION.validate_python(raw)


@given(st.recursive(
    st.sampled_from([{"fact": "victim.is_child", "is": True}, {"fact": "victim.is_child", "is": False},
                     {"fact": "victim.age_years", "at_least": 16}]),
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(lambda many: {"all": many}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda many: {"any": many}, st.lists(inner, min_size=1, max_size=3)),
    ), max_leaves=8))  # fmt: skip
def test_knowing_more_never_turns_a_verdict_around(raw: object) -> None:
    """Kleene's logic is monotone: what was true or false stays so when an unknown fact becomes known."""
    condition = CONDITION.validate_python(raw)
    game = Game().open()
    before = condition.judge(CaseView(game.now, START, {}), Judged())
    for age in (12, 20):
        richer = Game().open(**{"victim.age_years": age})
        after = condition.judge(CaseView(richer.now, START, {}), Judged())
        assert before is None or after is before


def test_a_ban_on_a_person_holds_however_the_person_comes_on_record() -> None:
    game = Game().open(buyers=["P-BUYER"])
    for command in (
        cmd.Contribute(case="GT-1", track="rescue", facts={"carer": "P-BUYER"}),
        cmd.Move(case="GT-1", track="rescue", move="note_it", facts={"carer": "P-BUYER"}),
    ):
        with pytest.raises(Refused) as refusal:
            game.act(command)
        assert codes(refusal) == ["no_buyer"]
    game.act(cmd.Contribute(case="GT-1", track="rescue", facts={"carer": "P-CARER"}))
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Correct(case="GT-1", fact="carer", value="P-BUYER", reason="typing error"))
    assert codes(refusal) == ["no_buyer"]


def test_what_becomes_known_about_the_buyer_family_is_never_refused_and_flags_the_placement() -> None:
    game = Game().open(**READY)
    game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    placed = game.now.tracks["rescue"].visits["placed"].event
    game.act(cmd.Correct(case="GT-1", fact="buyers", value=["P-BUYER", "P-CARER"], reason="found out"), "civil-a")
    assert placed in game.now.flags


def test_a_field_that_must_be_fresh_is_not_filled_by_what_was_stated_before() -> None:
    game = Game().open(**{"search.result": "found"})
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Move(case="GT-1", track="rescue", move="report_again"))
    assert codes(refusal) == ["form_incomplete"]
    game.act(cmd.Move(case="GT-1", track="rescue", move="report_again", facts={"search.result": "found"}))
