"""What is exported is the ledger, whole and in its order; every export is entered before anything of it is written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from engine.core.commands import Actor
from engine.errors import CaseErased, CaseUnknown, CommandMalformed, LedgerDamaged, NothingToChange, StoreUnavailable
from engine.ledger.entry import tag
from engine.ledger.note import Checkpoint, Note
from engine.ledger.tree import Frontier, leaf_hash
from engine.service import audit_export
from engine.service.account import Account
from engine.service.audit_export import export, export_digests, export_salts, is_signed, state
from engine.service.desk import Desk, kept
from engine.service.erasure import Certificate
from engine.service.scribe import Scribe
from engine.service.sequencer import sequence_all
from engine.service.signer import Signer
from tests.conftest import Database
from tests.keys import AUDITOR
from tests.service.desks import identify, opened, play_desk
from tests.service.inspection import as_owner
from tests.service.ledger_export.exporting import (
    AUDIT,
    CERTIFICATE,
    CHECKPOINT,
    ENTRIES,
    TIMESTAMP,
    bundle,
    lines,
    populated,
    signed,
    signer_of,
)
from tests.service.ledger_export.reading import acts, told


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk on each kind of database, with a folder of attachments."""
    with play_desk(database.app_url) as at:
        at.attachments = tmp_path / "attachments"
        yield at


@pytest.fixture
def signer(desk: Desk, tmp_path: Path) -> Signer:
    """Give the signer of the desk's ledger."""
    return signer_of(desk, tmp_path / "signer")


def entered(desk: Desk, number: int) -> None:
    """Enter so many reads."""
    for _ in range(number):
        desk.scribe.enter(Account("case:list", AUDIT))


class Broken(Exception):
    """The disk of whoever writes is full."""


def fails(_: bytes) -> object:
    raise Broken


# ── the bundle ──


def test_a_bundle_is_the_ledger_up_to_its_last_checkpoint(desk: Desk, signer: Signer) -> None:
    _, certificate = populated(desk)
    size = signed(desk, signer)
    entered(desk, 3)
    made = bundle(desk)
    entries = list(made.entries())
    with desk.database.reading() as work:
        assert entries == work.entries(0, size)
        head = work.ledger_head()
    assert head is not None
    assert head.size == size + 4
    text = Checkpoint.from_text(Note.from_bytes(made.all_of(CHECKPOINT)[0]).text)
    assert (text.origin, text.size) == (head.origin, size)
    assert Frontier().extend(map(leaf_hash, entries)).root() == text.root
    assert {name: made.info[name] for name in ("v", "origin", "waiting", "after", "held")} == {
        "v": 1, "origin": head.origin, "waiting": 0, "after": 4, "held": [],
    }  # fmt: skip
    (found,) = made.all_of(CERTIFICATE)
    assert msgspec.json.decode(found, type=Certificate) == certificate


def test_a_long_ledger_comes_in_pieces(desk: Desk, signer: Signer) -> None:
    desk.scribe.enter_together([Account("case:list", AUDIT) for _ in range(1_300)])
    size = signed(desk, signer)
    made = bundle(desk)
    assert len(list(made.entries())) == size > 1_300
    assert len(made.all_of(ENTRIES)) == 2


def test_the_export_is_entered_before_anything_is_written(desk: Desk, signer: Signer) -> None:
    signed(desk, signer)
    for attempt, act in (
        (lambda: export(desk, fails, AUDIT), "ledger:export"),
        (lambda: export_salts(desk, fails, None, AUDIT), "ledger:salts"),
        (lambda: export_digests(desk, fails, AUDIT), "ledger:digests"),
    ):
        with pytest.raises(Broken):
            attempt()
        last = told(desk.database, AUDITOR)[-1]
        assert last.event is not None
        assert (last.event["act"], last.event["actor"], last.event["unit"], last.event["purpose"]) == (
            act, "officer-9", "justice", "audit",
        )  # fmt: skip


