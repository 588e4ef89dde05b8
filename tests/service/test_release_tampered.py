"""Somebody who owns the database takes the guards off and changes what was signed: no process starts on that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import bootstrap
from engine.core import commands as cmd
from engine.errors import ReleaseBroken
from engine.service import installation, release
from engine.vault.signing import SigningKey
from tests.conftest import Database
from tests.service.desks import POLICE, ask
from tests.service.inspection import as_owner
from tests.service.town import ANN, NOW, Town

TABLES = ("definition_approver", "approver_revocation", "definition_approval", "definition_release")
FORGED = SigningKey.fresh()
ATTACKS: dict[str, tuple[str, tuple[object, ...]]] = {
    "a signature": ("UPDATE definition_approval SET signature = %s WHERE person = 'ann'", (b"x" * 64,)),
    "the office of an approval": ("UPDATE definition_approval SET office = 'health' WHERE person = 'ann'", ()),
    "the person of an approval": ("UPDATE definition_approval SET person = 'eve' WHERE person = 'ann'", ()),
    "the office of a key": ("UPDATE definition_approver SET office = 'health' WHERE person = 'ann'", ()),
    "the version of an approval": ("UPDATE definition_approval SET definition_version = '9'", ()),
    "the version of a release": ("UPDATE definition_release SET definition_version = '9'", ()),
    "the name of a release": ("UPDATE definition_release SET definition_id = 'other'", ()),
    "a key": ("UPDATE definition_approver SET public_key = %s WHERE person = 'ann'", (FORGED.public,)),
    "the day of a key": ("UPDATE definition_approver SET since = '2030-01-01T00:00:00.000000+00:00'", ()),
    "the day of an approval": ("UPDATE definition_approval SET at = '2030-01-01T00:00:00.000000+00:00'", ()),
}


def unguarded(database: Database, act: str, values: tuple[object, ...]) -> None:
    """Change rows as the owner of the database, with the triggers off."""
    for table in TABLES:
        if database.kind == "sqlite":
            as_owner(database, f"DROP TRIGGER {table}_no_update", f"DROP TRIGGER {table}_no_delete")
        else:
            as_owner(database, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner(database, act, values=values)


def start(town: Town, database: Database) -> None:
    """Start a process on the database of the town, and end it."""
    settings = replace(bootstrap.settings(database=database.app_url, log_level="ERROR"), workflows=town.root)
    bootstrap.desk(settings).database.close()


@pytest.mark.parametrize("what", sorted(ATTACKS))
def test_a_release_that_somebody_tampered_with_stops_the_process_before_it_starts(
    town: Town, database: Database, what: str
) -> None:
    town.in_force()
    start(town, database)
    unguarded(database, *ATTACKS[what])
    with pytest.raises(ReleaseBroken) as caught:
        start(town, database)
    assert (caught.value.code, caught.value.exit_code) == ("release_broken", 3)
    (line,) = (
        one for one in installation.doctor(database.app_url, NOW, lambda: town.library) if one.name == "releases"
    )
    assert line.state == "bad"


def test_a_process_that_runs_opens_no_more_cases_and_a_running_case_goes_on(town: Town, database: Database) -> None:
    town.in_force()
    case = ask(town.desk, cmd.OpenCase(case="", area="900101", definition="tiny")).case
    unguarded(database, *ATTACKS["a signature"])
    town.desk.forget()
    with pytest.raises(ReleaseBroken):
        ask(town.desk, cmd.OpenCase(case="", area="900101", definition="tiny"))
    assert ask(town.desk, cmd.OpenTrack(case=case, track="search")).revision == 2


def test_a_hash_that_means_another_definition_is_noticed(town: Town, database: Database) -> None:
    """Two approvers whose program told them another name for the hash they signed."""
    made = town.in_force()
    rules = town.desk.books.rules[made.hash]
    other = rules.definition.model_copy(update={"version": "9"})
    town.desk.books.rules[made.hash] = replace(rules, definition=other)
    town.desk.forget()
    with town.desk.database.reading() as work, pytest.raises(ReleaseBroken, match="another definition"):
        town.desk.released(work)


def test_a_backdated_revocation_makes_the_release_void_and_says_so(town: Town, database: Database) -> None:
    """Who can write a revocation before the release can only take away: that fails closed."""
    town.in_force()
    release.revoke_approver(town.desk, town.keys[ANN.person].fingerprint, POLICE)
    start(town, database)
    unguarded(database, "UPDATE approver_revocation SET at = '2020-01-01T00:00:00.000000+00:00'", ())
    with pytest.raises(ReleaseBroken, match="revoked"):
        start(town, database)
