"""Who can do what: one section for each row of the threat table in ``docs/threat-model.md``, tests named by the attack.

A test whose name says that something goes unnoticed holds what remains: it fails when that is no longer so.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import SchemaBehind
from engine.ledger.canonical import encode
from engine.ledger.entry import Kind, Unreadable, open_subject, tag
from engine.service import read
from engine.service.account import Account
from engine.service.content import plain_case
from engine.service.sequencer import sequence_all
from engine.vault.keys import Cell
from tests.service.asking import erase
from tests.service.desks import POLICE, ask
from tests.tampering.acts import Act
from tests.tampering.attacker import LEDGER, headers, number_of, numbers_about, owner_of
from tests.tampering.insiders import (
    SNOOPER,
    case_key,
    cut,
    keys_of_stream,
    opened_by,
    remember,
    replace_waiting,
    snooped,
)
from tests.tampering.memory import opened_with, secrets_within, working
from tests.tampering.test_catalogue import CATALOGUE, attacked
from tests.tampering.world import KEYS, Ground

DOCUMENT = Path(__file__).parents[2] / "docs" / "threat-model.md"


def act_named(name: str) -> Act:
    """An act of the catalogue."""
    return next(one for one in CATALOGUE if one.name == name)


# ── database administrator ──


def test_a_database_administrator_reads_the_ledger_and_finds_times_and_kinds_only(ground: Ground) -> None:
    with owner_of(ground) as owner:
        everything = b"".join(
            repr(row).encode() + b"".join(one for one in row.values() if isinstance(one, bytes))
            for table in (*LEDGER, "ledger_head") for row in owner.do(f"SELECT * FROM {table}")
        )  # fmt: skip
    told = b"\n".join(encode(one.event) for one in opened_by(KEYS[0], ground.entries()) if one)
    for word in (*ground.world.cases, "case:show", "police-a", "case_handling"):
        assert word.encode() not in everything
    assert b"case:show" in told
    assert {one.kind for one in headers(ground.entries())} >= {Kind.EVENT, Kind.HEARTBEAT, Kind.KEY_EVENT, Kind.CONTROL}


@pytest.mark.parametrize(
    "name",
    [
        "an entry removed, the rest renumbered, the tree rebuilt",
        "a case put back to an earlier revision, with its events",
    ],
)
def test_a_database_administrator_rewrites_what_was_signed(ground: Ground, name: str) -> None:
    assert attacked(ground, act_named(name), 0.5).exit_code == 1


def test_a_database_administrator_invents_entries_about_nobody_unnoticed(ground: Ground) -> None:
    assert attacked(ground, act_named("an invented stream, about nobody, sealed to the auditors"), 1.0).exit_code == 0


# ── stolen backup ──


def test_a_stolen_backup_with_every_key_of_the_vault_opens_no_entry(ground: Ground) -> None:
    ground.show()
    with ground.desk.database.reading() as work:
        known = [bytes(one) for one in secrets_within(ground.desk.safe.ring(work))]
    for case in ground.world.cases[1:]:
        known += [case_key(ground, case).ledger_salt(), *secrets_within(case_key(ground, case))]
    assert len(known) > 8
    assert opened_with(known, ground.entries()) == []


def test_a_stolen_backup_and_an_auditors_key_still_tell_whom_an_erased_case_concerned(ground: Ground) -> None:
    case = ground.world.cases[2]
    salt = case_key(ground, case).ledger_salt()  # what is in every backup from before the erasure
    ask(ground.desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
    ask(ground.desk, cmd.Close(case=case, outcome="death"))
    erase(ground.desk, case, POLICE)
    found = ground.audit().report
    assert found is not None
    assert (found.exit_code, found.of("subjects").counts["shredded"] > 0) == (0, True)
    entry = next(one for one in opened_by(KEYS[0], ground.entries()) if one and tag(salt) in str(one.event))
    assert open_subject(entry, 0, salt).case == case


def test_a_stolen_backup_put_in_the_place_of_the_database_is_not_signed(ground: Ground) -> None:
    name = "a backup restored silently between two visits, and written on"
    assert "signer" in attacked(ground, act_named(name), 0.5).noticed_by


# ── stolen process ──


def test_a_stolen_process_opens_nothing_that_was_entered(ground: Ground) -> None:
    ground.show(5)
    ground.change(2)
    sequence_all(ground.desk.database)
    found = secrets_within(ground.desk)
    chain = bytes(ground.desk.scribe.lend().stream._chain._chain)
    assert chain in found, "it was looked into all that the process holds"
    assert opened_with(found, ground.entries()) == []


def test_a_stolen_process_reads_on_until_its_stream_ends(ground: Ground) -> None:
    ground.show()
    found = secrets_within(ground.desk)
    ground.show()
    sequence_all(ground.desk.database)
    assert opened_with(found, ground.entries()) == [len(ground.entries()) - 1]
    ground.desk.scribe.close()
    later = len(ground.entries()) + 1
    ground.show(2)
    sequence_all(ground.desk.database)
    assert [one for one in opened_with(found, ground.entries()) if one >= later] == []


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="looks into the memory of a process, as Linux shows it")
def test_a_stolen_process_keeps_no_key_that_it_used(sqlite_stock: Ground, tmp_path: Path) -> None:
    looks = 30
    with sqlite_stock.copied(tmp_path) as ground:
        before = len(ground.entries())
        ground.killed()
        try:
            with working(ground.database.app_url, ground.auditors.path, ground.world.cases[1], looks) as memory:
                sequence_all(ground.desk.database)
        except PermissionError:
            pytest.skip("nobody may look into another process here")
        used, present = keys_of_stream(ground.entries()[before:])
    assert len(used) == 2 * looks
    assert any(present in one for one in memory), "what it still needs is found"
    left = sum(any(key in one for one in memory) for key in used)
    print(f"\n{left} of {len(used)} keys that were used are left in {sum(map(len, memory)) >> 20} MiB of memory")
    assert left <= 1  # what is freed is not wiped by Python: the last one may be there for a while


# ── one auditor, and several ──


def test_one_auditor_reads_what_was_done_and_not_whom_it_concerned(ground: Ground) -> None:
    opened = opened_by(KEYS[1], ground.entries())
    told = b"\n".join(encode(one.event) for one in opened if one)
    assert b"case:show" in told
    assert all(case.encode() not in told for case in ground.world.cases)
    entry = next(one for one in opened if one and one.blocks)
    with pytest.raises(Unreadable):
        open_subject(entry, 0, bytes(32))


def test_one_auditor_reads_nothing_from_before_she_was_added(ground: Ground) -> None:
    opened = opened_by(KEYS[1], ground.entries())
    opening = number_of(ground, "auditor:add") - 1
    entries = headers(ground.entries())
    assert all(one is None for one in opened[:opening])
    closed = {number for number in range(opening, len(opened)) if opened[number] is None}
    assert {entries[number].kind for number in closed} <= {Kind.STREAM_CLOSE}, "of streams from before"


def test_one_auditor_is_left_out(ground: Ground) -> None:
    assert attacked(ground, act_named("an auditor left out of the list, for a while"), 0.0).exit_code == 1


def test_colluding_auditors_read_no_more_than_the_one_who_was_there_longest(ground: Ground) -> None:
    entries = ground.entries()
    both = [{number for number, one in enumerate(opened_by(key, entries)) if one} for key in KEYS[:2]]
    assert both[1] < both[0] == set(range(len(entries)))


def test_colluding_auditor_and_database_administrator_rewrite_what_waits_unnoticed(ground: Ground) -> None:
    ground.show()
    ground.desk.scribe.enter(Account("worklist:show", SNOOPER))
    replace_waiting(ground, "officer-13")
    sequence_all(ground.desk.database)
    told = opened_by(KEYS[1], ground.entries())[-1]
    assert told is not None
    assert told.event["actor"] == "officer-13"
    assert ground.audit().exit_code == 0


def test_colluding_auditor_and_database_administrator_rewrite_what_is_signed(ground: Ground) -> None:
    ground.sign()
    name = "an entry altered, the tree rebuilt"
    assert attacked(ground, act_named(name), 1.0).noticed_by == {"signer", "verifier"}


# ── log operator ──


def test_a_log_operator_cuts_off_what_an_auditor_verified(ground: Ground) -> None:
    before = snooped(ground)
    ground.remembered = remember(ground)
    cut(ground, before)
    assert "smaller than remembered" in {one.word for one in ground.audit().findings}


def test_a_log_operator_cuts_off_what_no_auditor_saw_yet_unnoticed(ground: Ground) -> None:
    before = snooped(ground)
    cut(ground, before)
    assert ground.audit().exit_code == 0


def test_a_log_operator_shows_two_logs_until_auditors_compare(ground: Ground) -> None:
    before = snooped(ground)
    first = remember(ground)
    cut(ground, before)
    ground.show(8)
    second = remember(ground)
    assert first != second
    found = ground.audit(remembered=first)
    assert "not grown from remembered" in {one.word for one in found.findings}


def test_a_log_operator_replaces_the_signer(ground: Ground) -> None:
    name = "the signer's folder replaced by a new one (and its checkpoints removed)"
    assert attacked(ground, act_named(name), 1.0).exit_code == 1


# ── caseworker acting within rights ──


def test_a_caseworker_looks_without_cause_and_is_told_of_by_name(ground: Ground) -> None:
    case = ground.world.cases[1]
    read.show(ground.desk, case, SNOOPER)
    sequence_all(ground.desk.database)
    number = numbers_about(ground, case)[-1]
    entry = opened_by(KEYS[0], ground.entries())[number]
    assert entry is not None
    told = (entry.event["actor"], entry.event["unit"], entry.event["act"], entry.event["outcome"])
    assert told == ("officer-12", "police-a", "case:show", "done")
    subject = open_subject(entry, 0, case_key(ground, case).ledger_salt())
    assert subject.case == case


def test_a_caseworker_looks_while_the_ledger_cannot_be_written_and_sees_nothing(ground: Ground) -> None:
    ground.show()
    with owner_of(ground) as owner:
        owner.do("ALTER TABLE ledger_outbox RENAME TO ledger_gone")
        with pytest.raises(SchemaBehind):
            ground.show()
        with pytest.raises(SchemaBehind):
            ground.change()
        owner.do("ALTER TABLE ledger_gone RENAME TO ledger_outbox")


def test_a_caseworker_acts_under_another_name_unnoticed(ground: Ground) -> None:
    ask(
        ground.desk,
        cmd.Contribute(case=ground.world.cases[1], track="rescue", note="seen"),
        Actor("officer-13", "police-a"),
    )
    assert ground.audit().exit_code == 0


# ── vault administrator ──


def test_a_vault_administrator_reads_past_the_desk_unnoticed(ground: Ground) -> None:
    case = ground.world.cases[1]
    with ground.desk.database.reading() as work:
        stored = work.load_case(case, for_update=False)
    assert stored is not None
    assert plain_case(stored.content, case, stored.revision, case_key(ground, case))
    assert ground.audit().exit_code == 0


def test_a_vault_administrator_seals_other_facts_in_the_place_of_a_field_class(ground: Ground) -> None:
    """Nobody has to read the class: the digests for an audit are taken of records that open in all their classes."""
    case = ground.world.cases[1]
    key = case_key(ground, case)
    with owner_of(ground) as owner:
        (row,) = owner.do("SELECT * FROM case_fact WHERE case_id = %s AND field_class = 'basic'", case)
        cell = Cell("case_fact", f"{case}/basic", "sealed", row["revision"])
        plain = key.unseal(row["sealed"], cell)
        forged = plain.replace(b"true", b"false")
        assert forged != plain
        owner.do("UPDATE case_fact SET sealed = %s WHERE case_id = %s AND field_class = 'basic'",
                 key.seal(forged, cell), case)  # fmt: skip
    found = ground.audit()
    assert ("damaged record", case) in {(one.word, one.place.case) for one in found.findings}
    assert {one.place.case for one in found.findings} == {case}


def test_a_vault_administrator_seals_another_record_in_its_place(ground: Ground) -> None:
    case = ground.world.cases[1]
    with ground.desk.database.reading() as work:
        stored = work.load_case(case, for_update=False)
    assert stored is not None
    key = case_key(ground, case)
    plain = plain_case(stored.content, case, stored.revision, key)
    forged = plain.replace(b"police-a", b"police-b")
    assert forged != plain
    with owner_of(ground) as owner:
        sealed = key.seal(forged, Cell("case_record", case, "content", stored.revision))
        owner.do("UPDATE case_record SET content = %s WHERE id = %s", sealed, case)
    found = ground.audit()
    assert [(one.word, one.place.case) for one in found.findings] == [("changed behind the ledger", case)]


def test_a_vault_administrator_does_away_with_a_case_and_makes_a_certificate(ground: Ground) -> None:
    name = "the same by somebody who knows the case's salt"
    assert attacked(ground, act_named(name), 0.0).exit_code == 1


# ── holder of everything but an auditor's remembered checkpoint and the timestamps ──


def test_a_holder_of_everything_goes_back_behind_a_remembered_checkpoint(ground: Ground) -> None:
    before = snooped(ground)
    ground.remembered = remember(ground)
    cut(ground, before)
    ground.show(12)
    assert "not grown from remembered" in {one.word for one in ground.audit().findings}


def test_a_holder_of_everything_goes_back_behind_a_timestamp(ground: Ground) -> None:
    before = snooped(ground)
    ground.stamp()
    with owner_of(ground) as owner:
        (kept,) = owner.do("SELECT * FROM ledger_checkpoint ORDER BY size DESC LIMIT 1")
        (stamp,) = owner.do("SELECT * FROM ledger_timestamp ORDER BY size DESC LIMIT 1")
    cut(ground, before)
    ground.show(12)
    ground.sign()
    with owner_of(ground) as owner:  # the token cannot be made for another tree: it is shown as it is
        owner.do(
            "INSERT INTO ledger_checkpoint (size, origin, note, made_at, renewed_at) VALUES (%s, %s, %s, %s, %s)",
            *(kept[name] for name in ("size", "origin", "note", "made_at", "renewed_at")),
        )
        owner.do(
            "INSERT INTO ledger_timestamp (size, made_at, token) VALUES (%s, %s, %s)",
            *(stamp[name] for name in ("size", "made_at", "token")),
        )
    assert {one.word for one in ground.audit().findings} == {"timestamp of another tree"}


def test_a_holder_of_everything_shows_no_timestamps(ground: Ground) -> None:
    assert attacked(ground, act_named("all timestamps removed"), 0.0).exit_code == 2


def test_a_holder_of_everything_rewrites_what_nobody_kept_unnoticed(ground: Ground) -> None:
    before = snooped(ground)
    ground.stamp()
    cut(ground, before)
    assert ground.audit().exit_code == 0


# ── the document ──


def test_every_row_of_the_threat_table_names_its_tests_and_no_test_is_left_out() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    assert len(rows) == 9
    named = [re.findall(r"`(test_a?n?[a-z_]+)`", row) for row in rows]
    assert all(named)
    every = {name for name in globals() if name.startswith("test_") and not name.startswith("test_every_row")}
    flat = [name for one in named for name in one]
    assert (sorted(flat), len(flat)) == (sorted(every), len(set(flat)))
