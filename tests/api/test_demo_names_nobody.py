"""The demo world names nobody: every byte that it leaves or says is searched for everybody whom it knows.

With ``-s`` a short report tells how much was searched.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.demo_audit import AUDITOR
from engine import bootstrap
from engine.core.facts import is_reference
from engine.definitions.scenario import Told
from engine.ledger.auditor_file import read_key
from engine.ledger.exports import read_salts
from engine.service import installation
from engine.service.known import load_with_key
from engine.service.persons import Persons
from engine.service.story import stories
from engine.service.story_people import invented
from engine.store.database import Database
from engine.vault.identity import Identity
from engine.vault.normal import national_number
from tests.api.conftest import POLICE
from tests.canary import CANARIES, Leak, files_in, leaks, writings
from tests.plaintexts import plaintexts

PAPERS = [{"kind": "passport", "number": "GT00-CANARY-0071"}]
FORM = {
    "name": CANARIES["name"],
    "id_number": CANARIES["id_number"],
    "phones": [CANARIES["phone"], "120 0007 1244"],
    "address": CANARIES["address"],
    "papers": PAPERS,
}
"""One more invented person, with what the people of the stories have not; no country writes such a passport number."""
AREA, SUSPECTED = "350102", "victim.suspected_trafficked=true"
DATABASE_FILES = ("guitu.db", "guitu.db-wal", "guitu.db-shm")
_PAGE = 4096


@dataclass
class Demo:
    """A demo world with somebody whose identity came through standard input, its backup, and all that was said."""

    root: Path
    said: dict[str, bytes] = field(default_factory=dict)
    entered: dict[str, bytes] = field(default_factory=dict)
    case: str = ""
    person: str = ""

    @property
    def home(self) -> Path:
        """The world."""
        return self.root / "world"

    @property
    def backup(self) -> Path:
        """Its backup."""
        return self.root / "backup"

    @property
    def scratch(self) -> Path:
        """Where programs put what is temporary."""
        return self.root / "scratch"

    def run(self, *words: str, typed: str = "") -> str:
        """Run a command, and keep what it says."""
        done = CliRunner().invoke(app, ["--home", str(self.home), *words], input=typed)
        assert done.exit_code == 0, (words, done.stdout, done.stderr)
        number = len(self.said)
        self.said |= {
            f"{number} {words[0]}, stdout": done.stdout.encode(), f"{number} {words[0]}, stderr": done.stderr.encode()
        }  # fmt: skip
        return done.stdout

    def texts(self) -> dict[str, bytes]:
        """Everything to be searched."""
        return self.said | self.entered | files_in(self.home, self.backup, self.scratch)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give a demo world that was made once, its database still open: nothing was ever taken out of the WAL."""
    made = Demo(tmp_path_factory.mktemp("demo"))
    made.scratch.mkdir()
    with pytest.MonkeyPatch.context() as patch, closing(_Holder()) as holder:
        for name in ("HOME", "DATABASE_URL", "LANGUAGE", "AS", "WORKFLOWS", "KEY_FILE", "PASSPHRASE_FILE"):
            patch.delenv(f"GUITU_{name}", raising=False)
        patch.setenv("GUITU_LOG_LEVEL", "DEBUG")
        patch.setenv("TMPDIR", str(made.scratch))
        patch.setattr(tempfile, "tempdir", None)
        patch.setattr(installation, "upgrade", holder.holding(installation.upgrade))
        told = made.run("demo", "--folder", str(made.home))
        patch.setenv("GUITU_PASSPHRASE_FILE", str(made.home / "keys" / "passphrase"))
        _go_on(made, told)
        yield made


