"""The keys below the root: those of a jurisdiction and of the installation, and one for every case.

::

    root key (KeyProvider)
     └ vault key: case (one per jurisdiction), identity (per jurisdiction), index (per jurisdiction), installation
        └ case key, wrapped under the jurisdiction's ``case`` key
           └ content and attachment keys by HKDF; the identity key from the case key and the ``identity`` key together

Vault keys and case keys lie wrapped in the database. A version that no longer seals still opens, until it is destroyed.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import ContentUnreadable, KeyMaterialDamaged
from engine.vault.roots import KeyProvider
from engine.vault.suite import (
    Cipher,
    Unopenable,
    bound,
    derive,
    derive_from_both,
    fresh_id,
    fresh_key,
    mac,
    unwrap,
    version_of,
    wrap,
    wrapped_by,
)

KeyKind = Literal["case", "identity", "index", "installation"]
"""What a vault key is for: it wraps case keys, seals identities with the case key, indexes them, or is the house's."""

EVERYWHERE = "*"
"""The jurisdiction of the installation key."""
KEPT_SECONDS = 300.0
KEPT_USES = 1_000
MOST_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Cell:
    """Where sealed bytes belong; they open nowhere else. ``revision`` rises when a cell is written anew."""

    table: str
    row: str
    column: str
    revision: int

    def bound(self) -> bytes:
        """The cell as bytes that no other cell shares."""
        return bound("cell", self.table.encode(), self.row.encode(), self.column.encode(), b"%d" % self.revision)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A vault key as it lies in the database; ``id`` is 32 digits of hex."""

    id: str
    kind: str
    jurisdiction: str
    version: int
    wrapped: bytes


@dataclass(frozen=True, slots=True, repr=False)
class VaultKey:
    """A vault key, open, in memory only."""

    id: str
    kind: str
    jurisdiction: str
    version: int
    secret: bytes


def new_vault_key(provider: KeyProvider, kind: KeyKind, jurisdiction: str, version: int) -> WrappedKey:
    """Make a vault key, wrapped under the current root key."""
    return rewrapped(provider, VaultKey(fresh_id().hex(), kind, jurisdiction, version, fresh_key()))


def rewrapped(provider: KeyProvider, key: VaultKey) -> WrappedKey:
    """The same key, wrapped under the current root key."""
    wrapped = provider.wrap(key.secret, _vault_key_belongs(key.id, key.kind, key.jurisdiction, key.version))
    return WrappedKey(key.id, key.kind, key.jurisdiction, key.version, wrapped)


class Keyring:
    """The vault keys of an installation, open. A version that was superseded still opens what it sealed."""

    def __init__(self, provider: KeyProvider, rows: Iterable[WrappedKey]) -> None:
        """Open every row. Raises :class:`KeyForeign`, :class:`KeyMaterialDamaged`."""
        self.provider = provider
        self._by_id: dict[str, VaultKey] = {}
        self._newest: dict[tuple[str, str], VaultKey] = {}
        for row in rows:
            self._add(row)

    def _add(self, row: WrappedKey) -> None:
        belongs_to = _vault_key_belongs(row.id, row.kind, row.jurisdiction, row.version)
        key = VaultKey(
            row.id, row.kind, row.jurisdiction, row.version, self.provider.unwrap(row.wrapped, belongs_to)
        )  # fmt: skip
        self._by_id[key.id] = key
        newest = self._newest.get((key.kind, key.jurisdiction))
        if newest is None or newest.version < key.version:
            self._newest[key.kind, key.jurisdiction] = key

    def newest(self, kind: KeyKind, jurisdiction: str) -> VaultKey | None:
        """The version that seals now, if the jurisdiction has one."""
        return self._newest.get((kind, jurisdiction))

    def all_of(self, kind: KeyKind, jurisdiction: str) -> list[VaultKey]:
        """Every version that is left, newest first."""
        found = [key for key in self._by_id.values() if (key.kind, key.jurisdiction) == (kind, jurisdiction)]
        return sorted(found, key=lambda key: -key.version)

    def get(self, key_id: str) -> VaultKey | None:
        """The key of that id, if it is known."""
        return self._by_id.get(key_id)


@dataclass(frozen=True, slots=True)
class WrappedCaseKey:
    """A case key as it lies in the database; ``vault_key`` is the id of what it is wrapped under."""

    case_id: str
    version: int
    vault_key: str
    wrapped: bytes


def new_case_key(under: VaultKey, case_id: str, version: int = 1) -> tuple[CaseKey, WrappedCaseKey]:
    """Make the key of a case, open and wrapped."""
    secret = fresh_key()
    return CaseKey(case_id, {version: secret}), _wrapped_case_key(under, case_id, version, secret)


def rewrap_case_key(row: WrappedCaseKey, before: VaultKey, after: VaultKey) -> WrappedCaseKey:
    """The same case key, wrapped under another vault key. Raises :class:`KeyMaterialDamaged`."""
    return _wrapped_case_key(after, row.case_id, row.version, open_case_key(row, before))


def open_case_key(row: WrappedCaseKey, under: VaultKey) -> bytes:
    """The 32 bytes of a case key. Raises :class:`KeyMaterialDamaged`."""
    try:
        return unwrap(row.wrapped, bytes_of(under), _case_key_belongs(row.case_id, row.version))
    except Unopenable:
        raise damaged_key(row.case_id) from None


def wrapping_id(wrapped: bytes) -> str | None:
    """The id of the vault key that wrapped, as hex; ``None`` when these bytes are no wrapped key."""
    try:
        return wrapped_by(wrapped).hex()
    except Unopenable:
        return None


class CaseKey:
    """The key of one case, open: seals and opens its cells. It knows every version it was given."""

    __slots__ = ("_ciphers", "_ledger", "_secrets", "case_id", "version")

    def __init__(self, case_id: str, secrets: Mapping[int, bytes]) -> None:
        self.case_id = case_id
        self.version = max(secrets)
        self._secrets = dict(secrets)
        self._ciphers: dict[tuple[str, int], Cipher] = {}
        self._ledger: tuple[bytes, bytes] | None = None

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        """The bytes of a cell of the case's content."""
        return self._cipher("content", self.version).seal(plain, cell.bound())

    def unseal(self, stored: bytes, cell: Cell) -> bytes:
        """What :meth:`seal` sealed. Raises :class:`ContentUnreadable`."""
        return self._opened("content", stored, cell)

    def attachment_key(self, attachment: str, version: int) -> bytes:
        """The key that one attachment is sealed under."""
        return derive(self._secret(version), f"attachment/{attachment}")

    def identity_cipher(self, with_key: VaultKey, version: int | None = None) -> Cipher:
        """Seals identities of the case: needs the case's key and the jurisdiction's ``identity`` key."""
        chosen = self.version if version is None else version
        return Cipher(derive_from_both(self._secret(chosen), with_key.secret, "identity"), chosen)

    def ledger_salt(self) -> bytes:
        """The salt under which the ledger says that an entry concerns this case, of 32 bytes.

        It comes from the first version of the key, which stays until the case is erased: so a rotation changes nothing
        of it, and an erasure takes it away from everybody.
        """
        if self._ledger is None:
            first = self._secret(min(self._secrets))
            self._ledger = derive(first, "ledger-salt"), derive(first, "ledger-digest")
        return self._ledger[0]

    def ledger_digest(self, plain: bytes) -> str:
        """The keyed digest that the ledger holds of what is on record of this case, 64 digits of hex."""
        self.ledger_salt()
        assert self._ledger is not None, "it was just made"
        return mac(self._ledger[1], "ledger-digest", plain).hex()

    def compartment_digest(self, field_class: str, plain: bytes) -> str:
        """The keyed digest by which the case itself knows what it holds of a field class, 64 digits of hex.

        As the ledger's it comes from the first version of the key: a rotation changes nothing of it.
        """
        self.ledger_salt()
        assert self._ledger is not None, "it was just made"
        return mac(self._ledger[1], "compartment-digest", field_class.encode(), plain).hex()

    def _secret(self, version: int) -> bytes:
        found = self._secrets.get(version)
        if found is None:
            raise damaged_key(self.case_id)
        return found

    def _cipher(self, purpose: str, version: int) -> Cipher:
        found = self._ciphers.get((purpose, version))
        if found is None:
            found = self._ciphers[purpose, version] = Cipher(derive(self._secret(version), purpose), version)
        return found

    def _opened(self, purpose: str, stored: bytes, cell: Cell) -> bytes:
        try:
            return self._cipher(purpose, version_of(stored)).unseal(stored, cell.bound())
        except (Unopenable, KeyMaterialDamaged):
            raise unreadable(self.case_id) from None


