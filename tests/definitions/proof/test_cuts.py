"""The cuts are exact: no world, however large its values, judges conditions in a way that no cut world does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.core.conditions import Condition, Judged
from engine.definitions.proof.cuts import TODAY, domains
from engine.definitions.proof.worlds import World, WorldView, combinations
from tests.core.play import PLAY, label
from tests.definitions.proof.small import changed

FACTS: dict[str, Any] = {
    "age": "int", "count": "int", "since": "date", "until": "date", "origin": "code", "told": "bool", "carer": "person",
    "guest": "person", "buyers": "persons", "sellers": "persons",
}  # fmt: skip
OPTIONS = {"known": label("known"), "unknown": label("unknown"), "unclear": label("unclear")}
BOOK = changed(
    PLAY,
    facts={
        **PLAY["facts"],  # type: ignore[dict-item]
        **{
            name: {"title": label(name), "type": kind, "field_class": "basic", "options": OPTIONS}
            for name, kind in FACTS.items()
        },
    },
    parameters={
        "days": {"title": label("days"), "type": "days", "default": 30},
        "years": {"title": label("years"), "type": "int", "default": 16},
        "strict": {"title": label("strict"), "type": "bool", "default": False},
    },
)  # fmt: skip
LIMITS = st.one_of(st.integers(-2, 40), st.sampled_from([{"parameter": "days"}, {"parameter": "years"}]))
LEAVES = st.one_of(
    st.builds(lambda fact, limit: {"fact": fact, "at_least": limit}, st.sampled_from(["age", "count"]), LIMITS),
    st.builds(lambda fact, value: {"fact": fact, "is": value}, st.sampled_from(["age", "count"]), st.integers(-2, 40)),
    st.builds(lambda fact, limit: {"since": fact, "at_least": limit}, st.sampled_from(["since", "until"]), LIMITS),
    st.sampled_from([
        {"fact": "since", "before": "until"}, {"fact": "until", "before": "since"},
        {"fact": "origin", "is": "known"}, {"fact": "origin", "in": ["known", "unclear"]}, {"fact": "told", "is": True},
        {"fact": "carer", "not_among": "buyers"}, {"fact": "guest", "not_among": "buyers"},
        {"fact": "carer", "not_among": "sellers"}, {"fact": "carer", "known": True}, {"fact": "age", "known": True},
        {"document": "report"}, {"consent": "return"}, {"parameter": "strict", "is": True},
        {"other_person_than": {"track": "archive", "step": "writing"}}, {"actor": ["police"]},
        {"actor": ["police", "health"]}, {"track": "rescue", "at": ["placed"]},
        {"track": "rescue", "reached": ["placed", "settled"]},
    ]),
)  # fmt: skip
CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(lambda some: {"all": some}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda some: {"any": some}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=2,
)
PERSONS = ["P-1", "P-2", "P-3"]
DAYS = st.integers(-60, 60).map(lambda ago: (TODAY - timedelta(days=ago)).isoformat())
ANY_WORLD = st.fixed_dictionaries(
    {
        **{f"fact:{name}": st.none() | st.integers(-60, 60) for name in ("age", "count")},
        **{f"fact:{name}": st.none() | DAYS for name in ("since", "until")},
        "fact:origin": st.none() | st.sampled_from(sorted(OPTIONS)),
        "fact:told": st.none() | st.booleans(),
        **{f"fact:{name}": st.none() | st.sampled_from(PERSONS) for name in ("carer", "guest")},
        **{f"fact:{name}": st.none() | st.lists(st.sampled_from(PERSONS)).map(tuple) for name in ("buyers", "sellers")},
        "document:report": st.booleans(),
        "consent:return": st.none() | st.booleans(),
        "parameter:days": st.integers(0, 60),
        "parameter:years": st.integers(-60, 60),
        "parameter:strict": st.booleans(),
        "person:archive.writing": st.none() | st.sampled_from(["somebody", "else", "another"]),
        "actor": st.frozensets(st.sampled_from(["police", "health", "justice"])),
        "at:rescue": st.none() | st.sampled_from(["searching", "placed", "settled"]),
        "reached:rescue.placed": st.booleans(),
        "reached:rescue.settled": st.booleans(),
    }
)
READ: TypeAdapter[Condition] = TypeAdapter(Condition)


def verdicts(conditions: list[Condition], world: World) -> tuple[bool | None, ...]:
    return tuple(one.judge(WorldView(world), Judged()) for one in conditions)


@given(st.lists(CONDITIONS, min_size=1, max_size=2), ANY_WORLD)
@settings(max_examples=400, deadline=None)
def test_no_world_judges_conditions_in_a_way_that_no_cut_world_does(raw: list[Any], world: dict[str, Any]) -> None:
    conditions = [READ.validate_python(one) for one in raw]
    cut = domains(BOOK, conditions)
    among_cuts = {verdicts(conditions, one) for one in combinations(cut)}
    assert verdicts(conditions, world) in among_cuts


def test_a_figure_is_cut_at_what_it_is_compared_with_and_at_every_order_with_a_setting() -> None:
    plain = READ.validate_python({"fact": "age", "at_least": 16})
    assert domains(BOOK, [plain]) == {"fact:age": [None, 15, 16]}
    moved = READ.validate_python({"fact": "age", "at_least": {"parameter": "years"}})
    cut = domains(BOOK, [plain, moved])
    orders = {verdicts([plain, moved], world) for world in combinations(cut)}
    assert orders == {(None, None), (True, True), (True, False), (False, True), (False, False)}


def test_a_person_may_be_in_one_list_and_not_in_another_and_there_is_always_a_stranger() -> None:
    both = [READ.validate_python({"fact": "carer", "not_among": name}) for name in ("buyers", "sellers")]
    cut = domains(BOOK, both)
    found = {verdicts(both, world) for world in combinations(cut)}
    assert {(True, False), (False, True), (False, False), (True, True)} <= found
