"""An invented person's words are driven through everything that takes words, and found nowhere in clear."""

from __future__ import annotations

import base64
import io
import json
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from engine import bootstrap
from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command
from engine.definitions.scenario import StoryStep, Told
from engine.errors import GuituError
from engine.ledger.entry import tag
from engine.service import attachments, audit_export, identities, installation, read
from engine.service.account import Account
from engine.service.desk import Books, Desk, kept
from engine.service.log import configure
from engine.service.retention import retention
from engine.service.story import Player, stories
from engine.service.story_people import invented
from engine.service.trial import release_all
from engine.store.database import Database as Opened
from engine.vault.pseudonym import new_pseudonym
from tests.canary import CANARIES, files_in, leaks, writings
from tests.conftest import Database
from tests.core.play import READY
from tests.keys import AUDITOR, safe, scribe
from tests.plaintexts import plaintexts
from tests.postgres import PostgresServer
from tests.service.asking import erase
from tests.service.desks import POLICE, ask, opened, play_desk
from tests.service.inspection import as_owner, sqlite_path
from tests.service.ledger.opening import salts_of
from tests.service.ledger_export.exporting import AUDIT, signed, signer_of
from tests.service.sealed_world import HERE, rotating
from tests.service.words_in_requests import every_request

NAME, ID_NUMBER, PHONE, ADDRESS = CANARIES.values()
FORM: dict[str, Any] = {
    "name": NAME, "id_number": ID_NUMBER, "phones": [PHONE], "address": ADDRESS,
    "papers": [{"kind": "passport", "number": f"E{PHONE}", "country": "CN"}],
}  # fmt: skip
RULES = retention()
IN_FACTS = {"facts", "value"}
STORY_PERSON = "P-BUYER-0001"


@dataclass
class Tried:
    """What was said to whoever tried: answers, and errors with all they hold."""

    said: list[str] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)

    def do(self, act: Callable[..., object], *words: object, shows: bool = False) -> None:
        """Do something; what comes of it is kept, but not what it shows to whoever may read the case."""
        try:
            answer = act(*words)
            self.said.append("shown" if shows else repr(answer))
        except GuituError as error:
            self.codes.add(error.code)
            self.said.append(f"{error!r} {error} {error.zh} {error.en} {error.details!r} {error.reasons!r}")
            self.said.append("".join(traceback.format_exception(error)))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Give what is logged at the most talkative level."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("engine.service.log.sys", SimpleNamespace(stderr=written))  # pytest changes sys.stderr itself
        configure("DEBUG")
        yield written
    structlog.reset_defaults()


@pytest.fixture
def scratch(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of everything temporary."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


# ── driving ──


def _drive(desk: Desk, tried: Tried) -> str:
    """Say the words everywhere; the case they were said in."""
    case = opened(desk, **READY)
    _drive_identities(desk, tried, case)
    _drive_files(desk, tried, case)
    for word in CANARIES.values():
        for command in _every_command(case, word):
            tried.do(ask, desk, command)
        for actor in (Actor(word, "police-a"), Actor("ann", word), Actor("ann", "police-a", word)):
            note = cmd.Contribute(case=case, track="rescue", note="seen")
            tried.do(ask, desk, note, actor)
            tried.do(read.show, desk, case, actor, shows=True)
        for look in (read.show, read.moves, read.timeline):
            tried.do(look, desk, word, POLICE)
        tried.do(read.replay, desk, word)
        for act in every_request(desk, case, word):
            tried.do(act)
    hand_off = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered[0]
    decline = cmd.Decline(case=case, hand_off=hand_off, reason="not_ours", text=f"{ADDRESS}附近的{NAME}之邻")
    tried.do(lambda: ask(desk, decline, Actor("cy", "civil-a")))
    return case


def _drive_identities(desk: Desk, tried: Tried, case: str) -> None:
    recording = cmd.RecordIdentity(case=case, role="victim", holds=())
    for note in CANARIES.values():  # cases that do not know her: what is written there cannot be noticed, and is sealed
        ask(desk, cmd.Contribute(case=opened(desk), track="rescue", note=note, facts={"note": note}))
    tried.do(lambda: identities.record(desk, recording, FORM, POLICE))
    for name, value in FORM.items():
        for form in ({name: [[value]]}, {name: f"{value}\x00"}, {str(value): name}, {name: {str(value): value}}):
            tried.do(identities.record, desk, recording, form, POLICE)
            tried.do(identities.search, desk, "900101", form, POLICE)
    tried.do(lambda: identities.search(desk, "900101", FORM, POLICE))
    opening = cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})
    tried.do(lambda: identities.open_case(desk, opening, FORM, POLICE))
    for word in CANARIES.values():
        tried.do(identities.search, desk, word, FORM, POLICE)
        tried.do(identities.record, desk, _for(case, word), FORM, POLICE)