def test_what_cannot_be_entered_is_not_written(desk: Desk, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    populated(desk)
    signed(desk, signer)

    def full(*_: object) -> None:
        raise StoreUnavailable("不可用", "not there")

    monkeypatch.setattr(Scribe, "lend", full)
    written: list[bytes] = []
    for attempt in (
        lambda: export(desk, written.append, AUDIT),
        lambda: export_salts(desk, written.append, None, AUDIT),
        lambda: export_digests(desk, written.append, AUDIT),
        lambda: state(desk, AUDIT),
    ):
        with pytest.raises(StoreUnavailable):
            attempt()
    assert written == []


def test_without_a_checkpoint_there_is_no_bundle_and_the_words_say_what_to_do(desk: Desk) -> None:
    with pytest.raises(NothingToChange) as told_why:
        export(desk, fails, AUDIT)
    assert "guitu signer run --once" in told_why.value.zh
    assert "guitu signer run --once" in told_why.value.en
    last = told(desk.database, AUDITOR)[-1]
    assert last.event is not None
    assert (last.event["act"], last.event["outcome"]) == ("ledger:export", "refused")


def test_a_checkpoint_under_another_name_is_not_taken_for_one(desk: Desk, signer: Signer) -> None:
    size = signed(desk, signer)
    now = datetime.now(UTC)
    with kept(desk.database) as work:
        work.add_checkpoint(size + 1000, "guitu.another", b"not of this log", now)
    assert bundle(desk).all_of(CHECKPOINT)[0] != b"not of this log"
    with kept(desk.database) as work:
        work.rename_log("guitu.renamed")
    with pytest.raises(NothingToChange):
        export(desk, fails, AUDIT)
    assert not is_signed(desk, 0, 0)


def test_timestamps_come_with_the_checkpoint_they_are_over(desk: Desk, signer: Signer) -> None:
    now = datetime.now(UTC)
    sizes = []
    for _ in range(3):
        entered(desk, 1)
        sizes.append(signed(desk, signer))
    with kept(desk.database) as work:
        notes = {one.size: one.note for one in work.checkpoints()}
        for size in sizes[:2]:
            work.add_timestamp(size, now, b"token %d" % size)
        work.add_checkpoint(10_000, "guitu.another", b"not of this log", now)
        work.add_timestamp(10_000, now, b"nor this")
    assert bundle(desk).all_of(TIMESTAMP) == [
        len(notes[size]).to_bytes(4, "big") + notes[size] + b"token %d" % size for size in sizes[:2]
    ]


def test_what_waits_because_of_a_hole_is_said(desk: Desk, signer: Signer, database: Database) -> None:
    signed(desk, signer)
    entered(desk, 3)
    rows = as_owner(database, "SELECT stream_id, stream_seq FROM ledger_outbox ORDER BY stream_seq")[0]
    gone = rows[0]
    as_owner(
        database, "DELETE FROM ledger_outbox WHERE stream_seq = %s", values=(gone["stream_seq"],)
    )  # fmt: skip
    made = bundle(desk).info
    expected = {
        "stream": bytes(gone["stream_id"]).hex(),
        "expected": gone["stream_seq"],
        "found": gone["stream_seq"] + 1,
    }
    assert (made["waiting"], made["held"]) == (3, [expected])
    found = state(desk, AUDIT)
    assert [(one.stream, one.why) for one in found.held] == [(expected["stream"], "gap")]
    assert found.waiting >= 3
    assert found.waiting_since is not None


def test_an_entry_that_is_gone_ends_the_export(desk: Desk, signer: Signer, database: Database) -> None:
    entered(desk, 5)
    size = signed(desk, signer)
    table = "ledger_entry"
    if database.kind == "sqlite":
        as_owner(database, f"DROP TRIGGER {table}_no_delete")
    else:
        as_owner(database, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner(database, f"DELETE FROM {table} WHERE number >= %s", values=(size - 2,))
    with pytest.raises(LedgerDamaged) as told_why:
        export(desk, lambda _: None, AUDIT)
    assert str(size - 2) in told_why.value.en


# ── salts ──


def test_salts_are_those_of_the_cases_and_an_erased_one_has_none(desk: Desk, signer: Signer) -> None:
    world, certificate = populated(desk)
    head, *found = lines(lambda out: export_salts(desk, out, None, AUDIT))
    with desk.database.reading() as work:
        origin = work.ledger_head()
        keys = {case: desk.safe.key_for(case, work) for case in world.cases}
    assert origin is not None
    assert {name: head[name] for name in ("v", "file", "origin", "complete")} == {
        "v": 1, "file": "guitu/audit-salts", "origin": origin.origin, "complete": True,
    }  # fmt: skip
    assert found == [
        {"case": case, "salt": key.ledger_salt().hex()} for case, key in sorted(keys.items()) if key is not None
    ]
    assert [one["case"] for one in found] == sorted(world.cases[1:])
    assert certificate.tag not in {tag(bytes.fromhex(one["salt"])) for one in found}


def test_salts_of_named_cases_say_in_the_ledger_which(desk: Desk) -> None:
    world, _ = populated(desk)
    first, second, third = world.cases
    head, *found = lines(lambda out: export_salts(desk, out, [third, second, third], AUDIT))
    assert head["complete"] is False
    assert [one["case"] for one in found] == sorted([second, third])
    last = told(desk.database, AUDITOR)[-1]
    assert last.event is not None
    assert last.event["details"] == {"complete": False}
    records = last.event["records"]
    assert isinstance(records, list)
    assert [one["of"] for one in records if isinstance(one, dict)] == [tag(bytes.fromhex(one["salt"])) for one in found]
    for cases, error in (([first], CaseErased), (["GT-9999"], CaseUnknown), ([], CommandMalformed)):
        with pytest.raises(error):
            export_salts(desk, fails, cases, AUDIT)


# ── digests ──


def test_digests_are_what_the_ledger_said_last_of_each_record(desk: Desk) -> None:
    world, _ = populated(desk)
    head, *found = lines(lambda out: export_digests(desk, out, AUDIT))
    entries = told(desk.database, AUDITOR)
    assert head["tree_size"] == len(entries)
    said: dict[str, list[str]] = {}
    for one in entries:
        records = one.event.get("records", []) if one.event else []
        assert isinstance(records, list)
        for record in records:
            assert isinstance(record, dict)
            if isinstance(record["after"], str):
                said.setdefault(str(record["of"]), []).append(record["after"])
    with desk.database.reading() as work:
        keys = {case: desk.safe.key_for(case, work) for case in world.cases}
        certificate = work.certificate_of(world.cases[0])
    assert certificate is not None
    assert found == sorted(found, key=lambda one: (one["case"], one.get("person") or ""))
    for line in found:
        key = keys[line["case"]]
        if key is None:
            assert line == {"case": world.cases[0], "certificate": sha256(certificate).hexdigest()}
        elif line["person"] is None:
            assert line["digest"] in said[tag(key.ledger_salt())]
            assert line["revision"] > 1
        else:
            assert line["digest"] in said[tag(key.ledger_salt())]
    persons = [line["person"] for line in found if line.get("person")]
    assert {"P-VIC2", "P-VIC3"} <= set(persons)
    assert "P-VIC1" not in persons


def test_a_record_that_does_not_open_is_named_and_the_rest_is_there(desk: Desk, database: Database) -> None:
    world, _ = populated(desk)
    before = lines(lambda out: export_digests(desk, out, AUDIT))
    second, third = world.cases[1:]
    as_owner(database, "UPDATE person SET sealed = %s WHERE case_id = %s", values=(b"x" * 60, third))
    as_owner(database, "UPDATE case_record SET content = %s WHERE id = %s", values=(b"x" * 60, second))
    out = io.BytesIO()
    told_of = export_digests(desk, out.write, AUDIT)
    assert set(told_of.damaged) == {second, third}
    after = [msgspec.json.decode(line) for line in out.getvalue().splitlines()]
    assert {"case": second, "person": None, "damaged": True} in after
    assert {"case": third, "person": "P-VIC3", "damaged": True} in after
    (live,) = [one for one in before if one.get("case") == third and one["person"] is None]
    assert live in after
    as_owner(database, "DELETE FROM case_key WHERE case_id = %s", values=(second,))
    desk.safe.forget()
    assert set(export_salts(desk, io.BytesIO().write, None, AUDIT).damaged) == {second}


def test_digests_are_never_ahead_of_the_ledger(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others go on working, what is on record and how far the ledger is are of one moment."""
    case = opened(desk)
    late = iter("456")

    def slow(database: object) -> object:
        done = sequence_all(desk.database)
        for number in late:
            identify(desk, case, f"P-VIC{number}", "victim")
            break
        return done

    monkeypatch.setattr(audit_export, "sequence_all", slow)
    head, *found = lines(lambda out: export_digests(desk, out, AUDIT))
    assert {"P-VIC4", "P-VIC5", "P-VIC6"} <= {one["person"] for one in found}
    monkeypatch.undo()
    assert head["tree_size"] == len(told(desk.database, AUDITOR))


def test_a_ledger_that_never_catches_up_gives_no_digests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(database: object) -> object:
        done = sequence_all(desk.database)
        entered(desk, 1)
        return done

    monkeypatch.setattr(audit_export, "sequence_all", busy)
    with pytest.raises(StoreUnavailable):
        export_digests(desk, fails, AUDIT)


# ── how it stands ──


def test_the_state_is_told_and_entered(desk: Desk, signer: Signer) -> None:
    sequence_all(desk.database)
    found = state(desk, AUDIT)
    assert (found.signed, found.signed_at, found.held) == (None, None, ())
    size = signed(desk, signer)
    assert is_signed(desk, size, 0)
    assert not is_signed(desk, size + 1, 0.01)
    entered(desk, 2)
    found = state(desk, AUDIT)
    assert (found.size, found.signed, found.waiting) == (size, size, 2)
    assert acts(desk.database, AUDITOR)[-1] == "ledger:status"


def test_who_asks_is_named_by_codes(desk: Desk) -> None:
    stranger = Actor("王某", "justice", "audit")
    for attempt in (
        lambda: export(desk, fails, stranger),
        lambda: export_salts(desk, fails, None, stranger),
        lambda: export_digests(desk, fails, stranger),
        lambda: state(desk, stranger),
    ):
        with pytest.raises(CommandMalformed):
            attempt()
