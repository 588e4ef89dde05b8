"""Encrypted streams: whole and in order, or refused at the first wrong chunk, in constant memory."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.vault import streams
from engine.vault.streams import CHUNK_BYTES, HEADER_BYTES, TAG_BYTES, Opened, decrypt, encrypt
from engine.vault.suite import Unopenable

KEY, OTHER = b"k" * 32, b"o" * 32
HERE, THERE = b"here", b"there"
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
ROOT = Path(__file__).parents[2]


def sealed(plain: bytes, key: bytes = KEY, place: bytes = HERE) -> bytes:
    out = io.BytesIO()
    encrypt(io.BytesIO(plain), out, key, place)
    return out.getvalue()


def opened(stored: bytes, key: bytes = KEY, place: bytes = HERE) -> bytes:
    out = io.BytesIO()
    assert decrypt(io.BytesIO(stored), out, key, place) == len(out.getvalue())
    return out.getvalue()


def refused_after(stored: bytes, key: bytes = KEY, place: bytes = HERE) -> bytes:
    """What was given out before the stream was refused."""
    out = io.BytesIO()
    with pytest.raises(Unopenable):
        decrypt(io.BytesIO(stored), out, key, place)
    return out.getvalue()


def chunks(stored: bytes) -> tuple[bytes, list[bytes]]:
    body = stored[HEADER_BYTES:]
    return stored[:HEADER_BYTES], [body[at : at + SEALED_CHUNK] for at in range(0, len(body), SEALED_CHUNK)]


def text(count: int) -> bytes:
    """Bytes of which no two chunks are alike."""
    return b"".join(b"%08d" % number for number in range(count // 8 + 1))[:count]


class Dribble:
    """A reader that gives less than it is asked for."""

    def __init__(self, plain: bytes) -> None:
        self._file = io.BytesIO(plain)

    def read(self, size: int, /) -> bytes:
        return self._file.read(min(size, 1_000 + size % 7))


@given(
    st.sampled_from([0, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES]).flatmap(
        lambda border: st.integers(max(border - 20, 0), border + 20)
    )
)
def test_what_was_sealed_opens_again_whatever_its_size(size: int) -> None:
    plain = text(size)
    stored = sealed(plain)
    assert opened(stored) == plain
    pieces = max(1, -(-size // CHUNK_BYTES))
    assert len(stored) == HEADER_BYTES + size + pieces * TAG_BYTES


def test_an_empty_file_is_one_chunk_and_cannot_be_made_of_nothing() -> None:
    stored = sealed(b"")
    assert opened(stored) == b""
    assert len(stored) == HEADER_BYTES + TAG_BYTES
    for short in range(len(stored)):
        refused_after(stored[:short])


def test_a_reader_may_give_less_than_it_is_asked_for() -> None:
    plain = text(2 * CHUNK_BYTES + 5)
    out = io.BytesIO()
    encrypt(Dribble(plain), out, KEY, HERE)
    again = io.BytesIO()
    decrypt(Dribble(out.getvalue()), again, KEY, HERE)
    assert again.getvalue() == plain


def test_the_same_file_is_never_the_same_stream() -> None:
    assert sealed(b"same") != sealed(b"same")
    assert b"same" not in sealed(b"same")


def test_every_changed_bit_is_noticed() -> None:
    stored = sealed(text(100))
    for place in range(len(stored)):
        for bit in range(8):
            changed = bytearray(stored)
            changed[place] ^= 1 << bit
            assert refused_after(bytes(changed)) == b""


def test_every_cut_is_noticed() -> None:
    stored = sealed(text(100))
    for size in range(len(stored)):
        assert refused_after(stored[:size]) == b""


def test_another_key_or_place_opens_nothing() -> None:
    stored = sealed(text(100))
    assert refused_after(stored, key=OTHER) == b""
    assert refused_after(stored, place=THERE) == b""


@pytest.mark.parametrize("size", [3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 1, 4 * CHUNK_BYTES - 1])
def test_a_chunk_that_does_not_stand_where_it_was_sealed_is_refused_there(size: int) -> None:
    plain = text(size)
    header, parts = chunks(sealed(plain))
    _, others = chunks(sealed(plain))
    wrong: dict[str, tuple[list[bytes], int]] = {
        "cut at a border": (parts[:-1], len(parts) - 2),
        "cut to the first": (parts[:1], 0),
        "the first left out": (parts[1:], 0),
        "one left out": ([parts[0], *parts[2:]], 1),
        "two swapped": ([parts[1], parts[0], *parts[2:]], 0),
        "the last swapped": ([*parts[:-2], parts[-1], parts[-2]], len(parts) - 2),
        "one doubled": ([parts[0], parts[0], *parts[1:]], 1),
        "the last doubled": ([*parts, parts[-1]], len(parts) - 1),
        "one of another stream": ([parts[0], others[1], *parts[2:]], 1),
        "a byte more": ([*parts, b"\0"], len(parts) - 1),
        "a whole chunk more": ([*parts, bytes(SEALED_CHUNK)], len(parts) - 1),
    }
    for name, (order, good) in wrong.items():
        given_out = refused_after(header + b"".join(order))
        assert given_out == plain[: good * CHUNK_BYTES], name


def test_every_chunk_is_authenticated_before_it_is_given_out() -> None:
    plain = text(3 * CHUNK_BYTES)
    stored = bytearray(sealed(plain))
    stored[HEADER_BYTES + SEALED_CHUNK + 7] ^= 1
    assert refused_after(bytes(stored)) == plain[:CHUNK_BYTES]


def test_a_header_of_another_format_or_suite_is_refused_as_such() -> None:
    stored = sealed(b"x")
    for head in (b"\2\1", b"\1\2"):
        with pytest.raises(Unopenable) as refused:
            opened(head + stored[2:])
        assert refused.value.why == "format"


def test_a_stream_longer_than_its_counter_is_neither_made_nor_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    three = sealed(text(3 * CHUNK_BYTES))
    monkeypatch.setattr(streams, "MOST_CHUNKS", 2)
    assert opened(sealed(text(2 * CHUNK_BYTES))) == text(2 * CHUNK_BYTES)
    with pytest.raises(OverflowError):
        sealed(text(3 * CHUNK_BYTES))
    assert refused_after(three) == text(2 * CHUNK_BYTES)


# ── from any place ──


@given(
    st.integers(0, 2 * CHUNK_BYTES + 20),
    st.lists(st.tuples(st.integers(0, 2 * CHUNK_BYTES + 30), st.integers(0, 2 * CHUNK_BYTES)), max_size=6),
)
def test_a_stream_is_read_from_any_place_like_a_file(size: int, reads: list[tuple[int, int]]) -> None:
    plain = text(size)
    like, file = io.BytesIO(plain), io.BufferedReader(Opened(io.BytesIO(sealed(plain)), KEY, HERE))
    assert file.seek(0, io.SEEK_END) == size
    for place, count in reads:
        assert (file.seek(place), like.seek(place)) == (place, place)
        assert file.read(count) == like.read(count)


def test_a_place_before_the_file_is_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        Opened(io.BytesIO(sealed(b"abc")), KEY, HERE).seek(-4, io.SEEK_END)


def test_from_any_place_too_nothing_is_given_out_unauthenticated() -> None:
    plain = text(2 * CHUNK_BYTES + 9)
    stored = sealed(plain)
    changed = bytearray(stored)
    changed[HEADER_BYTES + SEALED_CHUNK] ^= 1
    file = Opened(io.BytesIO(bytes(changed)), KEY, HERE)
    assert file.read(CHUNK_BYTES) == plain[:CHUNK_BYTES]
    with pytest.raises(Unopenable):
        file.read(1)


def test_from_any_place_too_a_cut_is_noticed_at_the_end() -> None:
    stored = sealed(text(2 * CHUNK_BYTES + 9))
    border = HEADER_BYTES + SEALED_CHUNK
    for size in (*range(border, border + 2 * TAG_BYTES), *range(border, len(stored), 997)):
        with pytest.raises(Unopenable):
            Opened(io.BytesIO(stored[:size]), KEY, HERE).readall()


# ── memory ──

_STREAM = """
import tracemalloc
from engine.vault.streams import decrypt, encrypt

class Endless:
    def __init__(self, size):
        self.left = size
    def read(self, size, /):
        size = min(size, self.left)
        self.left -= size
        return bytes(size)

class Counter:
    def __init__(self):
        self.size = 0
    def write(self, data, /):
        self.size += len(data)

SIZE = 64 << 20
with open({path!r}, "wb") as out:
    tracemalloc.start()
    encrypt(Endless(SIZE), out, bytes(32), b"")
counted = Counter()
with open({path!r}, "rb") as file:
    assert decrypt(file, counted, bytes(32), b"") == counted.size == SIZE
print(tracemalloc.get_traced_memory()[1])
"""


def test_a_long_stream_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    script = _STREAM.format(path=str(tmp_path / "long"))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 << 20
