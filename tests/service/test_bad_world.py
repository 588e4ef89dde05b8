"""A full disk, a lost or locked database, a wrong clock, a tampered record: one clear error, and nothing half done."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from engine.core import commands as cmd
from engine.core.commands import Command
from engine.errors import (
    ClockBehind,
    CommandMalformed,
    ContentUnreadable,
    DefinitionEdited,
    DefinitionUnknown,
    GuituError,
    HistoryBroken,
    Refused,
    SchemaBehind,
    StoreFull,
    StoreUnavailable,
)
from engine.service import read
from engine.service.desk import Books, Desk
from engine.store import database as room
from engine.vault.keys import Cell
from tests.conftest import Database
from tests.core.play import OTHER, START
from tests.postgres import PostgresServer
from tests.service.desks import POLICE, ask, opened, play_desk
from tests.service.inspection import as_owner, check_whole, everything, key_of, sqlite_path, without_the_guard

LATER = START + timedelta(hours=1)
NOTE = "seen " * 4000
"""More than what is left of a page."""


def note(case: str) -> Command:
    """A command that needs room."""
    return cmd.Contribute(case=case, track="rescue", note=NOTE)


@contextmanager
def full_disk(database: Database, monkeypatch: pytest.MonkeyPatch, table: str) -> Iterator[None]:
    """While this lasts, the database cannot grow (SQLite), or not take a row into a table (PostgreSQL)."""
    if database.kind == "sqlite":
        with closing(sqlite3.connect(sqlite_path(database))) as connection, monkeypatch.context() as patch:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            patch.setattr(room, "_SQLITE_SETTINGS", (*room._SQLITE_SETTINGS, f"PRAGMA max_page_count = {pages}"))
            yield
        return
    as_owner(
        database,
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file'"
        " USING ERRCODE = 'disk_full'; END $$",
        f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fill()",
    )
    yield
    as_owner(database, f"DROP TRIGGER full_disk ON {table}", "DROP FUNCTION fill()")


@contextmanager
def later(database: Database) -> Iterator[Desk]:
    """A desk of a process that starts later, on a database that is in use."""
    with play_desk(database.app_url, 900, since=LATER, known=True) as desk:
        yield desk


@pytest.mark.parametrize("table", ["case_event", "track_position", "idempotency", "case_record"])
def test_a_full_disk_leaves_nothing_half_done_and_work_goes_on_when_there_is_room(
    database: Database, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
    command = cmd.OpenCase(
        case="", area="900101", facts={"victim.is_child": True, "note": "seen"}, documents=("report",),
        idempotency_key="k",
    )  # fmt: skip
    with full_disk(database, monkeypatch, table), later(database) as desk:
        before = everything(database)
        with pytest.raises(StoreFull) as caught:
            _until_full(desk, command, case)
        assert (caught.value.http, caught.value.exit_code) == (507, 8)
        assert {name: rows for name, rows in everything(database).items() if name == "refusal"} == {"refusal": []}
        check_whole(desk, database)
        if database.kind == "postgresql":
            assert everything(database) == before
    with play_desk(database.app_url, 900, since=LATER + timedelta(hours=1), known=True) as desk:
        assert not ask(desk, command).repeated
        ask(desk, note(case))
        check_whole(desk, database)


def _until_full(desk: Desk, command: Command, case: str) -> None:
    """On SQLite the last pages may have a little room; the long note finds none."""
    if desk.database.kind == "sqlite":
        ask(desk, note(case))
    ask(desk, command)


def test_a_refusal_that_does_not_fit_on_the_disk_fails_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
    command = cmd.Move(case=case, track="rescue", move="place")
    with full_disk(database, monkeypatch, "refusal"), later(database) as desk:
        codes = [_code_of(desk, command) for _ in range(60)]
        assert codes[-1] == "store_full"
        assert codes == sorted(codes), "refusals until the last page is full, and none after"
        looks = nullcontext() if database.kind == "postgresql" else pytest.raises(StoreFull)
        with looks:
            read.show(desk, case, POLICE)  # what cannot be entered in the ledger is not shown
    with later(database) as desk:
        found = check_whole(desk, database)
        assert len(found["refusal"]) == codes.count("conditions_unmet")
        assert len(found["case_event"]) == 3
        with pytest.raises(Refused):
            ask(desk, command)


def _code_of(desk: Desk, command: Command) -> str:
    with pytest.raises(GuituError) as caught:
        ask(desk, command)
    return caught.value.code


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(database: Database, case: str) -> Iterator[None]:
    """While this lasts, somebody else holds the write lock (SQLite) or the row of the case (PostgreSQL)."""
    if database.kind == "postgresql":
        plain = make_url(database.owner_url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as session:
            session.execute("SET guitu.sight = 'house'")
            session.execute("SELECT 1 FROM case_record WHERE id = %s FOR UPDATE", (case,))
            yield
        return
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(sqlite_path(database))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()


def test_what_another_process_holds_beyond_patience_is_unavailable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
    monkeypatch.setattr(room, "BUSY_SECONDS", 1)
    monkeypatch.setattr(room, "_SQLITE_SETTINGS", (*room._SQLITE_SETTINGS, "PRAGMA busy_timeout = 50"))
    with later(database) as desk:
        with held_by_another_process(database, case):
            before = everything(database)
            with pytest.raises(StoreUnavailable):
                ask(desk, note(case))
            # Looking waits for no case, but it is entered in the ledger, and SQLite has one writer at a time.
            looks = nullcontext() if database.kind == "postgresql" else pytest.raises(StoreUnavailable)
            with looks:
                assert read.show(desk, case, POLICE).case.revision == 1
        assert everything(database) == before
        ask(desk, note(case))
        check_whole(desk, database)


@pytest.mark.parametrize("step", [3, 4, 5, 8, 9])
def test_a_broken_session_in_the_midst_of_a_command_is_unavailable_and_the_next_command_works(
    postgres_database: Database, postgres_server: PostgresServer, step: int
) -> None:
    with play_desk(postgres_database.app_url) as desk:
        case = opened(desk)
        before = everything(postgres_database)
        _break_at(desk, step, postgres_server)
        with pytest.raises(StoreUnavailable) as caught:
            ask(desk, note(case))
        assert caught.value.exit_code == 8
        assert everything(postgres_database) == before
        desk.probe = lambda step: None
        assert ask(desk, note(case)).revision == 2
        check_whole(desk, postgres_database)


def _break_at(desk: Desk, at: int, server: PostgresServer) -> None:
    def cut(step: int) -> None:
        if step == at:
            with server.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'guitu_app'"
                )

    desk.probe = cut


def test_a_database_file_that_vanished_is_found_missing_by_the_next_process(sqlite_database: Database) -> None:
    with play_desk(sqlite_database.app_url) as desk:
        opened(desk)
    os.unlink(sqlite_path(sqlite_database))
    with pytest.raises(SchemaBehind), play_desk(sqlite_database.app_url, known=True):
        pytest.fail("opened a database that is not there")
    assert not sqlite_path(sqlite_database).exists()


def test_a_process_whose_clock_is_behind_does_nothing_and_one_that_is_a_little_behind_keeps_the_order(
    database: Database,
) -> None:
    with play_desk(database.app_url, since=LATER) as desk:
        case = opened(desk)
    before = everything(database)
    with play_desk(database.app_url, 900, since=START, known=True) as desk:
        with pytest.raises(ClockBehind) as caught:
            ask(desk, note(case))
        assert (caught.value.http, caught.value.exit_code) == (503, 8)
        assert everything(database) == before, "not even a refusal: nothing was judged"
        read.show(desk, case, POLICE)
    with play_desk(database.app_url, 900, since=LATER - timedelta(seconds=1), known=True) as desk:
        ask(desk, note(case))
        lines = read.timeline(desk, case, POLICE)
        assert [line.recorded.at for line in lines] == sorted(line.recorded.at for line in lines)
        check_whole(desk, database)


def test_a_schema_of_another_release_stops_the_process_before_it_starts(database: Database) -> None:
    as_owner(database, "UPDATE alembic_version SET version_num = '0000_before'")
    with pytest.raises(SchemaBehind) as caught, play_desk(database.app_url):
        pytest.fail("worked with a schema it does not know")
    assert "guitu db upgrade" in caught.value.zh


def test_a_case_goes_on_under_the_definition_it_is_pinned_to_when_that_is_shipped_no_more(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
    with later(database) as desk:
        desk.books = Books({OTHER.hash: OTHER})
        assert ask(desk, cmd.Move(case=case, track="rescue", move="note_it")).revision == 2
        assert read.show(desk, case, POLICE).definition == "play@1"
        with pytest.raises(DefinitionUnknown):
            ask(desk, cmd.OpenCase(case="", area="900101"))
        check_whole(desk, database)


def test_a_case_pinned_to_a_definition_nobody_has_is_named_and_left_alone(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        pinned = everything(database)["pinned_definition"][0]["hash"]
        _edit_content(desk, database, case, pinned, "f" * 64)
        with pytest.raises(DefinitionUnknown) as caught:
            ask(desk, note(case))
        assert "f" * 12 in caught.value.en


def test_a_pinned_definition_that_somebody_changed_is_not_worked_with(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
    (row,) = everything(database)["pinned_definition"]
    body = bytes(row["body"]).replace("parents first（中）".encode(), "parents last （中）".encode())
    assert hashlib.sha256(body).hexdigest() != row["hash"]
    as_owner(database, "UPDATE pinned_definition SET body = %s", values=(body,))
    with later(database) as desk:
        desk.books = Books({OTHER.hash: OTHER})
        with pytest.raises(DefinitionEdited):
            ask(desk, note(case))


def test_a_case_that_somebody_with_its_key_edited_behind_the_engine_does_not_replay(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        _edit_content(desk, database, case, '"holder":"police-a"', '"holder":"police-b"')
        with pytest.raises(HistoryBroken):
            read.replay(desk, case)


@pytest.mark.parametrize("content", [b"\x00", b"\xff\xfe", b"{}", b"[]", b'{"id": 1}'])
@pytest.mark.parametrize("sealed", [False, True], ids=["bare", "sealed"])
def test_a_case_that_cannot_be_read_any_more_is_one_clear_error_not_a_crash(
    database: Database, content: bytes, sealed: bool
) -> None:
    """Whoever has no key leaves bytes that do not open; whoever had it, bytes that open and are no case."""
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        stored = key_of(desk, case).seal(content, Cell("case_record", case, "content", 1)) if sealed else content
        as_owner(database, "UPDATE case_record SET content = %s", values=(stored,))
        wrong = HistoryBroken if sealed else ContentUnreadable
        for look in (lambda: read.replay(desk, case), lambda: read.show(desk, case, POLICE)):
            with pytest.raises(wrong):
                look()
        with pytest.raises(wrong):
            ask(desk, note(case))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"event": {}, "clauses": [], "judged": {}}'])
@pytest.mark.parametrize("sealed", [False, True], ids=["bare", "sealed"])
def test_an_event_that_cannot_be_read_any_more_is_one_clear_error_not_a_crash(
    database: Database, body: bytes, sealed: bool
) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        stored = key_of(desk, case).seal(body, Cell("case_event", case, "body", 1)) if sealed else body
        without_the_guard(database, "UPDATE case_event SET body = %s WHERE number = 1", stored)
        wrong = HistoryBroken if sealed else ContentUnreadable
        with pytest.raises(wrong):
            read.replay(desk, case)
        with pytest.raises(wrong):
            read.timeline(desk, case, POLICE)


def test_a_case_row_that_does_not_say_what_its_content_says_does_not_open(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        one, other = opened(desk), opened(desk)
        as_owner(database, "UPDATE case_record SET revision = 7 WHERE id = %s", values=(one,))
        with pytest.raises(ContentUnreadable):
            ask(desk, note(one))
        as_owner(
            database, "UPDATE case_record SET content = (SELECT content FROM case_record WHERE id = %s)", values=(one,)
        )
        with pytest.raises(ContentUnreadable):
            read.show(desk, other, POLICE)


def test_an_event_that_somebody_took_out_does_not_replay(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        ask(desk, note(case))
        for table in ("case_event_part", "case_event"):
            without_the_guard(database, f"DELETE FROM {table} WHERE number = 2")
        with pytest.raises(HistoryBroken):
            read.replay(desk, case)


def _edit_content(desk: Desk, database: Database, case: str, old: str, new: str) -> None:
    """Change a case as somebody would who has its key too."""
    ((row,),) = as_owner(database, "SELECT content, revision FROM case_record WHERE id = %s", values=(case,))
    key, cell = key_of(desk, case), Cell("case_record", case, "content", row["revision"])
    plain = key.unseal(bytes(row["content"]), cell)
    edited = plain.replace(old.encode(), new.encode())
    assert edited != plain
    as_owner(database, "UPDATE case_record SET content = %s WHERE id = %s", values=(key.seal(edited, cell), case))


def test_a_file_removed_under_a_running_desk_stops_the_work_instead_of_losing_it(sqlite_database: Database) -> None:
    path = Path(sqlite_database.app_url.removeprefix("sqlite:///"))
    with play_desk(sqlite_database.app_url) as desk:
        case = opened(desk)
        path.rename(path.with_suffix(".elsewhere"))
        with pytest.raises(StoreUnavailable):
            ask(desk, cmd.Move(case=case, track="rescue", move="note_it"))
        path.with_suffix(".elsewhere").rename(path)
        assert ask(desk, cmd.Move(case=case, track="rescue", move="note_it")).revision == 2


def test_what_was_typed_instead_of_a_case_code_is_not_repeated(desk: Desk) -> None:
    with pytest.raises(CommandMalformed) as error:
        ask(desk, cmd.Move(case="Canary Name", track="rescue", move="note_it"))
    assert "Canary" not in f"{error.value.zh}{error.value.en}{error.value.details}"
