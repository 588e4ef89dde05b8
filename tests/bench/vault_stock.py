"""The stock of the vault bench: many cases with wrapped keys and indexed persons, a few thousand of them real.

Whatever only has to be there (cases, persons, tokens of 16 bytes) is copied or drawn at random inside the database;
case keys are made one by one, since all of them are rotated. Real identities are sealed and indexed by the engine,
each for a case of its own. Nobody exists: numbers begin with a region there is not, names are of the ten stems.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from stdnum.cn import ric

from engine.core.commands import RecordIdentity, Role
from engine.service.desk import Desk, kept
from engine.service.handle import handle
from engine.service.known import load
from engine.service.persons import Enclosed, Persons, holds
from engine.service.trial import mark_trial
from engine.store import migrate
from engine.store.tables import TABLES
from engine.vault.identity import Identity
from engine.vault.keys import VaultKey, new_case_key
from engine.vault.pseudonym import new_pseudonym
from engine.vault.suite import fresh_key
from tests.bench.acts import Procedure
from tests.bench.driven import bench_desk, opened, save_directory
from tests.bench.procedure import BENCH, PROVINCE
from tests.postgres import OWNER, PostgresServer

Connection = Any
"""A connection of either driver, with ``execute``."""
PEOPLE: dict[str, Role] = {"P-CARER01": "carer", "P-BUYER01": "buyer_family", "P-BUYER02": "buyer_family"}
"""Whom a case of the bench names, and as what."""
REFERENCE = "P-REAL"
LAST = 9_999
"""The highest number of an invented person."""
BARE = ("wrapping", "ciphering")
"""What stands for a jurisdiction under the keys that bare loops rotate."""
_FIELDS = ("id_number", "phone", "name", "pinyin")
_HEAD = 62
"""What stands before the ciphertext of a wrapped key, in bytes; its nonce is in there."""
_NONCE = slice(18, 30)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is: cases, identities drawn at random (as many for each case), and real ones beside these."""

    cases: int
    identities: int
    real: int


@dataclass(frozen=True, slots=True)
class Stock:
    """A filled database, and what the bench has to know of it."""

    kind: str
    url: str
    cases: tuple[str, ...]
    real: dict[str, Identity]
    """Real identities, by the case that knows them under :data:`REFERENCE`."""
    server: PostgresServer | None = None
    database: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    """What the two databases say differently."""

    mark: str
    token: str
    index: str
    sealed: str


_WORDS = {
    "sqlite": _Words(
        "?", "randomblob(16)", "SELECT sql FROM sqlite_master WHERE name = 'ix_blind_index_person'", "randomblob(240)"
    ),
    "postgresql": _Words(
        "%s", "uuid_send(gen_random_uuid())",
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_blind_index_person'",
        "decode(repeat(md5(random()::text || copied.new || n), 15), 'hex')",
    ),
}  # fmt: skip


