"""Attacks on entries that have their place, on the tree over them, and on what was signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger.auditor_file import PublicKey
from engine.ledger.entry import Kind, header_of
from engine.ledger.note import Checkpoint, Note, SignerKey
from engine.ledger.streams import Auditor, AuditorKey
from engine.service import signer_folder
from engine.service.account import Account
from engine.service.auditors import Listed, add
from engine.service.scribe import Scribe
from tests.tampering.acts import Act, Seen, Truth, seen
from tests.tampering.attacker import LEDGER, at, headers, is_plain, owner_of, successor
from tests.tampering.before_sequencing import ADMIN
from tests.tampering.bundles import remade, retold
from tests.tampering.world import ADMIN as OFFICER
from tests.tampering.world import LINES, Ground

STRANGER = Ed25519PrivateKey.from_private_bytes(b"not a secret: a stranger's key ~")
ROOT = "root differs"
REFUSED = seen("signer", "not grown from it")


def _size(written: bytes) -> int:
    return Checkpoint.from_text(Note.from_bytes(written).text).size


def _remembered(ground: Ground, first_changed: int) -> tuple[Seen, ...]:
    """What the auditors' own checkpoint adds, when it covers what was changed."""
    assert ground.remembered is not None, "they verified before"
    return (seen("verifier", "not grown from remembered"),) if first_changed < _size(ground.remembered) else ()


def _with_successor(entries: Sequence[bytes]) -> list[int]:
    return [number for number in range(len(entries)) if successor(entries, number) is not None]


def _hole(ground: Ground, where: float) -> Truth:
    number = at(where, range(len(ground.entries())))
    with owner_of(ground) as owner:
        owner.do("DELETE FROM ledger_entry WHERE number = %s", number)
    return Truth(None, (seen("export", "ledger_damaged", entry=number),))


def _rebuilt(alter: Callable[[list[bytes], float], tuple[int, Seen]]) -> Callable[[Ground, float], Truth]:
    """Alter the log, and build a tree over it that is right in itself."""

    def do(ground: Ground, where: float) -> Truth:
        entries = ground.entries()
        first, named = alter(entries, where)
        is_signed = first < len(ground.entries())  # the world was signed to its end
        with owner_of(ground) as owner:
            owner.rewrite(entries)
        by_proof = (REFUSED, seen("verifier", ROOT), *_remembered(ground, first)) if is_signed else ()
        return Truth(1, (named, *by_proof))

    return do


def _without(entries: list[bytes], where: float) -> tuple[int, Seen]:
    number = at(where, _with_successor(entries))
    following = successor(entries, number)
    assert following is not None, "it was chosen so"
    word = "stream:unknown" if header_of(entries[number]).kind is Kind.STREAM_OPEN else "stream:gap"
    named = _placed(word, following - 1, entries[following])
    del entries[number]
    return number, named


def _altered(entries: list[bytes], where: float) -> tuple[int, Seen]:
    number = at(where, range(len(entries)))
    entries[number] = entries[number][:-1] + bytes([entries[number][-1] ^ 1])
    return number, _placed("entry:changed", number, entries[number])


def _swapped(entries: list[bytes], where: float) -> tuple[int, Seen]:
    found = headers(entries)
    pairs = [
        number for number in range(1, len(entries) - 1)
        if found[number].stream_id == found[number + 1].stream_id and is_plain(entries[number])
    ]  # fmt: skip
    number = at(where, pairs)
    entries[number : number + 2] = entries[number + 1], entries[number]
    return number, _placed("stream:gap", number, entries[number])


def _doubled(entries: list[bytes], where: float) -> tuple[int, Seen]:
    number = at(where, range(len(entries)))
    entries.insert(number + 1, entries[number])
    return number + 1, _placed("stream:repeated", number + 1, entries[number])


def _placed(word: str, number: int, entry: bytes) -> Seen:
    header = header_of(entry)
    return seen("verifier", word, entry=number, stream=header.stream_id.hex()[:8], seq=header.stream_seq)


