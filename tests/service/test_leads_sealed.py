"""What lies where of a lead: sealed, held to its history, and hard to change behind the engine."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
import pytest

from engine.core.commands import Close, Contribute
from engine.errors import ContentUnreadable, HistoryBroken, IdentifierInText, LeadErased, LeadUnknown
from engine.service import lead_file, lead_reading
from engine.service.desk import Desk
from engine.service.leads import accept, pass_on, report_lead
from engine.service.rotation import Rotation
from engine.vault.keys import EVERYWHERE
from tests.canary import files_in, leaks
from tests.conftest import Database
from tests.keys import AUDITOR
from tests.plaintexts import plaintexts
from tests.service.asking import erase
from tests.service.desks import CIVIL, POLICE, ask, opened, play_desk
from tests.service.inspection import as_owner, sqlite_path
from tests.service.lead_play import PERSON, RULES, SCHOOL, reported, shown, what


def test_neither_text_nor_names_nor_contact_lie_in_clear(database: Database, tmp_path: Any) -> None:
    words = ["闻所未闻之情形甲", "闻所未闻之理由乙", "钟离渡鹤", "19900071236", "槐荫里传达室"]
    with play_desk(database.app_url) as desk:
        receipt = report_lead(
            desk, RULES, what(kind="tip", seen=words[0], persons=(PERSON,), contact=words[4]), SCHOOL, key=words[1]
        )
        pass_on(desk, RULES, receipt.lead, POLICE, to_unit="civil-a", reason=words[1])
        with pytest.raises(IdentifierInText):
            pass_on(desk, RULES, receipt.lead, CIVIL, to_unit="police-a", reason=words[2])
        told = plaintexts(desk.database, AUDITOR, {})
        tables = ("lead", "lead_key", "lead_event", "lead_named", "lead_unit", "idempotency", "refusal")
        rows = as_owner(database, *(f"SELECT * FROM {table}" for table in tables))
        texts = {f"{table} {place}": repr(row).encode() for table, found in zip(tables, rows, strict=True)
                 for place, row in enumerate(found)}  # fmt: skip
        raw = {f"raw {table}": b"|".join(bytes(one) for row in found for one in row.values() if isinstance(one, bytes))
               for table, found in zip(tables, rows, strict=True)}  # fmt: skip
    files = files_in(sqlite_path(database).parent) if database.kind == "sqlite" else {}
    assert len(told) > 3
    assert leaks(words, {**told, **texts, **raw, **files}) == []


def test_a_rotation_of_any_key_leaves_leads_readable(desk: Desk) -> None:
    lead = reported(desk, persons=(PERSON,)).lead
    opened(desk)
    accept(desk, RULES, lead, POLICE)
    for kind, where in (("installation", EVERYWHERE), ("case", "900000"), ("case_key", "900000")):
        list(Rotation(desk, settle=lambda: None).run(kind, where))  # type: ignore[arg-type]
        desk.safe.forget()
        assert shown(desk, lead, with_names=True).named is not None
        close_to = reported(desk).lead
        assert shown(desk, close_to).lead.seen == what().seen


def test_a_lead_goes_with_its_case_and_its_receipt_still_answers(desk: Desk) -> None:
    case = opened(desk)
    ask(desk, Contribute(case=case, track="rescue", documents=("report",)))
    ask(desk, Close(case=case, outcome="death"))
    lead = reported(desk).lead
    accept(desk, RULES, lead, POLICE, case=case)
    assert shown(desk, lead).lead.case == case
    erase(desk, case, POLICE)
    with pytest.raises(LeadErased):
        shown(desk, lead)
    assert lead_reading.receipt(desk, lead, SCHOOL).status == "accepted"
    (line,) = lead_reading.listed(desk, POLICE).lines
    assert (line.lead, line.category, line.urgency) == (lead, None, None)


def test_what_was_changed_behind_the_engine_is_not_shown(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        lead = reported(desk).lead
        for change, back in (
            ("turn = 'civil-a'", "turn = 'police-a'"), ("status = 'accepted'", "status = 'received'"),
            ("revision = 2", "revision = 1"),
        ):  # fmt: skip
            as_owner(database, f"UPDATE lead SET {change}")
            with pytest.raises((HistoryBroken, LeadUnknown)):
                shown(desk, lead, CIVIL if "civil" in change else POLICE)
            as_owner(database, f"UPDATE lead SET {back}")
        assert shown(desk, lead).lead.turn == "police-a"


def test_an_event_moved_to_another_lead_does_not_open(desk: Desk) -> None:
    one, two = (reported(desk).lead for _ in range(2))
    with desk.database.reading() as work:
        keys = [lead_file.key_of(desk, lead, work) for lead in (one, two)]
        row = work.lead(one)
        assert row is not None
        assert keys[0] is not None
        assert keys[1] is not None
        lead_file.opened(row, keys[0], work)
        with pytest.raises(ContentUnreadable):
            lead_file.opened(row, keys[1], work)


def test_nothing_of_a_lead_is_changed_or_removed_in_sql(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        reported(desk, persons=(PERSON,))
    for act in (
        "UPDATE lead_event SET person = 'x'", "DELETE FROM lead_event", "UPDATE lead_named SET sealed = ''",
        "DELETE FROM lead_unit", "DELETE FROM lead", "UPDATE lead SET area = 'x'", "UPDATE lead_key SET sealed = ''",
    ):  # fmt: skip
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RestrictViolation)):
            as_owner(database, act)


def test_on_postgresql_a_narrowed_transaction_sees_the_leads_of_its_units(postgres_database: Database) -> None:
    with play_desk(postgres_database.app_url) as desk:
        lead = reported(desk).lead
        pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="theirs")
        for unit, is_seen in (("police-a", True), ("civil-a", True), ("health", True), ("police-b", False)):
            with desk.database.reading() as work:
                work.narrow([unit], desk.clock())
                assert (work.lead(lead) is not None) == is_seen
                assert bool(work.lead_events(lead)) == is_seen
                assert (work.lead_key(lead) is not None) == is_seen
