"""Rotating keys: in small transactions beside the daily work, both versions valid meanwhile, resumed where it stopped.

What each kind means:

``root``          a new root key in the key file; every vault key is wrapped anew; then the old one leaves the file.
                  Backups made before still need a copy of the old file
``case``          a new key of a jurisdiction; every case key is wrapped anew; then the old one is destroyed
``case_key``      a new key for every case of a jurisdiction; content and identities are sealed anew. Events, refusals
                  and attachments stay under the version they were sealed with, which stays wrapped
``identity``      a new identity key of a jurisdiction; every identity is sealed anew; then the old one is destroyed
``index``         a new index key; tokens are written and asked for under both until all are there; then the old go
``installation``  a new key of the house; the old one goes on opening what it sealed, and is never destroyed

Waiting until every process has read the new key keeps the work that is left at the end small; that nothing is lost does
not rest on it. Whoever seals under a key holds its row, and an old key is destroyed only in a transaction that waited
for all of them and then found nothing under it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.core.codes import is_code, shown
from engine.errors import CaseErased, CommandMalformed, KeyMaterialDamaged
from engine.ledger.entry import Kind
from engine.service.account import Account
from engine.service.content import case_of, plain_case, resealed, seal_case
from engine.service.desk import Desk
from engine.service.persons import Enclosed, Persons, tokens_under
from engine.service.safe import RING_SECONDS
from engine.store.rotations import RotationRow
from engine.store.vault import CaseKeyRow
from engine.store.work import Work
from engine.vault.keys import EVERYWHERE, WrappedCaseKey, new_case_key, rewrap_case_key, rewrapped, wrapping_id
from engine.vault.roots import RootKeys

__all__ = ["BATCH", "EVERYWHERE", "SETTLE_SECONDS", "Progress", "Rotation", "RotationKind"]

RotationKind = Literal["root", "case", "case_key", "identity", "index", "installation"]
BATCH = 200
SETTLE_SECONDS = RING_SECONDS + 1
"""How long other processes may still seal under the keys they read last."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rotation came."""

    kind: str
    jurisdiction: str
    done: int
    total: int
    finished: bool


