"""Approvers, approvals and releases: rows that nobody changes or removes, and that hold one another to their word."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from engine.errors import DirectoryBroken, HistoryBroken, SchemaBehind
from engine.store import migrate
from engine.store.database import Database as Store
from engine.store.releases import ApprovalRow, ApproverRow
from engine.store.tables import SCHEMA
from engine.store.work import Work
from tests.conftest import Database
from tests.core.play import directory
from tests.service.inspection import as_owner
from tests.store.story import NOON, PIN, begin, keep, pin
from tests.store.test_rules import REFUSED, _raw

TABLES = ("definition_approver", "approver_revocation", "definition_approval", "definition_release")
FIRST = ApproverRow("1" * 64, "police-a", "ann", b"a" * 32, NOON, "root@police-a")
SECOND = ApproverRow("2" * 64, "civil-a", "bo", b"b" * 32, NOON, "root@police-a")

CASE_OF_BEFORE = (
    "INSERT INTO case_record (id, scope, jurisdiction, area, definition_id, definition_version, definition_hash,"
    " revision, status, opened_at, changed_at, events, content) VALUES ('c1', 'victim', '350000', '350102',"
    f" '{PIN.id}', '{PIN.version}', '{PIN.hash}', 1, 'open', '2026-03-01T12:00:00+00:00',"
    " '2026-03-01T12:00:00+00:00', 1, '{}')"
)
"""As the release before wrote one, in the clear."""


def approval(of: ApproverRow, hash: str = PIN.hash) -> ApprovalRow:
    """A row that could be an approval; this room does not look at signatures."""
    return ApprovalRow(hash, of.fingerprint, PIN.id, PIN.version, of.office, of.person, b"s" * 64, NOON)


def released(store: Store) -> None:
    """Keep two approvers, their approvals, a release and a revocation."""
    keys = (FIRST.fingerprint, SECOND.fingerprint)
    with store.writing() as work:
        for one in (FIRST, SECOND):
            work.add_approver(one)
            work.add_approval(approval(one))
        work.add_release(PIN.hash, (PIN.id, PIN.version), keys, at=NOON, unit="u", person="p")
        work.revoke_approver(SECOND.fingerprint, at=NOON + timedelta(days=1), revoked_by="x@u")
        work.commit()


def test_what_is_kept_is_read_again(store: Store) -> None:
    released(store)
    with store.reading() as work:
        first, second = work.approvers()
        assert first == FIRST
        assert (second.revoked_at, second.revoked_by) == (NOON + timedelta(days=1), "x@u")
        assert work.approvals() == [approval(FIRST), approval(SECOND)]
        (row,) = work.releases()
        assert (row.hash, row.definition_id, row.first_key, row.at, row.unit, row.person) == (
            PIN.hash, PIN.id, FIRST.fingerprint, NOON, "u", "p",
        )  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["owner_url", "app_url"])
def test_no_row_of_a_release_can_be_changed_or_removed(database: Database, table: str, role: str) -> None:
    with Store.open(database.app_url) as store:
        released(store)
    with _raw(getattr(database, role)) as connection:
        column = connection.execute(f"SELECT * FROM {table}").description[0][0]
        for act in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(REFUSED):
                connection.execute(act)
        if database.kind == "sqlite":
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
        elif role == "owner_url":
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(f"TRUNCATE {table} CASCADE")


def test_the_role_of_the_engine_only_adds_and_reads(postgres_database: Database) -> None:
    asked = "SELECT has_table_privilege('guitu_app', %s, 'INSERT, SELECT') AS may"
    for table in TABLES:
        for right, may in (("SELECT", True), ("INSERT", True), ("UPDATE", False), ("DELETE", False)):
            ((row,),) = as_owner(postgres_database, asked.replace("INSERT, SELECT", right), values=(table,))
            assert row["may"] is may, (table, right)


KEYS = (FIRST.fingerprint, SECOND.fingerprint)
NOBODY = ApproverRow("9" * 64, "x", "y", b"", NOON, "z")
CONTRADICTIONS: dict[str, Callable[[Work], object]] = {
    "a key registered twice": lambda work: work.add_approver(FIRST),
    "a key of another length": lambda work: work.add_approver(NOBODY),
    "a revocation of nobody": lambda work: work.revoke_approver("9" * 64, at=NOON, revoked_by="x@u"),
    "a second revocation": lambda work: work.revoke_approver(SECOND.fingerprint, at=NOON, revoked_by="x@u"),
    "a signature made twice": lambda work: work.add_approval(approval(FIRST)),
    "an approval by nobody": lambda work: work.add_approval(approval(NOBODY)),
    "a release twice": lambda work: work.add_release(PIN.hash, ("x", "2"), KEYS, at=NOON, unit="u", person="p"),
    "a release of one key": lambda work: work.add_release(
        PIN.hash, ("x", "2"), KEYS[:1] * 2, at=NOON, unit="u", person="p"
    ),
    "a release without approvals": lambda work: work.add_release(
        "c" * 64, ("x", "2"), KEYS, at=NOON, unit="u", person="p"
    ),
}


@pytest.mark.parametrize("what", sorted(CONTRADICTIONS))
def test_a_row_that_contradicts_another_is_refused(store: Store, what: str) -> None:
    released(store)
    with pytest.raises(HistoryBroken):
        keep(store, CONTRADICTIONS[what])


def test_a_version_is_released_with_one_hash(store: Store) -> None:
    released(store)
    with pytest.raises(HistoryBroken):
        keep(
            store,
            lambda work: work.add_approval(approval(FIRST, "c" * 64)),
            lambda work: work.add_approval(approval(SECOND, "c" * 64)),
            lambda work: work.add_release("c" * 64, (PIN.id, PIN.version), KEYS, at=NOON, unit="u", person="p"),
        )


def test_the_office_of_an_approver_does_not_vanish_from_the_directory(store: Store) -> None:
    keep(store, lambda work: work.save_directory(directory()), lambda work: work.add_approver(FIRST))
    full = directory()
    units = {name: unit for name, unit in full.units.items() if name != FIRST.office}
    with pytest.raises(DirectoryBroken, match="police-a"):
        keep(store, lambda work: work.save_directory(type(full)(full.jurisdictions, units)))


def test_a_database_of_the_release_before_that_holds_no_case_is_upgraded_with_all_it_holds(database: Database) -> None:
    assert migrate.downgrade(database.owner_url, "0002_release") == "0002_release"
    with Store.open(database.app_url, check=False) as store:
        keep(store, pin, lambda work: work.save_directory(directory()))
        released(store)
    assert migrate.upgrade(database.owner_url) == SCHEMA
    with Store.open(database.app_url) as store:
        with store.reading() as work:
            assert work.pinned_definition(PIN.hash) == b"{}"
            assert work.load_directory().units.keys() == directory().units.keys()
            assert work.approvals() == [approval(FIRST), approval(SECOND)]
            assert [row.hash for row in work.releases()] == [PIN.hash]
        begin(store)


def test_a_database_of_the_release_before_that_holds_a_case_is_left_as_it_is(database: Database) -> None:
    _hold_a_case_of(database, "0002_release")
    with pytest.raises(SchemaBehind, match="cases of a release without a vault"):
        migrate.upgrade(database.owner_url)
    _check_left(database, "0002_release")


@pytest.mark.parametrize("at", ["0003_vault", "0005_people"])
def test_a_database_of_a_release_that_knew_no_participation_and_holds_a_case_is_left_as_it_is(
    database: Database, at: str
) -> None:
    _hold_a_case_of(database, at)
    with pytest.raises(SchemaBehind, match="who took part in them is not"):
        migrate.upgrade(database.owner_url)
    _check_left(database, at)


def test_a_database_that_holds_a_case_is_not_taken_back_to_the_release_before(database: Database) -> None:
    with Store.open(database.app_url) as store:
        case = begin(store)
    with pytest.raises(SchemaBehind, match="what is sealed of them by field class"):
        migrate.downgrade(database.owner_url, "0002_release")
    assert migrate.current(database.owner_url) == SCHEMA
    with Store.open(database.app_url) as store, store.reading() as work:
        assert work.load_case(case.id, for_update=False) is not None


@pytest.mark.parametrize(
    ("at", "lost"), [("0003_vault", "destroy their keys"), ("0006_participation", "lose who took part in them")]
)
def test_nor_is_one_of_an_earlier_release(database: Database, at: str, lost: str) -> None:
    _hold_a_case_of(database, at)
    with pytest.raises(SchemaBehind, match=lost):
        migrate.downgrade(database.owner_url, "0002_release")
    _check_left(database, at)


def _hold_a_case_of(database: Database, at: str) -> None:
    """Take the database back to a schema, and put a case on record there."""
    assert migrate.downgrade(database.owner_url, at) == at
    with Store.open(database.app_url, check=False) as store:
        keep(store, pin)
    as_owner(database, CASE_OF_BEFORE)


def _check_left(database: Database, at: str) -> None:
    assert migrate.current(database.owner_url) == at
    assert as_owner(database, "SELECT id FROM case_record") == [[{"id": "c1"}]]
