"""Imports go down only: the contracts of pyproject.toml hold, and a second reader agrees about the mind."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, imports, module_of, name_of, parse, sources

PURE_ROOMS = ("engine/core", "engine/ledger")
IMPURE = {
    "sqlmodel", "sqlalchemy", "fastapi", "starlette", "yaml", "structlog",
    "os", "pathlib", "time", "random", "secrets", "socket",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today"}


def test_every_contract_is_kept() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
        ],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [p for room in PURE_ROOMS for p in sources(room)], ids=name_of)
def test_the_mind_imports_nothing_impure_and_reads_no_clock(path: Path) -> None:
    tree = parse(path)
    impure = [f"{name} in line {line}" for name, line in imports(tree) if name.split(".")[0] in IMPURE]
    clocks = [
        f"{node.func.attr}() in line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert impure + clocks == []


def test_only_the_machine_imports_transitions_and_only_access_imports_cedarpy() -> None:
    users: dict[str, set[str]] = {"transitions": set(), "cedarpy": set()}
    for path in sources():
        for name, _ in imports(parse(path)):
            users.get(name.split(".")[0], set()).add(module_of(path))
    assert users["transitions"] <= {"engine.core.machine"}
    assert {module for module in users["cedarpy"] if not module.startswith("engine.access")} == set()


def test_a_room_that_exists_stands_in_the_floor_plan() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = next(contract for contract in contracts["contracts"] if contract["id"] == "floors")
    planned = {room.strip() for layer in floors["layers"] for room in layer.split("|")}
    rooms = {f"engine.{path.stem}" for path in (ROOT / "engine").iterdir() if path.suffix == ".py"}
    rooms |= {f"engine.{path.name}" for path in (ROOT / "engine").iterdir() if any(path.glob("*.py"))}
    assert rooms - {"engine.__init__"} - planned == set()
