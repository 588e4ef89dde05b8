"""Ways to tamper with entries, signatures and what the writing program tells; each gives a bundle and what is brought.

The tamperer is strong: unless said otherwise he has the log's signing key and signs what he made of it.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.ledger.canonical import time_text
from engine.ledger.entry import Header, Kind
from engine.ledger.note import SignerKey
from engine.ledger.verifying.brought import Brought
from tests.ledger.bundle_maker import (
    KEY,
    ORIGIN,
    SECOND,
    SIGNER,
    STRANGER,
    WITNESS,
    World,
    a_world,
    signed,
    stamp,
)

Tampered = tuple[bytes, Brought]
OTHER = SignerKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"o" * 32))
FOREIGN = SignerKey("guitu.ffffffffffffffff", Ed25519PrivateKey.from_private_bytes(b"f" * 32))


def as_it_is(world: World, **changes: object) -> Tampered:
    return world.bundle(), world.brought(**changes)


def with_entries(change: Callable[[list[bytes]], object]) -> Tampered:
    world = a_world()
    entries = list(world.entries)
    change(entries)
    return world.bundle(entries=entries), world.brought()


def flipped(entry: bytes, at: int) -> bytes:
    return entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]


# ── entries ──


def changed_without_signing() -> Tampered:
    world = a_world()
    entries = list(world.entries)
    entries[7] = flipped(entries[7], 100)
    return world.bundle(entries=entries, checkpoint=world.checkpoint(SIGNER, WITNESS)), world.brought()


def changed() -> Tampered:
    return with_entries(lambda all_: all_.__setitem__(7, flipped(all_[7], 100)))


def cut_entry() -> Tampered:
    return with_entries(lambda all_: all_.__setitem__(7, all_[7][:20]))


def dropped() -> Tampered:
    return with_entries(lambda all_: all_.pop(5))


def swapped() -> Tampered:
    return with_entries(lambda all_: all_.__setitem__(slice(5, 7), [all_[6], all_[5]]))


def doubled() -> Tampered:
    return with_entries(lambda all_: all_.insert(6, all_[5]))


def of_another_log() -> Tampered:
    other = World()
    other.open()
    other.streams[0].stream_id = b"another streams!"
    other.announce(KEY)
    return with_entries(lambda all_: all_.insert(6, other.entries[1]))


def opening_replayed() -> Tampered:
    return with_entries(lambda all_: all_.append(all_[0]))


def after_the_closing() -> Tampered:
    return with_entries(lambda all_: all_.append(all_[8]))


def put_after_the_closing() -> Tampered:
    world = a_world()
    header = Header(Kind.EVENT, world.streams[0].stream_id, 10, 10)
    world.entries.append(header.packed() + bytes(272))
    return as_it_is(world)


def key_used_twice() -> Tampered:
    world = a_world()
    header = Header(Kind.EVENT, world.streams[1].stream_id, world.streams[1].committed, 2)
    world.entries.append(header.packed() + bytes(272))
    return as_it_is(world)


def fewer_than_signed() -> Tampered:
    world = a_world()
    return world.bundle(entries=world.entries[:-1], checkpoint=world.checkpoint(SIGNER, WITNESS)), world.brought()


def more_than_signed() -> Tampered:
    world = a_world()
    return world.bundle(checkpoint=signed(world.entries[:-1], SIGNER, WITNESS)), world.brought()


# ── signatures, the remembered checkpoint, timestamps ──


def signed_by_another() -> Tampered:
    world = a_world()
    return world.bundle(checkpoint=world.checkpoint(OTHER, WITNESS)), world.brought()


def checkpoint_of_another_log() -> Tampered:
    world = a_world()
    return world.bundle(checkpoint=signed(world.entries, FOREIGN, WITNESS, origin=FOREIGN.public.name)), world.brought()


def signature_broken() -> Tampered:
    world = a_world()
    good, other = world.checkpoint().decode(), signed(world.entries[:-1]).decode()
    text, line = good.rpartition("\n\n")[0], other.rpartition("\n\n")[2]
    return world.bundle(checkpoint=f"{text}\n\n{line}".encode()), world.brought()


def witness_broken() -> Tampered:
    world = a_world()
    good, other = world.checkpoint().decode(), signed(world.entries[:-1], WITNESS).decode()
    return world.bundle(checkpoint=(good + other.rpartition("\n\n")[2]).encode()), world.brought()


def no_checkpoint_at_all() -> Tampered:
    world = a_world()
    return world.bundle(checkpoint=b"no note"), world.brought()


def older_than_remembered() -> Tampered:
    world = a_world()
    later = world.checkpoint()
    return world.bundle(entries=world.entries[:-1]), world.brought(remembered=later)


def forked() -> Tampered:
    world = a_world()
    other = [*world.entries[:-1], world.entries[0]]
    return world.bundle(), world.brought(remembered=signed(other))


def rewritten_before_remembered() -> Tampered:
    world = a_world()
    return world.bundle(), world.brought(remembered=signed([*world.entries[:4], world.entries[0]]))


def remembered_of_another_log() -> Tampered:
    world = a_world()
    return world.bundle(), world.brought(remembered=signed(world.entries[:3], FOREIGN, origin=FOREIGN.public.name))


def timestamp_forged() -> Tampered:
    world = a_world()
    return world.bundle(stamps=[(world.stamps[0], b"forged")]), world.brought()


def timestamp_of_another_tree() -> Tampered:
    world = a_world()
    note = signed([*world.entries[:4], world.entries[0]])
    return world.bundle(stamps=[(note, stamp(note))]), world.brought()


def timestamp_of_a_larger_tree() -> Tampered:
    world = a_world()
    note = signed([*world.entries, world.entries[0]])
    return world.bundle(stamps=[(note, stamp(note))]), world.brought()


def timestamp_of_another_log() -> Tampered:
    world = a_world()
    note = signed(world.entries[:4], FOREIGN, origin=FOREIGN.public.name)
    return world.bundle(stamps=[(note, stamp(note))]), world.brought()


# ── what entries say: here the program that wrote them was in the tamperer's hands ──


def tail_never_sequenced() -> Tampered:
    """The outbox lost an entry before it got its place, and a heartbeat had told of it."""
    world = a_world()
    last = world.streams[-1]
    position = last.committed + 1
    following = world.open({"ended": "unknown", "position": last.committed, "stream": last.stream_id.hex()})
    world.beat(following, {last.stream_id.hex(): position})
    return as_it_is(world)


def stream_never_sequenced() -> Tampered:
    world = a_world()
    world.open({"ended": "closed", "position": 3, "stream": "ab" * 16})
    return as_it_is(world)


def clock_turned_back() -> Tampered:
    world = a_world()
    world.later(-30)
    world.tell("keys:status")
    return as_it_is(world)


def opened_before_what_it_saw() -> Tampered:
    world = a_world()
    world.open(tree_at=time_text(world.now + timedelta(minutes=1)))
    return as_it_is(world)


def opened_too_early() -> Tampered:
    world = a_world()
    early = time_text(world.now + timedelta(seconds=1) - timedelta(minutes=5, milliseconds=1))
    world.tell("keys:status")
    world.open(at=early)
    return as_it_is(world)


def opened_in_another_log() -> Tampered:
    """A whole stream of another installation with the same auditors, which concerns nobody."""
    world = a_world()
    world.open(origin="guitu.ffffffffffffffff")
    world.tell("worklist:show")
    return as_it_is(world)


def saw_a_longer_log() -> Tampered:
    world = a_world()
    world.open(tree_size=1000)
    return as_it_is(world)


def recipient_smuggled_in() -> Tampered:
    world = a_world()
    world.open(auditors=[KEY, SECOND, STRANGER])
    return as_it_is(world)


def recipient_smuggled_into_the_first() -> Tampered:
    world = World([KEY, STRANGER])
    world.open()
    world.announce(KEY)
    world.tell("keys:status")
    return world.bundle(), world.brought(remembered=None, is_first=True, roots=[])


def recipient_left_out() -> Tampered:
    world = a_world()
    world.later(61)
    world.open(auditors=[KEY])
    return as_it_is(world)


def removed_and_still_read() -> Tampered:
    world = a_world()
    world.open(auditors=[KEY])
    world.announce(SECOND, "auditor:remove")
    world.later(61)
    world.open(auditors=[KEY, SECOND])
    return as_it_is(world)


def raw(plain: bytes, blocks: int = 0) -> Tampered:
    """An entry of which the writer made this plaintext."""
    world = a_world()
    stream, chain = world.streams[-1], sha256(sha256(b"stream 1").digest()).digest()
    index = stream.committed
    for _ in range(index):
        chain = hmac.digest(chain, b"ck", sha256)
    head = Header(Kind.EVENT, stream.stream_id, index, index).packed()
    content = struct.pack(">HH", 4 + len(plain), blocks) + plain
    padded = content + bytes(-len(content) % 256)
    world.entries.append(head + AESGCM(hmac.digest(chain, b"mk", sha256)).encrypt(bytes(12), padded, head))
    return as_it_is(world)


def not_canonical() -> Tampered:
    return raw(b'{"v": 1}')


def not_of_the_form() -> Tampered:
    return raw(b'{"v":1}')


def blocks_that_are_none() -> Tampered:
    return raw(b'{"v":1}', 3)


def unknown_act() -> Tampered:
    world = a_world()
    world.tell("case:burn")
    return as_it_is(world)


def auditor_without_a_key() -> Tampered:
    world = a_world()
    world.tell("auditor:add", kind=Kind.KEY_EVENT, details={"name": "auditor-9"})
    return as_it_is(world)
