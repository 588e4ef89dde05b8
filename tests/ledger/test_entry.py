"""An entry is what its page says, opens whole or not at all, and tells whom it concerns only under the case's salt."""

from __future__ import annotations

import hmac
import json
import struct
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.canonical import NotCanonical
from engine.ledger.entry import (
    HEADER_BYTES,
    MOST_BYTES,
    Header,
    Kind,
    Opened,
    Subject,
    TooLarge,
    Unreadable,
    header_of,
    open_subject,
    seal,
    unseal,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SALT, OTHER_SALT = b"s" * 32, b"t" * 32
STREAM = bytes(range(16))
HEADER = Header(Kind.EVENT, STREAM, 5, 7)
HEAD = b"\x01\x01\x01" + STREAM + (5).to_bytes(8) + (7).to_bytes(8)
EVENT = {"act": "case:read", "actor": "officer-12", "outcome": "done"}
PERSON = Subject("case-1", "person-1", frozenset({"health", "family"}))
CASE = Subject("case-2", None, frozenset())
NUMBERS = st.integers(0, 2**64 - 1)
CODES = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
SUBJECTS = st.builds(Subject, CODES, st.none() | CODES, st.frozensets(CODES, max_size=4))


def entry(*subjects: tuple[Subject, bytes], **event: Any) -> bytes:
    return seal(HEADER, event or EVENT, subjects, KEY)


def why(entry: bytes, key: bytes = KEY, clear_bytes: int = 0) -> str:
    with pytest.raises(Unreadable) as caught:
        unseal(entry, key, clear_bytes)
    return caught.value.why


def written(content: bytes) -> bytes:
    """What a writer that does not keep to the form could write."""
    return HEAD + AESGCM(KEY).encrypt(bytes(12), content, HEAD)


def labelled(salt: bytes, purpose: str, position: int, head: bytes = HEAD) -> bytes:
    """What is taken over the header and a position, written down a second time."""
    label = b"guitu/ledger-subject-" + purpose.encode() + b"/v1"
    message = struct.pack(">I", len(label)) + label + b"\0\0\0\x23" + head + b"\0\0\0\x02" + struct.pack(">H", position)
    return hmac.digest(salt, message, sha256)


# ── the bytes ──


def test_an_entry_is_as_it_is_described() -> None:
    sealed = entry((PERSON, SALT), (CASE, OTHER_SALT))
    assert sealed[:HEADER_BYTES] == HEAD == HEADER.packed()
    plain = AESGCM(KEY).decrypt(bytes(12), sealed[35:], HEAD)
    event = json.dumps(EVENT, sort_keys=True, separators=(",", ":")).encode()
    first = plain[4 : 4 + 2 + 32 + 128 + 16]
    second = plain[4 + len(first) : 4 + len(first) + 2 + 32 + 64 + 16]
    total = 4 + len(first) + len(second) + len(event)
    assert plain == struct.pack(">HH", total, 2) + first + second + event + bytes(-total % 256)
    words = b'{"case":"case-1","field_classes":["family","health"],"person":"person-1"}'
    assert first == b"\0\xb0" + labelled(SALT, "check", 0) + AESGCM(labelled(SALT, "key", 0)).encrypt(
        bytes(12), struct.pack(">H", len(words)) + words + bytes(128 - 2 - len(words)), HEAD
    )
    assert second[:34] == b"\0\x70" + labelled(OTHER_SALT, "check", 1)
    opened = AESGCM(labelled(OTHER_SALT, "key", 1)).decrypt(bytes(12), second[34:], HEAD)
    assert opened[2:].rstrip(b"\0") == b'{"case":"case-2","field_classes":[],"person":null}'


@given(
    st.builds(Header, st.sampled_from(Kind), st.binary(min_size=16, max_size=16), NUMBERS, NUMBERS),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda key: key[0] != "_"), CODES, max_size=6),
    st.lists(st.tuples(SUBJECTS, st.binary(min_size=32, max_size=32)), max_size=4), st.binary(max_size=90),
)  # fmt: skip
def test_what_is_sealed_opens_again(
    header: Header, event: Any, subjects: list[tuple[Subject, bytes]], clear: bytes
) -> None:
    sealed = seal(header, event, subjects, KEY, clear)
    opened = unseal(sealed, KEY, len(clear))
    assert (opened.header, opened.event, header_of(sealed)) == (header, event, header)
    assert sealed[35 : 35 + len(clear)] == clear
    assert [open_subject(opened, at, salt) for at, (_, salt) in enumerate(subjects)] == [one for one, _ in subjects]
    assert (len(sealed) - 35 - len(clear) - 16) % 256 == 0


