"""Who reads the ledger: the list is its owner's alone, and every change of it is entered before it is in force."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.commands import Actor
from engine.errors import CommandMalformed, GuituError, KeyFileDamaged, LedgerNotFounded, NothingToChange
from engine.ledger.auditor_file import HYBRID_BYTES, Cost, PublicKey, read_key
from engine.ledger.entry import Kind
from engine.ledger.streams import AuditorKey
from engine.service import auditors, keyfile
from engine.service.account import Account
from engine.service.auditors import MOST, Auditors, Listed, add, looked_at, make_key, remove
from engine.service.scribe import Scribe
from engine.store.database import Database
from tests.service.ledger_export.reading import acts, told

ADMIN = Actor("officer-1", "police-a")
FIRST, SECOND, THIRD = (AuditorKey(bytes([number]) * 32) for number in (1, 2, 3))
HYBRID = AuditorKey(bytes(range(HYBRID_BYTES)))


def line(key: AuditorKey, name: str = "auditor-1") -> str:
    return PublicKey(name, key.public).to_text()


@pytest.fixture
def listed(tmp_path: Path) -> Auditors:
    """Give the list of an installation that has none yet."""
    return Auditors(tmp_path / "keys" / "auditors.json")


@pytest.fixture
def scribe(database_url: str, listed: Auditors) -> Iterator[Scribe]:
    """Give a scribe on each kind of database, which seals to whoever is on the list."""
    with Database.open(database_url) as database:
        yield Scribe(database, listed.keys, lambda: datetime.now(UTC))


def names(listed: Auditors) -> list[str]:
    return [one.key.name for one in Auditors(listed.path).listed()]


def ids(listed: Auditors) -> list[bytes]:
    found = listed.keys()
    return [one.id for one in found]


def refused(kind: type[GuituError], attempt: Callable[[], object]) -> GuituError:
    with pytest.raises(kind) as caught:
        attempt()
    assert caught.value.zh
    assert caught.value.en
    return caught.value


# ── the list ──


def test_without_an_auditor_nothing_is_entered_and_the_words_say_what_to_do(listed: Auditors, scribe: Scribe) -> None:
    assert listed.listed() == ()
    assert looked_at(listed, scribe, ADMIN) == ()
    refused(LedgerNotFounded, listed.keys)
    told_why = refused(LedgerNotFounded, lambda: scribe.enter(Account("case:list", ADMIN)))
    assert "guitu audit auditor add" in told_why.zh
    assert "guitu audit keygen" in told_why.en
    assert told_why.http == 503
    assert not listed.path.exists()


def test_the_list_is_in_a_file_of_its_own_that_only_its_owner_may_read(listed: Auditors, scribe: Scribe) -> None:
    added = add(listed, scribe, f" {line(HYBRID)}\n", ADMIN)
    assert (added.kind, added.key.id) == ("hybrid", HYBRID.auditor.id)
    assert listed.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in listed.path.parent.iterdir()] == ["auditors.json"]
    assert Auditors(listed.path).listed() == (added,)
    assert ids(listed) == [HYBRID.auditor.id]


def test_the_list_is_read_again_only_when_it_is_another(
    listed: Auditors, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(listed, scribe, line(FIRST), ADMIN)
    reads = []

    def counted(path: Path) -> bytes:
        reads.append(path)
        return path.read_bytes()

    monkeypatch.setattr(keyfile, "read_private", counted)
    here = Auditors(listed.path)
    keys = here.keys()
    assert all(here.keys() is keys for _ in range(100))
    assert len(reads) == 1
    add(listed, scribe, line(SECOND, "auditor-2"), ADMIN)
    assert ids(here) == [FIRST.auditor.id, SECOND.auditor.id]
    listed.path.unlink()
    refused(LedgerNotFounded, here.keys)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"guitu_auditors": 2, "auditors": []}', '{"guitu_auditors": 1}',
     '{"guitu_auditors": 1, "auditors": [{}]}', '{"guitu_auditors": 1, "auditors": [{"key": "x", "added_at": "y"}]}',
     "[" * 100_000],
)  # fmt: skip
def test_what_is_no_list_is_not_taken_for_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "auditors.json"
    keyfile.write_new(path, content.encode())
    refused(KeyFileDamaged, Auditors(path).keys)
    refused(KeyFileDamaged, Auditors(path).listed)


def test_an_empty_list_founds_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "auditors.json"
    Auditors(path).write(())
    refused(LedgerNotFounded, Auditors(path).keys)


def test_a_list_that_others_may_change_is_not_used(listed: Auditors, scribe: Scribe) -> None:
    add(listed, scribe, line(FIRST), ADMIN)
    listed.path.chmod(0o660)
    refused(CommandMalformed, Auditors(listed.path).keys)


# ── changes ──


def test_a_change_is_entered_in_a_stream_that_the_new_ones_read(listed: Auditors, scribe: Scribe) -> None:
    add(listed, scribe, line(FIRST), ADMIN)
    add(listed, scribe, line(SECOND, "auditor-2"), ADMIN)
    scribe.enter(Account("case:list", ADMIN))
    remove(listed, scribe, "auditor-1", ADMIN)
    scribe.enter(Account("worklist:show", ADMIN))
    changes = [one for one in told(scribe.database, SECOND) if one.header.kind is Kind.KEY_EVENT]
    assert [one.event["details"] for one in changes if one.event] == [
        {"auditor": SECOND.auditor.id.hex(), "name": "auditor-2"},
        {"auditor": FIRST.auditor.id.hex(), "name": "auditor-1"},
    ]
    assert [(one.event["actor"], one.event["unit"], one.event["purpose"]) for one in changes if one.event] == [
        ("officer-1", "police-a", "administration")
    ] * 2
    assert acts(scribe.database, FIRST) == ["auditor:add", "auditor:add", "case:list"]
    assert acts(scribe.database, SECOND) == ["auditor:add", "case:list", "auditor:remove", "worklist:show"]
    assert acts(scribe.database, THIRD) == []


def test_looking_at_the_list_is_entered(listed: Auditors, scribe: Scribe) -> None:
    added = add(listed, scribe, line(FIRST), ADMIN)
    assert looked_at(listed, scribe, ADMIN) == (added,)
    assert acts(scribe.database, FIRST) == ["auditor:add", "auditor:list"]


def test_a_change_that_cannot_be_entered_is_not_made(
    listed: Auditors, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(listed, scribe, line(FIRST), ADMIN)
    before = listed.path.read_bytes()

    def fails(*_: object) -> None:
        raise LedgerNotFounded("不行", "it does not go")

    monkeypatch.setattr(Scribe, "announce", fails)
    refused(LedgerNotFounded, lambda: add(listed, scribe, line(SECOND, "auditor-2"), ADMIN))
    refused(LedgerNotFounded, lambda: add(listed, scribe, line(HYBRID, "auditor-3"), ADMIN))
    assert listed.path.read_bytes() == before


def test_a_change_is_in_the_ledger_before_it_is_in_the_file(
    listed: Auditors, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []

    def looks(self: Auditors, after: object) -> None:
        entered.extend(acts(scribe.database, FIRST))
        raise CommandMalformed("磁盘已满", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Auditors, "write", looks)
        refused(CommandMalformed, lambda: add(listed, scribe, line(FIRST), ADMIN))
    assert entered == ["auditor:add"]
    assert not listed.path.exists()
    add(listed, scribe, line(FIRST), ADMIN)
    assert names(listed) == ["auditor-1"]


def test_two_who_add_at_once_are_both_on_the_list(listed: Auditors, scribe: Scribe) -> None:
    with ThreadPoolExecutor(2) as threads:
        keys = [AuditorKey(bytes([number]) * 32) for number in range(10, 16)]
        adding = [
            threads.submit(add, Auditors(listed.path), scribe, line(key, f"auditor-{at}"), ADMIN)
            for at, key in enumerate(keys)
        ]
        for one in adding:
            one.result(30)
    assert names(listed) == [f"auditor-{at}" for at in range(6)]
    scribe.enter(Account("case:list", ADMIN))
    read = [acts(scribe.database, key) for key in keys]
    assert sorted(one.count("auditor:add") for one in read) == [1, 2, 3, 4, 5, 6]
    assert all(one[-1] == "case:list" for one in read)
    assert not [path for path in listed.path.parent.iterdir() if path != listed.path]


def test_what_may_not_be_changed_is_refused_and_entered_nowhere(listed: Auditors, scribe: Scribe) -> None:
    add(listed, scribe, line(FIRST), ADMIN)
    refused(NothingToChange, lambda: add(listed, scribe, line(FIRST, "auditor-9"), ADMIN))
    refused(NothingToChange, lambda: remove(listed, scribe, "auditor-1", ADMIN))
    add(listed, scribe, line(SECOND), ADMIN)
    before, entered = listed.path.read_bytes(), acts(scribe.database, FIRST)
    first_id = FIRST.auditor.id.hex()
    for which in ("auditor-1", "auditor-2", "", first_id[:7], "zz" * 4):
        refused(CommandMalformed, lambda which=which: remove(listed, scribe, which, ADMIN))  # type: ignore[misc]
    for words in ("", "auditor-1", line(THIRD)[:-2], line(THIRD, "a12345678")):
        refused(CommandMalformed, lambda words=words: add(listed, scribe, words, ADMIN))  # type: ignore[misc]
    refused(CommandMalformed, lambda: add(listed, scribe, line(THIRD), Actor("王某", "police-a")))
    assert (listed.path.read_bytes(), acts(scribe.database, FIRST)) == (before, entered)
    assert remove(listed, scribe, first_id[:8], ADMIN).key.id == FIRST.auditor.id
    assert ids(listed) == [SECOND.auditor.id]


def test_as_many_as_may_be_fit_into_one_opening(listed: Auditors, scribe: Scribe) -> None:
    """All of them with the longer keys, and the list of a file stays within what is read of one."""
    made = [AuditorKey(bytes([number]) * HYBRID_BYTES) for number in range(1, MOST + 2)]
    now = datetime.now(UTC)
    listed.path.parent.mkdir()
    listed.write([Listed(PublicKey(f"{'x' * 60}{at:02}", key.public), now) for at, key in enumerate(made[: MOST - 1])])
    add(listed, scribe, line(made[MOST - 1], "the-last"), ADMIN)
    scribe.enter(Account("case:list", ADMIN))
    assert acts(scribe.database, made[0]) == ["auditor:add", "case:list"]
    refused(CommandMalformed, lambda: add(listed, scribe, line(made[MOST]), ADMIN))


# ── keys ──


def test_a_new_key_is_hybrid_closed_and_its_owners_alone(tmp_path: Path) -> None:
    path, words = tmp_path / "auditor.key", "a sentence only I know"
    public = make_key(path, "auditor-1", words, cost=Cost(1, 1, 8))
    assert path.stat().st_mode & 0o777 == 0o600
    key = read_key(path.read_bytes(), words)
    assert PublicKey.from_text(public) == PublicKey("auditor-1", key.public)
    assert len(key.public) == 1216
    before = path.read_bytes()
    refused(CommandMalformed, lambda: make_key(path, "auditor-1", words, cost=Cost(1, 1, 8)))
    assert path.read_bytes() == before


def test_a_key_may_be_short_and_open_and_no_two_are_alike(tmp_path: Path) -> None:
    made = [make_key(tmp_path / f"{at}.key", "auditor-1", None, is_hybrid=False) for at in range(3)]
    assert len(set(made)) == 3
    assert len(read_key((tmp_path / "0.key").read_bytes(), None).public) == 32
    assert json.loads((tmp_path / "0.key").read_bytes())["kdf"] is None


@pytest.mark.parametrize(("name", "words"), [("auditor-1", "short"), ("a b", None), ("王某", None), ("a+b", None)])
def test_no_key_is_made_with_such_words(tmp_path: Path, name: str, words: str | None) -> None:
    refused(CommandMalformed, lambda: make_key(tmp_path / "auditor.key", name, words))
    assert os.listdir(tmp_path) == []


def test_the_words_of_a_refusal_repeat_nothing_that_was_typed(listed: Auditors, scribe: Scribe) -> None:
    typed = "guitu-auditor+zhangsan+secret+words"
    told_why = refused(CommandMalformed, lambda: add(listed, scribe, typed, ADMIN))
    assert "zhangsan" not in told_why.zh + told_why.en
    assert auditors.LEAST_SHOWN == 8
