"""Looking at single entries of a bundle with an auditor's key. Nothing is verified here: do that first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.ledger.bundle import Type, sections
from engine.ledger.canonical import Value
from engine.ledger.entry import Header, Opened, Subject, Unreadable, header_of, open_subject
from engine.ledger.event import NotAnEvent, at_of
from engine.ledger.exports import Salts
from engine.ledger.streams import AuditorKey
from engine.ledger.verifying.reading import WORDS, Readers, word_of


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as far as it opens: ``event`` is None when it does not, and then ``word`` says why.

    ``subjects`` are whom it concerns, one for each block: None where there is no salt, or where it does not open.
    """

    number: int
    header: Header | None
    event: dict[str, Value] | None
    word: str | None
    subjects: tuple[Subject | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is None or not given is not asked about. ``since`` and ``until`` are both included."""

    case: str | None = None
    person: str | None = None
    unit: str | None = None
    actor: str | None = None
    act: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, seen: Seen) -> bool:
        """Whether an entry is one of these; one that does not open never is."""
        event = seen.event
        if event is None:
            return False
        for name in ("unit", "actor", "act", "outcome"):
            wanted = getattr(self, name)
            if wanted is not None and event.get(name) != wanted:
                return False
        return self._concerns(seen) and self._is_then(event)

    def _concerns(self, seen: Seen) -> bool:
        if self.case is None and self.person is None:
            return True
        return any(
            one is not None and self.case in (None, one.case) and self.person in (None, one.person)
            for one in seen.subjects
        )

    def _is_then(self, event: dict[str, Value]) -> bool:
        if self.since is None and self.until is None:
            return True
        try:
            at = at_of(event)
        except NotAnEvent:
            return False
        return (self.since is None or self.since <= at) and (self.until is None or at <= self.until)


def look(read: Callable[[int], bytes], keys: Sequence[AuditorKey], salts: Salts | None) -> Iterator[Seen]:
    """Yield every entry of a bundle, in the order of the log. Raises ``Damaged`` where the bundle is not whole."""
    readers, number = Readers(keys), 0
    for section in sections(read):
        for entry in section.page if section.type is Type.ENTRIES else ():
            yield _seen(number, entry, readers, salts)
            number += 1


def find(
    read: Callable[[int], bytes], keys: Sequence[AuditorKey], salts: Salts | None, wanted: Wanted
) -> Iterator[Seen]:
    """Yield the entries that fit. Raises ``Damaged`` where the bundle is not whole."""
    return (one for one in look(read, keys, salts) if wanted.fits(one))


def _seen(number: int, entry: bytes, readers: Readers, salts: Salts | None) -> Seen:
    try:
        header = header_of(entry)
    except Unreadable as error:
        return Seen(number, None, None, word_of(error))
    try:
        opened = readers.read(header, entry)
    except WORDS as error:
        return Seen(number, header, None, word_of(error))
    return Seen(number, header, opened.event, None, _subjects(opened, salts))


def _subjects(opened: Opened, salts: Salts | None) -> tuple[Subject | None, ...]:
    records = opened.event.get("records")
    told = records if isinstance(records, list) else []
    tags = [one.get("of") if isinstance(one, dict) else None for one in told]
    padded = [*tags, *[None] * len(opened.blocks)][: len(opened.blocks)]
    return tuple(_subject(opened, position, tag, salts) for position, tag in enumerate(padded))


def _subject(opened: Opened, position: int, tag: Value, salts: Salts | None) -> Subject | None:
    salt = salts.by_tag.get(tag) if salts is not None and isinstance(tag, str) else None
    if salt is None:
        return None
    try:
        return open_subject(opened, position, salt.salt)
    except Unreadable:
        return None
