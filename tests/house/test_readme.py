"""What the README tells a newcomer to type works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

READMES = ("README.md", "README.zh-CN.md")


def commands(readme: str) -> list[str]:
    """The lines of the README's code blocks, without their comments."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def run(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_both_readmes_tell_the_same_commands() -> None:
    assert commands(READMES[0]) == commands(READMES[1])


def test_every_make_target_that_is_told_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {line.split()[1] for line in commands(READMES[0]) if line.startswith("make ")}
    assert told
    assert told <= targets


def test_the_demo_and_the_first_look_work(tmp_path: Path) -> None:
    """``make demo`` itself, into a folder of the test's own, then every command the README shows next."""
    world = tmp_path / "world"
    done = run("make demo", DEMO_FOLDER=str(world))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    looks = [line for line in commands(READMES[0]) if "guitu" in line]
    assert looks
    for line in looks:
        done = run(line.replace("demo-world", str(world)))
        assert done.returncode == 0, f"{line}\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
        assert done.stdout.strip(), line


@pytest.mark.parametrize("readme", READMES)
def test_every_page_the_readme_links_exists(readme: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / readme).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
