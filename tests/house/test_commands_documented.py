"""Every command stands in docs/commands.md, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from api.cli import app
from engine.definitions.scenario import ACTS
from engine.errors import all_errors
from engine.service.story import COMMANDS
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    documented = re.findall(r"^\| `guitu ([a-z -]+)` \|", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(_commands(typer.main.get_command(app), ()))


def test_every_exit_code_of_an_error_is_documented() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert documented == {0, 1, 70} | {error.exit_code for error in all_errors()}


def test_every_act_of_a_story_is_documented_and_playable() -> None:
    listed = PAGE.split("A step does exactly one thing:")[1]
    assert set(ACTS) <= set(re.findall(r"`([a-z_]+)`", listed))
    assert set(COMMANDS) == set(ACTS) - {"review"}  # a review is played as one command for each flag


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path)
        return
    for name, inner in below.items():
        yield from _commands(inner, (*path, name))
