"""An auditor's private key comes out of its file whole or not at all; her public key is passed on as one line."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from engine.ledger.auditor_file import (
    MOST_BYTES,
    BadKeyFile,
    Cost,
    PublicKey,
    is_name,
    needs_passphrase,
    read_key,
    write_key,
)
from engine.ledger.canonical import encode
from engine.ledger.entry import bound
from engine.ledger.streams import AuditorKey

SALT, NONCE = bytes(range(16)), bytes(range(50, 62))
WORDS = "correct horse 电池"
CHEAP = Cost(1, 1, 8)
SHORT, LONG = b"\x41" * 32, bytes(range(96))
PRIVATE = pytest.mark.parametrize("private", [SHORT, LONG], ids=["x25519", "hybrid"])


def closed(private: bytes = LONG, words: str | None = WORDS) -> bytes:
    return write_key(private, "auditor-1", words, SALT, NONCE, cost=CHEAP)


def why(data: bytes, words: str | None) -> str:
    with pytest.raises(BadKeyFile) as caught:
        read_key(data, words)
    assert str(caught.value) == caught.value.why
    return caught.value.why


def changed(data: bytes, **fields: Any) -> bytes:
    return encode({**json.loads(data), **fields}) + b"\n"


@PRIVATE
@pytest.mark.parametrize("words", [WORDS, None])
def test_a_key_comes_out_as_it_went_in(private: bytes, words: str | None) -> None:
    written = closed(private, words)
    assert read_key(written, words).public == AuditorKey(private).public
    assert needs_passphrase(written) == (words is not None)
    assert written.count(b"\n") == 1
    assert written.endswith(b"}\n")
    assert (private.hex().encode() in written) == (words is None), "a closed file does not hold the key in the clear"


@PRIVATE
def test_a_file_is_what_its_description_says(private: bytes) -> None:
    """Made a second time by hand, from the words at the head of the module alone."""
    said = json.loads(closed(private))
    stretched = Argon2id(salt=SALT, length=32, iterations=1, lanes=1, memory_cost=8).derive(WORDS.encode())
    key = hmac.digest(stretched, bound("auditor-file-key"), "sha256")
    assert said["check"] == hmac.digest(stretched, bound("auditor-file-check"), "sha256").hex()
    rest = {name: said[name] for name in ("file", "id", "kdf", "kem", "name", "nonce", "v")}
    words = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
    assert AESGCM(key).decrypt(NONCE, bytes.fromhex(said["private"]), words) == private
    assert said["id"] == AuditorKey(private).auditor.id.hex()


def test_the_usual_cost_is_that_of_rfc_9106_and_stands_in_the_file() -> None:
    written = write_key(SHORT, "auditor-1", WORDS, SALT, NONCE)
    kdf = json.loads(written)["kdf"]
    assert (kdf["iterations"], kdf["lanes"], kdf["memory_kib"]) == (3, 4, 65_536)
    assert read_key(written, WORDS).public == AuditorKey(SHORT).public


def test_a_passphrase_is_told_apart_from_damage() -> None:
    assert why(closed(), WORDS + "!") == "passphrase"
    assert why(closed(), "") == "passphrase"
    assert why(closed(), "\udcff") == "passphrase"
    assert why(closed(), None) == "passphrase needed"
    assert why(closed(words=None), WORDS) == "passphrase"
    assert why(closed(words=None), "") == "passphrase"


@PRIVATE
def test_no_byte_of_a_closed_file_can_be_changed(private: bytes) -> None:
    written = closed(private)
    for at in range(len(written)):
        for bit in (1, 2, 32):
            forged = bytearray(written)
            forged[at] ^= bit
            assert why(bytes(forged), WORDS) in ("form", "passphrase"), (at, bit)


@PRIVATE
def test_an_open_file_gives_no_other_key(private: bytes) -> None:
    """Of an open file nothing protects the name; five bits of an X25519 key are none of it."""
    written = closed(private, None)
    for at in range(len(written)):
        forged = bytearray(written)
        forged[at] ^= 1
        assert _comes_out(bytes(forged)) in (AuditorKey(private).public, "form"), at


def _comes_out(data: bytes) -> bytes | str:
    try:
        return read_key(data, None).public
    except BadKeyFile as bad:
        return bad.why


@pytest.mark.parametrize("words", [WORDS, None])
def test_a_file_cut_short_or_added_to_is_none(words: str | None) -> None:
    written = closed(words=words)
    for size in range(len(written)):
        assert why(written[:size], words) == "form", size
    for longer in (written + b"\n", b" " + written, written + written, b"\xef\xbb\xbf" + written):
        assert why(longer, words) == "form"
    assert why(b" " * MOST_BYTES + b"\n", words) == "form"


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2}, {"v": True}, {"file": "guitu/signer-key"}, {"kem": 3}, {"kem": 1}, {"kem": "2"}, {"name": "a b"},
        {"name": None}, {"more": 1}, {"private": None}, {"private": 7}, {"private": "zz"}, {"private": "00"},
        {"nonce": None}, {"check": None}, {"kdf": None}, {"kdf": 1}, {"kdf": {}}, {"id": "00" * 32}, {"id": None},
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_refused(fields: dict[str, Any]) -> None:
    assert why(changed(closed(), **fields), WORDS) == "form"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "scrypt"}, {"salt": "00" * 15}, {"salt": ""}, {"iterations": 0}, {"iterations": 10**9}, {"lanes": 0},
        {"lanes": 2}, {"memory_kib": 0}, {"memory_kib": -8}, {"memory_kib": 2**30}, {"iterations": True}, {"more": 1},
    ],
)  # fmt: skip
def test_a_cost_that_nobody_can_bear_is_never_spent(fields: dict[str, Any]) -> None:
    kdf = json.loads(closed())["kdf"]
    assert why(changed(closed(), kdf={**kdf, **fields}), WORDS) == "form"


@pytest.mark.parametrize(
    "broken",
    [
        lambda: write_key(b"short", "a", None, SALT, NONCE),
        lambda: write_key(LONG[:64], "a", None, SALT, NONCE),
        lambda: write_key(LONG, "a+b", None, SALT, NONCE),
        lambda: write_key(LONG, "审计", None, SALT, NONCE),
        lambda: write_key(LONG, "a", "", SALT, NONCE),
        lambda: write_key(LONG, "a", WORDS, SALT[1:], NONCE),
        lambda: write_key(LONG, "a", WORDS, SALT, NONCE + b"."),
        lambda: write_key(LONG, "a", WORDS, SALT, NONCE, cost=Cost(1, 2, 8)),
    ],
)
def test_nothing_is_written_that_could_not_be_read(broken: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        broken()


# ── public keys ──


@PRIVATE
def test_a_public_key_is_one_line_and_reads_back(private: bytes) -> None:
    key = AuditorKey(private)
    line = PublicKey("auditor-1", key.public).to_text()
    assert line.startswith(f"guitu-auditor+auditor-1+{key.auditor.id.hex()[:16]}+")
    assert line.isprintable()
    read = PublicKey.from_text(line)
    assert (read.name, read.public, read.id) == ("auditor-1", key.public, key.auditor.id)
    assert read.auditor.id == key.auditor.id


@PRIVATE
def test_a_line_with_another_character_is_none(private: bytes) -> None:
    line = PublicKey("auditor-1", AuditorKey(private).public).to_text()
    named = range(len("guitu-auditor+"), len("guitu-auditor+auditor-1"))
    for at in range(len(line)):
        forged = line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1 :]
        if at not in named:
            with pytest.raises(ValueError, match=r"."):
                PublicKey.from_text(forged)
    for other in ("", line[:-1], line + "=", line + "\n", " " + line, line.upper(), line.replace("+", " ")):
        with pytest.raises(ValueError, match=r"."):
            PublicKey.from_text(other)


def test_a_name_is_a_code() -> None:
    assert all(is_name(one) for one in ("a", "auditor-1", "A.b_c@office-2", "x" * 64))
    assert not any(is_name(one) for one in ("", "-a", "a b", "a+b", "a/b", "王", "x" * 65, "a\n"))
    with pytest.raises(ValueError, match="code"):
        PublicKey("a b", AuditorKey(SHORT).public)
