"""Attacks on entries that wait for their place in the log."""

from __future__ import annotations

import secrets
from datetime import timedelta

from engine.ledger.entry import header_of
from engine.service.account import Account
from engine.service.scribe import Lent, Scribe
from engine.service.sequencer import sequence_all
from engine.store.database import Database
from engine.store.migrate import upgrade
from engine.vault.keys import CaseKey
from tests.tampering.acts import Act, Truth, seen
from tests.tampering.attacker import at, headers, owner_of
from tests.tampering.bundles import retold
from tests.tampering.world import Ground

ADMIN = "database administrator"
_SHOWN = 6
"""Reads in the stream that is attacked; its opening is entry 0."""


def _read(ground: Ground, is_change: bool = False) -> bytes:
    """Let a stream have an opening and some entries that wait; its id."""
    if is_change:
        ground.change(_SHOWN)
    else:
        ground.show(_SHOWN)
    return ground.stream()


def _remove(ground: Ground, stream: bytes, first: int, last: int | None = None) -> None:
    with owner_of(ground) as owner:
        act = "DELETE FROM ledger_outbox WHERE stream_id = %s AND stream_seq >= %s AND stream_seq <= %s"
        owner.do(act, stream, first, first if last is None else last)


def _beat_of_others(ground: Ground) -> Lent:
    """Let a heartbeat come from another stream of the process while somebody has this one."""
    lent = ground.desk.scribe.lend()
    ground.desk.scribe.beat()
    return lent


def _hole(ground: Ground, where: float) -> Truth:
    stream = _read(ground)
    number = at(where, range(1, _SHOWN))
    _remove(ground, stream, number)
    short = stream.hex()[:8]
    held = seen("verifier", "held back", stream=short, seq=number)
    return Truth(2, (held, seen("sequencer", "gap", stream=short, expected=number, found=number + 1)))


def _hole_and_beat(ground: Ground, where: float) -> Truth:
    truth = _hole(ground, where)
    ground.desk.scribe.take_back(_beat_of_others(ground))
    stream, number = dict(truth.seen[0].named)["stream"], dict(truth.seen[0].named)["seq"]
    missed = seen("verifier", "position not reached", detail=f"{stream}: {number} < {_SHOWN + 1}")
    return Truth(1, (*truth.seen, missed))


def _hole_and_lies(ground: Ground, where: float) -> Truth:
    truth = _hole(ground, where)
    ground.on_bundle.append(lambda bundle: retold(bundle, waiting=0, after=0, held=[]))
    return Truth(0, truth.seen[1:])


def _hole_and_next(ground: Ground, where: float) -> Truth:
    """The place that the sequencer waits for is moved over the hole."""
    stream = _read(ground)
    number = at(where, range(1, _SHOWN))
    _remove(ground, stream, number)
    sequence_all(ground.desk.database)
    with owner_of(ground) as owner:
        owner.do("UPDATE ledger_stream SET next_seq = %s WHERE stream_id = %s", number + 1, stream)
    sequence_all(ground.desk.database)
    found = next(
        n for n, one in enumerate(headers(ground.entries())) if one.stream_id == stream and one.stream_seq > number
    )
    named = seen("verifier", "stream:gap", entry=found, stream=stream.hex()[:8], seq=number + 1)
    return Truth(1, (named,))


def _tail(ground: Ground, where: float) -> Truth:
    stream = _read(ground)
    number = at(where, range(1, _SHOWN + 1))
    _beat_of_others(ground)
    _remove(ground, stream, number, _SHOWN)
    missed = f"{stream.hex()[:8]}: {number} < {_SHOWN + 1}"
    return Truth(1, (seen("verifier", "position not reached", detail=missed),))


def _whole_stream(ground: Ground, where: float) -> Truth:
    stream = _read(ground)
    _beat_of_others(ground)
    _remove(ground, stream, 0, _SHOWN)
    missed = f"{stream.hex()[:8]}: 0 < {_SHOWN + 1}"
    return Truth(1, (seen("verifier", "position not reached", detail=missed),))


def _everything_since(ground: Ground, where: float) -> Truth:
    stream = _read(ground)
    _remove(ground, stream, at(where, range(_SHOWN + 1)), _SHOWN)
    ground.killed()
    return Truth(0)


def _changes_since(ground: Ground, where: float) -> Truth:
    stream = _read(ground, is_change=True)
    _remove(ground, stream, at(where, range(_SHOWN + 1)), _SHOWN)
    ground.killed()
    return Truth(1, (seen("verifier", "changed behind the ledger", case=ground.world.cases[1]),))


def _altered(ground: Ground, where: float) -> Truth:
    stream = _read(ground)
    number = at(where, range(1, _SHOWN + 1))
    with owner_of(ground) as owner:
        entry = owner.waiting(stream)[number]["entry"]
        place = at(where, range(40, len(entry)))
        forged = entry[:place] + bytes([entry[place] ^ 1]) + entry[place + 1 :]
        act = "UPDATE ledger_outbox SET entry = %s WHERE stream_id = %s AND stream_seq = %s"
        owner.do(act, forged, stream, number)
    sequence_all(ground.desk.database)
    found = ground.entries().index(forged)
    return Truth(1, (seen("verifier", "entry:changed", entry=found, stream=stream.hex()[:8], seq=number),))


