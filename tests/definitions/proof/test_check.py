"""The whole check: names in the file of invariants, progress, plain data; and what ships is proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.definitions.finding import Findings
from engine.definitions.loader import Library, load_all, shipped_root
from engine.definitions.proof.naming import read_invariants
from engine.definitions.proof.prove import Result, prove_all
from engine.definitions.proof.run import Looking, proofs
from engine.definitions.proof.soundness import soundness
from engine.errors import DefinitionBroken
from engine.service import definitions as books

NAMES = ["anshan", "dehong", "fujian", "lincang", "tianjin"]
HEAD = """invariants:
  X:
    title: {zh: 规则, en: rule}
    printed: {zh: 原文, en: printed}
    statement:
"""
TAIL = """    mutants: []
    binds:
      tiny: {clauses: [x]}
"""


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_is_sound(name: str) -> None:
    found = soundness(load_all().get(name).definition)
    assert [(flaw.code, flaw.where, [line.en for line in flaw.path]) for flaw in found.flaws] == []


@pytest.mark.long  # `make check` proves the same, by the command that a user has
@pytest.mark.parametrize("name", NAMES)
def test_what_ships_keeps_every_invariant(name: str) -> None:
    findings = Findings()
    library = load_all()
    invariants = read_invariants(shipped_root(), library.definitions, findings)
    assert findings.sorted() == []
    results = list(prove_all(invariants, library.get(name).definition))
    red = [(one.invariant, one.status, one.said.en, [line.en for line in one.path]) for one in results]
    assert [line for line, one in zip(red, results, strict=True) if not one.is_green] == []
    assert results


def written(root: Path, *lines: str, tail: str = TAIL) -> Findings:
    (root / "invariants.yaml").write_text(
        HEAD + "".join(f"      - {line}\n" for line in lines) + tail, encoding="utf-8"
    )
    findings = Findings()
    read_invariants(root, load_all(root).definitions, findings)
    return findings


@pytest.mark.parametrize(
    "line",
    [
        "{entering: serch, steps: [found], only_if: {fact: victim.is_child, is: true}}",
        "{entering: search, steps: [fuond], only_if: {fact: victim.is_child, is: true}}",
        "{entering: search, steps: [found], only_if: {fact: victim.is_chlid, is: true}}",
        "{entering: search, steps: [found], only_if: {track: serch, reached: [found]}}",
        "{guarded: carrier, by: no_ban}",
        "{lost: [nowhere]}",
    ],
)
def test_an_unknown_name_is_a_finding_with_its_line(root: Path, line: str) -> None:
    found = written(root, line).sorted()
    assert found
    assert {one.code for one in found} == {"unknown_in_invariant"}
    assert {one.line for one in found} == {6}
    assert found[0].file.endswith("invariants.yaml")


def test_a_jurisdiction_that_is_nearly_one_is_a_finding(root: Path) -> None:
    [found] = written(root, "{units: deployer}", tail=TAIL.replace("tiny", "tinny")).sorted()
    assert (found.code, found.line) == ("unknown_jurisdiction", 9)
    assert "tiny" in found.right_en


def test_a_broken_file_is_a_finding(root: Path) -> None:
    assert [one.code for one in written(root, "{units: nobody}").sorted()][:1] == ["wrong_invariant"]
    assert [one.code for one in written(root, "{units: [").sorted()] == ["broken_yaml"]


def test_progress_goes_from_nothing_to_everything(root: Path) -> None:
    written(root, "{units: deployer}")
    library = load_all(root)
    steps = list(proofs(library, read_invariants(root, library.definitions, Findings())))
    looking = [step for step in steps if isinstance(step, Looking)]
    assert [step.done for step in looking] == list(range(looking[0].all))
    assert sum(isinstance(step, Result) for step in steps) == 1


def test_nothing_to_prove_is_proved() -> None:
    assert list(proofs(Library(), {})) == []


def test_what_is_not_proved_is_refused_with_its_counterexample(root: Path) -> None:
    written(root, "{units: deployer}")
    found = books.proved(root)
    assert not found.is_green
    with pytest.raises(DefinitionBroken) as broken:
        books.require_proved(found)
    assert broken.value.exit_code == 3
    said = books.failures(found, "en")
    assert any("X rule" in lines[0] for lines in said)
    data = found.as_json()
    assert data["totals"]["invariants"] == {"failed": 1}
    assert data["invariants"][0]["is_green"] is False
    assert data["soundness"][0]["definition"] == "tiny"
    assert books.proved(root, only="nobody").is_green
