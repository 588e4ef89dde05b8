"""A bundle is read as it was written, in small pieces; whatever is not whole is found, with the place."""

from __future__ import annotations

import struct
from hashlib import sha256
from io import BytesIO

import pytest

from engine.ledger.bundle import MAGIC, MOST_BYTES, MOST_ENTRIES, BundleWriter, Damaged, Section, Type, sections

ENTRIES = [bytes([n]) * (n + 1) for n in range(7)]


def written() -> bytes:
    out = BytesIO()
    bundle = BundleWriter(out.write)
    bundle.info({"v": 1})
    bundle.checkpoint(b"the note")
    bundle.timestamp(b"a note", b"a token")
    bundle.timestamp(b"", b"")
    bundle.certificate(b"{}")
    bundle.entries(0, ENTRIES[:4])
    bundle.entries(4, ENTRIES[4:])
    bundle.end()
    return out.getvalue()


def by_hand(*parts: tuple[int, bytes], checksum: bytes | None = None) -> bytes:
    """The sections as the description has them, and the end."""
    body = MAGIC + b"".join(struct.pack(">BQ", kind, len(content)) + content for kind, content in parts)
    return body + struct.pack(">BQ", 255, 32) + (checksum or sha256(body).digest())


def damaged(data: bytes) -> tuple[int, str]:
    with pytest.raises(Damaged) as caught:
        list(sections(BytesIO(data).read))
    return caught.value.at, caught.value.what


def page(first: int, *entries: bytes) -> bytes:
    return struct.pack(">Q", first) + b"".join(struct.pack(">I", len(one)) + one for one in entries)


def test_a_bundle_is_as_it_is_described() -> None:
    assert written() == by_hand(
        (1, b'{"v":1}'), (2, b"the note"), (3, struct.pack(">I", 6) + b"a notea token"), (3, bytes(4)), (4, b"{}"),
        (5, page(0, *ENTRIES[:4])), (5, page(4, *ENTRIES[4:])),
    )  # fmt: skip


@pytest.mark.parametrize("most", [1, 3, 10_000])
def test_it_is_read_back_however_little_comes_at_a_time(most: int) -> None:
    file = BytesIO(written())
    found = list(sections(lambda size: file.read(min(size, most))))
    assert [one.type for one in found] == [Type.INFO, Type.CHECKPOINT, Type.TIMESTAMP, Type.TIMESTAMP,
                                           Type.CERTIFICATE, Type.ENTRIES, Type.ENTRIES]  # fmt: skip
    assert [found[2].timestamp(), found[3].timestamp()] == [(b"a note", b"a token"), (b"", b"")]
    assert (found[1].content, found[4].content) == (b"the note", b"{}")
    assert [(one.first, list(one.page)) for one in found[5:]] == [(0, ENTRIES[:4]), (4, ENTRIES[4:])]


def test_it_is_read_section_by_section() -> None:
    """Whoever reads holds one section at a time: nothing after it was asked for yet."""
    file = BytesIO(written())
    for section in sections(file.read):
        assert file.tell() == section.at + 9 + _size(section)


def _size(section: Section) -> int:
    return len(page(0, *section.page)) if section.type is Type.ENTRIES else len(section.content)


def test_wherever_it_is_cut_it_says_so_and_gives_what_came_before() -> None:
    whole = written()
    starts = [one.at for one in sections(BytesIO(whole).read)]
    for size in range(len(whole)):
        found: list[int] = []
        with pytest.raises(Damaged) as caught:
            found.extend(one.at for one in sections(BytesIO(whole[:size]).read))
        assert (caught.value.at, caught.value.what) == (size if size >= len(MAGIC) else 0, "cut short")
        ends = [*starts[1:], len(whole) - 41]
        assert found == [at for at, end in zip(starts, ends, strict=True) if end <= size]