def _again(ground: Ground, where: float) -> Truth:
    ground.show(2)
    ground.sign()
    entries = ground.entries()
    header = header_of(entries[at(where, range(len(entries)))])
    with owner_of(ground) as owner:
        owner.do(
            "INSERT INTO ledger_outbox (stream_id, stream_seq, at, entry)"
            " SELECT %s, %s, at, %s FROM ledger_stream WHERE stream_id = %s",
            header.stream_id, header.stream_seq, entries[at(where, range(len(entries)))], header.stream_id,
        )  # fmt: skip
    short = header.stream_id.hex()[:8]
    return Truth(2, (seen("sequencer", "repeated", stream=short), seen("verifier", "held back", stream=short)))


def _foreign(ground: Ground, *accounts: Account) -> int:
    """Put a stream of another installation with the same auditors into the outbox; its number in the log."""
    url = f"sqlite:///{ground.folder / secrets.token_hex(4)}.sqlite"
    upgrade(url)
    with Database.open(url) as database:
        Scribe(database, ground.auditors.keys, ground.clock).enter_together(accounts)
        with database.reading() as work:
            rows = work.outbox(100)
    with owner_of(ground) as owner:
        (like,) = owner.do("SELECT at FROM ledger_head")
        for row in rows:
            act = "INSERT INTO ledger_outbox (stream_id, stream_seq, at, entry) VALUES (%s, %s, %s, %s)"
            owner.do(act, row.stream_id, row.stream_seq, like["at"], row.entry)
    sequence_all(ground.desk.database)
    return ground.entries().index(rows[-1].entry)


def _replayed(ground: Ground, where: float) -> Truth:
    account = Account("case:show")
    account.read(CaseKey("GT-7777", {1: bytes(32)}), digest="0" * 64, revision=1)
    number = _foreign(ground, account)
    return Truth(1, (seen("verifier", "no salt and no certificate", entry=number),))


def _replayed_about_nobody(ground: Ground, where: float) -> Truth:
    number = _foreign(ground, Account("worklist:show"))
    return Truth(1, (seen("verifier", "opening of another log", entry=number - 1),))


def _clock(ground: Ground, where: float) -> Truth:
    ground.show()
    if where:
        sequence_all(ground.desk.database)
        ground.killed()
    ground.clock.ahead = -timedelta(minutes=10)
    ground.tried("desk", ground.show)
    ground.clock.ahead = timedelta(0)
    return Truth(0, (seen("desk", "clock_behind"),))


def _clock_and_head(ground: Ground, where: float) -> Truth:
    ground.show()
    sequence_all(ground.desk.database)
    ground.killed()
    with owner_of(ground) as owner:
        owner.do("UPDATE ledger_head SET at = NULL")
    ground.clock.ahead = -timedelta(days=at(where, (1, 30, 365)))
    ground.show()
    stream = ground.stream()
    ground.killed()
    sequence_all(ground.desk.database)
    ground.clock.ahead = timedelta(0)
    number = next(n for n, one in enumerate(headers(ground.entries())) if one.stream_id == stream)
    return Truth(1, (seen("verifier", "opened too early", entry=number, stream=stream.hex()[:8]),))


def _clock_ahead(ground: Ground, where: float) -> Truth:
    ground.clock.ahead = timedelta(days=at(where, (1, 30, 365)))
    ground.show()
    return Truth(0)


ACTS = (
    Act("one entry removed before it has its place; its stream goes on", ADMIN, _hole),
    Act("the same, and a heartbeat of another stream", ADMIN, _hole_and_beat),
    Act("the same, and the exporter's note about it cut out of the bundle", "database administrator and exporter",
        _hole_and_lies),
    Act("one entry removed before it has its place, and the sequencer told to go on behind it", ADMIN, _hole_and_next),
    Act("the end of a stream removed before it has its place; a heartbeat tells of it", ADMIN, _tail),
    Act("a whole stream removed before it has its place; a heartbeat tells of it", ADMIN, _whole_stream, (0.0,)),
    Act("reads, with everything later of their stream, removed before anything tells of them", ADMIN,
        _everything_since,
        why_not="nothing that is left tells that they were: this is the time between two heartbeats"),
    Act("the same of changes", ADMIN, _changes_since),
    Act("an entry altered before it has its place", ADMIN, _altered),
    Act("an entry of the log put in again", ADMIN, _again),
    Act("a stream of another log with the same auditors, about its cases", ADMIN, _replayed, (0.0,)),
    Act("a stream of another log with the same auditors, about nobody", ADMIN, _replayed_about_nobody, (0.0,)),
    Act("the clock set back ten minutes, in a running process or before a new one", "operator of the machine", _clock,
        (0.0, 1.0)),
    Act("the clock set back by days, and the time in the head of the log removed",
        "database administrator and operator of the machine", _clock_and_head),
    Act("the clock set ahead by days, and left so", "operator of the machine", _clock_ahead,
        why_not="nothing that is written here tells what time it truly was"),
)  # fmt: skip
