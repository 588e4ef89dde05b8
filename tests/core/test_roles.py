"""Roles: one closed list, in effect for a time, and some of them kept apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import inspect

from engine.access.model import ROLES as ACCESS_ROLES
from engine.core.roles import ROLES, Membership, clashes, is_clash
from engine.store.database import engine_for
from tests.conftest import Database
from tests.core.play import START

APART = {
    ("administrator", other) for other in ("caseworker", "unit_supervisor", "custodian", "service")
} | {("auditor", other) for other in ROLES if other not in ("auditor", "reader")}  # fmt: skip


def test_the_roles_are_the_same_everywhere_and_these_are_kept_apart(database: Database) -> None:
    assert ROLES == ACCESS_ROLES
    engine = engine_for(database.owner_url)
    checks = {one["name"]: one["sqltext"] for one in inspect(engine).get_check_constraints("membership")}
    engine.dispose()
    assert all(f"'{role}'" in checks["ck_membership_role"] for role in ROLES)
    assert checks["ck_membership_role"].count("'") == 2 * len(ROLES)
    assert {(one, other) for one in ROLES for other in ROLES if is_clash(one, other)} == APART
    assert list(clashes("custodian", ["administrator", "auditor", "caseworker", "administrator"])) == [
        "administrator", "auditor",
    ]  # fmt: skip


def test_a_membership_holds_from_its_first_instant_to_before_its_last() -> None:
    def at(hours: int) -> datetime:
        return START + timedelta(hours=hours)

    one = Membership(1, "officer-1", "police-a", "reader", at(2), at(4))
    assert [one.holds(at(hour)) for hour in (1, 2, 3, 4, 5)] == [False, True, True, False, False]
    assert [one.lasts(at(hour)) for hour in (1, 2, 3, 4, 5)] == [True, True, True, False, False]
    assert one.meets(at(0), at(2)) is False
    assert one.meets(at(0), at(3)) is one.meets(at(3), None) is True
    assert one.meets(at(4), None) is False
    assert one.covers(at(2), at(4)) is True
    assert one.covers(at(2), at(5)) is one.covers(at(1), at(3)) is one.covers(at(2), None) is False
