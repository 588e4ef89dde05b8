"""A backup that is not as it was made is noticed and not restored; one that is not wanted there is not made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import BackupBroken, BackupRefused, StoreFull
from engine.service import backup, backup_folder
from engine.service.backup_folder import Note, noted, read_manifest
from engine.store.backup import refuse_unless_empty
from tests.conftest import Database
from tests.service.backup.worlds import NOW, WELL, World, rewrite, seal_anew, states
from tests.service.inspection import as_owner, everything

ROOT = Path(__file__).resolve().parents[3]


def _cut(folder: Path) -> None:
    data = (folder / "data").read_bytes()
    (folder / "data").write_bytes(data[: len(data) // 2])


def _flip(folder: Path, name: str = "data") -> None:
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)


def _cut_and_sealed(folder: Path) -> None:
    """What a page that was lost before it was hashed would look like."""
    _cut(folder)
    seal_anew(folder, files={**read_manifest(folder).files, "data": noted(folder / "data")})


def _name_a_key(folder: Path) -> None:
    seal_anew(folder, files={**read_manifest(folder).files, "keys/master": Note(0, "0" * 64)})


def _name_outside(folder: Path) -> None:
    files = {**read_manifest(folder).files, "attachments/../../escaped": Note(0, "0" * 64)}
    seal_anew(folder, files=files)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file is cut": (_cut, "files"),
    "a byte is flipped": (_flip, "files"),
    "a byte of an attachment is flipped": (lambda folder: _flip(folder, "attachments/ab/ab12"), "files"),
    "an attachment is missing": (lambda folder: (folder / "attachments" / "ab" / "ab12").unlink(), "files"),
    "the data is missing": (lambda folder: (folder / "data").unlink(), "files"),
    "a foreign file lies there": (lambda folder: (folder / "attachments" / "zz").write_bytes(b"x"), "files"),
    "a link lies there": (lambda folder: (folder / "attachments" / "zz").symlink_to("/etc/hostname"), "files"),
    "a file outside is named": (_name_outside, "files"),
    "a key is named": (_name_a_key, "manifest"),
    "no data is named": (lambda folder: seal_anew(folder, files={}), "manifest"),
    "the manifest is missing": (lambda folder: (folder / "manifest.json").unlink(), "manifest"),
    "the manifest is cut": (lambda folder: os.truncate(folder / "manifest.json", 200), "manifest"),
    "the manifest says otherwise": (lambda folder: rewrite(folder, cases=3), "manifest"),
    "the manifest is of another version": (lambda folder: rewrite(folder, version=2), "manifest"),
    "the manifest is of something else": (lambda folder: rewrite(folder, format="other"), "manifest"),
    "the file was cut before it was hashed": (_cut_and_sealed, "data"),
    "other counts are noted": (lambda folder: seal_anew(folder, cases=5), "restored"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_backup_does_not_verify_and_is_not_restored(world: World, name: str) -> None:
    damage, noticed_by = DAMAGES[name]
    world.create()
    damage(world.folder)
    scratch = None if world.database.kind == "sqlite" else world.empty().owner_url
    lines = backup.verify(world.folder, world.place.tools, scratch)
    assert not backup.passed(lines)
    assert not backup.is_restorable(lines)
    assert states(lines)[noticed_by] == "bad"
    assert states(lines)["restored"] == "bad"
    fresh, place = world.elsewhere()
    with pytest.raises((BackupBroken, BackupRefused)):
        backup.restore(place, world.folder)
    assert [path.name for path in place.home.iterdir()] == ["keys"]
    # Nothing half done: both databases are as empty as they were.
    for url in filter(None, (scratch, fresh.owner_url)):
        refuse_unless_empty(url)


def test_a_folder_that_is_no_backup_does_not_verify(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for folder in (tmp_path / "photos", tmp_path / "none"):
        assert states(backup.verify(folder)) == {"manifest": "bad", "restored": "bad", "keys": "left"}


def test_a_backup_is_put_neither_over_something_nor_among_keys_or_attachments(embedded: World) -> None:
    home = embedded.place.home
    embedded.folder.mkdir()
    (embedded.folder / "notes").write_text("mine")
    (embedded.root / "link").symlink_to(home / "keys")
    bad = (
        embedded.folder, embedded.folder / "notes", home / "keys" / "b", home / "keys", home / "attachments" / "b",
        embedded.root / "link" / "b", embedded.root / "none" / "b",
    )  # fmt: skip
    for target in bad:
        with pytest.raises(BackupRefused):
            backup.create(embedded.place, target, NOW)
    assert embedded.left_behind() == ["monday"]
    assert sorted(path.name for path in embedded.folder.iterdir()) == ["notes"]
    assert sorted(path.name for path in (home / "keys").iterdir()) == ["master"]
    (embedded.folder / "notes").unlink()
    embedded.create()  # an empty folder is as good as none
    assert embedded.verify() == WELL


@pytest.mark.parametrize("how", ["hard link", "symbolic link"])
def test_a_key_among_the_attachments_stops_a_backup(embedded: World, how: str) -> None:
    key, place = embedded.place.home / "keys" / "master", embedded.place.home / "attachments" / "cd"
    place.hardlink_to(key) if how == "hard link" else place.symlink_to(key)
    with pytest.raises(BackupRefused):
        embedded.create()
    assert embedded.left_behind() == []


def test_an_attachment_destroyed_meanwhile_does_not_come_back(embedded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (embedded.place.home / "attachments" / "zz").write_bytes(b"x")
    copied = backup_folder.copied

    def destroy(source: Path, target: Path) -> Note:
        (embedded.place.home / "attachments" / "zz").unlink(missing_ok=True)
        return copied(source, target)

    monkeypatch.setattr(backup, "copied", destroy)
    assert set(embedded.create().files) == {"data", "attachments/ab/ab12"}
    assert embedded.verify() == WELL


def test_a_torn_history_is_no_backup(world: World) -> None:
    as_owner(world.database, "UPDATE case_record SET events = events + 1 WHERE id = 'GT-0001'")
    with pytest.raises(BackupBroken):
        world.create()
    assert world.left_behind() == []


def test_a_full_disk_leaves_nothing(world: World) -> None:
    # A limit is not a full disk to SQLite and pg_dump; what they leave behind is the same.
    assert _in_a_process(world, "with_a_full_disk") in ("StoreFull", "StoreUnavailable")
    assert world.left_behind() == []


def test_a_full_disk_is_told_as_such(embedded: World, monkeypatch: pytest.MonkeyPatch) -> None:

    def full(_: int, __: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreFull):
        embedded.create()
    assert embedded.left_behind() == []


def test_a_process_killed_at_any_step_of_a_backup_leaves_nothing_that_verifies(world: World) -> None:
    steps = int(_in_a_process(world, "creating"))
    assert steps > 10
    left = world.left_behind()
    for name in left:
        lines = backup.verify(world.folder.parent / name, world.place.tools)
        if name.endswith(".partial"):
            assert not backup.passed(lines), name
        else:  # it had its name already: it is whole
            assert backup.passed(lines), name
    partial = [name for name in left if name.endswith(".partial")]
    assert len(partial) >= steps - 3
    assert f"monday-{steps}" in left


def test_a_process_killed_at_any_step_of_a_restoration_leaves_a_whole_world_or_no_database(embedded: World) -> None:
    before = everything(embedded.database)
    embedded.create()
    homes = embedded.root / "new"
    homes.mkdir()
    embedded.place = backup.Place(homes, embedded.place.url)
    steps = int(_in_a_process(embedded, "restoring"))
    assert steps > 10
    whole = []
    for home in homes.iterdir():
        url = f"sqlite:///{home / 'guitu.db'}"
        if (home / "guitu.db").exists():
            whole.append(home.name)
            assert everything(Database("sqlite", url, url)) == before
            assert (home / "attachments" / "ab" / "ab12").is_file()
    assert str(steps) in whole
    assert len(whole) < steps / 2


def test_a_complete_backup_that_was_not_named_yet_does_not_verify(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.create()
    os.rename(embedded.folder, embedded.folder.with_name(".monday.0a1b2c3d.partial"))
    lines = backup.verify(embedded.folder.with_name(".monday.0a1b2c3d.partial"))
    assert states(lines)["manifest"] == "bad"


def _in_a_process(world: World, how: str) -> str:
    """Make the backup in a process of its own, and give what that says."""
    place = world.place
    words = [how, str(place.home), place.url, str(place.tools or ""), str(world.folder)]
    program = [sys.executable, "-m", "tests.service.backup.victim", *words]
    return subprocess.run(program, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout.strip()
