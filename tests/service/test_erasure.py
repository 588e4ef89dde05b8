"""A case is erased: everything that stands against it is told at once, and afterwards nobody opens it, with any key."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import (
    ApprovalsMissing,
    ApprovedAlready,
    CaseErased,
    CaseUnknown,
    CommandMalformed,
    ContentUnreadable,
    ErasureRefused,
    GuituError,
    KeyMaterialDamaged,
    NothingToChange,
    OwnApproval,
    RequestForeign,
    RequestUnknown,
    RequestUsed,
)
from engine.service import attachments, erasure, lists, read
from engine.service.desk import Desk
from engine.service.erasure import Certificate, Erasing
from engine.service.handle import Answer
from engine.service.retention import Retention, retention
from engine.vault.keys import CaseKey, Cell, Keyring, WrappedCaseKey, WrappedKey, open_case_key
from tests.conftest import Database
from tests.keys import ROOTS
from tests.service import asking
from tests.service.asking import CUSTODIANS
from tests.service.desks import POLICE, ask, identify, play_desk
from tests.service.inspection import Row, as_owner, everything
from tests.service.sealed_world import HERE, World, case_of, check_readable, found, other_desk, readable, rotating

ASKER = Actor("officer-1", "police-a")
STRANGER = Actor("officer-1", "police-n")
BY_MISTAKE, OVER = "opened_by_mistake", "retention_over"
RULES: Retention = retention()


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk on each kind of database, with a folder of attachments."""
    with play_desk(database.app_url) as at:
        at.attachments = tmp_path / "attachments"
        yield at


@pytest.fixture
def world(desk: Desk) -> World:
    """Give two cases with persons, a note, a file and a refusal; the first one is closed."""
    made = World()
    for reference in ("P-VIC1", "P-VIC2"):
        case = case_of(desk, made, reference)
        attachments.add(desk, case, io.BytesIO(b"a scanned page of nobody"), "page.txt", POLICE)
        ask(desk, cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key=case))
        with pytest.raises(GuituError):
            ask(desk, cmd.Move(case=case, track="rescue", move="place"))
    ask(desk, cmd.Contribute(case=made.cases[0], track="rescue", documents=("report",)))
    ask(desk, cmd.Close(case=made.cases[0], outcome="death"))
    return made


def _erase(desk: Desk, case: str, ground: str = BY_MISTAKE, by: tuple[Actor, ...] = CUSTODIANS) -> Certificate:
    return asking.erase(desk, case, ASKER, ground, by)


def _asked_for(database: Database, case: str) -> list[Row]:
    """The requests on record about a case."""
    return as_owner(database, "SELECT * FROM request WHERE case_id = %s", values=(case,))[0]


def _told(desk: Desk, database: Database, case: str, ground: str, by: tuple[Actor, ...]) -> list[str]:
    with pytest.raises(ErasureRefused) as told:
        _erase(desk, case, ground, by)
    assert {one["state"] for one in _asked_for(database, case)} <= {"asked"}, "a refusal uses nothing up"
    assert all(reason.zh and reason.en for reason in told.value.reasons)
    return sorted(reason.code for reason in told.value.reasons)


# ── what stands against it ──


def test_all_that_stands_against_an_erasure_is_told_at_once(desk: Desk, database: Database, world: World) -> None:
    closed, still_open = world.cases
    for reason in ("litigation", "claim"):
        erasure.hold(desk, RULES, still_open, reason, POLICE)
    before = everything(database)
    everybody = ["approvals_missing", "case_open", "legal_hold", "legal_hold", "retention_runs"]
    assert _told(desk, database, still_open, OVER, CUSTODIANS[:1]) == everybody
    assert _told(desk, database, closed, OVER, CUSTODIANS) == ["retention_runs"]
    assert everything(database) == before
    request = asking.approved_erasure(desk, closed, ASKER, BY_MISTAKE)
    without_it = RULES.model_copy(update={"grounds": {OVER: RULES.grounds[OVER]}})
    with pytest.raises(ErasureRefused) as told:
        Erasing(desk, without_it).erase(closed, BY_MISTAKE, ASKER, request)
    assert [reason.code for reason in told.value.reasons] == ["ground_unknown"], "the rules changed meanwhile"


