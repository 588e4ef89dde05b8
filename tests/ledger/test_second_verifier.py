"""The second verifier, written from docs/audit-format.md alone, and the project's own come to the same answers."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.ledger.event import ACTS, PURPOSES
from engine.ledger.streams import AuditorKey
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.report import CHECKS as EVERY_CHECK
from tests.ledger import bundle_maker, second_verifier, tampering, tampering_records
from tests.ledger.bundle_maker import KEY, SECOND, STRANGER, World, a_world, judged, states
from tests.ledger.second_verifier import CHECKS, PrivateKey, Verifier
from tests.ledger.tampering import Tampered

PAGE = Path(__file__).parents[2] / "docs" / "audit-format.md"
HYBRID_BYTES = bytes(range(96))
HYBRID = AuditorKey(HYBRID_BYTES)
PRIVATE = {
    KEY: PrivateKey(1, b"\x41" * 32),
    SECOND: PrivateKey(1, b"\x42" * 32),
    STRANGER: PrivateKey(1, b"\x43" * 32),
    HYBRID: PrivateKey(2, HYBRID_BYTES),
}
NOT_CHECKED = {
    "witnesses": "the same form of signature again, over a text that names the time",
    "timestamps": "RFC 3161 is not the project's format; the standard library does not read it",
    "recipients": "who the auditors are is read from the events, which both read; no other bytes are looked at",
}
ONLY_THE_FAILS = {
    "cut_entry": "an entry without a header counts as unread there; the other verifier only fails `streams`",
    "no_checkpoint_at_all": "without a checkpoint append_only is unchecked there, and none here",
}

Told = Callable[[Brought], dict[str, Any]]
Answer = dict[str, str]


def ways() -> list[Callable[[], Tampered]]:
    """Everything that :mod:`tests.ledger.tampering` and its neighbour do to a bundle."""
    return [
        one
        for module in (tampering, tampering_records)
        for _, one in inspect.getmembers(module, inspect.isfunction)
        if one.__module__ == module.__name__ and inspect.signature(one).return_annotation == "Tampered"
        if not inspect.signature(one).parameters
    ]


def words_of(title: str) -> list[str]:
    """What a closed list of the page holds."""
    paragraph = PAGE.read_text(encoding="utf-8").split(f"**{title}**", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"`([a-z_]+(?::[a-z_]+)?)`", paragraph)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What is brought to the one verifier, as the other takes it: text, bytes and lines of files."""
    read: list[tuple[object, list[bytes]]] = []

    def keeping(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def kept(lines: Iterable[bytes]) -> object:
            every = list(lines)
            read.append((real(every), every))
            return read[-1][0]

        monkeypatch.setattr(module, name, kept)

    for module in (bundle_maker, tampering_records):
        for name in ("read_salts", "read_digests"):
            keeping(module, name)

    def lines_of(made: object) -> list[bytes]:
        return next(lines for one, lines in read if one is made)

    def say(brought: Brought) -> dict[str, Any]:
        words: dict[str, Any] = {
            "log_key": brought.log_key and brought.log_key.to_text(),
            "remembered": brought.remembered,
            "first": brought.is_first,
            "keys": [PRIVATE[one] for one in brought.keys],
            "salts": brought.salts and lines_of(brought.salts),
            "digests": brought.digests and lines_of(brought.digests),
        }
        lists = (words_of("Acts"), words_of("Purposes"))
        return {"lists": lists, **{name: word for name, word in words.items() if word is not None}}

    return say


def both(bundle: bytes, brought: Brought, told: Told) -> tuple[Answer, Answer]:
    """What each of them answers; ``none`` and ``pass`` of the first are ``ok``. What is brought is used up by this."""
    second = dict(Verifier(bundle, **told(brought)).answer())
    first = states(judged(bundle, brought))
    return {name: {"pass": "ok", "none": "ok"}.get(state, state) for name, state in first.items()}, second


def shared(first: Answer) -> Answer:
    """The checks that both have."""
    return {name: first[name] for name in CHECKS}


def fails(answer: Answer) -> set[str]:
    """The checks that fail."""
    return {name for name, state in answer.items() if state == "fail"}


def of_kinds(*auditors: AuditorKey) -> World:
    """Three streams at once, many records and persons, two erasures; sealed to these auditors."""
    world = World(auditors=list(auditors))
    world.open()
    for one in auditors:
        world.announce(one)
    streams = [world.streams[0], world.open(), world.open()]
    for number in range(12):
        case, stream = f"case-{number % 5}", streams[number % 3]
        world.change(case, f"content {number}", stream)
        world.identify(case, f"P-{number}", f"person {number}")
        world.look(case, stream=streams[(number + 1) % 3])
        world.beat(stream)
    world.erase("case-1")
    world.close(streams[0])
    world.open({"ended": "closed", "position": streams[0].committed, "stream": streams[0].stream_id.hex()})
    world.erase("case-3")
    world.beat()
    return world


GOOD: dict[str, Callable[[], tuple[World, AuditorKey]]] = {
    "small": lambda: (a_world(), KEY),
    "X25519": lambda: (of_kinds(KEY), KEY),
    "hybrid": lambda: (of_kinds(HYBRID), HYBRID),
    "both kinds, one key": lambda: (of_kinds(KEY, HYBRID, SECOND), KEY),
    "both kinds, the other key": lambda: (of_kinds(KEY, HYBRID, SECOND), HYBRID),
    "empty": lambda: (World(), KEY),
}


@pytest.mark.parametrize("name", GOOD)
def test_both_find_a_good_bundle_right(name: str, told: Told) -> None:
    world, key = GOOD[name]()
    first, second = both(world.bundle(), world.brought(keys=[key]), told)
    assert fails(first) == set()
    assert shared(first) == second == dict.fromkeys(CHECKS, "ok")


@pytest.mark.parametrize(
    "changes",
    [
        {"log_key": None},
        {"remembered": None},
        {"remembered": None, "is_first": True},
        {"remembered": b"no note"},
        {"keys": []},
        {"keys": [SECOND]},
        {"keys": [STRANGER]},
        {"keys": [SECOND, KEY]},
        {"salts": None},
        {"digests": None},
        {"salts": None, "digests": None, "keys": []},
    ],
    ids=lambda one: "-".join(one),
)
def test_both_leave_the_same_unchecked(changes: dict[str, Any], told: Told) -> None:
    world = a_world()
    first, second = both(world.bundle(), world.brought(**changes), told)
    assert second == shared(first)
    assert not fails(second)


def test_both_say_the_same_of_every_bundle_that_is_cut_short(told: Told) -> None:
    world = a_world()
    bundle = world.bundle()
    for size in range(0, len(bundle), len(bundle) // 40):
        first, second = both(bundle[:size], world.brought(), told)
        assert second == shared(first), size
        assert second["form"] == "unchecked", size


def test_both_find_a_wrong_checksum(told: Told) -> None:
    world = a_world()
    bundle = bytearray(world.bundle())
    bundle[-1] ^= 1
    first, second = both(bytes(bundle), world.brought(), told)
    assert second == shared(first) == {**dict.fromkeys(CHECKS, "ok"), "form": "fail"}


def test_both_notice_a_flipped_bit_anywhere(told: Told) -> None:
    world = a_world()
    bundle = world.bundle()
    for at in range(0, len(bundle), len(bundle) // 100):
        first, second = both(bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :], world.brought(), told)
        assert bool(fails(second)) == bool(fails(first)), at
        assert {*second.values()} != {"ok"}, at


@pytest.mark.parametrize("tamper", ways(), ids=lambda one: one.__name__)
def test_both_find_what_was_tampered_with(tamper: Callable[[], Tampered], told: Told) -> None:
    bundle, brought = tamper()
    first, second = both(bundle, brought, told)
    assert fails(first)
    assert fails(second) == fails(first) - NOT_CHECKED.keys()
    if tamper.__name__ not in ONLY_THE_FAILS:
        assert second == shared(first)


def test_what_it_does_not_check_is_few() -> None:
    assert not {*CHECKS} & NOT_CHECKED.keys()
    assert {*CHECKS, *NOT_CHECKED} == {*EVERY_CHECK}
    assert ONLY_THE_FAILS.keys() <= {one.__name__ for one in ways()}


def test_the_closed_lists_of_the_page_are_those_of_the_ledger() -> None:
    assert words_of("Acts") == list(ACTS)
    assert words_of("Purposes") == list(PURPOSES)


def test_it_imports_nothing_of_the_house() -> None:
    tree = ast.parse(Path(second_verifier.__file__).read_text(encoding="utf-8"))
    imported = [one.names[0].name for one in ast.walk(tree) if isinstance(one, ast.Import)]
    imported += [one.module or "." for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)]
    roots = {name.split(".")[0] for name in imported}
    assert roots - sys.stdlib_module_names == {"cryptography"}
    called = {one.func.id for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
    assert not called & {"__import__", "eval", "exec", "open"}