def _for(case: str, person: str) -> cmd.RecordIdentity:
    return cmd.RecordIdentity(case=case, role="victim", holds=(), person=person)


def _drive_files(desk: Desk, tried: Tried, case: str) -> None:
    content = "\n".join([*CANARIES.values(), "一页"]).encode()
    tried.do(lambda: attachments.add(desk, case, io.BytesIO(content), "page.txt", POLICE))
    for word in CANARIES.values():
        tried.do(attachments.add, desk, case, io.BytesIO(content), f"{word}.txt", POLICE)
        tried.do(attachments.add, desk, case, io.BytesIO(b"\x00"), f"{word}.exe", POLICE)
        tried.do(attachments.copy_out, desk, case, word, io.BytesIO(), POLICE)


def _every_command(case: str, word: str) -> Iterator[Command]:
    """Yield every kind of command with the word in every one of its fields in turn, and in every fact."""
    for kind in COMMANDS.values():
        plain: dict[str, Any] = {one.name: _plain(one.name) for one in fields(kind) if _is_needed(one)} | {"case": case}
        for one in fields(kind):
            if one.name not in {"expected_revision", "given", "event", "scope", "spoken_by", *IN_FACTS}:
                value = (word,) if one.name in {"documents", "evidence", "holds"} else word
                yield kind(**{**plain, one.name: value})
    for fact in ("victim.is_child", "victim.age_years", "search.result", "stay.since", "carer", "buyers", "note", word):
        yield cmd.Contribute(case=case, track="rescue", facts={fact: word})
        yield cmd.Move(case=case, track="rescue", move="note_it", facts={fact: word})
        yield cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True, fact: word})
        yield cmd.Correct(case=case, fact=fact, value=word, reason="misheard")
    yield cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key=word)
    yield cmd.Contribute(case=case, track="rescue", note="seen again", idempotency_key=word)
    yield cmd.OpenCase(case=f"GT-{word}", area="900101", facts={"victim.is_child": True})


def _is_needed(one: Any) -> bool:
    return bool(one.default is one.default_factory)  # both missing


def _plain(name: str) -> object:
    known: dict[str, object] = {
        "track": "rescue", "move": "note_it", "area": "900101", "to_unit": "police-b", "role": "relative", "holds": (),
        "given": True, "consent": "return", "duty": "comfort", "outcome": "done", "fact": "note", "value": "seen",
        "event": 1, "person": "ann",
    }  # fmt: skip
    return known.get(name, "other")


# ── a story ──


def _story_desk(url: str) -> Desk:
    """A desk in the demo directory, with the procedure of one story released."""
    books = Books.of(bootstrap.library())
    database = Opened.open(url)
    desk = Desk(database, books, bootstrap.now, new_pseudonym, safe(bootstrap.now), scribe(database))
    installation.load_demo_directory(desk)
    release_all(desk, [rules.definition for rules in books.rules.values() if rules.definition.id == "fujian"])
    return desk


def _telling(told: Told) -> Told:
    """The story, with words that name somebody whom its case does not know yet, and then somebody whom it knows."""
    note = {"as": told.scenario.steps[0].as_, "contribute": "rescue"}
    refused = {"expect": "refused", "code": "identifier_in_text"}
    unknown = [StoryStep.model_validate(note | {"note": word}) for word in CANARIES.values()]
    known = [StoryStep.model_validate(note | refused | {"note": f"{word}之邻"}) for word in _words(STORY_PERSON)]
    opening, *others = told.scenario.steps
    until = next(at for at, step in enumerate(others, start=1) if STORY_PERSON in str(step.facts))
    return _with_steps(told, [opening, *unknown, *others[:until], *known])


def _with_steps(told: Told, steps: list[StoryStep]) -> Told:
    return replace(told, scenario=told.scenario.model_copy(update={"steps": steps, "leaves": {}}))


def _words(reference: str) -> list[str]:
    identity = invented(reference)
    assert identity.name is not None
    assert identity.id_number is not None
    return [identity.name, identity.id_number]