class HouseKey:
    """The installation's own key: seals what belongs to no case, and makes digests that nobody else can try out."""

    def __init__(self, keys: Iterable[VaultKey]) -> None:
        """Take every version there is, the newest first."""
        ordered = list(keys)
        self._ciphers = {key.version: Cipher(derive(key.secret, "content"), key.version) for key in ordered}
        self._digests = [derive(key.secret, "digest") for key in ordered]
        self.version = ordered[0].version

    def seal(self, plain: bytes, cell: Cell) -> bytes:
        """The bytes of a cell that belongs to no case."""
        return self._ciphers[self.version].seal(plain, cell.bound())

    def unseal(self, stored: bytes, cell: Cell) -> bytes:
        """What :meth:`seal` sealed. Raises :class:`ContentUnreadable`."""
        try:
            return self._ciphers[version_of(stored)].unseal(stored, cell.bound())
        except (Unopenable, KeyError):
            raise unreadable("-") from None

    def digest(self, words: bytes) -> str:
        """A keyed digest, 64 digits of hex: short words cannot be found by trying them all."""
        return mac(self._digests[0], "digest", words).hex()

    def locator(self, words: bytes) -> str:
        """A keyed digest to find a row by: always under the first version, so that a rotation moves no row."""
        return mac(self._digests[-1], "locator", words).hex()

    def is_digest(self, digest: str, words: bytes) -> bool:
        """Whether this is the digest of these words under any version of the key."""
        return any(hmac.compare_digest(mac(key, "digest", words).hex(), digest) for key in self._digests)


