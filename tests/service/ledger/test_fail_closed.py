"""What cannot be entered is not done and not shown; what comes after entering may fail without stopping anybody."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import GuituError, HistoryBroken, LedgerNotFounded, NotHolder, StoreFull, StoreUnavailable
from engine.ledger.streams import Auditor
from engine.service import attachments, audit_export, erasure, identities, lists, read, vault_keys
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.retention import retention
from engine.service.sequencer import sequence_all
from tests.conftest import Database
from tests.postgres import APP
from tests.service.asking import REQUESTS, approved_erasure
from tests.service.desks import POLICE, ask, identify, opened, play_desk
from tests.service.inspection import Everything, Row, as_owner, everything
from tests.service.ledger.opening import Book
from tests.service.sealed_world import HERE, rotating
from tests.service.test_bad_world import full_disk

AUDIT = Actor("officer-9", "justice", "audit")
STRANGER = Actor("cy", "civil-n")
RULES = retention()
LARGE = "很长的话" * 200
"""A note that does not find room on a full disk."""


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with a folder of attachments, on each kind of database."""
    with play_desk(database.app_url) as at:
        at.attachments = tmp_path / "attachments"
        yield at


@pytest.fixture
def case(desk: Desk) -> str:
    """Give a case with a person and a file."""
    made = opened(desk)
    identify(desk, made, "P-GIRL", "victim")
    attachments.add(desk, made, io.BytesIO(b"a scanned page of nobody"), "page.txt", POLICE)
    return made


# ── ways in which nothing can be entered ──


@contextmanager
def _raising(database: Database) -> Iterator[None]:
    if database.kind == "sqlite":
        act = "CREATE TRIGGER no_entry BEFORE INSERT ON ledger_outbox BEGIN SELECT RAISE(ABORT, 'no'); END"
        as_owner(database, act)
        yield
        as_owner(database, "DROP TRIGGER no_entry")
        return
    as_owner(
        database,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
        "CREATE TRIGGER no_entry BEFORE INSERT ON ledger_outbox FOR EACH ROW EXECUTE FUNCTION no()",
    )
    yield
    as_owner(database, "DROP TRIGGER no_entry ON ledger_outbox")


@contextmanager
def _taken_away(database: Database) -> Iterator[None]:
    """Who runs the program may not write there any more; or, where there are no rights, there is nothing to write."""
    if database.kind == "postgresql":
        as_owner(database, f"REVOKE INSERT ON ledger_outbox FROM {APP}")
        yield
        as_owner(database, f"GRANT INSERT ON ledger_outbox TO {APP}")
        return
    as_owner(database, "ALTER TABLE ledger_outbox RENAME TO hidden")
    yield
    as_owner(database, "ALTER TABLE hidden RENAME TO ledger_outbox")


WAYS: dict[str, Callable[[Database], object]] = {"raising": _raising, "taken away": _taken_away}


# ── what must not be done then ──


def _every_act(desk: Desk, case: str) -> dict[str, Callable[[], object]]:
    """Changes and looks of every kind, each of which would be done otherwise."""
    (file,) = (row.id for row in attachments.listed(desk, case, POLICE))
    out = io.BytesIO()
    form = {"id_number": "110101190003071239"}
    erasing, request = Erasing(desk, RULES, desk.attachments), approved_erasure(desk, case, POLICE)
    return {
        "contribute": lambda: ask(desk, cmd.Contribute(case=case, track="rescue", note="seen")),
        "open": lambda: ask(desk, cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})),
        "identify": lambda: identify(desk, case, "P-AUNT", "relative"),
        "attach": lambda: attachments.add(desk, case, io.BytesIO(b"another page"), "p.txt", POLICE),
        "show": lambda: read.show(desk, case, POLICE),
        "moves": lambda: read.moves(desk, case, POLICE),
        "timeline": lambda: read.timeline(desk, case, POLICE),
        "replay": lambda: read.replay(desk, case, POLICE),
        "events": lambda: read.events_of(desk, case, POLICE),
        "worklist": lambda: lists.worklist(desk, POLICE),
        "cases": lambda: lists.cases_of(desk, POLICE),
        "search": lambda: identities.search(desk, "900101", form, POLICE),
        "files": lambda: attachments.listed(desk, case, POLICE),
        "file": lambda: attachments.copy_out(desk, case, file, out, POLICE) if not out.getvalue() else None,
        "ask": lambda: erasing.ask(REQUESTS, case, "ordered", POLICE),
        "hold": lambda: erasure.hold(desk, RULES, case, "claim", POLICE),
        "erase": lambda: erasing.erase(case, "opened_by_mistake", POLICE, request),
        "rotate": lambda: list(rotating(desk).run("case", HERE)),
        "keys": lambda: vault_keys.listed(desk),
        "status": lambda: audit_export.state(desk, AUDIT),
        "salts": lambda: audit_export.export_salts(desk, out.write, None, AUDIT),
        "digests": lambda: audit_export.export_digests(desk, out.write, AUDIT),
        "refused": lambda: read.show(desk, case, STRANGER),
    }


