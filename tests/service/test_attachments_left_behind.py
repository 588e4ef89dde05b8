"""Files that are on no list: left by a process that was killed, of an erased case, on a folder that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import ContentUnreadable, StoreFull, StoreUnavailable
from engine.service import attachments
from engine.service.attachments import destroy, listed, sweep
from engine.service.desk import Desk
from tests.conftest import Database
from tests.service.desks import POLICE, opened
from tests.service.filing import add_text, files, refusals, taken_out
from tests.service.inspection import check_whole

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(desk: Desk, tmp_path: Path) -> Path:
    """Give the desk a folder of attachments that is not there yet."""
    desk.attachments = tmp_path / "attachments"
    return desk.attachments


_DIES = """
import io, json, os, signal, sys
from datetime import timedelta
from pathlib import Path
from engine.service.attachments import add
from tests.core.play import START
from tests.service.desks import POLICE, play_desk

url, folder, case = sys.argv[1:]

def kill_if(yes):
    if yes:
        os.kill(os.getpid(), signal.SIGKILL)

class Dies(io.BytesIO):
    def read(self, size=-1, /):
        found = super().read(size)
        kill_if(not found and when == "at the end of the file")
        return found

for number, line in enumerate(sys.stdin):
    when = json.loads(line)
    child = os.fork()
    if not child:
        with play_desk(url, 500, since=START + timedelta(hours=1 + number), known=True) as desk:
            desk.attachments, desk.probe = Path(folder), lambda step: kill_if(step == when)
            add(desk, case, Dies(b"words" * 50_000), "f.txt", POLICE)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Mortal:
    """Adds a file in one process after another; each dies at a step of the one door, or while it reads."""

    def __init__(self, database: Database, folder: Path, case: str) -> None:
        words = [sys.executable, "-c", _DIES, database.app_url, str(folder), case]
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def dies(self, when: int | str) -> bool:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(when) + "\n")
        self.process.stdin.flush()
        while not (line := self.process.stdout.readline().strip()).lstrip("-").isdigit():
            assert line, "the process ended"  # what is logged stands there too
        return int(line) == -signal.SIGKILL


@pytest.fixture
def mortal(desk: Desk, database: Database, folder: Path) -> Iterator[Mortal]:
    """Give processes that add a file to the first case and die of it."""
    found = Mortal(database, folder, opened(desk))
    with found.process:
        yield found
        assert found.process.stdin is not None
        found.process.stdin.close()


def test_a_process_killed_between_file_and_row_leaves_a_file_that_is_swept(
    desk: Desk, database: Database, folder: Path, mortal: Mortal
) -> None:
    case = "GT-0001"
    kept = add_text(desk, case)
    for when in ("at the end of the file", 1, 9):
        assert mortal.dies(when)
        assert [one.id for one in listed(desk, case, POLICE)] == [kept]
        (left,) = (path for path in files(folder) if path.name != kept)
        assert b"words" not in left.read_bytes()
        assert sweep(desk) == 0, "it may belong to somebody who is just adding it"
        _age(*files(folder))
        assert sweep(desk) == 1
        assert [path.name for path in files(folder)] == [kept]
    assert mortal.dies(10)
    _age(*files(folder))
    assert sweep(desk) == 0
    assert taken_out(desk, case, listed(desk, case, POLICE)[1].id) == b"words" * 50_000
    check_whole(desk, database)


def _age(*paths: Path) -> None:
    before = time.time() - attachments.SWEPT_AFTER - 60
    for path in paths:
        os.utime(path, (before, before))


def test_sweeping_touches_nothing_that_is_not_ours(desk: Desk, folder: Path) -> None:
    add_text(desk, opened(desk))
    foreign = [folder / "readme.txt", folder / "ab" / "notes.txt", folder / "cd" / ("ab" + "0" * 30)]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
        _age(path)
    assert sweep(desk) == 0
    assert all(path.exists() for path in foreign)


def test_the_files_of_a_case_are_destroyed_and_no_others(desk: Desk, folder: Path) -> None:
    case, other = opened(desk), opened(desk)
    ids, stays = [add_text(desk, case) for _ in range(2)], add_text(desk, other)
    (folder / "kept.txt").write_bytes(b"mine")
    assert destroy(folder, [*ids, "../kept.txt", "f" * 32]) == 2
    assert sorted(path.name for path in files(folder)) == sorted([stays, "kept.txt"])
    assert destroy(folder, ids) == 0
    with pytest.raises(ContentUnreadable):
        taken_out(desk, case, ids[0])


def test_a_folder_that_cannot_be_used_is_no_refusal(
    desk: Desk, folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(desk)
    folder.write_bytes(b"a file in the way")
    with pytest.raises(StoreUnavailable):
        add_text(desk, case)
    folder.unlink()

    def full(_file: int) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreFull):
            add_text(desk, case)
    assert files(folder) == []
    desk.attachments = None
    with pytest.raises(StoreUnavailable):
        add_text(desk, case)
    assert refusals(database) == []
