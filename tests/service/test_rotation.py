"""Keys are rotated beside the daily work: nothing is lost, nothing is done twice, and the old key is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice, pairwise

import pytest

from engine.core import commands as cmd
from engine.errors import CommandMalformed, KeyMaterialDamaged
from engine.service import safe
from engine.service.desk import Desk
from engine.service.handle import Answer
from engine.service.rotation import Rotation, RotationKind
from engine.service.story_people import invented
from engine.store.rotations import RotationRows
from tests.conftest import Database
from tests.service.desks import ask, opened, play_desk
from tests.service.inspection import as_owner, everything
from tests.service.sealed_world import (
    HERE,
    NEXT_DOOR,
    SEALED_TABLES,
    World,
    case_of,
    check_destroyed,
    check_readable,
    check_world,
    found,
    other_desk,
    person,
    populate,
    readable,
    rotating,
    vault_keys,
)

OF_A_JURISDICTION: tuple[RotationKind, ...] = ("case", "case_key", "identity", "index")
DESTROYING = ("case", "identity", "index")


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """Give a desk on each kind of database."""
    with play_desk(database.app_url) as at:
        yield at


@pytest.fixture
def world(desk: Desk) -> World:
    """Give a world with something of everything."""
    made = World()
    populate(desk, made)
    return made


def _place(kind: str) -> str:
    return "*" if kind == "installation" else HERE


@pytest.mark.parametrize("kind", [*OF_A_JURISDICTION, "installation"])
def test_after_a_rotation_everything_is_as_before_and_the_old_key_is_gone(
    desk: Desk, database: Database, world: World, kind: RotationKind
) -> None:
    before, rows = readable(desk, world), everything(database)
    steps = list(rotating(desk).run(kind, _place(kind)))
    assert steps[-1].finished
    assert not steps[0].finished
    assert all(one.done <= other.done for one, other in pairwise(steps))
    assert steps[-1].done == steps[-1].total

    assert readable(desk, world) == before
    desk.safe.forget()
    assert readable(desk, world) == before
    after = everything(database)
    for table in ("case_event", "case_event_part", "refusal", "idempotency", "hand_off", "track_position"):
        assert after[table] == rows[table], "history is never written again"
    if kind in DESTROYING:
        check_destroyed(database, kind)
    elif kind == "installation":
        assert [row["destroyed_at"] for row in vault_keys(database, kind, HERE)] == [None, None]
    else:
        here = [row["id"] for row in rows["case_record"] if row["jurisdiction"] == HERE]
        versions = [(row["case_id"], row["version"]) for row in after["case_key"] if row["case_id"] in here]
        assert sorted(versions) == sorted((case, version) for case in here for version in (1, 2))
    assert ask(
        desk,
        cmd.Move(case=world.cases[0], track="rescue", move="note_it", facts={"note": "seen"}, idempotency_key="first"),
    ).repeated
    check_world(desk, database, world)


@pytest.mark.parametrize("kind", [*OF_A_JURISDICTION, "installation"])
def test_daily_work_goes_on_between_any_two_batches(
    desk: Desk, database: Database, world: World, kind: RotationKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with other_desk(database, desk) as stale:
        monkeypatch.setattr(safe, "RING_SECONDS", 1e9)  # the other process never looks at the keys again by itself
        works = {"here": desk, "elsewhere": stale}
        for number, step in enumerate(rotating(desk, batch=1).run(kind, _place(kind))):
            for name, at in works.items() if number < 4 or step.finished else ():
                case = case_of(at, world, f"P-{name.upper()}{number}")
                person(at, world, world.cases[0], f"P-MORE{name.upper()}{number}")
                ask(at, cmd.Contribute(case=world.cases[0], track="rescue", note="seen", idempotency_key=case))
                ask(at, cmd.Contribute(case=case, track="rescue", note="seen"))
                assert found(at, invented(f"P-{name.upper()}{number}")) == {case}
                amended = next(iter(world.people))
                person(at, world, world.people[amended][0], amended)
                check_readable(at, world)
    monkeypatch.undo()
    with other_desk(database, desk, 900) as fresh:
        check_world(fresh, database, world)
    if kind in DESTROYING:
        check_destroyed(database, kind)


class Stopped(Exception):
    """A rotation is stopped here."""


def _stopping_at(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the transaction of that batch fail at its very end."""
    go_on, seen = RotationRows.go_on, []

    def stop(self: RotationRows, *words: object) -> None:
        go_on(self, *words)  # type: ignore[arg-type]
        seen.append(words)
        if len(seen) == batch:
            raise Stopped

    monkeypatch.setattr(RotationRows, "go_on", stop)


