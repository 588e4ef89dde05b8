"""The policies can be used: what they say of themselves, the words they use, and that nothing amiss is opened."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import yaml

from engine.access.gate import SCHEMA, Gate
from engine.access.model import PARTS, ROLES, CaseFile, Circumstances
from engine.access.policy_text import NEVER
from engine.access.subjects import Installation, Subject, type_of
from engine.core.commands import COMMANDS
from engine.definitions.finding import Findings
from engine.definitions.inventory import read_inventories
from engine.errors import PoliciesBroken
from engine.ledger.event import PURPOSES
from tests.access.standing import case, person
from tests.house.tree import ROOT

FOLDER = ROOT / "policies"
DOCUMENTS = {"F": "fujian-2021", "D": "dehong-2022", "L": "lincang-2023", "T": "tianjin-2014", "A": "anshan-2024"}
ACTS = {
    "see_case", "read_timeline", "list_cases", "search_identity", "count_cases", "list_stalled", "explain_access",
    "request_identity", "approve_identity", "reveal_identity", "break_glass", "review_glass", "request_erasure",
    "approve_erasure", "erase_case", "put_hold", "request_hold_release", "approve_hold_release", "release_hold",
    "read_attachment", "manage_people", "list_people", "manage_sign_in", "stop_recovery", "manage_tokens",
    "manage_webhooks", "manage_directory", "read_directory",
    "set_parameter", "read_parameters", "manage_approvers", "approve_definition", "release_definition",
    "read_definitions",
    "read_ledger", "manage_auditors", "manage_signer", "manage_keys", "make_backup", "read_notices",
    "report_lead", "read_receipt", "see_lead", "see_lead_names", "accept_lead", "pass_lead", "close_lead",
    "reward_lead", "list_leads", "list_petitions", "share_data", "list_shares", "read_shared",
}  # fmt: skip
GOOD = """@id("look")
@title("看")
@title_en("Look")
@source("deployer")
@provenance("deployer")
@since("2026-11-22")
permit (principal, action == Action::"see_case", resource) when { resource.ever.contains(principal.unit) };
"""


@cache
def gate() -> Gate:
    """The policies that ship."""
    return Gate.opened()


def of(text: str, name: str = "10-need-to-know/one.cedar") -> Gate:
    """A gate of one file under the shipped schema."""
    return Gate.of({name: text}, (FOLDER / SCHEMA).read_text(encoding="utf-8"))


def classes() -> list[str]:
    return list(yaml.safe_load((FOLDER / "field_classes.yaml").read_text(encoding="utf-8"))["classes"])


# ── what ships ──


def test_the_words_of_the_schema_are_those_of_the_house() -> None:
    words = gate().words
    assert set(words.enums["Role"]) == set(ROLES)
    assert set(words.enums["Purpose"]) == set(PURPOSES)
    assert sorted(gate().classes) == sorted(classes())
    text = (FOLDER / SCHEMA).read_text(encoding="utf-8")
    parts = re.search(r"type Parts = \{(.*?)\};", text, re.DOTALL)
    readers = re.search(r"entity Readers = \{(.*?)\};", text, re.DOTALL)
    assert parts is not None
    assert readers is not None
    assert re.findall(r"(\w+):", parts[1]) == list(PARTS)
    assert re.findall(r"(\w+):", readers[1]) == classes()


def test_there_is_one_action_for_every_class_command_and_act_and_no_other() -> None:
    disclosing = {f"disclose_{name}" for name in classes()}
    assert gate().words.groups["disclose"] == disclosing
    assert gate().words.groups["command"] == set(COMMANDS)
    assert gate().actions == disclosing | set(COMMANDS) | ACTS


def test_every_kind_of_subject_is_a_type_of_the_schema_and_the_other_way_round() -> None:
    kinds = {"Case" if kind is CaseFile else kind.__name__ for kind in get_args(Subject)}
    assert {one for types in gate().words.actions.values() for one in types} == kinds


def test_every_action_is_permitted_by_some_policy() -> None:
    permitted = {action for one in gate().policies if one.effect == "permit" for action in one.actions}
    assert gate().actions - permitted == set()


def test_every_class_has_a_policy_of_its_own() -> None:
    for name in classes():
        mine = [one for one in gate().policies if one.actions == {f"disclose_{name}"} and one.effect == "permit"]
        assert [one.id for one in mine] == [f"need-{name.replace('_', '-')}"]
        assert f"resource.readers.{name}.contains(principal.unit)" in mine[0].text


def test_what_forbids_stands_in_its_chapter_and_nothing_else_does() -> None:
    effects = Counter((one.chapter == NEVER, one.effect) for one in gate().policies)
    assert set(effects) == {(True, "forbid"), (False, "permit")}


def test_every_clause_that_is_cited_stands_in_our_inventory() -> None:
    inventories = read_inventories(ROOT / "workflows/clauses", Findings())
    known = {f"{sign}:{row.clause}" for sign, name in DOCUMENTS.items() for row in inventories[name].rows}
    cited = {clause for one in gate().policies for clause in one.clauses}
    assert cited - known == set()
    assert len(cited) > 10


def test_no_policy_is_said_to_be_printed_without_a_clause() -> None:
    assert [one.id for one in gate().policies if (one.provenance == "deployer") == bool(one.clauses)] == []


def test_functions_that_policies_name_are_functions() -> None:
    functions = yaml.safe_load((ROOT / "workflows/functions.yaml").read_text(encoding="utf-8"))["functions"]
    named = {word for one in gate().policies for word in re.findall(r'functions\.contains\("(\w+)"\)', one.text)}
    assert named
    assert named <= set(functions)


def test_the_hash_is_that_of_the_files_and_can_be_computed_without_the_engine() -> None:
    files = sorted([*FOLDER.glob("*/*.cedar"), FOLDER / SCHEMA], key=lambda one: one.relative_to(FOLDER).as_posix())
    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.relative_to(FOLDER).as_posix()}\n" for one in files]
    assert gate().hash == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert of(GOOD).hash != of(GOOD + "// more\n").hash


def test_a_policy_is_shown_with_its_own_text_and_place() -> None:
    for one in gate().policies:
        name, line = one.place.rsplit(":", 1)
        assert (FOLDER / name).read_text(encoding="utf-8").splitlines()[int(line) - 1] == one.text.splitlines()[0]
        assert one.text.endswith(";")
        assert one.text.count("@id(") == 1


# ── what does not get past opening ──


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ever.contains", "evr.contains", "evr"),
        ('"see_case"', '"see_cases"', "see_cases"),
        ("resource.ever.contains(principal.unit)", 'principal.role == Role::"caseworkr"', "caseworkr"),
        ("resource.ever.contains(principal.unit)", 'principal.unit == Role::"reader"', "Role"),
        ('@title("看")\n', "", "has no @title"),
        ('@title_en("Look")', '@title_en(" ")', "has no @title_en"),
        ('@id("look")\n', "", "has no @id"),
        ('@id("look")', '@id("Look_1")', "kebab-case"),
        ('@since("2026-11-22")', '@since("today")', "not a date"),
        ('@provenance("deployer")', '@provenance("law")', "none of"),
        ('@provenance("deployer")', '@provenance("printed")', "local setting"),
        ('@source("deployer")', '@source("D:六")', "local setting"),
        ('@source("deployer")\n@provenance("deployer")', '@source("Article 6")\n@provenance("printed")', "clause"),
        ('@since("2026-11-22")', '@since("2026-11-22")\n@note("x")', "no annotation @note"),
        ("permit (", "forbid (", "90-never"),
        ("principal, action", "principal == ?principal, action", "slots"),
        ("};\n", "}\n", "no Cedar policy"),
        ("when {", "when ", "no Cedar policy"),
    ],
)
def test_a_policy_with_a_fault_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(PoliciesBroken, match=r"10-need-to-know/one\.cedar:1: ") as caught:
        of(text)
    assert said in caught.value.en


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(PoliciesBroken) as caught:
        of(GOOD.replace("ever.", "evr.").replace('"look"', '"Look"') + GOOD.replace("@since", "@sinse"))
    assert caught.value.details["places"] == ["10-need-to-know/one.cedar:1"] * 2 + ["10-need-to-know/one.cedar:8"] * 2


def test_a_second_policy_of_one_name_is_refused() -> None:
    with pytest.raises(PoliciesBroken, match=r"one\.cedar:8: a second policy look"):
        of(GOOD + GOOD)


@pytest.mark.parametrize("name", ["one.cedar", "need/one.cedar", "10-need-to-know/more/one.cedar"])
def test_a_file_outside_the_chapters_is_refused(name: str) -> None:
    with pytest.raises(PoliciesBroken, match=name):
        of(GOOD, name)


def test_a_permit_among_what_is_forbidden_is_refused() -> None:
    with pytest.raises(PoliciesBroken, match="nothing else does"):
        of(GOOD, f"{NEVER}/one.cedar")


def test_a_folder_without_policies_opens_no_gate(tmp_path: Path) -> None:
    with pytest.raises(PoliciesBroken):
        Gate.opened(tmp_path)
    (tmp_path / SCHEMA).write_text((FOLDER / SCHEMA).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(PoliciesBroken, match="no policies"):
        Gate.opened(tmp_path)
    (tmp_path / SCHEMA).write_text("entity Role enum [", encoding="utf-8")
    with pytest.raises(PoliciesBroken, match=SCHEMA):
        Gate.opened(tmp_path)


# ── faults while deciding ──

OVERFLOWS = "context.approver_count + 9223372036854775807 > 0"


def test_a_policy_that_cannot_be_evaluated_denies() -> None:
    one = of(GOOD.replace("resource.ever.contains(principal.unit)", OVERFLOWS))
    assert one.decide(person(), "see_case", case()).policies == ("look",)
    verdict = one.decide(person(), "see_case", case(), Circumstances(approvers=frozenset(("custodian-1",))))
    assert (verdict.allowed, verdict.policies) == (False, ())
    assert "overflow" in str(verdict.fault)


def test_a_forbid_that_cannot_be_evaluated_denies_though_something_permits() -> None:
    never = GOOD.replace("permit (", "forbid (").replace('"look"', '"never"')
    never = never.replace("resource.ever.contains(principal.unit)", f"!({OVERFLOWS})")
    schema = (FOLDER / SCHEMA).read_text(encoding="utf-8")
    both = Gate.of({"10-need-to-know/one.cedar": GOOD, f"{NEVER}/two.cedar": never}, schema)
    hers = case(ever="unit-1")
    assert both.decide(person(), "see_case", hers).allowed
    verdict = both.decide(person(), "see_case", hers, Circumstances(approvers=frozenset(("custodian-1",))))
    assert (verdict.allowed, verdict.policies) == (False, ())
    assert "overflow" in str(verdict.fault)


@pytest.mark.parametrize(
    ("action", "on"),
    [("see_cases", case()), ("see_case", Installation()), ("manage_people", case()), ("content", case())],
)
def test_an_action_that_is_not_asked_of_such_a_thing_is_a_fault(action: str, on: Subject) -> None:
    verdict = gate().decide(person(), action, on)
    assert not verdict.allowed
    assert verdict.fault == f"no action {action} on {type_of(on)}"


def test_a_role_that_is_none_is_a_fault_and_a_purpose_that_is_none_is_not_stated() -> None:
    hers = case(responsible="unit-1")
    assert gate().decide(person("chief"), "see_case", hers).fault is not None  # type: ignore[arg-type]
    assert gate().decide(person(purpose="curiosity"), "see_case", hers).policies == (
        "only-for-handling",
        "purpose-is-stated",
    )


# ── what a decision rests on ──


def test_the_few_policies_of_an_action_decide_as_all_of_them_do() -> None:
    everything = tuple(sorted(gate().actions))
    hers, offered = case({"dna": "unit-1"}, responsible="unit-1", ever="unit-1"), case(receiving="unit-1")
    for role in ROLES:
        for on in (hers, offered if role == "caseworker" else Installation()):
            asked = [action for action in everything if type_of(on) in gate().words.actions[action]]
            together = gate().judged(person(role), asked, on)
            assert together == {action: gate().decide(person(role), action, on) for action in asked}


def test_a_gate_without_a_policy_lacks_that_one_only() -> None:
    names = {one.id for one in gate().policies}
    for one in ("see-while-taking-part", "dna-stays-with-police"):
        assert {policy.id for policy in gate().without(one).policies} == names - {one}
    with pytest.raises(KeyError):
        gate().without("no-such-policy")
