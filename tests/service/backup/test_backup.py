"""A backup of either database holds one moment whole, never a key, and comes back as it was."""

from __future__ import annotations

import json
import stat
import threading
import time

import pytest

from engine.core import commands as cmd
from engine.errors import BackupRefused
from engine.service import backup
from engine.service.desk import Desk
from engine.service.trial import mark_trial
from engine.store import migrate
from tests.core.play import START
from tests.service.backup.worlds import NOW, SECRET, WELL, World, seal_anew
from tests.service.desks import POLICE, ask, opened, play_desk
from tests.service.inspection import as_owner, check_whole, everything, sqlite_path


def test_a_backup_verifies_and_a_restored_world_opens_with_every_case_equal(world: World) -> None:
    before = everything(world.database)
    made = world.create()
    assert (made.cases, made.events) == (4, len(before["case_event"]))
    assert world.verify() == WELL
    fresh, place = world.elsewhere()
    assert backup.restore(place, world.folder) == made
    assert not backup.needs_upgrade(made)
    with play_desk(fresh.app_url, 900, since=START, known=True) as desk:
        assert check_whole(desk, fresh) == before
        # The restored world goes on: rights, triggers and counters came along.
        desk.clock.at = NOW  # type: ignore[attr-defined]
        ask(desk, cmd.Move(case=opened(desk), track="rescue", move="note_it"))
        ask(desk, cmd.Contribute(case="GT-0004", track="rescue", note="seen"))
        check_whole(desk, fresh)
    with pytest.raises(Exception, match="append-only"):
        as_owner(fresh, "DELETE FROM case_event")
    was, now = (one.home / "attachments" / "ab" / "ab12" for one in (world.place, place))
    assert was.read_bytes() == now.read_bytes()


def test_no_key_and_nothing_else_of_the_home_is_in_a_backup(world: World) -> None:
    made = world.create()
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(world.folder).as_posix() for path in files) == [
        "attachments/ab/ab12", "data", "manifest.json",
    ]  # fmt: skip
    assert set(made.files) == {"data", "attachments/ab/ab12"}
    assert not any(SECRET in path.read_bytes() for path in files)


def test_only_its_owner_may_read_a_backup_or_what_was_restored(world: World) -> None:
    world.create()
    _, place = world.elsewhere()
    backup.restore(place, world.folder)
    for root in (world.folder, place.home / "attachments", place.home / "guitu.db"):
        for path in [path for path in (root, *root.rglob("*")) if path.exists()]:
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_backup_holds_one_moment_while_another_thread_writes(worked_at: tuple[World, Desk]) -> None:
    world, desk = worked_at
    ended, written = threading.Event(), []

    def write() -> None:
        while not ended.is_set():
            written.append(opened(desk))
            ask(desk, cmd.Contribute(case=written[-1], track="rescue", note="seen" * 500), POLICE)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(written) < 5:
            time.sleep(0.01)
        made = world.create()
        since = len(written)
    finally:
        ended.set()
        thread.join()
    assert 4 + 5 <= made.cases + 1 <= 4 + since + 1
    assert world.verify() == WELL
    fresh, place = world.elsewhere()
    backup.restore(place, world.folder)
    with play_desk(fresh.app_url, 900, known=True) as restored:
        found = check_whole(restored, fresh)
    assert (len(found["case_record"]), len(found["case_event"])) == (made.cases, made.events)
    after = {(row["case_id"], row["number"]): row for row in everything(world.database)["case_event"]}
    assert all(after[row["case_id"], row["number"]] == row for row in found["case_event"])


def test_the_manifest_is_readable_by_people_and_programs(world: World) -> None:
    made = world.create()
    told = json.loads((world.folder / "manifest.json").read_text(encoding="utf-8"))
    assert (told["format"], told["version"], told["kind"]) == ("guitu-backup", 1, world.database.kind)
    assert (told["made_at"], told["digest"]) == ("2026-03-02T01:00:00Z", made.digest)
    assert told["files"]["data"]["size"] == (world.folder / "data").stat().st_size


def test_a_backup_is_restored_into_nothing_but_an_empty_world(world: World) -> None:
    world.create()
    taken = world.place
    with pytest.raises(BackupRefused):  # the world it was made of
        backup.restore(taken, world.folder)
    _, place = world.elsewhere("with notes")
    (place.home / "notes").write_text("mine")
    with pytest.raises(BackupRefused):
        backup.restore(place, world.folder)
    _, place = world.elsewhere("with attachments")
    (place.home / "attachments").mkdir()
    (place.home / "attachments" / "ab12").write_bytes(b"x")
    with pytest.raises(BackupRefused):
        backup.restore(place, world.folder)
    home = world.elsewhere("with a database")[1].home
    with pytest.raises(BackupRefused):
        backup.restore(backup.Place(home, taken.url, taken.tools), world.folder)
    assert [path.name for path in home.iterdir()] == ["keys"]
    other = "postgresql://guitu_owner@127.0.0.1:1/none" if world.database.kind == "sqlite" else f"sqlite:///{home}/g.db"
    with pytest.raises(BackupRefused):
        backup.restore(backup.Place(home, other, taken.tools), world.folder)
    assert len(everything(world.database)["case_record"]) == 4


def test_a_database_that_appears_meanwhile_is_not_written_over(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.create()
    fresh, place = embedded.elsewhere()
    compare = backup._compare

    def appear(*given: object) -> None:
        sqlite_path(fresh).write_text("somebody else's")
        compare(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_compare", appear)
    with pytest.raises(BackupRefused):
        backup.restore(place, embedded.folder)
    assert sqlite_path(fresh).read_text() == "somebody else's"
    assert sorted(path.name for path in place.home.iterdir()) == ["guitu.db", "keys"]


def test_a_newer_schema_is_refused_and_an_older_one_asks_for_the_upgrade(world: World) -> None:
    old, home = world.elsewhere("of the release before")  # it has no case: with one it could not be upgraded
    migrate.upgrade(old.owner_url, "0002_release")
    made = backup.create(home, world.folder, NOW)
    assert made.schema == "0002_release"
    assert world.verify() == WELL
    fresh, place = world.elsewhere()
    assert backup.needs_upgrade(backup.restore(place, world.folder))
    migrate.upgrade(fresh.owner_url)
    mark_trial(fresh.owner_url)
    with play_desk(fresh.app_url, 900) as desk:
        assert opened(desk)
    seal_anew(world.folder, schema="9999_tomorrow")
    with pytest.raises(BackupRefused, match="newer"):
        backup.restore(world.elsewhere("another")[1], world.folder)
    assert world.verify()["restored"] == "bad"