@pytest.mark.parametrize("dropped", [False, True], ids=["between two batches", "in the midst of one"])
@pytest.mark.parametrize("kind", OF_A_JURISDICTION)
def test_a_rotation_that_stops_at_any_batch_goes_on_where_it_stopped(  # noqa: PLR0917 - fixtures and cases
    desk: Desk, database: Database, world: World, kind: RotationKind, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = readable(desk, world)
    run = rotating(desk, batch=1).run(kind, HERE)
    first = next(run)
    done, stops = first.done, 0
    while True:
        with monkeypatch.context() as patch, suppress(Stopped):
            if dropped:
                _stopping_at(2, patch)
            list(islice(rotating(desk, batch=1).resume(), None if dropped else 2))
        assert readable(desk, world) == before, "also half-way"
        with desk.database.reading() as work:
            row = next(one for one in work.rotations() if one.kind == kind)
        assert row.done >= done
        done, stops = row.done, stops + 1
        if row.finished_at is not None:
            break
    assert stops > 3
    assert done == first.total, "nothing twice"
    assert list(rotating(desk).resume()) == []
    persons = [row["revision"] for row in everything(database)["person"] if row["case_id"] == world.cases[0]]
    assert set(persons) == ({2} if kind in ("identity", "case_key") else {1})
    check_world(desk, database, world)


def test_a_new_case_key_that_was_never_committed_seals_nothing(
    desk: Desk, database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch dies right after the new key was opened; the same process goes on working with the case."""

    def die(*_: object) -> int:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(RotationRows, "reseal_case", die)
        with pytest.raises(Stopped):
            list(rotating(desk).run("case_key", HERE))
    for case in world.cases[:2]:
        ask(desk, cmd.Contribute(case=case, track="rescue", note="seen"))
    desk.safe.forget()
    check_world(desk, database, world)


@pytest.mark.parametrize("kind", DESTROYING)
def test_who_seals_under_the_old_key_after_all_was_done_is_done_too(
    desk: Desk, database: Database, world: World, kind: RotationKind
) -> None:
    with other_desk(database, desk) as stale:
        run = rotating(desk, batch=100).run(kind, HERE)
        assert [next(run).done, next(run).done][1] > 0
        stale.safe._read_at = float("inf")  # it does not look at the keys again by itself
        world.cases.append(case := opened(stale))
        person(stale, world, case, "P-LATE")
        old_key = vault_keys(database, kind, HERE)[0]["id"]
        late = f"SELECT 1 FROM {SEALED_TABLES[kind]} WHERE vault_key = %s AND case_id = %s"
        assert as_owner(database, late, values=(old_key, case)) != [[]], "it did not know the new key"
        person(stale, world, world.cases[0], "P-VIC1")
        assert list(islice(run, 10))[-1].finished
    check_destroyed(database, kind)
    check_world(desk, database, world)


def test_one_jurisdiction_does_not_touch_the_other(desk: Desk, database: Database, world: World) -> None:
    def next_door() -> dict[str, list[object]]:
        rows = everything(database)
        cases = [row["id"] for row in rows["case_record"] if row["jurisdiction"] == NEXT_DOOR]
        assert cases
        return {
            "case_record": [row for row in rows["case_record"] if row["id"] in cases],
            "vault_key": [row for row in rows["vault_key"] if row["jurisdiction"] == NEXT_DOOR],
            **{
                table: [row for row in rows[table] if row["case_id"] in cases]
                for table in ("case_key", "person", "blind_index", "case_fact", "case_event_part")
            },
        }

    before = next_door()
    assert all(before.values())
    for kind in OF_A_JURISDICTION:
        assert [*rotating(desk).run(kind, HERE)][-1].finished
    assert next_door() == before
    check_world(desk, database, world)


def test_what_cannot_be_rotated_is_told(desk: Desk, database: Database, world: World) -> None:
    before = everything(database)
    for kind, place in (
        ("case", "700000"),
        ("case_key", "王某"),
        ("installation", HERE),
        ("root", HERE),
        ("root", "*"),
    ):
        with pytest.raises(CommandMalformed):
            list(rotating(desk).run(kind, place))  # type: ignore[arg-type]
    assert everything(database) == before
    assert as_owner(database, "SELECT 1 FROM key_rotation") == [[]]


def test_a_missing_case_key_stops_a_rotation_and_the_old_key_stays(
    desk: Desk, database: Database, world: World
) -> None:
    as_owner(database, "DELETE FROM case_key WHERE case_id = %s", values=(world.cases[1],))
    desk.safe.forget()
    with pytest.raises(KeyMaterialDamaged):
        list(rotating(desk).run("identity", HERE))
    assert vault_keys(database, "identity", HERE)[0]["destroyed_at"] is None


@pytest.mark.parametrize("kind", DESTROYING)
def test_a_request_that_sealed_under_the_old_key_and_is_slow_loses_nothing(
    desk: Desk, database: Database, world: World, kind: RotationKind
) -> None:
    """It has written, not yet committed, while a rotation from another process comes to its end."""
    with other_desk(database, desk) as slow, ThreadPoolExecutor(1) as thread:
        world.cases.append(case := opened(slow))
        rotation, done = rotating(desk), threading.Event()
        ended: list[object] = []

        def rotate() -> None:
            ended.extend(rotation.run(kind, HERE))
            done.set()

        def wait(step: int) -> None:
            if step == 9:
                slow.probe = lambda _: None
                ended.append(thread.submit(rotate))
                assert not done.wait(0.5), "the rotation waits for whoever seals under its key"

        slow.probe = wait
        if kind == "case":
            world.cases.append(opened(slow))
        else:
            person(slow, world, case, "P-SLOW")
        assert done.wait(20)
    check_world(desk, database, world)
    check_destroyed(database, kind)


@pytest.mark.parametrize("kind", ["case_key", "identity", "index"])
def test_a_command_that_waits_for_a_case_while_its_key_is_rotated_is_carried_out(
    desk: Desk, database: Database, world: World, kind: RotationKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on: Callable[..., None] = RotationRows.go_on
    with other_desk(database, desk) as other, ThreadPoolExecutor(1) as thread:
        readable(other, world)
        waiting: list[Future[Answer]] = []

        def slowly(self: RotationRows, *words: object) -> None:
            if not waiting:
                command = cmd.Contribute(case=world.cases[0], track="rescue", note="seen")
                waiting.append(thread.submit(ask, other, command))
                threading.Event().wait(0.4)
            go_on(self, *words)

        monkeypatch.setattr(RotationRows, "go_on", slowly)
        list(rotating(desk).run(kind, HERE))
        assert waiting[0].result(20).happened == ("note_added",)
    check_world(desk, database, world)


def test_two_who_rotate_the_same_key_at_once_do_it_once(desk: Desk, database: Database, world: World) -> None:
    with other_desk(database, desk) as other:
        runs: list[Iterator[object]] = [
            Rotation(at, settle=lambda: None, batch=1).run("case", HERE) for at in (desk, other)
        ]
        while runs:
            runs = [run for run in runs if next(run, None) is not None]
        assert len(as_owner(database, "SELECT id FROM key_rotation")[0]) == 1
    assert [row["version"] for row in vault_keys(database, "case", HERE)] == [1, 2]
    check_destroyed(database, "case")
    check_world(desk, database, world)
