"""What other programs do for PostgreSQL: they are told no secret, are refused when too old, and are believed little."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import BackupRefused, StoreUnavailable
from engine.service import backup
from tests.service.backup.worlds import NOW, WELL, World, seal_anew, stand_in, states
from tests.service.inspection import everything


def test_no_secret_is_in_the_arguments_of_the_programs(dumped: World, tmp_path: Path) -> None:
    tools, seen = dumped.place.tools, tmp_path / "seen"
    seen.mkdir()
    for name in ("pg_dump", "pg_restore"):
        script = f'printf "%s\\n" "$@" >> {seen}/arguments\nenv >> {seen}/environment\nexec {tools}/{name} "$@"'
        stand_in(tmp_path / "tools", name, script)
    dumped.place = backup.Place(dumped.place.home, dumped.place.url, tmp_path / "tools")
    dumped.create()
    assert dumped.verify() == WELL
    backup.restore(dumped.elsewhere()[1], dumped.folder)
    password = dumped.place.url.split(":")[2].split("@")[0]
    assert len(password) == 32
    arguments = (seen / "arguments").read_text()
    assert password not in arguments
    assert "guitu_owner" not in arguments
    assert f"PGPASSWORD={password}" in (seen / "environment").read_text()
    assert "--snapshot=" in arguments
    assert "--single-transaction" in arguments


def test_a_program_that_is_missing_or_too_old_is_told(dumped: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    old = stand_in(tmp_path / "old", "pg_dump", "echo 'pg_dump (PostgreSQL) 15.2'")
    stand_in(old, "pg_restore", "echo 'pg_restore (PostgreSQL) 15.2'")
    for tools, told in ((tmp_path / "empty", "not found"), (old, "older")):
        with pytest.raises(BackupRefused, match=told):
            backup.create(backup.Place(dumped.place.home, dumped.place.url, tools), dumped.folder, NOW)
        assert dumped.left_behind() == []
    dumped.create()
    for tools in (tmp_path / "empty", old):
        lines = backup.verify(dumped.folder, tools)
        assert states(lines)["data"] == "bad"
        assert not backup.passed(lines), "what could not be checked is no pass"
        with pytest.raises(BackupRefused):
            backup.restore(backup.Place(dumped.root / "new", dumped.empty().owner_url, tools), dumped.folder)


def test_a_program_that_fails_leaves_nothing_and_its_words_are_not_passed_on(dumped: World, tmp_path: Path) -> None:
    fails = 'case "$1" in --version) echo "pg_dump (PostgreSQL) 18.1";; *) echo "row: 张 secret" >&2; exit 1;; esac'
    tools = stand_in(tmp_path / "failing", "pg_dump", fails)
    with pytest.raises(StoreUnavailable) as caught:
        backup.create(backup.Place(dumped.place.home, dumped.place.url, tools), dumped.folder, NOW)
    assert "secret" not in repr((caught.value.en, caught.value.zh, caught.value.details))
    assert dumped.left_behind() == []


def test_the_role_of_the_desk_is_told_to_leave_it_to_the_owner(dumped: World) -> None:
    with pytest.raises(BackupRefused, match="owner"):
        backup.create(backup.Place(dumped.place.home, dumped.database.app_url, dumped.place.tools), dumped.folder, NOW)
    assert dumped.left_behind() == []
    dumped.create()
    fresh, place = dumped.elsewhere()
    with pytest.raises(BackupRefused, match="owner"):
        backup.restore(backup.Place(place.home, fresh.app_url, place.tools), dumped.folder)
    assert [path.name for path in place.home.iterdir()] == ["keys"]


def test_a_dump_that_was_not_restored_says_so(dumped: World) -> None:
    dumped.create()
    lines = backup.verify(dumped.folder, dumped.place.tools)
    assert states(lines) == {**WELL, "restored": "left"}
    assert (backup.passed(lines), backup.is_restorable(lines)) == (True, False)


def test_a_scratch_database_is_emptied_again_and_one_in_use_is_never_touched(dumped: World) -> None:
    dumped.create()
    scratch = dumped.empty().owner_url
    for _ in range(2):
        assert dumped.verify(scratch=scratch) == WELL
    before = everything(dumped.database)
    assert dumped.verify(scratch=dumped.place.url)["restored"] == "bad"
    assert everything(dumped.database) == before


def test_a_role_that_holds_grants_must_be_there(dumped: World) -> None:
    made = dumped.create()
    assert made.roles == ("guitu_app",)
    seal_anew(dumped.folder, roles=("nobody_here",))
    with pytest.raises(BackupRefused, match="nobody_here"):
        backup.restore(dumped.elsewhere()[1], dumped.folder)