def test_what_is_not_a_bundle_is_found_at_once() -> None:
    assert damaged(b"guitu/audit-bundle/v2\n" + written()[len(MAGIC) :]) == (0, "not a bundle")
    assert damaged(b"x") == (0, "not a bundle")


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ([(2, b"")], "order"),
        ([(1, b""), (1, b"")], "order"),
        ([(1, b""), (3, bytes(4))], "order"),
        ([(1, b""), (2, b""), (2, b"")], "order"),
        ([(1, b""), (2, b""), (4, b""), (3, bytes(4))], "order"),
        ([(1, b""), (2, b""), (6, b"")], "order"),
        ([(1, b""), (2, b""), (0, b"")], "order"),
        ([(1, b"")], "order"),
        ([], "order"),
        ([(1, b""), (2, b""), (5, page(1, b"a"))], "order"),
        ([(1, b""), (2, b""), (5, page(0, b"a")), (5, page(0, b"a"))], "order"),
        ([(1, b""), (2, b""), (5, page(0, b"a")), (5, page(2, b"a"))], "order"),
        ([(1, b""), (2, b""), (5, page(0))], "size"),
        ([(1, b""), (2, b""), (5, b"")], "size"),
        ([(1, b""), (2, b""), (5, page(0, b"a") + b"\0")], "size"),
        ([(1, b""), (2, b""), (5, page(0, b"a")[:-1])], "size"),
        ([(1, b""), (2, b""), (5, page(0, *[b"a"] * (MOST_ENTRIES + 1)))], "size"),
        ([(1, b""), (2, bytes(MOST_BYTES[Type.CHECKPOINT] + 1))], "size"),
    ],
)
def test_what_is_out_of_form_is_named_with_the_section(parts: list[tuple[int, bytes]], what: str) -> None:
    last = by_hand(*parts)
    at, found = damaged(last)
    assert found == what
    starts = [len(by_hand(*parts[:n])) - 41 for n in range(len(parts) + 1)]
    assert at in starts[-2:], "it is the last section, or the end that comes too early"


def test_a_timestamp_whose_note_is_longer_than_it_is_refused() -> None:
    for content in (b"", b"\0", struct.pack(">I", 3) + b"ab"):
        found = list(sections(BytesIO(by_hand((1, b""), (2, b""), (3, content))).read))
        with pytest.raises(Damaged, match="size"):
            found[2].timestamp()


def test_a_section_that_claims_to_be_huge_is_not_read() -> None:
    asked: list[int] = []
    file = BytesIO(MAGIC + struct.pack(">BQ", 1, 2**63) + b"x")

    def read(size: int) -> bytes:
        asked.append(size)
        return file.read(size)

    with pytest.raises(Damaged, match="size"):
        list(sections(read))
    assert max(asked) < 100


def test_a_changed_byte_and_what_follows_the_end_are_found() -> None:
    whole = written()
    assert damaged(whole.replace(b"the note", b"tho note")) == (len(whole) - 41, "checksum")
    assert damaged(whole + b"\0") == (len(whole), "order")
    assert damaged(whole[:-41] + struct.pack(">BQ", 255, 31) + bytes(31)) == (len(whole) - 41, "size")


def test_a_writer_keeps_the_order() -> None:
    bundle = BundleWriter(BytesIO().write)
    with pytest.raises(ValueError, match="no section CHECKPOINT"):
        bundle.checkpoint(b"")
    bundle.info({"v": 1})
    with pytest.raises(ValueError, match="no section INFO"):
        bundle.info({"v": 1})
    with pytest.raises(ValueError, match="no section END"):
        bundle.end()
    bundle.checkpoint(b"")
    for first, entries in ((1, [b""]), (0, []), (0, [b""] * (MOST_ENTRIES + 1))):
        with pytest.raises(ValueError, match="entries from 0 on"):
            bundle.entries(first, entries)
    bundle.entries(0, [b"a"])
    with pytest.raises(ValueError, match="no section CERTIFICATE"):
        bundle.certificate(b"{}")
    bundle.end()
