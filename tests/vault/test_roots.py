"""The key file: nobody opens it without its passphrase, and nothing but one of two errors comes of a damaged one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import CommandMalformed, KeyFileDamaged, KeyForeign, KeyMaterialDamaged, PassphraseWrong
from engine.vault import roots as room
from engine.vault.roots import Cost, RootKeys, read_roots, write_roots

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PASSPHRASE = "锁 and a sentence"
CHEAP = Cost(1, 1, 8)
PLACE = b"the place"


@pytest.fixture(scope="module")
def roots() -> RootKeys:
    """Give two root keys, as there are in the midst of a rotation."""
    return RootKeys.fresh().with_another()


@pytest.fixture(scope="module")
def file(roots: RootKeys) -> bytes:
    """Give their key file."""
    return write_roots(roots, PASSPHRASE, NOW, CHEAP)


def test_what_is_written_is_read_again(roots: RootKeys, file: bytes) -> None:
    assert read_roots(file, PASSPHRASE) == roots
    assert file != write_roots(roots, PASSPHRASE, NOW, CHEAP), "salt and nonces are new every time"


def test_the_file_shows_no_key_and_its_cost_is_that_of_the_rfc_if_nothing_is_said(roots: RootKeys, file: bytes) -> None:
    body = json.loads(file)
    assert all(key.hex() not in file.decode() for key in roots.keys.values())
    assert set(body) == {"guitu_key_file", "kdf", "current", "roots", "written_at", "checksum"}
    costly = json.loads(write_roots(roots, PASSPHRASE, NOW))["kdf"]
    assert (costly["iterations"], costly["lanes"], costly["memory_kib"]) == (3, 4, 65_536)


@pytest.mark.parametrize("wrong", ["", PASSPHRASE + " ", PASSPHRASE[:-1], "another sentence"])
def test_a_wrong_passphrase_opens_nothing(file: bytes, wrong: str) -> None:
    with pytest.raises(PassphraseWrong):
        read_roots(file, wrong)


def test_a_short_passphrase_closes_nothing(roots: RootKeys) -> None:
    with pytest.raises(CommandMalformed):
        write_roots(roots, "x" * 11, NOW, CHEAP)


@pytest.mark.parametrize("bit", [1, 4, 32, 128])
def test_a_file_with_any_byte_changed_is_damaged(file: bytes, bit: int) -> None:
    for place in range(len(file) - 1):
        with pytest.raises(KeyFileDamaged):
            read_roots(file[:place] + bytes([file[place] ^ bit]) + file[place + 1 :], PASSPHRASE)


def test_a_file_that_was_cut_is_damaged(file: bytes) -> None:
    for size in range(len(file) - 1):
        with pytest.raises(KeyFileDamaged):
            read_roots(file[:size], PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b'"x"', b"null", b"{}", b"\xff", b"[" * 50_000, b"-----BEGIN"])
def test_a_file_of_another_kind_is_damaged(content: bytes) -> None:
    with pytest.raises(KeyFileDamaged):
        read_roots(content, PASSPHRASE)


def _with_right_checksum(file: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file as somebody would change it who knows how it is made, but not the passphrase."""
    body = json.loads(file)
    del body["checksum"]
    change(body)
    return json.dumps({**body, "checksum": room._checksum(body)}).encode()


def test_a_byte_changed_on_purpose_is_found_by_the_wrapping(file: bytes) -> None:
    name, wrapped = next(iter(json.loads(file)["roots"].items()))
    for place in range(0, len(wrapped), 2):
        digits = f"{int(wrapped[place : place + 2], 16) ^ 1:02x}"
        changed = {name: wrapped[:place] + digits + wrapped[place + 2 :]}

        def change(body: dict[str, Any], changed: dict[str, str] = changed) -> None:
            body["roots"].update(changed)

        with pytest.raises((KeyFileDamaged, PassphraseWrong)):
            read_roots(_with_right_checksum(file, change), PASSPHRASE)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another salt": lambda body: body["kdf"].update(salt="00" * 16),
    "a short salt": lambda body: body["kdf"].update(salt="00"),
    "another way to stretch": lambda body: body["kdf"].update(name="scrypt"),
    "no salt": lambda body: body["kdf"].pop("salt"),
    "other names of the keys": lambda body: body.update(roots=dict(zip("ab", body["roots"].values(), strict=True))),
    "two keys under each other's name": lambda body: body.update(
        roots=dict(zip(reversed(body["roots"]), body["roots"].values(), strict=True))
    ),
    "a current key that is not there": lambda body: body.update(current="00" * 16),
    "no keys": lambda body: body.update(roots={}),
    "a key that is none": lambda body: body["roots"].update({body["current"]: "00"}),
    "keys in a list": lambda body: body.update(roots=[]),
    "numbers for words": lambda body: body.update(current=7),
    "another format": lambda body: body.update(guitu_key_file=2),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_changed_on_purpose_gives_no_keys(file: bytes, what: str) -> None:
    with pytest.raises((KeyFileDamaged, PassphraseWrong)):
        read_roots(_with_right_checksum(file, CHANGES[what]), PASSPHRASE)