def _only_in_the_rows(alter: Callable[[list[bytes], float], tuple[int, Seen]]) -> Callable[[Ground, float], Truth]:
    """Alter entries, and leave the tree over them as it is."""

    def do(ground: Ground, where: float) -> Truth:
        before, entries = ground.entries(), ground.entries()
        first, named = alter(entries, where)
        with owner_of(ground) as owner:
            for number, (old, new) in enumerate(zip(before, entries, strict=True)):
                if old != new:
                    owner.do("UPDATE ledger_entry SET entry = %s WHERE number = %s", new, number)
        return Truth(1, (named, seen("verifier", ROOT), *_remembered(ground, first)))

    return do


def _invented(ground: Ground, where: float) -> Truth:
    ground.show()
    stranger = Scribe(ground.desk.database, ground.auditors.keys, ground.clock)
    for _ in range(at(where, (1, 2, 10))):
        stranger.enter(Account("worklist:show"))
    return Truth(0)


def _tile(ground: Ground, where: float) -> Truth:
    ground.show()
    with owner_of(ground) as owner:
        (row,) = owner.do("SELECT path, hashes FROM ledger_tile")
        number = at(where, range(len(row["hashes"])))
        forged = bytearray(row["hashes"])
        forged[number] ^= 1
        owner.do("UPDATE ledger_tile SET hashes = %s WHERE path = %s", bytes(forged), row["path"])
    return Truth(None, (seen("export", "ledger_damaged", part=f"{row['path']} | frontier"),))


def _forged(ground: Ground, where: float) -> Truth:
    """The end of the log cut off, with a tree and a checkpoint over the rest that somebody else signed."""
    entries = ground.entries()
    kept = at(where, range(1, len(entries)))

    def forge() -> None:
        with owner_of(ground) as owner:
            owner.forge(owner.rewrite(entries[:kept]), SignerKey(ground.log_key.name, STRANGER))

    ground.before_export.append(forge)
    return Truth(1, (seen("verifier", "note:unsigned"),))


