"""The signer: a process of its own that signs checkpoints of the ledger, and only of a ledger that grew.

It rests on its own memory (:mod:`engine.service.signer_folder`), not on the database: a ledger that was cut, rewritten
or restored from a backup does not go on from the last tree that was signed, and gets no signature. What it signs it
remembers first; a crash may lose a checkpoint, never the memory of one.

A restored backup is a new beginning that people decide (:func:`restarting`): the log goes on under a new name, so that
nothing is ever signed against the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import structlog

from engine.errors import GuituError, LedgerDamaged, SignerRefused
from engine.ledger import signing
from engine.ledger.note import BadNote, Checkpoint, Note, SignerKey, VerifierKey
from engine.ledger.signing import Memory, countersign
from engine.ledger.tiles import BadTile, TileNodes
from engine.ledger.tree import DoesNotFit, Frontier, prove_consistency, root
from engine.service.desk import kept
from engine.service.sequencer import Stop
from engine.service.signer_folder import SignerFolder, init
from engine.service.timestamp_authority import Authority, anchor
from engine.store.database import Database
from engine.store.ledger import CheckpointRow, HeadRow
from engine.store.work import Work

EVERY_SECONDS = 60.0
TIMESTAMP_EVERY_SECONDS = 3600.0
_NO_TIMESTAMP = "timestamp_not_taken"
RestartReason = Literal["restored_backup", "lost_memory", "found_tampering"]
"""Why signing begins anew: a backup was restored, the signer's memory is lost or old, the ledger was tampered with."""