def test_two_others_must_agree(desk: Desk, database: Database, world: World) -> None:
    for by in ((), CUSTODIANS[:1]):
        assert _told(desk, database, world.cases[0], BY_MISTAKE, by) == ["approvals_missing"]


def test_and_they_are_two_custodians_of_the_area(desk: Desk, world: World) -> None:
    first = CUSTODIANS[0]
    refused: tuple[tuple[Actor, type[GuituError]], ...] = (
        (first, ApprovedAlready),
        (Actor(first.person, "police-a"), ApprovedAlready),
        (ASKER, OwnApproval),
        (Actor(ASKER.person, "civil-a"), OwnApproval),
        (Actor("officer-4", "police-b"), RequestUnknown),
        (Actor("officer-4", "civil-a", role="caseworker"), RequestUnknown),
    )
    for second, error in refused:
        with pytest.raises(error):
            _erase(desk, world.cases[0], by=(first, second))


def test_an_approval_is_for_one_case_one_ground_one_asker_and_one_time(desk: Desk, world: World) -> None:
    case, other = world.cases
    erasing = Erasing(desk, RULES, desk.attachments)
    request = asking.approved_erasure(desk, case, ASKER)
    for words in ((other, BY_MISTAKE, ASKER), (case, "ordered", ASKER), (case, BY_MISTAKE, POLICE)):
        with pytest.raises(RequestForeign):
            erasing.erase(*words, request)
    with pytest.raises(CaseUnknown):
        erasing.erase(case, BY_MISTAKE, STRANGER, request)
    with pytest.raises(RequestUnknown):
        erasing.erase(case, BY_MISTAKE, ASKER, "R-0000")
    assert erasing.erase(case, BY_MISTAKE, ASKER, request).asked_by == "officer-1@police-a"


def test_whoever_has_nothing_to_do_with_a_case_neither_asks_nor_holds(desk: Desk, world: World) -> None:
    case = world.cases[0]
    for act in (
        lambda: Erasing(desk, RULES).ask(asking.REQUESTS, case, BY_MISTAKE, STRANGER),
        lambda: erasure.hold(desk, RULES, case, "claim", STRANGER),
        lambda: erasure.ask_release(desk, asking.REQUESTS, case, "claim", STRANGER),
    ):
        with pytest.raises(CaseUnknown):
            act()


def test_retention_ends_on_its_day(desk: Desk, database: Database, world: World) -> None:
    case = world.cases[0]
    with desk.database.reading() as work:
        (closed_at,) = [line.changed_at for line in work.cases() if line.id == case]
    ends = closed_at + timedelta(days=RULES.closed_days)
    early = replace(desk, clock=lambda: ends - timedelta(seconds=1))
    assert _told(early, database, case, OVER, CUSTODIANS) == ["retention_runs"]
    assert _erase(replace(desk, clock=lambda: ends), case, OVER).ground == OVER


def test_a_hold_keeps_a_case_until_it_is_released_whatever_the_policy_says_by_then(desk: Desk, world: World) -> None:
    case = world.cases[0]
    erasure.hold(desk, RULES, case, "litigation", POLICE)
    with pytest.raises(NothingToChange):
        erasure.hold(desk, RULES, case, "litigation", POLICE)
    later = RULES.model_copy(update={"holds": {}})
    request = asking.approved_erasure(desk, case, ASKER)
    with pytest.raises(ErasureRefused) as told:
        Erasing(desk, later).erase(case, BY_MISTAKE, ASKER, request)
    assert [reason.code for reason in told.value.reasons] == ["legal_hold"]
    with pytest.raises(NothingToChange):
        erasure.ask_release(desk, asking.REQUESTS, case, "claim", POLICE)
    asked = erasure.ask_release(desk, asking.REQUESTS, case, "litigation", POLICE)
    asking.approve(desk, asked, CUSTODIANS[:1])
    with pytest.raises(ApprovalsMissing):
        erasure.release_hold(desk, case, "litigation", POLICE, asked.exact.request)
    with pytest.raises(RequestForeign):
        erasure.release_hold(desk, case, "litigation", POLICE, request)
    asking.approve(desk, asked, CUSTODIANS[1:])
    erasure.release_hold(desk, case, "litigation", POLICE, asked.exact.request)
    with pytest.raises(RequestUsed):
        erasure.release_hold(desk, case, "litigation", POLICE, asked.exact.request)
    assert Erasing(desk, RULES, desk.attachments).erase(case, BY_MISTAKE, ASKER, request).case == case


