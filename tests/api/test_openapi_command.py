"""The description of the REST door lies in the repository as the command prints it."""

from __future__ import annotations

from typer.testing import CliRunner

from api.cli import app
from tests.house.tree import ROOT

HOW = "the REST door was changed: run `guitu openapi > docs/openapi.json`"


def test_the_file_is_what_the_command_prints() -> None:
    told = CliRunner().invoke(app, ["openapi"])
    assert told.exit_code == 0, told.output
    assert told.output == (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"), HOW
