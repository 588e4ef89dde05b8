"""What the vault bench lets take turns: the engine's own way, and the bare loops beside it.

A bare loop does what cannot be left out (AES-GCM, JSON, the statement, the commit) on values that are ready before
the clock starts, on one connection with the engine's own settings, and nothing else.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import Any

import msgspec
import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.core.case import Case
from engine.core.commands import Accept, Actor, Command
from engine.service.by_class import structure_of
from engine.service.content import case_in_plain, case_of, plain_case, seal_case
from engine.service.handle import handle
from engine.service.persons import MOST_MATCHES, Persons
from engine.service.rotation import Rotation
from engine.service.safe import Safe
from engine.store.database import engine_for
from engine.store.vault import Token
from engine.vault.identity import Identity
from engine.vault.keys import CaseKey, Cell, VaultKey, bytes_of
from engine.vault.suite import bound, fresh_key, unwrap, wrap
from tests.bench.acts import Act
from tests.bench.crew import Move
from tests.bench.driven import bench_desk, words
from tests.bench.procedure import BENCH, PROVINCE
from tests.bench.vault_clear import ClearSafe, NothingSealed
from tests.bench.vault_figures import AIM, Group, Pair
from tests.bench.vault_stock import REFERENCE, Stock, by_number, deciphered, enciphered, opened_with_people, person
from tests.keys import ROOTS

Ask = Callable[..., Any]
"""Sends a statement with ``?`` for its values to the driver, and gives the cursor."""

_LOOK_UP = (
    "SELECT case_id, person, field FROM blind_index WHERE vault_key = ? AND field = ? AND token = ?"
    " ORDER BY case_id, person LIMIT ?"
)
_UNDER = "SELECT case_id, version, wrapped FROM case_key WHERE vault_key = ? ORDER BY case_id LIMIT ?"
_REWRAP = "UPDATE case_key SET vault_key = ?, wrapped = ? WHERE case_id = ? AND version = ? AND vault_key = ?"
_encode = msgspec.json.Encoder().encode


# ── a case record ──


def record_group(case: Case, count: int) -> Group:
    """Sealing and opening the structure of a case record, with and without its JSON."""
    case = structure_of(case)
    key, aead = CaseKey(case.id, {1: fresh_key()}), AESGCM(fresh_key())
    decode, plain = msgspec.json.Decoder(Case).decode, _encode(case)
    of, bare = (case.id, case.revision, key), _with_nonce(aead, plain)
    sealed = seal_case(case_in_plain(case, {}), *of)
    cell = partial(Cell, "case_record", case.id, "content", case.revision)
    sealed_cell = key.seal(plain, cell())
    moves: dict[str, Move] = {
        "seal": lambda: seal_case(case_in_plain(case, {}), *of),
        "encrypt": lambda: _with_nonce(aead, _encode(case)),
        "open": lambda: case_of(plain_case(sealed, *of), case.id, case.revision)[0],
        "decrypt": lambda: decode(_opened(aead, bare)),
        "seal a cell": lambda: key.seal(plain, cell()),
        "encrypt a cell": lambda: _with_nonce(aead, plain),
        "open a cell": lambda: key.unseal(sealed_cell, cell()),
        "decrypt a cell": lambda: _opened(aead, bare),
    }
    assert moves["open"]() == moves["decrypt"]() == case
    return Group(
        {name: partial(_ready, [move] * (5 * count if "cell" in name else count)) for name, move in moves.items()},
        (
            Pair("seal a case record", "seal", "JSON, AES-GCM", "encrypt", AIM),
            Pair("open a case record", "open", "AES-GCM, JSON", "decrypt", AIM),
            Pair("seal its bytes", "seal a cell", "AES-GCM", "encrypt a cell"),
            Pair("open its bytes", "open a cell", "AES-GCM", "decrypt a cell"),
        ),
    )


@contextmanager
def _ready(moves: list[Move], number: int) -> Iterator[list[Move]]:
    yield moves


def _with_nonce(aead: AESGCM, plain: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + aead.encrypt(nonce, plain, b"guitu")


def _opened(aead: AESGCM, stored: bytes) -> bytes:
    return aead.decrypt(stored[:12], stored[12:], b"guitu")


# ── an identity ──


def reveal_group(stock: Stock, count: int) -> Group:
    """Opening an identity as a request would: the case with its key, the person, and what is sealed of her."""
    return Group(
        {
            "kept": partial(_revealing, stock, count, False), "unwrapped": partial(_revealing, stock, count, True),
            "decrypt": partial(_decrypting, stock, count), "select": partial(_selecting, stock, count),
        },
        tuple(
            Pair(f"open an identity, case key {own}", own, than, bare)
            for own in ("kept", "unwrapped")
            for than, bare in (("AES-GCM, JSON", "decrypt"), ("SELECT, AES-GCM, JSON", "select"))
        ),
    )  # fmt: skip


@contextmanager
def _revealing(stock: Stock, count: int, cold: bool, number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as desk:

        def reveal(case: str) -> Identity:
            if cold:
                desk.safe.drop(case)
            with desk.database.reading() as work:
                stored = work.load_case(case, for_update=False)
                row = work.person(case, REFERENCE)
                assert stored is not None
                assert row is not None
                return Persons(desk.safe, work).opened(row, desk.safe.key_of(stored, work))

        for case, identity in stock.real.items():  # and now their keys are kept
            assert reveal(case) == identity
        yield [partial(reveal, case) for case in islice(cycle(stock.real), count)]


@contextmanager
def _decrypting(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    aead, decode = AESGCM(fresh_key()), msgspec.json.Decoder(Identity).decode
    cells = [_with_nonce(aead, _encode(identity)) for identity in stock.real.values()]

    def reveal(stored: bytes) -> Identity:
        return decode(_opened(aead, stored))

    yield [partial(reveal, stored) for stored in islice(cycle(cells), count)]


@contextmanager
def _selecting(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    """Beside a row of the same size: what is decrypted is not what the engine sealed, nobody but it can open that."""
    aead, decode = AESGCM(fresh_key()), msgspec.json.Decoder(Identity).decode
    with _driver(stock.url) as ask:

        def reveal(case: str, stored: bytes) -> Identity:
            ask("BEGIN")
            row = ask("SELECT * FROM person WHERE case_id = ? AND id = ?", (case, REFERENCE)).fetchone()
            ask("ROLLBACK")
            assert row is not None
            return decode(_opened(aead, stored))

        cells = [(case, _with_nonce(aead, _encode(identity))) for case, identity in stock.real.items()]
        yield [partial(reveal, *cell) for cell in islice(cycle(cells), count)]


# ── the blind index ──


def search_group(stock: Stock, count: int) -> Group:
    """Finding a person by one number, beside the same look-up by the driver."""
    asked = [[token for token in tokens if token[1] == "id_number"] for tokens in _tokens(stock)]
    return Group(
        {"found_by": partial(_finding, stock, asked, count), "look-up": partial(_looking_up, stock, asked, count)},
        (Pair("find by an identity number", "found_by", "the same SELECT", "look-up", AIM),),
    )


def alike_group(stock: Stock, count: int) -> Group:
    """The whole search for a person: tokens, look-ups, opening and comparing what was found."""
    return Group(
        {
            "alike": partial(_comparing, stock, count), "look-ups": partial(_looking_up, stock, _tokens(stock), count),
        },
        (Pair("search for a person, whole", "alike", "a SELECT for each token", "look-ups"),),
    )  # fmt: skip


def _tokens(stock: Stock) -> list[list[Token]]:
    """What everybody real is found by."""
    with bench_desk(BENCH, stock.url) as desk, desk.database.writing() as work:
        return [Persons(desk.safe, work).tokens(PROVINCE, identity) for identity in stock.real.values()]


@contextmanager
def _finding(stock: Stock, asked: list[list[Token]], count: int, number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as desk, desk.database.reading() as work:
        assert all(len(work.found_by(one, MOST_MATCHES)) == 1 for one in asked)
        yield [partial(work.found_by, one, MOST_MATCHES) for one in islice(cycle(asked), count)]


@contextmanager
def _looking_up(stock: Stock, asked: list[list[Token]], count: int, number: int) -> Iterator[list[Move]]:
    with _driver(stock.url) as ask:

        def look_up(rows: list[tuple[str, str, bytes, int]]) -> list[object]:
            return [ask(_LOOK_UP, row).fetchall() for row in rows]

        ready = [[(*token, MOST_MATCHES) for token in tokens] for tokens in asked]
        ask("BEGIN")
        assert all(map(look_up, ready))
        yield [partial(look_up, rows) for rows in islice(cycle(ready), count)]
        ask("ROLLBACK")


@contextmanager
def _comparing(stock: Stock, count: int, number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as desk, desk.database.writing() as work:
        persons = Persons(desk.safe, work)
        (case, identity), *_ = stock.real.items()
        assert [(one.case, one.likeness) for one in persons.alike(PROVINCE, identity)][:1] == [(case, "same")]
        yield [partial(persons.alike, PROVINCE, one) for one in islice(cycle(stock.real.values()), count)]


# ── moves ──


def moves_group(stock: Stock, cases: int) -> Group:
    """The moves of the moves bench by one writer, with three people known; beside vaults that seal less.

    And beside the same vault where of these people the identity number alone is known, which is quick to compare.
    """
    moving = partial(_moving, stock, cases)
    return Group(
        {
            "sealed": partial(moving, Safe, person), "identities": partial(moving, ClearSafe, person),
            "nothing": partial(moving, NothingSealed, person), "numbers": partial(moving, Safe, by_number),
        },
        (
            Pair("a move", "sealed", "content not sealed", "identities"),
            Pair("a move", "sealed", "nothing sealed", "nothing"),
            Pair("a move", "sealed", "people known by number only", "numbers"),
        ),
    )  # fmt: skip


@contextmanager
def _moving(
    stock: Stock, cases: int, vault: type[Safe], known: Callable[[int], Identity], number: int
) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as plain:
        desk = replace(plain, safe=vault(lambda: ROOTS, plain.clock))
        areas = islice(cycle(BENCH.areas), cases)
        files = [(area, *opened_with_people(BENCH, desk, area, known)) for area in areas]
        todo: list[Move] = []
        for place, act in enumerate(BENCH.script, len(BENCH.opening)):
            random.shuffle(files)
            todo += [partial(handle, desk, *_later(place, act, case, area, by)) for area, case, by in files]
        yield todo


def _later(place: int, act: Act, case: str, area: str, by: int) -> tuple[Command, Actor]:
    """An act of the script on a case that is some events, one a revision, further than the script knows."""
    command, actor = words(place, act, case, area)
    if command.expected_revision is not None:
        command = replace(command, expected_revision=command.expected_revision + by)
    if isinstance(command, Accept):
        event = int(command.hand_off.partition("/")[2])
        command = replace(command, hand_off=f"{case}/{event + by}")
    return command, actor


# ── rotation ──


def rotation_group(stock: Stock, bare: dict[str, tuple[VaultKey, VaultKey]], batch: int) -> Group:
    """Rotating the key that wraps every case key, beside as many keys of bare loops in batches of the same size."""
    batches = len(stock.cases) // batch
    wrapping, ciphering = bare["wrapping"], bare["ciphering"]
    return Group(
        {
            "rotation": partial(_rotating, stock, batch, batches),
            "wrapping": partial(_rewrapping, stock, batch, wrapping, _wrapped_anew(*wrapping)),
            "ciphering": partial(_rewrapping, stock, batch, ciphering, _ciphered_anew(*ciphering)),
        },
        (
            Pair("rotate a case key", "rotation", "SELECT, unwrap, wrap, UPDATE", "wrapping"),
            Pair("rotate a case key", "rotation", "SELECT, AES-GCM twice, UPDATE", "ciphering"),
        ),
        batch,
    )


@contextmanager
def _rotating(stock: Stock, batch: int, batches: int, number: int) -> Iterator[list[Move]]:
    with bench_desk(BENCH, stock.url) as desk:
        with desk.database.reading() as work:
            (before,) = desk.safe.ring(work).all_of("case", PROVINCE)
        steps = Rotation(desk, settle=lambda: None, batch=batch).run("case", PROVINCE)
        next(steps)  # it has begun
        yield [partial(next, steps)] * batches
        *_, last = steps
        with desk.database.reading() as work:
            assert last.finished
            assert work.count_case_keys_under(before.id) == 0


@contextmanager
def _rewrapping(
    stock: Stock, batch: int, keys: tuple[VaultKey, VaultKey], anew: Callable[[str, int, bytes], bytes], number: int
) -> Iterator[list[Move]]:
    before, after = (key.id for key in keys)
    begin = "BEGIN IMMEDIATE" if stock.kind == "sqlite" else "BEGIN"
    with _driver(stock.url) as ask:

        def step() -> None:
            ask(begin)
            rows = ask(_UNDER, (before, batch)).fetchall()
            for case, version, wrapped in rows:
                ask(_REWRAP, (after, anew(case, version, wrapped), case, version, before))
            ask("COMMIT")
            assert len(rows) == batch

        yield [step] * (len(stock.cases) // batch)


def _wrapped_anew(before: VaultKey, after: VaultKey) -> Callable[[str, int, bytes], bytes]:
    old, new, new_id = bytes_of(before), bytes_of(after), bytes.fromhex(after.id)

    def anew(case: str, version: int, wrapped: bytes) -> bytes:
        belongs_to = bound("case-key", case.encode(), b"%d" % version)
        return wrap(unwrap(wrapped, old, belongs_to), new, new_id, belongs_to)

    return anew


def _ciphered_anew(before: VaultKey, after: VaultKey) -> Callable[[str, int, bytes], bytes]:
    old, new = AESGCM(before.secret), AESGCM(after.secret)

    def anew(case: str, version: int, wrapped: bytes) -> bytes:
        return enciphered(new, deciphered(old, wrapped))

    return anew


@contextmanager
def _driver(url: str) -> Iterator[Ask]:
    """One connection with the engine's settings: durable, and no transaction but those that are begun."""
    engine = engine_for(url)
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    assert connection is not None
    if isinstance(connection, psycopg.Connection):
        execute = connection.cursor(binary=True).execute
        forms = {sql: sql.replace("?", "%s") for sql in (_LOOK_UP, _UNDER, _REWRAP)}

        def ask(sql: str, values: tuple[Any, ...] = ()) -> Any:
            return execute(forms.get(sql) or sql.replace("?", "%s"), values)

        yield ask
    else:
        yield connection.cursor().execute
    pooled.close()
    engine.dispose()
