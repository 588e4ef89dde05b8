"""Two keys sign while auditors learn of the new one; after a restored backup the log goes on under another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import LedgerDamaged, PassphraseWrong, SignerBroken, SignerRefused
from engine.ledger.canonical import Value
from engine.ledger.entry import Kind
from engine.ledger.event import check, stated
from engine.ledger.note import BadNote, Note, VerifierKey, open_checkpoint
from engine.service.desk import kept
from engine.service.signer import Signer, begin, restarting, status
from engine.service.signer_folder import SignerFolder, drop_old_key, init, rotate_key
from engine.store.database import Database
from tests.core.play import START
from tests.service.desks import Clock
from tests.service.signer.anew import restart
from tests.service.signer.ground import grow, head, last, opened, put, tree

WORDS = "a long passphrase"


def keys(signer: Signer) -> tuple[VerifierKey, ...]:
    return SignerFolder(signer.folder).public()


def enter(act: str, details: dict[str, int | str]) -> None:
    """Hold what the ledger is to be told to the form of an event."""
    event: dict[str, Value] = {
        **stated(act, START, "officer-12", "unit"), "purpose": "administration", "outcome": "done", "reason": None,
        "policies": [], "policy": None, "definition": None, "request": "0" * 16, "part": 1, "parts": 1,
        "approvals": [], "details": dict(details), "records": [],
    }  # fmt: skip
    check(Kind.CONTROL, event, 0)


def test_during_a_rotation_both_keys_sign_and_then_only_the_new_one(store: Database, tmp_path: Path) -> None:
    begin(tmp_path / "signer", store, WORDS)
    signer = Signer(tmp_path / "signer", store, Clock(), WORDS)
    (old,) = keys(signer)
    signer.sign()
    rotated = rotate_key(signer.folder, WORDS)
    new = rotated.key
    assert keys(signer) == (new, old)
    grow(store, 3)
    note = signer.sign().note  # the same process goes on with both
    assert open_checkpoint(note, old)[0] == open_checkpoint(note, new)[0] == tree(store, 3)
    assert [each.key for each in Note.from_bytes(note).verify([old, new])] == [new, old]
    with pytest.raises(SignerRefused, match="drop-old-key"):
        rotate_key(signer.folder, WORDS)
    assert drop_old_key(signer.folder) == new
    grow(store, 3)
    note = signer.sign().note
    assert open_checkpoint(note, new)[0] == tree(store, 6)
    with pytest.raises(BadNote, match="unsigned"):
        open_checkpoint(note, old)
    with pytest.raises(SignerRefused, match="no old key"):
        drop_old_key(signer.folder)
    assert b"ENCRYPTED" in (signer.folder / "key.pem").read_bytes()
    assert rotated.details["old"] == old.id.hex()
    assert rotated.details["new"] == new.id.hex()
    enter("signer:key", rotated.details)


def test_the_checkpoint_of_a_ledger_that_did_not_grow_stays_as_it_was_signed(signer: Signer, store: Database) -> None:
    grow(store, 3)
    before = signer.sign()
    rotate_key(signer.folder, None)
    assert signer.sign() == before


def test_only_who_opens_the_key_can_change_it(store: Database, tmp_path: Path) -> None:
    begin(tmp_path / "signer", store, WORDS)
    before = {each.name: each.read_bytes() for each in (tmp_path / "signer").iterdir()}
    for words in (None, "another passphrase"):
        with pytest.raises(PassphraseWrong):
            rotate_key(tmp_path / "signer", words)
        with pytest.raises(PassphraseWrong):
            restart(tmp_path / "signer", store, "restored_backup", words)
    assert {each.name: each.read_bytes() for each in (tmp_path / "signer").iterdir()} == before


def test_after_a_restored_backup_the_log_goes_on_under_a_new_name(signer: Signer, store: Database) -> None:
    origin, (old,) = head(store).origin, keys(signer)
    grow(store, 10)
    signed = signer.sign().checkpoint
    memory = (signer.folder / "memory").read_bytes()
    put(store, range(7))
    with pytest.raises(SignerRefused):
        signer.sign()
    told = restart(signer.folder, store, "restored_backup", None)
    (new,) = keys(signer)
    assert told == {
        "old": old.id.hex(), "new": new.id.hex(), "reason": "restored_backup", "old_log": origin,
        "new_log": f"{origin}/2", "signed_size": 10, "signed_root": signed.root.hex(), "found_size": 7,
        "found_root": tree(store, 7).root.hex(),
    }  # fmt: skip
    enter("signer:restart", told)
    assert head(store).origin == new.name == f"{origin}/2"
    assert new.public == old.public
    assert (signer.folder / "memory.10.old").read_bytes() == memory
    grow(store, 1)
    note = signer.sign().note
    assert open_checkpoint(note, new)[0] == tree(store, 8)
    with pytest.raises(BadNote):
        open_checkpoint(note, old)
    put(store, range(5))
    assert restart(signer.folder, store, "restored_backup", None)["new_log"] == f"{origin}/3"


def test_a_backup_from_before_a_restart_gets_a_name_that_was_never_used(signer: Signer, store: Database) -> None:
    origin = head(store).origin
    grow(store, 10)
    signer.sign()
    put(store, range(7))
    restart(signer.folder, store, "restored_backup", None)
    with kept(store) as work:
        work.rename_log(origin)
    assert restart(signer.folder, store, "restored_backup", None)["new_log"] == f"{origin}/3"
    with kept(store) as work:
        work.rename_log(f"{origin}/10")
    assert restart(signer.folder, store, "restored_backup", None)["new_log"] == f"{origin}/11"
    assert opened(signer, signer.sign()) == tree(store, 7)


def test_a_checkpoint_under_the_former_name_stays_until_the_ledger_grew(signer: Signer, store: Database) -> None:
    grow(store, 7)
    before = signer.sign()
    (signer.folder / "memory").write_bytes((signer.folder / "memory").read_bytes().replace(b"\n7\n", b"\n9\n"))
    restart(signer.folder, store, "lost_memory", None)
    with pytest.raises(SignerRefused) as refused:
        signer.sign()
    assert refused.value.details["why"] == "occupied"
    row = last(store)
    assert row is not None
    assert row.note == before.note
    grow(store, 1)
    assert opened(signer, signer.sign()) == tree(store, 8)


def test_a_restart_that_is_not_needed_or_not_possible_changes_nothing(
    signer: Signer, store: Database, tmp_path: Path
) -> None:
    grow(store, 5)
    signer.sign()
    grow(store, 5)
    init(tmp_path / "other", "guitu.other", None)
    places = (signer.folder, tmp_path / "other")
    before = [(each, each.read_bytes()) for place in places for each in sorted(place.iterdir())], head(store)
    with pytest.raises(SignerRefused, match="nothing to begin anew"):
        restart(signer.folder, store, "restored_backup", None)
    with pytest.raises(SignerRefused, match="another ledger"):
        restart(tmp_path / "other", store, "restored_backup", None)
    with kept(store) as work:
        work.tiles().drop("tile/0/000.p/10")
    with pytest.raises(LedgerDamaged):
        restart(signer.folder, store, "found_tampering", None)
    assert ([(each, each.read_bytes()) for place in places for each in sorted(place.iterdir())], head(store)) == before


def test_a_restart_whose_transaction_fails_leaves_the_folder_as_it_was(signer: Signer, store: Database) -> None:
    grow(store, 5)
    signer.sign()
    put(store, range(3))
    before = {each.name: each.read_bytes() for each in signer.folder.iterdir()}
    with pytest.raises(ZeroDivisionError):
        _restart_and_fail(signer.folder, store)
    assert {each.name: each.read_bytes() for each in signer.folder.iterdir()} == before
    assert "/" not in head(store).origin


def _restart_and_fail(folder: Path, store: Database) -> None:
    with restarting(folder, "restored_backup", None) as begun, kept(store) as work:
        begun.rename(work)
        raise ZeroDivisionError


def test_a_memory_that_is_missing_is_not_made_up_by_a_restart(signer: Signer, store: Database) -> None:
    (signer.folder / "memory").unlink()
    with pytest.raises(SignerBroken):
        restart(signer.folder, store, "lost_memory", None)
    assert not (signer.folder / "memory").exists()


def test_the_state_tells_sizes_names_and_keys_and_needs_no_passphrase(store: Database, tmp_path: Path) -> None:
    key = begin(tmp_path / "signer", store, WORDS)
    grow(store, 4)
    found = status(tmp_path / "signer", store)
    assert (found["signed_size"], found["size"], found["made_at"], found["timestamp_at"]) == (0, 4, None, None)
    Signer(tmp_path / "signer", store, Clock(), WORDS).sign()
    grow(store, 1)
    found = status(tmp_path / "signer", store)
    assert (found["signed_size"], found["checkpoint_size"], found["size"]) == (4, 4, 5)
    assert (found["keys"], found["log"], found["has_passphrase"]) == ([key], head(store).origin, True)
