"""The sheet of who may do what: what is checked in is what the policies make, and it says what they decide."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from shutil import copytree

import pytest
from typer import Typer
from typer.testing import CliRunner

from api.access_matrix_command import matrix
from api.world import World
from engine.access.matrix import FILE, HEAD
from engine.access.model import ROLES
from engine.service import access_matrix
from tests.house.tree import ROOT

POLICIES = ROOT / "policies"


@pytest.fixture(scope="module")
def checked_in() -> str:
    """Give the sheet that is checked in."""
    return (POLICIES / FILE).read_text(encoding="utf-8-sig")


def test_the_matrix_that_is_checked_in_is_what_the_policies_make(checked_in: str) -> None:
    assert checked_in == access_matrix.drawn(), "run `guitu access matrix --write`, and read the changes"
    lines = list(csv.reader(io.StringIO(checked_in)))
    assert tuple(lines[0]) == HEAD
    assert len(lines) > 500
    assert {len(line) for line in lines} == {5 + len(ROLES)}
    cells = [cell for line in lines[1:] for cell in line[5:]]
    assert {cell.partition(":")[0] for cell in cells} == {"yes", "no", "-"}


def test_a_changed_policy_shows_as_a_changed_line(tmp_path: Path, checked_in: str) -> None:
    folder = tmp_path / "policies"
    copytree(POLICIES, folder, ignore=lambda _, names: [name for name in names if name.startswith("__")])
    notices = folder / "60-emergency" / "notices.cedar"
    text = notices.read_text(encoding="utf-8")
    notices.write_text(text.replace(', Role::"custodian"', ""), encoding="utf-8")
    assert access_matrix.write(folder) == folder / FILE
    written = (folder / FILE).read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    changed = set(written.decode("utf-8-sig").splitlines()) ^ set(checked_in.splitlines())
    assert {line.partition(",")[0] for line in changed} == {"read_notices"}


@pytest.mark.parametrize(("made", "code"), [("", 0), ("x,y\n", 1)])
def test_the_command_prints_the_matrix_and_says_whether_it_is_current(
    monkeypatch: pytest.MonkeyPatch, checked_in: str, made: str, code: int
) -> None:
    monkeypatch.setattr(access_matrix, "drawn", lambda _folder=None: made or checked_in)
    app = Typer()
    app.command()(matrix)
    assert CliRunner().invoke(app, [], obj=World()).stdout == (made or checked_in)
    assert CliRunner().invoke(app, ["--check"], obj=World()).exit_code == code
