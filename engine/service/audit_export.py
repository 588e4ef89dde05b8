"""What an auditor takes along: the ledger as a bundle, the salts of cases, and digests of what is on record now.

Each export is entered in the ledger before anything of it is written. Nothing here can read an entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from engine.core.codes import hold_actors, shown
from engine.core.commands import Actor
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    ContentUnreadable,
    HistoryBroken,
    KeyMaterialDamaged,
    LedgerDamaged,
    NothingToChange,
    StoreUnavailable,
)
from engine.ledger.bundle import MOST_ENTRIES, BundleWriter
from engine.ledger.canonical import Value, encode, time_text
from engine.ledger.exports import DIGESTS, SALTS
from engine.service.account import Account
from engine.service.content import case_of, open_compartments, plain_case
from engine.service.desk import Desk
from engine.service.permission import permit_act
from engine.service.persons import Persons, person_digest
from engine.service.safe import erased
from engine.service.sequencer import Held, sequence_all
from engine.store.cases import StoredCase
from engine.store.ledger import CheckpointRow, HeadRow
from engine.store.work import Work
from engine.vault.keys import CaseKey

MOST_NAMED = 1_000
"""So many cases may be named for their salts: each is told in the entry."""
_TRIES = 100
_CASES_AT_ONCE = 1_000

Write = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle: its log, how many entries the checkpoint covers, how many came after it or wait, and what is held."""

    origin: str
    size: int
    after: int
    waiting: int
    held: int
    timestamps: int
    certificates: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A file beside a bundle: how many lines follow its first, and of which cases something does not open.

    ``tree_size`` is the size of the log when it was taken.
    """

    lines: int
    damaged: tuple[str, ...]
    tree_size: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A stream (32 digits of hex) that the sequencer holds back, see :class:`engine.service.sequencer.Held`."""

    stream: str
    expected: int
    found: int
    why: str


@dataclass(frozen=True, slots=True)
class State:
    """How the ledger stood: its log, how many entries had their place, and how many waited, the oldest since when.

    ``signed`` is how many the last checkpoint covers; the signer looked at it last at ``signed_at``.
    """

    origin: str
    size: int
    waiting: int
    waiting_since: datetime | None
    signed: int | None
    signed_at: datetime | None
    held: tuple[HeldBack, ...]
    at: datetime


def export(desk: Desk, out: Write, actor: Actor) -> Exported:
    """Write the ledger up to its last checkpoint as a bundle (:mod:`engine.ledger.bundle`).

    What waits is given its place first. Raises :class:`NothingToChange` when no checkpoint is signed yet,
    :class:`LedgerDamaged` when entries are gone that a checkpoint covers, and what entering raises.
    """
    hold_actors(actor)
    account = Account("ledger:export", actor, purpose="audit")
    with desk.changing(account) as work:
        permit_act(desk, account, work, "read_ledger", "auditor")
        _last_checkpoint(work)
    held = sequence_all(desk.database).held
    exported_at = time_text(desk.scribe.now())
    with desk.database.reading() as work:
        checkpoint = _last_checkpoint(work)
        head = _head(work)
        waiting = work.outbox_waiting()[0]
        bundle = BundleWriter(out)
        bundle.info(
            {
                "v": 1, "origin": checkpoint.origin, "exported_at": exported_at, "waiting": waiting,
                "after": head.size - checkpoint.size, "held": [_held(one) for one in held],
            }
        )  # fmt: skip
        bundle.checkpoint(checkpoint.note)
        stamped = _write_timestamps(bundle, checkpoint.origin, work)
        certified = _write_certificates(bundle, work)
        _write_entries(bundle, checkpoint.size, work)
        bundle.end()
    return Exported(
        checkpoint.origin, checkpoint.size, head.size - checkpoint.size, waiting, len(held), stamped, certified
    )  # fmt: skip


