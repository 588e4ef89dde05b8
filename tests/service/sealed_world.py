"""A small world with something of everything that is sealed, what can be read and found in it, and its keys' rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import Refused
from engine.service import identities, read
from engine.service.content import unseal_refusal
from engine.service.desk import Desk
from engine.service.known import load_with_key
from engine.service.persons import Persons
from engine.service.rotation import Rotation
from engine.service.safe import Safe
from engine.service.story_people import invented
from engine.vault.identity import Identity
from engine.vault.keys import EVERYWHERE
from tests.conftest import Database
from tests.core.play import READY, START
from tests.keys import ROOTS, KeyFile
from tests.service.desks import POLICE, ask, identify, opened, play_desk
from tests.service.inspection import Everything, Row, as_owner, check_whole

HERE, NEXT_DOOR = "900000", "800000"
NEIGHBOUR = Actor("ny", "police-n")
SEALED_TABLES = {"case": "case_key", "identity": "person", "index": "blind_index"}
"""Where rows name the vault key of a kind."""


@dataclass
class World:
    """What was put into a world: its cases, and who is to be found in which of them."""

    cases: list[str] = field(default_factory=list)
    people: dict[str, tuple[str, Identity]] = field(default_factory=dict)


def person(desk: Desk, world: World, case: str, reference: str) -> None:
    """Seal an invented victim, who can be found from now on."""
    identity = invented(reference)
    identify(desk, case, reference, "victim", identity)
    world.people[reference] = (case, identity)


def case_of(desk: Desk, world: World, reference: str, **facts: Any) -> str:
    """A new case with its victim."""
    case = opened(desk, **facts)
    world.cases.append(case)
    person(desk, world, case, reference)
    return case


def populate(desk: Desk, world: World) -> None:
    """Cases of both jurisdictions, with persons, notes, a refusal, a keyed answer and a transfer."""
    first = case_of(desk, world, "P-VIC1", **READY)
    ask(desk, cmd.Move(case=first, track="rescue", move="note_it", facts={"note": "seen"}, idempotency_key="first"))
    second = case_of(desk, world, "P-VIC2")
    with pytest.raises(Refused):
        ask(desk, cmd.Move(case=second, track="rescue", move="place"))
    third = case_of(desk, world, "P-VIC3")
    offer = ask(desk, cmd.OfferTransfer(case=third, area="800000", to_unit="police-n"))
    successor = ask(desk, cmd.Accept(case=third, hand_off=offer.offered[0]), NEIGHBOUR).successor
    assert successor is not None
    world.cases.append(successor)


@contextmanager
def other_desk(database: Database, desk: Desk, first: int = 500, *, keys: KeyFile | None = None) -> Iterator[Desk]:
    """A second process' desk on the same database and the same clock, which has read the keys already."""
    with play_desk(database.app_url, first, since=START + timedelta(days=1), known=True) as other:
        other.clock = desk.clock
        other.safe = Safe((lambda: ROOTS) if keys is None else keys.opened, desk.clock)
        with other.database.reading() as work:
            other.safe.ring(work)
        yield other


def readable(desk: Desk, world: World) -> dict[str, Any]:
    """Everything a world tells to whoever has its keys, and nothing of how it is sealed."""
    told: dict[str, Any] = {}
    for case_id in world.cases:
        with desk.database.reading() as work:
            loaded = load_with_key(desk, case_id, work, for_update=False)
            case, key = loaded.case, loaded.key
            rows = {row.id: (row.role, row.changed_at) for row in work.persons_of(case_id)}
            known = {name: msgspec.to_builtins(one) for name, one in Persons(desk.safe, work).of(case, key).items()}
            refused = [
                (row.code, unseal_refusal(row.body, key, case_id, row.at)) for row in work.refusals_of(case_id)
            ]  # fmt: skip
        told[case_id] = (case, rows, known, refused, read.replay(desk, case_id), read.events_of(desk, case_id))
    told["found"] = {reference: found(desk, identity) for reference, (_, identity) in world.people.items()}
    return told


def found(desk: Desk, identity: Identity, area: str = "900101", actor: Actor = POLICE) -> set[str]:
    """The cases in which somebody is found again for certain."""
    matches = identities.search(desk, area, msgspec.to_builtins(identity), actor)
    return {match.case for match in matches if match.likeness == "same"}


def check_readable(desk: Desk, world: World) -> None:
    """Everything reads and replays, everybody is found."""
    told = readable(desk, world)
    assert all(case in told["found"][reference] for reference, (case, _) in world.people.items())


def check_world(desk: Desk, database: Database, world: World) -> Everything:
    """Everything reads, replays, agrees with the rows beside it, and is found."""
    check_readable(desk, world)
    return check_whole(desk, database)


def rotating(desk: Desk, batch: int = 2) -> Rotation:
    """A rotation that waits for nobody: what it promises must not rest on waiting."""
    return Rotation(desk, settle=lambda: None, batch=batch)


def vault_keys(database: Database, kind: str, jurisdiction: str) -> list[Row]:
    """The rows of a vault key, the oldest version first."""
    rows = as_owner(database, "SELECT * FROM vault_key ORDER BY version")[0]
    place = EVERYWHERE if kind == "installation" else jurisdiction
    return [row for row in rows if (row["kind"], row["jurisdiction"]) == (kind, place)]


def check_destroyed(database: Database, kind: str, jurisdiction: str = HERE) -> None:
    """All versions of a vault key but the newest are gone for ever, and nothing is under them."""
    *old, new = vault_keys(database, kind, jurisdiction)
    assert old, "there was a rotation"
    assert (new["wrapped"], new["destroyed_at"]) != (b"", None)
    for row in old:
        assert (bytes(row["wrapped"]), row["destroyed_at"] is None) == (b"", False)
        for table in SEALED_TABLES.values():
            assert as_owner(database, f"SELECT 1 FROM {table} WHERE vault_key = %s", values=(row["id"],)) == [[]]