@dataclass(slots=True)
class Rotation:
    """One rotation at a desk. ``save_roots`` writes the key file; only a rotation of the root key needs it."""

    desk: Desk
    save_roots: Callable[[RootKeys], None] | None = None
    settle: Callable[[], None] = field(default=lambda: time.sleep(SETTLE_SECONDS))
    batch: int = BATCH

    def run(self, kind: RotationKind, jurisdiction: str) -> Iterator[Progress]:
        """Rotate to the end, or go on with a rotation of that kind that stopped. Raises :class:`CommandMalformed`."""
        self.desk.safe.forget()
        row = self._begin(kind, jurisdiction)
        yield _progress(row)
        self.settle()  # from here on every process seals under the new key
        self.desk.safe.forget()
        while row.finished_at is None:
            with self.desk.changing(_account(kind, jurisdiction)) as work:
                row = self._step(row, work)
            yield _progress(row)
        self.desk.safe.forget()

    def resume(self) -> Iterator[Progress]:
        """Go on with everything that stopped half-way."""
        with self.desk.database.reading() as work:
            stopped = [(row.kind, row.jurisdiction) for row in work.rotations() if row.finished_at is None]
            provider = self.desk.safe.ring(work).provider
        if isinstance(provider, RootKeys) and len(provider.keys) > 1 and ("root", EVERYWHERE) not in stopped:
            stopped.append(("root", EVERYWHERE))  # it stopped between the key file and the database
        for kind, jurisdiction in stopped:
            yield from self.run(kind, jurisdiction)  # type: ignore[arg-type]

    # ── beginning ──

    def _begin(self, kind: RotationKind, jurisdiction: str) -> RotationRow:
        if kind in ("root", "installation") and jurisdiction != EVERYWHERE:
            raise CommandMalformed("这种密钥不分地区", "this key is not one of a jurisdiction")
        with self.desk.changing(_account(kind, jurisdiction)) as work:
            work.make_no_vault_key()
            for row in work.rotations():
                if (row.kind, row.jurisdiction, row.finished_at) == (kind, jurisdiction, None):
                    return row
            row = self._new_row(kind, jurisdiction, work)
            work.add_rotation(row)
        return row

    def _row(self, kind: str, jurisdiction: str, old: str, new: str, total: int) -> RotationRow:
        return RotationRow(secrets.token_hex(8), kind, jurisdiction, old, new, total, 0, "", self.desk.clock())

    def _root(self, work: Work) -> RotationRow:
        provider, save = self._own_roots(work)
        # The file has both keys before anything is wrapped under the new one, and a stopped rotation finds them there.
        both = provider if len(provider.keys) > 1 else provider.with_another()
        save(both)
        self.desk.safe.adopt(both)
        old = ",".join(sorted(name.hex() for name in both.keys if name != both.current))
        live = [row for row in work.vault_keys() if row.destroyed_at is None]
        return self._row("root", EVERYWHERE, old, both.current.hex(), len(live))

    def _own_roots(self, work: Work) -> tuple[RootKeys, Callable[[RootKeys], None]]:
        """The root keys as their file has them now, and what writes it. Raises :class:`CommandMalformed`."""
        provider = self.desk.safe.reread(work).provider
        if not isinstance(provider, RootKeys) or self.save_roots is None:
            raise CommandMalformed(
                "根密钥由外部设备保管，请在该设备上轮换", "the root key is in a device: rotate it there"
            )
        return provider, self.save_roots

    def _new_row(self, kind: RotationKind, jurisdiction: str, work: Work) -> RotationRow:
        if kind == "root":
            return self._root(work)
        safe = self.desk.safe
        old = safe.ring(work).all_of("case" if kind == "case_key" else kind, jurisdiction)
        if not old:
            told = shown(jurisdiction)
            raise CommandMalformed(f"{told} 没有这种密钥", f"{told} has no key of this kind")
        if kind == "case_key":
            return self._row(kind, jurisdiction, "", "", work.count_cases_in(jurisdiction))
        made = safe.make_key(kind, jurisdiction, old[0].version + 1, work)
        total = 0
        if kind == "case":
            total = sum(work.count_case_keys_under(key.id) for key in old)
        elif kind in ("identity", "index"):
            total = work.count_persons_in(jurisdiction)
        return self._row(kind, jurisdiction, ",".join(key.id for key in old), made.id, total)

    # ── one step ──

    def _step(self, row: RotationRow, work: Work) -> RotationRow:
        row = work.hold_rotation(row.id)
        if row.finished_at is not None:
            return row  # somebody else went on with it
        moved, cursor, is_over = _STEPS[row.kind](self, row, work)
        after = replace(
            row, done=row.done + moved, cursor=cursor, finished_at=self.desk.clock() if is_over else None
        )  # fmt: skip
        work.go_on(row.id, after.done, after.cursor, after.finished_at)
        return after

    def _rewrap_vault_keys(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        work.make_no_vault_key()
        provider, save = self._own_roots(work)
        if provider.current.hex() != row.new_key:
            raise KeyMaterialDamaged("密钥文件中没有新的根密钥", "the new root key is not in the key file")
        ring = self.desk.safe.ring(work)
        live = [one for one in work.vault_keys() if one.destroyed_at is None]
        others = [key for one in live if wrapping_id(one.wrapped) != row.new_key and (key := ring.get(one.id))]
        for key in others:
            work.rewrap_vault_key(key.id, rewrapped(provider, key).wrapped)
        if not others:  # and it is committed: only now may the file forget the old keys
            save(provider.with_current_alone())
            self.desk.safe.adopt(provider.with_current_alone())
        return len(others), "", not others

    def _rewrap_case_keys(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        new = self.desk.safe.key_by_id(row.new_key, work)
        for old_id in row.old_keys.split(","):
            found = work.case_keys_under(old_id, self.batch)
            if not found:
                continue
            old = self.desk.safe.key_by_id(old_id, work)
            for one in found:
                made = rewrap_case_key(WrappedCaseKey(one.case_id, one.version, one.vault_key, one.wrapped), old, new)
                work.rewrap_case_key(CaseKeyRow(made.case_id, made.version, made.vault_key, made.wrapped), old_id)
            return len(found), "", False
        return self._over(row, work)

    def _over(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        """Nothing is left under the old keys: they go, unless somebody was sealing under them at this moment."""
        old_keys = row.old_keys.split(",")
        for old_id in old_keys:
            work.close_vault_key(old_id)
        if any(self._is_used(row, old_id, work) for old_id in old_keys):
            return 0, row.cursor, False
        for old_id in old_keys:
            work.drop_tokens_under(old_id)
            work.destroy_vault_key(old_id, self.desk.clock())
        return 0, row.cursor, True

    def _is_used(self, row: RotationRow, old_id: str, work: Work) -> bool:
        return bool(
            work.case_keys_under(old_id, 1)
            or work.persons_under(old_id, 1)
            or (row.kind == "index" and work.not_indexed(old_id, row.new_key, 1))
        )

    def _reseal_cases(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        cases = work.cases_after(row.jurisdiction, row.cursor, self.batch)
        for case_id in cases:
            self._new_key_of(case_id, work)
        return len(cases), cases[-1] if cases else row.cursor, not cases

    def _new_key_of(self, case_id: str, work: Work) -> None:
        safe = self.desk.safe
        stored = work.load_case(case_id, for_update=True)
        assert stored is not None, "cases are never removed"
        try:
            before = safe.key_of(stored, work)
        except CaseErased:
            return
        plain = plain_case(stored.content, case_id, stored.revision, before)
        case, _marks = case_of(plain, case_id, stored.revision)
        persons = Persons(safe, work)
        since = {row.id: row.changed_at for row in work.persons_of(case_id)}
        known = persons.of(case, before)
        _key, made = new_case_key(safe.sealing_key("case", case.jurisdiction, work), case_id, stored.key_version + 1)
        work.add_case_key(CaseKeyRow(made.case_id, made.version, made.vault_key, made.wrapped))
        after = safe.key_for(case_id, work)
        assert after is not None, "it was just written"
        content = seal_case(plain, case_id, stored.revision, after)
        work.reseal_case(case_id, stored.revision, content, after.version)
        for one in work.compartments_of(case_id):
            work.reseal_compartment(case_id, one.field_class, resealed(one, before, after))
        for person, identity in known.items():
            persons.save(case, after, Enclosed(person, case.persons[person].role, identity), since[person])

    def _reseal_persons(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        for old_id in row.old_keys.split(","):
            found = work.persons_under(old_id, self.batch)
            for one in found:
                self._each_person(one.case_id, one.id, work, seal=True)
            if found:
                return len(found), "", False
        return self._over(row, work)

    def _reindex(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        after, _, person = row.cursor.partition("/")
        found = work.persons_after(row.jurisdiction, after, person, self.batch)
        # Behind the cursor: whom somebody recorded or amended who did not know the new key yet.
        late = [] if found else [
            one for old_id in row.old_keys.split(",") for one in work.not_indexed(old_id, row.new_key, self.batch)
        ]  # fmt: skip
        for case_id, name in (*found, *late):
            self._each_person(case_id, name, work, index_key=row.new_key)
        if found or late:
            return len(found), "/".join(found[-1]) if found else row.cursor, False
        return self._over(row, work)

    def _each_person(
        self, case_id: str, person: str, work: Work, *, seal: bool = False, index_key: str | None = None
    ) -> None:
        """Seal or index one person anew, with the case held so that no command changes her meanwhile."""
        safe = self.desk.safe
        stored = work.load_case(case_id, for_update=True)
        try:
            key = safe.key_of(stored, work) if stored is not None else None
        except CaseErased:
            return
        found = work.person(case_id, person)
        if stored is None or key is None or found is None:
            return
        persons = Persons(safe, work)
        identity = persons.opened(found, key)
        if seal:
            case, _marks = case_of(
                plain_case(stored.content, case_id, stored.revision, key), case_id, stored.revision
            )  # fmt: skip
            persons.save(case, key, Enclosed(person, case.persons[person].role, identity), found.changed_at)
        if index_key is not None:
            work.add_tokens(case_id, person, tokens_under(safe.key_by_id(index_key, work), identity))

    def _nothing(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        return 0, "", True


_STEPS: Mapping[str, Callable[[Rotation, RotationRow, Work], tuple[int, str, bool]]] = {
    "root": Rotation._rewrap_vault_keys, "case": Rotation._rewrap_case_keys, "case_key": Rotation._reseal_cases,
    "identity": Rotation._reseal_persons, "index": Rotation._reindex, "installation": Rotation._nothing,
}  # fmt: skip


def _account(kind: str, jurisdiction: str) -> Account:
    where = jurisdiction if is_code(jurisdiction) else "everywhere" if jurisdiction == EVERYWHERE else "unknown"
    return Account("keys:rotate", None, Kind.KEY_EVENT, details={"kind": kind, "jurisdiction": where})


def _progress(row: RotationRow) -> Progress:
    return Progress(row.kind, row.jurisdiction, row.done, row.total, row.finished_at is not None)
