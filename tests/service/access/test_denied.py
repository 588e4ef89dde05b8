"""What is denied is denied with its reason and policies, changes nothing, and stands in the ledger: by whom, as what.

The ledger is read with an auditor's key, as nobody in the program can.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from engine.access.gate import SCHEMA, Gate
from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import (
    ApprovalsMissing,
    CaseUnknown,
    GuituError,
    NotHolder,
    NotPermitted,
    OwnApproval,
    PoliciesBroken,
    RequestChanged,
    RequestForeign,
    RequestUnknown,
    RequestUsed,
)
from engine.service import erasure, lists, people, read, reidentify, requests
from engine.service.account import ACT_OF
from engine.service.desk import Desk, shipped_gate
from engine.service.handle import handle
from engine.service.reidentify import Sought
from engine.service.requests import Asked
from engine.store.tables import TABLES
from tests.conftest import Database
from tests.service.access.acts import CHANGES, RUNNING, Act
from tests.service.access.worlds import ANN, GIRL, NOBODY_ACTS, UNITS, World, actor
from tests.service.asking import REQUESTS, RETENTION
from tests.service.inspection import as_owner
from tests.service.ledger.opening import Book, Told
from tests.signed import signed_in

NEVER = "90-never/of_a_test.cedar"
NOTES = """
@id("{id}") @title("试验规则") @title_en("A policy of a test") @source("deployer") @provenance("deployer")
@since("2026-11-22")
"""
OVERFLOWS = "context.approver_count - 9223372036854775807 - 2 > 0"
"""Fits the schema, and cannot be worked out."""


def stored(database: Database) -> dict[str, Any]:
    """Every row of the record room but for refusals and the ledger, in which alone a refusal leaves something."""
    names = sorted(name for name in TABLES if name != "refusal" and not name.startswith("ledger_"))
    rows = as_owner(database, *(f'SELECT * FROM "{name}"' for name in names))
    return {name: sorted(found, key=repr) for name, found in zip(names, rows, strict=True)}


@dataclass
class Denied:
    """A refusal as the person heard it, and as the ledger tells it."""

    error: GuituError | None = None
    entries: list[Told] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        """The one entry there is of it."""
        (told,) = self.entries
        return told.event


@contextmanager
def denied(world: World, error: type[GuituError], **said: object) -> Iterator[Denied]:
    """Hold what happens inside to be refused, with nothing changed, and entered as the account in ``said``."""
    book, before, found = Book.at(world.desk), stored(world.database), Denied()
    with pytest.raises(error) as refused:
        yield found
    found.error, found.entries = refused.value, book.news()
    assert stored(world.database) == before
    assert refused.value.zh
    assert refused.value.en
    expected = {"outcome": "refused", "reason": error.code, "policy": world.desk.gate.hash, **said}
    assert {name: found.entry[name] for name in expected} == expected


def with_policies(world: World, text: str) -> World:
    """The world at a desk with one more policy that forbids."""
    root = Path(str(importlib.resources.files("policies")))
    texts = {one.relative_to(root).as_posix(): one.read_text(encoding="utf-8") for one in root.rglob("*.cedar")}
    gate = Gate.of({**texts, NEVER: text}, (root / SCHEMA).read_text(encoding="utf-8"))
    return replace(world, desk=replace(world.desk, gate=gate))


def forbidding(action: str, when: str, name: str = "of-a-test") -> str:
    """A policy that forbids an action."""
    scope = f'(principal, action == Action::"{action}", resource)'
    return f"{NOTES.format(id=name)}forbid {scope} when {{ {when} }};"


def note(world: World, by: Actor = ANN) -> object:
    """Write a note on the track."""
    return handle(world.desk, cmd.Move(case=world.case, track="rescue", move="note_it", facts={"note": "seen"}), by)


# ── the policies ──


def test_a_policy_that_cannot_be_evaluated_denies_what_another_permits(world: World) -> None:
    broken = with_policies(world, forbidding("move", OVERFLOWS))
    assert broken.desk.gate.hash != shipped_gate().hash
    with denied(broken, NotPermitted, act="case:move", role="caseworker", policies=[]) as told:
        note(broken)
    assert told.error is not None
    assert "could not be evaluated" in told.error.en
    assert told.error.details["policies"] == []
    with denied(broken, CaseUnknown, act="case:move", role="auditor"):
        note(broken, actor("auditor"))


def test_where_it_cannot_be_worked_out_who_sees_a_case_nobody_does(world: World) -> None:
    broken = with_policies(world, forbidding("see_case", OVERFLOWS))
    with denied(broken, CaseUnknown, act="case:show", role="caseworker", policies=[]) as told:
        read.show(broken.desk, world.case, ANN)
    assert told.entries[0].concerned == {(world.case, None)}, "whom she asked about is entered all the same"
    assert [line.id for line in lists.cases_of(broken.desk, ANN).lines] == []
    broken = with_policies(world, forbidding("list_cases", OVERFLOWS))
    with denied(broken, NotPermitted, act="case:list", role="caseworker"):
        lists.cases_of(broken.desk, ANN)


def test_a_policy_that_forbids_is_named_to_the_person_and_in_the_ledger(world: World) -> None:
    strict = with_policies(world, forbidding("move", "true", "no-moves-today"))
    with denied(strict, NotPermitted, policies=["no-moves-today"], role="caseworker") as told:
        note(strict)
    assert told.error is not None
    assert told.error.details["policies"] == ["no-moves-today"]
    assert "A policy of a test (policy no-moves-today)" in told.error.en


@pytest.mark.parametrize("when", ["principal.rank > 3", 'context.weekday == "sunday"', "resource.file.colour == 1"])
def test_a_policy_about_an_attribute_that_there_is_not_opens_no_gate(world: World, when: str) -> None:
    with pytest.raises(PoliciesBroken, match=NEVER):
        with_policies(world, forbidding("move", when))


# ── the person ──


@pytest.mark.parametrize("why", NOBODY_ACTS)
def test_whoever_may_not_act_is_refused_by_that_reason(world: World, why: str) -> None:
    person, code = NOBODY_ACTS[why]
    by = signed_in(person, UNITS["own"])
    acts: dict[str, Callable[[], object]] = {
        "case:move": lambda: note(world, by), "case:show": lambda: read.show(world.desk, world.case, by),
        "case:list": lambda: lists.cases_of(world.desk, by),
        "people:list": lambda: people.people_of(world.desk, None, by),
    }  # fmt: skip
    for act, do in acts.items():
        with pytest.raises(GuituError) as refused:
            do()
        assert refused.value.code == code
        with denied(world, type(refused.value), act=act, actor=person, unit=UNITS["own"], role=None):
            do()
    assert refused.value.http == 403


def test_a_purpose_that_is_none_is_denied_by_name(world: World) -> None:
    curious = replace(ANN, purpose="curiosity")
    bans = ["only-for-handling", "purpose-is-stated"]
    with denied(world, NotPermitted, act="case:list", policies=bans, role="caseworker", purpose="unstated"):
        lists.cases_of(world.desk, curious)
    with denied(world, NotPermitted, act="case:show", policies=bans, role="caseworker", purpose="unstated"):
        read.show(world.desk, world.case, curious)


# ── the case ──


def test_a_part_that_ended_before_the_window_counts_no_more(world: World) -> None:
    by = actor("caseworker", "ended long ago")
    with denied(world, CaseUnknown, act="case:show", actor=by.person, role="caseworker") as told:
        read.show(world.desk, world.case, by)
    assert told.entries[0].concerned == {(world.case, None)}
    with denied(world, CaseUnknown, act="case:move", actor=by.person, role="caseworker"):
        note(world, by)
    assert world.case not in {line.id for line in lists.cases_of(world.desk, by, ended=True).lines}


def test_a_unit_that_sees_the_case_and_does_not_hold_it(world: World) -> None:
    for stands in ("lead", "ended lately", "receiving"):
        by = actor("caseworker", stands)
        acts_as = {"actor": by.person, "unit": by.unit, "role": "caseworker", "policies": []}
        with denied(world, NotHolder, act="case:move", **acts_as) as told:
            note(world, by)
        assert told.error is not None
        assert told.error.details["holders"] == [UNITS["own"]]
    only_basic = ["only-basic-before-accepting"]
    with denied(world, NotPermitted, act="case:timeline", role="caseworker") as told:
        read.timeline(world.desk, world.case, actor("caseworker", "receiving"))
    assert told.error is not None
    assert told.error.details["policies"] == only_basic
    assert set(only_basic) <= set(told.entry["policies"])


@pytest.mark.parametrize("role", ["reader", "administrator"])
def test_every_command_and_every_act_on_the_installation_is_entered_with_role_and_hash(world: World, role: str) -> None:
    book, by, before = Book.at(world.desk), actor(role, "next door"), stored(world.database)
    tried = [act for act in (*CHANGES, *RUNNING) if _is_refused(act, role) and act.action not in _APART]
    for act in tried:
        with pytest.raises(GuituError) as refused:
            act.do(world, by)
        event = book.only().event
        assert (event["outcome"], event["reason"]) == ("refused", refused.value.code), act.action
        assert (event["actor"], event["role"], event["policy"]) == (by.person, role, world.desk.gate.hash), act.action
        if act in CHANGES:
            assert event["act"] == ACT_OF[cmd.COMMANDS[act.action]]
    assert len(tried) > 25
    assert stored(world.database) == before


_APART = {"approve_definition", "release_definition"}
"""What is proved anew before anybody is asked for, which takes long."""


def _is_refused(act: Act, role: str) -> bool:
    return act.expected(role, "next door") in ("not_permitted", "case_unknown")


# ── what others approve ──


def _asked(world: World) -> Asked:
    return reidentify.ask(world.desk, REQUESTS, Sought(world.case, GIRL, ("name",)), "notify_family", ANN)


def _approve(desk: Desk, asked: Asked, by: Actor, digest: str | None = None) -> object:
    return requests.approve(desk, asked.exact.request, digest or asked.digest, by)


def test_an_approval_is_somebody_elses_of_the_area_and_of_exactly_that(world: World) -> None:
    asked, other = world.asked["reveal"], world.asked["erase"]
    with denied(world, OwnApproval, act="request:approve", actor=ANN.person, role="caseworker"):
        _approve(world.desk, asked, ANN)
    with denied(world, RequestUnknown, act="request:approve", role="custodian", policies=[]):
        _approve(world.desk, asked, actor("custodian", "elsewhere"))
    ban = ["administrators-never-see-content"]
    with denied(world, RequestUnknown, act="request:approve", role="administrator", policies=ban):
        _approve(world.desk, asked, actor("administrator"))
    for digest in (other.digest, "0" * 64):
        with denied(world, RequestChanged, act="request:approve", role="custodian") as told:
            _approve(world.desk, asked, actor("custodian"), digest)
        assert told.entries[0].concerned == {(world.case, None)}
        assert told.entry["details"]["request"] == asked.exact.request


def test_a_request_is_used_by_who_asked_when_approved_and_once(world: World) -> None:
    asked = _asked(world)
    request = asked.exact.request
    with denied(world, ApprovalsMissing, act="identity:reveal", role="caseworker"):
        reidentify.reveal(world.desk, REQUESTS, request, ANN)
    _approve(world.desk, asked, actor("custodian"))
    with denied(world, RequestForeign, act="identity:reveal", role="unit_supervisor"):
        reidentify.reveal(world.desk, REQUESTS, request, actor("unit_supervisor"))
    assert reidentify.reveal(world.desk, REQUESTS, request, ANN).on == request
    with denied(world, RequestUsed, act="identity:reveal", role="caseworker") as told:
        reidentify.reveal(world.desk, REQUESTS, request, ANN)
    assert told.entries[0].concerned == {(world.case, None), (world.case, GIRL)}


def test_a_hold_is_released_once_on_one_request(world: World) -> None:
    desk, case = world.desk, world.case
    custodians = (signed_in("custodian-2", "health"), actor("custodian"))
    erasure.hold(desk, RETENTION, case, "inspection", ANN)
    asked = erasure.ask_release(desk, REQUESTS, case, "inspection", ANN)
    _approve(desk, asked, custodians[0])
    with denied(world, ApprovalsMissing, act="erasure:release", role="caseworker"):
        erasure.release_hold(desk, case, "inspection", ANN, asked.exact.request)
    _approve(desk, asked, custodians[1])
    with denied(world, RequestForeign, act="erasure:release", role="caseworker"):
        erasure.release_hold(desk, case, "litigation", ANN, asked.exact.request)
    erasure.release_hold(desk, case, "inspection", ANN, asked.exact.request)
    erasure.hold(desk, RETENTION, case, "inspection", ANN)
    with denied(world, RequestUsed, act="erasure:release", role="caseworker"):
        erasure.release_hold(desk, case, "inspection", ANN, asked.exact.request)
