"""What the signer of checkpoints decides: it signs only a tree that the last tree it signed has grown into.

The signer is a program of its own with a memory of its own, so a ledger that was restored from a backup, cut or
rewritten gets no new signature. Its memory is written as four lines of UTF-8, each ended by one line feed::

    guitu/signer-memory/v1
    <origin>
    <size of the last tree it signed, in decimal>
    <base64 of its root>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from engine.ledger.note import BadNote, Checkpoint, Note, SignerKey
from engine.ledger.tree import EMPTY_ROOT, DoesNotFit, verify_consistency

LABEL = "guitu/signer-memory/v1"

Reason = Literal["origin", "smaller", "another root", "not grown from it"]


class Refused(Exception):
    """The signer does not sign; ``why`` is the reason, and ``misfit`` what did not fit in the proof, if that was it.

    ``origin``: the key or the checkpoint is of another log than the memory. ``smaller``: entries are gone.
    ``another root``: the size is the same, the entries are not. ``not grown from it``: the proof of consistency does
    not hold, so what was signed before may have been changed, or the proof is not the one for these trees.
    """

    def __init__(self, why: Reason, misfit: DoesNotFit | None = None) -> None:
        super().__init__(why, *(misfit.args if misfit else ()))
        self.why = why
        self.misfit = misfit


@dataclass(frozen=True, slots=True)
class Memory:
    """The last tree the signer signed."""

    last: Checkpoint

    @classmethod
    def empty(cls, origin: str) -> Self:
        """The memory of a signer that never signed: made once, when a log is founded, never because one is missing.

        Raises ``BadNote`` for an origin that cannot be one.
        """
        return cls(Checkpoint(origin, 0, EMPTY_ROOT))

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """Read what :meth:`to_bytes` wrote. Raises ``BadNote``."""
        try:
            label, _, text = written.decode("utf-8").partition("\n")
        except UnicodeDecodeError:
            raise BadNote("text") from None
        if label != LABEL:
            raise BadNote("text")
        return cls(Checkpoint.from_text(text))

    def to_bytes(self) -> bytes:
        """The bytes of this memory, as the head of this module describes them."""
        return f"{LABEL}\n{self.last.to_text()}".encode()


def countersign(key: SignerKey, memory: Memory, checkpoint: Checkpoint, proof: Sequence[bytes]) -> tuple[Note, Memory]:
    """The checkpoint, signed, and the memory of having signed it. Raises :class:`Refused`.

    The memory must be safely kept before the note is handed out: otherwise a crash in between forgets a signature.
    If the note is lost instead, the same tree is signed anew with an empty proof, and gives the same bytes.
    """
    last = memory.last
    if not key.public.name == last.origin == checkpoint.origin:
        raise Refused("origin")
    if checkpoint.size < last.size:
        raise Refused("smaller")
    if checkpoint.size == last.size and checkpoint.root != last.root:
        raise Refused("another root")
    try:
        verify_consistency(last.size, last.root, checkpoint.size, checkpoint.root, proof)
    except DoesNotFit as misfit:
        raise Refused("not grown from it", misfit) from misfit
    text = checkpoint.to_text()
    return Note(text, (key.sign(text),)), Memory(checkpoint)