def export_salts(desk: Desk, out: Write, cases: Sequence[str] | None, actor: Actor) -> Listed:
    """Write the salts of these cases, or of all: with them and a key an auditor reads whom entries concern.

    An erased case has none any more. Raises :class:`CaseUnknown`, :class:`CaseErased`, :class:`KeyMaterialDamaged` for
    a case that was named; of all cases those that are damaged are listed as such. Raises what entering raises.
    """
    hold_actors(actor)
    named = None if cases is None else sorted(set(cases))
    if named is not None and not 0 < len(named) <= MOST_NAMED:
        raise CommandMalformed(f"请指明 1 至 {MOST_NAMED} 件个案", f"name between 1 and {MOST_NAMED} cases")
    account = Account("ledger:salts", actor, purpose="audit", details={"complete": named is None})
    with desk.changing(account) as work:
        permit_act(desk, account, work, "read_ledger", "auditor")
        keys = [_key_of(desk, case_id, work) for case_id in named or ()]
        for key in keys:
            account.read(key, classes=("ledger_salt",))
    exported_at = time_text(desk.scribe.now())
    with desk.database.reading() as work:
        head = _head(work)
        lines = _Lines(out)
        lines.put({
            "v": 1, "file": SALTS, "origin": head.origin, "complete": named is None,
            "exported_at": exported_at,
        })  # fmt: skip
        for case_id in _every_case(work) if named is None else ():
            _put_salt(desk, case_id, lines, work)
        for key in keys:
            lines.put({"case": key.case_id, "salt": key.ledger_salt().hex()})
    return lines.told(head.size)


def export_digests(desk: Desk, out: Write, actor: Actor) -> Listed:
    """Write the digest of every record and person as they are now, and of every certificate of erasure.

    An auditor holds them against what the ledger says was done last. What does not open is listed as damaged. Raises
    :class:`StoreUnavailable` when so much is going on that the ledger never catches up, and what entering raises.
    """
    hold_actors(actor)
    account = Account("ledger:digests", actor, purpose="audit")
    with desk.changing(account) as work:
        permit_act(desk, account, work, "read_ledger", "auditor")
    for _ in range(_TRIES):
        held = sequence_all(desk.database).held
        with desk.database.reading() as work:
            # What is on record must be no further than the ledger, or it looks like a change behind its back.
            if held or not work.outbox_waiting()[0]:
                return _write_digests(desk, out, work)
    raise StoreUnavailable(
        "审计账一直有新记录，未能取得一致的对账摘要；请在空闲时重试",
        "so much is entered that digests and ledger were never at one moment; try again when less is going on",
        fault="ledger busy",
    )


def state(desk: Desk, actor: Actor) -> State:
    """How the ledger stands. What waits is counted, and then given its place: that shows what is held back.

    Raises :class:`LedgerDamaged` where the ledger does not agree with itself, and what entering raises.
    """
    hold_actors(actor)
    account = Account("ledger:status", actor, purpose="audit")
    with desk.reading(account) as work:
        permit_act(desk, account, work, "read_ledger", "auditor")
        head = _head(work)
        found = _checkpoint(head, work)
        waiting, since = work.outbox_waiting()
    held = sequence_all(desk.database).held
    signed, signed_at = (None, None) if found is None else (found.size, found.renewed_at)
    back = tuple(HeldBack(one.stream.hex(), one.expected, one.found, one.why) for one in held)
    return State(head.origin, head.size, waiting, since, signed, signed_at, back, desk.scribe.now())


def is_signed(desk: Desk, size: int, seconds: float) -> bool:
    """Whether a checkpoint covers a log of this size, now or when the signer had so many seconds for it."""
    until = time.monotonic() + seconds
    while True:
        with desk.database.reading() as work:
            found = _checkpoint(_head(work), work)
        if found is not None and found.size >= size:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(min(1.0, seconds))


def _write_digests(desk: Desk, out: Write, work: Work) -> Listed:
    head = _head(work)
    lines = _Lines(out)
    lines.put({
        "v": 1, "file": DIGESTS, "origin": head.origin,
        "exported_at": time_text(desk.scribe.now()), "tree_size": head.size,
    })  # fmt: skip
    for case_id in _every_case(work):
        certificate = work.certificate_of(case_id)
        if certificate is None:
            _put_digests(desk, case_id, lines, work)
        else:
            lines.put({"case": case_id, "certificate": sha256(certificate).hexdigest()})
    return lines.told(head.size)


def _put_digests(desk: Desk, case_id: str, lines: _Lines, work: Work) -> None:
    """A record and its persons; of one without its key nothing opens."""
    stored = work.load_case(case_id, for_update=False)
    assert stored is not None, "it was just listed"
    key = _key_or_none(desk, case_id, work)
    plain = _plain_or_none(stored, key, work) if key is not None else None
    if key is None or plain is None:
        lines.put_damaged(case_id)
        return
    lines.put({
        "case": case_id, "person": None, "digest": key.ledger_digest(plain), "revision": stored.revision,
    })  # fmt: skip
    persons = Persons(desk.safe, work)
    for row in work.persons_of(case_id):
        try:
            digest = person_digest(persons.opened(row, key), key)
        except (KeyMaterialDamaged, ContentUnreadable):
            lines.put_damaged(case_id, row.id)
            continue
        lines.put({"case": case_id, "person": row.id, "digest": digest, "revision": None})


