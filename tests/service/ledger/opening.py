"""Read a ledger with the auditor's key of the tests: all of it, sequenced or waiting, each entry held to its form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.ledger.entry import Header, Kind, Opened, Subject, header_of, open_subject, tag
from engine.ledger.event import check
from engine.ledger.streams import Reader
from engine.service.desk import Desk
from engine.store.database import Database
from engine.store.work import Work
from tests.keys import AUDITOR

_ALL = 1_000_000
_LEDGER_ITSELF = (Kind.STREAM_OPEN, Kind.STREAM_CLOSE, Kind.HEARTBEAT)
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, opened. ``number`` is its place in the log, None while it waits.

    Of a subject whose salt is not given nobody knows whom it concerns: it is None.
    """

    number: int | None
    header: Header
    event: dict[str, Any]
    subjects: tuple[Subject | None, ...]

    @property
    def act(self) -> str:
        """What it tells of."""
        return str(self.event["act"])

    @property
    def records(self) -> list[tuple[Subject | None, Record]]:
        """Each subject with what is told of its record."""
        return list(zip(self.subjects, self.event.get("records", []), strict=True))

    def of(self, case: str, person: str | None = None) -> Record:
        """What is told of this record, or of a person of it."""
        (found,) = (
            record for one, record in self.records if one is not None and (one.case, one.person) == (case, person)
        )
        return found

    @property
    def concerned(self) -> set[tuple[str, str | None]]:
        """Every case, and every person of one, that it concerns; all of them can be read."""
        assert None not in self.subjects
        return {(one.case, one.person) for one in self.subjects if one is not None}


@dataclass
class Book:
    """A ledger as far as it was read; each entry is read once, while it waits or from the log.

    ``salts`` are those under which subjects are opened, by tag: those of the cases of ``desk`` come by themselves, and
    stay when a case is erased.
    """

    database: Database
    desk: Desk | None = None
    salts: dict[str, bytes] = field(default_factory=dict)
    _readers: dict[bytes, Reader] = field(default_factory=dict)
    _seen: set[tuple[bytes, int]] = field(default_factory=set)

    @classmethod
    def at(cls, desk: Desk) -> Book:
        """The ledger of a desk, what is in it now passed over."""
        book = cls(desk.database, desk)
        book.news()
        return book

    def everything(self) -> list[Told]:
        """What came since the last look, in the order of the log and then of time; within a stream in its order.

        Raises what :class:`Reader` raises when an entry is missing or does not open, and ``NotAnEvent``.
        """
        if self.desk is not None:
            self.salts |= {tag(salt): salt for salt in salts_of(self.desk)}
        with self.database.reading() as work:
            found = [
                (number, entry, header)
                for number, entry in _entries(work)
                if ((header := header_of(entry)).stream_id, header.stream_seq) not in self._seen
            ]
        return [self._told(number, entry, header) for number, entry, header in found]

    def news(self) -> list[Told]:
        """The same, but for what the ledger says about itself."""
        return [one for one in self.everything() if one.header.kind not in _LEDGER_ITSELF]

    def only(self) -> Told:
        """The one entry that came since the last look, but for what the ledger says about itself."""
        (found,) = self.news()
        return found

    def _told(self, number: int | None, entry: bytes, header: Header) -> Told:
        self._seen.add((header.stream_id, header.stream_seq))
        if header.kind is Kind.STREAM_OPEN:
            assert header.stream_id not in self._readers, "a stream is opened once"
            self._readers[header.stream_id] = reader = Reader(entry, AUDITOR)
            opened = reader.opening
        else:
            opened = self._readers[header.stream_id].read(entry)
        check(header.kind, opened.event, len(opened.blocks))
        return Told(number, header, dict(opened.event), _subjects(opened, self.salts))


def _entries(work: Work) -> Iterator[tuple[int | None, bytes]]:
    """Yield the log, then what waits."""
    yield from enumerate(work.entries(0, _ALL))
    for row in work.outbox(_ALL):
        header = header_of(row.entry)
        assert (header.stream_id, header.stream_seq) == (row.stream_id, row.stream_seq)
        yield None, row.entry


def _subjects(opened: Opened, salts: Mapping[str, bytes]) -> tuple[Subject | None, ...]:
    records: Any = opened.event.get("records", [])
    found: list[Subject | None] = []
    for position, record in enumerate(records):
        salt = salts.get(record["of"])
        found.append(None if salt is None else open_subject(opened, position, salt))
    return tuple(found)


def salts_of(desk: Desk) -> Iterable[bytes]:
    """The salt of every case that has one."""
    with desk.database.reading() as work:
        keys = [desk.safe.key_for(line.id, work) for line in work.cases(limit=_ALL, after="")]
    return [key.ledger_salt() for key in keys if key is not None]
