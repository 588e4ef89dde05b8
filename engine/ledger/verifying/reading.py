"""Reading the entries of a log with the keys of auditors: each stream from its opening on, as far as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.ledger.canonical import NotCanonical
from engine.ledger.entry import Header, Kind, Opened, Unreadable
from engine.ledger.streams import AuditorKey, OutOfOrder, Reader, recipients_of


class Unread(Exception):
    """An entry that was not tried, for a reason that lies in its opening.

    ``foreign``: the stream is sealed to nobody whose key is here. ``lost``: the opening is not there, or did not open.
    """

    def __init__(self, why: Literal["foreign", "lost"]) -> None:
        super().__init__(why)
        self.why = why


class Readers:
    """All streams of a log. With several keys each opening is opened with every one that it is sealed to."""

    def __init__(self, keys: Sequence[AuditorKey]) -> None:
        self._keys = {one.auditor.id: one for one in keys}
        self._readers: dict[bytes, Reader | None] = {}

    def read(self, header: Header, entry: bytes) -> Opened:
        """What an entry says.

        Raises :class:`Unread`, ``Unreadable``, ``OutOfOrder``, and ``NotCanonical``. Entries that are missing are
        passed over: the order of a stream is seen from its headers.
        """
        if header.kind is Kind.STREAM_OPEN:
            return self._open(header, entry)
        if header.stream_id not in self._readers:
            raise Unread("lost")
        reader = self._readers[header.stream_id]
        if reader is None:
            raise Unread("foreign")
        opened = reader.read(entry, over_gap=True)
        if reader.closed:
            del self._readers[header.stream_id]
        return opened

    def _open(self, header: Header, entry: bytes) -> Opened:
        if header.stream_id in self._readers:
            raise OutOfOrder("repeated", 1, header.stream_seq)
        own = [self._keys[one] for one in recipients_of(entry) if one in self._keys]
        if not own:
            self._readers[header.stream_id] = None
            raise Unread("foreign")
        readers = [Reader(entry, key) for key in own]
        self._readers[header.stream_id] = readers[0]
        return readers[0].opening


WORDS = (Unread, Unreadable, OutOfOrder, NotCanonical)
"""Why an entry did not open."""


def word_of(error: Exception) -> str:
    """The word of :mod:`engine.ledger.verifying.sentences` for one of these."""
    if isinstance(error, NotCanonical):
        return f"canonical:{error.why}"
    if isinstance(error, OutOfOrder):
        return f"stream:{error.why}"
    if isinstance(error, Unread):
        return f"unread:{error.why}"
    assert isinstance(error, Unreadable), "there are no others"
    return f"entry:{error.why}"
