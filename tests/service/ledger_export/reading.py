"""Read a ledger as an auditor does, straight from the database."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ledger.canonical import Value
from engine.ledger.entry import Header, Unreadable, header_of
from engine.ledger.streams import AuditorKey, Reader
from engine.service.sequencer import sequence_all
from engine.store.database import Database


@dataclass(frozen=True, slots=True)
class Told:
    """An entry with its place in the log, opened; ``event`` is None where the key opens nothing."""

    number: int
    header: Header
    event: dict[str, Value] | None

    @property
    def act(self) -> Value:
        """What it tells of, if that can be read."""
        return None if self.event is None else self.event["act"]


def told(database: Database, key: AuditorKey) -> list[Told]:
    """Everything in the ledger, in order; what waits gets its place first."""
    sequence_all(database)
    readers: dict[bytes, Reader | None] = {}
    found = []
    with database.reading() as work:
        entries = work.entries(0, 100_000)
    for number, entry in enumerate(entries):
        header = header_of(entry)
        if header.stream_seq == 0:
            readers[header.stream_id] = reader = _reader(entry, key)
            event = None if reader is None else reader.opening.event
        else:
            reader = readers[header.stream_id]
            event = None if reader is None else reader.read(entry).event
        found.append(Told(number, header, event))
    return found


def acts(database: Database, key: AuditorKey) -> list[Value]:
    """What this auditor can read was done, without what the ledger says about itself."""
    return [one.act for one in told(database, key) if one.act is not None and not str(one.act).startswith("stream:")]


def _reader(opening: bytes, key: AuditorKey) -> Reader | None:
    try:
        return Reader(opening, key)
    except Unreadable:
        return None