def _prepared(desk: Desk, case: str) -> dict[str, Callable[[], object]]:
    acts = _every_act(desk, case)
    ask(desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
    return acts


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("is_open", [True, False], ids=["stream open", "no stream"])
def test_what_cannot_be_entered_is_neither_done_nor_shown(
    desk: Desk, database: Database, case: str, way: str, *, is_open: bool
) -> None:
    acts = _prepared(desk, case)
    ask(desk, cmd.Close(case=case, outcome="death"))
    ask(desk, cmd.Reopen(case=case, track="rescue", reason="again"))
    if not is_open:
        desk.scribe.close()
    before = _everything(database)
    codes = set()
    with WAYS[way](database):  # type: ignore[attr-defined]
        for name, act in acts.items():
            with pytest.raises(GuituError) as caught:
                act()
            assert not isinstance(caught.value, NotHolder), name
            codes.add((type(caught.value), caught.value.exit_code))
            assert _everything(database) == before, name
    broken = (HistoryBroken, 9) if (way, database.kind) == ("raising", "sqlite") else (StoreUnavailable, 8)
    assert codes <= {broken, *_ABSENT.get((way, database.kind), ())}
    _works_again(desk, case)


_ABSENT = {("taken away", "sqlite"): [(type_, type_.exit_code) for type_ in GuituError.__subclasses__()
                                      if type_.code == "schema_behind"]}  # fmt: skip
"""A table that is not there is told as a schema of another release."""


def _everything(database: Database) -> tuple[Everything, list[list[Row]]]:
    """Every row that any of the acts may write, but for those of the ledger."""
    return everything(database), as_owner(database, *(f"SELECT * FROM {table} ORDER BY 1" for table in _MORE))


_MORE = ("attachment", "legal_hold", "erasure_certificate", "key_rotation")


def _works_again(desk: Desk, case: str) -> None:
    """What was tried in vain left nothing behind but its work undone."""
    book = Book.at(desk)
    ask(desk, cmd.Contribute(case=case, track="rescue", note="seen"))
    read.show(desk, case, POLICE)
    assert [one.act for one in book.news()] == ["case:contribute", "case:show"]
    assert sequence_all(desk.database).held == ()
    numbers = [one.number for one in Book(desk.database).everything()]
    assert numbers == list(range(len(numbers)))


def _look_often(desk: Desk, case: str) -> None:
    """Until the room that is left in half-empty pages is used up."""
    for _ in range(50):
        read.show(desk, case, POLICE)


def test_on_a_full_disk_nothing_is_done_and_nothing_shown(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        sequence_all(desk.database)
    with full_disk(database, monkeypatch, "ledger_outbox"), play_desk(database.app_url, 900, known=True) as desk:
        before = everything(database)
        with pytest.raises(StoreFull):
            _look_often(desk, case)
        with pytest.raises(StoreFull):
            ask(desk, cmd.Contribute(case=case, track="rescue", note=LARGE))
        assert everything(database) == before
    with play_desk(database.app_url, 950, known=True) as desk:
        with suppress(StoreUnavailable):
            _works_again(desk, case)
        _works_again(desk, case)


def test_without_an_auditor_nothing_is_done_and_nothing_shown(desk: Desk, database: Database, case: str) -> None:
    acts = _prepared(desk, case)
    before, book = _everything(database), Book.at(desk)

    def nobody() -> tuple[Auditor, ...]:
        raise LedgerNotFounded("没有审计人", "no auditor")

    auditors, desk.scribe.auditors = desk.scribe.auditors, nobody
    for name, act in acts.items():
        with pytest.raises(LedgerNotFounded) as caught:
            act()
        assert (caught.value.http, caught.value.exit_code) == (503, 10)
        assert _everything(database) == before, name
    assert book.everything() == []
    desk.scribe.auditors = auditors
    _works_again(desk, case)


# ── what may be dead ──


def test_with_no_sequencer_and_no_signer_work_goes_on_and_the_status_tells_what_waits(desk: Desk, case: str) -> None:
    sequence_all(desk.database)
    for number in range(10):
        ask(desk, cmd.Contribute(case=case, track="rescue", note=f"seen {number}"))
        read.show(desk, case, POLICE)
    told = audit_export.state(desk, AUDIT)
    assert told.waiting == 20
    assert told.waiting_since is not None
    assert told.waiting_since < told.at
    assert (told.signed, told.signed_at, told.held) == (None, None, ())
    assert read.show(desk, case, POLICE).case.revision == 13