def test_words_that_are_no_codes_and_cases_nobody_knows_are_refused(
    desk: Desk, database: Database, world: World
) -> None:
    before = everything(database)
    with pytest.raises(CommandMalformed):
        erasure.hold(desk, RULES, world.cases[0], "rain", POLICE)
    with pytest.raises(CommandMalformed):
        _erase(desk, world.cases[0], by=(CUSTODIANS[0], Actor("王某", "police-a")))
    with pytest.raises(CommandMalformed):
        _erase(desk, world.cases[0], ground="boredom")
    with pytest.raises(CaseUnknown):
        _erase(desk, "GT-9999")
    assert everything(database) == before


# ── afterwards ──


def _every_way(desk: Desk, case: str) -> dict[str, Callable[[], object]]:
    return {
        "show": lambda: read.show(desk, case, POLICE),
        "moves": lambda: read.moves(desk, case, POLICE),
        "timeline": lambda: read.timeline(desk, case, POLICE),
        "events": lambda: read.events_of(desk, case),
        "replay": lambda: read.replay(desk, case),
        "happened": lambda: read.happened(desk, Answer(case, 1, ())),
        "files": lambda: attachments.listed(desk, case, POLICE),
        "attach": lambda: attachments.add(desk, case, io.BytesIO(b"a page"), "page.txt", POLICE),
        "command": lambda: ask(desk, cmd.Reopen(case=case, track="rescue", reason="again")),
        "the same command again": lambda: ask(
            desk, cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key=case)
        ),
        "identity": lambda: identify(desk, case, "P-VIC1", "victim"),
        "hold": lambda: erasure.hold(desk, RULES, case, "claim", POLICE),
        "ask": lambda: _erase(desk, case),
        "erase": lambda: Erasing(desk, RULES).erase(case, BY_MISTAKE, ASKER, "R-0000"),
    }  # fmt: skip


def test_an_erased_case_says_so_everywhere_and_the_others_are_as_before(
    desk: Desk, database: Database, world: World
) -> None:
    erased, other = world.cases
    _, identity = world.people.pop("P-VIC1")
    assert found(desk, identity) == {erased}
    world.cases.remove(erased)
    before = readable(desk, world)
    for act in list(_every_way(desk, erased).values())[:7]:
        act()  # the key lies open in the cache of this process
    certificate = _erase(desk, erased)

    for way, act in _every_way(desk, erased).items():
        with pytest.raises(CaseErased) as told:
            act()
        assert (told.value.http, told.value.exit_code) == (410, 4), way
    assert readable(desk, world) == before
    assert {line.case for line in lists.worklist(desk, POLICE).held} == {other}
    assert [line.id for line in lists.cases_of(desk, POLICE).lines] == [other]
    assert [line.id for line in lists.cases_of(desk, POLICE, ended=True).lines] == [erased], "its part ended lately"
    assert found(desk, identity) == set()
    assert erasure.certificate_of(desk, erased) == certificate
    with pytest.raises(NothingToChange):
        erasure.certificate_of(desk, other)


def test_nothing_is_left_that_opens_it(desk: Desk, database: Database, world: World) -> None:
    case = world.cases[0]
    before = everything(database)
    files = {path.name for path in (desk.attachments or Path()).rglob("*") if path.is_file()}
    certificate = _erase(desk, case)
    assert (certificate.case_keys, certificate.persons, certificate.attachments) == (1, 1, 1)
    assert certificate.approved_by == ("officer-2@civil-a", "officer-3@police-a")
    assert certificate.not_before == certificate.erased_at.date() + timedelta(days=RULES.backup_days)
    (under,) = [row["vault_key"] for row in before["case_key"] if row["case_id"] == case]
    assert certificate.vault_keys == (under,)
    for table in ("case_key", "person", "blind_index", "attachment", "case_fact"):
        assert as_owner(database, f"SELECT 1 FROM {table} WHERE case_id = %s", values=(case,)) == [[]]
    left = {path.name for path in (desk.attachments or Path()).rglob("*") if path.is_file()}
    assert (len(files), len(left)) == (2, 1)

    after = everything(database)
    (record,) = [row for row in after["case_record"] if row["id"] == case]
    assert bytes(record["content"]) == b""
    for table in ("case_event", "case_event_part"):
        events = [row for row in after[table] if row["case_id"] == case]
        assert events == [row for row in before[table] if row["case_id"] == case]
        assert events
        assert not any(_opens(key, row, case) for row in events for key in _every_key(after, case))
        assert any(_opens(key, events[0], case) for key in _every_key(before, case)), "with the key that is gone"


