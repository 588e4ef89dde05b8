"""The tree gives the published hashes and, for every size to 64, every root and proof of the definition in the RFC."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.ledger.tree import (
    EMPTY_ROOT,
    MOST_LEAVES,
    DoesNotFit,
    Frontier,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger import rfc6962

MOST = 64

# ── published: the tests of the reference implementation of certificate transparency ──

ENTRIES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(each)
    for each in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}
CONSISTENCY = {
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}


def published(level: int, index: int) -> bytes:
    """Read a node of the tree of the eight published entries."""
    if level == 0:
        return leaf_hash(ENTRIES[index])
    return node_hash(published(level - 1, 2 * index), published(level - 1, 2 * index + 1))


def invented(level: int, index: int) -> bytes:
    """Read a node of the tests' log."""
    return rfc6962.mth(index << level, (index + 1) << level)


def flipped(hashes: list[bytes], at: int, bit: int) -> list[bytes]:
    changed = bytearray(hashes[at])
    changed[bit // 8] ^= 1 << bit % 8
    return [*hashes[:at], bytes(changed), *hashes[at + 1 :]]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert root(published, size) == ROOTS[size]
    assert Frontier().extend(leaf_hash(each) for each in ENTRIES[:size]).root() == ROOTS[size]


@pytest.mark.parametrize(("place", "written"), INCLUSION.items())
def test_published_proofs_of_inclusion(place: tuple[int, int], written: tuple[str, ...]) -> None:
    index, size = place
    proof = [bytes.fromhex(each) for each in written]
    assert prove_inclusion(published, index, size) == proof
    verify_inclusion(leaf_hash(ENTRIES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("sizes", "written"), CONSISTENCY.items())
def test_published_proofs_of_consistency(sizes: tuple[int, int], written: tuple[str, ...]) -> None:
    earlier, size = sizes
    proof = [bytes.fromhex(each) for each in written]
    assert prove_consistency(published, earlier, size) == proof
    verify_consistency(earlier, ROOTS[earlier], size, ROOTS[size], proof)


# ── every tree to 64 leaves, against the definition ──


def test_every_root_is_that_of_the_definition() -> None:
    frontier = Frontier()
    for size in range(MOST + 1):
        assert root(invented, size) == frontier.root() == rfc6962.mth(0, size)
        assert Frontier.from_bytes(frontier.to_bytes()) == frontier
        frontier = frontier.append(rfc6962.leaf(size))


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_proof_of_inclusion(size: int) -> None:
    whole = rfc6962.mth(0, size)
    for index in range(size):
        proof = prove_inclusion(invented, index, size)
        assert proof == rfc6962.path(index, 0, size)
        verify_inclusion(rfc6962.leaf(index), index, size, proof, whole)
        _refused_inclusions(index, size, proof, whole)


def _refused_inclusions(index: int, size: int, proof: list[bytes], whole: bytes) -> None:
    leaf = rfc6962.leaf(index)
    for other in {index - 1, index + 1, index ^ 2, size - 1} - {index}:
        with pytest.raises(DoesNotFit):
            verify_inclusion(leaf, other, size, proof, whole)
    for wrong in (rfc6962.leaf(index + 1), rfc6962.leaf(MOST + 1)):
        with pytest.raises(DoesNotFit, match="root"):
            verify_inclusion(wrong, index, size, proof, whole)
    for at in range(len(proof)):
        with pytest.raises(DoesNotFit, match="root"):
            verify_inclusion(leaf, index, size, flipped(proof, at, (7 * index + 11 * at + size) % 256), whole)
    with pytest.raises(DoesNotFit, match="path too long"):
        verify_inclusion(leaf, index, size, [*proof, whole], whole)
    if proof:
        with pytest.raises(DoesNotFit, match="path too short"):
            verify_inclusion(leaf, index, size, proof[:-1], whole)


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_proof_of_consistency(size: int) -> None:
    whole = rfc6962.mth(0, size)
    for earlier in range(1, size + 1):
        proof = prove_consistency(invented, earlier, size)
        assert proof == rfc6962.proof(earlier, size)
        verify_consistency(earlier, rfc6962.mth(0, earlier), size, whole, proof)
        _refused_consistencies(earlier, size, proof, whole)


def _refused_consistencies(earlier: int, size: int, proof: list[bytes], whole: bytes) -> None:
    before = rfc6962.mth(0, earlier)
    with pytest.raises(DoesNotFit):
        verify_consistency(earlier, rfc6962.mth(0, earlier + 1), size, whole, proof)
    with pytest.raises(DoesNotFit, match="root"):
        verify_consistency(earlier, before, size, rfc6962.mth(0, size + 1), proof)
    for at in range(len(proof)):
        with pytest.raises(DoesNotFit, match="root"):
            verify_consistency(earlier, before, size, whole, flipped(proof, at, (7 * earlier + 11 * at + size) % 256))
    with pytest.raises(DoesNotFit, match="path too long"):
        verify_consistency(earlier, before, size, whole, [*proof, whole])
    for end in range(len(proof)):
        with pytest.raises(DoesNotFit, match="path too short"):
            verify_consistency(earlier, before, size, whole, proof[:end])


@pytest.mark.parametrize("size", [8, 11, 13])
def test_every_single_bit_of_every_proof_counts(size: int) -> None:
    whole = rfc6962.mth(0, size)
    refused = 0
    for index in range(size):
        proof = prove_inclusion(invented, index, size)
        for at, bit in ((at, bit) for at in range(len(proof)) for bit in range(256)):
            with pytest.raises(DoesNotFit, match="root"):
                verify_inclusion(rfc6962.leaf(index), index, size, flipped(proof, at, bit), whole)
            refused += 1
    for earlier in range(1, size):
        proof = prove_consistency(invented, earlier, size)
        for at, bit in ((at, bit) for at in range(len(proof)) for bit in range(256)):
            with pytest.raises(DoesNotFit, match="root"):
                verify_consistency(earlier, rfc6962.mth(0, earlier), size, whole, flipped(proof, at, bit))
            refused += 1
    assert refused > 256 * 2 * size


@pytest.mark.parametrize("bit", range(256))
def test_every_single_bit_of_leaf_and_roots_counts(bit: int) -> None:
    whole, before, leaf = rfc6962.mth(0, 13), rfc6962.mth(0, 6), rfc6962.leaf(4)
    inclusion, consistency = prove_inclusion(invented, 4, 13), prove_consistency(invented, 6, 13)
    (other_whole,), (other_before,), (other_leaf,) = (flipped([each], 0, bit) for each in (whole, before, leaf))
    for each_leaf, each_root in ((other_leaf, whole), (leaf, other_whole)):
        with pytest.raises(DoesNotFit, match=r"^root$"):
            verify_inclusion(each_leaf, 4, 13, inclusion, each_root)
    with pytest.raises(DoesNotFit, match=r"^earlier root$"):
        verify_consistency(6, other_before, 13, whole, consistency)
    with pytest.raises(DoesNotFit, match=r"^root$"):
        verify_consistency(6, before, 13, other_whole, consistency)


# ── what is named ──


def test_a_rewritten_entry_shows_whatever_the_proof() -> None:
    forged = [leaf_hash(b"another") if index == 2 else rfc6962.leaf(index) for index in range(8)]

    def nodes(level: int, index: int) -> bytes:
        return node_hash(nodes(level - 1, 2 * index), nodes(level - 1, 2 * index + 1)) if level else forged[index]

    for earlier, what in ((3, "earlier root"), (4, "root")):
        proof = prove_consistency(nodes, earlier, 8)
        verify_consistency(earlier, root(nodes, earlier), 8, root(nodes, 8), proof)
        with pytest.raises(DoesNotFit) as refused:
            verify_consistency(earlier, rfc6962.mth(0, earlier), 8, root(nodes, 8), proof)
        assert refused.value.what == what


def test_the_empty_tree_is_the_beginning_of_every_tree_and_has_one_root() -> None:
    assert prove_consistency(invented, 0, 9) == []
    verify_consistency(0, EMPTY_ROOT, 9, rfc6962.mth(0, 9), [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    for earlier_root, size, whole, path, what in (
        (rfc6962.mth(0, 1), 9, rfc6962.mth(0, 9), [], "earlier root"),
        (EMPTY_ROOT, 0, rfc6962.mth(0, 1), [], "root"),
        (EMPTY_ROOT, 9, rfc6962.mth(0, 9), [EMPTY_ROOT], "path too long"),
    ):
        with pytest.raises(DoesNotFit) as refused:
            verify_consistency(0, earlier_root, size, whole, path)
        assert refused.value.what == what


def test_one_size_has_one_root() -> None:
    with pytest.raises(DoesNotFit, match=r"^root$"):
        verify_consistency(5, rfc6962.mth(0, 5), 5, rfc6962.mth(1, 6), [])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0), (1, 1)])
def test_an_index_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    for refuse in (
        lambda: prove_inclusion(invented, index, size),
        lambda: verify_inclusion(rfc6962.leaf(0), index, size, [], rfc6962.mth(0, 1)),
    ):
        with pytest.raises(DoesNotFit, match="index"):
            refuse()


@pytest.mark.parametrize(("earlier", "size"), [(5, 4), (-1, 4), (-2, -1)])
def test_a_tree_does_not_shrink(earlier: int, size: int) -> None:
    for refuse in (
        lambda: prove_consistency(invented, earlier, size),
        lambda: verify_consistency(earlier, EMPTY_ROOT, size, EMPTY_ROOT, []),
    ):
        with pytest.raises(DoesNotFit, match="sizes"):
            refuse()
    with pytest.raises(DoesNotFit, match="sizes"):
        root(invented, -1)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_has_32_bytes_wherever_it_stands(length: int) -> None:
    wrong, whole = bytes(length), rfc6962.mth(0, 2)
    for refuse in (
        lambda: Frontier().append(wrong),
        lambda: Frontier(1, (wrong,)),
        lambda: verify_inclusion(wrong, 0, 2, [whole], whole),
        lambda: verify_inclusion(whole, 0, 2, [wrong], whole),
        lambda: verify_inclusion(whole, 0, 2, [whole], wrong),
        lambda: verify_consistency(1, wrong, 2, whole, [whole]),
        lambda: verify_consistency(1, whole, 2, wrong, [whole]),
        lambda: verify_consistency(1, whole, 2, whole, [wrong]),
    ):
        with pytest.raises(DoesNotFit, match="hash"):
            refuse()


def test_a_node_is_no_leaf() -> None:
    two = rfc6962.mth(0, 2)
    with pytest.raises(DoesNotFit, match="root"):
        verify_inclusion(leaf_hash(rfc6962.leaf(0) + rfc6962.leaf(1)), 0, 1, [], two)


# ── the frontier ──


def test_a_frontier_at_the_bounds_of_large_trees() -> None:
    frontier = Frontier().extend(rfc6962.leaves(0, 65535))
    for size in (65535, 65536, 65537):
        assert frontier.root() == rfc6962.mth(0, size)
        frontier = frontier.append(rfc6962.leaf(size))


def test_a_frontier_is_written_as_documented() -> None:
    frontier = Frontier().extend(rfc6962.leaves(0, 6))
    assert frontier.to_bytes() == b"\x01" + bytes(7) + b"\x06" + rfc6962.mth(0, 4) + rfc6962.mth(4, 6)
    assert Frontier().to_bytes() == b"\x01" + bytes(8)


def test_a_frontier_is_read_strictly() -> None:
    written = Frontier().extend(rfc6962.leaves(0, 6)).to_bytes()
    cuts = [written[:end] for end in range(len(written))]
    others = [b"\x02" + written[1:], written + b"\0", written + rfc6962.leaf(6)]
    others += [written[:8] + bytes([size]) + written[9:] for size in (0, 4, 7)]
    others.append(b"\x01" + (2**63).to_bytes(8) + rfc6962.leaf(0))
    for wrong in [*cuts, *others]:
        with pytest.raises(DoesNotFit, match="frontier"):
            Frontier.from_bytes(wrong)


def test_a_full_frontier_takes_no_leaf() -> None:
    full = Frontier(MOST_LEAVES, (rfc6962.leaf(0),) * MOST_LEAVES.bit_count())
    with pytest.raises(DoesNotFit, match="frontier"):
        full.append(rfc6962.leaf(1))


def test_sizes_that_grow_one_by_one_are_a_chain() -> None:
    for earlier, size in pairwise(range(1, MOST)):
        proof = prove_consistency(invented, earlier, size)
        assert len(proof) == len(rfc6962.proof(earlier, size)) <= 1 + earlier.bit_length()
