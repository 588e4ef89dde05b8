"""Desks to test at: the small procedure of ``tests/core/play.py`` on a real database, with a clock we move."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from engine.core.commands import Actor, Command, OpenCase
from engine.core.machine import Rules
from engine.service.desk import Books, Desk, kept
from engine.service.handle import Answer, handle
from engine.service.trial import release_all
from engine.store.database import Database
from tests.core.play import OTHER, RULES, START, directory

POLICE = Actor("ann", "police-a")
CIVIL = Actor("cy", "civil-a")
JUSTICE = Actor("jo", "justice")


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

    Its clock begins at ``since``; ``known`` says that the database has directory and releases already.
    """
    numbers = itertools.count(first)
    with Database.open(url) as database:
        desk = Desk(
            database=database, books=Books({rules.hash: rules for rules in (RULES, OTHER)}), clock=Clock(since),
            new_pseudonym=lambda: f"GT-{next(numbers):04d}",
        )  # fmt: skip
        if not known:
            with kept(database) as work:
                work.save_directory(directory())
            still = replace(desk, clock=lambda: since)
            release_all(still, [one.definition for one in released])
        yield desk


def ask(desk: Desk, command: Command, actor: Actor = POLICE) -> Answer:
    """Carry out a command."""
    return handle(desk, command, actor)


def opened(desk: Desk, **facts: object) -> str:
    """The pseudonym of a new case of a child."""
    return ask(desk, OpenCase(case="", area="900101", facts={"victim.is_child": True, **facts})).case  # type: ignore[dict-item]
