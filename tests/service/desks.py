"""Desks to test at: the small procedure of ``tests/core/play.py`` on a real database, with a clock we move."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from engine.core.commands import Actor, Command, Contribute, OpenCase, RecordIdentity, Role
from engine.core.definition import Definition
from engine.core.machine import Rules
from engine.service.desk import Books, Desk, kept
from engine.service.handle import Answer, handle
from engine.service.persons import holds
from engine.service.release import add_approver_in, approve_in, release_in
from engine.service.story_people import invented
from engine.service.trial import release_all
from engine.store.database import Database
from engine.vault.identity import Identity
from engine.vault.signing import SigningKey
from tests.core.play import OTHER, RULES, START, directory
from tests.keys import safe, scribe

POLICE = Actor("ann", "police-a")
CIVIL = Actor("cy", "civil-a")
JUSTICE = Actor("jo", "justice")
PERSONS: dict[str, Role] = {"carer": "carer", "buyers": "buyer_family"}
"""The facts of the play that name persons, and as what."""
READY_AT = 4
"""The revision of a case that was opened with ``READY``: opened, two identities, and then who they are to the case."""


class Clock:
    """A clock that goes on a second at every look, and further when told."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@contextmanager
def play_desk(
    url: str, first: int = 1, *, since: datetime = START, known: bool = False,
    released: tuple[Rules, ...] = (RULES, OTHER),
) -> Iterator[Desk]:  # fmt: skip
    """A desk on this database, with the play directory loaded, its procedures released, pseudonyms from ``first`` on.

    Its clock begins at ``since``; ``known`` says that the database has directory and releases already. Whether it is a
    world for trial is the database's matter.
    """
    numbers = itertools.count(first)
    clock = Clock(since)
    with Database.open(url) as database:
        desk = Desk(
            database=database, books=Books({rules.hash: rules for rules in (RULES, OTHER, *released)}), clock=clock,
            new_pseudonym=lambda: f"GT-{next(numbers):04d}", safe=safe(clock), scribe=scribe(database),
        )  # fmt: skip
        if not known:
            with kept(database) as work:
                work.save_directory(directory())
            still = replace(desk, clock=lambda: since)
            release(still, [one.definition for one in released])
        yield desk


def release(desk: Desk, definitions: list[Definition]) -> None:
    """Release these: in a world for trial as such worlds do, else as two offices of the directory."""
    with desk.database.reading() as work:
        is_trial = work.is_trial()
    if is_trial:
        release_all(desk, definitions)
        return
    keys = {Actor(f"approver-{place}", unit): SigningKey.fresh() for place, unit in enumerate(("justice", "health"))}
    with kept(desk.database) as work:
        for actor, key in keys.items():
            add_approver_in(desk, work, office=actor.unit, person=actor.person, public=key.public, actor=actor)
        for definition in definitions:
            for actor, key in keys.items():
                approve_in(desk, work, definition, key=key, actor=actor)
            release_in(desk, work, definition, actor)
    desk.forget()


def ask(desk: Desk, command: Command, actor: Actor = POLICE) -> Answer:
    """Carry out a command."""
    return handle(desk, command, actor)


def opened(desk: Desk, **facts: Any) -> str:
    """The pseudonym of a new case of a child. Persons among the facts are known to the vault before they are stated."""
    stated = {name: value for name, value in facts.items() if name not in PERSONS}
    case = ask(desk, OpenCase(case="", area="900101", facts={"victim.is_child": True, **stated})).case
    named = {name: value for name, value in facts.items() if name in PERSONS}
    for fact, value in named.items():
        for reference in value if isinstance(value, list) else [value]:
            identify(desk, case, reference, PERSONS[fact])
    if named:
        ask(desk, Contribute(case=case, track="rescue", facts=named))
    return case


def identify(desk: Desk, case: str, reference: str, role: Role, identity: Identity | None = None) -> Answer:
    """Seal an identity under a reference; an invented one if no other is given."""
    known = identity or invented(reference)
    command = RecordIdentity(case=case, role=role, holds=holds(known), person=reference)
    return handle(desk, command, POLICE, enclosed=known)
