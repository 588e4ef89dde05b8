"""Suite 1 gives what is published, and opens nothing that was changed, cut, moved, or sealed under another key."""

from __future__ import annotations

import hmac
import struct
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from engine.vault.suite import (
    Cipher,
    Unopenable,
    bound,
    derive,
    derive_from_both,
    fresh_id,
    fresh_key,
    mac,
    unwrap,
    version_of,
    wrap,
    wrapped_by,
)

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
NAME = bytes(range(16))
PLACE = b"the place"
PLAIN = "王小花 was seen on the way".encode()

# ── published vectors ──

LONG = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
    "2fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
SEALED = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
    "a7b08b1056828838c5f61e6393ba7a0abcc9f662"
)
STRONG = "feffe9928665731c6d6a8f9467308308" * 2
GCM = {
    "13": ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    "14": ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"),
    "15": (STRONG, "cafebabefacedbaddecaf888", LONG + "1aafd255", "", SEALED + "898015ad",
           "b094dac5d93471bdec1a502270e3cc6c"),
    "16": (STRONG, "cafebabefacedbaddecaf888", LONG, "feedfacedeadbeeffeedfacedeadbeefabaddad2", SEALED,
           "76fc6ece0f4e1768cddf8853bb2d551b"),
}  # fmt: skip
"""AES-256-GCM: McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: key, IV, plain, AAD, cipher, tag."""
HKDF_CASES = {
    "1": (b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)),
          "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    "2": (bytes(range(0x50)), bytes(range(0x60, 0xB0)), bytes(range(0xB0, 0x100)),
          "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f"
          "09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
    "3": (b"\x0b" * 22, b"", b"", "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
}  # fmt: skip
"""RFC 5869, appendix A: input, salt, info, what Extract gives, what Expand gives."""
TWO_SENTENCES = (
    b"This is a test using a larger than block-size key and a larger than block-size data. "
    b"The key needs to be hashed before being used by the HMAC algorithm."
)
HMAC_CASES = {
    "1": (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    "2": (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    "3": (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    "4": (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    "6": (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    "7": (b"\xaa" * 131, TWO_SENTENCES, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
}  # fmt: skip
"""RFC 4231, section 4: key, data, HMAC-SHA-256."""


@pytest.mark.parametrize("case", GCM)
def test_aes_gcm_gives_what_is_published(case: str) -> None:
    key, nonce, plain, place, cipher, tag = (bytes.fromhex(one) for one in GCM[case])
    assert AESGCM(key).encrypt(nonce, plain, place) == cipher + tag
    assert AESGCM(key).decrypt(nonce, cipher + tag, place) == plain


@pytest.mark.parametrize("case", HKDF_CASES)
def test_hkdf_gives_what_is_published(case: str) -> None:
    secret, salt, info, extracted, expanded = HKDF_CASES[case]
    size = len(expanded) // 2
    assert HKDF(SHA256(), size, salt, info).derive(secret).hex() == expanded
    assert HKDFExpand(SHA256(), size, info).derive(bytes.fromhex(extracted)).hex() == expanded


@pytest.mark.parametrize("case", HMAC_CASES)
def test_hmac_gives_what_is_published(case: str) -> None:
    key, data, digest = HMAC_CASES[case]
    assert hmac.digest(key, data, sha256).hex() == digest


def test_argon2id_gives_what_is_published() -> None:
    """RFC 9106, section 5.3."""
    stretch = Argon2id(
        salt=b"\x02" * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=b"\x04" * 12, secret=b"\x03" * 8
    )
    given = stretch.derive(b"\x01" * 32).hex()
    assert given == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


# ── our use of them, written down a second time ──


def test_a_purpose_is_a_label_of_expand() -> None:
    assert derive(KEY, "wrap") == hmac.digest(KEY, b"guitu/wrap/v1\x01", sha256)
    assert len({derive(KEY, "wrap"), derive(KEY, "content"), derive(OTHER, "wrap"), KEY}) == 4


def test_a_key_from_both_needs_both() -> None:
    extracted = hmac.digest(OTHER, KEY, sha256)
    assert derive_from_both(KEY, OTHER, "identity") == hmac.digest(extracted, b"guitu/identity/v1\x01", sha256)
    made = {derive_from_both(*keys, "identity") for keys in ((KEY, OTHER), (OTHER, KEY), (KEY, KEY), (OTHER, OTHER))}
    assert len(made) == 4


def test_no_two_lists_of_parts_share_their_bytes() -> None:
    lists = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"), ()]
    assert len({bound("x", *parts) for parts in lists}) == len(lists)
    assert len({mac(KEY, "x", *parts) for parts in lists}) == len(lists)
    assert mac(KEY, "x", b"a") == hmac.digest(KEY, b"\0\0\0\x0aguitu/x/v1\0\0\0\x01a", sha256)
    assert mac(KEY, "y", b"a") != mac(KEY, "x", b"a")


def test_what_is_fresh_is_never_the_same_twice() -> None:
    assert len({fresh_key() for _ in range(100)}) == 100
    assert len({fresh_id() for _ in range(100)}) == 100
    assert (len(fresh_key()), len(fresh_id())) == (32, 16)
    assert len({Cipher(KEY, 1).seal(PLAIN, PLACE) for _ in range(100)}) == 100
    assert len({wrap(KEY, OTHER, NAME, PLACE) for _ in range(100)}) == 100


# ── cells ──


def test_a_cell_is_as_it_is_described() -> None:
    sealed = Cipher(KEY, 7).seal(PLAIN, PLACE)
    form, suite, version, nonce = struct.unpack(">BBI12s", sealed[:18])
    assert (form, suite, version, version_of(sealed)) == (1, 1, 7, 7)
    assert AESGCM(KEY).decrypt(nonce, sealed[18:], sealed[:18] + PLACE) == PLAIN


@pytest.mark.parametrize("plain", [b"", b"x", PLAIN, bytes(100_000)], ids=["empty", "one", "words", "long"])
def test_a_cell_opens_with_its_key_in_its_place(plain: bytes) -> None:
    assert Cipher(KEY, 1).unseal(Cipher(KEY, 1).seal(plain, PLACE), PLACE) == plain


def test_a_cell_with_any_byte_changed_does_not_open() -> None:
    cipher = Cipher(KEY, 1)
    sealed = cipher.seal(PLAIN, PLACE)
    for place in range(len(sealed)):
        for bit in (1, 128):
            with pytest.raises(Unopenable) as caught:
                cipher.unseal(_changed(sealed, place, bit), PLACE)
            assert caught.value.why == ("format" if place < 2 else "key" if place < 6 else "changed")


def test_a_cell_cut_or_longer_does_not_open() -> None:
    cipher = Cipher(KEY, 1)
    sealed = cipher.seal(PLAIN, PLACE)
    for wrong in (*(sealed[:size] for size in range(len(sealed))), sealed + b"\0", sealed[1:]):
        with pytest.raises(Unopenable):
            cipher.unseal(wrong, PLACE)


def test_a_cell_opens_in_no_other_place_and_with_no_other_key() -> None:
    sealed = Cipher(KEY, 1).seal(PLAIN, PLACE)
    for cipher, place, why in (
        (Cipher(KEY, 1), b"another place", "changed"), (Cipher(KEY, 1), b"", "changed"),
        (Cipher(OTHER, 1), PLACE, "changed"), (Cipher(KEY, 2), PLACE, "key"),
    ):  # fmt: skip
        with pytest.raises(Unopenable) as caught:
            cipher.unseal(sealed, place)
        assert caught.value.why == why


# ── wrapped keys ──


def test_a_wrapped_key_is_as_it_is_described() -> None:
    wrapped = wrap(KEY, OTHER, NAME, PLACE)
    form, suite, name, nonce, commitment = struct.unpack(">BB16s12s32s", wrapped[:62])
    assert (len(wrapped), form, suite, name, wrapped_by(wrapped)) == (110, 1, 1, NAME, NAME)
    assert commitment == mac(OTHER, "commitment", NAME, nonce)
    place = bound("wrapped-key", wrapped[:62], PLACE)
    assert AESGCM(derive(OTHER, "wrap")).decrypt(nonce, wrapped[62:], place) == KEY
    assert unwrap(wrapped, OTHER, PLACE) == KEY


def test_a_wrapped_key_with_any_byte_changed_does_not_open() -> None:
    wrapped = wrap(KEY, OTHER, NAME, PLACE)
    for place in range(len(wrapped)):
        for bit in (1, 128):
            with pytest.raises(Unopenable) as caught:
                unwrap(_changed(wrapped, place, bit), OTHER, PLACE)
            assert caught.value.why == ("format" if place < 2 else "key" if place < 62 else "changed")


def test_a_wrapped_key_cut_or_longer_does_not_open() -> None:
    wrapped = wrap(KEY, OTHER, NAME, PLACE)
    for wrong in (*(wrapped[:size] for size in range(len(wrapped))), wrapped + b"\0", wrapped[1:]):
        with pytest.raises(Unopenable):
            unwrap(wrong, OTHER, PLACE)
    for size in range(63):
        with pytest.raises(Unopenable):
            wrapped_by(wrapped[:size])


def test_a_wrapped_key_belongs_to_one_thing_and_one_key() -> None:
    wrapped = wrap(KEY, OTHER, NAME, PLACE)
    for wrapping, belongs_to, why in ((KEY, PLACE, "key"), (OTHER, b"something else", "changed")):
        with pytest.raises(Unopenable) as caught:
            unwrap(wrapped, wrapping, belongs_to)
        assert caught.value.why == why


def test_a_ciphertext_made_to_open_under_two_keys_opens_under_one_alone() -> None:
    """AES-GCM does not commit to its key: whoever knows two keys can make bytes that open under both."""
    nonce = b"\x07" * 12
    for committed, refused in ((KEY, OTHER), (OTHER, KEY)):
        head = struct.pack(">BB16s12s32s", 1, 1, NAME, nonce, mac(committed, "commitment", NAME, nonce))
        place = bound("wrapped-key", head, PLACE)
        first, second = derive(KEY, "wrap"), derive(OTHER, "wrap")
        both = _opens_under_both(first, second, nonce, place)
        assert AESGCM(first).decrypt(nonce, both, place) != AESGCM(second).decrypt(nonce, both, place)
        assert len(unwrap(head + both, committed, PLACE)) == 32
        with pytest.raises(Unopenable) as caught:
            unwrap(head + both, refused, PLACE)
        assert caught.value.why == "key"


def _changed(stored: bytes, place: int, bit: int) -> bytes:
    return stored[:place] + bytes([stored[place] ^ bit]) + stored[place + 1 :]


def _opens_under_both(first: bytes, second: bytes, nonce: bytes, place: bytes) -> bytes:
    """Two blocks and a tag that are right under both keys: the second block is solved for (SP 800-38D, GHASH)."""
    start = b"\x2a" * 16
    lengths = struct.pack(">QQ", len(place) * 8, 256)
    padded = place + bytes(-len(place) % 16)
    known = [padded[at : at + 16] for at in range(0, len(padded), 16)] + [start, bytes(16), lengths]
    difference, factor = 0, 0
    for key in (first, second):
        difference ^= _hashed(key, known) ^ _block(key, nonce + b"\0\0\0\x01")
        factor ^= _times(_block(key, bytes(16)), _block(key, bytes(16)))  # of the last block but one
    solved = _times(difference, _inverse(factor)).to_bytes(16)
    blocks = [*known[:-2], solved, lengths]
    tags = [_hashed(key, blocks) ^ _block(key, nonce + b"\0\0\0\x01") for key in (first, second)]
    assert tags[0] == tags[1]
    return start + solved + tags[0].to_bytes(16)


def _hashed(key: bytes, blocks: list[bytes]) -> int:
    subkey, total = _block(key, bytes(16)), 0
    for block in blocks:
        total = _times(total ^ int.from_bytes(block), subkey)
    return total


def _block(key: bytes, block: bytes) -> int:
    return int.from_bytes(BlockCipher(AES(key), ECB()).encryptor().update(block))


def _times(one: int, other: int) -> int:
    """The product in the field of GCM, whose bits run from the left."""
    product = 0
    for place in range(127, -1, -1):
        if other >> place & 1:
            product ^= one
        one = one >> 1 ^ (0xE1 << 120 if one & 1 else 0)
    return product


def _inverse(one: int) -> int:
    result, square = 1 << 127, one
    for _ in range(127):  # to the power of 2^128 - 2
        square = _times(square, square)
        result = _times(result, square)
    return result
