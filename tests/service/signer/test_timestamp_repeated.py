"""A checkpoint has one timestamp of each moment: a second one is refused in words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import SignerRefused
from engine.ledger.timestamps import stated
from engine.service.signer import Signer
from engine.service.timestamp_authority import query, take
from engine.store.database import Database
from tests import timestamping
from tests.service.signer.ground import last

_TRIES = 20


def two_of_a_second(store: Database, authority: timestamping.Authority) -> tuple[bytes, bytes]:
    """Two answers that differ and state the same time."""
    row = last(store)
    assert row is not None
    for _ in range(_TRIES):
        first, second = (authority.answer(query(store)) for _ in range(2))
        if stated(second, row.note) - stated(first, row.note) < timedelta(seconds=1):
            return first, second
    raise AssertionError("the authority never answered twice within a second")


def test_another_timestamp_of_the_same_second_is_refused(signer: Signer, store: Database, tmp_path: Path) -> None:
    authority = timestamping.founded(tmp_path / "authority")
    signer.sign()
    first, second = two_of_a_second(store, authority)
    assert first != second
    take(store, first)
    with pytest.raises(SignerRefused) as refused:
        take(store, second)
    assert refused.value.details["why"] == "repeated"
    with store.reading() as work:
        assert [one.token for one in work.timestamps()] == [first]
