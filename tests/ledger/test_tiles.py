"""Tiles are laid out as C2SP tlog-tiles says, and the tree can be read from them alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger.tiles import BadTile, Tile, TileNodes, append, tiles_of
from engine.ledger.tree import (
    DoesNotFit,
    Frontier,
    prove_consistency,
    prove_inclusion,
    root,
    verify_consistency,
    verify_inclusion,
)
from tests.ledger import rfc6962

BOUNDS = (1, 2, 254, 255, 256, 257, 258, 511, 512, 513)


class Shelf:
    """Tiles in memory; what is there never changes, and it is known what was asked for."""

    def __init__(self) -> None:
        self.tiles: dict[str, bytes] = {}
        self.asked: list[str] = []

    def get(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.tiles.get(path)

    def put(self, path: str, tile: bytes) -> None:
        assert self.tiles.setdefault(path, tile) == tile, f"{path} changed"


def grown(*sizes: int) -> Shelf:
    """Give the shelf of a tree that was appended to until it had these sizes, one after the other."""
    shelf, before = Shelf(), 0
    for size in sizes:
        append(shelf, before, rfc6962.leaves(before, size))
        before = size
    return shelf


def defined(tile: Tile) -> bytes:
    """Give the tile as the formula of the specification has it."""
    span = 256**tile.level
    starts = [(tile.index * 256 + i) * span for i in range(tile.width)]
    return b"".join(rfc6962.mth(start, start + span) for start in starts)


# ── the layout ──


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(3, 999), "tile/3/999"),
        (Tile(1, 1000, 17), "tile/1/x001/000.p/17"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(0, 1000000), "tile/0/x001/x000/000"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_the_tiles_of_the_tree_in_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    assert tiles[:273] == [Tile(0, index) for index in range(273)]
    assert tiles[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@pytest.mark.parametrize("size", BOUNDS)
def test_every_tile_is_that_of_the_definition(size: int) -> None:
    shelf = grown(size)
    assert shelf.tiles == {tile.path: defined(tile) for tile in tiles_of(size)}


def test_an_append_tells_the_new_tiles_and_only_those() -> None:
    shelf = grown(250)
    assert append(shelf, 250, rfc6962.leaves(250, 520)) == [Tile(0, 0), Tile(0, 1), Tile(0, 2, 8), Tile(1, 0, 2)]
    assert set(shelf.tiles) == {"tile/0/000.p/250", "tile/0/000", "tile/0/001", "tile/0/002.p/8", "tile/1/000.p/2"}
    assert append(shelf, 520, []) == []


def test_an_append_reads_the_last_tiles_only() -> None:
    shelf = grown(1000)
    shelf.asked.clear()
    append(shelf, 1000, rfc6962.leaves(1000, 1030))
    assert shelf.asked == ["tile/0/003.p/232", "tile/1/000.p/3"]


# ── the tree from tiles alone ──


@pytest.mark.parametrize("size", BOUNDS)
def test_root_and_proofs_at_the_bounds_of_tiles(size: int) -> None:
    nodes, whole = TileNodes(grown(size), size), rfc6962.mth(0, size)
    assert root(nodes, size) == Frontier().extend(rfc6962.leaves(0, size)).root() == whole
    for index in sorted({0, 1, size // 2, 254, 255, 256, size - 1} & set(range(size))):
        proof = prove_inclusion(nodes, index, size)
        assert proof == rfc6962.path(index, 0, size)
        verify_inclusion(rfc6962.leaf(index), index, size, proof, whole)
    for earlier in sorted({1, 128, 255, 256, 257, size - 1, size} & set(range(1, size + 1))):
        proof = prove_consistency(nodes, earlier, size)
        assert proof == rfc6962.proof(earlier, size)
        verify_consistency(earlier, rfc6962.mth(0, earlier), size, whole, proof)


def test_three_levels_of_tiles() -> None:
    shelf = grown(65_000, 65_535, 65_537)
    for size in (65_535, 65_536, 65_537):
        assert root(TileNodes(shelf, size), size) == rfc6962.mth(0, size)
    assert shelf.tiles["tile/2/000.p/1"] == rfc6962.mth(0, 65_536)
    shelf.asked.clear()
    assert prove_inclusion(TileNodes(shelf, 65_537), 40_000, 65_537) == rfc6962.path(40_000, 0, 65_537)
    assert sorted(shelf.asked) == ["tile/0/156", "tile/0/256.p/1", "tile/1/000"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 700)), max_size=8))
def test_however_batches_are_split_tiles_and_root_are_the_same(batches: list[int]) -> None:
    sizes = [sum(batches[:end]) for end in range(1, len(batches) + 1)]
    size = sum(batches)
    shelf, at_once = grown(*sizes), grown(size)
    assert {tile.path: shelf.tiles[tile.path] for tile in tiles_of(size)} == at_once.tiles
    # A checkpoint of any batch can still be read: its partial tiles are there.
    for each in sizes:
        assert root(TileNodes(shelf, each), each) == rfc6962.mth(0, each)


def test_an_older_tree_is_read_from_full_tiles_where_partial_ones_were_removed() -> None:
    shelf = grown(300, 700)
    shelf.tiles = {path: tile for path, tile in shelf.tiles.items() if path != "tile/0/001.p/44"}
    nodes = TileNodes(shelf, 300)
    assert root(nodes, 300) == rfc6962.mth(0, 300)
    assert prove_inclusion(nodes, 299, 300) == rfc6962.path(299, 0, 300)


# ── what is refused ──


@pytest.mark.parametrize(("level", "index"), [(0, 300), (2, 75), (9, 0), (-1, 0), (0, -1)])
def test_no_node_beyond_the_tree(level: int, index: int) -> None:
    with pytest.raises(DoesNotFit, match="index"):
        TileNodes(grown(300), 300)(level, index)


def test_a_missing_tile_is_named_and_nothing_is_written() -> None:
    shelf = grown(300)
    del shelf.tiles["tile/0/001.p/44"]
    before = dict(shelf.tiles)
    for refuse in (
        lambda: root(TileNodes(shelf, 300), 300),
        lambda: append(shelf, 300, rfc6962.leaves(300, 900)),
    ):
        with pytest.raises(BadTile) as refused:
            refuse()
        assert (refused.value.path, refused.value.what) == ("tile/0/001.p/44", "missing")
    assert shelf.tiles == before


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44"])
@pytest.mark.parametrize("change", [-32, -1, 1, 32])
def test_a_tile_of_the_wrong_length_is_named(path: str, change: int) -> None:
    shelf = grown(300)
    shelf.tiles[path] = shelf.tiles[path][:change] if change < 0 else shelf.tiles[path] + bytes(change)
    with pytest.raises(BadTile) as refused:
        prove_inclusion(TileNodes(shelf, 300), 7, 300)
    assert (refused.value.path, refused.value.what) == (path, "length")


def test_a_changed_tile_shows_in_the_root() -> None:
    shelf = grown(300)
    changed = bytearray(shelf.tiles["tile/0/001.p/44"])
    changed[40] ^= 1
    shelf.tiles["tile/0/001.p/44"] = bytes(changed)
    append(shelf, 300, rfc6962.leaves(300, 310))
    nodes = TileNodes(shelf, 310)
    with pytest.raises(DoesNotFit, match="root"):
        verify_consistency(300, rfc6962.mth(0, 300), 310, root(nodes, 310), prove_consistency(nodes, 300, 310))


def test_only_hashes_are_appended() -> None:
    shelf = Shelf()
    for size, leaves, what in ((0, [bytes(31)], "hash"), (-1, [], "sizes"), (2**63 - 1, [bytes(32)], "sizes")):
        with pytest.raises(DoesNotFit, match=what):
            append(shelf, size, leaves)
    assert shelf.tiles == {}
