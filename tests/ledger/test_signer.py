"""The signer signs what grew from the last tree it signed, and refuses everything else with the reason."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger.note import BadNote, Checkpoint, SignerKey, open_checkpoint
from engine.ledger.signing import Memory, Refused, countersign
from tests.ledger import rfc6962

ORIGIN = "guitu.example/ledger"
KEY = SignerKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))


def tree(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, rfc6962.mth(0, size))


def proof(earlier: int, size: int) -> list[bytes]:
    return rfc6962.proof(earlier, size) if earlier else []


def refusal(memory: Memory, checkpoint: Checkpoint, path: list[bytes], key: SignerKey = KEY) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        countersign(key, memory, checkpoint, path)
    misfit = refused.value.misfit
    return refused.value.why, misfit.what if misfit else None


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=10))
def test_a_tree_that_only_grows_is_signed_at_every_size(steps: list[int]) -> None:
    memory, size = Memory.empty(ORIGIN), 0
    for step in steps:
        checkpoint = tree(size + step)
        note, memory = countersign(KEY, memory, checkpoint, proof(size, size + step))
        assert open_checkpoint(note.to_bytes(), KEY.public)[0] == memory.last == checkpoint
        memory, size = Memory.from_bytes(memory.to_bytes()), size + step


def test_the_same_tree_is_signed_again_with_the_same_bytes() -> None:
    first, memory = countersign(KEY, Memory(tree(5)), tree(9), proof(5, 9))
    again, same = countersign(KEY, memory, tree(9), [])
    assert (again, same) == (first, memory)


def test_a_restored_backup_is_refused() -> None:
    assert refusal(Memory(tree(9)), tree(8), proof(8, 9)) == ("smaller", None)
    assert refusal(Memory(tree(9)), Checkpoint(ORIGIN, 0, rfc6962.mth(0, 0)), []) == ("smaller", None)


def test_another_tree_of_the_same_size_is_refused() -> None:
    fork = Checkpoint(ORIGIN, 9, rfc6962.mth(1, 10))
    assert refusal(Memory(tree(9)), fork, []) == ("another root", None)
    assert refusal(Memory(tree(9)), fork, rfc6962.proof(4, 9)) == ("another root", None)


@pytest.mark.parametrize("earlier", range(1, 12))
def test_a_tree_that_grew_from_another_one_is_refused(earlier: int) -> None:
    memory = Memory(Checkpoint(ORIGIN, earlier, rfc6962.mth(1, earlier + 1)))
    why, misfit = refusal(memory, tree(12), proof(earlier, 12))
    assert why == "not grown from it"
    # Where the earlier tree is a whole branch, its root is where the verification begins, so the new root differs.
    assert misfit == ("root" if earlier.bit_count() == 1 else "earlier root")


@pytest.mark.parametrize(
    ("path", "misfit"),
    [
        ([], "path too short"),
        (proof(6, 11)[:-1], "path too short"),
        ([*proof(6, 11), bytes(32)], "path too long"),
        ([*proof(6, 11)[:-1], bytes(31)], "hash"),
        (proof(6, 11)[::-1], "earlier root"),
        ([*proof(6, 11)[:-2], bytes(32), proof(6, 11)[-1]], "earlier root"),
        ([*proof(6, 11)[:-1], bytes(32)], "root"),
    ],
)
def test_a_bad_proof_is_refused_and_what_does_not_fit_is_named(path: list[bytes], misfit: str) -> None:
    assert refusal(Memory(tree(6)), tree(11), path) == ("not grown from it", misfit)


def test_a_proof_where_none_is_needed_is_refused() -> None:
    assert refusal(Memory(tree(6)), tree(6), [bytes(32)]) == ("not grown from it", "path too long")
    assert refusal(Memory.empty(ORIGIN), tree(6), [bytes(32)]) == ("not grown from it", "path too long")


def test_key_memory_and_checkpoint_are_of_one_log() -> None:
    elsewhere = Checkpoint("elsewhere.example", 9, rfc6962.mth(0, 9))
    other_key = SignerKey("elsewhere.example", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
    path = proof(5, 9)
    assert refusal(Memory(tree(5)), elsewhere, path) == ("origin", None)
    assert refusal(Memory.empty("elsewhere.example"), tree(9), []) == ("origin", None)
    assert refusal(Memory(tree(5)), tree(9), path, other_key) == ("origin", None)


def test_a_refusal_leaves_the_memory_as_it_was() -> None:
    memory = Memory(tree(9))
    before = memory.to_bytes()
    refusal(memory, tree(12), proof(8, 12))
    assert memory.to_bytes() == before
    assert countersign(KEY, memory, tree(12), proof(9, 12))[1] == Memory(tree(12))


def test_the_memory_is_written_as_documented_and_read_strictly() -> None:
    written = Memory(tree(9)).to_bytes()
    assert written == b"guitu/signer-memory/v1\n" + tree(9).to_text().encode()
    wrong = [written[:end] for end in range(len(written))]
    wrong += [written + b"\n", b"\xff" + written, written.replace(b"/v1", b"/v2"), written.replace(b"\n9\n", b"\n09\n")]
    for each in wrong:
        with pytest.raises(BadNote):
            Memory.from_bytes(each)
    with pytest.raises(BadNote, match="origin"):
        Memory.empty("two words")
