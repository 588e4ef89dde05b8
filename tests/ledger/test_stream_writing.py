"""The writing end of a stream: it cannot read what it wrote, is never used twice, and ends when it should."""

from __future__ import annotations

import copy
import hmac
import pickle
from datetime import timedelta
from hashlib import sha256

import pytest

from engine.ledger.entry import Header, Kind, Unreadable, seal, unseal
from engine.ledger.streams import MOST_ATTEMPTS, MOST_ENTRIES, Reader, Stream
from tests.ledger.test_streams import CHAIN, ID, NOW, SHORT, WHY, closed, stream, written


def test_what_the_writer_still_has_opens_nothing_it_wrote() -> None:
    made = stream()
    kept = made._chain._chain
    before = bytes(kept)
    entry = written(made, 1)
    assert made._chain._chain is kept, "overwritten, not replaced"
    assert bytes(kept) == hmac.digest(before, b"ck", sha256)
    for left in (bytes(kept), hmac.digest(kept, b"mk", sha256)):
        with pytest.raises(Unreadable):
            unseal(entry, left)
    made.abandon()
    assert bytes(kept) == bytes(32)


def test_a_stream_is_not_copied() -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            attempt(stream())


def test_nothing_is_written_before_the_opening_is_committed_or_after_a_closing() -> None:
    made = Stream(ID, CHAIN, [SHORT.auditor], WHY, NOW)
    assert closed(lambda: made.attempt({}, (), NOW)) == "unopened"
    made.confirm()
    assert closed(made.confirm) == closed(made.roll_back) == "nothing"
    made.attempt({}, (), NOW, Kind.STREAM_CLOSE)
    assert closed(lambda: made.attempt({}, (), NOW)) == "closing"
    made.roll_back()
    made.attempt({}, (), NOW)
    made.confirm()
    assert made.committed == 2


def test_what_lies_in_one_transaction_is_committed_or_rolled_back_together() -> None:
    made = stream()
    reader = Reader(made.opening.entry, SHORT)
    lost = [made.attempt({"n": number}, (), NOW) for number in range(3)]
    made.roll_back()
    kept = [made.attempt({"n": number}, (), NOW) for number in range(3, 6)]
    assert made.committed == 1
    made.confirm()
    assert [one.header.stream_seq for one in lost] == [one.header.stream_seq for one in kept] == [1, 2, 3]
    assert [one.header.key_index for one in (*lost, *kept)] == [1, 2, 3, 4, 5, 6]
    assert [reader.read(one.entry).event["n"] for one in kept] == [3, 4, 5]
    assert made.committed == reader.next_seq == 4


def test_an_abandoned_a_closed_and_an_unopened_stream_are_over() -> None:
    unopened = Stream(ID, CHAIN, [SHORT.auditor], WHY, NOW)
    unopened.roll_back()
    abandoned, ended = stream(), stream()
    abandoned.attempt({}, (), NOW)
    abandoned.abandon()
    written(ended, 1, Kind.STREAM_CLOSE)
    for over in (unopened, abandoned, ended):
        assert closed(lambda over=over: over.attempt({}, (), NOW, Kind.STREAM_CLOSE)) == "ended"  # type: ignore[misc]
    assert closed(abandoned.confirm) == closed(abandoned.roll_back) == "ended"
    assert (unopened.committed, abandoned.committed, ended.committed) == (0, 1, 2)


def test_a_stream_is_spent_after_an_hour_or_when_the_clock_goes_back() -> None:
    made = stream()
    hour, moment = timedelta(hours=1), timedelta(microseconds=1)
    assert [made.is_spent(NOW + after) for after in (-moment, 0 * hour, hour - moment, hour)] == [
        True,
        False,
        False,
        True,
    ]
    assert closed(lambda: made.attempt({}, (), NOW + hour)) == "old"
    made.attempt({}, (), NOW + hour, Kind.STREAM_CLOSE)
    made.confirm()


def test_a_stream_is_full_after_so_many_entries_the_closing_among_them() -> None:
    made = stream()
    reader = Reader(made.opening.entry, SHORT)
    for number in range(MOST_ENTRIES - 2):
        assert not made.is_spent(NOW)
        reader.read(written(made, number))
    assert made.is_spent(NOW)
    assert closed(lambda: made.attempt({}, (), NOW)) == "full"
    assert reader.read(written(made, 0, Kind.STREAM_CLOSE)).header.stream_seq == MOST_ENTRIES - 1


def test_a_stream_takes_so_many_attempts_and_a_reader_goes_as_far() -> None:
    made = stream()
    made._chain.next_index = MOST_ATTEMPTS - 1  # instead of tens of thousands of attempts
    assert closed(lambda: made.attempt({}, (), NOW)) == "full"
    last = made.attempt({}, (), NOW, Kind.STREAM_CLOSE)
    made.roll_back()
    assert last.header.key_index == MOST_ATTEMPTS - 1
    assert closed(lambda: made.attempt({}, (), NOW, Kind.STREAM_CLOSE)) == "ended"
    chain = CHAIN
    for _ in range(MOST_ATTEMPTS - 1):
        chain = hmac.digest(chain, b"ck", sha256)
    entry = seal(Header(Kind.EVENT, ID, 1, MOST_ATTEMPTS - 1), {"n": 7}, (), hmac.digest(chain, b"mk", sha256))
    assert Reader(made.opening.entry, SHORT).read(entry).event == {"n": 7}


def test_mistakes_of_the_caller_are_told() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        stream(chain=bytes(31))
    with pytest.raises(ValueError, match="16 bytes"):
        stream(stream_id=bytes(15))
    with pytest.raises(ValueError, match="opened once"):
        stream().attempt({}, (), NOW, Kind.STREAM_OPEN)
