"""The order of streams as their headers tell it: nothing missing, doubled, moved or of nowhere. No key is needed."""

from __future__ import annotations

from dataclasses import dataclass

from engine.ledger.entry import Header, Kind
from engine.ledger.streams import MOST_ATTEMPTS
from engine.ledger.verifying.report import Check, Place, place_of


@dataclass(slots=True)
class _Followed:
    next_seq: int = 1
    last_key: int = 0
    is_closed: bool = False


class Order:
    """Follows every stream of a log."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._streams: dict[bytes, _Followed] = {}

    def take(self, number: int, header: Header) -> None:
        """Take the header of the next entry."""
        followed = self._streams.get(header.stream_id)
        if followed is None:
            self._begin(number, header)
            return
        if header.kind is Kind.STREAM_OPEN or header.stream_seq < followed.next_seq:
            self._fault("repeated", number, header, followed.next_seq)
            return
        if followed.is_closed:
            self._fault("closed", number, header, followed.next_seq)
            return
        if header.stream_seq > followed.next_seq:
            self._fault("gap", number, header, followed.next_seq)
        elif not followed.last_key < header.key_index < MOST_ATTEMPTS:
            self._fault("behind", number, header, followed.next_seq)
        else:
            self._check.checked += 1
        followed.next_seq = header.stream_seq + 1
        followed.last_key = max(header.key_index, followed.last_key)
        followed.is_closed = header.kind is Kind.STREAM_CLOSE

    def reached(self, stream_id: bytes) -> int:
        """How many entries of a stream the log holds; 0 for a stream it does not know."""
        followed = self._streams.get(stream_id)
        return followed.next_seq if followed else 0

    def damaged(self, number: int) -> None:
        """Take an entry without a readable header."""
        self._check.fault("entry:format", Place(number))

    def finish(self) -> None:
        """Count the streams, and those that nobody closed: a process that was killed leaves one."""
        if self._streams:
            self._check.counts["streams"] = len(self._streams)
            self._check.counts["left_open"] = sum(not one.is_closed for one in self._streams.values())

    def _begin(self, number: int, header: Header) -> None:
        self._streams[header.stream_id] = _Followed(header.stream_seq + 1, header.key_index)
        if header.kind is not Kind.STREAM_OPEN:
            self._check.fault("stream:unknown", place_of(number, header))
        elif header.stream_seq or header.key_index:
            self._fault("gap", number, header, 0)
        else:
            self._check.checked += 1

    def _fault(self, why: str, number: int, header: Header, expected: int) -> None:
        self._check.fault(f"stream:{why}", place_of(number, header), f"{expected} / {header.stream_seq}")
