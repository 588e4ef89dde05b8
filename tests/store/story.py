"""A case told in a few words: events go through the core's own ``evolve`` and into the store as commands do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.core import events as ev
from engine.core.case import Case, evolve
from engine.core.events import Event, Pin, Recorded
from engine.store.database import Database
from engine.store.participation import Taking
from engine.store.work import Work

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PIN = Pin("fujian", "1", "a" * 64)
POLICE, CIVIL, HEALTH = "police-1", "civil-1", "health-1"


def pin(work: Work) -> None:
    """Keep the definition that the cases of the story are held to."""
    work.pin_definition(PIN.hash, PIN.id, PIN.version, b"{}", NOON)


def opened(*, criminal_case: bool = False) -> ev.CaseOpened:
    """The event that opens a record of the story."""
    return ev.CaseOpened("criminal_case" if criminal_case else "victim", "350000", "350102", PIN)


def offer(case_id: str, number: int, kind: ev.HandOffKind = "move", to: str = CIVIL) -> ev.HandOffOffered:
    """An offer of the track ``rescue``, or of the whole case."""
    track = None if kind == "transfer" else "rescue"
    return ev.HandOffOffered(f"{case_id}/{number}", kind, POLICE, to, track, "place", "placed")


def after(case: Case | None, case_id: str, *events: Event) -> tuple[Case, list[Recorded]]:
    """The case after one command with these events, and the events as recorded."""
    start = case.events if case else 0
    recorded = [
        Recorded(start + place, NOON + timedelta(minutes=start + place), POLICE, "officer-7", event)
        for place, event in enumerate(events, 1)
    ]
    revision = case.revision if case else 0
    return replace(evolve(case, recorded, case_id=case_id), revision=revision + 1), recorded


def save(work: Work, case: Case | None, case_id: str, *events: Event) -> Case:
    """Save one command with these events, without keeping it yet."""
    new, recorded = after(case, case_id, *events)
    bodies = [f"body {item.number}".encode() for item in recorded]
    work.save_case(case, new, f"content {new.revision}".encode(), recorded, bodies)
    known = case.units if case else ()
    begun = [Taking(unit, "responsible", "", "", "", "") for unit in new.units if unit not in known]
    work.save_parts(new.id, begun, (), new.changed_at)
    return new


def keep(store: Database, *steps: Callable[[Work], object]) -> None:
    """Take these steps in one work, and keep what they wrote."""
    with store.writing() as work:
        for step in steps:
            step(work)
        work.commit()


def begin(store: Database, case_id: str = "c1", *events: Event) -> Case:
    """A case that is open and kept, with a track ``rescue`` held by the police, after these further events."""
    with store.writing() as work:
        pin(work)
        case = save(work, None, case_id, opened(), ev.TrackOpened("rescue", "found", POLICE), *events)
        work.commit()
    return case


def act(store: Database, case: Case, *events: Event) -> Case:
    """The case after one more kept command."""
    with store.writing() as work:
        new = save(work, case, case.id, *events)
        work.commit()
    return new