def _every_key(rows: dict[str, list[dict[str, Any]]], case: str) -> Iterator[CaseKey]:
    """Yield every key that the installation can make of its rows, taken for the key of this case."""
    wrapped = [
        WrappedKey(row["id"], row["kind"], row["jurisdiction"], row["version"], bytes(row["wrapped"]))
        for row in rows["vault_key"]
    ]
    ring = Keyring(ROOTS, wrapped)
    for vault in wrapped:
        key = ring.get(vault.id)
        assert key is not None
        yield CaseKey(case, {1: key.secret})
    for row in rows["case_key"]:
        under = ring.get(row["vault_key"])
        assert under is not None
        of_case = WrappedCaseKey(row["case_id"], row["version"], row["vault_key"], bytes(row["wrapped"]))
        yield CaseKey(case, {1: open_case_key(of_case, under)})


def _opens(key: CaseKey, row: dict[str, Any], case: str) -> bool:
    cell = Cell("case_event", case, "body", row["number"])
    if "field_class" in row:
        cell = Cell("case_event_part", f"{case}/{row['field_class']}", "sealed", row["number"])
    try:
        key.unseal(bytes(row["sealed" if "field_class" in row else "body"]), cell)
    except ContentUnreadable:
        return False
    return True


def test_a_certificate_is_never_changed_and_outlives_every_rotation(
    desk: Desk, database: Database, world: World
) -> None:
    erased = world.cases.pop(0)
    world.people.pop("P-VIC1")
    certificate = _erase(desk, erased)
    for act in ("UPDATE erasure_certificate SET body = %s", "DELETE FROM erasure_certificate WHERE body <> %s"):
        with pytest.raises(Exception, match="append-only"):
            as_owner(database, act, values=(b"",))
    for kind in ("case", "case_key", "identity", "index"):
        steps = [*rotating(desk).run(kind, HERE)]
        assert steps[-1].finished
        assert steps[-1].done == steps[-1].total
    assert erasure.certificate_of(desk, erased) == certificate
    destroyed = as_owner(database, "SELECT id FROM vault_key WHERE destroyed_at IS NOT NULL")[0]
    assert set(certificate.vault_keys) <= {row["id"] for row in destroyed}, "now the erasure is complete"
    with pytest.raises(CaseErased):
        read.show(desk, erased, POLICE)
    check_readable(desk, world)


# ── two processes ──


def test_a_process_that_has_the_key_open_is_refused_at_its_next_request(
    desk: Desk, database: Database, world: World
) -> None:
    case = world.cases[0]
    with other_desk(database, desk) as other:
        read.timeline(other, case, POLICE)
        _erase(desk, case)
        for act in (read.show, read.moves, read.timeline):
            with pytest.raises(CaseErased):
                act(other, case, POLICE)
        with pytest.raises(CaseErased):
            ask(other, cmd.Reopen(case=case, track="rescue", reason="again"))


def test_a_command_that_waits_while_its_case_is_erased_is_told_so(
    desk: Desk, database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, destroy = world.cases[0], Erasing._destroy
    with other_desk(database, desk) as other, ThreadPoolExecutor(1) as thread:
        read.timeline(other, case, POLICE)
        waiting = []

        def slowly(self: Erasing, *words: Any) -> tuple[Certificate, bytes]:
            waiting.append(thread.submit(ask, other, cmd.Reopen(case=case, track="rescue", reason="again")))
            Event().wait(0.4)
            return destroy(self, *words)

        monkeypatch.setattr(Erasing, "_destroy", slowly)
        _erase(desk, case)
        with pytest.raises(CaseErased):
            waiting[0].result(20)


def test_a_key_that_somebody_removed_is_damage_and_no_erasure(desk: Desk, database: Database, world: World) -> None:
    as_owner(database, "DELETE FROM case_key WHERE case_id = %s", values=(world.cases[1],))
    with pytest.raises(KeyMaterialDamaged):
        read.show(desk, world.cases[1], POLICE)
