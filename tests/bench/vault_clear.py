"""A vault that seals nothing, for the bench only: what moves cost without sealing, everything else as it is."""

from __future__ import annotations

import struct

from engine.core.case import Case
from engine.service.safe import Safe
from engine.store.cases import StoredCase
from engine.store.vault import CaseKeyRow
from engine.store.work import Work
from engine.vault.keys import CaseKey, Cell, VaultKey
from engine.vault.suite import Cipher

_HEAD = struct.Struct(">BBI12s")
"""What stands before the ciphertext of a cell; the engine looks for the version of the key there."""


class ClearContent(CaseKey):
    """The key of a case through which content passes as it is; identities are still sealed."""

    __slots__ = ()

    @classmethod
    def like(cls, key: CaseKey) -> CaseKey:
        """The same key, sealing less."""
        return cls(key.case_id, key._secrets)

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        """The bytes as they are."""
        return plain

    def unseal(self, stored: bytes, cell: Cell) -> bytes:
        """The bytes as they are."""
        return stored


class Clear(ClearContent):
    """The key of a case that seals nothing at all."""

    __slots__ = ()

    def identity_cipher(self, with_key: VaultKey, version: int | None = None) -> Cipher:
        """A cipher in name only."""
        return _NoCipher(self.version if version is None else version)


class _NoCipher(Cipher):
    __slots__ = ()

    def __init__(self, version: int) -> None:
        self.version = version

    def seal(self, plain: bytes, place: bytes) -> bytes:
        return _HEAD.pack(1, 1, self.version, bytes(12)) + plain

    def unseal(self, stored: bytes, place: bytes) -> bytes:
        return stored[_HEAD.size :]


class ClearSafe(Safe):
    """A vault whose case keys seal less; they are found, unwrapped and kept as always."""

    keys: type[ClearContent] = ClearContent

    def key_of(self, stored: StoredCase, work: Work) -> CaseKey:
        """The key of a case, sealing less."""
        return self.keys.like(super().key_of(stored, work))

    def key_for(self, case_id: str, work: Work) -> CaseKey | None:
        """The key of a case by its code, sealing less."""
        found = super().key_for(case_id, work)
        return None if found is None else self.keys.like(found)

    def make_case_key(self, case: Case, work: Work) -> tuple[CaseKey, CaseKeyRow]:
        """A key for a new case, sealing less."""
        key, row = super().make_case_key(case, work)
        return self.keys.like(key), row


class NothingSealed(ClearSafe):
    """A vault whose case keys seal nothing at all."""

    keys = Clear
