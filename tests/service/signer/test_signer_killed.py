"""A signer killed at any line: its memory is never behind a checkpoint that was handed out, and it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SignerRefused
from engine.ledger.note import open_checkpoint
from engine.service.signer import Signer, begin
from engine.service.signer_folder import SignerFolder, drop_old_key, rotate_key
from engine.store.database import Database
from tests.conftest import Database as Base
from tests.service.desks import Clock
from tests.service.processes import Processes, started
from tests.service.signer.anew import restart
from tests.service.signer.ground import grow, head, last, opened, put, tree

KILLED, DONE = -9, 0


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that may be killed."""
    with started("signer.signing_process") as found:
        yield found


def stride(database: Base) -> int:
    """Every line on SQLite; a round costs much more on PostgreSQL, and what differs there is only the commit."""
    return 1 if database.kind == "sqlite" else 3


def killed_at(processes: Processes, base: Base, signer: Signer, act: str, at: int) -> bool:
    """Whether a process that does this dies at this line; otherwise it was done before."""
    task = {"url": base.app_url, "folder": str(signer.folder), "act": act, "at": at}
    (end,) = processes.run(task)
    assert end in (KILLED, DONE)
    return end == KILLED


def check_memory(signer: Signer) -> int:
    """Hold the memory against what was handed out; give the size that was signed."""
    memory, row = SignerFolder(signer.folder).memory().last, last(signer.database)
    assert row is None or row.size <= memory.size
    assert memory == tree(signer.database, memory.size)
    return memory.size


@pytest.mark.parametrize("step", [1, 0], ids=["grown", "as it was"])
def test_a_signer_killed_anywhere_remembers_what_it_signed_and_goes_on(
    signer: Signer, store: Database, database: Base, processes: Processes, step: int
) -> None:
    at, kills = 1, {"forgot": 0, "remembered": 0, "handed out": 0}
    size = grow(store, 1)
    signer.sign()
    size = grow(store, step)
    while killed_at(processes, database, signer, "sign", at):
        signed, row = check_memory(signer), last(store)
        assert row is not None
        kills["handed out" if row.size == size else "remembered" if signed == size else "forgot"] += 1
        assert opened(signer, signer.sign()) == tree(store, size)
        assert {each.name for each in signer.folder.iterdir()} == {"key.pem", "memory"}
        at, size = at + stride(database), grow(store, step)
    assert at > 60
    assert all(kills.values()) or not step
    assert check_memory(signer) == size


def test_a_rotation_killed_anywhere_leaves_a_signer_that_signs_and_can_be_rotated(
    sqlite_database: Base, processes: Processes, tmp_path: Path
) -> None:
    with Database.open(sqlite_database.app_url) as store:  # it does not look into the database
        begin(tmp_path / "signer", store, None)
        _rotate_until_done(Signer(tmp_path / "signer", store, Clock()), sqlite_database, processes)


def _rotate_until_done(signer: Signer, database: Base, processes: Processes) -> None:
    at, store, sizes = 1, signer.database, set()
    before = SignerFolder(signer.folder).public()[0]
    while killed_at(processes, database, signer, "rotate", at):
        grow(store, 1)
        note = signer.sign().note
        keys = SignerFolder(signer.folder).public()
        assert all(open_checkpoint(note, key)[0] == tree(store, head(store).size) for key in (before, *keys))
        sizes.add(len(keys))
        if len(keys) == 1:
            rotate_key(signer.folder, None)
        before = drop_old_key(signer.folder)
        at += 1
    assert sizes == {1, 2}
    assert len(SignerFolder(signer.folder).public()) == 2


@pytest.mark.long
def test_a_restart_killed_anywhere_leaves_a_signer_that_refuses_or_signs_and_can_be_restarted(
    signer: Signer, store: Database, database: Base, processes: Processes
) -> None:
    at, ends = 1, {"refused": 0, "signed": 0}
    grow(store, 9)
    signer.sign()
    put(store, range(8))
    while killed_at(processes, database, signer, "restart", at):
        why = refusal(signer)
        ends["refused" if why else "signed"] += 1
        assert why in (None, "smaller", "origin")
        if why:
            told = restart(signer.folder, store, "restored_backup", None)
            assert (told["signed_size"], told["found_size"]) == (head(store).size + 1, head(store).size)
        put(store, range(head(store).size + 2))
        assert opened(signer, signer.sign()) == tree(store, head(store).size)
        put(store, range(head(store).size - 1))
        at += stride(database)
    assert ends["refused"] > ends["signed"] > 0


def refusal(signer: Signer) -> object:
    """Why it refuses to sign, if it does."""
    try:
        signer.sign()
    except SignerRefused as refused:
        return refused.details["why"]
    return None
