"""No byte of a bundle can be changed unnoticed, whether or not the forger computes the checksum anew."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO

import pytest

from engine.ledger.bundle import MAGIC, Type, sections
from tests.ledger.bundle_maker import World, a_world, judged

_HEAD = 9


@pytest.fixture(scope="module")
def world() -> World:
    return a_world()


def flips(whole: bytes, places: Iterator[int] | range) -> Iterator[tuple[int, bytes]]:
    """One bit of each byte, another one in each."""
    for at in places:
        yield at, whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]


def resummed(bundle: bytes) -> bytes:
    """The same with a right checksum at the end."""
    body = bundle[: -_HEAD - 32]
    return body + bundle[-_HEAD - 32 : -32] + sha256(body).digest()


def in_info(whole: bytes) -> range:
    """The bytes of the info's content, which nothing proves."""
    first, second, *_ = sections(BytesIO(whole).read)
    return range(first.at + _HEAD, second.at)


def structural(whole: bytes) -> list[int]:
    """Every byte that says what a section is and how long, and the first ones of entries."""
    starts = [(one.at, one.type) for one in sections(BytesIO(whole).read)]
    heads = [at + n for at, _ in [*starts, (len(whole) - 41, Type.END)] for n in range(_HEAD)]
    firsts = [at + _HEAD + n for at, kind in starts if kind is Type.ENTRIES for n in range(8 + 4 + 35)]
    return [*range(len(MAGIC)), *heads, *firsts]


def exit_codes(world: World, bundles: Iterator[tuple[int, bytes]]) -> dict[int, int]:
    return {at: judged(one, world.brought()).exit_code for at, one in bundles}


def hold(world: World, places: list[int]) -> None:
    whole = world.bundle()
    as_it_is = exit_codes(world, flips(whole, iter(places)))
    assert set(as_it_is.values()) <= {1, 2}
    told = in_info(whole)
    body = [at for at in places if at < len(whole) - 32]
    forged = exit_codes(world, ((at, resummed(one)) for at, one in flips(whole, iter(body))))
    assert {at for at, code in forged.items() if code == 0} <= set(told)
    assert set(forged.values()) <= {0, 1, 2}


def test_a_sample_of_bytes(world: World) -> None:
    whole = world.bundle()
    hold(world, sorted({*structural(whole), *range(0, len(whole), 211)}))


@pytest.mark.long
def test_every_byte(world: World) -> None:
    hold(world, list(range(len(world.bundle()))))


def test_only_what_is_declared_not_proved_can_be_told_otherwise(world: World) -> None:
    """Of the info, its numbers and its time: a flip that leaves them of their form is not seen, and nothing else."""
    whole = world.bundle()
    told = in_info(whole)
    codes = exit_codes(world, ((at, resummed(one)) for at, one in flips(whole, told)))
    unseen = {at for at, code in codes.items() if code == 0}
    content = bytes(whole[told.start : told.stop])
    free = set()
    for name, size in ((b'"exported_at":"', 24), (b'"waiting":', 1), (b'"after":', 1)):
        start = told.start + content.index(name) + len(name)
        free |= set(range(start, start + size))
    assert unseen
    assert unseen <= free


@pytest.mark.parametrize("kind", [Type.CHECKPOINT, Type.TIMESTAMP, Type.CERTIFICATE, Type.ENTRIES])
def test_a_section_taken_out_or_put_in_twice_is_noticed(world: World, kind: Type) -> None:
    whole = world.bundle()
    found = list(sections(BytesIO(whole).read))
    starts = [*(one.at for one in found), len(whole) - 41]
    for number, section in enumerate(found):
        if section.type is not kind:
            continue
        start, end = starts[number], starts[number + 1]
        without = resummed(whole[:start] + whole[end:])
        twice = resummed(whole[:end] + whole[start:])
        # A timestamp more or less proves neither more nor less about the entries; all others are counted.
        expected = {0} if kind is Type.TIMESTAMP else {1, 2}
        assert {judged(without, world.brought()).exit_code} <= expected
        assert {judged(twice, world.brought()).exit_code} <= {0} if kind in (
            Type.TIMESTAMP, Type.CERTIFICATE
        ) else expected  # fmt: skip


def test_a_bundle_that_is_followed_by_another_is_noticed(world: World) -> None:
    whole = world.bundle()
    assert judged(whole + whole, world.brought()).exit_code == 1
    assert judged(whole + struct.pack(">BQ", 255, 0), world.brought()).exit_code == 1
