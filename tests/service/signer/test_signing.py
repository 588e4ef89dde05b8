"""The signer signs a ledger that grew from the last one it signed, and nothing else, whoever put it there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from engine.errors import CommandMalformed, LedgerDamaged, PassphraseWrong, SignerBroken, SignerRefused
from engine.ledger.signing import Memory
from engine.service.desk import kept
from engine.service.signer import Signer, begin
from engine.service.signer_folder import SignerFolder, init
from engine.store.database import Database
from tests.service.desks import Clock
from tests.service.signer.ground import grow, head, last, opened, put, tree

WORDS = "a long passphrase"


def why(signer: Signer) -> object:
    """Why it refuses; and then neither its memory nor the checkpoints are other ones than before."""
    memory, checkpoint = (signer.folder / "memory").read_bytes(), last(signer.database)
    with pytest.raises(SignerRefused) as refused:
        signer.sign()
    assert ((signer.folder / "memory").read_bytes(), last(signer.database)) == (memory, checkpoint)
    return refused.value.details["why"]


def test_a_ledger_that_grows_is_signed_at_every_size(signer: Signer, store: Database) -> None:
    for step in (0, 1, 1, 2, 3, 250, 300):
        size = grow(store, step)
        signed = signer.sign()
        assert opened(signer, signed) == signed.checkpoint == tree(store, size)
        row = last(store)
        assert row is not None
        assert (row.size, row.origin, row.note) == (size, head(store).origin, signed.note)
        assert SignerFolder(signer.folder).memory() == Memory(signed.checkpoint)


def test_the_same_ledger_is_looked_at_again_and_keeps_its_checkpoint(signer: Signer, store: Database) -> None:
    grow(store, 3)
    first = signer.sign()
    made = last(store)
    assert signer.sign() == first
    again = last(store)
    assert made is not None
    assert again is not None
    assert (again.note, again.made_at) == (made.note, made.made_at)
    assert again.renewed_at > made.renewed_at


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        (range(9), "smaller"),
        (range(0), "smaller"),
        ((*range(9), 99), "another root"),
        ((99, *range(1, 10)), "another root"),
        ((*range(9), 99, *range(10, 15)), "not grown from it"),
        ((*range(8), *range(100, 120)), "not grown from it"),
        (range(1, 300), "not grown from it"),
    ],
    ids=["cut", "emptied", "last rewritten", "first rewritten", "rewritten and grown", "restored and grown", "shifted"],
)  # fmt: skip
def test_a_ledger_that_did_not_grow_from_what_was_signed_gets_no_signature(
    signer: Signer, store: Database, leaves: Iterable[int], expected: str
) -> None:
    grow(store, 10)
    signer.sign()
    put(store, leaves)
    assert why(signer) == expected
    put(store, range(12))
    assert opened(signer, signer.sign()) == tree(store, 12)


def test_tiles_that_are_not_what_the_head_says_get_no_signature(signer: Signer, store: Database) -> None:
    grow(store, 10)
    signer.sign()
    memory = (signer.folder / "memory").read_bytes()
    grow(store, 5)
    wrong: list[Callable[[bytes], bytes | None]] = [
        lambda tile: tile[:-1] + bytes([tile[-1] ^ 1]), lambda tile: tile[:-1], lambda tile: None,
        lambda tile: tile[32:] + tile[:32],
    ]  # fmt: skip
    with store.reading() as work:
        right = work.tiles().get("tile/0/000.p/15")
    assert right is not None
    for change in wrong:
        _replace_tile(store, change(right))
        with pytest.raises(LedgerDamaged):
            signer.sign()
    assert (signer.folder / "memory").read_bytes() == memory
    _replace_tile(store, right)
    assert opened(signer, signer.sign()) == tree(store, 15)


def _replace_tile(store: Database, tile: bytes | None) -> None:
    with kept(store) as work:
        work.tiles().drop("tile/0/000.p/15")
        if tile is not None:
            work.tiles().put("tile/0/000.p/15", tile)


def test_a_head_that_says_another_size_gets_no_signature(signer: Signer, store: Database) -> None:
    grow(store, 10)
    with kept(store) as work:
        work.save_head(9, head(store).frontier, None)
    with pytest.raises(LedgerDamaged):
        signer.sign()
    with kept(store) as work:
        work.save_head(10, b"no frontier", None)
    with pytest.raises(LedgerDamaged):
        signer.sign()


@pytest.mark.parametrize("name", ["memory", "key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"\xff", b"guitu/signer-memory/v1\n", b"log+00000000+AAAA\n"])
def test_a_key_or_a_memory_that_is_lost_or_damaged_is_never_begun_anew(
    signer: Signer, store: Database, name: str, content: bytes | None
) -> None:
    grow(store, 4)
    signer.sign()
    path = signer.folder / name
    right = path.read_bytes()
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SignerBroken):
        signer.sign()
    with pytest.raises(SignerRefused, match="not empty"):
        init(signer.folder, "guitu.other", None)
    path.write_bytes(right)
    path.chmod(0o600)
    assert opened(signer, signer.sign()) == tree(store, 4)


def test_a_ledger_that_was_signed_before_gets_no_second_signer(signer: Signer, store: Database, tmp_path: Path) -> None:
    grow(store, 4)
    signer.sign()
    with pytest.raises(SignerRefused, match="signed before"):
        begin(tmp_path / "second", store, None)
    assert not (tmp_path / "second").exists()


def test_the_folder_of_another_log_signs_nothing_here(signer: Signer, store: Database, tmp_path: Path) -> None:
    other = tmp_path / "other"
    init(other, "guitu.other", None)
    grow(store, 4)
    assert why(Signer(other, store, Clock())) == "origin"
    own = {name: (signer.folder / name).read_bytes() for name in ("memory", "key.pem")}
    for name in own:
        (signer.folder / name).write_bytes((other / name).read_bytes())
        assert why(signer) == "origin"
        (signer.folder / name).write_bytes(own[name])
    (signer.folder / "key.old.pem").write_bytes((other / "key.pem").read_bytes())
    (signer.folder / "key.old.pem").chmod(0o600)
    assert why(signer) == "origin"


def test_an_old_copy_of_the_folder_signs_nothing(signer: Signer, store: Database) -> None:
    grow(store, 4)
    signer.sign()
    copy = (signer.folder / "memory").read_bytes()
    grow(store, 4)
    signer.sign()
    (signer.folder / "memory").write_bytes(copy)
    put(store, (*range(7), 99))
    assert why(signer) == "memory behind"


def test_a_folder_that_is_not_there_is_not_made_by_signing(store: Database, tmp_path: Path) -> None:
    with pytest.raises(SignerBroken):
        Signer(tmp_path / "nowhere", store, Clock()).sign()
    assert not (tmp_path / "nowhere").exists()


def test_folder_key_and_memory_are_for_their_owner_alone(store: Database, tmp_path: Path) -> None:
    place = tmp_path / "signer"
    place.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        begin(place, store, WORDS)
        Signer(place, store, Clock(), WORDS).sign()
        grow(store, 1)
        Signer(place, store, Clock(), WORDS).sign()
    finally:
        os.umask(before)
    modes = {each.name: each.stat().st_mode & 0o777 for each in [place, *place.iterdir()]}
    assert modes == {"signer": 0o700, "key.pem": 0o600, "memory": 0o600}
    (place / "key.pem").chmod(0o640)
    with pytest.raises(CommandMalformed, match="chmod"):
        Signer(place, store, Clock(), WORDS).sign()


def test_a_folder_with_anything_in_it_is_not_touched(store: Database, tmp_path: Path) -> None:
    place = tmp_path / "signer"
    place.mkdir(mode=0o755)
    (place / "letter").write_text("mine")
    with pytest.raises(SignerRefused, match="not empty"):
        begin(place, store, None)
    assert [each.name for each in place.iterdir()] == ["letter"]
    assert place.stat().st_mode & 0o777 == 0o755


def test_a_key_opens_with_its_passphrase_only(store: Database, tmp_path: Path) -> None:
    place = tmp_path / "signer"
    with pytest.raises(CommandMalformed, match="characters"):
        init(tmp_path / "short", "guitu.other", "short")
    begin(place, store, WORDS)
    assert b"ENCRYPTED" in (place / "key.pem").read_bytes()
    for words in (None, "", "another passphrase"):
        with pytest.raises(PassphraseWrong):
            Signer(place, store, Clock(), words).sign()
    signer = Signer(place, store, Clock(), WORDS)
    assert opened(signer, signer.sign()) == tree(store, 0)


def test_a_key_file_that_names_another_public_key_is_not_used(signer: Signer, tmp_path: Path) -> None:
    origin = head(signer.database).origin
    init(tmp_path / "other", origin, None)
    line = (tmp_path / "other" / "key.pem").read_bytes().partition(b"\n")[0]
    own = (signer.folder / "key.pem").read_bytes()
    (signer.folder / "key.pem").write_bytes(line + own[own.index(b"\n") :])
    with pytest.raises(SignerBroken, match="public key"):
        signer.sign()
