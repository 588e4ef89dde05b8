"""Logs for the bench: written by the scribe as daily work is, given their places, signed; then taken along.

Of each case sixty changes are entered and one look after every third of them; eight cases go on at the same time. They
stand in no other table: of a case the ledger holds nothing but its digests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.core.commands import Actor
from engine.ledger.entry import Kind, tag
from engine.ledger.exports import Digests, Live, Salt, Salts
from engine.ledger.note import Checkpoint, Note, SignerKey
from engine.ledger.tree import Frontier
from engine.ledger.verifying.brought import Brought
from engine.service.account import Account
from engine.service.audit_export import export
from engine.service.desk import Desk, kept
from engine.service.scribe import MOST_TOGETHER
from engine.service.sequencer import sequence_all
from engine.service.trial import mark_trial
from engine.store import migrate
from engine.store.database import Database
from engine.vault.keys import CaseKey
from engine.vault.pseudonym import new_pseudonym
from engine.vault.suite import fresh_key
from tests.bench.driven import bench_desk, save_directory
from tests.bench.procedure import BENCH
from tests.keys import AUDITOR, scribe

AUDITING = Actor("officer-9", "justice-350101", "audit")
CHANGES = 60
LOOK_EVERY = 3
AT_ONCE = 8
_LATE = "9999-12-31T00:00:00.000Z"
"""When salts and digests of the bench were taken: after everything."""


@dataclass(slots=True)
class _Record:
    """A case as the ledger knows it."""

    key: CaseKey
    revision: int = 0
    digest: str = ""

    def changed(self) -> Account:
        """The account of the next change."""
        act = "case:move" if self.revision else "case:open"
        account = Account(act, Actor("officer-12", "police-350101"), policies=("holding",), definition=BENCH.rules.hash)
        if self.revision:
            account.read(self.key, classes=("basic",), digest=self.digest, revision=self.revision)
        self.revision += 1
        self.digest = self.key.ledger_digest(b"%d" % self.revision)
        account.changed(self.key, classes=("basic",), digest=self.digest, revision=self.revision)
        return account

    def looked_at(self) -> Account:
        """The account of a look."""
        account = Account("case:show", Actor("officer-12", "police-350101"), policies=("holding",))
        account.read(self.key, classes=("basic",), digest=self.digest, revision=self.revision)
        return account


@dataclass(slots=True)
class Log:
    """A log that grows, and what an auditor brings along to it."""

    kind: str
    url: str
    signer: SignerKey
    records: list[_Record] = field(default_factory=list)
    size: int = 0

    def grow(self, count: int) -> None:
        """Let it have so many entries at least, each with its place, under a checkpoint."""
        with bench_desk(BENCH, self.url) as desk:
            told = self._told()
            while batch := list(islice(told, min(MOST_TOGETHER, count - self.size))):
                desk.scribe.enter_together(batch)
                self.size += len(batch)
            desk.scribe.close()
            sequence_all(desk.database)
            self._sign(desk)
        os.sync()  # what this left to write would be waited for by the first who commits

    def taken_along(self, path: Path) -> int:
        """Write its bundle there; gives how many bytes that are."""
        with bench_desk(BENCH, self.url) as desk, path.open("wb") as out:
            exported = export(desk, out.write, AUDITING)
        assert exported.size == self.size
        return path.stat().st_size

    def brought(self) -> Brought:
        """Everything that is needed to check it wholly."""
        salts = {tag(one.key.ledger_salt()): Salt(one.key.case_id, one.key.ledger_salt()) for one in self.records}
        live = [Live(2 + n, one.key.case_id, None, one.digest, one.revision) for n, one in enumerate(self.records)]
        return Brought(
            log_key=self.signer.public, is_first=True, keys=[AUDITOR],
            salts=Salts(self.signer.public.name, _LATE, True, salts, ()),
            digests=Digests(self.signer.public.name, _LATE, self.size, iter(live)),
        )  # fmt: skip

    def _told(self) -> Iterator[Account]:
        while True:
            group = [_Record(CaseKey(new_pseudonym(), {1: fresh_key()})) for _ in range(AT_ONCE)]
            for place, one in product(range(CHANGES), group):
                if not one.revision:
                    self.records.append(one)
                yield one.changed()
                if place % LOOK_EVERY == 0:
                    yield one.looked_at()

    def _sign(self, desk: Desk) -> None:
        with kept(desk.database) as work:
            head = work.ledger_head()
            assert head is not None
            text = Checkpoint(head.origin, head.size, Frontier.from_bytes(head.frontier).root()).to_text()
            signed = Note(text, (self.signer.sign(text),)).to_bytes()
            work.add_checkpoint(head.size, head.origin, signed, desk.scribe.now())
        self.size = head.size


def founded(kind: str, url: str, owner: str) -> Log:
    """An empty log in a database that is migrated here; its auditor is announced before anything else is entered."""
    migrate.upgrade(owner)
    mark_trial(owner)
    with Database.open(url) as database:
        own = scribe(database)
        details = {"auditor": AUDITOR.auditor.id.hex(), "name": "auditor-1"}
        own.announce((AUDITOR.auditor,), Account("auditor:add", kind=Kind.KEY_EVENT, details={**details}))
        own.close()
        with database.reading() as work:
            head = work.ledger_head()
    assert head is not None
    save_directory(BENCH, url)
    return Log(kind, url, SignerKey(head.origin, Ed25519PrivateKey.generate()))