def test_the_people_of_a_story_are_found_nowhere_in_clear(
    database: Database, postgres: PostgresServer | None, scratch: Path, log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    tried = Tried()
    told = _telling(next(one for one in stories(definition="fujian") if one.scenario.scenario == "fujian_child"))
    desk = _story_desk(database.app_url)
    with desk.database:
        player = Player(desk, told)
        refusals = [beat.refusal for beat in player.play() if beat.refusal is not None and beat.act == "contribute"]
        for refusal in refusals:
            tried.do(_raise, refusal)
        wrong = told.scenario.steps[-1].model_copy(update={"expect": "done", "code": None})
        again = Player(desk, _with_steps(told, [*told.scenario.steps[:-1], wrong]))
        tried.do(lambda: list(again.play()))
        known = read.show(desk, player.cases["main"], Actor("officer-1", "gulou-police")).case.persons
        texts = _texts(database, postgres)
    assert STORY_PERSON in known
    assert len(refusals) == len(_words(STORY_PERSON))
    assert tried.codes == {"identifier_in_text", "story_broken"}
    out, err = capfd.readouterr()
    said = {"errors": "\n".join(tried.said), "log": log.getvalue(), "stdout": out, "stderr": err}
    texts |= {name: text.encode() for name, text in said.items()} | files_in(scratch)
    assert leaks([*CANARIES.values(), *_words(STORY_PERSON)], texts) == []


def _raise(error: GuituError) -> None:
    raise error


# ── searching ──


def _taken_along(desk: Desk, folder: Path) -> dict[str, bytes]:
    """What an auditor takes along: the bundle, the salts, and the digests of what is on record."""
    files = {name: io.BytesIO() for name in ("bundle", "salts", "digests")}
    audit_export.export_digests(desk, files["digests"].write, AUDIT)
    audit_export.export_salts(desk, files["salts"].write, None, AUDIT)
    signed(desk, signer_of(desk, folder))
    audit_export.export(desk, files["bundle"].write, AUDIT)
    return {name: file.getvalue() for name, file in files.items()}


def _texts(database: Database, postgres: PostgresServer | None) -> dict[str, bytes]:
    """Everything a database holds, as bytes and as text."""
    if database.kind == "sqlite":
        path = sqlite_path(database)
        found = {one.name: one.read_bytes() for one in path.parent.glob(f"{path.name}*")}
        assert {path.name, f"{path.name}-wal", f"{path.name}-shm"} <= set(found)
        return found
    assert postgres is not None
    assert postgres.folder is not None
    tables = as_owner(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")[0]
    found = {
        row["tablename"]: repr(as_owner(database, f"SELECT * FROM {row['tablename']}")).encode() for row in tables
    }  # fmt: skip
    found |= {f"{name} as text": _as_text(database, name) for name in list(found)}
    with postgres.connect() as superuser:
        superuser.execute("CHECKPOINT")
    oid = as_owner(database, "SELECT oid FROM pg_database WHERE datname = current_database()")[0][0]["oid"]
    data = postgres.folder / "data"
    return found | files_in(data / "base" / str(oid), data / "pg_wal") | {"log": (postgres.folder / "log").read_bytes()}


def _as_text(database: Database, table: str) -> bytes:
    (rows,) = as_owner(database, f"SELECT t::text AS line FROM {table} t")
    return "\n".join(row["line"] for row in rows).encode()


@pytest.fixture
def postgres(request: pytest.FixtureRequest, database: Database) -> PostgresServer | None:
    """Give the server, where the database is one of its."""
    return request.getfixturevalue("postgres_server") if database.kind == "postgresql" else None


def test_an_invented_person_is_found_nowhere_in_clear(  # noqa: PLR0917 - fixtures
    database: Database, postgres: PostgresServer | None, scratch: Path, log: io.StringIO, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    tried = Tried()
    with play_desk(database.app_url) as desk:
        desk.attachments = tmp_path / "attachments"
        case = _drive(desk, tried)
        assert case in {match.case for match in identities.search(desk, "900101", FORM, POLICE)}, "she is on record"
        for kind in ("case", "case_key", "identity", "index", "installation"):
            list(rotating(desk).run(kind, "*" if kind == "installation" else HERE))
        ask(desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
        ask(desk, cmd.Close(case=case, outcome="death"))
        before, salts = _texts(database, postgres), {tag(salt): salt for salt in salts_of(desk)}
        erase(desk, case, POLICE, "ordered")
        texts = before | {f"after: {name}": text for name, text in _texts(database, postgres).items()}
        opened_entries, taken = plaintexts(desk.database, AUDITOR, salts), _taken_along(desk, tmp_path / "signer")
        signed_texts = _texts(database, postgres)
    out, err = capfd.readouterr()
    said = {"errors and answers": "\n".join(tried.said), "log": log.getvalue(), "stdout": out, "stderr": err}
    texts |= {name: text.encode() for name, text in said.items()}
    texts |= {f"signed: {name}": text for name, text in signed_texts.items()} | opened_entries | taken
    texts |= files_in(scratch, tmp_path / "attachments", tmp_path / "signer")
    assert leaks(CANARIES.values(), texts) == []
    acts = {json.loads(said.splitlines()[0])["act"] for said in opened_entries.values()}
    assert acts >= {"case:contribute", "identity:search", "file:attach", "erasure:erase", "keys:rotate", "case:replay"}
    assert any(case.encode() in said for said in opened_entries.values()), "whom they concern is opened too"
    assert tried.codes >= {
        "command_malformed", "identifier_in_text", "duplicate_found", "idempotency_key_reused", "case_unknown",
    }  # fmt: skip


def test_the_same_search_finds_a_word_that_was_planted(
    database: Database, postgres: PostgresServer | None, scratch: Path
) -> None:
    """In the database, in any writing; so that the search above could fail.

    The server's write-ahead log is shared with that test: what is planted in the database are other words.
    """
    name, phone = "栽植示例", "+86 139 0000 0321"
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        marks = ", ".join(["%s"] * 6)
        columns = "case_id, at, command, unit, person, code, body"
        now = "2026-01-05T00:00:00Z" if database.kind == "postgresql" else 0
        values = (case, now, "move", "police-a", name, "refused", phone.encode("utf-16-le"))
        as_owner(database, f"INSERT INTO refusal ({columns}) VALUES (%s, {marks})", values=values)
        found = leaks([name, phone], _texts(database, postgres))
    assert {(leak.words, leak.encoding) for leak in found} >= {(name, "utf-8"), (phone, "utf-16-le")}
    (scratch / f"{ID_NUMBER}.tmp").write_bytes(b"..." + base64.b64encode(b"12" + ADDRESS.encode("gb18030")))
    found = leaks(CANARIES.values(), files_in(scratch))
    assert [leak.where for leak in found if leak.words == ID_NUMBER] == ["names of files"]
    assert [(leak.offset, leak.encoding) for leak in found if leak.words == ADDRESS] == [
        (6, "base64 of gb18030, 2 bytes in")
    ]


def test_a_word_that_was_planted_in_the_ledger_is_found(
    database: Database, postgres: PostgresServer | None, tmp_path: Path
) -> None:
    """In each of its tables, in what an auditor takes along, and sealed in an entry, where only she finds it."""
    words = {name: f"栽植{name}示例之人" for name in ("outbox", "entry", "tile", "checkpoint", "timestamp")}
    sealed = "13900000654"
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        desk.scribe.enter(Account("case:list", POLICE, details={"note": sealed}))
        said = plaintexts(desk.database, AUDITOR, {tag(salt): salt for salt in salts_of(desk)})
        taken = _taken_along(desk, tmp_path / "signer")
        assert leaks([sealed], _texts(database, postgres) | taken) == []
        _plant(desk, words)
        found = leaks(words.values(), _texts(database, postgres))
    assert {leak.words for leak in found} == set(words.values())
    assert [leak.where.split()[0] for leak in leaks([sealed], said)] == ["entry"]
    assert {leak.where for leak in leaks([case], said | taken)} >= {"salts", "digests"}
    assert any(leak.where.startswith("entry ") for leak in leaks([case], said)), "subjects are opened"
    changed = {name: text[:70] + ADDRESS.encode() + text[70:] for name, text in taken.items()}
    assert {(leak.where, leak.offset) for leak in leaks([ADDRESS], changed)} == {(name, 70) for name in taken}


def _plant(desk: Desk, words: Mapping[str, str]) -> None:
    """Write each word where the ledger keeps bytes."""
    at = desk.clock()
    content = {name: b"\x00" * 5 + word.encode() for name, word in words.items()}
    with kept(desk.database) as work:
        work.add_to_outbox(b"a stream planted", 7, at, content["outbox"])
        work.append_entries(900_000, [content["entry"]])
        work.tiles().put("tile/0/900", content["tile"].ljust(64, b"\x00"))
        work.add_checkpoint(900_000, "planted", content["checkpoint"], at)
        work.add_timestamp(900_000, at, content["timestamp"])


@pytest.mark.parametrize("word", CANARIES.values(), ids=CANARIES)
def test_every_writing_is_found_where_it_stands(word: str) -> None:
    for writing, encoding in writings(word).items():
        hits = leaks([word], {"somewhere": b"\x00\xff before " + writing + b" behind"})
        assert (10, encoding) in {(hit.offset, hit.encoding) for hit in hits}
