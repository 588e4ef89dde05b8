"""The Merkle tree of the ledger: RFC 9162 section 2.1 with SHA-256, the same hashes as RFC 6962.

A leaf is SHA-256 of 0x00 and the entry, a node SHA-256 of 0x01 and its two children, the empty tree SHA-256 of nothing.
A tree of n > 1 leaves is split at the largest power of two below n.

Proofs are made from a reader of nodes, and verified without one. A reader gives the hash of the complete subtree over
the leaves ``index * 2**level`` up to ``(index + 1) * 2**level``; it is asked for nothing beyond the tree.

A proof of inclusion holds for an index in a tree of a size with a root: size and root must come together from a signed
checkpoint, for some paths are also those of the same index in a tree of another size.

A frontier of n leaves is written as ``u8 format = 1 | u64 n (big-endian) | hashes``: the 32-byte roots of its complete
subtrees, the largest first, one for each bit that is set in n.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Self

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
MOST_LEAVES = 2**63 - 1
"""As many as a checkpoint can tell."""

Nodes = Callable[[int, int], bytes]
"""Reads the node at a level and an index; level 0 are the leaves."""
Misfit = Literal["hash", "frontier", "index", "sizes", "path too short", "path too long", "earlier root", "root"]

_FORMAT = 1
_HEAD = struct.Struct(">BQ")


class DoesNotFit(Exception):
    """A hash, a frontier or a proof is not what it should be; ``what`` names the part that does not fit.

    ``hash`` is not one of 32 bytes; ``index`` lies outside the tree; ``sizes`` run backwards or are none; a root of an
    ``earlier`` tree, or of the tree, does not follow from the path. It never leaves the program as it is: whoever knows
    what was to be verified tells people.
    """

    def __init__(self, what: Misfit) -> None:
        super().__init__(what)
        self.what = what


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed of a tree to append to it: its size and the roots of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MOST_LEAVES or len(self.peaks) != self.size.bit_count():
            raise DoesNotFit("frontier")
        _check_hashes(self.peaks)

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote. Raises :class:`DoesNotFit`."""
        if len(written) < _HEAD.size:
            raise DoesNotFit("frontier")
        form, size = _HEAD.unpack_from(written)
        rest = written[_HEAD.size :]
        if form != _FORMAT or len(rest) % HASH_BYTES:
            raise DoesNotFit("frontier")
        return cls(size, tuple(rest[at : at + HASH_BYTES] for at in range(0, len(rest), HASH_BYTES)))

    def to_bytes(self) -> bytes:
        """The bytes of this frontier, as the head of this module describes them."""
        return _HEAD.pack(_FORMAT, self.size) + b"".join(self.peaks)

    def append(self, leaf: bytes) -> Self:
        """The frontier with one leaf more, given by its hash. Raises :class:`DoesNotFit`."""
        return self.extend([leaf])

    def extend(self, leaves: Iterable[bytes]) -> Self:
        """The frontier with these leaves more, given by their hashes. Raises :class:`DoesNotFit`."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            _check_hashes([leaf])
            node = leaf
            # As in binary counting: each subtree of a size that is being completed is taken into the next larger one.
            for _ in range((size ^ (size + 1)).bit_length() - 1):
                node = node_hash(peaks.pop(), node)
            peaks.append(node)
            size += 1
        return type(self)(size, tuple(peaks))

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.peaks:
            return EMPTY_ROOT
        *larger, node = self.peaks
        for peak in reversed(larger):
            node = node_hash(peak, node)
        return node


def root(nodes: Nodes, size: int) -> bytes:
    """The root of a tree, from its nodes. Raises :class:`DoesNotFit` for no size, and what the reader raises."""
    if size < 0:
        raise DoesNotFit("sizes")
    return _root_over(nodes, 0, size) if size else EMPTY_ROOT


def prove_inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The path from a leaf to the root of a tree of this size (RFC 9162 section 2.1.3.1), nearest to the leaf first.

    Raises :class:`DoesNotFit` for an index outside the tree, and what the reader raises.
    """
    if not 0 <= index < size:
        raise DoesNotFit("index")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_root_over(nodes, middle, high))
            high = middle
        else:
            path.append(_root_over(nodes, low, middle))
            low = middle
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Verify that the leaf with this hash is at this index (RFC 9162 section 2.1.3.2). Raises :class:`DoesNotFit`."""
    _check_hashes([leaf, root, *path])
    if not 0 <= index < size:
        raise DoesNotFit("index")
    at, last, node = index, size - 1, leaf
    for other in path:
        if last == 0:
            raise DoesNotFit("path too long")
        if at % 2 or at == last:
            node = node_hash(other, node)
            # A right-hand edge has no neighbour on the levels that are skipped here: the node stands for all of them.
            skipped = _trailing_zeros(at)
            at, last = at >> skipped, last >> skipped
        else:
            node = node_hash(node, other)
        at, last = at >> 1, last >> 1
    if last:
        raise DoesNotFit("path too short")
    _check_root(node, root, "root")


def prove_consistency(nodes: Nodes, earlier: int, size: int) -> list[bytes]:
    """What shows that a tree only grew between two sizes (RFC 9162 section 2.1.4.1).

    It is empty when the sizes are the same, or the earlier tree was empty. Raises :class:`DoesNotFit` when the sizes
    run backwards, and what the reader raises.
    """
    if not 0 <= earlier <= size:
        raise DoesNotFit("sizes")
    if earlier == 0:
        return []
    path, low, high = [], 0, size
    while high != earlier:
        middle = low + _split(high - low)
        if earlier <= middle:
            path.append(_root_over(nodes, middle, high))
            high = middle
        else:
            path.append(_root_over(nodes, low, middle))
            low = middle
    # Where the earlier tree is a complete subtree on the left edge, the verifier has its root already.
    return [_root_over(nodes, low, high), *path[::-1]] if low else path[::-1]


def verify_consistency(earlier: int, earlier_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Verify that the tree only grew from the earlier one (RFC 9162 section 2.1.4.2). Raises :class:`DoesNotFit`.

    An empty tree is the beginning of every tree, and every tree of itself: then the path must be empty.
    """
    _check_hashes([earlier_root, root, *path])
    if not 0 <= earlier <= size:
        raise DoesNotFit("sizes")
    if earlier in (0, size):
        _verify_without_path(earlier, earlier_root, size, root, path)
        return
    complete = earlier.bit_count() == 1
    hashes = [earlier_root, *path] if complete else list(path)
    if not path:
        raise DoesNotFit("path too short")
    at, last = earlier - 1, size - 1
    shared = _trailing_zeros(earlier)
    at, last = at >> shared, last >> shared
    before = after = hashes[0]
    for other in hashes[1:]:
        if last == 0:
            raise DoesNotFit("path too long")
        if at % 2 or at == last:
            before, after = node_hash(other, before), node_hash(other, after)
            skipped = _trailing_zeros(at)
            at, last = at >> skipped, last >> skipped
        else:
            after = node_hash(after, other)
        at, last = at >> 1, last >> 1
    if last:
        raise DoesNotFit("path too short")
    _check_root(before, earlier_root, "earlier root")
    _check_root(after, root, "root")


def _verify_without_path(earlier: int, earlier_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    if path:
        raise DoesNotFit("path too long")
    if earlier == 0:
        _check_root(EMPTY_ROOT, earlier_root, "earlier root")
    if earlier == size:
        _check_root(earlier_root, root, "root")


def _root_over(nodes: Nodes, low: int, high: int) -> bytes:
    """The hash over the leaves from ``low`` up to ``high``, a range as the splits of a tree make them."""
    size = high - low
    if size.bit_count() == 1:
        level = size.bit_length() - 1
        return nodes(level, low >> level)
    middle = low + _split(size)
    return node_hash(_root_over(nodes, low, middle), _root_over(nodes, middle, high))


def _split(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1 if number else 0


def _check_hashes(hashes: Iterable[bytes]) -> None:
    """Refuse what is not 32 bytes: two hashes that are put together must not be cut in another place."""
    if any(len(each) != HASH_BYTES for each in hashes):
        raise DoesNotFit("hash")


def _check_root(found: bytes, expected: bytes, what: Misfit) -> None:
    if not hmac.compare_digest(found, expected):
        raise DoesNotFit(what)