def test_the_length_tells_the_step_alone() -> None:
    assert {len(entry(a="x" * size)) for size in range(245)} == {35 + 256 + 16}
    assert len(entry(a="x" * 245)) == 35 + 512 + 16


def test_at_most_sixteen_kibibytes() -> None:
    largest = entry(a="x" * (63 * 256 - 4 - 8))
    assert len(largest) == 35 + 63 * 256 + 16 <= MOST_BYTES
    assert len(unseal(largest, KEY).event["a"]) == 63 * 256 - 12  # type: ignore[arg-type]
    with pytest.raises(TooLarge) as caught:
        entry(a="x" * (63 * 256 - 4 - 7))
    assert caught.value.size == 35 + 64 * 256 + 16
    for subjects in (
        [(PERSON, SALT)] * 100,
        [(CASE, SALT)] * 70_000,
        [(Subject("x" * 70_000, None, frozenset()), SALT)],
    ):
        with pytest.raises(TooLarge):
            entry(*subjects)


def test_keys_salts_and_stream_ids_of_another_length_are_mistakes() -> None:
    for size in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            seal(HEADER, EVENT, (), bytes(size))
        with pytest.raises(ValueError, match="32 bytes"):
            entry((CASE, bytes(size)))
        with pytest.raises(ValueError, match="32 bytes"):
            unseal(entry(), bytes(size))
        with pytest.raises(ValueError, match="32 bytes"):
            open_subject(unseal(entry((CASE, SALT)), KEY), 0, bytes(size))
    with pytest.raises(ValueError, match="16 bytes"):
        Header(Kind.EVENT, bytes(15), 0, 0).packed()


# ── changed ──


def test_an_entry_with_any_bit_changed_does_not_open() -> None:
    for sealed, clear_bytes in ((entry((PERSON, SALT)), 0), (seal(HEADER, EVENT, (), KEY, b"in the clear"), 12)):
        for place in range(len(sealed)):
            for bit in range(8):
                changed = sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :]
                expected = {"format"} if place < 2 else {"format", "changed"} if place == 2 else {"changed"}
                assert why(changed, clear_bytes=clear_bytes) in expected


def test_an_entry_cut_longer_moved_or_under_another_key_does_not_open() -> None:
    sealed = entry()
    assert {why(sealed[:size]) for size in range(len(sealed))} == {"format"}
    assert {why(sealed + bytes(size)) for size in (1, 255, MOST_BYTES)} == {"format"}
    assert why(sealed + bytes(256)) == why(sealed, OTHER) == "changed"
    assert why(seal(HEADER, EVENT, (), KEY, bytes(256)), clear_bytes=0) == "changed"
    for other in (
        Header(Kind.EVENT, STREAM, 6, 7),
        Header(Kind.EVENT, STREAM, 5, 8),
        Header(Kind.CONTROL, STREAM, 5, 7),
    ):
        assert why(other.packed() + sealed[35:]) == "changed"


# ── a writer that does not keep to the form ──


EXACT = b'{"a":"' + b"x" * 244 + b'"}'
BLOCK = struct.pack(">H", 112) + bytes(112)


def plain(total: int, count: int, content: bytes, size: int = 256) -> bytes:
    return (struct.pack(">HH", total, count) + content).ljust(size, b"\0")


@pytest.mark.parametrize(
    "wrong",
    [
        plain(3, 0, b""), plain(0, 0, b'{"a":1}'),  # ends before it begins
        plain(257, 0, EXACT), plain(65535, 0, EXACT),  # ends beyond its end
        plain(10, 0, b'{"a":1}'), plain(11, 0, b'{"a":1}' + bytes(244) + b"x"),  # not zero after its end
        plain(11, 0, b'{"a":1}', 512),  # a step too many
        plain(11, 1, b'{"a":1}'), plain(4, 1, b""), plain(117, 1, BLOCK), plain(118, 2, BLOCK),  # no such block
        plain(54, 1, b"\0\x30"), plain(117, 1, b"\0\x6f"), plain(119, 1, b"\0\x71"),  # of no length
    ],
    ids=lambda one: one[:8].hex() + f"-{len(one)}",
)  # fmt: skip
def test_a_plaintext_that_is_not_of_the_form_is_told_apart_from_a_changed_one(wrong: bytes) -> None:
    assert why(written(wrong)) == "plain"


