"""The demo ends by serving its world: every call of the script it leaves behind is made, and answers as it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api import demo_calls, demo_people, demo_serving
from engine.access.model import ROLES
from tests.house.tree import ROOT

LONGEST = 240.0
"""Seconds in which anything here must have happened."""
_EXPECTED = re.compile(r"-> ([0-9]{3})(?: ([a-z_]+))?")
_ANSWERED = re.compile(r"(.*)\n-> ([0-9]{3})\n")
_CODE = re.compile(r'"code":"([a-z_]+)","instance"')


@contextmanager
def served_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Play one short story into this folder and serve the world, until the block ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GUITU_")}
    words = ["--folder", str(folder), "--story", "tianjin_disproved", "--language", "en", "--serve", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from api.cli import main; main()", "demo", *words], cwd=ROOT, env=environment,
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def expected(script: str) -> list[tuple[str, str]]:
    """Status and code of the error that the comments of a script tell, in their order."""
    told = "\n".join(line for line in demo_calls.calls(script).splitlines() if line.startswith("#"))
    return _EXPECTED.findall(told)


def answered(script: Path) -> list[tuple[str, str]]:
    """Status and code of the error of every answer, as the script gets them."""
    done = subprocess.run(
        ["sh", str(script)], capture_output=True, text=True, check=False, timeout=LONGEST, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = []
    for body, status in _ANSWERED.findall(done.stdout):
        code = _CODE.search(body)
        found.append((status, code[1] if code else ""))
    return found


def test_every_call_of_the_script_answers_as_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    with served_demo(folder) as process:
        assert process.stdout is not None
        said = ""
        while not said.endswith("until Ctrl-C\n"):
            line = process.stdout.readline()
            assert line, said
            said += line
        script = folder / demo_calls.NAME
        text = script.read_text(encoding="utf-8")
        assert demo_calls.calls(text) in said, "what is printed is what the script does"
        assert "@" not in re.sub(r"\$@", "", text), "every place for a sign-in is filled"
        assert len(expected(text)) == sum(line.startswith(("ask ", "sign_in c", "sign_in r", "sign_in j"))
                                          for line in text.splitlines())  # fmt: skip
        assert answered(script) == expected(text)
        again = tmp_path / "again.sh"
        again.write_text(text[: text.index("\n# 2. ")], encoding="utf-8")
        assert answered(again) == expected(text)[:1], "the sign-in was kept: the ticket is not asked for again"
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 0
    assert script.stat().st_mode & 0o077 == 0, "it holds what signs people in"


def test_one_person_of_each_role_may_sign_in() -> None:
    assert sorted(role for *_, role in (demo_people.FIRST, *demo_people.CAST, demo_people.SERVICE)
                  if role != "caseworker") == sorted(set(ROLES) - {"caseworker"})  # fmt: skip


def test_a_port_that_is_taken_is_passed_over() -> None:
    with demo_serving.listening(0) as first:
        taken = first.getsockname()[1]
        with demo_serving.listening(taken) as second:
            assert second.getsockname()[1] != taken


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_script_asks_for_answers_in_the_language_of_the_demo(language: str, tmp_path: Path) -> None:
    text = demo_calls.script([], tmp_path, "http://127.0.0.1:1", language)
    assert f"Accept-Language: {'zh-Hans' if language == 'zh' else 'en'}'" in text
