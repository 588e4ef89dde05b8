"""Decisions are the same in another build of Cedar: WebAssembly under Node, from the same texts, entities and requests.

It is installed from the lock beside it into the cache of pytest, once; where it cannot be, the test fails and says so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.access.gate import SCHEMA, Gate
from engine.access.model import ROLES, Verdict
from engine.access.standings import Situation, kinds
from engine.access.subjects import context, entities, person_uid, subject_uid
from tests import npm
from tests.access.policy_tables import gate, tables
from tests.access.test_invariants import drawn
from tests.access.test_mutation import some
from tests.house.tree import ROOT

HERE = Path(__file__).parent / "second_cedar"
FILES = ("package.json", "package-lock.json", "run.mjs")
LONGEST = 240
"""Seconds that deciding may take."""

Batch = tuple[Situation, str, tuple[str, ...]]


@pytest.fixture(scope="module")
def second(request: pytest.FixtureRequest) -> Path:
    """Give the folder in which the second build of Cedar is installed."""
    return npm.installed(request.config, HERE, FILES)


def asked() -> Iterator[Batch]:
    """What both are asked: situations of every row of the tables, and every action in situations by chance."""
    for row in tables():
        for one, kind, action in some(row, 1):
            yield one, kind, (action,)
    random = Random(31)
    for kind, actions in kinds(gate()).items():
        for _ in range(45 if kind == "Case" else 25):
            yield drawn(random, kind), kind, actions


def stated(one: Situation, kind: str, actions: tuple[str, ...]) -> dict[str, Any]:
    """A batch as Cedar takes it."""
    who, on = one.who(), one.about(kind, gate().classes)
    classes = gate().classes if kind == "Case" else ()  # who reads a class is by far the largest, and matters there
    return {
        "entities": entities(who, on, gate().words.enums["Purpose"], classes),
        "principal": person_uid(who), "resource": subject_uid(on), "context": context(one.given()),
        "actions": list(actions),
    }  # fmt: skip


def decided(place: Path, by: Gate, batches: list[Batch]) -> tuple[str, list[list[Verdict]]]:
    """The version of the second build, and what it decides under the policies of a gate; one process for all."""
    given = {
        "policies": {one.id: one.text for one in by.policies},
        "schema": (ROOT / "policies" / SCHEMA).read_text(encoding="utf-8"),
        "asked": [stated(*batch) for batch in batches],
    }
    done = subprocess.run(
        [npm.NODE / "bin" / "node", "run.mjs"], cwd=place, input=json.dumps(given), capture_output=True, text=True,
        timeout=LONGEST, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    verdicts = [
        [Verdict(one["allowed"], tuple(one["policies"]), str(one["errors"]) if one["errors"] else None) for one in line]
        for line in found["answers"]
    ]
    return found["version"], verdicts


def test_another_build_of_cedar_decides_the_same_by_the_same_policies(second: Path) -> None:
    batches = list(asked())
    version, theirs = decided(second, gate(), batches)
    assert version.split(".")[0] == "4"
    decisions = allowed = 0
    for (one, kind, actions), line in zip(batches, theirs, strict=True):
        ours = gate().judged(one.who(), actions, one.about(kind, gate().classes), one.given())
        assert dict(zip(actions, line, strict=True)) == ours, (one, kind)
        decisions, allowed = decisions + len(line), allowed + sum(verdict.allowed for verdict in line)
    assert decisions > 3_000
    assert decisions / 20 < allowed < decisions / 2
    named = {policy for line in theirs for verdict in line for policy in verdict.policies}
    assert named == {one.id for one in gate().policies}


def test_the_comparison_notices_a_policy_that_is_missing(second: Path) -> None:
    batches: list[Batch] = [(Situation(role), "Case", ("see_case",)) for role in ROLES]
    _version, theirs = decided(second, gate().without("see-while-taking-part"), batches)
    ours = [gate().judged(one.who(), actions, one.about(kind, ()), one.given()) for one, kind, actions in batches]
    differ = {role for role, line, said in zip(ROLES, theirs, ours, strict=True) if line[0] != said["see_case"]}
    assert differ == {"caseworker", "unit_supervisor", "service"}


def test_the_lock_names_no_registry_and_pins_one_package() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/@cedar-policy/cedar-wasm"}
    for one in packages.values():
        assert one["integrity"].startswith("sha512-")
        assert "resolved" not in one
        assert "hasInstallScript" not in one