def _plain_or_none(stored: StoredCase, key: CaseKey, work: Work) -> bytes | None:
    """The structure of a case, if it and every field class it vouches for open: here nothing stays unread."""
    try:
        plain = plain_case(stored.content, stored.id, stored.revision, key)
        _structure, marks = case_of(plain, stored.id, stored.revision)
        open_compartments(work.compartments_of(stored.id), marks, marks.keys(), key)
    except (ContentUnreadable, HistoryBroken):
        return None
    return plain


def _put_salt(desk: Desk, case_id: str, lines: _Lines, work: Work) -> None:
    key = _key_or_none(desk, case_id, work)
    if key is not None:
        lines.put({"case": case_id, "salt": key.ledger_salt().hex()})
    elif work.certificate_of(case_id) is None:
        lines.put_damaged(case_id)


def _key_or_none(desk: Desk, case_id: str, work: Work) -> CaseKey | None:
    """The key of a case if it opens. It is not kept: an export would leave thousands of keys open in this process."""
    try:
        return desk.safe.key_for(case_id, work)
    except KeyMaterialDamaged:
        return None


def _key_of(desk: Desk, case_id: str, work: Work) -> CaseKey:
    if work.load_case(case_id, for_update=False) is None:
        raise CaseUnknown(f"没有个案 {shown(case_id)}", f"no case {shown(case_id)}", case=shown(case_id))
    key = desk.safe.key_for(case_id, work)
    if key is None:
        raise erased(case_id)
    return key


def _head(work: Work) -> HeadRow:
    found = work.ledger_head()
    assert found is not None, "the migration makes it"
    return found


def _checkpoint(head: HeadRow, work: Work) -> CheckpointRow | None:
    """The last checkpoint of the log as it is called now: of one under an earlier name larger trees may be signed."""
    found = work.last_checkpoint()
    if found is None or found.origin == head.origin:
        return found
    return next((one for one in reversed(work.checkpoints()) if one.origin == head.origin), None)


def _last_checkpoint(work: Work) -> CheckpointRow:
    """The last checkpoint. Raises :class:`NothingToChange` when none is signed yet."""
    found = _checkpoint(_head(work), work)
    if found is None:
        raise NothingToChange(
            "审计账尚无签署的检查点，不能导出；请先执行 guitu signer run --once",
            "no checkpoint of the ledger is signed yet, so there is nothing to export: run guitu signer run --once",
        )
    return found


def _write_timestamps(bundle: BundleWriter, origin: str, work: Work) -> int:
    notes = {one.size: one.note for one in work.checkpoints() if one.origin == origin}
    found = [one for one in work.timestamps() if one.size in notes]
    for one in found:
        bundle.timestamp(notes[one.size], one.token)
    return len(found)


def _write_certificates(bundle: BundleWriter, work: Work) -> int:
    number = 0
    for case_id in _every_case(work):
        certificate = work.certificate_of(case_id)
        if certificate is not None:
            bundle.certificate(certificate)
            number += 1
    return number


def _write_entries(bundle: BundleWriter, size: int, work: Work) -> None:
    first = 0
    while first < size:
        entries = work.entries(first, min(MOST_ENTRIES, size - first))
        if not entries:
            raise LedgerDamaged(
                f"审计账缺少第 {first} 条记录，而检查点已签署到 {size} 条",
                f"entry {first} of the ledger is gone, and a checkpoint was signed over {size}",
                entry=first,
            )
        bundle.entries(first, entries)
        first += len(entries)


def _every_case(work: Work) -> Iterator[str]:
    after = ""
    while page := work.cases(limit=_CASES_AT_ONCE, after=after):
        yield from (line.id for line in page)
        after = page[-1].id


def _held(one: Held) -> Value:
    return {"stream": one.stream.hex(), "expected": one.expected, "found": one.found}


@dataclass(slots=True)
class _Lines:
    """A file of lines, each a canonical object; the first says what it is."""

    out: Write
    _number: int = -1
    _damaged: dict[str, None] = field(default_factory=dict)

    def put(self, line: dict[str, Value]) -> None:
        """Write one line."""
        self.out(encode(line) + b"\n")
        self._number += 1

    def put_damaged(self, case_id: str, person: str | None = None) -> None:
        """Write that something of a case does not open."""
        self.put({"case": case_id, "person": person, "damaged": True})
        self._damaged[case_id] = None

    def told(self, tree_size: int) -> Listed:
        """What was written, in a log of this size."""
        return Listed(self._number, tuple(self._damaged), tree_size)
