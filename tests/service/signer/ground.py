"""Ledgers for a signer: grown leaf by leaf, or put there by somebody who has the database."""

from __future__ import annotations

from collections.abc import Iterable

from engine.ledger.note import Checkpoint, open_checkpoint
from engine.ledger.tiles import append, tiles_of
from engine.ledger.tree import Frontier
from engine.service.desk import kept
from engine.service.signer import Signed, Signer
from engine.service.signer_folder import SignerFolder
from engine.store.database import Database
from engine.store.ledger import CheckpointRow, HeadRow
from tests.core.play import START
from tests.ledger import rfc6962


def grow(store: Database, leaves: int) -> int:
    """Let the ledger grow by the next leaves of the tests' log; give its size."""
    size = head(store).size
    with kept(store) as work:
        new = rfc6962.leaves(size, size + leaves)
        found = work.ledger_head(for_update=True)
        assert found is not None
        append(work.tiles(), size, new)
        frontier = Frontier.from_bytes(found.frontier).extend(new)
        work.save_head(frontier.size, frontier.to_bytes(), START)
    return frontier.size


def put(store: Database, leaves: Iterable[int]) -> None:
    """Put another tree in its place, whole and in order, of these leaves of the tests' log."""
    old, hashes = head(store).size, [rfc6962.leaf(index) for index in leaves]
    with kept(store) as work:
        for tile in tiles_of(old):
            work.tiles().drop(tile.path)
        append(work.tiles(), 0, hashes)
        frontier = Frontier().extend(hashes)
        work.save_head(frontier.size, frontier.to_bytes(), START)


def head(store: Database) -> HeadRow:
    with store.reading() as work:
        found = work.ledger_head()
    assert found is not None
    return found


def last(store: Database) -> CheckpointRow | None:
    with store.reading() as work:
        return work.last_checkpoint()


def tree(store: Database, size: int) -> Checkpoint:
    """The checkpoint of the tests' log at this size, from the text of the RFC alone."""
    return Checkpoint(head(store).origin, size, rfc6962.mth(0, size))


def opened(signer: Signer, signed: Signed) -> Checkpoint:
    """What an auditor with the newest key reads in the note."""
    return open_checkpoint(signed.note, SignerFolder(signer.folder).public()[0])[0]