@pytest.mark.parametrize(
    "cost",
    [
        {"memory_kib": 1 << 31}, {"memory_kib": (1 << 20) + 8}, {"memory_kib": 0}, {"memory_kib": -8},
        {"iterations": 1 << 31}, {"iterations": 0}, {"iterations": 1_000, "memory_kib": 1 << 20},
        {"lanes": 1 << 24}, {"lanes": 0}, {"lanes": 2}, {"iterations": 1e300},
        {"iterations": float("inf")}, {"iterations": "1e9"}, {"lanes": None},
    ],
)  # fmt: skip
def test_a_cost_that_nobody_here_wrote_is_refused_before_it_is_spent(
    file: bytes, cost: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_stretched", lambda *_: pytest.fail("it is being spent"))
    begun = time.monotonic()
    with pytest.raises(KeyFileDamaged):
        read_roots(_with_right_checksum(file, lambda body: body["kdf"].update(cost)), PASSPHRASE)
    assert time.monotonic() - begun < 1


def test_a_cheaper_cost_does_not_open_a_file_either(file: bytes) -> None:
    """The cost is bound to what is wrapped: lowering it helps nobody to try passphrases."""
    costly = write_roots(RootKeys.fresh(), PASSPHRASE, NOW, Cost(2, 1, 16))
    with pytest.raises(PassphraseWrong):
        read_roots(_with_right_checksum(costly, lambda body: body["kdf"].update(iterations=1)), PASSPHRASE)


# ── rotation ──


def test_an_old_root_key_still_unwraps_until_it_is_left_out() -> None:
    first = RootKeys.fresh()
    wrapped = first.wrap(b"k" * 32, PLACE)
    both = first.with_another()
    assert both.current != first.current
    assert both.unwrap(wrapped, PLACE) == b"k" * 32
    again = both.wrap(both.unwrap(wrapped, PLACE), PLACE)
    alone = both.with_current_alone()
    assert list(alone.keys) == [both.current]
    assert alone.unwrap(again, PLACE) == b"k" * 32
    with pytest.raises(KeyForeign):
        alone.unwrap(wrapped, PLACE)
    with pytest.raises(KeyForeign):
        first.unwrap(again, PLACE)


def test_keys_of_another_installation_are_foreign_and_changed_ones_are_damaged() -> None:
    ours, theirs = RootKeys.fresh(), RootKeys.fresh()
    wrapped = ours.wrap(b"k" * 32, PLACE)
    with pytest.raises(KeyForeign):
        theirs.unwrap(wrapped, PLACE)
    for place in (0, 1, 40, 70, 109):
        with pytest.raises(KeyMaterialDamaged):
            ours.unwrap(wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :], PLACE)
    for wrong in (b"", wrapped[:62], wrapped[:-1]):
        with pytest.raises(KeyMaterialDamaged):
            ours.unwrap(wrong, PLACE)
    with pytest.raises(KeyMaterialDamaged):
        ours.unwrap(wrapped, b"another place")
    impostor = RootKeys({ours.current: b"another key of the same name !!!"}, ours.current)
    with pytest.raises(KeyMaterialDamaged):
        impostor.unwrap(wrapped, PLACE)


def test_root_keys_do_not_show_themselves() -> None:
    roots = RootKeys.fresh()
    assert roots.keys[roots.current].hex() not in repr(roots)
    assert repr(roots.keys[roots.current]) not in repr(roots)
