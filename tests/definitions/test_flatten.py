"""Flattening: templates, removal, what is derived from clauses, and the hash of it all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.finding import Findings, Place
from engine.definitions.loader import load_all
from engine.definitions.reading import Scalar, Tree, parse
from engine.definitions.templates import merge
from tests.definitions.conftest import Edit

SEARCH = 'search: {use: search, basis: ["1"]}'
HERE = Place("here", 1)

Plain = dict[str, "Plain"] | list[str] | str | int | None


def tree(value: Plain) -> Tree:
    """The value as if it had been read."""
    if isinstance(value, dict):
        return Tree({key: tree(child) for key, child in value.items()}, HERE)
    if isinstance(value, list):
        return Tree(tuple(Tree(item, HERE) for item in value), HERE)
    plain: Scalar = value
    return Tree(plain, HERE)


KEYS = st.sampled_from(["a", "b", "c"])
LEAVES: st.SearchStrategy[Plain] = st.one_of(st.integers(0, 3), st.lists(st.just("x"), max_size=2))
VALUES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=3)


@given(MAPPINGS)
def test_laying_nothing_over_a_template_gives_the_template(base: dict[str, Plain]) -> None:
    assert merge(tree(base), tree({}), (), Findings()).plain() == base


@given(MAPPINGS, MAPPINGS)
def test_laying_the_same_over_it_twice_changes_nothing_more(base: dict[str, Plain], over: dict[str, Plain]) -> None:
    once = merge(tree(base), tree(over), (), Findings())
    assert merge(once, tree(over), (), Findings()).plain() == once.plain()


@given(MAPPINGS, MAPPINGS)
def test_what_is_laid_over_wins_and_the_rest_stays(base: dict[str, Plain], over: dict[str, Plain]) -> None:
    merged = merge(tree(base), tree(over), (), Findings()).plain()
    assert set(merged) == set(base) | set(over)
    for key, value in merged.items():
        if key not in over:
            assert value == base[key]
        elif not (isinstance(over[key], dict) and isinstance(base.get(key), dict)):
            assert value == over[key]


@given(MAPPINGS)
def test_null_removes_and_leaves_no_null_behind(base: dict[str, Plain]) -> None:
    merged = merge(tree(base), tree(dict.fromkeys(base)), (), Findings())
    assert merged.plain() == {}


def test_null_removes_a_step_and_a_move_of_the_template(edit: Edit) -> None:
    template = ("moves:\n", "moves:\n  pause: {title: {zh: 暂停, en: Pause}, from: searching, to: searching}\n")
    assert "pause" in edit(template, name="templates/tracks/search.yaml").definition.tracks["search"].moves
    loaded = edit((SEARCH, SEARCH[:-1] + ", moves: {pause: null}}"))
    assert set(loaded.definition.tracks["search"].moves) == {"end"}


def test_a_list_is_replaced_and_a_mapping_is_merged(edit: Edit) -> None:
    over = "moves: {end: {form: [search.began], title: {en: Stop searching}}}"
    move = edit((SEARCH, f"{SEARCH[:-1]}, {over}}}")).definition.tracks["search"].moves["end"]
    assert [(item.fact, item.required) for item in move.form] == [("search.began", True)]
    assert (move.title.zh, move.title.en) == ("结束查找", "Stop searching")


def test_a_condition_that_names_its_own_subject_replaces_the_template_s_whole(edit: Edit) -> None:
    opens = ("opens: {on_request: any}", "opens: {when: {fact: search.found, is: false}}")
    edit(opens, name="templates/tracks/search.yaml")
    over = "opens: {when: {any: [{fact: search.began, known: true}, {document: search_report}]}}"
    loaded = edit((SEARCH, f"{SEARCH[:-1]}, {over}}}"))
    when = loaded.definition.tracks["search"].opens.when
    assert when is not None
    assert len(when.children()) == 2


def test_vocabulary_that_nothing_uses_is_left_out(edit: Edit) -> None:
    definition = edit().definition
    assert "never.used" not in definition.facts
    assert "victim.age_years" not in definition.facts
    assert set(definition.documents) == {"search_report"}
    assert definition.consents == {}
    assert set(definition.parameters) == {"waiting_days", "strict"}


def test_the_clause_and_every_unit_it_prints_come_from_the_inventory(edit: Edit) -> None:
    waiting = edit().definition.tracks["placement"].steps["waiting"]
    assert waiting.clauses == ("第二条",)
    assert waiting.responsible == "civil_affairs"
    assert waiting.joint_leads == ("police",)
    assert waiting.printed_responsible == ("市民政局", "公安局")
    searching = edit().definition.tracks["search"].steps["searching"]
    assert searching.joint_leads == ()
    assert searching.cooperating == ("civil_affairs",)
    assert searching.printed_cooperating == ("市民政局",)


@pytest.mark.parametrize(
    ("basis", "provenance"),
    [('["1"]', "printed"), ('["2"]', "reading"), ('["3"]', "deployer"), ('["4"]', "deployer"), ("[]", "deployer")],
)
def test_where_a_responsible_unit_comes_from_follows_from_the_clause(edit: Edit, basis: str, provenance: str) -> None:
    loaded = edit(('    arises: {track: search, reached: [searching]}\n    basis: ["1"]', f"    basis: {basis}"))
    assert loaded.definition.duties["comfort"].provenance == provenance


def test_what_is_not_written_about_provenance_follows_the_table(edit: Edit) -> None:
    definition = edit().definition
    placement = definition.tracks["placement"]
    assert placement.provenance == "printed"
    assert placement.moves["place"].provenance == "reading"
    assert placement.moves["place"].requires["waited"].provenance == "deployer"
    assert definition.closings["archive"].provenance == "deployer"
    bare = edit((SEARCH, "search: {use: search}")).definition.tracks["search"]
    assert bare.provenance == bare.moves["end"].provenance == "deployer"


def test_a_local_act_carries_no_clause_of_its_track(edit: Edit) -> None:
    loaded = edit((SEARCH, f"{SEARCH[:-1]}, moves: {{end: {{provenance: deployer}}}}}}"))
    assert loaded.definition.tracks["search"].moves["end"].basis == ()
    assert loaded.definition.tracks["search"].steps["searching"].clauses == ("第一条",)


def test_the_hash_is_that_of_the_meaning_not_of_the_writing(root: Path, edit: Edit) -> None:
    before = edit().hash
    path = root / "tiny" / "2020.1.yaml"
    head, _, units = path.read_text(encoding="utf-8").partition("units:\n")
    lines = units.splitlines(keepends=True)
    lines[0], lines[1] = lines[1], lines[0]
    path.write_text("# another comment\n\n" + head + "units:\n" + "".join(lines), encoding="utf-8")
    assert edit(('basis: ["1"]', 'basis:   [ "1" ]')).hash == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("en: Waiting for a place", "en: Waiting"),
        ("is: false}", "is: true}"),
        ("since: 2020-01-01", "since: 2020-01-02"),
        ("form: [placement.kind, carer]", "form: [carer, placement.kind]"),
        ("setting: strict\n", "\n"),
        ("arises: {track: search, reached: [searching]}", "declinable: true"),
        ('basis: ["2"]\n            provenance: printed', 'basis: ["2"]\n            provenance: reading'),
    ],
)
def test_the_hash_changes_with_every_change_of_meaning(edit: Edit, old: str, new: str) -> None:
    before = edit().hash
    assert edit((old, new)).hash != before


def test_a_changed_template_changes_the_hash_of_what_uses_it(edit: Edit) -> None:
    before = edit().hash
    assert edit(("default: 30", "default: 31"), name="templates/vocabulary.yaml").hash != before
    same = edit(("en: Never used", "en: Used by nobody"), name="templates/vocabulary.yaml").hash
    assert same == load_all(edit().path.parents[1]).get("tiny").hash


def test_words_stay_as_written() -> None:
    read = parse(b"{a: 2.10, b: 2021-10-25, c: no, d: 18, e: '18', f: true, g: , no: 007}", "x").plain()
    expected = {"a": "2.10", "b": "2021-10-25", "c": "no", "d": 18, "e": "18", "f": True, "g": None, "no": "007"}
    assert read == expected
