"""A process killed between any two of the ten steps: the case is wholly as before, or wholly as after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command
from engine.errors import Refused
from engine.service.desk import Desk
from engine.service.handle import handle
from tests.conftest import Database
from tests.core.play import READY, START
from tests.service.desks import CIVIL, POLICE, ask, opened, play_desk
from tests.service.inspection import Everything, check_whole, everything
from tests.service.processes import Processes, started

KILLED, ALARMED, REFUSED = -9, -14, 3
COMMITTED = 10
"""The step behind the one commit."""


@dataclass(frozen=True)
class Scene:
    """A command that a process dies of, the actor, and how its case is made ready for it."""

    command: Callable[[Desk], Command]
    actor: Actor


def _moves(desk: Desk) -> Command:
    return cmd.Move(case=opened(desk), track="rescue", move="note_it", facts={"note": "seen"})


def _offers(desk: Desk) -> Command:
    return cmd.Move(case=opened(desk, **READY), track="rescue", move="place")


def _accepts(desk: Desk) -> Command:
    offer = ask(desk, _offers(desk))
    return cmd.Accept(case=offer.case, hand_off=offer.offered[0])


def _declines(desk: Desk) -> Command:
    offer = ask(desk, _offers(desk))
    return cmd.Decline(case=offer.case, hand_off=offer.offered[0], reason="not_ours")


def _opens(desk: Desk) -> Command:
    return cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})


def _transfers(desk: Desk) -> Command:
    offer = ask(desk, cmd.OfferTransfer(case=opened(desk), area="800000", to_unit="police-n"))
    return cmd.Accept(case=offer.case, hand_off=offer.offered[0])


SCENES = {
    "a move that moves": Scene(_moves, POLICE),
    "a move that offers": Scene(_offers, POLICE),
    "an acceptance": Scene(_accepts, CIVIL),
    "a decline": Scene(_declines, CIVIL),
    "an opening": Scene(_opens, POLICE),
    "a transfer of the whole case": Scene(_transfers, Actor("ny", "police-n")),
}


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that may be killed."""
    with started() as found:
        yield found


def _task(database: Database, command: Command, actor: Actor, **more: Any) -> dict[str, Any]:
    """The same command, for a process that starts five minutes later and makes pseudonyms of its own."""
    name = next(name for name, kind in COMMANDS.items() if isinstance(command, kind))
    return {
        "url": database.app_url, "since": (START + timedelta(minutes=5)).isoformat(), "first": 500,
        "command": name, "words": asdict(command), "person": actor.person, "unit": actor.unit, **more,
    }  # fmt: skip


ON_POSTGRESQL = {"a move that offers", "a transfer of the whole case"}
"""What every run dies of on PostgreSQL too: those that write most; `make long` has them all."""


@pytest.mark.parametrize(
    ("database", "name"),
    [
        pytest.param(kind, name, marks=pytest.mark.long if kind == "postgresql" and name not in ON_POSTGRESQL else ())
        for kind in ("sqlite", "postgresql")
        for name in SCENES
    ],
    indirect=["database"],
)
def test_a_process_killed_between_any_two_steps_leaves_all_or_nothing(
    database: Database, processes: Processes, name: str
) -> None:
    scene = SCENES[name]
    for step in range(1, 11):
        # Each round has its own unit of time and its own case; what earlier rounds left behind must not change either.
        begin = START + timedelta(hours=step)
        with play_desk(database.app_url, step * 10, since=begin) as desk:
            command = _with_key(scene.command(desk), f"k{step}")
        before = everything(database)
        task = _task(database, command, scene.actor, step=step, first=500 + step * 10)
        task["since"] = (begin + timedelta(minutes=5)).isoformat()
        assert processes.run(task) == [KILLED]
        with play_desk(database.app_url, 900 + step, since=begin + timedelta(minutes=9), known=True) as desk:
            after = check_whole(desk, database)
            assert (after == before) == (step < COMMITTED), f"killed at step {step}"
            first = handle(desk, command, scene.actor)
            assert first.repeated == (step == COMMITTED)
            again = handle(desk, command, scene.actor)
            assert (again, again.repeated) == (first, True)
            _check_one_effect(before, check_whole(desk, database), first.case)


def _with_key(command: Command, key: str) -> Command:
    return replace(command, idempotency_key=key)


def _check_one_effect(before: Everything, after: Everything, case: str) -> None:
    """Exactly one more revision of this case, exactly one more answer, and no refusal."""
    assert len(_revisions(after, case) - _revisions(before, case)) == 1
    assert len(after["idempotency"]) == len(before["idempotency"]) + 1
    assert after["refusal"] == before["refusal"]


def _revisions(of: Everything, case: str) -> set[int]:
    return {row["revision"] for row in of["case_event"] if row["case_id"] == case}


def test_a_process_killed_while_it_refuses_changes_nothing_and_the_next_refusal_is_on_record(
    database: Database, processes: Processes
) -> None:
    with play_desk(database.app_url) as desk:
        opening = cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}, idempotency_key="first")
        case = ask(desk, opening).case  # with a key, so that the house has its own key already
        command = cmd.Move(case=case, track="rescue", move="place", idempotency_key="k")
        before = everything(database)
        for step in range(1, 6):  # at 6 it is decided: a refusal never comes there
            assert processes.run(_task(database, command, POLICE, step=step)) == [KILLED]
            assert everything(database) == before
        assert processes.run(_task(database, command, POLICE, step=6)) == [REFUSED]
        with pytest.raises(Refused):
            ask(desk, command)
        after = everything(database)
        assert len(after["refusal"]) == 2
        assert {name: rows for name, rows in after.items() if name != "refusal"} == {
            name: rows for name, rows in before.items() if name != "refusal"
        }
        check_whole(desk, database)


def test_a_process_ended_in_the_midst_of_anything_loses_nothing_it_finished(
    database: Database, processes: Processes
) -> None:
    with play_desk(database.app_url) as desk:
        command = cmd.Contribute(case=opened(desk), track="rescue", note="seen")
        events = 0
        for round_number in range(12):
            task = _task(database, command, POLICE, seconds=0.1 + round_number / 200, times=100_000)
            task["since"] = (START + timedelta(days=1 + round_number)).isoformat()
            assert processes.run(task) == [ALARMED]
            found = check_whole(desk, database)
            assert len(found["case_event"]) >= events
            events = len(found["case_event"])
        assert events > 2
