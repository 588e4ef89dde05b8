"""Coverage: no clause is forgotten, and none that binds in a case is waved through."""

from __future__ import annotations

import pytest

from engine.definitions.coverage import Coverage, coverage
from engine.definitions.finding import Findings
from engine.definitions.inventory import Inventory, read_inventory
from engine.definitions.loader import Loaded
from engine.definitions.reading import read
from tests.definitions.conftest import Edit

BAN = '    basis: ["3"]\n    provenance: printed\nclosings'
SECOND = '  "5": {why: second_ring, reason: {zh: 会议制度, en: Meetings}}\n'
PRECONDITION = 'basis: ["2"]\n            provenance: printed'


def table(loaded: Loaded) -> Coverage:
    """The coverage of a definition by the inventory beside it."""
    return coverage(loaded, inventory_beside(loaded))


def inventory_beside(loaded: Loaded) -> Inventory:
    """The inventory in the same root."""
    path = loaded.path.parents[1] / "clauses" / "tiny-2020.yaml"
    inventory = read_inventory(path, Findings())
    assert inventory is not None
    assert read(path, Findings()) is not None
    return inventory


def codes(found: Coverage) -> list[str]:
    """What is wrong."""
    return [finding.code for finding in found.findings]


def test_every_clause_is_encoded_or_listed_and_counted_by_ring(edit: Edit) -> None:
    found = table(edit())
    assert found.is_green
    counts = found.counts()
    assert (counts["core"], counts["encoded"], counts["listed"], counts["gap"]) == (4, 3, 1, 0)
    assert (counts["second"], counts["second_listed"], counts["second_gap"], counts["outer"]) == (1, 1, 0, 0)


def test_the_table_names_the_elements_that_encode_a_clause(edit: Edit) -> None:
    rows = {row.clause.id: row for row in table(edit()).rows}
    assert rows["tiny-2020/1"].elements == ("tracks.search", "duties.comfort")
    assert "tracks.placement.moves.place.requires.not_found" in rows["tiny-2020/2"].elements
    assert rows["tiny-2020/4"].answer == "listed"
    assert rows["tiny-2020/5"].answer == "listed"


def test_a_clause_nothing_points_to_is_a_gap(edit: Edit) -> None:
    loaded = edit(('  search: {use: search, basis: ["1"]}', "  search: {use: search}"), ('    basis: ["1"]\n', ""))
    found = table(loaded)
    assert codes(found) == ["coverage_gap"]
    assert "第一条" in found.findings[0].zh
    assert found.counts()["gap"] == 1


def test_a_clause_outside_the_core_is_a_gap_as_well(edit: Edit) -> None:
    found = table(edit((SECOND, "")))
    assert codes(found) == ["coverage_gap"]
    assert ("第二圈条款第五条" in found.findings[0].zh, "Second-ring clause" in found.findings[0].en) == (True, True)
    assert (found.counts()["second_gap"], found.counts()["gap"], found.is_green) == (1, 0, False)


def test_a_clause_outside_the_core_may_be_encoded_instead(edit: Edit) -> None:
    found = table(edit((SECOND, ""), ('basis: ["1"]}', 'basis: ["1", "5"]}')))
    assert codes(found) == []
    assert found.counts()["second_encoded"] == 1


@pytest.mark.parametrize(("row", "why"), [("5", "outer_ring"), ("4", "second_ring")])
def test_a_clause_is_not_listed_as_one_of_another_ring(edit: Edit, row: str, why: str) -> None:
    was = "second_ring" if row == "5" else "goal"
    found = table(edit((f'"{row}": {{why: {was}', f'"{row}": {{why: {why}')))
    assert codes(found) == ["wrong_ring"]
    assert why in found.findings[0].zh


def test_a_duty_may_not_merely_be_listed(edit: Edit) -> None:
    listed = '  "1": {why: repeats, reason: {zh: 重复, en: Repeats}}\n'
    loaded = edit(
        ('  search: {use: search, basis: ["1"]}', "  search: {use: search}"),
        ('    basis: ["1"]\n', ""),
        ("listed:\n", f"listed:\n{listed}"),
    )
    assert codes(table(loaded)) == ["not_listable"]


def test_a_clause_is_not_both_encoded_and_listed(edit: Edit) -> None:
    loaded = edit(
        ("    by: police\n", "    by: police\n    note: {zh: 注, en: Note}\n"), ('basis: ["1"]}', 'basis: ["1", "4"]}')
    )
    assert codes(table(loaded)) == ["listed_and_encoded"]


def test_a_ban_needs_a_prohibition_or_a_requirement_that_names_one(edit: Edit) -> None:
    assert table(edit((BAN, "closings"))).is_green
    loaded = edit(
        ('            prohibition: no_buyer_family\n            basis: ["3"]\n            provenance: printed\n', ""),
        (
            "prohibitions:\n  no_buyer_family:\n    title: {zh: 不得由收买家庭抚养, en: Never with the buyer family}\n",
            "",
        ),
        ("closings:", '    basis: ["1", "3"]\nclosings:'),
        ('    basis: ["1"]\n', ""),
    )
    assert codes(table(loaded)) == ["prohibition_not_encoded"]


def test_a_precondition_needs_a_requirement_that_comes_from_the_clause(edit: Edit) -> None:
    loaded = edit((PRECONDITION, 'basis: ["2"]\n            provenance: deployer'))
    assert codes(table(loaded)) == ["precondition_not_encoded"]


def test_the_table_is_plain_data(edit: Edit) -> None:
    body = table(edit()).as_json()
    assert body["definition"] == "tiny@2020.1"
    assert body["counts"]["core"] == 4
    assert body["rows"][3]["listed"]["why"] == "goal"