@dataclass(slots=True)
class _Kept:
    key: CaseKey
    until: float
    uses: int = KEPT_USES


@dataclass(slots=True)
class KeyCache:
    """Open case keys for five minutes or a thousand uses, whichever comes first; the least used goes first."""

    most: int = MOST_KEPT
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)

    def get(self, case_id: str, version: int) -> CaseKey | None:
        """The key of a case, if it is still kept and knows this version."""
        kept = self._kept.get(case_id)
        if kept is None:
            return None
        kept.uses -= 1
        if kept.uses < 0 or kept.key.version < version or time.monotonic() > kept.until:
            del self._kept[case_id]
            return None
        self._kept.move_to_end(case_id)
        return kept.key

    def put(self, key: CaseKey) -> None:
        """Keep a key for a while."""
        self._kept[key.case_id] = _Kept(key, time.monotonic() + KEPT_SECONDS)
        self._kept.move_to_end(key.case_id)
        if len(self._kept) > self.most:
            self._kept.popitem(last=False)

    def drop(self, case_id: str) -> None:
        """Forget a key at once."""
        self._kept.pop(case_id, None)


def bytes_of(key: VaultKey) -> bytes:
    """What a vault key wraps case keys with."""
    return derive(key.secret, "case-key")


def unreadable(case_id: str) -> ContentUnreadable:
    """A cell that does not open; what was there is not repeated."""
    return ContentUnreadable(
        f"个案 {case_id} 的存储内容无法打开：被改动、截断、移位，或换回了旧版本",
        f"what is stored of case {case_id} does not open: changed, cut, moved there, or of an older revision",
        case=case_id,
    )


def damaged_key(case_id: str) -> KeyMaterialDamaged:
    """A case key that is missing or does not open."""
    return KeyMaterialDamaged(
        f"个案 {case_id} 的密钥缺失、损坏或被改动", f"the key of case {case_id} is missing, damaged or was changed",
        case=case_id,
    )  # fmt: skip


def _wrapped_case_key(under: VaultKey, case_id: str, version: int, secret: bytes) -> WrappedCaseKey:
    wrapped = wrap(secret, bytes_of(under), bytes.fromhex(under.id), _case_key_belongs(case_id, version))
    return WrappedCaseKey(case_id, version, under.id, wrapped)


def _vault_key_belongs(key_id: str, kind: str, jurisdiction: str, version: int) -> bytes:
    return bound("vault-key", key_id.encode(), kind.encode(), jurisdiction.encode(), b"%d" % version)


def _case_key_belongs(case_id: str, version: int) -> bytes:
    return bound("case-key", case_id.encode(), b"%d" % version)
