"""What the entries of a ledger say, opened with an auditor's key: to be searched for words that may not stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.ledger.canonical import encode
from engine.ledger.entry import Header, Kind, Opened, header_of, open_subject
from engine.ledger.streams import AuditorKey, Reader
from engine.store.database import Database

_ALL = 1_000_000


def plaintexts(database: Database, key: AuditorKey, salts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every entry, in the log or waiting, by its stream and number; whom it concerns where there is a salt for it.

    ``salts`` are by their tags. Raises what :class:`Reader` raises for an entry that does not open: all of them must.
    """
    readers: dict[bytes, Reader] = {}
    found = {}
    for header, entry in _entries(database):
        if header.kind is Kind.STREAM_OPEN:
            readers[header.stream_id] = Reader(entry, key)
            opened = readers[header.stream_id].opening
        else:
            opened = readers[header.stream_id].read(entry)
        found[f"entry {header.stream_id.hex()} {header.stream_seq}"] = b"\n".join(_said(opened, salts))
    return found


def _entries(database: Database) -> Iterator[tuple[Header, bytes]]:
    with database.reading() as work:
        entries = [*work.entries(0, _ALL), *(row.entry for row in work.outbox(_ALL))]
    yield from ((header_of(entry), entry) for entry in entries)


def _said(opened: Opened, salts: Mapping[str, bytes]) -> Iterator[bytes]:
    yield encode(opened.event)
    records = opened.event.get("records", [])
    assert isinstance(records, list)
    for position, record in enumerate(records):
        assert isinstance(record, dict)
        salt = salts.get(str(record["of"]))
        if salt is not None:
            subject = open_subject(opened, position, salt)
            yield f"{subject.case} {subject.person} {sorted(subject.field_classes)}".encode()
