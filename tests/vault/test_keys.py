"""The keys below the root: each opens what it is for, where it is for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.errors import ContentUnreadable, KeyForeign, KeyMaterialDamaged
from engine.vault import keys as room
from engine.vault.keys import (
    EVERYWHERE,
    KEPT_SECONDS,
    KEPT_USES,
    CaseKey,
    Cell,
    HouseKey,
    KeyCache,
    Keyring,
    VaultKey,
    WrappedKey,
    new_case_key,
    new_vault_key,
    open_case_key,
    rewrap_case_key,
    rewrapped,
    wrapping_id,
)
from engine.vault.roots import RootKeys
from engine.vault.suite import Unopenable, fresh_id, fresh_key

ROOTS = RootKeys.fresh()
CELL = Cell("case_record", "GT-1", "content", 3)
PLAIN = b"what is stored"


def vault_key(kind: str = "case", jurisdiction: str = "350000", version: int = 1) -> VaultKey:
    return VaultKey(fresh_id().hex(), kind, jurisdiction, version, fresh_key())


# ── the keyring ──


def test_a_keyring_opens_every_version_and_seals_with_the_newest() -> None:
    rows = [new_vault_key(ROOTS, "case", "350000", version) for version in (2, 1, 3)]
    rows += [new_vault_key(ROOTS, "case", "210000", 7), new_vault_key(ROOTS, "index", "350000", 1)]
    ring = Keyring(ROOTS, rows)
    assert [key.version for key in ring.all_of("case", "350000")] == [3, 2, 1]
    newest = ring.newest("case", "350000")
    assert newest is not None
    assert (newest.id, newest.version) == (rows[2].id, 3)
    assert ring.get(rows[1].id) is not None
    assert ring.newest("identity", "350000") is ring.newest("index", "210000") is ring.get("0" * 32) is None
    assert ring.all_of("identity", "350000") == []
    assert len({key.secret for row in rows if (key := ring.get(row.id))}) == len(rows)


def test_a_key_of_another_installation_is_foreign() -> None:
    with pytest.raises(KeyForeign):
        Keyring(RootKeys.fresh(), [new_vault_key(ROOTS, "case", "350000", 1)])


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0" * 32}, {"kind": "index"}, {"jurisdiction": "210000"}, {"version": 2}, {"wrapped": b""},
        {"wrapped": b"x" * 110},
    ],
)  # fmt: skip
def test_a_key_row_that_somebody_changed_is_damaged(change: dict[str, object]) -> None:
    row = new_vault_key(ROOTS, "case", "350000", 1)
    Keyring(ROOTS, [row])
    with pytest.raises(KeyMaterialDamaged):
        Keyring(ROOTS, [replace(row, **change)])  # type: ignore[arg-type]


def test_a_rewrapped_key_is_the_same_key_under_the_new_root() -> None:
    row = new_vault_key(ROOTS, "case", "350000", 1)
    both = ROOTS.with_another()
    before = Keyring(ROOTS, [row]).get(row.id)
    assert before is not None
    again: WrappedKey = rewrapped(both, before)
    assert wrapping_id(again.wrapped) == both.current.hex() != wrapping_id(row.wrapped)
    after = Keyring(both.with_current_alone(), [again]).get(row.id)
    assert after is not None
    assert after.secret == before.secret
    assert wrapping_id(b"no wrapped key") is None


def test_no_open_key_shows_itself() -> None:
    key = vault_key()
    assert repr(key.secret) not in repr(key)
    assert key.secret.hex() not in repr(key)


# ── the key of a case ──


def test_a_case_key_opens_under_its_vault_key_alone() -> None:
    under = vault_key()
    key, row = new_case_key(under, "GT-1")
    assert CaseKey("GT-1", {1: open_case_key(row, under)}).unseal(key.seal(PLAIN, CELL), CELL) == PLAIN
    for wrong_row, wrong_key in (
        (row, vault_key()), (row, replace(under, secret=fresh_key())),
        (replace(row, case_id="GT-2"), under), (replace(row, version=2), under),
        (replace(row, wrapped=b""), under), (replace(row, wrapped=row.wrapped[:-1] + b"\0\0"), under),
    ):  # fmt: skip
        with pytest.raises(KeyMaterialDamaged):
            open_case_key(wrong_row, wrong_key)


def test_a_rewrapped_case_key_opens_what_was_sealed_before() -> None:
    before, after = vault_key(), vault_key(version=2)
    key, row = new_case_key(before, "GT-1")
    again = rewrap_case_key(row, before, after)
    assert again.vault_key == after.id
    assert CaseKey("GT-1", {1: open_case_key(again, after)}).unseal(key.seal(PLAIN, CELL), CELL) == PLAIN
    with pytest.raises(KeyMaterialDamaged):
        open_case_key(again, before)
    with pytest.raises(KeyMaterialDamaged):
        rewrap_case_key(again, before, after)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(CELL, table="case_event"), replace(CELL, row="GT-2"), replace(CELL, column="body"),
        replace(CELL, revision=2), replace(CELL, revision=4), Cell("case_recordGT", "-1", "content", 3),
    ],
    ids=str,
)  # fmt: skip
def test_a_cell_opens_nowhere_else(elsewhere: Cell) -> None:
    key, _ = new_case_key(vault_key(), "GT-1")
    with pytest.raises(ContentUnreadable):
        key.unseal(key.seal(PLAIN, CELL), elsewhere)


def test_a_cell_opens_with_no_other_key() -> None:
    (key, _), (other, _) = new_case_key(vault_key(), "GT-1"), new_case_key(vault_key(), "GT-1")
    with pytest.raises(ContentUnreadable) as caught:
        other.unseal(key.seal(PLAIN, CELL), CELL)
    assert "GT-1" in caught.value.zh


def test_a_case_key_seals_with_its_newest_version_and_opens_what_an_older_one_sealed() -> None:
    old = CaseKey("GT-1", {1: fresh_key()})
    sealed = old.seal(PLAIN, CELL)
    both = CaseKey("GT-1", {2: fresh_key(), 1: old._secret(1)})
    assert both.version == 2
    assert both.unseal(sealed, CELL) == PLAIN
    with pytest.raises(ContentUnreadable):
        old.unseal(both.seal(PLAIN, CELL), CELL)


def test_what_a_case_key_is_used_for_has_keys_of_their_own() -> None:
    key, with_key = CaseKey("GT-1", {1: fresh_key()}), vault_key("identity")
    sealed = key.identity_cipher(with_key).seal(PLAIN, CELL.bound())
    assert key.identity_cipher(with_key, 1).unseal(sealed, CELL.bound()) == PLAIN
    with pytest.raises(ContentUnreadable):
        key.unseal(sealed, CELL)
    for other in (
        key.identity_cipher(vault_key("identity")),
        CaseKey("GT-1", {1: fresh_key()}).identity_cipher(with_key),
    ):
        with pytest.raises(Unopenable):
            other.unseal(sealed, CELL.bound())
    assert len({key.attachment_key(name, 1) for name in ("a", "b")} | {key._secret(1)}) == 3
    with pytest.raises(KeyMaterialDamaged):
        key.attachment_key("a", 2)


# ── the key of the house ──


def house_keys(*versions: int) -> list[VaultKey]:
    return [vault_key("installation", EVERYWHERE, version) for version in versions]


def test_the_house_key_seals_with_the_newest_and_opens_with_every_version() -> None:
    new, old = house_keys(2, 1)
    both, before = HouseKey([new, old]), HouseKey([old])
    assert both.version == 2
    assert both.unseal(before.seal(PLAIN, CELL), CELL) == PLAIN
    assert both.unseal(both.seal(PLAIN, CELL), CELL) == PLAIN
    for stored in (both.seal(PLAIN, CELL), b"", b"x" * 50):
        with pytest.raises(ContentUnreadable):
            before.unseal(stored, CELL)
    with pytest.raises(ContentUnreadable):
        both.unseal(both.seal(PLAIN, CELL), replace(CELL, row="GT-2"))


def test_a_digest_is_known_again_under_every_version_and_tells_nothing_without_a_key() -> None:
    new, old, other = house_keys(2, 1, 1)
    before, both = HouseKey([old]).digest(b"words"), HouseKey([new, old])
    assert both.digest(b"words") != before
    assert both.is_digest(before, b"words")
    assert both.is_digest(both.digest(b"words"), b"words")
    assert not both.is_digest(before, b"other words")
    assert not HouseKey([other]).is_digest(before, b"words")
    assert not HouseKey([new]).is_digest(before, b"words")
    assert len(before) == 64


# ── the cache ──


class Watch:
    """A clock that goes on when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Give the clock that the cache reads."""
    found = Watch()
    with monkeypatch.context() as patch:
        patch.setattr(room, "time", found)
        yield found


def case_key(name: str = "GT-1", version: int = 1) -> CaseKey:
    return CaseKey(name, {version: fresh_key()})


def test_a_kept_key_goes_after_its_time(watch: Watch) -> None:
    cache, key = KeyCache(), case_key()
    assert cache.get("GT-1", 1) is None
    cache.put(key)
    watch.now += KEPT_SECONDS - 1
    assert cache.get("GT-1", 1) is key
    watch.now += 2
    assert cache.get("GT-1", 1) is None, "use does not prolong it"
    assert cache._kept == {}


def test_a_kept_key_goes_after_its_uses(watch: Watch) -> None:
    cache, key = KeyCache(), case_key()
    cache.put(key)
    assert all(cache.get("GT-1", 1) is key for _ in range(KEPT_USES))
    assert cache.get("GT-1", 1) is None
    assert cache._kept == {}


def test_a_kept_key_that_does_not_know_the_version_goes(watch: Watch) -> None:
    cache = KeyCache()
    cache.put(case_key())
    assert cache.get("GT-1", 2) is None
    assert cache.get("GT-1", 1) is None
    newer = case_key(version=2)
    cache.put(newer)
    assert cache.get("GT-1", 2) is newer


def test_the_key_that_was_used_longest_ago_makes_room(watch: Watch) -> None:
    cache, keys = KeyCache(most=2), {name: case_key(name) for name in ("a", "b", "c")}
    cache.put(keys["a"])
    cache.put(keys["b"])
    assert cache.get("a", 1) is keys["a"]
    cache.put(keys["c"])
    assert [cache.get(name, 1) for name in "abc"] == [keys["a"], None, keys["c"]]
    cache.drop("a")
    cache.drop("never there")
    assert cache.get("a", 1) is None
