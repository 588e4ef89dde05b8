"""Notes and checkpoints are those of C2SP, byte for byte, and what is written in another way is refused."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger.note import (
    MOST_BYTES,
    MOST_SIGNATURES,
    BadNote,
    Checkpoint,
    KeyType,
    Note,
    Signature,
    Signed,
    SignerKey,
    VerifierKey,
    open_checkpoint,
)
from engine.ledger.tree import EMPTY_ROOT
from tests.ledger import rfc6962

# ── published: the key pair and note of the reference implementation, and the checkpoint of the specification ──

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_SECRET = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PUBLISHED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PUBLISHED_NOTE = (
    PUBLISHED_TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
PUBLISHED_CHECKPOINT = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()  # noqa: E501

# ── invented ──

ORIGIN = "guitu.example/ledger"
LOG_SECRET, WITNESS_SECRET = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
SIGNER = SignerKey(ORIGIN, LOG_SECRET)
LOG = SIGNER.public
WITNESS = VerifierKey("witness.example/w1", WITNESS_SECRET.public_key().public_bytes_raw(), KeyType.COSIGNATURE)
CHECKPOINT = Checkpoint(ORIGIN, 5, rfc6962.mth(0, 5))
TEXT = CHECKPOINT.to_text()
SIGNED = Note(TEXT, (SIGNER.sign(TEXT),))
SECONDS = 1_700_000_000


def cosigned(text: str = TEXT, seconds: int = SECONDS, said: int | None = None) -> Signature:
    """Cosign as the specification says; ``said`` is the time in the line, if it is another than what was signed."""
    message = b"cosignature/v1\ntime " + str(seconds).encode() + b"\n" + text.encode()
    stamp = (seconds if said is None else said).to_bytes(8)
    key_id = sha256(WITNESS.name.encode() + b"\n\x04" + WITNESS.public).digest()[:4]
    return Signature(WITNESS.name, key_id, stamp + WITNESS_SECRET.sign(message))


def test_the_published_note_is_verified_and_signed_anew_byte_for_byte() -> None:
    key = VerifierKey.from_text(PUBLISHED_KEY)
    note = Note.from_bytes(PUBLISHED_NOTE)
    assert note.text == PUBLISHED_TEXT
    assert note.verify([key]) == [Signed(key)]
    signer = SignerKey("PeterNeumann", Ed25519PrivateKey.from_private_bytes(PUBLISHED_SECRET))
    assert (signer.public, signer.public.to_text()) == (key, PUBLISHED_KEY)
    assert Note(PUBLISHED_TEXT, (signer.sign(PUBLISHED_TEXT),)).to_bytes() == PUBLISHED_NOTE


def test_the_published_checkpoint_is_read_and_written_byte_for_byte() -> None:
    note = Note.from_bytes(PUBLISHED_CHECKPOINT)
    checkpoint = Checkpoint.from_text(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    log, witness = note.signatures
    assert (witness.name, witness.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert int.from_bytes(witness.blob[:8]) == 1679315147
    assert (len(log.blob), len(witness.blob)) == (64, 72)
    assert checkpoint.to_text() == note.text
    assert note.to_bytes() == PUBLISHED_CHECKPOINT


def test_a_key_id_is_made_as_documented() -> None:
    assert LOG.id == sha256(ORIGIN.encode() + b"\n\x01" + LOG.public).digest()[:4]
    both = VerifierKey(ORIGIN, LOG.public, KeyType.COSIGNATURE)
    assert both.id == sha256(ORIGIN.encode() + b"\n\x04" + LOG.public).digest()[:4] != LOG.id
    assert VerifierKey.from_text(both.to_text()) == both


# ── who signed ──


def test_log_and_witness_sign_one_checkpoint() -> None:
    stranger = Signature("elsewhere.example", b"\0\0\0\0", b"not for us")
    written = Note(TEXT, (stranger, *SIGNED.signatures, cosigned())).to_bytes()
    assert open_checkpoint(written, LOG, [WITNESS]) == (CHECKPOINT, [Signed(LOG), Signed(WITNESS, SECONDS)])
    assert open_checkpoint(written, LOG) == (CHECKPOINT, [Signed(LOG)])


def test_a_witness_does_not_stand_in_for_the_log() -> None:
    written = Note(TEXT, (cosigned(),)).to_bytes()
    assert Note.from_bytes(written).verify([LOG, WITNESS]) == [Signed(WITNESS, SECONDS)]
    with pytest.raises(BadNote, match="unsigned"):
        open_checkpoint(written, LOG, [WITNESS])


def test_the_log_signs_for_itself_only() -> None:
    text = Checkpoint("elsewhere.example", 5, rfc6962.mth(0, 5)).to_text()
    with pytest.raises(BadNote, match="origin"):
        open_checkpoint(Note(text, (SIGNER.sign(text),)).to_bytes(), LOG)


def test_a_signature_of_an_unknown_key_is_none() -> None:
    other = SignerKey(ORIGIN, WITNESS_SECRET)
    same_id = Signature("elsewhere.example", LOG.id, SIGNED.signatures[0].blob)
    for signatures in ((other.sign(TEXT),), (same_id,)):
        with pytest.raises(BadNote, match="unsigned"):
            Note(TEXT, signatures).verify([LOG, WITNESS])


@pytest.mark.parametrize("bit", range(512))
def test_every_bit_of_a_signature_counts(bit: int) -> None:
    changed = bytearray(SIGNED.signatures[0].blob)
    changed[bit // 8] ^= 1 << bit % 8
    note = Note(TEXT, (Signature(LOG.name, LOG.id, bytes(changed)), cosigned()))
    with pytest.raises(BadNote, match=r"^signature$"):
        note.verify([LOG, WITNESS])


@pytest.mark.parametrize(
    "line",
    [
        cosigned(said=SECONDS + 1),
        cosigned(text=Checkpoint(ORIGIN, 6, rfc6962.mth(0, 6)).to_text()),
        cosigned(seconds=2**63),
        Signature(WITNESS.name, WITNESS.id, cosigned().blob[:-1]),
        Signature(WITNESS.name, WITNESS.id, cosigned().blob + b"\0"),
        Signature(WITNESS.name, WITNESS.id, WITNESS_SECRET.sign(TEXT.encode())),
        Signature(WITNESS.name, WITNESS.id, bytes(8) + WITNESS_SECRET.sign(TEXT.encode())),
    ],
)
def test_a_cosignature_that_does_not_hold_spoils_the_note(line: Signature) -> None:
    with pytest.raises(BadNote, match=r"^signature$"):
        open_checkpoint(Note(TEXT, (*SIGNED.signatures, line)).to_bytes(), LOG, [WITNESS])


def test_every_bit_of_a_checkpoint_counts() -> None:
    written = SIGNED.to_bytes()
    for at, bit in ((at, bit) for at in range(len(written)) for bit in range(8)):
        changed = bytearray(written)
        changed[at] ^= 1 << bit
        with pytest.raises(BadNote):
            open_checkpoint(bytes(changed), LOG)


def test_keys_that_cannot_be_told_apart_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SIGNED.verify([LOG, LOG]) == [Signed(LOG)]
    other = SignerKey(ORIGIN, WITNESS_SECRET).public
    # Two keys of one id take some billion attempts to find; here the ids are made the same.
    monkeypatch.setattr(VerifierKey, "id", LOG.id)
    with pytest.raises(BadNote, match="key"):
        SIGNED.verify([LOG, other])


# ── how it is written ──

LINE = SIGNED.signatures[0].to_text()
ENCODED = LINE.rsplit(" ", 1)[1].rstrip("\n")


WRONG_SIZES = ("05", "+5", "-5", " 5", "5 ", "5.0", "", "٥", "0x5", "1_0", str(2**63), "9" * 5000)


def test_a_text_may_hold_empty_lines() -> None:
    text = "one\n\n\ntwo\n"
    note = Note(text, (SIGNER.sign(text),))
    assert Note.from_bytes(note.to_bytes()) == note


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (b"", "text"),
        (TEXT, "text"),
        (f"\n\n{LINE}", "text"),
        (f"{TEXT}{LINE}", "text"),
        (f"{TEXT}\n{LINE}".encode().replace(b"guitu", b"gu\xffitu"), "text"),
        (f"{TEXT}\n{LINE}".replace("guitu", "gui\ttu"), "text"),
        (f"{TEXT}\r\n\r\n{LINE}", "text"),
        (f"{TEXT}\n{LINE}\n", "signature line"),
        (f"{TEXT}\n{LINE}\n\n", "signature line"),
        (f"{TEXT}\n{LINE}x", "signature line"),
        (f"{TEXT}\n{LINE}x\n", "signature line"),
        (f"{TEXT}\n{LINE.rstrip()}", "signature line"),
        (f"{TEXT}\n {LINE}", "signature line"),
        (f"{TEXT}\n{LINE.replace('— ', '- ')}", "signature line"),
        (f"{TEXT}\n{LINE.replace('— ', '—')}", "signature line"),
        (f"{TEXT}\n{LINE.replace('— ', '—  ')}", "signature line"),
        (f"{TEXT}\n{LINE.replace(' ', '  ')}", "signature line"),
        (f"{TEXT}\n{LINE.replace('guitu', 'gui+tu')}", "signature line"),
        (f"{TEXT}\n" + LINE.replace("guitu", "gui\u00a0tu"), "signature line"),
        (f"{TEXT}\n— {ORIGIN}\n", "signature line"),
        (f"{TEXT}\n— {ORIGIN} \n", "signature line"),
        (f"{TEXT}\n— {ORIGIN} {base64.b64encode(LOG.id).decode()}\n", "signature line"),
        (f"{TEXT}\n{LINE.replace(ENCODED, ENCODED + ENCODED[:4])}", "signature line"),
        (f"{TEXT}\n{LINE.replace(ENCODED, ENCODED[:8] + '*' + ENCODED[8:])}", "signature line"),
        (f"{TEXT}\n{LINE.replace(ENCODED, ENCODED + ' more')}", "signature line"),
        (f"{TEXT}\n{LINE.replace(ENCODED, ENCODED + '=')}", "signature line"),
        (f"{TEXT}\n{LINE}{LINE}", "repeated signature"),
        (f"{TEXT}\n{LINE}{Signature(ORIGIN, LOG.id, b'another').to_text()}", "repeated signature"),
    ],
)
def test_a_note_is_read_strictly(written: str | bytes, what: str) -> None:
    with pytest.raises(BadNote) as refused:
        Note.from_bytes(written if isinstance(written, bytes) else written.encode())
    assert refused.value.what == what


def test_base64_with_bits_left_over_is_refused() -> None:
    signature = Signature(ORIGIN, LOG.id, bytes(64))
    line = signature.to_text()
    assert line.endswith("AAA=\n")
    with pytest.raises(BadNote, match="signature line"):
        Note.from_bytes(f"{TEXT}\n{line.replace('AAA=', 'AAB=')}".encode())


def test_a_note_has_a_largest_size() -> None:
    lines = tuple(Signature(f"witness-{number}.example", LOG.id, b"x") for number in range(MOST_SIGNATURES + 1))
    assert len(Note.from_bytes(Note(TEXT, lines[1:]).to_bytes()).signatures) == MOST_SIGNATURES >= 16
    with pytest.raises(BadNote, match="signature line"):
        Note.from_bytes(Note(TEXT, lines).to_bytes())
    filler = "x" * (MOST_BYTES - len(f"\n\n{LINE}".encode()))
    assert Note.from_bytes(f"{filler}\n\n{LINE}".encode()).text == f"{filler}\n"
    with pytest.raises(BadNote, match="text"):
        Note.from_bytes(f"{filler}x\n\n{LINE}".encode())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"{TEXT}extension\n", "text"),
        (f"{TEXT}\n", "text"),
        (TEXT.rstrip("\n"), "text"),
        (f"\n5\n{TEXT.split()[2]}\n", "origin"),
        (TEXT.replace("guitu", "gui tu"), "origin"),
        (TEXT.replace("guitu", "gui+tu"), "origin"),
        (TEXT.replace("guitu", "gui\u202etu"), "origin"),
        *((TEXT.replace("\n5\n", f"\n{size}\n"), "size") for size in WRONG_SIZES),
        (TEXT.replace("\n5\n", "\n0\n"), "root"),
        (TEXT.replace("=\n", "\n"), "root"),
        (TEXT.replace("=\n", "==\n"), "root"),
        (f"{ORIGIN}\n5\n{base64.b64encode(bytes(31)).decode()}\n", "root"),
        (f"{ORIGIN}\n5\n{base64.b64encode(bytes(33)).decode()}\n", "root"),
        (f"{ORIGIN}\n5\n" + base64.urlsafe_b64encode(b"\xff" * 32).decode() + "\n", "root"),
    ],
)  # fmt: skip
def test_a_checkpoint_is_read_strictly(text: str, what: str) -> None:
    with pytest.raises(BadNote) as refused:
        Checkpoint.from_text(text)
    assert refused.value.what == what


def test_the_empty_and_the_largest_tree_can_be_written() -> None:
    for checkpoint in (Checkpoint(ORIGIN, 0, EMPTY_ROOT), Checkpoint(ORIGIN, 2**63 - 1, bytes(32))):
        assert Checkpoint.from_text(checkpoint.to_text()) == checkpoint
    for size in (-1, 2**63):
        with pytest.raises(BadNote, match="size"):
            Checkpoint(ORIGIN, size, bytes(32))


def test_every_cut_and_every_changed_character_of_a_public_key_is_refused() -> None:
    wrong = [
        PUBLISHED_KEY[low:high] for low in range(len(PUBLISHED_KEY)) for high in range(low, len(PUBLISHED_KEY) + 1)
    ]
    wrong.remove(PUBLISHED_KEY)
    wrong += [
        PUBLISHED_KEY[:at] + chr(ord(PUBLISHED_KEY[at]) + 1) + PUBLISHED_KEY[at + 1 :]
        for at in range(len(PUBLISHED_KEY))
    ]
    # A key of the wrong length and one of an unknown type, each with the id that would belong to it.
    wrong.append("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==")
    wrong.append("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    wrong.append(PUBLISHED_KEY.replace("c74f20a3", "C74F20A3"))
    for written in wrong:
        with pytest.raises(BadNote, match="key"):
            VerifierKey.from_text(written)


@pytest.mark.parametrize("text", ["", "no line feed", "tab\t\n", "null\0\n"])
def test_what_is_no_text_of_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(BadNote, match="text"):
        SIGNER.sign(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_name_is_one_word_without_plus(name: str) -> None:
    with pytest.raises(BadNote, match="key"):
        SignerKey(name, LOG_SECRET)