def person(number: int) -> Identity:
    """Somebody invented, another one for every number up to :data:`LAST`."""
    drawn = random.Random(number)
    born = date(1970 + number // 1000, 1 + drawn.randrange(12), 1 + drawn.randrange(28))
    body = f"990000{born:%Y%m%d}{number % 1000:03d}"
    stems = "".join("甲乙丙丁戊己庚辛壬癸"[int(digit)] for digit in f"{number:04}")
    return Identity(
        name=f"某{stems}", id_number=body + ric.calc_check_digit(body + "0"), born_on=born, sex="female",
        phones=(f"0000{number:07d}",), address=f"第{number}号虚构地址，门牌不存在",
    )  # fmt: skip


def by_number(number: int) -> Identity:
    """The same person, of whom nothing but the identity number is known."""
    return Identity(id_number=person(number).id_number)


def opened_with_people(
    procedure: Procedure, desk: Desk, area: str, known: Callable[[int], Identity] = person
) -> tuple[str, int]:
    """A new case, ready for its first move, whose people have identities; and how many commands these took."""
    case = opened(procedure, desk, area)
    actor = procedure.opening[0].on(case, area, "-")[1]
    for number, (reference, role) in enumerate(PEOPLE.items()):
        identity = known(LAST - number)
        command = RecordIdentity(case=case, role=role, holds=holds(identity), person=reference)
        handle(desk, command, actor, enclosed=identity)
    return case, len(PEOPLE)


def make(kind: str, sizes: Sizes, url: str, server: PostgresServer | None = None, database: str = "") -> Stock:
    """Make and fill a database; on PostgreSQL it is there already and empty."""
    owner = url if server is None else server.url(database, OWNER)
    migrate.upgrade(owner)
    mark_trial(owner)
    save_directory(BENCH, url)
    stock = Stock(kind, url, tuple(sorted(new_pseudonym() for _ in range(sizes.cases))), {}, server, database)
    with bench_desk(BENCH, url) as desk:
        code, _ = opened_with_people(BENCH, desk, BENCH.areas[0])
        with kept(desk.database) as work:
            original = load(desk, code, work, for_update=False)
            case_key, identity_key, index_key = (
                desk.safe.sealing_key(kind, PROVINCE, work) for kind in ("case", "identity", "index")
            )
    keys = {case: new_case_key(case_key, case) for case in stock.cases}
    with bulk(stock) as connection:
        words = _WORDS[kind]
        _copy_cases(connection, words, original.id, stock.cases)
        _insert(
            connection, words, "case_key", ((r.case_id, r.version, r.vault_key, r.wrapped) for _, r in keys.values())
        )
        _add_persons(connection, words, identity_key, sizes)
        _add_tokens(connection, words, index_key)
    for place in range(sizes.real):
        stock.real[stock.cases[place * sizes.cases // sizes.real]] = person(place)
    with bench_desk(BENCH, url) as desk, kept(desk.database) as work:
        persons = Persons(desk.safe, work)
        for case, identity in stock.real.items():
            enclosed = Enclosed(REFERENCE, "victim", identity)
            persons.save(replace(original, id=case), keys[case][0], enclosed, desk.clock())
    os.sync()  # what the filling left to write would be waited for by the first who commits
    return stock


def add_bare_keys(stock: Stock) -> dict[str, tuple[VaultKey, VaultKey]]:
    """For each bare loop as many wrapped keys as there are cases, and the vault keys to rotate from and to.

    Cases have them beside their own key; nothing else may be measured after this but rotation.
    """
    with bench_desk(BENCH, stock.url) as desk, kept(desk.database) as work:
        pairs = {name: tuple(desk.safe.make_key("case", name, version, work) for version in (1, 2)) for name in BARE}
    found = {name: (pair[0], pair[1]) for name, pair in pairs.items()}
    wrapping, ciphering = found["wrapping"][0], found["ciphering"][0]
    with bulk(stock) as connection:
        made = (new_case_key(wrapping, case, 2)[1] for case in stock.cases)
        rows = ((row.case_id, row.version, row.vault_key, row.wrapped) for row in made)
        _insert(connection, _WORDS[stock.kind], "case_key", rows)
        cipher = AESGCM(ciphering.secret)
        ciphered = ((case, 3, ciphering.id, enciphered(cipher, fresh_key())) for case in stock.cases)
        _insert(connection, _WORDS[stock.kind], "case_key", ciphered)
    os.sync()
    return found


def enciphered(cipher: AESGCM, key: bytes) -> bytes:
    """A key under AES-GCM alone, as long as a wrapped one: no derivation, no commitment."""
    head = os.urandom(_HEAD)
    return head + cipher.encrypt(head[_NONCE], key, head)


def deciphered(cipher: AESGCM, stored: bytes) -> bytes:
    """What :func:`enciphered` enciphered."""
    head = stored[:_HEAD]
    return cipher.decrypt(head[_NONCE], stored[_HEAD:], head)


@contextmanager
def bulk(stock: Stock) -> Iterator[Connection]:
    """A transaction that writes quickly and takes foreign keys on trust; afterwards all is as the engine wants it."""
    if stock.server is not None:
        with closing(stock.server.connect(stock.database)) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("SET synchronous_commit = off")
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")
        return
    with closing(sqlite3.connect(stock.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def _insert(connection: Connection, words: _Words, table: str, rows: Iterable[Sequence[Any]]) -> None:
    width = {"case_key": 4, "copied": 1, "place": 1}[table]
    marks = ", ".join([words.mark] * width)
    connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _copy_cases(connection: Connection, words: _Words, original: str, cases: Sequence[str]) -> None:
    connection.execute("CREATE TEMPORARY TABLE copied (new text)")
    _insert(connection, words, "copied", ((case,) for case in cases))
    columns = ", ".join("copied.new" if one.name == "id" else f"o.{one.name}" for one in TABLES["case_record"].columns)
    connection.execute(
        f"INSERT INTO case_record SELECT {columns} FROM copied CROSS JOIN case_record AS o WHERE o.id = {words.mark}",
        (original,),
    )


def _add_persons(connection: Connection, words: _Words, key: VaultKey, sizes: Sizes) -> None:
    connection.execute("CREATE TEMPORARY TABLE place (n integer)")
    _insert(connection, words, "place", ((n,) for n in range(sizes.identities // sizes.cases)))
    connection.execute(
        f"INSERT INTO person SELECT copied.new, 'P-' || n, 'victim', 1, {words.mark}, {words.sealed}, o.changed_at"
        " FROM copied CROSS JOIN place JOIN case_record AS o ON o.id = copied.new",
        (key.id,),
    )


def _add_tokens(connection: Connection, words: _Words, key: VaultKey) -> None:
    (again,) = connection.execute(words.index).fetchone()
    connection.execute("DROP INDEX ix_blind_index_person")
    for field in _FIELDS:
        connection.execute(
            f"INSERT INTO blind_index SELECT {words.mark}, {words.mark}, token, case_id, id"
            f" FROM (SELECT {words.token} AS token, case_id, id FROM person) AS drawn ORDER BY token",
            (key.id, field),
        )
    connection.execute(again)