def _older_checkpoint(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        size = at(where, owner.sizes())

    def forget() -> None:
        with owner_of(ground) as owner:
            owner.forget_signed(size)

    ground.before_export.append(forget)
    assert ground.remembered is not None, "they verified before"
    if size < _size(ground.remembered):
        return Truth(1, (seen("verifier", "smaller than remembered", detail=f"{_size(ground.remembered)} > {size}"),))
    return Truth(2, (seen("verifier", "digests newer than the bundle"),))


def _renamed(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        owner.do("UPDATE ledger_head SET origin = %s", "guitu.0123456789abcdef")
    return Truth(None, (seen("signer", "origin"), seen("export", "nothing_to_change")))


def _emptied(ground: Ground, where: float) -> Truth:
    ground.killed()
    with owner_of(ground) as owner:
        for table in LEDGER:
            owner.do(f"DELETE FROM {table}")
        owner.do("UPDATE ledger_head SET size = 0, frontier = %s, at = NULL", b"\x01" + bytes(8))
    return Truth(None, (seen("signer", "smaller"), seen("export", "nothing_to_change")))


def _restored(ground: Ground, where: float) -> Truth:
    """A backup put in the place of the database, when nothing, something or much was signed since."""
    backup = ground.backed_up()
    signed = []
    for _ in range(at(where, (1, 2, 4))):
        ground.show(3)
        signed.append(ground.sign())
    found = ground.audit().report
    assert found is not None
    ground.remembered = found.checkpoint
    ground.restored(backup)
    ground.stores.dropped(backup)
    return Truth(1, (seen("signer", "smaller"), seen("verifier", "smaller than remembered")))


def _restored_and_grown(ground: Ground, where: float) -> Truth:
    """The same; then as much is written as was there before, and the auditors were not there in between."""
    backup = ground.backed_up()
    ground.show(3)
    ground.sign()
    ground.restored(backup)
    ground.stores.dropped(backup)
    ground.show(at(where, (8, 12, 16)))
    return Truth(2, (REFUSED, seen("verifier", "digests newer than the bundle")))


def _new_folder(ground: Ground, where: float) -> Truth:
    shutil.rmtree(ground.folder / "signer")
    signer_folder.init(ground.folder / "signer", ground.log_key.name, None)
    ground.show()
    if not where:
        return Truth(2, (seen("signer", "memory behind"),))
    with owner_of(ground) as owner:
        owner.forget_signed(-1)
    return Truth(1, (seen("verifier", "note:unsigned"),))


def _old_folder(ground: Ground, where: float) -> Truth:
    kept = ground.folder / "signer.copy"
    shutil.copytree(ground.folder / "signer", kept)
    for _ in range(at(where, (1, 2, 4))):
        ground.show()
        ground.sign()
    shutil.rmtree(ground.folder / "signer")
    kept.rename(ground.folder / "signer")
    return Truth(2, (seen("signer", "memory behind"),))


def _stamp_of_another(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        rows = owner.do("SELECT size, token FROM ledger_timestamp ORDER BY size")
        number = at(where, range(len(rows)))
        other = rows[number - 1]["token"]
        owner.do("UPDATE ledger_timestamp SET token = %s WHERE size = %s", other, rows[number]["size"])
    detail = f"#{number + 1}, {rows[number]['size']}"
    return Truth(1, (seen("verifier", "timestamp:another note", detail=detail),))


def _stamps_removed(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        owner.do("DELETE FROM ledger_timestamp")
    return Truth(2, (seen("verifier", "no timestamp"),))


def _one_stamp_removed(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        rows = owner.do("SELECT size FROM ledger_timestamp ORDER BY size")
        owner.do("DELETE FROM ledger_timestamp WHERE size = %s", at(where, [row["size"] for row in rows]))
    return Truth(0)


def _smuggled(ground: Ground, where: float) -> Truth:
    stranger = AuditorKey(b"not a secret: somebody's own key")
    return _other_auditors(ground, where, "recipient smuggled in", stranger.auditor, [stranger])


def _left_out(ground: Ground, where: float) -> Truth:
    return _other_auditors(ground, where, "recipient left out", None, [])


def _other_auditors(
    ground: Ground, where: float, word: str, added: Auditor | None, more: Sequence[AuditorKey]
) -> Truth:  # fmt: skip
    """Rewrite the list of auditors for a while: its file is not the database, and needs no entry to be changed."""
    ground.clock.ahead += timedelta(minutes=2)  # no change of auditors is so fresh that it explains this
    before = ground.auditors.listed()
    for _ in range(at(where, (0, 1, 3))):
        ground.show()
    kept = before if added else before[:-1]
    odd = added or before[-1].key.auditor
    listed = [*kept, *(Listed(PublicKey("auditor-9", one.public), ground.clock() - timedelta(days=1)) for one in more)]
    ground.auditors.write(listed)
    ground.killed()
    ground.show()
    stream = ground.stream()
    ground.killed()
    ground.auditors.write(before)
    ground.sign()
    number = next(n for n, one in enumerate(headers(ground.entries())) if one.stream_id == stream)
    return Truth(1, (seen("verifier", word, entry=number, stream=stream.hex()[:8], detail=odd.id.hex()[:16]),))


def _left_out_at_first(ground: Ground, where: float) -> Truth:
    """An auditor is added, and the list put back at once: streams that are opened now are not sealed to her."""
    before = ground.auditors.path.read_bytes()
    add(ground.auditors, ground.desk.scribe, LINES[2], OFFICER)
    after = ground.auditors.path.read_bytes()
    ground.auditors.path.write_bytes(before)
    ground.show(at(where, (1, 2, 5)))
    ground.clock.ahead += timedelta(minutes=30)
    ground.show(at(where, (1, 2, 5)))
    ground.killed()
    ground.auditors.path.write_bytes(after)
    return Truth(0)


def _retold(ground: Ground, where: float) -> Truth:
    ground.on_bundle.append(lambda bundle: retold(bundle, origin="guitu.0123456789abcdef"))
    return Truth(1, (seen("verifier", "origins differ"),))


def _flipped(ground: Ground, where: float) -> Truth:
    def flip(bundle: bytes) -> bytes:
        place = at(where, range(len(bundle)))
        return bundle[:place] + bytes([bundle[place] ^ 1]) + bundle[place + 1 :]

    ground.on_bundle.append(flip)
    return Truth(1)


def _left_out_of_the_bundle(ground: Ground, where: float) -> Truth:
    """An entry cut out of the file, which is put together again without it."""
    chosen = at(where, range(len(ground.entries())))

    def cut(bundle: bytes) -> bytes:
        return remade(bundle, lambda one: replace(one, page=[*one.page[:chosen], *one.page[chosen + 1 :]]))

    ground.on_bundle.append(cut)
    return Truth(1, (seen("verifier", "too few"),))


EXPORTER = "whoever carries the bundle"
ACTS = (
    Act("an entry removed from the log", ADMIN, _hole),
    Act("an entry removed, the rest renumbered, the tree rebuilt", ADMIN, _rebuilt(_without)),
    Act("an entry altered", ADMIN, _only_in_the_rows(_altered)),
    Act("an entry altered, the tree rebuilt", ADMIN, _rebuilt(_altered)),
    Act("two entries of a stream swapped", ADMIN, _only_in_the_rows(_swapped)),
    Act("two entries of a stream swapped, the tree rebuilt", ADMIN, _rebuilt(_swapped)),
    Act("an entry doubled, the tree rebuilt", ADMIN, _rebuilt(_doubled)),
    Act("an invented stream, about nobody, sealed to the auditors", ADMIN, _invented,
        why_not="anybody can seal to a public key; an entry proves that it was there, not who wrote it"),
    Act("the tree altered", ADMIN, _tile),
    Act("the end of the log cut off, tree rebuilt, checkpoint forged with another key", ADMIN, _forged),
    Act("newer checkpoints removed before the export", ADMIN, _older_checkpoint),
    Act("the log renamed", ADMIN, _renamed, (0.0,)),
    Act("the whole ledger emptied", ADMIN, _emptied, (0.0,)),
    Act("a backup restored silently, older than the auditors' last visit", ADMIN, _restored),
    Act("a backup restored silently between two visits, and written on", ADMIN, _restored_and_grown),
    Act("the signer's folder replaced by a new one (and its checkpoints removed)",
        "operator of the signer, database administrator", _new_folder, (0.0, 1.0)),
    Act("the signer's folder replaced by an old copy", "operator of the signer", _old_folder),
    Act("a timestamp replaced by that of another checkpoint", ADMIN, _stamp_of_another, (0.0, 1.0)),
    Act("all timestamps removed", ADMIN, _stamps_removed, (0.0,)),
    Act("one of several timestamps removed", ADMIN, _one_stamp_removed, (0.0, 1.0),
        why_not="nobody counts timestamps; what the others cover is proved all the same"),
    Act("an auditor's key smuggled into the list, for a while", "operator of the machine", _smuggled),
    Act("an auditor left out of the list, for a while", "operator of the machine", _left_out),
    Act("a new auditor left out, in streams that are opened within a minute", "operator of the machine",
        _left_out_at_first,
        why_not="a process may have read the list a moment before; a stream that it opens then lives up to an hour"),
    Act("the info of a bundle names another log", EXPORTER, _retold, (0.0,)),
    Act("one bit of a bundle flipped", EXPORTER, _flipped),
    Act("an entry cut out of a bundle, checksum made anew", EXPORTER, _left_out_of_the_bundle),
)  # fmt: skip
