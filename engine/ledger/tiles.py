"""The tree in tiles, as C2SP tlog-tiles lays them out: 256 hashes of 32 bytes each, 8 levels of the tree in one.

A tile at level 0 holds leaves; at level L its hashes are the roots of full tiles at level L - 1. Its path is
``tile/<L>/<N>``, the index N in groups of three digits, all but the last with an ``x`` before them (1234067 is
``x001/x234/067``); a tile that is not full yet has ``.p/<W>`` after it, W being how many hashes it holds.

A tile once written never changes: a partial one is followed by a wider one under another path. Those that are no
longer the last may be removed when the full tile is there; a reader then cuts the full one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.ledger.tree import HASH_BYTES, MOST_LEAVES, DoesNotFit, node_hash

WIDTH = 256
"""Hashes in a full tile."""
_LEVELS = 8  # of the tree, in one tile


class TileStore(Protocol):
    """Where tiles are kept, by path. Batches are appended one after the other; the store sees to that."""

    def get(self, path: str) -> bytes | None:
        """The tile at this path, or None."""

    def put(self, path: str, tile: bytes) -> None:
        """Keep a tile."""


class BadTile(Exception):
    """A tile is ``missing``, or has not the ``length`` of its width; ``path`` names it."""

    def __init__(self, path: str, what: Literal["missing", "length"]) -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile: its level, its index there, and how many hashes it holds."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path, as C2SP tlog-tiles writes it."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{'/'.join(groups)}{partial}"


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of this size: level by level, from the left."""
    level, hashes = 0, size
    while hashes:
        full, width = divmod(hashes, WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if width:
            yield Tile(level, full, width)
        level, hashes = level + 1, full


def append(store: TileStore, size: int, leaves: Sequence[bytes]) -> list[Tile]:
    """Append leaves, given by their hashes, to a tree of ``size`` leaves; the tiles that are new, in order of writing.

    It writes tiles only, and reads only the last tile of a level, so what it costs does not grow with the tree. What
    was there before is taken as it is: a tile that somebody changed makes a root that no signer accepts. Raises
    :class:`BadTile` when one of these is not there, and ``DoesNotFit`` for a wrong size or hash; nothing is written
    then.
    """
    if not 0 <= size <= size + len(leaves) <= MOST_LEAVES:
        raise DoesNotFit("sizes")
    if any(len(leaf) != HASH_BYTES for leaf in leaves):
        raise DoesNotFit("hash")
    written: list[tuple[Tile, list[bytes]]] = []
    level, before, hashes = 0, size, list(leaves)
    while hashes:
        index, width = divmod(before, WIDTH)
        held = [*_read(store, Tile(level, index, width)), *hashes] if width else hashes
        parts = [held[at : at + WIDTH] for at in range(0, len(held), WIDTH)]
        written += [(Tile(level, index + n, len(part)), part) for n, part in enumerate(parts)]
        hashes = [_folded(part) for part in parts if len(part) == WIDTH]
        level, before = level + 1, index
    for tile, part in written:
        store.put(tile.path, b"".join(part))
    return [tile for tile, _ in written]


class TileNodes:
    """The reader of nodes for a tree of a certain size, from its tiles alone; each tile is fetched once.

    Give it to ``root``, ``prove_inclusion`` and ``prove_consistency`` with a size up to its own.
    """

    def __init__(self, store: TileStore, size: int) -> None:
        self._store = store
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree. Raises :class:`BadTile`, and ``DoesNotFit`` for one outside the tree."""
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise DoesNotFit("index")
        tile_level, height = divmod(level, _LEVELS)
        tile, first = divmod(index << height, WIDTH)
        return _folded(self._hashes(tile_level, tile)[first : first + (1 << height)])

    def _hashes(self, level: int, index: int) -> list[bytes]:
        if (level, index) not in self._tiles:
            on_level = self._size >> (_LEVELS * level)
            width = min(WIDTH, on_level - index * WIDTH)
            self._tiles[level, index] = _read(self._store, Tile(level, index, width))
        return self._tiles[level, index]


def _read(store: TileStore, tile: Tile) -> list[bytes]:
    """The hashes of a tile, cut from the full one where the partial one was removed."""
    whole = tile
    found = store.get(tile.path)
    if found is None and tile.width < WIDTH:
        whole = Tile(tile.level, tile.index)
        found = store.get(whole.path)
    if found is None:
        raise BadTile(tile.path, "missing")
    if len(found) != whole.width * HASH_BYTES:
        raise BadTile(whole.path, "length")
    return [found[at : at + HASH_BYTES] for at in range(0, tile.width * HASH_BYTES, HASH_BYTES)]


def _folded(hashes: Sequence[bytes]) -> bytes:
    """The root of a complete subtree over these hashes, a power of two of them."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]
