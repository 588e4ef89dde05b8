"""The vault at work: finds, makes and keeps the keys that a request needs.

Vault keys are read from the record room and opened with the root key; a case's own key is opened when the case is
loaded and kept for a few minutes. Nothing here decides who may see anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.case import Case
from engine.errors import CaseErased, KeyForeign, KeyMaterialDamaged
from engine.store.cases import StoredCase
from engine.store.vault import CaseKeyRow, VaultKeyRow
from engine.store.work import Work
from engine.vault.keys import (
    EVERYWHERE,
    CaseKey,
    HouseKey,
    KeyCache,
    KeyKind,
    Keyring,
    VaultKey,
    WrappedCaseKey,
    WrappedKey,
    damaged_key,
    new_case_key,
    new_vault_key,
    open_case_key,
)
from engine.vault.roots import KeyProvider

RING_SECONDS = 5.0
"""How long a process may seal under the vault keys it read last; a rotation waits longer before it destroys one."""


@dataclass(slots=True)
class Safe:
    """The vault of one installation in one process. ``provider`` opens the root keys when they are first needed."""

    provider: Callable[[], KeyProvider]
    clock: Callable[[], datetime]
    _roots: KeyProvider | None = None
    _ring: Keyring | None = None
    _house: HouseKey | None = None
    _read_at: float = 0.0
    _made_in: Work | None = None
    """Where a key was made that may yet be rolled back: whoever comes after that reads the keys anew."""
    _cases: KeyCache = field(default_factory=KeyCache)

    def ring(self, work: Work) -> Keyring:
        """The vault keys of the installation, read again every few seconds.

        Raises :class:`KeyForeign`, :class:`KeyMaterialDamaged`, and what opening the root keys raises.
        """
        if self._made_in is not None and self._made_in is not work:
            self._made_in = self._ring = None
        if self._ring is None or time.monotonic() - self._read_at > RING_SECONDS:
            return self._read(work)
        return self._ring

    def _read(self, work: Work) -> Keyring:
        rows = [_wrapped(row) for row in work.vault_keys() if row.destroyed_at is None]
        if self._roots is None:
            self._roots = self.provider()
        try:
            ring = Keyring(self._roots, rows)
        except KeyForeign:  # the root key may have been rotated: the key file knows
            self._roots = self.provider()
            ring = Keyring(self._roots, rows)
        self._ring, self._house, self._read_at = ring, None, time.monotonic()
        return ring

    def adopt(self, roots: KeyProvider) -> None:
        """Go on with these root keys: somebody in this process has just changed them."""
        self._roots = roots
        self._ring = None

    def forget(self) -> None:
        """Read every key anew at the next request."""
        self._ring = None
        self._house = None
        self._cases = KeyCache()

    def reread(self, work: Work) -> Keyring:
        """The vault keys as they are now, opened with the root keys as they are now."""
        self._roots = None
        return self._read(work)

    def sealing_key(self, kind: KeyKind, jurisdiction: str, work: Work) -> VaultKey:
        """The vault key that seals now; the first one of a jurisdiction is made when it is first needed."""
        return self.live_keys(kind, jurisdiction, work)[0]

    def live_keys(self, kind: KeyKind, jurisdiction: str, work: Work) -> list[VaultKey]:
        """Every version of a vault key, newest first, and none of them is destroyed before this transaction ends."""
        found = self.ring(work).all_of(kind, jurisdiction)
        while not all(work.keep_vault_key(key.id) for key in found):  # a rotation ended since the ring was read
            found = self._read(work).all_of(kind, jurisdiction)
        return found or [self.make_key(kind, jurisdiction, 1, work)]

    def make_key(self, kind: KeyKind, jurisdiction: str, version: int, work: Work) -> VaultKey:
        """Make a version of a vault key; if another process was faster, that one's is it."""
        made = new_vault_key(self._read(work).provider, kind, jurisdiction, version)
        work.add_vault_key(VaultKeyRow(made.id, kind, jurisdiction, version, made.wrapped, self.clock()))
        found = self._read(work).newest(kind, jurisdiction)
        assert found is not None, "it was just written"
        self._made_in = work
        return found

    def key_by_id(self, key_id: str, work: Work) -> VaultKey:
        """A vault key that something was sealed under. Raises :class:`KeyMaterialDamaged` when it is gone."""
        found = self.ring(work).get(key_id) or self._read(work).get(key_id)
        if found is None:
            raise KeyMaterialDamaged(
                "封存所用的密钥已不存在", "the key this was sealed under does not exist any more", key=key_id
            )
        return found

    def house(self, work: Work) -> HouseKey:
        """The installation's own key."""
        self.ring(work)
        if self._house is None:
            if self.ring(work).newest("installation", EVERYWHERE) is None:
                self.make_key("installation", EVERYWHERE, 1, work)
            self._house = HouseKey(self.ring(work).all_of("installation", EVERYWHERE))
        return self._house

    # ── the key of a case ──

    def key_of(self, stored: StoredCase, work: Work) -> CaseKey:
        """The key of a case as it was loaded. Raises :class:`CaseErased`, :class:`KeyMaterialDamaged`."""
        if stored.content and stored.wrapped_key is not None and stored.vault_key is not None:
            kept = self._cases.get(stored.id, stored.key_version)
            if kept is not None:
                return kept
            if stored.key_version == 1 and self.ring(work).get(stored.vault_key) is not None:
                return self._keep(stored.id, [CaseKeyRow(stored.id, 1, stored.vault_key, stored.wrapped_key)], work)
        # An older version opens what is append-only. And a request that waited for the case sees the case as it is now,
        # but joined to the key as it was before a rotation or an erasure: the keys are looked up again.
        rows = work.case_keys(stored.id)
        if not stored.content or all(row.version != stored.key_version for row in rows):
            self._cases.drop(stored.id)
            raise _without_key(stored.id, work)
        return self._keep(stored.id, rows, work)

    def _keep(self, case_id: str, rows: list[CaseKeyRow], work: Work) -> CaseKey:
        key = self._opened(case_id, rows, work)
        self._cases.put(key)
        return key

    def _opened(self, case_id: str, rows: list[CaseKeyRow], work: Work) -> CaseKey:
        secrets = {
            row.version: open_case_key(_wrapped_case_key(row), self.key_by_id(row.vault_key, work)) for row in rows
        }
        return CaseKey(case_id, secrets)

    def key_for(self, case_id: str, work: Work) -> CaseKey | None:
        """The key of a case by its code alone; ``None`` when there is no such case or it was erased.

        It is not kept for later: it may hold a version that this transaction has just made and may yet drop.
        """
        rows = work.case_keys(case_id)
        return self._opened(case_id, rows, work) if rows else None

    def make_case_key(self, case: Case, work: Work) -> tuple[CaseKey, CaseKeyRow]:
        """A key for a new case; keep its row once the case itself is written."""
        under = self.sealing_key("case", case.jurisdiction, work)
        key, row = new_case_key(under, case.id)
        return key, CaseKeyRow(row.case_id, row.version, row.vault_key, row.wrapped)

    def drop(self, case_id: str) -> None:
        """Forget the open key of a case."""
        self._cases.drop(case_id)


def _without_key(case_id: str, work: Work) -> CaseErased | KeyMaterialDamaged:
    """Why a case has no key: it was erased, and a certificate says so; or somebody removed it."""
    return damaged_key(case_id) if work.certificate_of(case_id) is None else erased(case_id)


def erased(case_id: str) -> CaseErased:
    """The error that says a case was erased."""
    return CaseErased(
        f"个案 {case_id} 已删除：密钥已销毁，任何人都无法再读取或重放",
        f"case {case_id} was erased: its keys are destroyed, nobody can read or replay it any more",
        case=case_id,
    )


def _wrapped(row: VaultKeyRow) -> WrappedKey:
    return WrappedKey(row.id, row.kind, row.jurisdiction, row.version, row.wrapped)


def _wrapped_case_key(row: CaseKeyRow) -> WrappedCaseKey:
    return WrappedCaseKey(row.case_id, row.version, row.vault_key, row.wrapped)
