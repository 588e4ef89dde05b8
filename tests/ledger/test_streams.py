"""A stream is read by its auditors and nobody else, whole and in order; its writer cannot read it."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.canonical import NotCanonical
from engine.ledger.entry import Header, Kind, Subject, TooLarge, Unreadable, open_subject, seal, unseal
from engine.ledger.streams import (
    MOST_ATTEMPTS,
    Auditor,
    AuditorKey,
    OutOfOrder,
    Reader,
    Stream,
    StreamClosed,
)
from tests.ledger.hpke import AES_128, X25519_KEM, bound, chain_by_hand, dhkem, opened

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
ID, CHAIN = bytes(range(16)), bytes(range(100, 132))
SHORT, LONG, STRANGER = AuditorKey(b"\x41" * 32), AuditorKey(bytes(range(96))), AuditorKey(b"\x43" * 32)
KEYS = pytest.mark.parametrize("key", [SHORT, LONG], ids=["x25519", "hybrid"])
WHY = {"act": "stream:open"}
COMMITMENT = b"guitu/ledger-chain-commitment/v1"


def stream(*keys: AuditorKey, chain: bytes = CHAIN, stream_id: bytes = ID) -> Stream:
    """An open stream whose opening is committed."""
    made = Stream(stream_id, chain, [Auditor(one.public) for one in keys or (SHORT,)], WHY, NOW)
    made.confirm()
    return made


def written(to: Stream, number: int, kind: Kind = Kind.EVENT) -> bytes:
    pending = to.attempt({"n": number}, (), NOW, kind)
    to.confirm()
    return pending.entry


def closed(attempt: Callable[[], object]) -> str:
    with pytest.raises(StreamClosed) as caught:
        attempt()
    return caught.value.why


def out_of_order(reader: Reader, entry: bytes, over_gap: bool = False) -> tuple[str, int, int]:
    with pytest.raises(OutOfOrder) as caught:
        reader.read(entry, over_gap)
    return caught.value.why, caught.value.expected, caught.value.found


def unreadable(opening: bytes, key: AuditorKey) -> str:
    with pytest.raises(Unreadable) as caught:
        Reader(opening, key)
    return caught.value.why


# ── published vectors ──


def test_the_second_hpke_opens_what_is_published() -> None:
    """RFC 9180, A.1.1: base mode, X25519, HKDF-SHA256, AES-128-GCM, sequence number 0."""
    private, enc, info, aad, cipher = (
        bytes.fromhex(one)
        for one in (
            "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
            "4f6465206f6e2061204772656369616e2055726e",
            "436f756e742d30",
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
        )
    )
    plain = opened(X25519_KEM, AES_128, dhkem(private, enc), cipher, info, aad=aad)
    assert plain == b"Beauty is truth, truth beauty"


@pytest.mark.parametrize(
    ("key", "data", "digest"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    ],
)
def test_hmac_gives_what_is_published_also_with_a_key_that_can_be_overwritten(
    key: bytes, data: bytes, digest: str
) -> None:
    """RFC 4231, section 4, cases 1 to 3."""
    assert hmac.digest(bytearray(key), data, sha256).hex() == digest


# ── the bytes ──


def test_keys_are_those_of_the_ratchet_and_the_header_tells_which() -> None:
    made = Stream(ID, CHAIN, [Auditor(SHORT.public)], WHY, NOW)
    made.confirm()
    entries = [written(made, number) for number in range(3)]
    chain = CHAIN
    for index, entry in enumerate([made.opening.entry, *entries]):
        key, chain = hmac.digest(chain, b"mk", sha256), hmac.digest(chain, b"ck", sha256)
        kind = Kind.EVENT if index else Kind.STREAM_OPEN
        assert entry[:35] == Header(kind, ID, index, index).packed()
        assert unseal(entry, key, 0 if index else 33 + 35 + 80).event == ({"n": index - 1} if index else WHY)


@pytest.mark.parametrize("keys", [(SHORT, LONG), (LONG, SHORT)], ids=["one way", "other way"])
def test_an_opening_is_as_it_is_described(keys: tuple[AuditorKey, ...]) -> None:
    opening = stream(*keys).opening.entry
    commitment, count = struct.unpack_from(">32sB", opening, 35)
    assert commitment == hmac.digest(CHAIN, COMMITMENT, sha256)
    at, found = 68, []
    for _ in range(count):
        kem, name, size = struct.unpack_from(">B32sH", opening, at)
        found.append((name, kem, opening[at + 35 : at + 35 + size]))
        at += 35 + size
    assert found == sorted(found)
    ids = {sha256(bound(b"guitu/ledger-auditor/v1", one.public)).digest(): one for one in (SHORT, LONG)}
    assert {name for name, _, _ in found} == set(ids)
    for name, kem, sealed in found:
        info = bound(b"guitu/ledger-chain/v1", opening[:35], commitment, b"".join(sorted(ids)), name)
        private = {SHORT.auditor.id: b"\x41" * 32, LONG.auditor.id: bytes(range(96))}[name]
        assert (kem, len(sealed)) == ((1, 80) if len(private) == 32 else (2, 1168))
        assert chain_by_hand(private, sealed, info) == CHAIN
    key = hmac.digest(CHAIN, b"mk", sha256)
    assert b'"stream:open"' in AESGCM(key).decrypt(bytes(12), opening[at:], opening[:at])


# ── auditors ──


@KEYS
def test_an_auditor_reads_everything_in_order(key: AuditorKey) -> None:
    made = stream(key)
    reader = Reader(made.opening.entry, key)
    assert (reader.opening.event, reader.opening.header.stream_id) == (WHY, ID)
    assert [reader.read(written(made, number)).event["n"] for number in range(50)] == list(range(50))
    assert (reader.closed, made.committed) == (False, 51)
    reader.read(written(made, 50, Kind.STREAM_CLOSE))
    assert reader.closed


def test_each_of_two_auditors_reads_alone_and_a_stranger_does_not() -> None:
    made = stream(SHORT, LONG)
    entry = written(made, 1)
    for key in (SHORT, LONG):
        assert Reader(made.opening.entry, AuditorKey(_private(key))).read(entry).event == {"n": 1}
    assert unreadable(made.opening.entry, STRANGER) == "key"
    assert unreadable(stream(SHORT).opening.entry, LONG) == "key"


def test_auditors_are_given_once_and_there_is_one() -> None:
    for wrong in ([], [SHORT.auditor, Auditor(SHORT.public)]):
        with pytest.raises(ValueError, match="at least one auditor"):
            Stream(ID, CHAIN, wrong, WHY, NOW)
    with pytest.raises(TooLarge):
        Stream(ID, CHAIN, [AuditorKey(bytes([n]) * 96).auditor for n in range(14)], WHY, NOW)
    for size in (0, 31, 33, 95, 1215, 1217):
        with pytest.raises(ValueError, match=r"."):
            Auditor(bytes(size))
        with pytest.raises(ValueError, match=r"."):
            AuditorKey(bytes(size))


def test_a_stream_that_gives_auditors_different_chains_is_found_out() -> None:
    """The ciphertext alone would not show it; here the second auditor is given a chain of his own."""
    opening = bytearray(stream(SHORT, STRANGER).opening.entry)
    ids = sorted([SHORT.auditor.id, STRANGER.auditor.id])
    at = 68 + 115 * ids.index(STRANGER.auditor.id)
    info = bound(
        b"guitu/ledger-chain/v1", bytes(opening[:35]), bytes(opening[35:67]), b"".join(ids), STRANGER.auditor.id
    )
    opening[at + 35 : at + 115] = STRANGER.auditor.seal(b"x" * 32, info)
    key = hmac.digest(b"x" * 32, b"mk", sha256)
    sealed = AESGCM(key).encrypt(bytes(12), _plain(b"{}"), bytes(opening[:298]))
    assert unreadable(bytes(opening[:298]) + sealed, STRANGER) == "changed"


def test_recipients_stand_in_order_and_each_is_of_its_kind() -> None:
    ids = sorted([SHORT.auditor.id, b"\xff" * 32])
    head, commitment = Header(Kind.STREAM_OPEN, ID, 0, 0), hmac.digest(CHAIN, COMMITMENT, sha256)

    def opening(*recipients: tuple[int, bytes, int]) -> bytes:
        info = bound(
            b"guitu/ledger-chain/v1", head.packed(), commitment, b"".join(one[1] for one in recipients), ids[0]
        )
        clear = commitment + bytes([len(recipients)])
        for kem, name, size in recipients:
            sealed = SHORT.auditor.seal(CHAIN, info) if name == ids[0] else b""
            clear += struct.pack(">B32sH", kem, name, size) + sealed.ljust(size, b"x")
        return seal(head, WHY, (), hmac.digest(CHAIN, b"mk", sha256), clear)

    mine, other = (1, ids[0], 80), (2, ids[1], 1168)
    assert Reader(opening(mine, other), SHORT).opening.event == WHY
    for wrong in ((3, ids[1], 80), (0, ids[1], 0), (1, ids[1], 79), (1, ids[1], 1168), (2, ids[1], 80)):
        assert unreadable(opening(mine, wrong), SHORT) == "format"
    assert unreadable(opening(other, mine), SHORT) == "format"
    assert unreadable(opening((2, ids[0], 1168), other), SHORT) == "key"


@KEYS
def test_an_opening_with_any_byte_changed_opens_no_stream(key: AuditorKey) -> None:
    opening = stream(key, STRANGER).opening.entry
    for place in range(len(opening)):
        changed = opening[:place] + bytes([opening[place] ^ 1]) + opening[place + 1 :]
        assert unreadable(changed, key) in {"format", "key", "changed"}
    assert {unreadable(opening[:size], key) for size in range(0, len(opening), 7)} <= {"format", "changed"}


def test_an_opening_that_is_none_opens_no_stream() -> None:
    made = stream()
    clear = made.opening.entry[35 : 68 + 115]
    assert unreadable(written(made, 1), SHORT) == "format"
    for header in (
        Header(Kind.STREAM_OPEN, ID, 1, 0),
        Header(Kind.STREAM_OPEN, ID, 0, 1),
        Header(Kind.EVENT, ID, 0, 0),
    ):
        assert unreadable(seal(header, WHY, (), bytes(32), clear), SHORT) == "format"
    first = Header(Kind.STREAM_OPEN, ID, 0, 0)
    twice = clear[:32] + b"\2" + clear[33:] * 2
    for wrong in (b"", clear[:32] + b"\0", clear[:32] + b"\2" + clear[33:], twice):
        assert unreadable(seal(first, WHY, (), bytes(32), wrong), SHORT) == "format"
    assert unreadable(made.opening.entry[:3] + b"\xff" + made.opening.entry[4:], SHORT) == "changed"


# ── order ──


def test_attempts_that_failed_leave_a_hole_in_the_keys_alone() -> None:
    made = stream()
    reader = Reader(made.opening.entry, SHORT)
    for number in range(5):
        for _ in range(number):
            made.attempt({"n": 99}, (), NOW)
            made.roll_back()
        opened = reader.read(written(made, number))
        assert (opened.event, opened.header.stream_seq) == ({"n": number}, number + 1)
    assert opened.header.key_index == 5 + 1 + 2 + 3 + 4


def test_a_gap_is_told_and_can_be_read_over() -> None:
    made = stream()
    entries = [written(made, number) for number in range(6)]
    reader = Reader(made.opening.entry, SHORT)
    reader.read(entries[0])
    assert out_of_order(reader, entries[2]) == ("gap", 2, 3)
    assert out_of_order(reader, entries[3]) == ("gap", 2, 4)
    assert reader.read(entries[1]).event == {"n": 1}, "it stands where it stood"
    assert reader.read(entries[4], over_gap=True).event == {"n": 4}
    for late in entries[:5]:
        assert out_of_order(reader, late)[0] == "behind"
    assert reader.read(entries[5]).event == {"n": 5}


def test_a_place_that_is_taken_twice_is_told() -> None:
    made = stream()
    taken = made.attempt({"n": 1}, (), NOW)
    made.roll_back()  # said by mistake: it was committed
    again = written(made, 2)
    reader = Reader(made.opening.entry, SHORT)
    reader.read(taken.entry)
    assert out_of_order(reader, again, over_gap=True) == ("repeated", 2, 1)


def test_nothing_follows_the_closing() -> None:
    made = stream()
    end = made.attempt({"n": 1}, (), NOW, Kind.STREAM_CLOSE)
    made.roll_back()
    more = made.attempt({"n": 2}, (), NOW)
    reader = Reader(made.opening.entry, SHORT)
    reader.read(end.entry)
    assert out_of_order(reader, more.entry)[0] == "closed"


def test_entries_of_another_stream_and_changed_ones_leave_the_reader_where_it_is() -> None:
    made, other = stream(), stream(stream_id=bytes(16))
    entry = written(made, 1)
    far = entry[:27] + struct.pack(">Q", MOST_ATTEMPTS) + entry[35:]
    reader = Reader(made.opening.entry, SHORT)
    for wrong, why in ((written(other, 1), "key"), (made.opening.entry, "format"), (far, "format"), (b"", "format")):
        with pytest.raises(Unreadable) as caught:
            reader.read(wrong)
        assert caught.value.why == why
    for place in range(len(entry)):
        with pytest.raises((Unreadable, OutOfOrder)):
            reader.read(entry[:place] + bytes([entry[place] ^ 1]) + entry[place + 1 :])
    assert reader.read(entry).event == {"n": 1}


@given(st.lists(st.sampled_from(["commit", "fail", "wrong"]), max_size=30), st.sampled_from([SHORT, LONG]))
def test_whatever_becomes_of_attempts_what_was_committed_is_read(ends: list[str], key: AuditorKey) -> None:
    made = stream(key)
    kept = []
    for number, end in enumerate(ends):
        if end == "wrong":
            with pytest.raises(NotCanonical):
                made.attempt({"n": 2**53}, (), NOW)
            continue
        pending = made.attempt({"n": number}, (), NOW)
        if end == "fail":
            made.roll_back()
            continue
        made.confirm()
        kept.append((number, pending.entry))
    reader = Reader(made.opening.entry, key)
    assert [reader.read(entry).event["n"] for _, entry in kept] == [number for number, _ in kept]
    assert reader.next_seq == made.committed == len(kept) + 1


def test_a_destroyed_salt_takes_one_case_and_leaves_the_rest() -> None:
    made = stream()
    one, two = (Subject(case, None, frozenset({"basic"})) for case in ("case-1", "case-2"))
    pending = made.attempt(WHY, [(one, b"a" * 32), (two, b"b" * 32)], NOW)
    made.confirm()
    reader = Reader(made.opening.entry, SHORT)
    opened = reader.read(pending.entry)
    with pytest.raises(Unreadable):
        open_subject(opened, 0, b"b" * 32)
    assert (opened.event, open_subject(opened, 1, b"b" * 32)) == (WHY, two)
    assert reader.read(written(made, 2)).event == {"n": 2}


def _private(key: AuditorKey) -> bytes:
    return {SHORT: b"\x41" * 32, LONG: bytes(range(96))}[key]


def _plain(event: bytes) -> bytes:
    return (struct.pack(">HH", 4 + len(event), 0) + event).ljust(256, b"\0")
