"""What is done to the signer stands in the ledger, and a signer whose folder is lost or old can begin anew."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.commands import Actor
from engine.errors import SignerRefused
from engine.ledger.note import open_checkpoint
from engine.service import signer_acts
from engine.service.desk import Desk
from engine.service.sequencer import sequence_all
from engine.service.signer import Signer, begin
from engine.service.signer_folder import SignerFolder
from tests.service.desks import opened, play_desk
from tests.service.ledger.opening import Book

ADMIN = Actor("admin-1", "police-a", "administration")


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> Path:
    """Give the folder of a signer that signed once."""
    begin(tmp_path / "signer", desk.database, None)
    _grow(desk)
    _signer(desk, tmp_path / "signer").sign()
    return tmp_path / "signer"


def _signer(desk: Desk, folder: Path) -> Signer:
    return Signer(folder, desk.database, lambda: datetime.now(UTC))


def _grow(desk: Desk) -> None:
    opened(desk)
    sequence_all(desk.database)


def test_a_change_of_key_is_entered(desk: Desk, folder: Path) -> None:
    book = Book.at(desk)
    old = SignerFolder(folder).public()[0]
    new = signer_acts.rotate(desk, folder, None, ADMIN)
    assert signer_acts.drop_old_key(desk, folder, ADMIN) == new
    rotated, dropped = book.news()
    assert (rotated.act, dropped.act) == ("signer:key", "signer:key")
    assert (rotated.event["details"]["old"], rotated.event["details"]["new"]) == (old.id.hex(), new.id.hex())
    assert dropped.event["details"] == {"new": new.id.hex()}
    with pytest.raises(SignerRefused):
        signer_acts.drop_old_key(desk, folder, ADMIN)
    assert book.only().event["reason"] == "signer_refused"


def test_an_old_copy_of_the_folder_can_begin_anew_and_it_is_entered(desk: Desk, folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("old"))
    _grow(desk)
    _signer(desk, folder).sign()
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("old"), folder)
    with pytest.raises(SignerRefused) as refused:
        _signer(desk, folder).sign()
    assert refused.value.details["why"] == "memory behind"
    book = Book.at(desk)
    told = signer_acts.restart(desk, folder, "lost_memory", None, ADMIN)
    assert book.only().event["details"] == told
    sequence_all(desk.database)
    _holds(desk, folder, told)


def test_a_lost_folder_can_begin_anew_with_a_new_key_and_it_is_entered(desk: Desk, folder: Path) -> None:
    old = SignerFolder(folder).public()[0]
    shutil.rmtree(folder)
    book = Book.at(desk)
    told = signer_acts.restart(desk, folder, "lost_memory", None, ADMIN)
    assert book.only().event["details"] == told
    assert SignerFolder(folder).public()[0].public != old.public
    sequence_all(desk.database)
    _holds(desk, folder, told)


def _holds(desk: Desk, folder: Path, told: dict[str, int | str]) -> None:
    """It signs under the new name, more than it began with."""
    signed = _signer(desk, folder).sign()
    checkpoint, _ = open_checkpoint(signed.note, SignerFolder(folder).public()[0])
    assert checkpoint.origin == told["new_log"]
    assert checkpoint.size > int(told["found_size"])


def test_a_ledger_that_was_never_signed_is_not_begun_anew(database_url: str, tmp_path: Path) -> None:
    with play_desk(database_url) as desk, pytest.raises(SignerRefused, match="use init"):
        signer_acts.restart(desk, tmp_path / "signer", "lost_memory", None, ADMIN)
