"""``guitu backup``: its words, its JSON and its exit codes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.api.conftest import POLICE, Guitu


def test_a_world_is_backed_up_verified_and_restored(guitu: Guitu, opened: Callable[..., str], tmp_path: Path) -> None:
    case, folder = opened(), str(tmp_path / "monday")
    made = guitu.json("backup", "create", folder)
    assert (made["cases"], made["kind"], made["keys_included"]) == (1, "sqlite", False)
    told = guitu.json("backup", "verify", folder)
    assert (told["ok"], told["restored"]) == (True, True)
    assert {line["name"] for line in told["checks"]} == {"manifest", "files", "data", "restored", "keys"}
    again = Guitu(tmp_path / "again")
    restored = again.json("backup", "restore", folder)
    assert (restored["digest"], restored["needs_upgrade"]) == (made["digest"], False)
    replay = ("case", "replay", case, *POLICE)
    assert again.json(*replay, code=10)["code"] == "keys_missing", "a backup without the keys opens nothing"
    shutil.copytree(guitu.home / "keys", again.home / "keys")
    again.run(*replay)
    assert again.json("backup", "restore", folder, code=6)["code"] == "backup_refused"


def test_the_words_remind_of_the_keys_in_both_languages(guitu: Guitu, tmp_path: Path) -> None:
    for language, reminder in (("en", "no key is in it"), ("zh", "密钥不在备份中")):
        said = guitu.run("backup", "create", str(tmp_path / language), language=language).stdout
        assert reminder in said
        assert str(guitu.home / "keys") in said
        said = guitu.run("backup", "verify", str(tmp_path / language), language=language).stdout
        assert {"en": "passed: restored", "zh": "通过：已恢复"}[language] in said
        again = Guitu(tmp_path / f"again-{language}")
        assert reminder in again.run("backup", "restore", str(tmp_path / language), language=language).stdout


def test_a_damaged_backup_has_an_exit_code_of_its_own(guitu: Guitu, tmp_path: Path) -> None:
    folder = tmp_path / "monday"
    guitu.run("backup", "create", str(folder))
    with (folder / "data").open("ab") as file:
        file.write(b"x")
    told = guitu.json("backup", "verify", str(folder), code=1)
    assert (told["ok"], told["restored"]) == (False, False)
    assert "FAILED" in guitu.run("backup", "verify", str(folder), code=1).stdout
    assert Guitu(tmp_path / "again").json("backup", "restore", str(folder), code=3)["code"] == "backup_broken"
    assert guitu.json("backup", "create", str(folder), code=6)["code"] == "backup_refused"
