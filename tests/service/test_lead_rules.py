"""The rules of leads and sharing that ship: every clause is one of ours, and no local setting looks like a rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.access.gate import Gate
from engine.definitions.finding import Findings
from engine.definitions.inventory import read_inventories
from engine.errors import DefinitionBroken
from engine.service.lead_rules import Basis, LeadRules, SharingRules, lead_rules, read_rules, sharing_rules
from tests.house.tree import ROOT

LEADS, SHARING = ROOT / "policies" / "leads.yaml", ROOT / "policies" / "sharing.yaml"


def cited() -> Iterator[Basis]:
    """Every row of both files."""
    rules = lead_rules()
    yield from (*rules.duties, *rules.passing, *rules.rewards, *rules.petitions, *sharing_rules().grounds.values())


def test_every_clause_stands_in_our_inventory_and_every_function_and_class_is_known() -> None:
    inventories = read_inventories(ROOT / "workflows" / "clauses", Findings())
    known = {(name, row.clause) for name, one in inventories.items() for row in one.rows}
    assert {(one.document, one.clause) for one in cited()} - known == set()
    functions = set(yaml.safe_load((ROOT / "workflows" / "functions.yaml").read_text(encoding="utf-8"))["functions"])
    grounds = sharing_rules().grounds.values()
    assert {name for one in grounds for name in one.between} | {lead_rules().first_turn} <= functions
    assert {name for one in grounds for name in one.classes} <= set(Gate.opened().classes)


def test_the_functions_of_a_ground_are_those_the_clause_prints() -> None:
    inventories = read_inventories(ROOT / "workflows" / "clauses", Findings())
    for one in sharing_rules().grounds.values():
        rows = [row for row in inventories[one.document].rows if row.clause == one.clause]
        printed = {unit.function for row in rows for unit in (*row.responsible, *row.cooperating)}
        assert set(one.between) <= printed, one
        assert bool(one.between) == bool(printed), one


def test_what_each_document_prints() -> None:
    rules = lead_rules()
    assert {one.document for one in rules.rewards} == {"dehong-2022", "lincang-2023", "anshan-2024"}
    assert {one.document for one in rules.petitions} == {"anshan-2024"}
    fujian = [one for one in rules.duties if one.document == "fujian-2021" and one.minors_only]
    assert [(one.clause, one.force, one.to.zh, one.when.zh) for one in fujian] == [
        ("二（一）5", "duty", "公安机关", "立即")
    ]  # fmt: skip
    assert {one.provenance for one in cited()} == {"printed", "reading"}, "nothing is switched on as it ships"


@pytest.mark.parametrize(
    ("change", "form"),
    [
        ({"rewards": [{"document": "x", "clause": "一", "provenance": "deployer"}]}, LeadRules),
        ({"rewards": [{"document": "x", "provenance": "printed"}]}, LeadRules),
        ({"provenance": "printed"}, LeadRules),
        ({"categories": {"school": {"zh": "学校", "en": "School"}}}, LeadRules),
        ({"urgencies": {"now": {"zh": "now", "en": "Now"}}}, LeadRules),
        ({"grounds": {"x": {"document": "x", "provenance": "deployer", "about": {"zh": "事", "en": "It"},
                            "between": [], "classes": ["identity"]}}}, SharingRules),
    ],
)  # fmt: skip
def test_a_file_that_mixes_them_up_is_refused(tmp_path: Path, change: dict[str, Any], form: Any) -> None:
    whole = yaml.safe_load((LEADS if form is LeadRules else SHARING).read_text(encoding="utf-8"))
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({**whole, **change}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(DefinitionBroken):
        read_rules(path, form)


def test_the_files_that_ship_are_read() -> None:
    assert read_rules(LEADS, LeadRules) == lead_rules()
    assert read_rules(SHARING, SharingRules) == sharing_rules()