class _Holder:
    """Reads from a database from the moment it is made, so that what is written to its WAL stays in its WAL."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None

    def holding(self, upgrade: Callable[[str, Path], str]) -> Callable[[str, Path], str]:
        def upgraded(url: str, home: Path) -> str:
            revision = upgrade(url, home)
            self.connection = sqlite3.connect(home / "guitu.db", isolation_level=None)
            self.connection.execute("BEGIN")
            self.connection.execute("SELECT count(*) FROM case_record").fetchall()
            return revision

        return upgraded

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


def _go_on(made: Demo, told: str) -> None:
    """Record one more person in a case that is open, look at it and at one of the stories, and make a backup."""
    made.case = json.loads(made.run("case", "open", "--area", AREA, "--fact", SUSPECTED, *POLICE, "--json"))["case"]
    record = ("identity", "record", made.case, "--role", "victim")
    made.person = json.loads(made.run(*record, "-", *POLICE, "--json", typed=json.dumps(FORM)))["person"]
    amended = json.dumps(FORM, ensure_ascii=False)
    made.run(*record, "--person", made.person, "-", *POLICE, typed=amended)
    found = made.run("identity", "search", "--area", AREA, "-", *POLICE, "--json", typed=amended)
    assert [match["person"] for match in json.loads(found)] == [made.person], "she is on record, and found again"
    for case, who in ((made.case, POLICE), _of_a_story(told)):
        for look in ("show", "timeline", "moves", "hand-offs"):
            made.run("case", look, case, *who)
            made.run("case", look, case, *who, "--json")
    for words in (("worklist", *POLICE), ("case", "list", *POLICE), ("doctor",), ("keys", "status")):
        made.run(*words)
    taken = made.home / "audit"
    who = ("--as", AUDITOR)
    made.run("signer", "run", "--once", "--folder", str(taken / "signer"))
    beside = ("--salts", str(taken / "salts-later"), "--digests", str(taken / "digests-later"))
    made.run("audit", "export", "--out", str(taken / "bundle-later"), *beside, *who)
    made.run("audit", "find", str(taken / "bundle-later"), "--key", str(taken / "auditor.key"),
             "--salts", str(taken / "salts-later"), "--case", made.case)  # fmt: skip
    made.run("backup", "create", str(made.backup))
    made.run("backup", "verify", str(made.backup))
    key = read_key((taken / "auditor.key").read_bytes(), None)
    salts = read_salts((taken / "salts-later").read_bytes().splitlines(keepends=True))
    with closing(Database.open(f"sqlite:///{made.home / 'guitu.db'}")) as database:
        made.entered = plaintexts(database, key, {tag: one.salt for tag, one in salts.by_tag.items()})


def _of_a_story(told: str) -> tuple[str, tuple[str, str]]:
    """The case that the demo says to look at, and as whom."""
    hint = re.search(r"case show (GT-\S+) --as (\S+)", told)
    assert hint is not None, told
    return hint.group(1), ("--as", hint.group(2))


def _told() -> list[Told]:
    return [told for told in stories() if told.scenario.demo]


# ── who is to be found nowhere ──


def named_in_stories() -> set[str]:
    """Every reference to a person in the stories that the demo tells, wherever in a step it stands."""
    return {word for told in _told() for step in told.scenario.steps for word in _strings(step.model_dump())
            if is_reference(word)}  # fmt: skip


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def sealed_in(made: Demo) -> dict[str, Identity]:
    """Everybody whose identity this world holds, opened with its keys."""
    desk = bootstrap.desk(bootstrap.settings(home=made.home, log_level="WARNING"))
    try:
        with desk.database.reading() as work, closing(sqlite3.connect(made.home / "guitu.db")) as raw:
            found: dict[str, Identity] = {}
            for (case_id,) in raw.execute("SELECT DISTINCT case_id FROM person").fetchall():
                loaded = load_with_key(desk, case_id, work, for_update=False)
                found |= Persons(desk.safe, work).of(loaded.case, loaded.key)
            return found
    finally:
        desk.database.close()


def words_of(identity: Identity) -> set[str]:
    """What an identity says of somebody, each as it is kept; a phone also as it is dialled at home."""
    phones = {written for phone in identity.phones for written in (phone, national_number(phone))}
    papers = {paper.number for paper in identity.papers}
    one_each = {word for word in (identity.name, identity.id_number, identity.address) if word is not None}
    return one_each | set(identity.other_names) | phones | papers


def sought(made: Demo) -> list[str]:
    """The words of everybody: of those the world holds, those the stories name, and as they were typed."""
    people = [*sealed_in(made).values(), *(invented(person) for person in named_in_stories())]
    typed = set(_strings({**FORM, "papers": [paper["number"] for paper in PAPERS]}))
    return sorted(typed.union(*(words_of(identity) for identity in people)))


# ── the search ──


def test_everybody_is_sought_and_everything_is_searched(demo: Demo) -> None:
    sealed = sealed_in(demo)
    assert set(sealed) - named_in_stories() == {demo.person}, "whoever else is on record"
    for person in named_in_stories() & set(sealed):
        assert sealed[person] == invented(person)
    assert len(named_in_stories() & set(sealed)) >= 5
    assert len(words_of(sealed[demo.person])) >= 6
    assert words_of(sealed[demo.person]) <= set(sought(demo))
    files = {path.relative_to(demo.root).as_posix() for path in map(Path, demo.texts()) if path.is_absolute()}
    assert files >= {f"world/{name}" for name in DATABASE_FILES}
    assert files >= {"world/keys/root.json", "world/keys/passphrase", "backup/data", "backup/manifest.json"}
    assert files >= {f"world/audit/{name}{more}" for name in ("bundle", "salts", "digests") for more in ("", "-later")}
    acts = {json.loads(said.splitlines()[0])["act"] for said in demo.entered.values()}
    assert acts >= {"case:open", "identity:record", "identity:search", "hand_off:accept", "ledger:export"}
    assert any(f"{demo.case} {demo.person}".encode() in said for said in demo.entered.values()), "subjects are opened"
    wal = (demo.home / "guitu.db-wal").read_bytes()
    assert demo.person.encode() in wal, "what was written last is still in the WAL"
    pages = (demo.home / "guitu.db").stat().st_size // _PAGE
    assert len(wal) > 2 * pages * _PAGE, "so is every page as it was before"


def test_the_demo_world_names_nobody(demo: Demo) -> None:
    words, texts = sought(demo), demo.texts()
    found = leaks(words, texts)
    files, size = sum(Path(name).is_absolute() for name in texts), sum(len(text) for text in texts.values())
    ways = sum(len(writings(word)) for word in words)
    many, said, entries, hits = len(words), len(demo.said), len(demo.entered), len(found)
    zh, en = f"{many} 个词（{ways} 种写法）", f"{many} words ({ways} writings)"
    print(f"\n查找 {zh}，{files} 个文件、{said} 段输出、{entries} 条打开的账目，共 {size} 字节：找到 {hits} 处")
    print(f"{en} sought in {files} files, {said} outputs, {entries} opened entries, {size} bytes: {hits} found")
    assert found == []


def _planted(word: str) -> Iterator[tuple[str, bytes, int]]:
    """Yield ways in which a program may write a word: how the search calls it, the bytes, and where in them it is."""
    for charset in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        yield charset, word.encode(charset), 0
    yield "hex of utf-8", word.encode().hex().encode(), 0
    for before, whole in ((0, 0), (1, 2), (2, 3)):  # the first sign of base64 that is the word's alone
        yield f"base64 of utf-8, {before} bytes in", base64.b64encode(b"x" * before + word.encode() + b"more"), whole


def test_one_of_them_is_found_wherever_she_is_planted(demo: Demo, tmp_path: Path) -> None:
    """In a copy: every way to write a name, in the middle of every file and of all that was said."""
    sealed = sealed_in(demo)
    word = sealed[min(named_in_stories() & set(sealed))].name
    assert word is not None
    for folder in (demo.home, demo.backup):
        shutil.copytree(folder, tmp_path / folder.name)
    said = demo.said | demo.entered
    expected: set[Leak] = set()
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        path.write_bytes(_with(word, path.read_bytes(), str(path), expected))
    for where, text in said.items():
        said[where] = _with(word, text, where, expected)
    found = leaks([word], said | files_in(tmp_path))
    print(f"\n在副本中放入 {len(expected)} 处：找到 {len(found)} 处")
    print(f"{len(expected)} planted in a copy: {len(found)} found")
    assert {Path(leak.where).name for leak in expected} >= {*DATABASE_FILES, "root.json", "passphrase", "data"}
    assert set(found) == expected


def _with(word: str, content: bytes, where: str, expected: set[Leak]) -> bytes:
    """The content with every writing of the word in its middle; where each is to be found goes to what is expected."""
    half = len(content) // 2
    changed = content[:half]
    for encoding, writing, offset in _planted(word):
        expected.add(Leak(where, len(changed) + offset, word, encoding))
        changed += writing + b"\x00"
    return changed + content[half:]
