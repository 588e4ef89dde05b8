"""What an approver signs, byte by byte, and the file the key lies in."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from engine.errors import CommandMalformed
from engine.service import keyfile
from engine.vault.signing import Approval, SigningKey, fingerprint, is_signed, read_public, written

APPROVAL = Approval("fujian@2021.1", "ab" * 32, "fujian-justice", "审定人-1")
PASSPHRASE = "correct horse battery"


def test_the_signed_bytes_are_five_lines_that_anybody_can_write_down() -> None:
    assert APPROVAL.signed_bytes() == (
        b"guitu/definition-approval/v1\nfujian@2021.1\n" + b"ab" * 32 + b"\nfujian-justice\n" + "审定人-1\n".encode()
    )


def test_a_signature_is_of_exactly_these_words_and_this_key() -> None:
    key = SigningKey.fresh()
    signature = key.sign(APPROVAL)
    assert len(signature) == 64
    assert is_signed(key.public, APPROVAL, signature)
    for changed in ("definition", "hash", "office", "person"):
        assert not is_signed(key.public, replace(APPROVAL, **{changed: "x"}), signature)
    assert not is_signed(SigningKey.fresh().public, APPROVAL, signature)
    assert not is_signed(key.public, APPROVAL, signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not is_signed(b"short", APPROVAL, signature)


@pytest.mark.parametrize("word", ["", "a\nb", "a\0", "a\u2028b", "\x1b[0m"])
def test_what_is_no_line_cannot_be_signed(word: str) -> None:
    with pytest.raises(CommandMalformed):
        SigningKey.fresh().sign(replace(APPROVAL, person=word))


def test_another_program_verifies_a_signature_too(tmp_path: Path) -> None:
    key = SigningKey.fresh()
    public = ed25519.Ed25519PublicKey.from_public_bytes(key.public)
    (tmp_path / "key.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "text").write_bytes(APPROVAL.signed_bytes())
    (tmp_path / "by").write_bytes(key.sign(APPROVAL))
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "text", "-sigfile", "by"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_public_key_is_written_and_read() -> None:
    key = SigningKey.fresh()
    assert read_public(written(key.public)) == key.public
    assert key.fingerprint == fingerprint(key.public) == hashlib.sha256(key.public).hexdigest()


@pytest.mark.parametrize(
    "words", ["", "ed25519:", "ed25519:AAAA", "ed25519:!!", base64.b64encode(bytes(32)).decode(), "rsa:AAAA"]
)
def test_what_is_no_public_key_is_refused(words: str) -> None:
    with pytest.raises(CommandMalformed, match="keygen"):
        read_public(words)


def test_a_key_file_is_closed_by_its_passphrase_and_the_mode_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    public, print_ = keyfile.make(path, PASSPHRASE)
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert path.stat().st_mode & 0o777 == 0o600
    key = keyfile.read(path, PASSPHRASE)
    assert (written(key.public), key.fingerprint) == (public, print_)
    with pytest.raises(CommandMalformed, match="wrong passphrase"):
        keyfile.read(path, PASSPHRASE + "!")
    path.chmod(0o644)
    with pytest.raises(CommandMalformed, match="chmod 600"):
        keyfile.read(path, PASSPHRASE)


def test_a_key_never_overwrites_a_file_and_a_short_passphrase_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(CommandMalformed, match="at least 12"):
        keyfile.make(path, "short")
    assert not path.exists()
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(CommandMalformed, match="not touched"):
        keyfile.make(path, PASSPHRASE)
    assert path.read_text(encoding="utf-8") == "mine"
    with pytest.raises(CommandMalformed):
        keyfile.make(tmp_path / "nowhere" / "key.pem", PASSPHRASE)
    with pytest.raises(CommandMalformed):
        keyfile.read(tmp_path / "absent.pem", PASSPHRASE)


def test_other_keys_and_open_ones_are_refused() -> None:
    closed = BestAvailableEncryption(PASSPHRASE.encode())
    other = ec.generate_private_key(ec.SECP256R1())
    mine = ed25519.Ed25519PrivateKey.generate()
    for pem, message in (
        (other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed), "Ed25519"),
        (mine.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "closed by one"),
        (b"no key", "cannot be opened"),
    ):
        with pytest.raises(CommandMalformed, match=message):
            SigningKey.opened(pem, PASSPHRASE)
