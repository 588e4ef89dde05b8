"""What people inside can do who hold keys: auditors, whoever runs the log, whoever holds the vault."""

from __future__ import annotations

from engine.core.commands import Actor
from engine.ledger.entry import Kind, Opened, Unreadable, header_of, seal
from engine.ledger.note import Checkpoint
from engine.ledger.signing import Memory
from engine.ledger.streams import AuditorKey, Reader
from engine.service import read
from engine.service.signer_folder import SignerFolder
from engine.vault.keys import CaseKey
from tests.tampering.attacker import owner_of
from tests.tampering.world import KEYS, Ground

SNOOPER = Actor("officer-12", "police-a")


def opened_by(key: AuditorKey, entries: list[bytes]) -> list[Opened | None]:
    """Every entry as this auditor reads it, None where she cannot."""
    readers: dict[bytes, Reader | None] = {}
    found: list[Opened | None] = []
    for entry in entries:
        header = header_of(entry)
        if header.kind is Kind.STREAM_OPEN:
            readers[header.stream_id] = _reader(entry, key)
        reader = readers[header.stream_id]
        if reader is None:
            found.append(None)
        else:
            found.append(reader.opening if header.kind is Kind.STREAM_OPEN else reader.read(entry))
    return found


def _reader(opening: bytes, key: AuditorKey) -> Reader | None:
    try:
        return Reader(opening, key)
    except Unreadable:
        return None


def keys_of_stream(entries: list[bytes]) -> tuple[list[bytes], bytes]:
    """Every key and chain that sealed the entries of one stream behind its opening, and the chain as it is after."""
    chain = Reader(entries[0], KEYS[0])._chain
    used = []
    for _ in entries[1:]:
        used += [bytes(chain._chain), chain.message_key()]
    return used, bytes(chain._chain)


def case_key(ground: Ground, case: str) -> CaseKey:
    """The key of a case, as whoever has database, key file and passphrase opens it."""
    with ground.desk.database.reading() as work:
        key = ground.desk.safe.key_for(case, work)
    assert key is not None, "the case is there"
    return key


def replace_waiting(ground: Ground, actor: str) -> None:
    """What an auditor can do who also has the database: she knows the key under which the last entry was sealed."""
    with ground.desk.database.reading() as work:
        entries = [row.entry for row in work.outbox(1000)]
    *earlier, last = entries[1:]
    header = header_of(last)
    reader, again = Reader(entries[0], KEYS[0]), Reader(entries[0], KEYS[0])
    for entry in earlier:
        reader.read(entry)
        again.read(entry)
    told = {**reader.read(last).event, "actor": actor}
    forged = seal(header, told, (), again._chain.message_key())
    with owner_of(ground) as owner:
        act = "UPDATE ledger_outbox SET entry = %s WHERE stream_id = %s AND stream_seq = %s"
        owner.do(act, forged, header.stream_id, header.stream_seq)


def cut(ground: Ground, size: int) -> None:
    """Go back to a log of this size, with the signer's own key and memory."""
    entries = ground.entries()[:size]
    folder = SignerFolder(ground.folder / "signer")
    ground.killed()
    with owner_of(ground) as owner:
        frontier = owner.rewrite(entries)
        owner.do("DELETE FROM ledger_outbox")
        owner.forge(frontier, folder.keys(None)[0])
    with folder.locked():
        folder.remember(Memory(Checkpoint(ground.log_key.name, size, frontier.root())))


def snooped(ground: Ground) -> int:
    """Let somebody look where he should not, and have it signed; the size of the log before that."""
    before = len(ground.entries())
    read.show(ground.desk, ground.world.cases[1], SNOOPER)
    ground.closed()
    ground.sign()
    return before


def remember(ground: Ground) -> bytes:
    """An audit that passes; the checkpoint to remember."""
    found = ground.audit()
    assert found.exit_code == 0, found.findings
    assert found.report is not None
    assert found.report.checkpoint is not None
    ground.closed()
    return found.report.checkpoint
