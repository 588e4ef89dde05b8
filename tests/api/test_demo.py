"""The demo world: made in a folder of its own, made anew every time, and opened with the passphrase that lies in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.api.conftest import Guitu


def test_a_folder_that_is_no_demo_world_is_left_alone(guitu: Guitu, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine", encoding="utf-8")
    assert guitu.json("demo", "--folder", str(folder), code=2)["code"] == "command_malformed"
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_a_demo_of_one_story_tells_it_and_says_what_to_try(
    guitu: Guitu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "demo"
    for language, heading, refused in (("en", "═══ Summary", "refused"), ("zh", "═══ 小结", "未获准")):
        told = guitu.run("demo", "--folder", str(folder), "--story", "fujian_task_force", "--language", language).stdout
        assert heading in told
        assert refused in told
        assert f"guitu --home {folder} case show GT-" in told
        assert "二（二）1（2）" in told
    said = re.search(r"export GUITU_PASSPHRASE_FILE=(\S+)", told)
    assert said is not None
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", said.group(1))
    hint = re.search(r"guitu --home \S+ (case show .*)", told)
    assert hint is not None
    assert "GT-" in Guitu(folder).run(*hint.group(1).split()).stdout
    assert guitu.json("demo", "--folder", str(folder), "--story", "no_such", code=2)["code"] == "command_malformed"
