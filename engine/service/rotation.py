"""Rotating keys: in small transactions beside the daily work, both versions valid meanwhile, resumed where it stopped.

What each kind means:

``root``          a new root key in the key file; every vault key is wrapped anew; then the old one leaves the file
``case``          a new key of a jurisdiction; every case key is wrapped anew; then the old one is destroyed
``case_key``      a new key for every case of a jurisdiction; content and identities are sealed anew. Events, refusals
                  and attachments stay under the version they were sealed with, which stays wrapped
``identity``      a new identity key of a jurisdiction; every identity is sealed anew; then the old one is destroyed
``index``         a new index key; tokens are written and asked for under both until all are there; then the old go
``installation``  a new key of the house; the old one goes on opening what it sealed, and is never destroyed
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.errors import CommandMalformed, KeyMaterialDamaged
from engine.service.content import read_case, write_case
from engine.service.desk import Desk, kept
from engine.service.persons import Enclosed, Persons, tokens_under
from engine.service.safe import RING_SECONDS
from engine.store.rotations import RotationRow
from engine.store.vault import CaseKeyRow
from engine.store.work import Work
from engine.vault.keys import EVERYWHERE, WrappedCaseKey, new_case_key, rewrap_case_key, rewrapped
from engine.vault.roots import RootKeys

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
        row = self._unfinished(kind, jurisdiction) or self._begin(kind, jurisdiction)
        yield _progress(row)
        self.settle()  # from here on every process seals under the new key
        self.desk.safe.forget()
        while row.finished_at is None:
            with kept(self.desk.database) as work:
                row = self._step(row, work)
            yield _progress(row)
        if kind == "root":
            self._leave_old_roots()
        self.desk.safe.forget()

    def _leave_old_roots(self) -> None:
        """The key file forgets what wraps nothing any more. Backups made before still need a copy of the old file."""
        with self.desk.database.reading() as work:
            provider = self.desk.safe.ring(work).provider
        if isinstance(provider, RootKeys) and self.save_roots is not None:
            self.save_roots(provider.with_current_alone())
            self.desk.safe.adopt(provider.with_current_alone())

    def resume(self) -> Iterator[Progress]:
        """Go on with everything that stopped half-way."""
        with self.desk.database.reading() as work:
            rows = [row for row in work.rotations() if row.finished_at is None]
        for row in rows:
            yield from self.run(row.kind, row.jurisdiction)  # type: ignore[arg-type]

    def _unfinished(self, kind: RotationKind, jurisdiction: str) -> RotationRow | None:
        with self.desk.database.reading() as work:
            return next(
                (
                    row for row in work.rotations()
                    if (row.kind, row.jurisdiction) == (kind, jurisdiction) and row.finished_at is None
                ),
                None,
            )  # fmt: skip

    # ── beginning ──

    def _begin(self, kind: RotationKind, jurisdiction: str) -> RotationRow:
        if kind in ("root", "installation") and jurisdiction != EVERYWHERE:
            raise CommandMalformed("这种密钥不分地区", "this key is not one of a jurisdiction")
        with kept(self.desk.database) as work:
            row = self._root(work) if kind == "root" else self._next_version(kind, jurisdiction, work)
            work.add_rotation(row)
        return row

    def _row(self, kind: str, jurisdiction: str, old: str, new: str, total: int) -> RotationRow:
        return RotationRow(secrets.token_hex(8), kind, jurisdiction, old, new, total, 0, "", self.desk.clock())

    def _root(self, work: Work) -> RotationRow:
        provider = self.desk.safe.ring(work).provider
        if not isinstance(provider, RootKeys) or self.save_roots is None:
            raise CommandMalformed(
                "根密钥由外部设备保管，请在该设备上轮换", "the root key is in a device: rotate it there"
            )
        # The file has both keys before anything is wrapped under the new one, and a stopped rotation finds them there.
        both = provider if len(provider.keys) > 1 else provider.with_another()
        self.save_roots(both)
        self.desk.safe.adopt(both)
        old = ",".join(sorted(name.hex() for name in both.keys if name != both.current))
        live = [row for row in work.vault_keys() if row.destroyed_at is None]
        return self._row("root", EVERYWHERE, old, both.current.hex(), len(live))

    def _next_version(self, kind: RotationKind, jurisdiction: str, work: Work) -> RotationRow:
        if kind == "case_key":
            return self._row(kind, jurisdiction, "", "", work.count_cases_in(jurisdiction))
        safe = self.desk.safe
        old = safe.ring(work).all_of(kind, jurisdiction)
        if not old:
            raise CommandMalformed(f"{jurisdiction} 没有这种密钥", f"{jurisdiction} has no key of this kind")
        made = safe.make_key(kind, jurisdiction, old[0].version + 1, work)
        total = 0
        if kind == "case":
            total = sum(work.count_case_keys_under(key.id) for key in old)
        elif kind in ("identity", "index"):
            total = work.count_persons_in(jurisdiction)
        return self._row(kind, jurisdiction, ",".join(key.id for key in old), made.id, total)

    # ── one step ──

    def _step(self, row: RotationRow, work: Work) -> RotationRow:
        moved, cursor, is_over = _STEPS[row.kind](self, row, work)
        after = replace(
            row, done=row.done + moved, cursor=cursor, finished_at=self.desk.clock() if is_over else None
        )  # fmt: skip
        work.go_on(row.id, after.done, after.cursor, after.finished_at)
        return after

    def _rewrap_vault_keys(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        ring = self.desk.safe.ring(work)
        provider = ring.provider
        assert isinstance(provider, RootKeys), "only its own root keys are rotated here"
        if provider.current.hex() != row.new_key:
            raise KeyMaterialDamaged("密钥文件中没有新的根密钥", "the new root key is not in the key file")
        live = [one for one in work.vault_keys() if one.destroyed_at is None]
        for one in live:
            key = ring.get(one.id)
            assert key is not None, "the ring holds every key that is not destroyed"
            work.rewrap_vault_key(one.id, rewrapped(provider, key).wrapped)
        return len(live) - row.done, "", True

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
        """Nothing is left under the old keys: they go."""
        for old_id in row.old_keys.split(","):
            work.destroy_vault_key(old_id, self.desk.clock())
        return 0, row.cursor, True

    def _reseal_cases(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        cases = work.cases_after(row.jurisdiction, row.cursor, self.batch)
        for case_id in cases:
            self._new_key_of(case_id, work)
        return len(cases), cases[-1] if cases else row.cursor, not cases

    def _new_key_of(self, case_id: str, work: Work) -> None:
        stored = work.load_case(case_id, for_update=True)
        if stored is None or stored.wrapped_key is None:
            return  # erased in between
        safe = self.desk.safe
        before = safe.key_of(stored, work)
        case = read_case(stored.content, stored.id, stored.revision, before)
        persons = Persons(safe, work)
        known = persons.of(case, before)
        _key, made = new_case_key(safe.sealing_key("case", case.jurisdiction, work), case_id, stored.key_version + 1)
        work.add_case_key(CaseKeyRow(made.case_id, made.version, made.vault_key, made.wrapped))
        safe.drop(case_id)
        after = safe.key_for(case_id, work)
        assert after is not None, "it was just written"
        work.reseal_case(case_id, stored.revision, write_case(case, after), after.version)
        for person, identity in known.items():
            persons.save(case, after, Enclosed(person, case.persons[person].role, identity), self.desk.clock())
        safe.drop(case_id)  # the transaction may yet fail

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
        for case_id, name in found:
            self._each_person(case_id, name, work, index_key=row.new_key)
        if found:
            return len(found), "/".join(found[-1]), False
        for old_id in row.old_keys.split(","):
            work.drop_tokens_under(old_id)
        return self._over(row, work)

    def _each_person(
        self, case_id: str, person: str, work: Work, *, seal: bool = False, index_key: str | None = None
    ) -> None:
        """Seal or index one person anew, with the case held so that no command changes her meanwhile."""
        stored = work.load_case(case_id, for_update=True)
        if stored is None or stored.wrapped_key is None:
            return
        safe = self.desk.safe
        key = safe.key_of(stored, work)
        case = read_case(stored.content, stored.id, stored.revision, key)
        found = work.person(case_id, person)
        if found is None:
            return
        persons = Persons(safe, work)
        identity = persons.opened(found, key)
        if seal:
            persons.save(case, key, Enclosed(person, case.persons[person].role, identity), self.desk.clock())
        if index_key is not None:
            work.add_tokens(case_id, person, tokens_under(safe.key_by_id(index_key, work), identity))

    def _nothing(self, row: RotationRow, work: Work) -> tuple[int, str, bool]:
        return 0, "", True


_STEPS: Mapping[str, Callable[[Rotation, RotationRow, Work], tuple[int, str, bool]]] = {
    "root": Rotation._rewrap_vault_keys, "case": Rotation._rewrap_case_keys, "case_key": Rotation._reseal_cases,
    "identity": Rotation._reseal_persons, "index": Rotation._reindex, "installation": Rotation._nothing,
}  # fmt: skip


def _progress(row: RotationRow) -> Progress:
    return Progress(row.kind, row.jurisdiction, row.done, row.total, row.finished_at is not None)
