"""The root key is rotated: the key file and the database agree at every moment, also where a process dies."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.commands import OpenCase
from engine.errors import KeyForeign
from engine.service import safe as safe_module
from engine.service.desk import Desk
from engine.service.rotation import Rotation, RotationKind
from engine.service.safe import Safe
from engine.store.rotations import RotationRows
from engine.vault.roots import RootKeys
from tests.conftest import Database
from tests.core.play import START
from tests.keys import KeyFile
from tests.service.desks import ask, play_desk
from tests.service.inspection import as_owner, everything
from tests.service.processes import Processes, started
from tests.service.sealed_world import (
    HERE,
    NEIGHBOUR,
    World,
    case_of,
    check_destroyed,
    check_world,
    other_desk,
    populate,
    readable,
)

KILLED = -signal.SIGKILL
Save = Callable[[RootKeys], None]


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """Give the key file of the world."""
    made = KeyFile(tmp_path / "root.json")
    made.save(RootKeys.fresh())
    return made


@pytest.fixture
def desk(database: Database, file: KeyFile) -> Iterator[Desk]:
    """Give a desk whose root keys lie in the file."""
    with play_desk(database.app_url) as at:
        at.safe = Safe(file.opened, at.clock)
        yield at


@pytest.fixture
def world(desk: Desk) -> World:
    """Give a world with something of everything."""
    made = World()
    populate(desk, made)
    return made


def _restarted(desk: Desk, file: KeyFile) -> None:
    desk.safe = Safe(file.opened, desk.clock)


def _rotation(desk: Desk, save: Save) -> Rotation:
    return Rotation(desk, save, settle=lambda: None, batch=1)


def test_every_vault_key_is_wrapped_anew_and_the_file_forgets_the_old_root(
    desk: Desk, database: Database, world: World, file: KeyFile, tmp_path: Path
) -> None:
    before, rows, old = readable(desk, world), everything(database), file.opened()
    copy = KeyFile(tmp_path / "copy.json")
    copy.path.write_bytes(file.path.read_bytes())
    with other_desk(database, desk, keys=file) as other:
        assert [*_rotation(desk, file.save).run("root", "*")][-1].finished
        other.safe.forget()
        assert readable(other, world) == before, "the other process reads the file again"
    after = everything(database)
    assert [row["id"] for row in after["vault_key"]] == [row["id"] for row in rows["vault_key"]]
    assert not {row["wrapped"] for row in after["vault_key"]} & {row["wrapped"] for row in rows["vault_key"]}
    same = set(rows) - {"vault_key"}
    assert {table: after[table] for table in same} == {table: rows[table] for table in same}
    assert list(file.opened().keys) == [file.opened().current] != [old.current]
    _restarted(desk, file)
    assert readable(desk, world) == before
    _restarted(desk, copy)
    with pytest.raises(KeyForeign):
        readable(desk, world)


class Stopped(Exception):
    """A rotation is stopped here."""


def _stop(*_: object) -> None:
    raise Stopped


POINTS = ("before the file", "file | database", "in the database", "database | file", "file | its note")


@pytest.mark.parametrize("point", POINTS)
def test_a_rotation_of_the_root_that_stops_anywhere_leaves_all_readable_and_goes_on(  # noqa: PLR0917 - fixtures
    desk: Desk, database: Database, world: World, file: KeyFile, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, old = readable(desk, world), file.opened()

    def save(roots: RootKeys) -> None:
        is_last = len(roots.keys) == 1
        if point == ("database | file" if is_last else "before the file"):
            raise Stopped
        file.save(roots)
        if point == ("file | its note" if is_last else "file | database"):
            raise Stopped

    with monkeypatch.context() as patch:
        if point == "in the database":
            patch.setattr(RotationRows, "go_on", _stop)
        with pytest.raises(Stopped):
            list(_rotation(desk, save).run("root", "*"))

    assert readable(desk, world) == before, "the process that failed goes on"
    _restarted(desk, file)
    assert readable(desk, world) == before
    case_of(desk, world, "P-AFTER")
    rotation = _rotation(desk, file.save)
    steps = [*rotation.resume()] if point != "before the file" else [*rotation.run("root", "*")]
    assert steps[-1].finished
    assert [*rotation.resume()] == []
    _restarted(desk, file)
    assert list(file.opened().keys) == [file.opened().current] != [old.current]
    check_world(desk, database, world)


def test_a_key_made_meanwhile_by_a_process_with_the_old_root_is_not_lost(
    desk: Desk, database: Database, file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each first case of a jurisdiction makes keys; the other process never looks at its own again by itself."""
    world = World()
    case_of(desk, world, "P-VIC1")
    monkeypatch.setattr(safe_module, "RING_SECONDS", 1e9)
    with other_desk(database, desk, keys=file) as stale:
        for step in _rotation(desk, file.save).run("root", "*"):
            if step.done == 0:
                opening = OpenCase(case="", area="800000", facts={"victim.is_child": True})
                world.cases.append(ask(stale, opening, NEIGHBOUR).case)
    _restarted(desk, file)
    check_world(desk, database, world)


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that may be killed."""
    with started("rotating_process") as found:
        yield found


@pytest.fixture
def run(processes: Processes, database: Database, file: KeyFile) -> Callable[..., int]:
    """Give a way to let another process rotate, or go on; it answers how that process ended."""

    def run_(**task: Any) -> int:
        since = (START + timedelta(days=1)).isoformat()
        return processes.run({"url": database.app_url, "since": since, "keys": str(file.path), **task})[0]

    return run_


@pytest.mark.parametrize("at", ["saved", 1, 2, "left"])
def test_a_process_killed_while_it_rotates_the_root_loses_nothing(
    desk: Desk, world: World, file: KeyFile, at: int | str, run: Callable[..., int]
) -> None:
    before = readable(desk, world)
    assert run(kind="root", jurisdiction="*", at=at) == KILLED
    _restarted(desk, file)
    assert readable(desk, world) == before
    assert run() == 0
    _restarted(desk, file)
    assert readable(desk, world) == before
    assert len(file.opened().keys) == 1


@pytest.mark.parametrize("kind", ["case", "case_key", "identity", "index"])
def test_a_process_killed_while_it_rotates_a_key_loses_nothing(
    desk: Desk, database: Database, world: World, kind: RotationKind, run: Callable[..., int]
) -> None:
    before = readable(desk, world)
    assert run(kind=kind, jurisdiction=HERE, at=2) == KILLED
    assert readable(desk, world) == before
    assert [row["done"] for row in as_owner(database, "SELECT done FROM key_rotation")[0]] == [1]
    assert run() == 0
    assert readable(desk, world) == before
    if kind != "case_key":
        check_destroyed(database, kind)