_REFUSALS = {
    "origin": (
        "密钥、记录与审计账不属于同一账",
        "key, memory and ledger are not of one log",
    ),
    "smaller": (
        "审计账比上次签署时短：已签署的记录不见了",
        "the ledger is shorter than when it was signed last: entries are gone",
    ),
    "another root": (
        "审计账与上次签署时一样长，内容却不同",
        "the ledger is as long as when it was signed last, and not the same",
    ),
    "not grown from it": (
        "审计账不是由上次签署时的账续写而成：已签署的记录被改动",
        "the ledger did not grow from what was signed last: what was signed was changed",
    ),
    "memory behind": (
        "数据库中有比签署方记录更新的检查点：签署方文件夹是旧副本",
        "the database has a checkpoint newer than the signer's memory: the signer's folder is an old copy",
    ),
    "occupied": (
        "此长度已有旧账名的检查点；待审计账续写后再签署",
        "a checkpoint under the log's former name has this size; it is signed when the ledger has grown",
    ),
    "not needed": (
        "审计账由上次签署时的账续写而成，无需重新开始",
        "the ledger grew from what was signed last: there is nothing to begin anew",
    ),
    "other log": (
        "签署方文件夹属于另一审计账",
        "the signer's folder is that of another ledger",
    ),
    "signed before": (
        "此审计账已被签署过：请取回原签署方文件夹",
        "this ledger was signed before: bring back the folder of its signer",
    ),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, and the signed note of it as it is handed out."""

    checkpoint: Checkpoint
    note: bytes


@dataclass(slots=True)
class Signer:
    """Signs the ledger of one database with the key and the memory in one folder. ``clock`` says when, for the record.

    The passphrase is kept for as long as the process lives: a key that is changed meanwhile opens with the same one.
    """

    folder: Path
    database: Database
    clock: Callable[[], datetime]
    passphrase: str | None = None
    _folder: SignerFolder = field(init=False)

    def __post_init__(self) -> None:
        self._folder = SignerFolder(self.folder)

    def sign(self) -> Signed:
        """Sign the ledger as it stands now, and keep the checkpoint in the database.

        Raises :class:`SignerRefused` with ``why``, :class:`LedgerDamaged`, :class:`SignerBroken`,
        :class:`PassphraseWrong`, and what the database raises. After any of them what was signed is remembered.
        """
        with self._folder.locked():
            memory = self._folder.memory()
            newest, *older = self._folder.keys(self.passphrase)
            found = _look(self.database, memory)
            try:
                note, after = countersign(newest, memory, found.checkpoint, found.proof)
            except signing.Refused as refused:
                raise refusal(refused.why, memory, found.checkpoint.size) from None
            if any(key.public.name != newest.public.name for key in older):
                raise refusal("origin", memory, found.checkpoint.size)
            signed = Note(note.text, (*note.signatures, *(key.sign(note.text) for key in older)))
            _hold_free(found, memory)
            if after != memory:
                self._folder.remember(after)
            return Signed(found.checkpoint, self._hand_out(found, signed))

    def _hand_out(self, found: _Found, signed: Note) -> bytes:
        """Keep the checkpoint. One of the same tree stays as it is: timestamps may be over it."""
        size, last = found.checkpoint.size, found.last
        note = signed.to_bytes()
        with kept(self.database) as work:
            if last is not None and last.size == size:
                work.renew_checkpoint(size, self.clock())
                return last.note
            work.add_checkpoint(size, found.checkpoint.origin, note, self.clock())
        return note

    def run(
        self, stop: Stop, every: float = EVERY_SECONDS, authority: Authority | None = None,
        timestamp_every: float = TIMESTAMP_EVERY_SECONDS,
    ) -> None:  # fmt: skip
        """Sign at a fixed cadence (seconds) until told to stop, whether anything happened or not.

        With an authority, ask it for a timestamp at a cadence of its own. What fails is an alarm in the log, and is
        tried again at the next beat.
        """
        begun = time.monotonic()
        errand = _Errand(lambda: anchor(self.database, authority), timestamp_every, begun) if authority else None
        is_over = False
        while not is_over:
            _alarmed("checkpoint_not_signed", self.sign)
            if errand is not None:
                errand.look_after(every / 2)
            is_over = stop.wait(max(0.0, _next_beat(begun, every) - time.monotonic()))


@dataclass(slots=True)
class _Errand:
    """Goes to the authority at a cadence of its own, beside the signing: a slow authority holds up no signature."""

    act: Callable[[], object]
    every: float
    due: float
    _thread: Thread | None = None

    def look_after(self, patience: float) -> None:
        """Set out when it is time, and wait so many seconds at most; an errand that does not come back is an alarm."""
        if self._thread is not None and self._thread.is_alive():
            structlog.get_logger().error(_NO_TIMESTAMP, code="authority_silent")
        elif time.monotonic() >= self.due:
            self._thread = Thread(target=self._go, daemon=True)
            self._thread.start()
            self._thread.join(patience)

    def _go(self) -> None:
        if _alarmed(_NO_TIMESTAMP, self.act):
            self.due = _next_beat(self.due, self.every)


@dataclass(slots=True)
class Restart:
    """Signing begins anew. Call :meth:`rename` in the transaction that tells the ledger of it (``signer:restart``)."""

    key: SignerKey
    memory: Memory
    reason: RestartReason
    after: Memory | None = None

    def rename(self, work: Work) -> dict[str, int | str]:
        """Give the log its new name, and what the ledger is told: the keys, what was signed, and what is there now.

        Raises :class:`SignerRefused`: ``other log`` for the folder of another one, ``not needed`` when the ledger grew
        from what was signed; and :class:`LedgerDamaged`.
        """
        last, key = self.memory.last, self.key.public
        head = _head(work, for_update=True)
        nodes = TileNodes(work.tiles(), head.size)
        found = _checkpoint(head, nodes)
        if len({_base(name) for name in (last.origin, key.name, head.origin)}) > 1:
            raise refusal("other log", self.memory, found.size)
        if self._has_grown(found, nodes) and not _is_behind(self.memory, work.last_checkpoint(), head.origin):
            raise refusal("not needed", self.memory, found.size)
        origin = _next_name(last.origin, key.name, head.origin)
        work.rename_log(origin)
        self.after = Memory(Checkpoint(origin, found.size, found.root))
        return {
            "old": key.id.hex(), "new": VerifierKey(origin, key.public).id.hex(), "reason": self.reason,
            "old_log": last.origin, "new_log": origin, "signed_size": last.size, "signed_root": last.root.hex(),
            "found_size": found.size, "found_root": found.root.hex(),
        }  # fmt: skip

    def _has_grown(self, found: Checkpoint, nodes: TileNodes) -> bool:
        try:
            countersign(self.key, self.memory, found, _proof(nodes, self.memory, found))
        except signing.Refused:
            return False
        return True


@contextmanager
def restarting(folder: Path, reason: RestartReason, passphrase: str | None) -> Iterator[Restart]:
    """Begin anew on the ledger as it is now: for people who know why it is not the one that was signed.

    The old memory stays beside the new one. The database is committed inside the block; only when that ended well the
    key and the memory follow, so whatever stops it in between leaves a signer that refuses, and that can be restarted.
    Raises :class:`PassphraseWrong` and :class:`SignerBroken`.
    """
    held = SignerFolder(folder)
    with held.locked():
        restart = Restart(held.keys(passphrase)[0], held.memory(), reason)
        yield restart
        if restart.after is not None:
            held.put_memory_aside()
            held.rename(restart.after.last.origin)
            held.remember(restart.after)


def refound(folder: Path, work: Work, passphrase: str | None) -> dict[str, int | str]:
    """Begin anew with a new key, where key and memory are lost; give what the ledger is told of it.

    The log goes on under a new name: what the lost key signed stays with auditors, and nothing more is signed for it.
    Raises :class:`SignerRefused` when anything is in the folder, and when nothing was ever signed (``begin`` is what is
    needed then); :class:`LedgerDamaged`.
    """
    head, last = _head(work, for_update=True), work.last_checkpoint()
    if last is None:
        raise SignerRefused("此审计账从未签署：请用 init", "nothing was ever signed here: use init", why="never signed")
    found = _checkpoint(head, TileNodes(work.tiles(), head.size))
    origin = _next_name(head.origin, last.origin)
    work.rename_log(origin)
    key = init(folder, origin, passphrase, Memory(Checkpoint(origin, found.size, found.root)))
    return {
        "new": key.id.hex(), "reason": "lost_memory", "old_log": head.origin, "new_log": origin,
        "signed_size": last.size, "found_size": found.size, "found_root": found.root.hex(),
    }  # fmt: skip


def begin(folder: Path, database: Database, passphrase: str | None) -> str:
    """Make the signer of this database, once; give its public key. Raises :class:`SignerRefused`."""
    with database.reading() as work:
        head = _head(work)
        if work.last_checkpoint() is not None:
            raise SignerRefused(*_REFUSALS["signed before"], why="signed before")
    return init(folder, head.origin, passphrase).to_text()


def status(folder: Path, database: Database) -> dict[str, Any]:
    """The signer and its ledger side by side: names, keys, sizes and times; no passphrase is needed."""
    held = SignerFolder(folder)
    last = held.memory().last
    with database.reading() as work:
        head, row, stamps = _head(work), work.last_checkpoint(), work.timestamps()
    return {
        "log": head.origin, "keys": [key.to_text() for key in held.public()], "has_passphrase": held.needs_passphrase(),
        "signed_log": last.origin, "signed_size": last.size, "signed_root": last.root.hex(), "size": head.size,
        "checkpoint_size": row.size if row else None, "made_at": row.made_at.isoformat() if row else None,
        "renewed_at": row.renewed_at.isoformat() if row else None,
        "timestamp_at": max(one.made_at for one in stamps).isoformat() if stamps else None,
    }  # fmt: skip


def database_at(url: str) -> Database:
    """The database, opened for a signer, which needs no vault and no rule books. Raises what opening raises."""
    return Database.open(url)


def refusal(why: str, memory: Memory, found: int) -> SignerRefused:
    """The refusal in words, with the sizes that it is about."""
    zh, en = _REFUSALS[why]
    signed = memory.last.size
    return SignerRefused(
        f"{zh}（上次签署 {signed} 条，现有 {found} 条）", f"{en} ({signed} entries signed, {found} there now)",
        why=why, signed=signed, found=found,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look at the database showed: the ledger, the proof that it grew, and the last checkpoint kept there."""

    checkpoint: Checkpoint
    proof: list[bytes]
    last: CheckpointRow | None


def _look(database: Database, memory: Memory) -> _Found:
    with database.reading() as work:
        head = _head(work)
        nodes = TileNodes(work.tiles(), head.size)
        checkpoint = _checkpoint(head, nodes)
        return _Found(checkpoint, _proof(nodes, memory, checkpoint), work.last_checkpoint())


def _hold_free(found: _Found, memory: Memory) -> None:
    """Refuse what the checkpoints in the database speak against."""
    last, checkpoint = found.last, found.checkpoint
    if last is None:
        return
    if _is_behind(memory, last, checkpoint.origin):
        raise refusal("memory behind", memory, last.size)
    if last.size == checkpoint.size and _text_of(last) != checkpoint.to_text():
        raise refusal("occupied", memory, checkpoint.size)


def _is_behind(memory: Memory, last: CheckpointRow | None, origin: str) -> bool:
    """Whether something of this log was signed that the memory does not know of: the folder is an old copy."""
    return last is not None and last.origin == origin and last.size > memory.last.size


def _text_of(row: CheckpointRow) -> str | None:
    try:
        return Note.from_bytes(row.note).text
    except BadNote:
        return None


def _head(work: Work, *, for_update: bool = False) -> HeadRow:
    head = work.ledger_head(for_update=for_update)
    if head is None:
        raise _damaged("head")
    return head


def _checkpoint(head: HeadRow, nodes: TileNodes) -> Checkpoint:
    """The ledger as its tiles have it, which must be as its frontier has it. Raises :class:`LedgerDamaged`."""
    try:
        frontier = Frontier.from_bytes(head.frontier)
        if frontier.size != head.size or frontier.root() != root(nodes, head.size):
            raise _damaged("tiles")
        return Checkpoint(head.origin, head.size, frontier.root())
    except (BadTile, DoesNotFit, BadNote):
        raise _damaged("tiles") from None


def _proof(nodes: TileNodes, memory: Memory, checkpoint: Checkpoint) -> list[bytes]:
    """What is to show that the ledger grew; nothing where it is shorter, which is refused anyway."""
    if checkpoint.size < memory.last.size:
        return []
    try:
        return prove_consistency(nodes, memory.last.size, checkpoint.size)
    except (BadTile, DoesNotFit):
        raise _damaged("tiles") from None


def _damaged(what: str) -> LedgerDamaged:
    return LedgerDamaged(
        "审计账的树与其头部不符，不予签署", "the tree of the ledger is not what its head says: it is not signed",
        what=what,
    )  # fmt: skip


def _base(origin: str) -> str:
    base, slash, number = origin.rpartition("/")
    return base if slash and number.isdecimal() else origin


def _next_name(*origins: str) -> str:
    """The first name after all of these: ``log``, ``log/2``, ``log/3``."""
    numbers = [int(origin.removeprefix(_base(origin)).removeprefix("/") or 1) for origin in origins]
    return f"{_base(origins[0])}/{max(numbers) + 1}"


def _next_beat(begun: float, every: float) -> float:
    """The next moment of a cadence, on the monotonic clock; beats that were missed are not made up for."""
    return begun + ((time.monotonic() - begun) // every + 1) * every


def _alarmed(event: str, act: Callable[[], object]) -> bool:
    """Do something, and say whether it was done; what refuses it is an alarm in the log."""
    try:
        act()
    except GuituError as error:
        why = error.details.get("why")
        structlog.get_logger().error(event, code=f"{error.code}:{why}" if why else error.code)
        return False
    return True