def test_what_the_wrong_plaintexts_are_measured_against_opens() -> None:
    assert unseal(written(plain(11, 0, b'{"a":1}')), KEY).event == {"a": 1}
    assert unseal(written(plain(256, 0, EXACT)), KEY).event == {"a": "x" * 244}
    assert unseal(written(plain(125, 1, BLOCK + b'{"a":1}')), KEY).blocks == (bytes(112),)


def test_an_event_that_opens_and_is_not_canonical_is_refused() -> None:
    for body in (b'{"a": 1}', b'{"a":1.0}', b"", b"[]", b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1}\0'):
        with pytest.raises(NotCanonical):
            unseal(written(plain(4 + len(body), 0, body)), KEY)


@pytest.mark.parametrize(
    "words",
    [
        b'{"case":"c","field_classes":[],"person": null}', b'{"case":"c","field_classes":["b","a"],"person":null}',
        b'{"case":"c","field_classes":["a","a"],"person":null}', b'{"case":"c","field_classes":[1],"person":null}',
        b'{"case":"c","field_classes":[]}', b'{"case":"c","extra":1,"field_classes":[],"person":null}',
        b'{"case":1,"field_classes":[],"person":null}', b'{"case":"c","field_classes":"a","person":null}',
        b'{"case":"c","field_classes":[],"person":1}', b"[]", b"",
    ],
)  # fmt: skip
def test_a_subject_that_is_not_of_the_form_is_refused(words: bytes) -> None:
    assert _refusal(struct.pack(">H", len(words)) + words) == "plain"


def test_a_subject_whose_padding_is_not_of_the_form_is_refused() -> None:
    words = b'{"case":"c","field_classes":[],"person":null}'
    right = struct.pack(">H", len(words)) + words
    assert _refusal(right) == ""
    assert {_refusal(right + b"x"), _refusal(right.ljust(65, b"\0")), _refusal(b"\xff\xff" + words)} == {"plain"}


def _refusal(plain: bytes) -> str:
    """Why a block with this plaintext is refused, ``""`` if it is not."""
    padded = plain.ljust(-(-len(plain) // 64) * 64, b"\0")
    block = labelled(SALT, "check", 0) + AESGCM(labelled(SALT, "key", 0)).encrypt(bytes(12), padded, HEAD)
    try:
        open_subject(Opened(HEADER, {}, (block,)), 0, SALT)
    except Unreadable as error:
        return error.why
    return ""


# ── whom it concerns ──


def test_a_block_opens_under_its_own_salt_in_its_own_place() -> None:
    opened = unseal(entry((PERSON, SALT), (PERSON, SALT), (CASE, OTHER_SALT)), KEY)
    assert [open_subject(opened, at, SALT) for at in (0, 1)] == [PERSON, PERSON]
    assert open_subject(opened, 2, OTHER_SALT) == CASE
    moved = Opened(Header(Kind.EVENT, STREAM, 5, 8), {}, opened.blocks)
    swapped = Opened(HEADER, {}, opened.blocks[::-1])
    for one, at, salt in ((opened, 0, OTHER_SALT), (opened, 2, SALT), (moved, 0, SALT), (swapped, 0, OTHER_SALT)):
        with pytest.raises(Unreadable) as caught:
            open_subject(one, at, salt)
        assert caught.value.why == "key"


def test_a_block_with_any_byte_changed_does_not_open() -> None:
    block = unseal(entry((PERSON, SALT)), KEY).blocks[0]
    for place in range(len(block)):
        changed = block[:place] + bytes([block[place] ^ 1]) + block[place + 1 :]
        with pytest.raises(Unreadable) as caught:
            open_subject(Opened(HEADER, {}, (changed,)), 0, SALT)
        assert caught.value.why == ("key" if place < 32 else "changed")


def test_without_its_salt_nothing_of_a_case_is_left_and_the_rest_reads_on() -> None:
    opened = unseal(entry((PERSON, SALT), (CASE, OTHER_SALT)), KEY)
    assert opened.event == EVENT
    assert open_subject(opened, 1, OTHER_SALT) == CASE
    seen = b"".join(opened.blocks) + json.dumps(opened.event).encode()
    assert not any(word in seen for word in (b"case-1", b"person-1", b"health", b"family"))


def test_no_two_blocks_of_one_case_have_anything_in_common() -> None:
    entries = [seal(Header(Kind.EVENT, STREAM, 1, index), EVENT, [(PERSON, SALT)] * 2, KEY) for index in range(20)]
    blocks = [block for one in entries for block in unseal(one, KEY).blocks]
    pieces = [block[at : at + 8] for block in blocks for at in range(len(block) - 7)]
    assert len(set(pieces)) == len(pieces)
    assert len({len(block) for block in blocks}) == 1
