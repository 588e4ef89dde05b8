"""A scribe of tests: its clock, its auditors, what it enters, and what of its streams is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.core.commands import Actor
from engine.ledger import streams
from engine.ledger.entry import Kind, seal
from engine.ledger.streams import AuditorKey
from engine.service.account import MOST_IN_ONE_ENTRY, Account
from engine.vault.keys import CaseKey
from tests.keys import AUDITOR
from tests.service.ledger.logbook import NOON
from tests.service.ledger.opening import Told

ANN = Actor("officer-1", "police-a")


@dataclass
class Hands:
    """A clock that goes on a little at every look, and further when told."""

    at: datetime = NOON
    tick: timedelta = timedelta(milliseconds=1)

    def __call__(self) -> datetime:
        self.at += self.tick
        return self.at


@dataclass
class Keys:
    """The auditors of a scribe, who may change."""

    found: list[AuditorKey] = field(default_factory=lambda: [AUDITOR])

    def __call__(self) -> tuple[streams.Auditor, ...]:
        return tuple(one.auditor for one in self.found)


@contextmanager
def no_key_seals_twice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While this lasts, something is sealed, and nothing under a key that sealed before."""
    used: list[bytes] = []

    def watched(header: Any, event: Any, subjects: Any, key: bytes, clear: bytes = b"") -> bytes:
        used.append(bytes(key))
        return seal(header, event, subjects, key, clear)

    monkeypatch.setattr(streams, "seal", watched)
    yield
    assert len(used) == len(set(used)) > 0


def looked(**more: Any) -> Account:
    """An account of a read that concerns no case."""
    return Account("case:list", ANN, **more)


def streams_of(found: Sequence[Told]) -> list[bytes]:
    """The streams of these entries, in the order in which they begin."""
    return list(dict.fromkeys(one.header.stream_id for one in found))


def kinds_of(found: Sequence[Told], stream: bytes) -> list[Kind]:
    """The kinds of the entries of a stream."""
    return [one.header.kind for one in found if one.header.stream_id == stream]


def previous_of(found: Sequence[Told]) -> list[Any]:
    """What each opening tells of a stream before it."""
    return [one.event["previous"] for one in found if one.header.kind is Kind.STREAM_OPEN]


def ended(how: str, position: int, stream: bytes) -> dict[str, object]:
    """What an opening tells of this stream."""
    return {"ended": how, "position": position, "stream": stream.hex()}


def long_account(parts: int) -> Account:
    """An account of a read of so many cases that it takes so many entries."""
    account = looked()
    for number in range(MOST_IN_ONE_ENTRY * (parts - 1) + 1):
        account.read(CaseKey(f"GT-{number:05d}", {1: number.to_bytes(32)}))
    return account
