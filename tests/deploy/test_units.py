"""The systemd units: systemd itself reads them, and what they start is a command that there is."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
MOST_EXPOSED = 2.0
"""Of ten, as ``systemd-analyze security`` counts; a unit without any guard has 9.6."""


def read(unit: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(unit.read_text(encoding="utf-8"))
    return found


def test_there_is_a_unit_for_each_process() -> None:
    assert [unit.name for unit in UNITS] == ["guitu-api.service", "guitu-signer.service", "guitu-worker.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    words = unit.read_text(encoding="utf-8").replace("/opt/guitu/bin/guitu", "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"(?m)^(Wants|After)=.*$", "", words), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if unit.stem in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_shut_in(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--json=short", unit],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    weight = sum(float(one["exposure"] or 0) for one in json.loads(done.stdout))
    assert weight <= MOST_EXPOSED, [one["name"] for one in json.loads(done.stdout) if float(one["exposure"] or 0)]
    assert read(unit)["Service"]["User"] not in ("", "root")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_what_a_unit_starts_is_a_command_with_these_options(unit: Path) -> None:
    program, *words = read(unit)["Service"]["ExecStart"].split()
    assert program.endswith("/guitu")
    told = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    for option in (word for word in words if word.startswith("--")):
        assert option in told.output, f"{unit.name}: no {option}"


def test_no_secret_stands_in_a_unit_or_its_settings() -> None:
    for file in FOLDER.iterdir():
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"(?i)^[^#]*(password|secret|token)\s*=", line), file.name
            assert not re.search(r"//[^/@:]+:[^/@]+@", line), file.name


def test_signer_and_api_share_no_user() -> None:
    users = {unit.stem: read(unit)["Service"]["User"] for unit in UNITS}
    assert users["guitu-signer"] not in (users["guitu-api"], users["guitu-worker"])
